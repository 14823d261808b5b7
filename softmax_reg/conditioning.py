"""Which change of variables makes a solver blind to the scale and the collinearity of X.

If T T' is close to the inverse of the Hessian, then the Hessian in v, w = origin + T v, is close to
the identity, and a textbook method in v is a well-conditioned method in w.  T is built here from a
bound on the Hessian, valid everywhere (Boehning 1992), or from the Hessian at a point:

    diagonal blocks X' diag(p_k (1 - p_k) s / S) X + penalty, their diagonals, or the whole
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg.faces import variances
from softmax_reg.maps import (
    DiagonalMap,
    FullMap,
    Map,
    MatrixMap,
    RowSpaceMap,
    cholesky_with_jitter,
    inverse_transposed,
    matrix_dtype,
)
from softmax_reg.objective import Objective
from softmax_reg.points import Point

__all__ = [
    "bound_map",
    "choose_map",
    "curvature_map",
    "diagonal_bound_map",
    "diagonal_map",
    "full_map",
]

# The largest stack of n x n matrices that is worth its memory, and the largest single one.
_STACK_BYTES, _MATRIX_BYTES = 64 << 20, 64 << 20
# What Gram matrices may take that one pass adds up: more where a pass reads a file.
_GRAM_BYTES, _STREAM_GRAM_BYTES = 4 << 20, 32 << 20
# What of a sparse X may be dense at a time, in each thread.
_DENSE_BYTES = 4 << 20
# With so many rows for each dimension the curvature of a sample is that of all rows, nearly:
# Z. Frangella et al. (2023), "PROMISE", section 3.
_ROWS_PER_DIMENSION = 100
# The whole Hessian of so few coefficients costs little beside the epochs that it saves.
_FEW_COEFFICIENTS = 1000


def standardised(
    objective: Objective, X: Any, width: int | None = None
) -> Iterator[tuple[slice, NDArray]]:
    """Yield parts of a block dense, features centred and scaled, with a column of ones.

    A block of dense X is one part; of sparse X parts are so small that little of it is ever dense,
    and so they are where each row makes `width` numbers more.
    """
    p, dtype, is_sparse = objective.n_features, objective.dtype, objective.rows.is_sparse
    mean, scale = objective.mean.astype(dtype), objective.scale.astype(dtype)
    together = X.shape[0]
    if is_sparse or width is not None:
        together = max(_DENSE_BYTES // (dtype.itemsize * (width or p + 1)), 1)
    for start in range(0, X.shape[0], together):
        part = slice(start, min(start + together, X.shape[0]))
        A = np.ones((part.stop - start, p + objective.fit_intercept), dtype=dtype)
        np.subtract(X[part].toarray() if is_sparse else X[part], mean, out=A[:, :p])
        A[:, :p] /= scale
        yield part, A


def rows_read(objective: Objective, rng: np.random.Generator | None, n: int) -> int:
    """Return how many rows the curvature of n dimensions is taken from: all without an `rng`."""
    n_rows = len(objective.active)
    return n_rows if rng is None else min(_ROWS_PER_DIMENSION * n, n_rows)


def over(objective: Objective, rng: np.random.Generator | None, n: int) -> Any:
    """Return what sums over enough rows for n dimensions, as `RowBlocks.reduce` does over all."""
    wanted, known = rows_read(objective, rng, n), objective.sample
    if rng is None or wanted >= len(known):
        return objective.rows.reduce
    sample = np.sort(rng.choice(known, wanted, replace=False))
    factor = len(objective.active) / wanted

    def reduce(visit: Any, block_bytes: int = 0) -> tuple[NDArray, ...]:
        return tuple(factor * total for total in objective.rows.reduce_some(sample, visit))

    return reduce


def gram(objective: Objective, weigh: Any, rng: np.random.Generator | None = None) -> NDArray:
    """Return X' diag(q) X, shape (n_grams, n, n), float64, for centred and scaled X with a 1.

    Parameters
    ----------
    objective : Objective
    weigh : callable (block of X, slice) -> ndarray of shape (rows, n_grams)
        The weights q, at least 0.
    rng : Generator or None, default=None
        Where given, rows may be drawn for an estimate.
    """
    n = objective.n_features + objective.fit_intercept

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        roots = np.sqrt(weigh(X, part))
        total = np.zeros((roots.shape[1], n, n))
        for rows, A in standardised(objective, X):
            for k, root in enumerate(roots[rows].T):
                B = A * root[:, np.newaxis]
                total[k] += B.T @ B
        return (total,)

    # Blocks with half as many rows as columns, or adding up the Grams would cost as much as they.
    return over(objective, rng, n)(visit, block_bytes=max(1 << 20, 4 * n**2))[0]


def ridge_of(objective: Objective) -> NDArray:
    """Return what the penalty adds to the diagonal for scaled features, shape (n,)."""
    ridge = np.zeros(objective.n_features + objective.fit_intercept)
    ridge[: objective.n_features] = np.ravel(objective.penalty.curvature) / objective.scale**2
    return ridge


def root_of(B: NDArray, objective: Objective) -> NDArray:
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
    n_rows = len(B) // n  # 1 for the block of one row of coefficients
    B[np.diag_indices(len(B))] += np.repeat(ridge_of(seen), n_rows)
    if seen is objective:
        return cholesky_with_jitter(B, objective.dtype)
    first = np.roll(np.arange(len(B)), n_rows)
    U = cholesky_with_jitter(B[np.ix_(first, first)], objective.dtype).T
    means = np.kron(seen.mean / seen.scale, np.eye(n_rows))
    U[:n_rows, n_rows:] += U[:n_rows, :n_rows] @ means
    R: NDArray = scipy.linalg.qr(U[:, n_rows:], mode="r", check_finite=False)[0]
    return R[:-n_rows].T


def factor_of(B: NDArray, objective: Objective) -> NDArray:
    """Return A with A A' = (B + penalty)^-1, for a stack of matrices B."""
    return np.stack([inverse_transposed(root_of(block, objective)) for block in B])


