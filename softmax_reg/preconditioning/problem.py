"""A function seen in other coordinates, w = origin + T v: what a solver works on.

    value(v) = F(w),   gradient(v) = T' F'(w),   Hessian(v) = T' F''(w) T

`Transformed` is that for any function with points; `TransformedObjective` is a `Problem`, as
`contract` has it: a solver cannot tell it from an `Objective`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.contract import HasInner, HasPoints, Line, LinePoint
from softmax_reg.objective.minibatch import Batch
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.objective.restricted_penalty import RestrictedPenalty
from softmax_reg.preconditioning.linear_maps import DiagonalMap, LinearMap

__all__ = ["Transformed", "TransformedObjective", "TransformedPoint"]


class Transformed:
    """A function of w as a function of v, w = origin + T v.

    Parameters
    ----------
    inner : object with `at`
        The function of w.
    origin : ndarray
        The w of v = 0.
    transform : LinearMap
        T.
    """

    def __init__(self, inner: HasPoints, origin: NDArray, transform: LinearMap) -> None:
        self.inner, self.origin, self.transform = inner, origin, transform
        self.size = transform.size

    def at(self, v: NDArray) -> TransformedPoint:
        """Return the point v."""
        w = self.origin + self.transform.forward(v)
        return TransformedPoint(self.transform, v, self.inner.at(w))


class TransformedPoint:
    """A point v; `inner` is the same point in w."""

    def __init__(self, transform: LinearMap, v: NDArray, inner: LinePoint) -> None:
        self.transform, self.w, self.inner = transform, v, inner
        self._gradient: NDArray | None = None

    @property
    def value(self) -> float:
        return self.inner.value

    @property
    def rounding(self) -> float:
        return self.inner.rounding

    @property
    def gradient(self) -> NDArray:
        if self._gradient is None:
            self._gradient = self.transform.adjoint(self.inner.gradient)
        return self._gradient

    def hessian_product(self, v: NDArray) -> NDArray:
        return self.transform.adjoint(self.inner.hessian_product(self.transform.forward(v)))

    def hessian_block(self, index: NDArray[np.intp]) -> NDArray:
        """Return the Hessian along some coordinates; `transform` must be diagonal."""
        transform, inner = self.transform, self.inner
        assert isinstance(transform, DiagonalMap)
        assert isinstance(inner, Point)
        n_outputs = transform.objective.n_outputs
        feature, row = np.divmod(index, n_outputs)
        H = inner.hessian_block(
            index, transform.mean[:, 0], transform.scale[:, 0].astype(np.float64)
        )
        units = np.broadcast_to(transform.diagonal, (len(transform.diagonal), n_outputs))[
            feature, row
        ]
        return H * units * units[:, np.newaxis]

    def line(self, direction: NDArray) -> TransformedLine:
        return TransformedLine(self, direction)


class TransformedLine:
    """A line in v is a line in w."""

    def __init__(self, start: TransformedPoint, direction: NDArray) -> None:
        self.start, self.direction = start, direction
        self._inner: Line[LinePoint] = start.inner.line(start.transform.forward(direction))

    def at(self, t: float) -> TransformedPoint:
        v = self.start.w + self.start.w.dtype.type(t) * self.direction
        return TransformedPoint(self.start.transform, v, self._inner.at(t))

    def slope(self, point: TransformedPoint) -> float:
        return self._inner.slope(point.inner)


class TransformedObjective(Transformed):
    """The solvers' view of an `Objective`.

    Parameters
    ----------
    objective : Objective
    w : ndarray of shape (objective.size,)
        The point that `start` stands for.  It is the origin, and `start` 0; but under an L1 norm
        the origin is 0, for there a coefficient that is zero in v has to be exactly zero in w.
    transform : LinearMap
        T.
    point : Point or None, default=None
        The point w, where what it has computed already need not be computed again.
    """

    def __init__(
        self, objective: Objective, w: NDArray, transform: LinearMap, point: Point | None = None
    ) -> None:
        if objective.is_smooth:
            origin, self.start = transform.project(w), np.zeros(transform.size, w.dtype)
            off = float(np.abs(origin - w).max())
            if off <= 64.0 * np.finfo(w.dtype).eps * float(np.abs(w).max()):
                origin = w  # it was moved by rounding only
            else:
                point = None
        else:
            assert isinstance(transform, DiagonalMap)
            origin, self.start = np.zeros_like(w), transform.inverse(w)
        super().__init__(objective, origin, transform)
        self.objective, self.dtype = objective, objective.dtype
        self.is_smooth, self.n_outputs = objective.is_smooth, objective.n_outputs
        self.active, self.rows_together = objective.active, objective.rows_together
        self._start_point = point

    def at(self, v: NDArray) -> TransformedPoint:
        if v is self.start and self._start_point is not None:
            return TransformedPoint(self.transform, v, self._start_point)
        return super().at(v)

    def prox(self, v: NDArray, step: float) -> NDArray:
        """Return the proximal point; `transform` must be diagonal.

        With W = D V: argmin_V h(D V) + |V - V0|^2 / (2 t) is D^-1 prox of h with steps t D^2.
        """
        if self.is_smooth:
            return v
        objective = self.objective
        D = self._units
        if objective.penalty.couples_classes:
            D = D[:, :1]
        V = v.reshape(-1, objective.n_outputs).copy()
        W = objective.penalty.prox(D * V[: objective.n_features], step * D**2)
        V[: objective.n_features] = W / D
        return V.ravel()

    @cached_property
    def _units(self) -> NDArray:
        """D in W = D V, of shape (n_features, n_outputs) or (n_features, 1).

        In float64, for squares of them may leave the range of float32.
        """
        transform = self.transform
        assert isinstance(transform, DiagonalMap)
        return transform.diagonal[: self.objective.n_features].astype(np.float64) / transform.scale

    def differentiable_at(self, v: NDArray) -> NDArray[np.bool_]:
        return self.objective.differentiable_at(v)

    def close_under_groups(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        return self.objective.close_under_groups(chosen)

    def face(self, index: NDArray[np.intp]) -> RestrictedPenalty:
        return self.objective.face(index, self._units)

    def hessian_cost(self, n_coordinates: int) -> float:
        return self.objective.hessian_cost(n_coordinates)

    def remove_class_shift(self, v: NDArray) -> NDArray:
        if self.is_smooth:
            return v
        transform = self.transform
        assert isinstance(transform, DiagonalMap)
        return transform.inverse(self.objective.remove_class_shift(transform.forward(v)))

    def batch_size(self, wanted: float) -> int:
        return self.objective.batch_size(wanted)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[TransformedBatch]:
        for batch in self.objective.batches(size, rng):
            yield TransformedBatch(self, batch)

    def batch(self, sample: NDArray[np.intp]) -> TransformedBatch:
        return TransformedBatch(self, self.objective.batch(sample))


class TransformedBatch:
    """A mini-batch seen in v."""

    def __init__(self, problem: TransformedObjective, inner: Batch) -> None:
        self.problem, self.inner = problem, inner

    def gradient(self, v: NDArray, control: HasInner | None = None) -> NDArray:
        transform, w = self.problem.transform, self.problem.origin
        return transform.adjoint(self.inner.gradient(w + transform.forward(v), control))

    def step_length(self, direction: NDArray, slope: float) -> float:
        return self.inner.step_length(self.problem.transform.forward(direction), slope)
