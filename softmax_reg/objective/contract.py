"""What a solver may ask of the problem that it solves: `Problem` and its points, lines and batches.

`Objective` is one, in the coefficients themselves; `preconditioning.problem.TransformedObjective`
is the
same in other coordinates.  A solver cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.restricted_penalty import RestrictedPenalty

P = TypeVar("P")

__all__ = [
    "CurvedPoint",
    "HasInner",
    "HasPoints",
    "Line",
    "LinePoint",
    "MiniBatch",
    "Problem",
    "ProblemPoint",
]


class HasInner(Protocol):
    """A point, in whatever coordinates, of the objective."""

    @property
    def inner(self) -> object:
        """The same point in the coefficients themselves: to be passed on, not looked into."""


class CurvedPoint(Protocol):
    """What a truncated Newton step is made from."""

    @property
    def gradient(self) -> NDArray:
        """Of the smooth part, of the length of w."""

    def hessian_product(self, v: NDArray, /) -> NDArray:
        """Return F'' v, of the length of w, for the smooth part of F."""


class LinePoint(CurvedPoint, Protocol):
    """What a line search starts from and returns."""

    @property
    def w(self) -> NDArray:
        """Where the point is; not to be written to."""

    @property
    def value(self) -> float:
        """F, with the whole penalty."""

    @property
    def rounding(self) -> float:
        """About how far `value` is off."""

    def line(self, direction: NDArray, /) -> Line[Self]:
        """Return the points w + t * direction."""


class Line(Protocol[P]):
    """The points along a direction."""

    def at(self, t: float, /) -> P:
        """Return the point at t."""

    def slope(self, point: P, /) -> float:
        """Return dF/dt at a point of this line."""


class HasPoints(Protocol):
    """A function of w."""

    def at(self, w: NDArray, /) -> LinePoint:
        """Return the point w."""


class ProblemPoint(HasInner, LinePoint, Protocol):
    """An iterate of a solver."""

    def hessian_block(self, index: NDArray[np.intp], /) -> NDArray:
        """Return F'' along some coordinates, (m, m), float64, for the smooth part of F."""


class MiniBatch(Protocol):
    """Some rows, drawn at random."""

    def gradient(self, w: NDArray, control: HasInner | None = None, /) -> NDArray:
        """Return an estimate of the gradient at w, or of its change since the point `control`."""

    def step_length(self, direction: NDArray, slope: float, /) -> float:
        """Return about the best t for a step t * direction from where `gradient` was asked."""


class Problem(Protocol):
    """F as a function of w, whatever w stands for."""

    @property
    def size(self) -> int:
        """The length of w."""

    @property
    def n_outputs(self) -> int:
        """Rows of coefficients; w holds them side by side, feature by feature."""

    @property
    def is_smooth(self) -> bool:
        """Whether the penalty has no norm, and `prox` is the identity."""

    @property
    def active(self) -> NDArray[np.intp]:
        """The rows of X that have a weight."""

    @property
    def rows_together(self) -> int:
        """How many rows of a mini-batch are copied at a time."""

    def at(self, w: NDArray, /) -> ProblemPoint:
        """Return the point w."""

    def prox(self, w: NDArray, step: float, /) -> NDArray:
        """Return argmin_v h(v) + |v - w|^2 / (2 step), h the norm in the penalty."""

    def batch_size(self, wanted: float, /) -> int:
        """Return how many rows a mini-batch may have."""

    def batches(self, size: int, rng: np.random.Generator, /) -> Iterator[MiniBatch]:
        """Yield all rows with a weight once, shuffled, in mini-batches of `size` rows."""

    def differentiable_at(self, w: NDArray, /) -> NDArray[np.bool_]:
        """Return of each coefficient whether the penalty has a derivative there."""

    def close_under_groups(self, chosen: NDArray[np.bool_], /) -> NDArray[np.intp]:
        """Return the indices of those chosen, and of all that the penalty ties to them."""

    def face(self, index: NDArray[np.intp], /) -> RestrictedPenalty:
        """Return the penalty as a function of some coefficients, the others zero."""

    def hessian_cost(self, n_coordinates: int, /) -> float:
        """Return what the Hessian along so many coordinates costs, in passes over X."""

    def remove_class_shift(self, w: NDArray, /) -> NDArray:
        """Return the w with the same scores and the least penalty."""
