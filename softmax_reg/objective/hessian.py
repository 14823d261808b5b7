"""The Hessian of the loss at a point: whole, in blocks, its diagonal, of all rows or of a sample.

With centred and scaled features a_i of row i, and a_i = 1 for the intercept,

    H_(jk)(lm) = (1/S) sum_i s_i a_ij a_il p_ik (delta_km - p_im)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block, Pass
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.row_blocks import BLOCK_BYTES, Sums
from softmax_reg.dataset.rows import Matrix
from softmax_reg.dataset.scratch import Scratch
from softmax_reg.objective.hessian_block import variances
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point

__all__ = [
    "class_variances",
    "diagonal_hessian",
    "gram",
    "gram_cost",
    "hessian_cost",
    "ridge_of",
    "row_curvature",
    "rows_read",
    "whole_hessian",
]

# What of a sparse X may be dense at a time, in each thread.
_DENSE_BYTES = 4 << 20
# With so many rows for each dimension the curvature of a sample is that of all rows, nearly:
# Z. Frangella et al. (2023), "PROMISE", section 3.
_ROWS_PER_DIMENSION = 100
# The price of a product of two entries of a sparse row in multiply-adds of dense products, and of
# an entry of the matrix that it adds to; `benchmarks.gram_costs` compares both with what it finds.
# And the largest square of a mean in units of scale: beside more, a variance would lose its digits.
_SPARSE_PAIR, _SPARSE_ENTRY, _NEAR_ZERO = 120.0, 150.0, 1e4
# The largest matrix.
_HESSIAN_BYTES = 64 << 20
# A pass over few rows takes as long as so many multiply-adds of a large matrix product.
_OVERHEAD = 4e5
# As many factors of a Hessian, or of its parts, are made before the next one.
_FACTORS = 24

Weigh = Callable[[Block], NDArray]


def hessian_cost(loss: PenalisedLoss, n_coordinates: int, n_some: int | None = None) -> float:
    """Return what the Hessian along so many coordinates costs, in passes over X.

    In multiply-adds, a softmax taken for ten, with some Cholesky factors for its use; infinite if
    the matrix would be too large.  With `n_some`, of so many rows, and one factor.
    """
    n, m = loss.data.shape[0], n_coordinates
    if 8 * m**2 > _HESSIAN_BYTES:
        return np.inf
    one_pass = max(n * loss.n_classes * (loss.data.rows.origin.per_row + 5.0), _OVERHEAD)
    if n_some is not None:
        return m**2 * (n_some + m / 3.0) / (2.0 * one_pass)
    return m**2 * (n + _FACTORS * m / 3.0) / (2.0 * one_pass)


@dataclass(frozen=True)
class _Standard:
    """Makes rows dense, features centred and scaled, with a column of ones for an intercept."""

    mean: NDArray
    scale: NDArray
    fit_intercept: bool
    scratch: Scratch = field(default_factory=Scratch)

    @classmethod
    def of(cls, loss: PenalisedLoss) -> _Standard:
        dtype = loss.dtype
        return cls(loss.mean.astype(dtype), loss.scale.astype(dtype), loss.fit_intercept)

    @property
    def width(self) -> int:
        return len(self.mean) + self.fit_intercept

    @property
    def is_near_zero(self) -> bool:
        """Whether no mean is so large that the variance beside it is lost."""
        return bool(np.square(self.mean / self.scale).max(initial=0.0) <= _NEAR_ZERO)

    def parts(self, X: Matrix, width: int | None = None) -> Iterator[tuple[slice, NDArray]]:
        """Yield parts of a block, each in the memory of the last.

        A block of dense X is one part; of sparse X parts are so small that little of it is ever
        dense, and so they are where each row makes `width` numbers more.
        """
        p, dtype, is_dense = len(self.mean), self.mean.dtype, isinstance(X, np.ndarray)
        together = X.shape[0]
        if width is not None or not is_dense:
            together = max(_DENSE_BYTES // (dtype.itemsize * (width or p + 1)), 1)
        for start in range(0, X.shape[0], together):
            part = slice(start, min(start + together, X.shape[0]))
            A = self.scratch.array("A", (part.stop - start, self.width), dtype)
            np.subtract(X[part] if is_dense else X[part].toarray(), self.mean, out=A[:, :p])
            A[:, :p] /= self.scale
            A[:, p:] = 1.0
            yield part, A


def rows_read(data: Dataset, rng: np.random.Generator | None, n: int) -> int:
    """Return how many rows the curvature of n dimensions is taken from: all without an `rng`."""
    n_samples = len(data.active)
    return n_samples if rng is None else min(_ROWS_PER_DIMENSION * n, n_samples)


def _over_enough(
    data: Dataset,
    visit: Pass,
    rng: np.random.Generator | None,
    n: int,
    kept: Mapping[str, NDArray],
    block_bytes: int = BLOCK_BYTES,
) -> Sums:
    """Return the sums over all rows, or an estimate from enough of them for n dimensions."""
    wanted, known = rows_read(data, rng, n), data.sample
    if rng is None or wanted >= len(known):
        return data.reduce(visit, kept, block_bytes)
    sample = np.sort(rng.choice(known, wanted, replace=False))
    factor = len(data.active) / wanted
    return tuple(factor * total for total in data.reduce_some(sample, visit, kept))


def gram(
    loss: PenalisedLoss,
    weigh: Weigh,
    rng: np.random.Generator | None = None,
    point: Point | None = None,
) -> NDArray:
    """Return X' diag(q) X, shape (n_grams, n, n), float64, for centred and scaled X with a 1.

    Parameters
    ----------
    loss : PenalisedLoss
    weigh : callable Block -> ndarray of shape (rows, n_grams)
        The weights q, at least 0.
    rng : Generator or None, default=None
        Where given, rows may be drawn for an estimate.
    point : Point or None, default=None
        Whose softmax blocks bring, if it is kept.
    """
    standard = _Standard.of(loss)
    n, kept = standard.width, {} if point is None else point.kept
    # Blocks with half as many rows as columns, or adding up the Grams would cost as much as they.
    large = max(BLOCK_BYTES, 4 * n**2)
    return _over_enough(loss.data, partial(_gram, standard, weigh), rng, n, kept, large)[0]


def _gram(standard: _Standard, weigh: Weigh, block: Block) -> tuple[NDArray]:
    q, n = weigh(block), standard.width
    if _is_cheaper_sparse(block.X) and standard.is_near_zero:
        return (np.stack([_sparse_gram(standard, block.X, column) for column in q.T]),)
    roots = np.sqrt(q)
    total = np.zeros((roots.shape[1], n, n))
    for rows, A in standard.parts(block.X):
        B = standard.scratch.array("B", A.shape, A.dtype)
        for k, root in enumerate(roots[rows].T):
            np.multiply(A, root[:, np.newaxis], out=B)
            total[k] += B.T @ B
    return (total,)


def _is_cheaper_sparse(X: Matrix) -> bool:
    """Return whether sparse products make the Gram matrix of these rows sooner than dense ones."""
    n, p = X.shape
    return not isinstance(X, np.ndarray) and gram_cost(X) < n * p**2


def gram_cost(X: Matrix) -> float:
    """Return what a Gram matrix of these rows costs, in multiply-adds of dense products."""
    n, p = X.shape
    if isinstance(X, np.ndarray):
        return float(n) * p**2
    if X.format == "csr":
        per_row = np.diff(X.indptr)
    else:
        per_row = np.bincount(X.indices, minlength=n)
    pairs = float(np.square(per_row, dtype=np.float64).sum())
    return min(_SPARSE_PAIR * pairs + _SPARSE_ENTRY * p**2, float(n) * p**2)


def _sparse_gram(standard: _Standard, X: Matrix, q: NDArray) -> NDArray:
    """Return X' diag(q) X for centred and scaled X with a 1, from the sparse products.

    sum q (x - m)(x - m)' = X' diag(q) X - m (q' X) - (X' q) m' + (sum q) m m'
    """
    p, q = len(standard.mean), q.astype(np.float64)
    m, scale = standard.mean.astype(np.float64), standard.scale.astype(np.float64)
    total, first = q.sum(), X.T @ q
    G = np.empty((standard.width, standard.width))
    G[:p, :p] = (X.T @ (sp.diags(q) @ X)).toarray()
    G[:p, :p] += np.outer(m, total * m - first) - np.outer(first, m)
    G[:p, :p] /= scale
    G[:p, :p] /= scale[:, np.newaxis]
    G[:p, p:] = ((first - total * m) / scale)[:, np.newaxis]
    G[p:, :p], G[p:, p:] = G[:p, p:].T, total
    return G


def class_variances(point: Point, classes: slice, is_mean: bool = False) -> Weigh:
    """Return what gives p_k (1 - p_k) s / S of a block for some classes, or the mean over them."""
    return partial(_class_variances, point.objective.model, point.w, classes, is_mean)


def _class_variances(
    model: LinearModel, w: NDArray, classes: slice, is_mean: bool, block: Block
) -> NDArray:
    q = variances(model.softmax(w, block)[0])[:, classes] * block.shares
    return q.mean(axis=1, keepdims=True) if is_mean else q


def ridge_of(loss: PenalisedLoss) -> NDArray:
    """Return what the penalty adds to the diagonal for scaled features, shape (n,)."""
    ridge = np.zeros(loss.n_features + loss.fit_intercept)
    ridge[: loss.n_features] = np.ravel(loss.penalty.curvature) / loss.scale**2
    return ridge


def diagonal_hessian(loss: PenalisedLoss, point: Point) -> NDArray:
    """Return the diagonal of the loss's Hessian for centred and scaled features, (n, n_outputs).

    Sums of p_k (1 - p_k) (x_j - mean_j)^2 / scale_j^2 over the rows.
    """
    visit = partial(_squares, point.objective.model, point.w, loss.scale.astype(loss.dtype))
    second, first, total = loss.data.reduce(visit, point.kept)
    mean = (loss.mean / loss.scale)[:, np.newaxis]
    curvature = np.maximum(second - 2.0 * mean * first + mean**2 * total, 0.0)
    return np.vstack([curvature, total]) if loss.fit_intercept else curvature


def _squares(
    model: LinearModel, w: NDArray, units: NDArray, block: Block
) -> tuple[NDArray, NDArray, NDArray]:
    q = variances(model.softmax(w, block)[0])[:, model.free] * block.shares
    q, X = np.ascontiguousarray(q), block.X
    # Scaled first: the square of a large float32 would overflow.
    A = X / units if isinstance(X, np.ndarray) else X @ sp.diags(1.0 / units)
    first = A.T @ q
    squares = np.square(A, out=A) if isinstance(X, np.ndarray) else A.power(2)
    return squares.T @ q, first, q.sum(axis=0)


def row_curvature(point: Point) -> NDArray:
    """Return s_i sum_k p_ik (1 - p_ik) of each row, the trace of its Hessian in its scores."""
    data = point.objective.data
    q = np.empty(data.shape[0])
    point.reduce(_keep_curvature, q=q)
    # Where every row is certain none is told from the others.
    return q if q.sum() > np.finfo(np.float64).tiny ** 0.5 else data.weights


def _keep_curvature(model: LinearModel, w: NDArray, block: Block) -> tuple[()]:
    P, _ = model.softmax(w, block)
    block.kept["q"][...] = variances(P).sum(axis=1) * block.weights
    return ()


def whole_hessian(
    loss: PenalisedLoss, point: Point, rng: np.random.Generator | None = None
) -> NDArray:
    """Return the loss's Hessian for centred and scaled features, shape (n n_outputs, n n_outputs).

    With `rng` an estimate of it from a sample of the rows.
    """
    standard, n_outputs = _Standard.of(loss), loss.n_outputs
    visit = partial(_whole_hessian, point.objective.model, point.w, standard)
    H, blocks = _over_enough(loss.data, visit, rng, standard.width * n_outputs, point.kept)
    for k in range(n_outputs):
        H[k::n_outputs, k::n_outputs] = blocks[k]
        if n_outputs > 1:
            # Along coefficients that are the same for all classes the loss is flat; the mean of
            # the blocks there changes no step, since the gradient has no such part.
            for m in range(n_outputs):
                H[k::n_outputs, m::n_outputs] += blocks.mean(axis=0) / n_outputs
    return H


def _whole_hessian(
    model: LinearModel, w: NDArray, standard: _Standard, block: Block
) -> tuple[NDArray, NDArray]:
    n, n_outputs = standard.width, model.n_outputs
    whole, blocks = np.zeros((n * n_outputs, n * n_outputs)), np.zeros((n_outputs, n, n))
    all_proba, all_roots = model.softmax(w, block)[0], np.sqrt(block.shares)
    all_roots_of_variances = np.sqrt(variances(all_proba)[:, model.free])
    all_proba = all_proba[:, model.free]
    for rows, A in standard.parts(block.X, n * n_outputs):
        P, roots = all_proba[rows], all_roots[rows]
        # The Hessian of a row is (diag(p) - p p') (x) a a': between classes it is one product.
        M = ((A * roots)[:, :, np.newaxis] * P[:, np.newaxis, :]).reshape(len(A), n * n_outputs)
        whole -= M.T @ M
        for k in range(n_outputs):
            # The difference of p_k and p_k^2 would be rounding where a class is certain.
            B = A * (roots * all_roots_of_variances[rows, k : k + 1])
            blocks[k] += B.T @ B
    return whole, blocks
