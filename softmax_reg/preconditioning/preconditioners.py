"""Which change of variables makes a solver blind to the scale and the collinearity of X.

If T T' is close to the inverse of the Hessian, then the Hessian in v, w = origin + T v, is close to
the identity, and a textbook method in v is a well-conditioned method in w.  T is built here from a
bound on the Hessian, valid everywhere (Boehning 1992), or from the Hessian at a point:

    diagonal blocks X' diag(p_k (1 - p_k) s / S) X + penalty, their diagonals, or the whole
"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.objective.hessian import (
    class_variances,
    diagonal_hessian,
    gram,
    ridge_of,
    row_curvature,
    whole_hessian,
)
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point
from softmax_reg.preconditioning.cholesky import (
    cholesky_with_jitter,
    inverse_transposed,
    matrix_dtype,
)
from softmax_reg.preconditioning.linear_maps import DiagonalMap, FullMap, LinearMap, MatrixMap

__all__ = ["bound_map", "curvature_map", "diagonal_bound_map", "diagonal_map", "full_map"]

# What Gram matrices may take that one pass adds up: more where a pass reads a file.
_GRAM_BYTES, _STREAM_GRAM_BYTES = 4 << 20, 32 << 20


def root_of(B: NDArray, objective: PenalisedLoss) -> NDArray:
    """Return a lower L with L L' the matrix B of `objective`, to which the penalty is added here.

    B belongs to `objective.about_means`.  Where that has an intercept and `objective` has none,
    features X are D + 1 m', with means m, and the scores X W are those of D, with coefficients W,
    and of an intercept m' W.  Its row, set first, is the only one that m enters in

        B + penalty = L L',   L' [m'; I] = Q R,   [m'; I]' (B + penalty) [m'; I] = R' R

    and rounding in a large row spoils no other one: A. J. Cox and N. J. Higham (1998), "Stability
    of Householder QR factorization for weighted least squares problems".
    """
    seen = objective.about_means
    n = objective.n_features + seen.fit_intercept
    n_outputs = len(B) // n  # 1 for the block of one row of coefficients
    B[np.diag_indices(len(B))] += np.repeat(ridge_of(seen), n_outputs)
    if seen is objective:
        return cholesky_with_jitter(B, objective.dtype)
    first = np.roll(np.arange(len(B)), n_outputs)
    U = cholesky_with_jitter(B[np.ix_(first, first)], objective.dtype).T
    means = np.kron(seen.mean / seen.scale, np.eye(n_outputs))
    U[:n_outputs, n_outputs:] += U[:n_outputs, :n_outputs] @ means
    R: NDArray = scipy.linalg.qr(U[:, n_outputs:], mode="r", check_finite=False)[0]
    return R[:-n_outputs].T


def _factor_dtype(objective: PenalisedLoss) -> np.dtype:
    """Return the dtype that factors are kept in: where means are large, every digit counts."""
    has_large_means = objective.about_means is not objective
    n = objective.n_features + objective.fit_intercept
    return np.dtype(np.float64) if has_large_means else matrix_dtype(n)


def factor_of(B: NDArray, objective: PenalisedLoss) -> NDArray:
    """Return A with A A' = (B + penalty)^-1, for a stack of matrices B."""
    return np.stack([inverse_transposed(root_of(block, objective)) for block in B])


def bound_map(objective: PenalisedLoss) -> LinearMap:
    """Return the change of variables by the bound H <= 1/2 (I - 11'/K) (x) X'SX + penalty.

    D. Boehning (1992), "Multinomial logistic regression algorithm", Annals of the Institute of
    Statistical Mathematics 44, 197-200.  In these coordinates a gradient step of length 1 always
    descends.  For two classes, one row of coefficients, the factor is 1/4.
    """
    bound = 0.25 if objective.n_outputs == 1 else 0.5
    B = gram(objective.about_means, partial(_times_shares, bound))
    return MatrixMap(objective, factor_of(B, objective)[0].astype(_factor_dtype(objective)))


def _times_shares(bound: float, block: Block) -> NDArray:
    return bound * block.shares


def curvature_map(
    objective: PenalisedLoss,
    point: Point,
    per_class: bool,
    rng: np.random.Generator | None = None,
) -> LinearMap:
    """Return the change of variables by the Hessian's diagonal blocks X' diag(p_k (1 - p_k)) X.

    One for each row of coefficients, or their mean for all; of a sample with `rng`.
    """
    n = objective.n_features + objective.fit_intercept
    first = objective.n_classes - objective.n_outputs
    # As many blocks in one pass as fit a small share of memory.
    room = _STREAM_GRAM_BYTES if objective.data.rows.is_stream else _GRAM_BYTES
    together = max(1, room // (8 * n * n))
    together = min(together, objective.n_outputs) if per_class else objective.n_outputs
    factors = np.empty(
        (objective.n_outputs if per_class else 1, n, n), dtype=_factor_dtype(objective)
    )
    for start in range(0, objective.n_outputs, together):
        classes = slice(first + start, first + start + together)
        weigh = class_variances(point, classes, is_mean=not per_class)
        blocks = gram(objective.about_means, weigh, rng, point)
        factors[start : start + together] = factor_of(blocks, objective)
    return MatrixMap(objective, factors if per_class else factors[0])


def diagonal_map(objective: PenalisedLoss, point: Point, as_seen: bool = False) -> LinearMap:
    """Return the change of variables by the diagonal of the Hessian at `point`: any size fits.

    Features are centred as all rows see them, or `as_seen` by those that have curvature there.
    A prox that mixes the classes of a feature needs one number for all of them: the largest.
    """
    if as_seen:
        objective = objective.seen_with(row_curvature(point))
    curvature = diagonal_hessian(objective, point) + ridge_of(objective)[:, np.newaxis]
    if objective.penalty.couples_classes:
        features = curvature[: objective.n_features]
        features[...] = features.max(axis=1, keepdims=True)
    floor = np.finfo(objective.dtype).eps * curvature.max()
    return DiagonalMap(objective, 1.0 / np.sqrt(np.maximum(curvature, floor)))


def diagonal_bound_map(objective: PenalisedLoss) -> LinearMap:
    """Return the change of variables by the diagonal of the bound."""
    bound = 0.25 if objective.n_outputs == 1 else 0.5
    n = objective.n_features + objective.fit_intercept
    return DiagonalMap(objective, np.full((n, 1), bound**-0.5))


def full_map(
    objective: PenalisedLoss, point: Point, rng: np.random.Generator | None = None
) -> LinearMap:
    """Return the change of variables by the whole Hessian at `point`, there the identity.

    Features are centred and scaled as the rows that have curvature there see them: one wild row,
    once its class is certain, would else take the digits of all others.
    """
    if rng is None:
        objective = objective.seen_with(row_curvature(point))
    H = whole_hessian(objective.about_means, point, rng)
    return FullMap(objective, root_of(H, objective))
