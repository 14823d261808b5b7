"""What a fit has to be for standard errors to mean something, and what to do where it is not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.namespaces import on_host
from softmax_reg.dataset.targets import ClassShares
from softmax_reg.inference.covariance import COV_TYPES, Spread
from softmax_reg.inference.fitted_rows import FittedRows
from softmax_reg.inference.row_sums import shares_of
from softmax_reg.objective.hessian import gram
from softmax_reg.objective.separability import Existence, existence_of_optimum

__all__ = [
    "check_fit",
    "check_not_aggregated",
    "check_penalty",
    "check_rank",
    "check_step",
    "checked_spread",
]

# A Newton step may move no coefficient by more than this share of its standard error.
_LARGEST_STEP = 0.01
# Columns are collinear where the correlations have a pivot below so many roundings.
_COLLINEAR = 64.0
# A column that is a combination of others is told with those whose share is no rounding.
_TOLD = 1e-6

_WEIGHTS_ARE = ("frequency", "sampling")


def checked_spread(
    fitted: FittedRows, cov_type: str | None, groups: Any, weights_are: str
) -> Spread:
    """Return which covariance is asked for, and how many rows each row stands for.

    Raises
    ------
    ValueError
        If there is none of this name, or it does not go with the weights.
    """
    groups = on_host(groups)
    if cov_type is not None and cov_type not in COV_TYPES:
        raise ValueError(f"cov_type must be one of {COV_TYPES} or None, got {shown(cov_type)}.")
    if weights_are not in _WEIGHTS_ARE:
        raise ValueError(
            f"weights_are must be 'frequency' or 'sampling', got {shown(weights_are)}."
        )
    if (groups is not None) != (cov_type == "cluster"):
        raise ValueError(
            "cov_type='cluster' needs groups, the cluster of each row."
            if groups is None
            else f"groups are for cov_type='cluster', got cov_type={shown(cov_type)}."
        )
    data, is_sampled = fitted.data, weights_are == "sampling"
    is_pseudo = is_sampled or fitted.model.class_weight is not None
    if cov_type is None:
        cov_type = "HC1" if is_pseudo else "nonrobust"
    if is_pseudo and cov_type == "nonrobust":
        what = "weights_are='sampling'" if is_sampled else "class_weight"
        raise ValueError(
            f"cov_type='nonrobust' takes each weight for a number of rows, which {what} denies. "
            "Use cov_type='HC1', or 'cluster' with groups."
        )
    counts = (data.weights > 0.0).astype(np.float64)
    if data.sample_weight is not None and not is_sampled:
        counts *= _whole(np.asarray(data.sample_weight, dtype=np.float64))
    spread = Spread(cov_type, counts)
    if cov_type in ("HC0", "HC1"):
        check_not_aggregated(fitted, spread, f"cov_type={cov_type!r}")
    if groups is None:
        return spread
    codes, n_groups = _checked_groups(groups, data.weights > 0.0)
    return Spread(cov_type, counts, codes, n_groups)


def check_not_aggregated(fitted: FittedRows, spread: Spread, what: str) -> None:
    """Raise ValueError where a row stands for several, of which each has a class of its own."""
    if isinstance(fitted.data.given, ClassShares) and (spread.counts > 1.0).any():
        raise ValueError(
            f"A row of counts stands for rows that differ in their class, which {what} would take "
            "for equal. Give a row for each class, with its count as sample_weight, to fit and "
            "here; or weights_are='sampling' if the weights are no counts."
        )


def _whole(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return numbers of rows, if they are."""
    fraction = np.flatnonzero(counts != np.round(counts))
    if len(fraction):
        raise ValueError(
            f"weights_are='frequency' takes sample_weight for numbers of equal rows, but row "
            f"{fraction[0]} has {counts[fraction[0]]:.6g}. Use weights_are='sampling' if the "
            "weights say how many of a population each row stands for, which gives robust "
            "standard errors."
        )
    return counts


def _checked_groups(groups: Any, has_weight: NDArray[np.bool_]) -> tuple[NDArray[np.intp], int]:
    import pandas as pd

    found = np.asarray(groups)
    if found.shape != has_weight.shape:
        raise ValueError(
            f"groups must have one entry for each of the {len(has_weight)} rows, got shape "
            f"{found.shape}."
        )
    if (missing := np.flatnonzero(pd.isna(found))).size:
        raise ValueError(f"groups has no cluster for row {missing[0]}. Give every row one.")
    codes = np.full(len(found), -1, dtype=np.intp)
    codes[has_weight], names = pd.factorize(found[has_weight])
    if len(names) < 2:
        raise ValueError(
            f"groups holds one cluster, {shown(names[0])}: a covariance of clusters needs at least "
            "2, and many to be trusted."
        )
    return codes, len(names)


