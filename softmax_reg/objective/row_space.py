"""The span of the rows: where the optimum lies if the rows are fewer than the features.

In V, W = D V, with units D in which the ridge is the same for all features, the gradient
D X' R + alpha V is in the span of the rows of X D, and so is the optimum.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.objective.penalised_loss import PenalisedLoss

__all__ = ["RowSpace", "has_row_space"]

# The basis of the rows' span takes as much memory as X.
_ROW_SPACE_BYTES = 64 << 20


def has_row_space(loss: PenalisedLoss) -> bool:
    """Return whether the rows span so few dimensions that working in their span pays."""
    n, p = loss.data.shape
    small = n * p * loss.dtype.itemsize <= _ROW_SPACE_BYTES and 2 * n <= p
    if not small or not loss.keeps_scores or loss.data.rows.is_sparse:
        return False
    # Only the same ridge for all features leaves the optimum in the span.
    even, units = loss.penalty.evened()
    return np.ndim(even.curvature) == 0 and bool(np.isfinite(units).all())


class RowSpace(NamedTuple):
    """The span, and F in it.

    Attributes
    ----------
    basis : ndarray of shape (n_features, dimension)
        D Q, the columns of Q an orthonormal basis of the span of the rows of X D.
    units : float or ndarray of shape (n_features, 1)
        D.
    reduced : PenalisedLoss
        F over X D Q.
    """

    basis: NDArray
    units: float | NDArray
    reduced: PenalisedLoss

    @classmethod
    def of(cls, loss: PenalisedLoss) -> RowSpace:
        """Return that of the rows of F."""
        even, units = loss.penalty.evened()
        columns = loss.data.X.T.astype(loss.dtype, copy=False)
        if np.ndim(units) > 0:
            columns = columns * np.asarray(units, dtype=loss.dtype)
        Q, R = _span(columns) if even.curvature == 0.0 else np.linalg.qr(columns)
        if np.ndim(units) > 0:
            Q *= units
        X = np.ascontiguousarray(R.T)
        rows = RowBlocks(X, loss.n_classes, n_threads=1, dtype=loss.dtype)
        return cls(Q, units, PenalisedLoss(loss.data.with_rows(rows), even, loss.fit_intercept))


def _span(columns: NDArray) -> tuple[NDArray, NDArray]:
    """Return Q and R, Q R = columns, without the dimensions that rounding makes of dependent ones.

    A ridge holds coefficients of those at 0; without a penalty nothing does.
    """
    Q, R, order = scipy.linalg.qr(columns, mode="economic", pivoting=True, check_finite=False)
    size = np.abs(np.diag(R))
    seen = size > max(columns.shape) * np.finfo(R.dtype).eps * size[0]
    rank = max(int(np.count_nonzero(seen)), 1)
    in_order = np.empty_like(R[:rank])
    in_order[:, order] = R[:rank]
    return Q[:, :rank], in_order
