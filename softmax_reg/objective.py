r"""The one objective, over rows in blocks; this module alone knows how the flat `w` is laid out.

    F(W, b) = -(1/S) sum_i s_i log P_i[y_i] + h(W),    P = softmax(X W + b),   S = sum_i s_i
    dF/dZ = s (P - Y) / S,   dF/dW = X' dF/dZ + h'(W),   dF/db = sum_i dF/dZ_i

With two classes one row of coefficients is free (`n_rows` = 1): the scores get a column of zeros
in front and the pull-back keeps the last column.  With more, every class has its row.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.blocks import RowBlocks
from softmax_reg.penalties import Penalty

__all__ = ["Line", "Objective", "Point"]

# The basis of the rows' span takes as much memory as X.
_ROW_SPACE_BYTES = 64 << 20


class Objective:
    """F as a function of the flat vector w = (W row by row, then b).

    Parameters
    ----------
    rows : RowBlocks
        X of shape (n_samples, n_features).
    codes : ndarray of shape (n_samples,), intp
        The class of each row, 0 .. n_classes - 1.
    weights : ndarray of shape (n_samples,)
        s, at least 0, in the dtype of X.
    n_classes : int
    penalty : Penalty
    fit_intercept : bool, default=True
    memory : int, default=64 MiB
        Bytes that the scores and probabilities of a point may take; above it they are computed
        again for each product.
    """

    def __init__(
        self,
        rows: RowBlocks,
        codes: NDArray[np.intp],
        weights: NDArray,
        n_classes: int,
        penalty: Penalty,
        fit_intercept: bool = True,
        memory: int = 64 << 20,
    ) -> None:
        self.rows, self.codes, self.weights = rows, codes, weights
        self.n_classes, self.penalty, self.fit_intercept = n_classes, penalty, fit_intercept
        self.n_rows = 1 if n_classes == 2 else n_classes
        self.n_features, self.dtype = rows.shape[1], rows.dtype
        self.size = (self.n_features + fit_intercept) * self.n_rows
        # In float64: a float32 sum over millions of rows would lose digits.
        self.total_weight = float(weights.sum(dtype=np.float64))
        self.is_smooth = penalty.is_smooth
        # P and log P of two points and the scores of the direction between them.
        scores_bytes = 5 * rows.shape[0] * n_classes * self.dtype.itemsize
        self.keeps_scores = scores_bytes <= memory

    @cached_property
    def _moments(self) -> tuple[NDArray, NDArray]:
        """Weighted mean and variance of each column; without intercept about zero."""
        X = self.rows.X
        # Deviations from the first row lose no digits when a mean is large beside its deviation.
        if self.rows.is_sparse:
            pivot = np.zeros(self.n_features)
        else:
            pivot = X[0].astype(np.float64) * self.fit_intercept

        def visit(X: Any, part: slice) -> tuple[NDArray, NDArray]:
            s = self.weights[part].astype(np.float64, copy=False)
            if self.rows.is_sparse:
                return np.asarray(s @ X), np.asarray(s @ X.multiply(X))
            D = X - pivot
            first = s @ D
            D *= D
            return first, s @ D

        first, second = (total / self.total_weight for total in self.rows.reduce(visit))
        if not self.fit_intercept:
            return np.zeros(self.n_features), second
        mean, variance = pivot + first, second - first**2
        # What rounding leaves of a constant column is no variance.
        rounding = 4.0 * np.finfo(self.dtype).eps * np.abs(mean)
        if not self.rows.is_sparse:
            rounding *= rounding
        else:
            rounding *= np.abs(mean)
        return mean, np.where(variance <= rounding, 0.0, variance)

    @property
    def mean(self) -> NDArray:
        """Weighted mean of each feature, shape (n_features,), float64; 0 without intercept."""
        return self._moments[0]

    @cached_property
    def scale(self) -> NDArray:
        """sqrt(variance + alpha (1 - l1_ratio)) of each feature: the root of its curvature.

        Up to a factor of at most 1/2 the diagonal of the bound of Boehning (1992) on the Hessian.
        """
        curvature = self._moments[1] + self.penalty.curvature
        return np.sqrt(np.where(curvature > 0.0, curvature, 1.0))

    @cached_property
    def resolution(self) -> float:
        """The optimality that rounding hides: eps times the largest feature, in units of scale."""
        size = (np.abs(self.mean) + np.sqrt(self._moments[1])) / self.scale
        return 2.0 * float(np.finfo(self.dtype).eps * max(size.max(), 1.0))

    @property
    def has_row_space(self) -> bool:
        """Whether the rows span so few dimensions that working in their span pays."""
        n, p = self.rows.shape
        small = n * p * self.dtype.itemsize <= _ROW_SPACE_BYTES and 2 * n <= p
        return small and self.keeps_scores and not self.rows.is_sparse

    @cached_property
    def row_space(self) -> tuple[NDArray, Objective]:
        """Orthonormal basis Q (n_features, n_samples) of the rows' span, and F over X Q."""
        Q, R = np.linalg.qr(self.rows.X.T)
        rows = RowBlocks(np.ascontiguousarray(R.T), self.n_classes, n_threads=1)
        reduced = Objective(
            rows, self.codes, self.weights, self.n_classes, self.penalty, self.fit_intercept
        )
        return Q, reduced

    def unpack(self, w: NDArray) -> tuple[NDArray, NDArray]:
        """Return views W (n_features, n_rows) and b (n_rows,); b is empty without intercept."""
        W = w[: self.n_features * self.n_rows].reshape(self.n_features, self.n_rows)
        return W, w[self.n_features * self.n_rows :]

    def pack(self, W: NDArray, b: NDArray) -> NDArray:
        """Return the flat w of W (n_features, n_rows) and b (n_rows,)."""
        parts = (W.ravel(), b) if self.fit_intercept else (W.ravel(),)
        return np.concatenate(parts).astype(self.dtype, copy=False)

    def at(self, w: NDArray, scores: NDArray | None = None) -> Point:
        """Return the point w; `scores` if X W + b is known already."""
        return Point(self, w, scores)

    def prox(self, w: NDArray, step: float) -> NDArray:
        """Return the proximal point of the penalty's rest; the intercept stays as it is."""
        W, b = self.unpack(w)
        return self.pack(self.penalty.prox(W, step), b)

    # What follows is the mathematics of one block: Z, P and R have a row for each row of X and a
    # column for each class, stored column by column, for then NumPy's reductions run at full speed.

    def scores(self, X: Any, W: NDArray, b: NDArray) -> NDArray:
        """Return Z = X W + b of a block, shape (rows, n_classes)."""
        Z = np.zeros((X.shape[0], self.n_classes), dtype=self.dtype, order="F")
        free = Z[:, self.n_classes - self.n_rows :]
        free[...] = X @ W
        if self.fit_intercept:
            free += b
        return Z

    def pull_back(self, X: Any, R: NDArray) -> NDArray:
        """Return (X' R, sum of R) of a block, flat: the adjoint of `scores`."""
        free = R[:, self.n_classes - self.n_rows :]
        return self.pack(X.T @ free, free.sum(axis=0))

    def residuals(self, P: NDArray, part: slice | NDArray) -> NDArray:
        """Turn P of some rows, in place, into dF/dZ = s (P - Y) / S."""
        P[np.arange(len(P)), self.codes[part]] -= 1.0
        P *= self.shares(part)
        return P

    def shares(self, part: slice | NDArray) -> NDArray:
        """Return s / S of some rows as a column."""
        return (self.weights[part] / self.dtype.type(self.total_weight))[:, np.newaxis]

    def losses(self, log_P: NDArray, part: slice) -> NDArray:
        """Return the share of some rows in the loss, -(1/S) sum s log P[y], in float64, (1,)."""
        chosen = log_P[np.arange(len(log_P)), self.codes[part]]
        loss = np.vdot(self.weights[part].astype(np.float64, copy=False), chosen)
        return np.array([-loss / self.total_weight])

    def sample_gradient(self, w: NDArray, sample: NDArray[np.intp]) -> NDArray:
        """Return an unbiased estimate of the gradient at w from a uniform sample of the rows."""
        X = self.rows.take(sample)
        W, b = self.unpack(w)
        P, _ = softmax_of(self.scores(X, W, b))
        gradient = self.pull_back(X, self.residuals(P, sample))
        gradient *= self.rows.shape[0] / len(sample)
        gradient[: W.size] += self.penalty.gradient(W).ravel()
        return gradient


