"""`Bootstrap`: the coefficients of many draws, and what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.inference.parametrisation import place_of
from softmax_reg.inference.results import Table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Bootstrap"]


@dataclass(frozen=True, repr=False, eq=False)
class Bootstrap:
    """The coefficients of the fits to the draws, as `bootstrap` returns them.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that take part.
    terms : list of str
        "intercept", if there is one, and the names of the features.
    base : label or None
        The class that the others are compared with; None means that every class has coefficients
        of its own, as those of a penalised fit with more than two classes.
    estimate : ndarray of shape (n_classes, n_terms), float64
        The coefficients of the fit to all rows, as in `coef_`.
    draws : ndarray of shape (n, n_classes, n_terms), float64
        Those of the draws, NaN for a class without a row.
    converged : ndarray of shape (n,), bool
        Which of the fits converged.
    n_groups : int
        The number of clusters that were drawn from; 0 without.
    """

    classes: NDArray
    terms: list[str]
    base: Any
    estimate: NDArray[np.float64]
    draws: NDArray[np.float64]
    converged: NDArray[np.bool_]
    n_groups: int

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())

    @cached_property
    def selected(self) -> pd.Series:
        """The share of the draws in which a feature has a coefficient that is not 0."""
        import pandas as pd

        features = self.terms[self._n_intercepts :]
        W = self.draws[:, :, self._n_intercepts :]
        is_in = ((W != 0.0) & ~np.isnan(W)).any(axis=1)
        return pd.Series(is_in.mean(axis=0), index=features, name="selected")

    @property
    def _n_intercepts(self) -> int:
        return int(self.terms[:1] == ["intercept"])

    def conf_int(self, level: float = 0.95, *, base: Any = None) -> pd.DataFrame:
        """Return percentile intervals: what lies between quantiles of the draws.

        Parameters
        ----------
        level : float, default=0.95
            Between 0 and 1.
        base : label, default=None
            The class to compare with; None means `base` of the result.

        Returns
        -------
        intervals : DataFrame of shape (n_coefs, 2)
            "lower" and "upper" by class and term.

        Raises
        ------
        ValueError
            If the level is none, or there is no such class.
        """
        return self.summary(level, base=base)[["lower", "upper"]]

    def summary(self, level: float = 0.95, *, base: Any = None) -> pd.DataFrame:
        """Return the coefficients with percentile intervals, below the facts when printed.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals, between 0 and 1.
        base : label, default=None
            The class to compare with; None means `base` of the result.

        Returns
        -------
        table : DataFrame of shape (n_coefs, 5)
            "coef" of the fit to all rows, "sd" of the draws, "not 0", the share of the draws in
            which it is not 0, "lower" and "upper" by class and term.

        Raises
        ------
        ValueError
            If the level is none, or there is no such class.
        """
        import pandas as pd

        from softmax_reg.inference.tables import TermTable, by_term, check_level

        check_level(level)
        base = self.base if base is None else base
        estimate, draws, labels = self._against(base)
        index = by_term(labels, self.terms)
        seen = pd.DataFrame(draws.reshape(len(draws), -1), columns=index)
        table = TermTable(
            {
                "coef": estimate.ravel(),
                "sd": seen.std().to_numpy(),
                "not 0": (seen != 0.0)[seen.notna()].mean().to_numpy(dtype=np.float64),
                "lower": seen.quantile(0.5 - 0.5 * level).to_numpy(),
                "upper": seen.quantile(0.5 + 0.5 * level).to_numpy(),
            },
            index=index,
        )
        table.facts = self._facts(level, base)
        return table

    def _against(self, base: Any) -> tuple[NDArray, NDArray, list[Any]]:
        labels = self.classes.tolist()
        if base is None:
            return self.estimate, self.draws, labels
        k = place_of(self.classes, base)
        others = np.flatnonzero(np.arange(len(labels)) != k)
        estimate = (self.estimate - self.estimate[k])[others]
        draws = (self.draws - self.draws[:, k : k + 1])[:, others]
        return estimate, draws, [labels[j] for j in others]

    def _facts(self, level: float, base: Any) -> Table:
        n, is_absent = len(self.draws), np.isnan(self.draws[:, :, 0])
        of = f" of {self.n_groups} clusters" if self.n_groups else ""
        compared = "every class by itself" if base is None else f"against {base}"
        facts = {
            "draws": f"{n}{of}, of which {np.count_nonzero(self.converged)} fits converged",
            "classes": f"{len(self.classes)}; {compared}",
            "intervals": f"{100.0 * level:g} %, percentiles of the draws",
        }
        absent = [
            f"{label} in {count}"
            for label, count in zip(self.classes.tolist(), is_absent.sum(axis=0), strict=True)
            if count
        ]
        if absent:
            facts["draws without"] = f"{', '.join(absent)}: left out there"
        return Table("Bootstrap of a multinomial logistic regression", facts)
