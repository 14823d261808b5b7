"""A truncated Newton step along the coefficients that are not zero.

While none of them vanishes the norm is smooth, an L1 norm even linear, and so is the problem.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.newton_cg import truncated_cg

__all__ = ["support_step"]

# Armijo's share of the slope, lengths tried.
_DECREASE, _MAX_TRIALS = 1e-4, 20


def support_step(objective: Problem, point: ProblemPoint, max_cg: int) -> ProblemPoint | None:
    """Return a lower point with no coefficient that `point` does not have, or None.

    At most `max_cg` Hessian products are made.

    N. Keskar, J. Nocedal, F. Oztoprak and A. Waechter (2016), "A second-order method for convex
    l1-regularized optimization with active-set prediction", section 2: the subspace phase.
    """
    on = _Support(objective, point)
    direction = truncated_cg(on, max_cg)
    slope = float(np.vdot(on.gradient, direction))
    for k in range(_MAX_TRIALS):
        t = on.x.dtype.type(0.5**k)
        moved = on.face.project_to_orthant(on.x + t * direction, on.x)
        new = objective.at(objective.remove_class_shift(on.embed(moved)))
        if new.value <= point.value + _DECREASE * float(t) * slope:
            return new
    return None


class _Support:
    """A point of the smooth problem over the coefficients that are not zero, and the intercepts."""

    def __init__(self, objective: Problem, point: ProblemPoint) -> None:
        self.point, self.index = point, np.flatnonzero(objective.differentiable_at(point.w))
        self.face, self.x = objective.face(self.index), point.w[self.index]
        self.blocks = self.face.blocks(self.x)
        norm_slope = self.face.gradient(self.x).astype(self.x.dtype)
        self.gradient = point.gradient[self.index] + norm_slope

    def embed(self, values: NDArray) -> NDArray:
        """Return the coefficients with these on the support."""
        w = np.zeros_like(self.point.w)
        w[self.index] = values
        return w

    def hessian_product(self, v: NDArray) -> NDArray:
        of_norm = self.face.curvature_product(self.blocks, v).astype(v.dtype)
        return self.point.hessian_product(self.embed(v))[self.index] + of_norm
