"""Which change of variables to go on in, by size, memory and cost."""

from __future__ import annotations

import numpy as np

from softmax_reg.objective.hessian import gram_cost, rows_read
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
# What a point over a sparse X costs, in multiply-adds of dense products: for each of its entries,
# scores and coefficients, and in any case.
_ENTRY, _SCORE, _COEFFICIENT, _POINT = 16.0, 20.0, 60.0, 2e7
# A matrix is used for about so many points; and one that costs no more than so many comes at once.
_POINTS_OF_A_MATRIX, _POINTS_AT_ONCE = 20, 10.0
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
    n_before: float = np.inf,
) -> tuple[LinearMap, float]:
    """Return coordinates to go on from `point` in, and for how many points at least.

    A norm wants a diagonal, or its prox would not be separable, and so do a method that must be
    `separable` and an X with too many columns; with few rows the coefficients lie in their span.
    A bound to be `safe`, for there a step is safe, then the curvature at `point`: one matrix for
    each class if they fit, or their mean, or the `whole` Hessian.  So many points that making the
    next coordinates costs half of what was spent in these.  With an `rng`, for stochastic solvers,
    the curvature is that of a sample, and the whole Hessian if it is small.  Beside a pass over a
    sparse X matrices are dear: diagonals come first, until the points before, `n_before` of them,
    have cost as much as a matrix does.
    """
    separable = separable or not objective.is_smooth
    if whole and objective.is_smooth:
        return full_map(objective, point), 1.0
    if not separable and has_row_space(objective):
        basis, units, reduced = objective.row_space
        change, cost = _of_features(reduced, point, safe, False, rng, as_seen)
        return RowSpaceMap(objective, basis, units, change), cost
    return _of_features(objective, point, safe, separable, rng, as_seen, n_before)


def _of_features(
    objective: PenalisedLoss,
    point: Point,
    safe: bool,
    separable: bool,
    rng: np.random.Generator | None,
    as_seen: bool,
    n_before: float = np.inf,
) -> tuple[LinearMap, float]:
    """Return coordinates of the features of an objective, whichever those are."""
    n, K = objective.n_features + objective.fit_intercept, objective.n_outputs
    per_class = matrix_dtype(n).itemsize * n * n * K <= _STACK_BYTES
    is_large = 8 * n * n > _MATRIX_BYTES
    n_matrices = 1 if safe or not per_class else K
    if separable or is_large or _is_too_dear(objective, n_matrices, n_before, rng):
        if safe:
            return diagonal_bound_map(objective), 1.0
        return diagonal_map(objective, point, as_seen), 1.0
    if rng is not None and objective.size <= _FEW_COEFFICIENTS:
        return (bound_map(objective) if safe else full_map(objective, point, rng)), 1.0
    # Multiply-adds of the Gram matrices, which are symmetric, over those of a pass over X, which
    # makes two products and a softmax.
    passes = 0.5 * n * n * (K if per_class else 1) / (K * (2.0 * n + 20.0))
    passes *= rows_read(objective.data, rng, n) / len(objective.data.active)
    if safe:
        return bound_map(objective), 0.5 * passes
    return curvature_map(objective, point, per_class, rng), 0.5 * passes


def _is_too_dear(
    objective: PenalisedLoss, n_matrices: int, n_before: float, rng: np.random.Generator | None
) -> bool:
    """Return whether matrices cost more than the points so far, for an X that is sparse."""
    data = objective.data
    if rng is not None or not data.rows.is_sparse or data.rows.is_stream:
        return False
    n, K = objective.n_features + objective.fit_intercept, objective.n_outputs
    n_entries, n_samples = data.rows.origin.per_row * data.shape[0], data.shape[0]
    one_point = K * (_ENTRY * n_entries + _SCORE * n_samples + _COEFFICIENT * n) + _POINT
    used = 2.0 * _POINTS_OF_A_MATRIX * K * n**2
    price = (n_matrices * (gram_cost(data.X) + n**3) + used) / one_point
    return price > max(n_before, _POINTS_AT_ONCE)
