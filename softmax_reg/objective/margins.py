"""Margins of the rows along a direction, in coordinates where every direction counts alike.

A direction V, of shape (rank, K - 1), changes the scores of a row by t V B', and the margin of its
own class y over another class k by

    m_k(V) = t V (B_y - B_k)',   t = the row, centred, scaled and whitened: mean of t' t = I

B, of shape (K, K - 1), has orthonormal columns that sum to zero: a shift of all classes, which
changes no probability, is not a direction.  Neither are constant or collinear columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block, Pass
from softmax_reg.dataset.row_blocks import BLOCK_BYTES
from softmax_reg.dataset.rows import Matrix, dense
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point

__all__ = ["Margins"]

Visit = Callable[..., tuple[NDArray, ...]]

_EPS = float(np.finfo(np.float64).eps)
# What of the rows may be dense, whitened and in float64 at a time, in each thread.
_PIECE_BYTES = 1 << 20
# The largest square matrix, and all rows at once where they are fewer than the features.
_MATRIX_BYTES = 32 << 20
# Columns are collinear where the correlations have an eigenvalue below so many roundings.
_COLLINEAR = 64.0


class Margins:
    """The rows that have a weight, as the directions without a penalty see them.

    Parameters
    ----------
    objective : Objective

    Attributes
    ----------
    classes : ndarray of shape (n_classes,), intp
        The classes that have a row; K below is their number.
    n : int
        The number of rows; one with shares of several classes counts once for each.
    rank, size : int
        The dimension of the rows, and rank * (K - 1), that of the directions.
    basis : ndarray of shape (width, rank)
        What whitens standardised rows.
    has_basis : bool
        Whether it could be made; if not, there are too many features, and nothing can be asked.
    fits : bool
        Whether a square matrix over all directions is small enough.
    """

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        rows, labels, _ = objective.data.targets[objective.active].expanded()
        self.n, self._times = len(rows), np.bincount(rows, minlength=len(objective.active))
        free = objective.penalty.unpenalised(objective.n_features) & ~objective.is_constant
        self._free = np.flatnonzero(free)
        counts = np.bincount(labels.codes, minlength=objective.n_classes)
        self.classes = np.flatnonzero(counts)
        self._place = np.cumsum(counts > 0) - 1
        self.contrasts = np.asarray(scipy.linalg.helmert(len(self.classes))).T
        width = len(self._free) + objective.fit_intercept
        self.rank = 0
        self.basis = np.zeros((width, 0))
        self._span: NDArray[np.float64] | None = None
        self.has_basis = 8 * width * min(width, self.n) <= _MATRIX_BYTES
        if self.has_basis and width > self.n:
            self._whiten_span(width)
        elif self.has_basis and width:
            self._whiten_columns()
        self.size = self.rank * (len(self.classes) - 1)
        self.fits = 8 * self.size**2 <= _MATRIX_BYTES

    def _whiten_columns(self) -> None:
        def visit(block: Block) -> tuple[NDArray]:
            A = self._standardised(block.X)
            return (A.T @ A,)

        (total,) = self._each(visit)
        self.basis = _whitening(total / self.n)
        self.rank = self.basis.shape[1]

    def _whiten_span(self, width: int) -> None:
        """Fewer rows than columns: their whitened coordinates are those in their span."""
        objective = self.objective
        A = np.zeros((objective.data.shape[0], width))

        def visit(block: Block) -> tuple[()]:
            # Of rows without a weight, too: what is kept of rows that were picked is a copy.
            block.kept["A"][...] = self._standardised(block.X)
            return ()

        objective.data.reduce(visit, {"A": A})
        root = np.sqrt(self._times)[:, np.newaxis]
        A = A[objective.active] * root
        values, vectors = np.linalg.eigh(A @ A.T)
        kept = values > _COLLINEAR * _EPS * self.n * values[-1]
        self.rank = int(kept.sum())
        span = np.zeros((objective.data.shape[0], self.rank))
        span[objective.active] = vectors[:, kept] * np.sqrt(self.n) / root
        self._span, self.basis = span, np.eye(self.rank)

    def _standardised(self, X: Matrix) -> NDArray[np.float64]:
        """Return some rows dense, centred and scaled, with a column of ones."""
        objective, p = self.objective, len(self._free)
        A = np.ones((X.shape[0], p + objective.fit_intercept))
        if len(self._free) < objective.n_features:
            X = X[:, self._free]
        X = dense(X)
        np.subtract(X, objective.mean[self._free], out=A[:, :p])
        A[:, :p] /= objective.scale[self._free]
        return A

    def _each(self, visit: Pass, kept: Mapping[str, NDArray] | None = None) -> tuple[NDArray, ...]:
        """Sum what `visit` returns over small blocks of the rows that have a weight."""
        data = self.objective.data
        width = len(self._free) + self.rank + len(self.classes) + 2
        # Enough rows for adding up matrices of rank^2 entries to cost little beside making them.
        together = max(_PIECE_BYTES // (8 * width), 4 * self.rank, 16)

        def visit_parts(block: Block) -> tuple[NDArray, ...]:
            total: tuple[NDArray, ...] = ()
            # Each slice of the rows of CSC reads all of it.
            step = 16 * together if getattr(block.X, "format", "") == "csc" else together
            for start in range(0, block.X.shape[0], step):
                part = block.part(slice(start, start + step))
                active = np.flatnonzero(part.weights)
                part = part if len(active) == len(part.weights) else part.part(active)
                new = visit(part.expanded())
                total = tuple(a + b for a, b in zip(total, new, strict=True)) if total else new
            return total

        return data.reduce(visit_parts, kept, max(8 * width * together, BLOCK_BYTES))

    def reduce(
        self, visit: Visit, point: Point | None = None, whitened: bool = True
    ) -> tuple[NDArray, ...]:
        """Sum what `visit` returns over the rows.

        Parameters
        ----------
        visit : callable (T, y, s) or (T, y, s, P, log_P) -> tuple of arrays
            T of shape (rows, rank), y the places of the rows' own classes in `classes`, s the
            shares of the rows in the total weight; of a `point`, P and log P of `classes`.
        point : Point or None, default=None
        whitened : bool, default=True
            Whether T is made, or visit gets rows A with T = A `basis`: that is much less to do
            where there are many features.
        """
        objective = self.objective

        def visit_rows(block: Block) -> tuple[NDArray, ...]:
            T = self._standardised(block.X) if self._span is None else block.kept["T"]
            T = T @ self.basis if whitened and self._span is None else T
            y = self._place[block.targets.codes]
            s = block.weights / objective.data.total_weight
            if point is None:
                return visit(T, y, s)
            P, log_P = objective.model.softmax(point.w, block)
            if len(self.classes) < objective.n_classes:
                P, log_P = P[:, self.classes], log_P[:, self.classes]
            return visit(T, y, s, P.astype(np.float64), log_P.astype(np.float64))

        kept = {} if point is None else point.kept
        return self._each(visit_rows, kept if self._span is None else kept | {"T": self._span})

    def of(self, T: NDArray, y: NDArray, V: NDArray) -> NDArray:
        """Return the margins (rows, K) along V over each class, in units of |t|; own ones inf."""
        D = T @ (V.reshape(self.rank, -1) @ self.contrasts.T)
        own = np.arange(len(y)), y
        m = D[own][:, np.newaxis] - D
        m /= np.maximum(np.linalg.norm(T, axis=1), np.finfo(np.float64).tiny)[:, np.newaxis]
        m[own] = np.inf
        return m

    def normals(self, T: NDArray, y: NDArray, k: NDArray) -> NDArray:
        """Return the gradients of the margins of rows over one class each, (rows, size)."""
        between = self.contrasts[y] - self.contrasts[k]
        return (T[:, :, np.newaxis] * between[:, np.newaxis, :]).reshape(len(T), self.size)

    def grams(self, T: NDArray, y: NDArray, weights: NDArray) -> NDArray:
        """Return T' diag(weights_k) T of the rows of each class y, shape (K, K, rank, rank)."""
        K = len(self.classes)
        total = np.zeros((K, K, self.rank, self.rank))
        for own in np.unique(y):
            mine = y == own
            total[own] = _weighted_grams(T[mine], weights[mine])
        return total

    def assembled(self, grams: NDArray) -> NDArray:
        """Return sum of weight * normal normal' over rows and classes from `grams`, (size, size).

        Over the classes it is the Laplacian of a graph whose edge y-k has the weight gram_yk.
        """
        K, r = len(self.classes), self.rank
        edges = grams + grams.swapaxes(0, 1)
        laplacian = -edges
        laplacian[np.arange(K), np.arange(K)] += edges.sum(axis=1)
        B = self.contrasts
        half = np.tensordot(B, laplacian, axes=(0, 0))  # (K - 1, K, r, r)
        whole = np.tensordot(B, half, axes=(0, 1))  # (K - 1, K - 1, r, r)
        return whole.transpose(2, 1, 3, 0).reshape(r * (K - 1), r * (K - 1))


