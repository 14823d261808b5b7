"""`Estimates`: coefficients with their covariance, intervals, and the numbers of the fit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import cached_property
from softmax_reg.dataset.moments import Moments
from softmax_reg.inference.chi_squared import TestResult
from softmax_reg.inference.covariance import Spread
from softmax_reg.inference.fitted_rows import FittedRows
from softmax_reg.inference.parametrisation import place_of
from softmax_reg.inference.results import Table, in_words

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Estimates"]


@dataclass(frozen=True, repr=False, eq=False)
class Estimates:
    """Coefficients with their covariance: `Inference`, which documents them, without its tests."""

    classes: NDArray
    terms: list[str]
    base: Any
    cov_type: str
    n_obs: int
    n_groups: int
    df: int
    loglik: float
    loglik_null: float
    _theta: NDArray[np.float64] = field(repr=False)
    _cov: NDArray[np.float64] = field(repr=False)
    _spread: Spread = field(repr=False)
    _fitted: FittedRows = field(repr=False)

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return str(self.summary()._repr_html_())

    # The estimates

    @cached_property
    def coef(self) -> pd.Series:
        """The coefficients by class and term, shape (n,), in the units of the features.

        That of the class `base` being 0, they are changes of log(P[class] / P[base]).
        """
        import pandas as pd

        return pd.Series(self._seen[0], index=self._index, name="coef")

    @cached_property
    def cov(self) -> pd.DataFrame:
        """The covariance of `coef`, shape (n, n)."""
        import pandas as pd

        return pd.DataFrame(self._seen[1], index=self._index, columns=self._index)

    @cached_property
    def se(self) -> pd.Series:
        """The standard errors of `coef`; under a ridge the deviations of the posterior."""
        import pandas as pd

        return pd.Series(np.sqrt(np.diag(self._seen[1])), index=self._index, name="se")

    @cached_property
    def _seen(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        units, place = self._fitted.units, self._place(self.base)
        return units.seen_from(self._theta, self._cov, place, self._fitted.is_shift_free)

    @cached_property
    def deviations(self) -> pd.Series:
        """The standard deviation of each feature, weighted, shape (n_features,)."""
        import pandas as pd

        variance = self._fitted.objective.variance
        if not self._fitted.objective.fit_intercept:  # that is about zero
            variance = Moments(self._fitted.data).variance
        return pd.Series(np.sqrt(variance), index=self._fitted.features, name="deviation")

    @property
    def _index(self) -> pd.MultiIndex:
        from softmax_reg.inference.tables import by_term

        return by_term(self._compared, self.terms)

    @property
    def _compared(self) -> list[Any]:
        place = self._place(self.base)
        return [label for k, label in enumerate(self.classes.tolist()) if k != place]

    def _place(self, base: Any) -> int | None:
        return None if base is None else place_of(self.classes, base)

    @property
    def is_posterior(self) -> bool:
        """Whether this is the posterior of a penalised fit."""
        return self.cov_type == "laplace"

    def with_base(self, label: Any) -> Self:
        """Return the same fit with another class to compare with: a linear map, no new fit.

        Parameters
        ----------
        label : label
            One of `classes`.

        Returns
        -------
        same : type of this

        Raises
        ------
        ValueError
            If there is no such class.
        """
        place = self._place(label)
        if place is None:
            raise ValueError(f"label must be one of the classes {shown(self.classes)}, got None.")
        return replace(self, base=self.classes[place])

    def conf_int(self, level: float = 0.95) -> pd.DataFrame:
        """Return intervals of confidence; under a ridge of the posterior.

        Parameters
        ----------
        level : float, default=0.95
            Between 0 and 1.

        Returns
        -------
        intervals : DataFrame of shape (n, 2)
            "lower" and "upper" by class and term, from the normal distribution.

        Raises
        ------
        ValueError
            If the level is none.
        """
        return self.summary(level)[["lower", "upper"]]

    def relative_risk_ratios(self, level: float = 0.95) -> pd.DataFrame:
        """Return exp(coef): what P[class] / P[base] is multiplied by as a feature grows by 1.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals, between 0 and 1.

        Returns
        -------
        ratios : DataFrame of shape (n, 3)
            "rrr", "lower" and "upper" by class and term; with two classes they are odds ratios.

        Raises
        ------
        ValueError
            If the level is none.
        """
        limits = self.summary(level)[["coef", "lower", "upper"]]
        with np.errstate(over="ignore"):
            return np.exp(limits).rename(columns={"coef": "rrr"})

    def summary(self, level: float = 0.95) -> pd.DataFrame:
        """Return the coefficients with their errors, below the facts of the fit when printed.

        Parameters
        ----------
        level : float, default=0.95
            Of the intervals, between 0 and 1.

        Returns
        -------
        table : DataFrame of shape (n, 6)
            "coef", "se", "z", "p" of the two-sided Wald test, "lower" and "upper" by class and
            term.  Of a penalised fit "posterior sd" in place of "se", and neither z nor p.

        Raises
        ------
        ValueError
            If the level is none.
        """
        from softmax_reg.inference.tables import check_level, wald_table

        check_level(level)
        return wald_table(
            "coef", self._index, *self._seen, level, self._facts(level), self.is_posterior
        )

    def _facts(self, level: float) -> Table:
        compared = "every class by itself" if self.base is None else f"against {self.base}"
        facts = {
            "rows": f"{self.n_obs}" + f", in {self.n_groups} clusters" * bool(self.n_groups),
            "classes": f"{in_words(self.classes)}; {compared}",
            "coefficients": f"{len(self._index)}",
            "covariance": self.cov_type,
            "log-likelihood": f"{self.loglik:.4f}",
            "null model": f"{self.loglik_null:.4f}",
            "pseudo R2": f"{self.pseudo_r2:.4f} (McFadden)",
        }
        if not self.is_posterior:
            facts["pseudo R2"] += f", {self.pseudo_r2_adjusted:.4f} adjusted"
        if self.is_posterior:
            facts["covariance"] = "posterior (Laplace) under the ridge as a Gaussian prior"
        elif self._is_likelihood:
            facts["LR test"] = repr(self.null_test).partition(": ")[2]
            facts["AIC, BIC"] = f"{self.aic:.2f}, {self.bic:.2f}"
        else:
            facts["log-likelihood"] += ", of weighted rows: no test of it holds"
        facts["intervals"] = f"{100.0 * level:g} %"
        return Table("Multinomial logistic regression", facts)

    # The likelihood

    @property
    def _is_likelihood(self) -> bool:
        return not self.is_posterior and not self._is_weighted

    @property
    def _is_weighted(self) -> bool:
        """Whether weights are no numbers of rows, so that their likelihood is none."""
        data, counts = self._fitted.data, self._spread.counts
        return not np.array_equal(data.weights.astype(np.float64), counts)

    def require_likelihood(self, what: str) -> None:
        """Raise ValueError if what is asked for needs the likelihood of unpenalised rows."""
        if self.is_posterior:
            raise ValueError(
                f"{what} is for fits without a penalty: a penalised one is not where the "
                "likelihood is largest. Refit with C=np.inf."
            )
        if self._is_weighted:
            raise ValueError(
                f"{what} needs a likelihood, but weights that are no numbers of rows, or those of "
                "class_weight, give none. Use wald_test, whose covariance is robust."
            )

    @property
    def null_test(self) -> TestResult:
        """The likelihood ratio test of the null model."""
        n_null = (len(self.classes) - 1) * self._fitted.objective.fit_intercept
        statistic = 2.0 * (self.loglik - self.loglik_null)
        return TestResult.of("Likelihood ratio test of the null model", statistic, self.df - n_null)

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2 df - 2 loglik; ValueError where there is no likelihood."""
        self.require_likelihood("aic")
        return 2.0 * self.df - 2.0 * self.loglik

    @property
    def bic(self) -> float:
        """Schwarz's criterion, df log n_obs - 2 loglik; ValueError where there is no likelihood."""
        self.require_likelihood("bic")
        return float(self.df * np.log(self.n_obs) - 2.0 * self.loglik)

    @property
    def pseudo_r2(self) -> float:
        """1 - loglik / loglik_null (McFadden 1974)."""
        return 1.0 - self.loglik / self.loglik_null

    @property
    def pseudo_r2_adjusted(self) -> float:
        """1 - (loglik - df) / loglik_null (Ben-Akiva and Lerman 1985, section 7.4)."""
        self.require_errors("pseudo_r2_adjusted")
        return 1.0 - (self.loglik - self.df) / self.loglik_null

    def require_errors(self, what: str) -> None:
        """Raise ValueError if what is asked for needs a fit without a penalty."""
        if self.is_posterior:
            raise ValueError(
                f"{what} is for fits without a penalty: coefficients that are pulled towards 0 "
                "have no p values. Refit with C=np.inf."
            )
