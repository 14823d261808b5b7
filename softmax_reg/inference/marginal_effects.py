"""Marginal effects: how the probability of each class changes with each feature.

Their errors are those of the delta method, J cov J' with the derivatives J of the effects.  Unlike
coefficients they do not depend on the class that others are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import cached_property
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.moments import Moments
from softmax_reg.dataset.targets import Labels
from softmax_reg.dataset.user_rows import validated
from softmax_reg.inference.effect_sums import change_effect, slope_effects
from softmax_reg.inference.estimates import Estimates
from softmax_reg.inference.results import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MarginalEffects", "marginal_effects"]


@dataclass(frozen=True, repr=False, eq=False)
class MarginalEffects:
    """Changes of the probabilities of the classes, with their covariance.

    Attributes
    ----------
    at : str
        Where they are taken, in words.
    level : float
        Of the intervals.
    is_posterior : bool
        Whether errors are deviations of a posterior.
    effect : Series of shape (n,)
        By class and term; the sum over the classes is 0.  In units of probability for a change by
        1 of a feature, or of those that are discrete by their values.
    cov : DataFrame of shape (n, n)
        Their covariance.
    """

    at: str
    level: float
    is_posterior: bool
    effect: pd.Series
    cov: pd.DataFrame
    _facts: Table

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())

    @cached_property
    def se(self) -> pd.Series:
        """The standard errors of `effect`."""
        import pandas as pd

        return pd.Series(np.sqrt(np.diag(self.cov)), index=self.effect.index, name="se")

    def summary(self, level: float | None = None) -> pd.DataFrame:
        """Return the effects with their errors, below the facts when printed.

        Parameters
        ----------
        level : float, default=None
            Of the intervals, between 0 and 1; None means that of `marginal_effects`.

        Returns
        -------
        table : DataFrame of shape (n, 6)
            "effect", "se", "z", "p", "lower" and "upper" by class and term; of a penalised fit
            "posterior sd" in place of "se", and neither z nor p.

        Raises
        ------
        ValueError
            If the level is none.
        """
        from softmax_reg.inference.tables import check_level, wald_table

        level = self.level if level is None else level
        check_level(level)
        facts = Table(self._facts.title, self._facts.rows | {"intervals": f"{100.0 * level:g} %"})
        values, cov = self.effect.to_numpy(), self.cov.to_numpy()
        index = self.effect.index
        return wald_table("effect", index, values, cov, level, facts, self.is_posterior)


def marginal_effects(inference: Estimates, at: Any, discrete: Any, level: float) -> MarginalEffects:
    """Return the effects; `Inference.marginal_effects` documents the arguments."""
    import pandas as pd

    from softmax_reg.inference.tables import by_term, check_level

    check_level(level)
    fitted, theta = inference._fitted, inference._theta
    changes = _checked_changes(discrete, fitted.features)
    data, where = _rows_at(inference, at)
    units, w = fitted.units, fitted.point.w
    with data.running():
        effects, J = slope_effects(data, units, w, theta)
        for feature, values in changes.items():
            effects[:, feature], J[:, feature] = change_effect(
                data, units, w, theta, feature, values
            )
    J = J.reshape(effects.size, theta.size)
    cov = J @ inference._cov @ J.T
    index = by_term(inference.classes.tolist(), fitted.features)
    told = {"at": where, "covariance": inference._facts(level).rows["covariance"]}
    if changes:
        named = [f"{fitted.features[j]}: {a:g} to {b:g}" for j, (a, b) in changes.items()]
        told["discrete"] = ", ".join(named)
    return MarginalEffects(
        at=where,
        level=level,
        is_posterior=inference.is_posterior,
        effect=pd.Series(effects.ravel(), index=index, name="effect"),
        cov=pd.DataFrame(0.5 * (cov + cov.T), index=index, columns=index),
        _facts=Table("Marginal effects on the probabilities", told),
    )


def _checked_changes(discrete: Any, features: list[str]) -> dict[int, tuple[float, float]]:
    """Return by feature from which value to which it changes, of those that are discrete."""
    if discrete is None:
        return {}
    if isinstance(discrete, str):
        discrete = [discrete]
    pairs = discrete if isinstance(discrete, Mapping) else dict.fromkeys(discrete, (0.0, 1.0))
    found = {}
    for name, values in pairs.items():
        if features.count(name) != 1:
            raise ValueError(
                f"discrete names {shown(name)}, but the features are {shown(features)}."
            )
        try:
            start, end = map(float, values)
        except (TypeError, ValueError):
            start = end = np.nan
        if not (np.isfinite(start) and np.isfinite(end) and start != end):
            raise ValueError(
                f"discrete gives {shown(name)} the values {shown(values)}; it takes two different "
                "numbers, such as (0, 1)."
            )
        found[features.index(name)] = (start, end)
    return found


def _rows_at(inference: Estimates, at: Any) -> tuple[Dataset, str]:
    """Return the rows to average over, with their weights, and in words which they are."""
    data = _population(inference)
    if not isinstance(at, str):
        X = validated(inference._fitted.model, at, sparse="csr")
        n = X.shape[0]
        return _unlabelled(X, data), f"average over {n} given rows" if n > 1 else "a given row"
    if at == "average":
        return data, "average over the rows"
    if at == "mean":
        return _unlabelled(Moments(data).mean[np.newaxis], data), "the means of the features"
    if at == "median":
        return _unlabelled(_medians(data)[np.newaxis], data), "the medians of the features"
    raise ValueError(
        f"at must be 'average', 'mean', 'median' or rows of features, got {shown(at)}."
    )


def _population(inference: Estimates) -> Dataset:
    """Return the rows with their sample weights: those of classes are no part of a population."""
    data = inference._fitted.data
    if inference._fitted.model.class_weight is None:
        return data
    given = data.sample_weight
    weights = np.ones(data.shape[0]) if given is None else given.astype(np.float64)
    return data.with_weights(weights, given)


def _unlabelled(X: Any, data: Dataset) -> Dataset:
    if data.offset is not None:
        raise ValueError(
            "The scores of the fit have an offset, and those of other rows would have none. Use "
            "at='average'."
        )
    unlabelled = Labels(np.zeros(X.shape[0], dtype=np.intp), len(data.classes))
    weights = np.ones(X.shape[0])
    return Dataset.of(X, data.classes, unlabelled, weights, present=data.present, dtype=np.float64)


def _medians(data: Dataset) -> NDArray[np.float64]:
    """Return the weighted median of each feature, one column at a time."""
    if data.rows.is_stream:
        raise ValueError(
            "at='median' needs all rows in memory, but X is a source. Use at='average' or 'mean', "
            "or give the row: at=[[...]]."
        )
    X, active = data.X, data.active
    X = X.tocsc() if sp.issparse(X) else X
    weights = data.weights[active].astype(np.float64)
    medians = np.empty(X.shape[1])
    for j in range(X.shape[1]):
        column = X[:, [j]].toarray()[:, 0] if sp.issparse(X) else X[:, j]
        medians[j] = _median(column[active].astype(np.float64), weights)
    return medians


def _median(values: NDArray, weights: NDArray) -> float:
    """Return the weighted median: where two values are in the middle, their mean."""
    order = np.argsort(values, kind="stable")
    values, up_to = values[order], np.cumsum(weights[order])
    half = 0.5 * up_to[-1]
    low, high = np.searchsorted(up_to, half, side="left"), np.searchsorted(up_to, half, "right")
    return float(0.5 * (values[low] + values[min(high, len(values) - 1)]))
