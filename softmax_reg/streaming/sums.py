"""A function plus a quadratic term: rows and what is known of those before, or a pull to a point.

The sum has points and lines like any other function of w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.contract import HasPoints, Line, LinePoint

__all__ = ["Pull", "Sum"]


class Term(Protocol):
    """A quadratic function of a flat vector."""

    def value(self, w: NDArray, /) -> float:
        """Return the value."""

    def gradient(self, w: NDArray, /) -> NDArray:
        """Return the gradient."""

    def product(self, d: NDArray, /) -> NDArray:
        """Return the Hessian times d."""


@dataclass(frozen=True)
class Pull:
    """weight/2 |v|^2."""

    weight: float

    def value(self, v: NDArray) -> float:
        return 0.5 * self.weight * float(np.vdot(v, v))

    def gradient(self, v: NDArray) -> NDArray:
        return self.weight * v

    def product(self, d: NDArray) -> NDArray:
        return self.weight * d


class Sum:
    """(weight F + term) / total, a function of what F is a function of.

    Parameters
    ----------
    inner : object with `at`
        F.
    weight : float
    term : Term
    total : float
    """

    def __init__(self, inner: HasPoints, weight: float, term: Term, total: float) -> None:
        self.inner, self.weight, self.term, self.total = inner, weight, term, total

    def at(self, w: NDArray) -> SumPoint:
        """Return the point w."""
        return SumPoint(self, self.inner.at(w))


class SumPoint:
    """A point of `Sum`; `inner` is that of F."""

    def __init__(self, of: Sum, inner: LinePoint) -> None:
        self.of, self.inner, self.w = of, inner, inner.w

    @cached_property
    def value(self) -> float:
        of = self.of
        return (of.weight * self.inner.value + of.term.value(self.w)) / of.total

    @property
    def rounding(self) -> float:
        """About how far `value` is off; what is known of the past hides more."""
        return float(np.finfo(self.w.dtype).eps) * abs(self.value)

    @cached_property
    def slope_of_term(self) -> NDArray:
        """The gradient of the term."""
        return self.of.term.gradient(self.w)

    @cached_property
    def gradient(self) -> NDArray:
        return (self.of.weight * self.inner.gradient + self.slope_of_term) / self.of.total

    def hessian_product(self, v: NDArray) -> NDArray:
        """Return the Hessian times v."""
        of = self.of
        return (of.weight * self.inner.hessian_product(v) + of.term.product(v)) / of.total

    def line(self, direction: NDArray) -> SumLine:
        """Return the points w + t * direction."""
        return SumLine(self, direction)


class SumLine:
    """A line of `Sum` is one of F."""

    def __init__(self, start: SumPoint, direction: NDArray) -> None:
        self.of, self.direction = start.of, direction
        self._inner: Line[LinePoint] = start.inner.line(direction)

    def at(self, t: float) -> SumPoint:
        """Return the point at t."""
        return SumPoint(self.of, self._inner.at(t))

    def slope(self, point: SumPoint) -> float:
        """Return the derivative by t at a point of this line."""
        of_term = float(np.vdot(point.slope_of_term, self.direction))
        return (self.of.weight * self._inner.slope(point.inner) + of_term) / self.of.total