def check_penalty(fitted: FittedRows, penalised: str | None) -> None:
    """Raise ValueError unless the fit has the penalty, or none, that is asked about."""
    if penalised not in (None, "laplace"):
        raise ValueError(f"penalised must be None or 'laplace', got {shown(penalised)}.")
    if penalised is None and fitted.is_penalised:
        raise ValueError(
            f"The fit is penalised ({fitted.model._penalty_in_words()}), which pulls its "
            "coefficients towards 0: they have no standard errors and no p values. Refit with "
            "C=np.inf; or ask for inference(..., penalised='laplace'), the posterior under the "
            "Gaussian prior that a ridge is; or for bootstrap(model, X, y), how they vary with the "
            "sample."
        )
    if penalised is not None and not fitted.is_penalised:
        raise ValueError(
            "penalised='laplace' is for a fit with a ridge, but this one has no penalty. Leave "
            "penalised out."
        )
    if penalised is not None and not fitted.objective.is_smooth:
        raise ValueError(
            f"penalised='laplace' needs a ridge alone, but the penalty is "
            f"{fitted.model._penalty_in_words()}: with its norm the posterior is no Gaussian. Use "
            "bootstrap(model, X, y), which tells how often each feature is selected."
        )


def check_fit(fitted: FittedRows, n_parameters: int, n_obs: int) -> None:
    """Raise ValueError where no maximum of the likelihood can have been found.

    Warns
    -----
    UserWarning
        If it was not found out whether there is one.
    """
    if hasattr(fitted.model, "best_iter_"):
        raise ValueError(
            "The fit ended early, by the loss on held-out rows, and so not where the likelihood is "
            "largest. Refit with early_stopping=False."
        )
    if not fitted.is_penalised and n_parameters > n_obs:
        raise ValueError(
            f"The model has {n_parameters} coefficients, but there are {n_obs} rows: standard "
            "errors need many more rows than coefficients. Leave features out, or use a ridge and "
            "inference(..., penalised='laplace')."
        )
    if getattr(fitted.model, "converged_", False):
        return
    existence = existence_of_optimum(fitted.objective, fitted.point)
    if existence is Existence.REFUTED:
        raise ValueError(
            "The features separate some classes, at least partly: the likelihood has no maximum, "
            "some coefficients are infinite, and no standard error means anything. Leave the "
            "features out that do, merge classes, or use a finite C and "
            "inference(..., penalised='laplace')."
        )
    if existence is Existence.UNKNOWN:
        warnings.warn(
            "It was not found out whether the likelihood has a maximum: the features may separate "
            "some classes, and then standard errors mean nothing. A finite C and "
            "inference(..., penalised='laplace') would do in any case.",
            UserWarning,
            stacklevel=4,
        )


def check_rank(fitted: FittedRows) -> None:
    """Raise ValueError, with the names, if features are constant or combinations of others."""
    objective, names = fitted.objective, np.array(fitted.features, dtype=object)
    if objective.is_constant.any():
        constant = names[objective.is_constant].tolist()
        raise ValueError(
            f"The features {shown(constant)} are constant: their coefficients are not determined. "
            "Leave them out."
        )
    p = objective.n_features  # the intercept, last, is orthogonal to what is centred
    G = gram(objective, shares_of)[0, :p, :p]
    d = np.sqrt(np.diag(G))
    correlation = G / d / d[:, np.newaxis]
    tolerance = _COLLINEAR * float(np.finfo(np.float64).eps) * p
    _, order, rank, _ = scipy.linalg.lapack.dpstrf(correlation, tol=tolerance, lower=1)
    if rank == p:
        return
    kept, left = order[:rank] - 1, order[rank:] - 1
    combined = scipy.linalg.solve(
        correlation[np.ix_(kept, kept)], correlation[np.ix_(kept, left)], assume_a="pos"
    )
    told = []
    for j, shares in zip(left, combined.T, strict=True):
        others = np.sort(kept[np.abs(shares) > _TOLD * np.abs(shares).max(initial=0.0)])
        told.append(f"{shown(names[j])} of {shown(names[others])}")
    raise ValueError(
        f"Features are linear combinations of others"
        f"{' and the intercept' if objective.fit_intercept else ''}: {'; '.join(told[:3])}"
        f"{', ...' if len(told) > 3 else ''}. Their coefficients are not determined. Leave one of "
        "each out; columns for all levels of one category need fit_intercept=False."
    )


def check_step(fitted: FittedRows, cov: NDArray) -> None:
    """Raise ValueError if the coefficients are not where the gradient is zero, in standard errors.

    Parameters
    ----------
    fitted : FittedRows
    cov : ndarray of shape (m, m)
        The inverse of the information: what a Newton step multiplies the gradient by.
    """
    slope = fitted.units.of_gradient(fitted.point.gradient.astype(np.float64))
    step = np.abs(cov @ (slope * fitted.data.total_weight)) / np.sqrt(np.diag(cov))
    worst = int(np.argmax(step))
    if step[worst] <= _LARGEST_STEP:
        return
    k, term = divmod(worst, fitted.units.n_terms)
    label = fitted.classes[fitted.units.moving[k]]
    told = "" if getattr(fitted.model, "converged_", True) else "The fit did not converge. "
    raise ValueError(
        f"{told}The coefficients are not the optimum on these rows: a Newton "
        f"step would move that of {shown(fitted.terms[term])} for class {shown(label)} by "
        f"{step[worst]:.2g} standard errors. Give the X, y and sample_weight of the fit; or refit, "
        "with the default tol and a larger max_iter."
    )
