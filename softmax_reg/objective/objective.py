r"""The one objective, over rows in blocks; this module alone knows how the flat `w` is laid out.

    F(W, b) = -(1/S) sum_i s_i log P_i[y_i] + h(W),    P = softmax(X W + b),   S = sum_i s_i
    dF/dZ = s (P - Y) / S,   dF/dW = X' dF/dZ + h'(W),   dF/db = sum_i dF/dZ_i

With two classes one row of coefficients is free (`n_rows` = 1): the scores get a column of zeros
in front and the pull-back keeps the last column.  With more, every class has its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.left_out import as_start, expanded
from softmax_reg.dataset.moments import Moments
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.minibatch import Batch
from softmax_reg.objective.point import Point
from softmax_reg.objective.restricted_penalty import Face
from softmax_reg.penalties import Penalty

__all__ = ["Objective", "null_loss"]

# The basis of the rows' span takes as much memory as X.
_ROW_SPACE_BYTES = 64 << 20
_HESSIAN_BYTES = 64 << 20
# A pass over few rows takes as long as so many multiply-adds of a large matrix product.
_OVERHEAD = 4e5
# What is computed from the features and the penalty, or from the rows, and kept.
_OF_FEATURES = ("about_means", "scale", "resolution", "row_space")
_OF_ROWS = (*_OF_FEATURES, "moments", "active", "sample")
# As many factors of a Hessian, or of its parts, are made before the next one.
_FACTORS = 24


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
    present : ndarray of shape (n_present,), intp, or None, default=None
        The classes that take part, at least two, sorted; None means all.  The rows of the others
        must have no weight.
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
        present: NDArray[np.intp] | None = None,
    ) -> None:
        self.rows, self.codes, self._all_codes, self.weights = rows, codes, codes, weights
        self.penalty, self.fit_intercept = penalty, fit_intercept
        # From here on a class is one of those present; `n_labels` counts the others too.
        self.n_labels, self.present = n_classes, np.arange(n_classes)
        if present is not None and len(present) < n_classes:
            self.present = present
            self.codes = np.minimum(np.searchsorted(present, codes), len(present) - 1)
        self.n_classes = len(self.present)
        self.n_rows = 1 if n_classes == 2 else self.n_classes
        self.n_features, self.dtype = rows.shape[1], rows.dtype
        self.size = (self.n_features + fit_intercept) * self.n_rows
        # In float64: a float32 sum over millions of rows would lose digits.
        self.total_weight = float(weights.sum(dtype=np.float64))
        # Divided in float64: the total of float32 weights need not be a float32.
        self._shares = (weights.astype(np.float64) / self.total_weight).astype(self.dtype)
        self._minus_ones = -np.ones(self.n_classes, self.dtype)
        self.is_smooth = penalty.is_smooth
        # P and log P of two points and the scores of the direction between them.
        scores_bytes = 5 * rows.shape[0] * self.n_classes * self.dtype.itemsize
        # A stream is read for every pass: scores that are kept would save none of them.
        self.keeps_scores = scores_bytes <= memory and not rows.is_stream

    def with_penalty(self, penalty: Penalty) -> Objective:
        """Return F with another penalty; what is known of the rows is shared, not computed anew."""
        _ = self.moments
        twin = self._without(*_OF_FEATURES)
        twin.penalty, twin.is_smooth = penalty, penalty.is_smooth
        if "row_space" in self.__dict__:
            (basis, units, reduced), (even, new) = self.row_space, penalty.evened()
            if np.array_equal(units, new):
                twin.row_space = basis, units, reduced.with_penalty(even)
        return twin

    def seen_with(self, weights: NDArray) -> Objective:
        """Return F, the same, with the moments of the features taken under other weights."""
        twin = self._without(*_OF_ROWS)
        twin.weights, twin.total_weight = weights, float(weights.sum(dtype=np.float64))
        _ = twin.moments  # a pass of its own: not within the next one
        return twin

    def of_rows(self, rows: NDArray[np.intp]) -> Objective:
        """Return the part of F that some rows and the penalty make up, the rows in a copy."""
        twin = self._without(*_OF_ROWS)
        parts = [X for _, X in self.rows.take(rows)]
        X = sp.vstack(parts, format=parts[0].format) if self.rows.is_sparse else np.vstack(parts)
        twin.rows = RowBlocks(X, self.n_classes, n_threads=1, dtype=self.dtype)
        twin.codes, twin._all_codes = self.codes[rows], self._all_codes[rows]
        twin.weights, twin._shares = self.weights[rows], self._shares[rows]
        twin.keeps_scores = True
        return twin

    def in_float64(self) -> Objective:
        """Return F computed in float64, block by block: itself where it is already."""
        if self.dtype == np.float64:
            return self
        return Objective(
            RowBlocks(self.rows.X, self.n_classes, dtype=np.float64),
            self._all_codes,
            self.weights.astype(np.float64),
            self.n_labels,
            self.penalty,
            self.fit_intercept,
            present=self.present,
        )

    def _without(self, *known: str) -> Objective:
        """Return a copy to be changed, without some of what was computed."""
        twin = copy(self)
        for name in known:
            twin.__dict__.pop(name, None)
        return twin

    def with_features(self, kept: NDArray[np.intp]) -> Objective:
        """Return F over some of the features, as if the coefficients of the others were 0.

        Their columns are copied.
        """
        moments, part = self.moments, self._without(*_OF_FEATURES)
        part.rows, part.n_features = self.rows.columns(kept), len(kept)
        part.penalty = self.penalty.of_features(kept)
        part.size = (len(kept) + self.fit_intercept) * self.n_rows
        part.moments = moments.of_features(kept, part.rows)
        return part

    def without_features(self) -> NDArray:
        """Return the w that minimises F among those whose coefficients are all 0.

        The intercepts are then the logarithms of the classes' shares in the total weight.
        """
        W = np.zeros((self.n_features, self.n_rows), self.dtype)
        log_shares = np.log(np.bincount(self.codes, self._shares, self.n_classes))
        b = log_shares - log_shares[0] if self.n_rows == 1 else log_shares - log_shares.mean()
        return self.pack(W, b[self.n_classes - self.n_rows :])

    @cached_property
    def active(self) -> NDArray[np.intp]:
        """The rows that have a weight."""
        return np.flatnonzero(self.weights)

    @cached_property
    def sample(self) -> NDArray[np.intp]:
        """Rows with a weight that can be taken at any time: all, or some of a stream."""
        known = self.rows.origin.sample
        return known[self.weights[known] > 0.0]

    @property
    def rows_together(self) -> int:
        """How many rows of a mini-batch are copied at a time."""
        return self.rows.rows_together

    def batch_size(self, wanted: float) -> int:
        """Return how many rows a mini-batch may have: of a stream no more than are held at once."""
        return int(min(wanted, self.rows.origin.largest_batch, len(self.active)))

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield all rows with a weight once, shuffled, in mini-batches of `size` rows.

        On a stream, rows are shuffled within windows of what is held at once, in one pass.
        """
        for sample in self.rows.origin.mini_batches(self.active, size, rng):
            yield self.batch(sample)

    def batch(self, sample: NDArray[np.intp]) -> Batch:
        """Return the mini-batch of a uniform sample of `active`."""
        return Batch(self, sample)

    @cached_property
    def moments(self) -> Moments:
        """Of the features, by a pass when first asked for; without intercept about zero."""
        return Moments(self.rows, self.weights, self.sample, from_zero=not self.fit_intercept)

    @cached_property
    def about_means(self) -> Objective:
        """F with an intercept, in the same units, where features need one and F has none.

        Where their variance is hardly seen beside the square of their mean, it is lost from sums of
        squares about zero.  Else F itself.
        """
        if not self.moments.hides_variance:
            return self
        twin = self._without(*_OF_ROWS)
        twin.fit_intercept, twin.size = True, self.size + self.n_rows
        twin.scale = self.scale
        _ = twin.moments  # a pass of its own: not within the next one
        return twin

    @property
    def mean(self) -> NDArray:
        """Weighted mean of each feature, shape (n_features,), float64; 0 without intercept."""
        return self.moments.mean

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """Which features say nothing, shape (n_features,): that the intercept does not, if any."""
        return self.moments.variance == 0.0

    @property
    def variance(self) -> NDArray:
        """Weighted variance of each feature, shape (n_features,), float64; about `mean`."""
        return self.moments.variance

    @cached_property
    def scale(self) -> NDArray:
        """sqrt(variance + curvature of the penalty) of each feature: the root of its curvature.

        Up to a factor of at most 1/2 the diagonal of the bound of Boehning (1992) on the Hessian.
        A constant column says nothing that the intercept does not, and its coefficient stays 0: in
        units of a scale without bounds nothing moves it, rounding neither.
        """
        curvature = self.variance + np.ravel(self.penalty.curvature)
        if self.fit_intercept:
            without_bounds = float(np.finfo(self.dtype).max) ** 0.25
            return np.where(self.is_constant, without_bounds, np.sqrt(curvature))
        return np.sqrt(np.where(curvature > 0.0, curvature, 1.0))

    @cached_property
    def resolution(self) -> float:
        """The optimality that rounding hides: eps times the largest feature, in units of scale.

        Never more than eps^0.4 (5e-7 in float64), lest one odd column make anything an optimum.
        """
        eps = float(np.finfo(self.dtype).eps)
        size = (np.abs(self.mean) + np.sqrt(self.variance)) / self.scale
        return min(eps * max(float(size.max()), 1.0), eps**0.4)

    @property
    def has_row_space(self) -> bool:
        """Whether the rows span so few dimensions that working in their span pays."""
        n, p = self.rows.shape
        small = n * p * self.dtype.itemsize <= _ROW_SPACE_BYTES and 2 * n <= p
        if not small or not self.keeps_scores or self.rows.is_sparse:
            return False
        # Only the same ridge for all features leaves the optimum in the span.
        even, units = self.penalty.evened()
        return np.ndim(even.curvature) == 0 and bool(np.isfinite(units).all())

    @cached_property
    def row_space(self) -> tuple[NDArray, float | NDArray, Objective]:
        """Basis D Q (n_features, n_samples) of the optima, D as (n_features, 1), and F over X D Q.

        D are the units in which the ridge is the same for all features.  The columns of Q are an
        orthonormal basis of the span of the rows of X D.
        """
        even, units = self.penalty.evened()
        columns = self.rows.X.T.astype(self.dtype, copy=False)
        if np.ndim(units) > 0:
            columns = columns * np.asarray(units, dtype=self.dtype)
        Q, R = np.linalg.qr(columns)
        if np.ndim(units) > 0:
            Q *= units
        rows = RowBlocks(np.ascontiguousarray(R.T), self.n_classes, n_threads=1, dtype=self.dtype)
        reduced = Objective(
            rows,
            self._all_codes,
            self.weights,
            self.n_labels,
            even,
            self.fit_intercept,
            present=self.present,
        )
        return Q, units, reduced

    def without_constants(self, w: NDArray) -> NDArray:
        """Return the same scores with what constant columns add to them in the intercept."""
        if not self.fit_intercept:
            return w
        W, b = (part.copy() for part in self.unpack(w))
        constant = self.is_constant
        b += (self.mean[constant] @ W[constant]).astype(b.dtype)
        W[constant] = 0.0
        return self.pack(W, b)

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

    def loss(self, w: NDArray) -> float:
        """Return F(w) without the penalty, by one product with X: all that held-out rows tell."""
        W, b = self.unpack(w)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            return (self.losses(softmax_in_place(self.scores(X, W, b))[1], part),)

        return float(self.rows.reduce(visit)[0][0])

    def accuracy(self, w: NDArray) -> float:
        """Return the weighted share of the rows whose score is largest for their own class."""
        W, b = self.unpack(w)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            is_right = self.scores(X, W, b).argmax(axis=1) == self.codes[part]
            return (np.array([self._shares[part][is_right].sum(dtype=np.float64)]),)

        return float(self.rows.reduce(visit)[0][0])

    def prox(self, w: NDArray, step: float) -> NDArray:
        """Return the proximal point of the penalty's rest; the intercept stays as it is."""
        W, b = self.unpack(w)
        return self.pack(self.penalty.prox(W, step), b)

    def support(self, w: NDArray) -> NDArray[np.bool_]:
        """Return the coordinates in which the penalty is smooth at w: of all, if it is smooth."""
        if self.is_smooth:
            return np.ones(self.size, dtype=bool)
        W, b = self.unpack(w)
        return np.append(self.penalty.support(W), np.ones(len(b), dtype=bool))

    def closed(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the indices of chosen coordinates, with all that the penalty couples to them."""
        if self.penalty.couples_classes:
            rows = chosen.reshape(-1, self.n_rows).any(axis=1)
            chosen = np.repeat(rows, self.n_rows)
        return np.flatnonzero(chosen)

    def face(self, index: NDArray[np.intp], diagonal: NDArray | None = None) -> Face:
        """Return the rest of the penalty on some coordinates, in units of `diagonal`."""
        units = np.ones((self.n_features, 1)) if diagonal is None else diagonal
        return Face(self.penalty, index, self.n_features, self.n_rows, units)

    def hessian_cost(self, n_coordinates: int, n_some: int | None = None) -> float:
        """Return what the Hessian along so many coordinates costs, in passes over X.

        In multiply-adds, a softmax taken for ten, with some Cholesky factors for its use; infinite
        if the matrix would be too large.  With `n_some`, of so many rows, and one factor.
        """
        n, m = self.rows.shape[0], n_coordinates
        per_row = self.rows.origin.per_row
        if 8 * m**2 > _HESSIAN_BYTES:
            return np.inf
        one_pass = max(n * self.n_classes * (per_row + 5.0), _OVERHEAD)
        if n_some is not None:
            return m**2 * (n_some + m / 3.0) / (2.0 * one_pass)
        return m**2 * (n + _FACTORS * m / 3.0) / (2.0 * one_pass)

    def coefficients(self, w: NDArray) -> tuple[NDArray, NDArray]:
        """Return `coef_` and `intercept_` at w, of all classes, in the dtype of X.

        They are zero for constant features.
        """
        W, b = self.unpack(self.as_given(self.without_constants(w)))
        intercept = b.copy() if self.fit_intercept else np.zeros(len(W.T), W.dtype)
        if self.n_classes < self.n_labels:
            return expanded(W.T, intercept, self.present, self.n_labels)
        return np.ascontiguousarray(W.T), intercept

    def as_given(self, w: NDArray) -> NDArray:
        """Return w in the dtype of X, which may have fewer digits than F is computed with."""
        return w.astype(self.rows.origin.dtype, copy=False)

    def flat(self, coef: NDArray, intercept: NDArray) -> NDArray:
        """Return the w that has these coefficients, those of `coefficients`."""
        coef, intercept = as_start(coef, intercept)
        if self.n_classes < self.n_labels:
            coef, intercept = coef[self.present], intercept[self.present]
        return self.pack(np.ascontiguousarray(coef.T), intercept)

    def settle(self, w: NDArray) -> NDArray:
        """Return w with each feature's classes shifted together to the least penalty.

        The loss does not change, but it leaves any other method nothing to go by; the intercepts,
        which have no penalty, are centred, lest they wander off and take the digits of the scores.
        """
        if self.n_rows == 1:
            return w
        W, b = self.unpack(w)
        used, W = W.any(axis=1), W.copy()
        W[used] -= self.penalty.of_features(np.flatnonzero(used)).best_shift(W[used])
        return self.pack(W, b - b.mean() if len(b) else b)

    # What follows is the mathematics of one block: Z, P and R have a row for each row of X and a
    # column for each class, stored column by column, for then NumPy's reductions run at full speed.

    def scores(self, X: Any, W: NDArray, b: NDArray) -> NDArray:
        """Return Z = X W + b of a block, shape (rows, n_classes)."""
        Z = np.empty((X.shape[0], self.n_classes), dtype=self.dtype, order="F")
        Z[:, : self.n_classes - self.n_rows] = 0.0
        free = Z[:, self.n_classes - self.n_rows :]
        if self.rows.is_sparse:
            free[...] = X @ W
        else:
            np.matmul(X, W, out=free)
        if self.fit_intercept:
            free += b
        return Z

    def pull_back(self, X: Any, R: NDArray) -> NDArray:
        """Return (X' R, sum of R) of a block, flat: the adjoint of `scores`."""
        free = R[:, self.n_classes - self.n_rows :]
        return self.pack(X.T @ free, free.sum(axis=0))

    def residuals(self, P: NDArray, part: slice | NDArray) -> NDArray:
        """Turn P of some rows, in place, into dF/dZ = s (P - Y) / S."""
        own = np.arange(len(P)), self.codes[part]
        # p_y - 1 is minus the sum of the others, which keeps its digits where p_y is about 1: a
        # feature that is large in such a row multiplies what is lost.
        P[own] = 0.0
        P[own] = P @ self._minus_ones
        P *= self.shares(part)
        return P

    def shares(self, part: slice | NDArray) -> NDArray:
        """Return s / S of some rows as a column."""
        return self._shares[part, np.newaxis]

    def losses(self, log_P: NDArray, part: slice) -> NDArray:
        """Return the share of some rows in the loss, -(1/S) sum s log P[y], in float64, (1,)."""
        chosen = log_P[np.arange(len(log_P)), self.codes[part]]
        return np.array([-np.vdot(self._shares[part].astype(np.float64, copy=False), chosen)])


def null_loss(objective: Objective) -> float:
    """Return the least loss without features: the entropy of the shares of the classes."""
    weights = objective.weights.astype(np.float64)
    shares = np.bincount(objective.codes, weights, minlength=objective.n_classes)
    shares = shares[shares > 0.0] / shares.sum()
    return float(-(shares * np.log(shares)).sum())