def softmax_of(Z: NDArray) -> tuple[NDArray, NDArray]:
    """Return P and log P of a block of scores; Z is overwritten by log P."""
    Z -= Z.max(axis=1, keepdims=True)
    P = np.exp(Z)
    total = P.sum(axis=1, keepdims=True)
    P /= total
    Z -= np.log(total)
    return P, Z


class Point:
    """The objective at one w: each quantity is computed when first asked for, and kept.

    Attributes
    ----------
    w : ndarray of shape (size,)
        Not to be written to.
    inner : Point
        Itself; a point in other coordinates has the point it stands for.
    value : float
        F(w), with the whole penalty.
    gradient : ndarray of shape (size,)
        Of the smooth part of F.
    """

    def __init__(self, objective: Objective, w: NDArray, scores: NDArray | None = None) -> None:
        self.objective, self.w = objective, w
        self._scores = scores
        self._softmax: tuple[NDArray, NDArray] | None = None  # P and log P of every row

    @property
    def inner(self) -> Point:
        return self

    @cached_property
    def value(self) -> float:
        loss = self._value_and_gradient[0] if self._scores is None else self._loss_of_scores
        return loss + self.objective.penalty.value(self.objective.unpack(self.w)[0])

    @cached_property
    def gradient(self) -> NDArray:
        if self._scores is None:
            gradient = self._value_and_gradient[1]
        else:
            gradient = self._gradient_of_scores
        W, _ = self.objective.unpack(self.w)
        gradient[: W.size] += self.objective.penalty.gradient(W).ravel()
        return gradient

    @cached_property
    def optimality(self) -> float:
        """How far w is from a minimiser, in units that do not depend on those of the features.

        The largest entry of u - prox(u - dF/du), where u_jk = scale_j W_jk and b belongs to
        centred features; without an L1 norm that is the largest entry of dF/du.
        """
        objective, scale = self.objective, self.objective.scale[:, np.newaxis]
        W, _ = objective.unpack(self.w)
        slope, b_slope = objective.unpack(self.gradient)
        if objective.fit_intercept:
            slope = slope - objective.mean[:, np.newaxis] * b_slope
        moved = objective.penalty.prox(W - slope / scale**2, 1.0 / scale**2)
        return float(max(np.abs(scale * (W - moved)).max(), np.abs(b_slope).max(initial=0.0)))

    def softmax(self, X: Any, part: slice) -> tuple[NDArray, NDArray]:
        """Return P and log P of a block of rows, to be read only."""
        if self._softmax is not None:
            P, log_P = self._softmax
            return P[part], log_P[part]
        return softmax_of(self.objective.scores(X, *self.objective.unpack(self.w)))

    @cached_property
    def _value_and_gradient(self) -> tuple[float, NDArray]:
        """The loss and its gradient, each row of X read once."""
        objective, keep = self.objective, self._room()
        W, b = objective.unpack(self.w)

        def visit(X: Any, part: slice) -> tuple[NDArray, NDArray]:
            P, log_P = softmax_of(objective.scores(X, W, b))
            if keep is not None:
                keep[0][part], keep[1][part] = P, log_P
            loss = objective.losses(log_P, part)
            return loss, objective.pull_back(X, objective.residuals(P, part))

        loss, gradient = objective.rows.reduce(visit)
        self._softmax = keep
        return float(loss[0]), gradient

    @cached_property
    def _loss_of_scores(self) -> float:
        """The loss when the scores are known: no product with X.  They become log P."""
        objective, scores = self.objective, self._scores
        assert scores is not None
        proba = np.empty_like(scores)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            proba[part], log_P = softmax_of(scores[part])
            return (objective.losses(log_P, part),)

        (loss,) = objective.rows.reduce(visit)
        self._softmax = proba, scores
        return float(loss[0])

    @cached_property
    def _gradient_of_scores(self) -> NDArray:
        objective, _ = self.objective, self.value

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = self.softmax(X, part)
            return (objective.pull_back(X, objective.residuals(P.copy(order="F"), part)),)

        return objective.rows.reduce(visit)[0]

    def _room(self) -> tuple[NDArray, NDArray] | None:
        if not self.objective.keeps_scores:
            return None
        shape, dtype = (self.objective.rows.shape[0], self.objective.n_classes), self.w.dtype
        return np.empty(shape, dtype, order="F"), np.empty(shape, dtype, order="F")

    def hessian_product(self, v: NDArray) -> NDArray:
        """Return the Hessian of the smooth part times v.

        With D = X V + u, row by row: (diag(p) - p p') d, then the pull-back.
        """
        objective = self.objective
        V, u = objective.unpack(v)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = self.softmax(X, part)
            D = objective.scores(X, V, u)
            D -= (P * D).sum(axis=1, keepdims=True)
            D *= P
            D *= objective.shares(part)
            return (objective.pull_back(X, D),)

        (product,) = objective.rows.reduce(visit)
        product[: V.size] += objective.penalty.curvature * V.ravel()
        return product

    def line(self, direction: NDArray) -> Line:
        """Return t -> the point w + t * direction."""
        return Line(self, direction)


