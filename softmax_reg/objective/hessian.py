"""The Hessian of the loss at a point: whole, in blocks, its diagonal, of all rows or of a sample.

With centred and scaled features a_i of row i, and a_i = 1 for the intercept,

    H_(jk)(lm) = (1/S) sum_i s_i a_ij a_il p_ik (delta_km - p_im)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

if TYPE_CHECKING:
    from softmax_reg.objective.objective import Objective
    from softmax_reg.objective.point import Point

__all__ = [
    "diagonal_hessian",
    "gram",
    "hessian_block",
    "over",
    "ridge_of",
    "row_curvature",
    "rows_read",
    "standardised",
    "variances",
    "whole_hessian",
]

# What of a sparse X may be dense at a time, in each thread.
_DENSE_BYTES = 4 << 20
# With so many rows for each dimension the curvature of a sample is that of all rows, nearly:
# Z. Frangella et al. (2023), "PROMISE", section 3.
_ROWS_PER_DIMENSION = 100


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


# Above it 1 - p has lost three digits.
_CERTAIN = 0.999

# What of the products below may be in memory at a time, in each thread.
_PART_BYTES = 4 << 20


def variances(P: NDArray) -> NDArray:
    """Return P (1 - P), to the last digits also where a class is all but certain.

    There 1 - p is the sum of the others.
    """
    Q, (rows, columns) = P * (1.0 - P), np.nonzero(P > _CERTAIN)
    others = P[rows]
    others[np.arange(len(rows)), columns] = 0.0
    Q[rows, columns] = P[rows, columns] * others.sum(axis=1)
    return Q


def hessian_block(
    point: Point, index: NDArray[np.intp], mean: NDArray | None = None, scale: NDArray | None = None
) -> NDArray:
    """Return the Hessian of the loss along some coordinates, float64, for shifted, scaled features.

    Parameters
    ----------
    point : Point
    index : ndarray of shape (m,), intp
        The coordinates: feature * n_rows + row, the intercept after the last feature.
    mean, scale : ndarray of shape (n_features,) or None, default=None
        What the features are shifted and divided by; None leaves them as they are.
    """
    objective = point.objective
    p, n_rows, m = objective.n_features, objective.n_rows, len(index)
    feature, row = np.divmod(index, n_rows)
    features, column = np.unique(feature[feature < p], return_inverse=True)
    column = np.append(column, np.full(np.count_nonzero(feature == p), len(features)))
    of_row = [np.flatnonzero(row == k) for k in range(n_rows)]
    shift = np.zeros(len(features)) if mean is None else mean[features]
    divisor = np.ones(len(features)) if scale is None else scale[features]

    def dense(X: Any) -> NDArray:
        A = np.ones((X.shape[0], len(features) + 1))
        A[:, :-1] = X[:, features].toarray() if objective.rows.is_sparse else X[:, features]
        A[:, :-1] -= shift
        A[:, :-1] /= divisor
        return A

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        total = np.zeros((m, m))
        all_proba = point.softmax(X, part)[0]
        free = slice(objective.n_classes - n_rows, None)
        all_variances, all_proba = variances(all_proba)[:, free], all_proba[:, free]
        all_shares = objective.shares(part)
        together = max(_PART_BYTES // (8 * (m + len(features) + 1)), m // 4, 1)
        for start in range(0, X.shape[0], together):
            rows = slice(start, start + together)
            A, P, roots = dense(X[rows]), all_proba[rows], np.sqrt(all_shares[rows])
            # A row has (diag(p) - p p') (x) a a': between classes it is one product.
            A *= roots
            At, Pt = np.ascontiguousarray(A.T), P.T  # picking rows is fast, picking columns is not
            M = At[column]
            M *= Pt[row]
            product, Q = M @ M.T, all_variances[rows].T
            for k, mine in enumerate(of_row):
                B = At[column[mine]]
                B *= np.sqrt(Q[k])
                # The difference of p_k and p_k^2 would be rounding where a class is certain.
                product[np.ix_(mine, mine)] = -(B @ B.T)
            total -= product
        return (total,)

    return objective.rows.reduce(visit, block_bytes=max(1 << 20, 4 * m**2))[0]
