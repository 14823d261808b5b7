"""Tables of numbers by class and term, with the facts of the fit on top."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import norm

from softmax_reg._checks.shown import shown
from softmax_reg.inference.results import Table

__all__ = ["TermTable", "by_term", "check_level", "quantile", "wald_table"]

_LEAST_P = 0.001


class TermTable(pd.DataFrame):
    """A DataFrame that is printed, and shown in a notebook, below the facts of the fit.

    What is taken from it is a plain DataFrame.  No more rows are printed than pandas is told to:
    `display.max_rows`.

    Attributes
    ----------
    facts : Table
    """

    _metadata: ClassVar[list[str]] = ["facts"]
    facts: Table

    @property
    def _constructor(self) -> Callable[..., pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return f"{self.facts!r}\n\n{self.to_string(**self._format())}"

    def _repr_html_(self) -> str:
        return f"{self.facts._repr_html_()}\n{self.to_html(**self._format())}"

    def _format(self) -> dict[str, Any]:
        return {
            "formatters": {"p": _told_p, "z": "{:.2f}".format},
            "float_format": _rounded,
            "max_rows": pd.get_option("display.max_rows"),
        }


def _rounded(value: float) -> str:
    return f"{value:.4g}"


def _told_p(p: float) -> str:
    return f"<{_LEAST_P}" if p < _LEAST_P else f"{p:.3f}"


def check_level(level: float) -> None:
    """Raise ValueError unless a level of confidence is between 0 and 1."""
    if not (isinstance(level, Real) and 0.0 < level < 1.0):
        raise ValueError(f"level must be between 0 and 1, such as 0.95, got {shown(level)}.")


def quantile(level: float) -> float:
    """Return how many standard errors an interval of a level reaches to each side."""
    check_level(level)
    return float(norm.ppf(0.5 + 0.5 * level))


def by_term(classes: Any, terms: list[str]) -> pd.MultiIndex:
    """Return the index of numbers class by class and term by term."""
    return pd.MultiIndex.from_product([list(classes), terms], names=["class", "term"])


def wald_table(
    name: str,
    index: pd.MultiIndex,
    values: NDArray,
    cov: NDArray,
    level: float,
    facts: Table,
    is_posterior: bool,
) -> TermTable:
    """Return estimates with their errors, and unless they are of a posterior z and p."""
    reach, se = quantile(level), np.sqrt(np.diag(cov))
    columns = {name: values, "posterior sd" if is_posterior else "se": se}
    if not is_posterior:
        z = np.divide(values, se, out=np.full(len(se), np.nan), where=se > 0.0)
        columns |= {"z": z, "p": 2.0 * norm.sf(np.abs(z))}
    columns |= {"lower": values - reach * se, "upper": values + reach * se}
    table = TermTable(columns, index=index)
    table.facts = facts
    return table