def _weighted_grams(T: NDArray, weights: NDArray) -> NDArray:
    (n, r), K = T.shape, weights.shape[1]
    if r >= K:
        return np.stack([(T * w[:, np.newaxis]).T @ T for w in weights.T])
    total = np.zeros((K, r * r))
    together = max(_PIECE_BYTES // (8 * r * r), 1)
    for start in range(0, n, together):
        part = slice(start, start + together)
        products = (T[part, :, np.newaxis] * T[part, np.newaxis, :]).reshape(-1, r * r)
        total += weights[part].T @ products
    return total.reshape(K, r, r)


def _whitening(G: NDArray) -> NDArray:
    """Return L with L' G L = I, one column for each direction in which G is not zero.

    Of collinear columns some are left out, in place of one direction of them all: what rounding
    makes of a column that depends on others then blurs none of those that are left.
    """
    d = np.sqrt(np.diag(G))
    inverse = np.divide(1.0, d, out=np.zeros(len(d)), where=d > 0.0)
    correlations = G * inverse * inverse[:, np.newaxis]
    tolerance = _COLLINEAR * _EPS * len(G)
    _, order, rank, _ = scipy.linalg.lapack.dpstrf(correlations, tol=tolerance, lower=1)
    kept = np.sort(order[:rank] - 1)
    values, vectors = np.linalg.eigh(correlations[np.ix_(kept, kept)])
    sound = values > tolerance
    L = np.zeros((len(G), int(sound.sum())))
    L[kept] = inverse[kept, np.newaxis] * vectors[:, sound] / np.sqrt(values[sound])
    return L
