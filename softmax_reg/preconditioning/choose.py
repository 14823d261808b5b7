"""Which change of variables to go on in, by size, memory and cost."""

from __future__ import annotations

import numpy as np

from softmax_reg.objective.hessian import rows_read
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point
from softmax_reg.objective.row_space import has_row_space
from softmax_reg.preconditioning.cholesky import matrix_dtype
from softmax_reg.preconditioning.linear_maps import LinearMap, RowSpaceMap
from softmax_reg.preconditioning.preconditioners import (
    bound_map,
    curvature_map,
    diagonal_bound_map,
    diagonal_map,
    full_map,
)

__all__ = ["choose_preconditioner"]

# The largest stack of n x n matrices that is worth its memory, and the largest single one.
_STACK_BYTES, _MATRIX_BYTES = 64 << 20, 64 << 20
# The whole Hessian of so few coefficients costs little beside the epochs that it saves.
_FEW_COEFFICIENTS = 1000


def choose_preconditioner(
    objective: Objective,
    point: Point,
    safe: bool,
    whole: bool,
    separable: bool = False,
    rng: np.random.Generator | None = None,
    as_seen: bool = False,
) -> tuple[LinearMap, float]:
    """Return coordinates to go on from `point` in, and for how many points at least.

    A norm wants a diagonal, or its prox would not be separable, and so do a method that must be
    `separable` and an X with too many columns; with few rows the coefficients lie in their span.
    A bound to be `safe`, for there a step is safe, then the curvature at `point`: one matrix for
    each class if they fit, or their mean, or the `whole` Hessian.  So many points that making the
    next coordinates costs half of what was spent in these.  With an `rng`, for stochastic solvers,
    the curvature is that of a sample, and the whole Hessian if it is small.
    """
    separable = separable or not objective.is_smooth
    if whole and objective.is_smooth:
        return full_map(objective, point), 1.0
    if not separable and has_row_space(objective):
        basis, units, reduced = objective.row_space
        change, cost = _of_features(reduced, point, safe, False, rng, as_seen)
        return RowSpaceMap(objective, basis, units, change), cost
    return _of_features(objective, point, safe, separable, rng, as_seen)


def _of_features(
    objective: PenalisedLoss,
    point: Point,
    safe: bool,
    separable: bool,
    rng: np.random.Generator | None,
    as_seen: bool,
) -> tuple[LinearMap, float]:
    """Return coordinates of the features of an objective, whichever those are."""
    n, K = objective.n_features + objective.fit_intercept, objective.n_outputs
    if separable or 8 * n * n > _MATRIX_BYTES:
        if safe:
            return diagonal_bound_map(objective), 1.0
        return diagonal_map(objective, point, as_seen), 1.0
    if rng is not None and objective.size <= _FEW_COEFFICIENTS:
        return (bound_map(objective) if safe else full_map(objective, point, rng)), 1.0
    per_class = matrix_dtype(n).itemsize * n * n * K <= _STACK_BYTES
    # Multiply-adds of the Gram matrices, which are symmetric, over those of a pass over X, which
    # makes two products and a softmax.
    passes = 0.5 * n * n * (K if per_class else 1) / (K * (2.0 * n + 20.0))
    passes *= rows_read(objective.data, rng, n) / len(objective.data.active)
    if safe:
        return bound_map(objective), 0.5 * passes
    return curvature_map(objective, point, per_class, rng), 0.5 * passes