class Line:
    """The points w + t d.  Their scores are Z + t (X D + u): one product with X serves every t."""

    def __init__(self, start: Point, direction: NDArray) -> None:
        self.start, self.direction, self.objective = start, direction, start.objective
        self._D = self._direction_scores() if self.objective.keeps_scores else None

    def _direction_scores(self) -> NDArray:
        objective = self.objective
        V, u = objective.unpack(self.direction)
        D = np.empty((objective.rows.shape[0], objective.n_classes), objective.dtype, order="F")

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            D[part] = objective.scores(X, V, u)
            return (np.zeros(1),)

        objective.rows.reduce(visit)
        return D

    def at(self, t: float) -> Point:
        """Return the point at t."""
        w = self.start.w + self.objective.dtype.type(t) * self.direction
        _ = self.start.value  # computes the softmax
        if self._D is None or self.start._softmax is None:
            return self.objective.at(w)
        _, log_P = self.start._softmax
        # log P differs from the scores by a shift of each row, which the softmax does not see.
        return self.objective.at(w, scores=log_P + self.objective.dtype.type(t) * self._D)

    def slope(self, point: Point) -> float:
        """Return dF/dt at a point of this line."""
        if self._D is None or point._softmax is None:
            return float(np.vdot(point.gradient, self.direction))
        objective, D = self.objective, self._D

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = point.softmax(X, part)
            R = objective.residuals(P.copy(order="F"), part)
            return (np.array([np.einsum("ik,ik->", R, D[part], dtype=np.float64)]),)

        loss_slope = float(objective.rows.reduce(visit)[0][0])
        W, V = objective.unpack(point.w)[0], objective.unpack(self.direction)[0]
        return loss_slope + float(np.vdot(objective.penalty.gradient(W), V))