def bound_map(objective: Objective) -> Map:
    """Return the change of variables by the bound H <= 1/2 (I - 11'/K) (x) X'SX + penalty.

    D. Boehning (1992), "Multinomial logistic regression algorithm", Annals of the Institute of
    Statistical Mathematics 44, 197-200.  In these coordinates a gradient step of length 1 always
    descends.  For two classes, one row of coefficients, the factor is 1/4.
    """
    bound = 0.25 if objective.n_rows == 1 else 0.5
    B = gram(objective.about_means, lambda X, part: bound * objective.shares(part))
    return MatrixMap(objective, factor_of(B, objective)[0].astype(matrix_dtype(B.shape[-1])))


def curvature_map(
    objective: Objective,
    point: Point,
    per_class: bool,
    rng: np.random.Generator | None = None,
) -> Map:
    """Return the change of variables by the Hessian's diagonal blocks X' diag(p_k (1 - p_k)) X.

    One for each row of coefficients, or their mean for all; of a sample with `rng`.
    """
    n = objective.n_features + objective.fit_intercept
    first = objective.n_classes - objective.n_rows
    # As many blocks in one pass as fit a small share of memory.
    room = _STREAM_GRAM_BYTES if objective.rows.is_stream else _GRAM_BYTES
    together = max(1, room // (8 * n * n))
    together = min(together, objective.n_rows) if per_class else objective.n_rows
    factors = np.empty((objective.n_rows if per_class else 1, n, n), dtype=matrix_dtype(n))
    for start in range(0, objective.n_rows, together):
        classes = slice(first + start, first + start + together)

        def weigh(X: Any, part: slice, classes: slice = classes) -> NDArray:
            q = variances(point.softmax(X, part)[0])[:, classes] * objective.shares(part)
            return q if per_class else q.mean(axis=1, keepdims=True)

        blocks = gram(objective.about_means, weigh, rng)
        factors[start : start + together] = factor_of(blocks, objective)
    return MatrixMap(objective, factors if per_class else factors[0])


def diagonal_map(objective: Objective, point: Point, as_seen: bool = False) -> Map:
    """Return the change of variables by the diagonal of the Hessian at `point`: any size fits.

    Features are centred as all rows see them, or `as_seen` by those that have curvature there.
    A prox that mixes the classes of a feature needs one number for all of them: the largest.
    """
    if as_seen:
        objective = objective.seen_with(row_curvature(objective, point))
    curvature = diagonal_hessian(objective, point) + ridge_of(objective)[:, np.newaxis]
    if objective.penalty.couples_classes:
        features = curvature[: objective.n_features]
        features[...] = features.max(axis=1, keepdims=True)
    floor = np.finfo(objective.dtype).eps * curvature.max()
    return DiagonalMap(objective, 1.0 / np.sqrt(np.maximum(curvature, floor)))


def diagonal_hessian(objective: Objective, point: Point) -> NDArray:
    """Return the diagonal of the loss's Hessian for centred and scaled features, (n, n_rows).

    Sums of p_k (1 - p_k) (x_j - mean_j)^2 / scale_j^2 over the rows.
    """
    free, scale = slice(objective.n_classes - objective.n_rows, None), objective.scale
    units = scale.astype(objective.dtype)

    def visit(X: Any, part: slice) -> tuple[NDArray, NDArray, NDArray]:
        q = variances(point.softmax(X, part)[0])[:, free] * objective.shares(part)
        q = np.ascontiguousarray(q)
        # Scaled first: the square of a large float32 would overflow.
        is_sparse = objective.rows.is_sparse
        A = X @ sp.diags(1.0 / units) if is_sparse else X / units
        first = A.T @ q
        squares = A.power(2) if is_sparse else np.square(A, out=A)
        return squares.T @ q, first, q.sum(axis=0)

    second, first, total = objective.rows.reduce(visit)
    mean = (objective.mean / scale)[:, np.newaxis]
    curvature = np.maximum(second - 2.0 * mean * first + mean**2 * total, 0.0)
    return np.vstack([curvature, total]) if objective.fit_intercept else curvature


def diagonal_bound_map(objective: Objective) -> Map:
    """Return the change of variables by the diagonal of the bound."""
    bound = 0.25 if objective.n_rows == 1 else 0.5
    n = objective.n_features + objective.fit_intercept
    return DiagonalMap(objective, np.full((n, 1), bound**-0.5))


def full_map(objective: Objective, point: Point, rng: np.random.Generator | None = None) -> Map:
    """Return the change of variables by the whole Hessian at `point`, there the identity.

    Features are centred and scaled as the rows that have curvature there see them: one wild row,
    once its class is certain, would else take the digits of all others.
    """
    if rng is None:
        objective = objective.seen_with(row_curvature(objective, point))
    H = whole_hessian(objective.about_means, point, rng)
    return FullMap(objective, root_of(H, objective))


def row_curvature(objective: Objective, point: Point) -> NDArray:
    """Return s_i sum_k p_ik (1 - p_ik) of each row, the trace of its Hessian in its scores."""
    q = np.empty(objective.rows.shape[0])

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        q[part] = variances(point.softmax(X, part)[0]).sum(axis=1) * objective.weights[part]
        return (np.zeros(1),)

    objective.rows.reduce(visit)
    # Where every row is certain none is told from the others.
    return q if q.sum() > np.finfo(np.float64).tiny ** 0.5 else objective.weights


def whole_hessian(
    objective: Objective, point: Point, rng: np.random.Generator | None = None
) -> NDArray:
    """Return the loss's Hessian for centred and scaled features, shape (n n_rows, n n_rows).

    With `rng` an estimate of it from a sample of the rows.
    """
    K, n_rows = objective.n_classes, objective.n_rows
    n = objective.n_features + objective.fit_intercept

    def visit(X: Any, part: slice) -> tuple[NDArray, NDArray]:
        whole, blocks = np.zeros((n * n_rows, n * n_rows)), np.zeros((n_rows, n, n))
        all_proba, all_roots = point.softmax(X, part)[0], np.sqrt(objective.shares(part))
        all_roots_of_variances = np.sqrt(variances(all_proba)[:, K - n_rows :])
        all_proba = all_proba[:, K - n_rows :]
        for rows, A in standardised(objective, X, n * n_rows):
            P, roots = all_proba[rows], all_roots[rows]
            # The Hessian of a row is (diag(p) - p p') (x) a a': between classes it is one product.
            M = ((A * roots)[:, :, np.newaxis] * P[:, np.newaxis, :]).reshape(len(A), n * n_rows)
            whole -= M.T @ M
            for k in range(n_rows):
                # The difference of p_k and p_k^2 would be rounding where a class is certain.
                B = A * (roots * all_roots_of_variances[rows, k : k + 1])
                blocks[k] += B.T @ B
        return whole, blocks

    H, blocks = over(objective, rng, n * n_rows)(visit)
    for k in range(n_rows):
        H[k::n_rows, k::n_rows] = blocks[k]
        if n_rows > 1:
            # Along coefficients that are the same for all classes the loss is flat; the mean of
            # the blocks there changes no step, since the gradient has no such part.
            for m in range(n_rows):
                H[k::n_rows, m::n_rows] += blocks.mean(axis=0) / n_rows
    return H


def choose_map(
    objective: Objective,
    point: Point,
    safe: bool,
    whole: bool,
    separable: bool = False,
    rng: np.random.Generator | None = None,
    as_seen: bool = False,
) -> tuple[Map, float]:
    """Return coordinates to go on from `point` in, and for how many points at least.

    A norm wants a diagonal, or its prox would not be separable, and so do a method that must be
    `separable` and an X with too many columns; with few rows the coefficients lie in their span.
    A bound to be `safe`, for there a step is safe, then the curvature at `point`: one matrix for
    each class if they fit, or their mean, or the `whole` Hessian.  So many points that making the
    next coordinates costs half of what was spent in these.  With an `rng`, for stochastic solvers,
    the curvature is that of a sample, and the whole Hessian if it is small.
    """
    n, K = objective.n_features + objective.fit_intercept, objective.n_rows
    separable = separable or not objective.is_smooth
    if whole and objective.is_smooth:
        return full_map(objective, point), 1.0
    if not separable and objective.has_row_space:
        basis, units, reduced = objective.row_space
        change, cost = choose_map(reduced, point, safe, whole=False, rng=rng)
        return RowSpaceMap(objective, basis, units, change), cost
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
    passes *= rows_read(objective, rng, n) / len(objective.active)
    if safe:
        return bound_map(objective), 0.5 * passes
    return curvature_map(objective, point, per_class, rng), 0.5 * passes
