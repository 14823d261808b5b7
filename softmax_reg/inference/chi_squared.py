"""`TestResult`: a statistic, its degrees of freedom and its p value."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.stats import chi2

__all__ = ["TestResult"]


@dataclass(frozen=True, repr=False)
class TestResult:
    """A test whose statistic has a chi-squared distribution under the hypothesis.

    Attributes
    ----------
    name : str
        Which test, and of what.
    statistic : float
    df : int
        Degrees of freedom.
    p : float
        The probability of a statistic as large under the hypothesis.
    """

    name: str
    statistic: float
    df: int
    p: float

    __test__ = False  # no test of pytest's

    @classmethod
    def of(cls, name: str, statistic: float, df: int) -> TestResult:
        """Return the test of a statistic."""
        return cls(name, float(statistic), int(df), float(chi2.sf(statistic, df)))

    def __repr__(self) -> str:
        p = "p < 0.0001" if self.p < 1e-4 else f"p = {self.p:.4f}"
        return f"{self.name}: chi2({self.df}) = {self.statistic:.4f}, {p}"
