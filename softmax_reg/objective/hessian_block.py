"""The Hessian of the loss along some coordinates of w: a pass for a working set of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.row_blocks import BLOCK_BYTES
from softmax_reg.dataset.rows import Matrix
from softmax_reg.objective.linear_model import LinearModel

__all__ = ["Coordinates", "hessian_block", "variances"]

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


@dataclass(frozen=True)
class Coordinates:
    """Some coordinates of w, for features that are shifted and scaled.

    Attributes
    ----------
    features : ndarray of shape (n,), intp
        The features that one of them belongs to.
    column, row : ndarray of shape (m,), intp
        The position in `features`, after the last one for an intercept, and the row of
        coefficients.
    shift, divisor : ndarray of shape (n,)
    """

    features: NDArray[np.intp]
    column: NDArray[np.intp]
    row: NDArray[np.intp]
    shift: NDArray
    divisor: NDArray

    @classmethod
    def of(
        cls,
        model: LinearModel,
        index: NDArray[np.intp],
        mean: NDArray | None = None,
        scale: NDArray | None = None,
    ) -> Coordinates:
        """Return those with an index: feature * n_outputs + row, the intercept as the last feature.

        `mean` and `scale`, of shape (n_features,), are 0 and 1 where they are None.
        """
        p = model.n_features
        feature, row = np.divmod(index, model.n_outputs)
        features, column = np.unique(feature[feature < p], return_inverse=True)
        column = np.append(column, np.full(np.count_nonzero(feature == p), len(features)))
        shift = np.zeros(len(features)) if mean is None else mean[features]
        divisor = np.ones(len(features)) if scale is None else scale[features]
        return cls(features, column, row, shift, divisor)

    @property
    def block_bytes(self) -> int:
        """How large a block may be that makes an (m, m) matrix."""
        return max(BLOCK_BYTES, 4 * len(self.column) ** 2)

    def dense(self, X: Matrix) -> NDArray[np.float64]:
        """Return the features of some rows, with a column of ones, shape (rows, n + 1)."""
        A = np.ones((X.shape[0], len(self.features) + 1))
        part = X[:, self.features]
        A[:, :-1] = part if isinstance(part, np.ndarray) else part.toarray()
        A[:, :-1] -= self.shift
        A[:, :-1] /= self.divisor
        return A


def hessian_block(
    model: LinearModel, w: NDArray, along: Coordinates, block: Block
) -> tuple[NDArray[np.float64]]:
    """Return the share of a block in the Hessian of the loss, shape (m, m)."""
    column, row, m = along.column, along.row, len(along.column)
    of_row = [np.flatnonzero(row == k) for k in range(model.n_outputs)]
    total = np.zeros((m, m))
    all_proba = model.softmax(w, block)[0]
    all_variances, all_proba = variances(all_proba)[:, model.free], all_proba[:, model.free]
    together = max(_PART_BYTES // (8 * (m + len(along.features) + 1)), m // 4, 1)
    for start in range(0, len(all_proba), together):
        rows = slice(start, start + together)
        A, P, roots = along.dense(block.X[rows]), all_proba[rows], np.sqrt(block.shares[rows])
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
