"""Some of the coefficients, all others zero: what a working set of coordinates needs.

A face knows the rest of the penalty as a function of its coordinates alone; `hessian_block` is the
Hessian of the loss along them,

    H_(jk)(lm) = (1/S) sum_i s_i a_ij a_il p_ik (delta_km - p_im),    a = (x - mean) / scale, or 1
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.penalties import Penalty

if TYPE_CHECKING:
    from softmax_reg.points import Point

__all__ = ["Face", "hessian_block", "variances"]

# Above it 1 - p has lost three digits.
_CERTAIN = 0.999
# What of the products below may be in memory at a time, in each thread.
_PART_BYTES = 4 << 20


class Face:
    """The rest of the penalty on some coordinates x of w, in units of their own: W = D x.

    Parameters
    ----------
    penalty : Penalty
    index : ndarray, intp
        The coordinates: feature * n_rows + row, increasing; whole features if the penalty couples
        the classes.
    n_features, n_rows : int
    diagonal : ndarray of shape (n_features, n_rows) or (n_features, 1)
        D.
    """

    def __init__(
        self,
        penalty: Penalty,
        index: NDArray[np.intp],
        n_features: int,
        n_rows: int,
        diagonal: NDArray,
    ) -> None:
        self.is_smooth, self.couples_classes = penalty.is_smooth, penalty.couples_classes
        feature, row = np.divmod(index, n_rows)
        self.inside = feature < n_features
        features, position = np.unique(feature[self.inside], return_inverse=True)
        self.where = position, row[self.inside]
        self.penalty = penalty.of_features(features)
        self.D = diagonal[features]
        self.shape = len(features), n_rows

    def _unfold(self, x: NDArray) -> NDArray:
        """Return W of the features that have a coordinate here."""
        V = np.zeros(self.shape)
        V[self.where] = x[self.inside]
        return self.D * V

    def _fold(self, V: NDArray, outside: NDArray) -> NDArray:
        """Return what belongs to the coordinates here; `outside` for the intercept."""
        x = outside.copy()
        x[self.inside] = V[self.where]
        return x

    def rest(self, x: NDArray) -> float:
        """Return the rest of the penalty at x."""
        return 0.0 if self.is_smooth else self.penalty.rest(self._unfold(x))

    def prox(self, x: NDArray, step: float) -> NDArray:
        """Return the proximal point of the rest."""
        if self.is_smooth:
            return x
        D = self.D[:, :1] if self.couples_classes else self.D
        return self._fold(self.penalty.prox(self._unfold(x), step * D**2) / D, x)

    def support(self, x: NDArray) -> NDArray[np.bool_]:
        """Return the coordinates in which the rest is smooth at x."""
        everywhere = np.ones(len(x), dtype=bool)
        return self._fold(self.penalty.support(self._unfold(x)), everywhere)

    def gradient(self, x: NDArray) -> NDArray:
        """Return the gradient of the rest on the support of x, zero elsewhere."""
        return self._fold(self.D * self.penalty.rest_gradient(self._unfold(x)), np.zeros(len(x)))

    def blocks(self, x: NDArray) -> NDArray | None:
        """Return the Hessian of the rest on the support of x, or None if it is zero.

        It has a block for each feature, shape (n_features here, n_rows, n_rows).
        """
        blocks = None if self.is_smooth else self.penalty.rest_curvature(self._unfold(x))
        if blocks is None:
            return None
        return blocks * self.D[:, :, np.newaxis] * self.D[:, np.newaxis, :]

    def curvature(self, x: NDArray) -> NDArray | None:
        """Return the same as a matrix."""
        blocks = self.blocks(x)
        if blocks is None:
            return None
        position, row = self.where
        together = position[:, np.newaxis] == position
        H = np.zeros((len(x), len(x)))
        H[np.ix_(self.inside, self.inside)] = np.where(
            together, blocks[position[:, np.newaxis], row[:, np.newaxis], row], 0.0
        )
        return H

    def shifts(self, on: NDArray[np.bool_]) -> NDArray | float:
        """Return the projection on shifts of all classes of a feature, on some coordinates."""
        if self.shape[1] == 1:
            return 0.0
        feature = np.full(len(self.inside), -1)  # -1: the intercept
        feature[self.inside] = self.where[0]
        return (feature[on, np.newaxis] == feature[on]) / self.shape[1]

    def curvature_product(self, blocks: NDArray | None, v: NDArray) -> NDArray:
        """Return the matrix of these `blocks` times v."""
        if blocks is None:
            return np.zeros_like(v)
        V = np.zeros(self.shape)
        V[self.where] = v[self.inside]
        return self._fold(np.matmul(blocks, V[:, :, np.newaxis])[:, :, 0], np.zeros(len(v)))

    def towards(self, x: NDArray, like: NDArray) -> NDArray:
        """Return x with zeros for coefficients that are not of the sign they have in `like`.

        The rest is linear where signs are held; if it couples classes there is nothing to hold.
        """
        if self.is_smooth or self.couples_classes:
            return x
        return np.where(self.kinked & (x * like <= 0.0), 0.0, x)

    @cached_property
    def kinked(self) -> NDArray[np.bool_]:
        """The coordinates in which the rest is not smooth at zero."""
        return ~self.support(np.zeros(len(self.inside)))


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
