"""Ladders of settings, loose to tight: how a contender is given its best `tol` and `max_iter`.

A rung has an `effort`, a number that grows with the work: `max_iter`, or 1 / tol.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import Protocol

# So tight that `max_iter`, or rounding, ends the fit.
TIGHT = 1e-12
_AMPLE_ITERATIONS = 20_000
# A fit longer than this share of the limit is followed by one sized to the limit.
_LAST_STEP_FROM, _SIZED_TO = 0.25, 0.7


@dataclass(frozen=True)
class Setting:
    """What a fit is given; None leaves the estimator its default."""

    tol: float | None = None
    max_iter: int | None = None


class Ladder(Protocol):
    """The settings of one contender."""

    @property
    def first(self) -> float:
        """Return the loosest rung."""

    def setting(self, effort: float) -> Setting:
        """Return the setting of a rung."""

    def after(self, effort: float, seconds: float, limit: float) -> float | None:
        """Return the next rung after one that took so many seconds; None if it was the last."""

    def between(self, low: float, high: float) -> float | None:
        """Return a rung half-way between two; None if they are close enough."""


@dataclass(frozen=True)
class Iterations:
    """`max_iter` doubles, tolerance tight: every possible stop of `tol` is a `max_iter` as well."""

    first: float = 4
    factor: float = 2.0

    def setting(self, effort: float) -> Setting:
        return Setting(TIGHT, round(effort))

    def after(self, effort: float, seconds: float, limit: float) -> float | None:
        if seconds > 0.9 * _SIZED_TO * limit:
            return None
        growth = self.factor
        if seconds > _LAST_STEP_FROM * limit:
            growth = max(_SIZED_TO * limit / seconds, 1.05)
        return max(float(round(growth * effort)), effort + 1)

    def between(self, low: float, high: float) -> float | None:
        middle = float(round(sqrt(low * high)))
        return middle if low < middle < high and high > 1.25 * low else None


@dataclass(frozen=True)
class Tolerances:
    """`tol` falls from 1e-2 to 1e-10."""

    first: float = 1e2
    last: float = 1e10
    factor: float = 1e2

    def setting(self, effort: float) -> Setting:
        return Setting(float(f"{1.0 / effort:.2g}"), _AMPLE_ITERATIONS)

    def after(self, effort: float, seconds: float, limit: float) -> float | None:
        return effort * self.factor if effort * self.factor <= 1.01 * self.last else None

    def between(self, low: float, high: float) -> float | None:
        return sqrt(low * high) if high > 4.0 * low else None


@dataclass(frozen=True)
class AsIs:
    """One rung: the estimator without arguments."""

    first: float = 1.0

    def setting(self, effort: float) -> Setting:
        return Setting()

    def after(self, effort: float, seconds: float, limit: float) -> float | None:
        return None

    def between(self, low: float, high: float) -> float | None:
        return None
