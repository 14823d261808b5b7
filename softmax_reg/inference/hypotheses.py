"""Tests of hypotheses on the coefficients: Wald, likelihood ratio and score.

C. R. Rao (1973), "Linear Statistical Inference and Its Applications", section 6e; the score test
under a robust covariance is that of D. D. Boos (1992), "On generalized score tests", The American
Statistician 46, 327-333.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import check_array
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.moments import Moments
from softmax_reg.dataset.targets import Labels
from softmax_reg.inference.chi_squared import TestResult
from softmax_reg.inference.covariance import ScoredRows, Spread, inverse
from softmax_reg.inference.estimates import Estimates
from softmax_reg.inference.parametrisation import Parametrisation

__all__ = ["lr_test", "score_test", "wald_test"]

# A column whose information, given the model, is so small a share of it depends on the others.
_COLLINEAR = 1e-11


def wald_test(inference: Estimates, hypothesis: Any) -> TestResult:
    """Return the Wald test of coefficients being 0, or of R coefficients being 0."""
    R, name = _restrictions(inference, hypothesis)
    values, cov = R @ inference.coef.to_numpy(), R @ inference.cov.to_numpy() @ R.T
    inverted = inverse(cov)
    if inverted is None:
        raise ValueError(
            f"The {len(R)} restrictions of the Wald test depend on each other, or the covariance "
            "has too low a rank for them, as with few clusters. Test fewer together."
        )
    return TestResult.of(f"Wald test of {name}", values @ inverted @ values, len(R))


def _restrictions(inference: Estimates, hypothesis: Any) -> tuple[NDArray[np.float64], str]:
    terms = inference.coef.index.get_level_values("term")
    if isinstance(hypothesis, str):
        hypothesis = [hypothesis]
    names = list(hypothesis) if isinstance(hypothesis, Sequence) else []
    if names and all(isinstance(name, str) for name in names):
        if unknown := [name for name in names if name not in inference.terms]:
            raise ValueError(
                f"There is no term {shown(unknown[0])}; the terms are {shown(inference.terms)}."
            )
        if twice := [name for name in names if inference.terms.count(name) > 1]:
            raise ValueError(
                f"{shown(twice[0])} is the name of two terms. Give a matrix of restrictions."
            )
        return np.eye(len(terms))[np.flatnonzero(terms.isin(names))], ", ".join(names)
    try:
        R = np.atleast_2d(np.asarray(hypothesis, dtype=np.float64))
    except (ValueError, TypeError):
        R = np.empty((0, 0))
    if R.ndim != 2 or R.shape[1] != len(terms) or not len(R) or not np.isfinite(R).all():
        raise ValueError(
            f"A Wald test takes names of terms, {shown(inference.terms)}, or a finite matrix with "
            f"{len(terms)} columns, one for each entry of coef; got {shown(hypothesis)}."
        )
    return R, f"{len(R)} restriction{'s' * (len(R) > 1)}"


def lr_test(inference: Estimates, other: Estimates | None) -> TestResult:
    """Return the likelihood ratio test of the smaller of two models, or of the null model."""
    if other is None:
        return inference.null_test
    if not isinstance(other, Estimates):
        raise TypeError(
            f"lr_test takes the result of inference() of another model, got {shown(other)}. Fit it "
            "to the same rows and call its inference(X, y)."
        )
    other.require_likelihood("lr_test")
    large, small = (inference, other) if inference.df > other.df else (other, inference)
    if large.n_obs != small.n_obs or not np.array_equal(large.classes, small.classes):
        raise ValueError(
            f"lr_test compares two models of the same rows, but one has {large.n_obs} rows of "
            f"classes {shown(large.classes)}, the other {small.n_obs} of {shown(small.classes)}."
        )
    extra = [term for term in small.terms if term not in large.terms]
    if extra or large.df == small.df:
        what = f"{shown(extra)} is in the smaller only" if extra else "both have the same terms"
        raise ValueError(
            f"lr_test needs nested models, all terms of the smaller being in the larger: {what}."
        )
    statistic = 2.0 * (large.loglik - small.loglik)
    if statistic < -1e-6 * abs(large.loglik):
        raise ValueError(
            f"The larger model has the smaller likelihood, {large.loglik:.6f} against "
            f"{small.loglik:.6f}: the rows or the values of the features are not the same."
        )
    dropped = [term for term in large.terms if term not in small.terms]
    name = f"Likelihood ratio test of {', '.join(dropped)}"
    return TestResult.of(name, max(statistic, 0.0), large.df - small.df)


def score_test(inference: Estimates, X_more: Any) -> TestResult:
    """Return the score test of further features, whose coefficients are 0 in the model."""
    fitted, spread = inference._fitted, inference._spread
    data, units = fitted.data, fitted.units
    more = check_array(X_more, accept_sparse="csr", dtype=np.float64, input_name="X_more")
    names = list(map(str, getattr(X_more, "columns", range(more.shape[1]))))
    if len(names) != more.shape[1]:
        names = [str(j) for j in range(more.shape[1])]
    if more.shape[0] != data.shape[0]:
        raise ValueError(
            f"X_more has {more.shape[0]} rows, but the model was fitted with {data.shape[0]}."
        )
    unlabelled = Labels(np.zeros(data.shape[0], dtype=np.intp), len(data.classes))
    moments = Moments(
        Dataset.of(more, data.classes, unlabelled, data.weights, present=data.present),
        from_zero=not fitted.objective.fit_intercept,
    )
    if (constant := np.flatnonzero(moments.variance == 0.0)).size:
        raise ValueError(f"Column {shown(names[constant[0]])} of X_more is constant. Leave it out.")
    model = replace(units.model, n_features=units.model.n_features + more.shape[1])
    W, b = units.model.unpack(fitted.point.w)
    w = model.pack(np.vstack([W, np.zeros((more.shape[1], model.n_outputs))]), b)
    mean = np.concatenate([units.mean, moments.mean])
    scale = np.concatenate([units.scale, np.sqrt(moments.variance)])
    wide = Parametrisation(model, mean, scale, units.reference)
    rows = ScoredRows(data, model, w, wide.along, fitted.point.kept, more)
    n_outputs = len(units.moving)
    is_new = np.zeros((wide.n_terms, n_outputs), dtype=bool)
    is_new[units.model.n_features : model.n_features] = True
    new, old = np.flatnonzero(is_new), np.flatnonzero(~is_new)
    with data.running():
        statistic = _score_statistic(rows, old, new, spread, names)
    name = f"Score test of {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}"
    return TestResult.of(name, statistic, len(new))


def _score_statistic(
    rows: ScoredRows, old: NDArray, new: NDArray, spread: Spread, names: list[str]
) -> float:
    """Return U' V^-1 U of the scores U along new coordinates, given that those of the old are 0."""
    information, U = rows.information(), rows.score()
    among_old = inverse(information[np.ix_(old, old)])
    assert among_old is not None  # the model has a covariance
    # U_new - I_no I_oo^-1 U_old is what the old coordinates cannot explain of U_new.
    C = np.zeros((len(new), len(U)))
    C[:, old] = -information[np.ix_(new, old)] @ among_old
    C[np.arange(len(new)), new] = 1.0
    left = C @ information[:, new]
    share = np.diag(left) / np.diag(information)[new]
    if share.min() < _COLLINEAR or (inverted := inverse(left)) is None:
        worst = names[int(np.argmin(share)) * len(names) // len(new)]
        raise ValueError(
            f"Columns of X_more, such as {shown(worst)}, are linear combinations of each other or "
            "of the features of the model: there is nothing to test. Leave them out."
        )
    if spread.cov_type != "nonrobust":
        V = C @ rows.spread(spread) @ C.T * spread.factor(len(old))
        if (inverted := inverse(V)) is None:
            raise ValueError(
                f"The scores have too low a rank under cov_type={shown(spread.cov_type)} for a "
                f"test of {len(new)} coefficients. Test fewer columns together."
            )
    return float(C @ U @ inverted @ (C @ U))
