"""Scores from coefficients, and back: what the flat `w` means, and the mathematics of one block.

    Z = X W + b + M,   P = softmax(Z),   L = -sum_i s_i/S sum_k Y_ik log P_ik
    dL/dZ = s/S (P - Y),   dL/dW = X' dL/dZ,   dL/db = sum_i dL/dZ_i

with M the offset, if there is one; Y has a 1 for the class of each row, unless targets are soft.

This module alone knows how w is laid out.  With two classes one row of coefficients is free: the
scores get a column of zeros in front and the pull-back keeps the last column.  With more, every
class has its row.

Z, P and R have a row for each row of X and a column for each class, stored column by column, for
then NumPy's reductions run at full speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.rows import Matrix
from softmax_reg.functional import softmax_in_place

__all__ = ["LinearModel"]


@dataclass(frozen=True)
class LinearModel:
    """How w = (W row by row, then b) is read, and what it makes of a block of rows.

    Parameters
    ----------
    n_features, n_classes : int
    n_outputs : int
        Rows of coefficients: 1 with two classes, else one for each.
    fit_intercept : bool
    dtype : dtype
        Of w and of scores.
    """

    n_features: int
    n_classes: int
    n_outputs: int
    fit_intercept: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """The length of w."""
        return (self.n_features + self.fit_intercept) * self.n_outputs

    @property
    def free(self) -> slice:
        """Which columns of the scores have coefficients."""
        return slice(self.n_classes - self.n_outputs, None)

    def unpack(self, w: NDArray) -> tuple[NDArray, NDArray]:
        """Return views W (n_features, n_outputs) and b (n_outputs,), which may be empty."""
        size = self.n_features * self.n_outputs
        return w[:size].reshape(self.n_features, self.n_outputs), w[size:]

    def pack(self, W: NDArray, b: NDArray) -> NDArray:
        """Return the flat w of W (n_features, n_outputs) and b (n_outputs,)."""
        parts = (W.ravel(), b) if self.fit_intercept else (W.ravel(),)
        return np.concatenate(parts).astype(self.dtype, copy=False)

    def scores(self, w: NDArray, block: Block) -> NDArray:
        """Return Z = X W + b + M of a block, shape (rows, n_classes)."""
        Z = self.linear(block.X, w)
        if block.offset is not None:
            Z[:, self.free] += block.offset
        return Z

    def linear(self, X: Matrix, w: NDArray) -> NDArray:
        """Return X W + b, shape (rows, n_classes): what a step w changes the scores by."""
        W, b = self.unpack(w)
        Z = np.empty((X.shape[0], self.n_classes), dtype=self.dtype, order="F")
        free = Z
        if self.n_outputs < self.n_classes:
            Z[:, 0] = 0.0
            free = Z[:, 1:]
        if isinstance(X, np.ndarray):
            np.matmul(X, W, out=free)
        else:
            free[...] = X @ W
        if self.fit_intercept:
            free += b
        return Z

    def softmax(self, w: NDArray, block: Block) -> tuple[NDArray, NDArray]:
        """Return P and log P of a block at w, to be read only: as they were kept, or anew."""
        if "P" in block.kept:
            return block.kept["P"], block.kept["log_P"]
        return softmax_in_place(self.scores(w, block))

    def losses(self, log_P: NDArray, block: Block) -> NDArray:
        """Return the share of a block in the loss, in float64, shape (1,)."""
        losses = block.targets.losses(log_P)
        return np.array([np.vdot(block.shares[:, 0].astype(np.float64, copy=False), losses)])

    def residuals(self, P: NDArray, block: Block) -> NDArray:
        """Turn P of a block, in place, into dL/dZ = s (P - Y) / S."""
        P = block.targets.residuals(P)
        P *= block.shares
        return P

    def pull_back(self, X: Matrix, R: NDArray) -> NDArray:
        """Return (X' R, sum of R), flat: the adjoint of `linear`."""
        free = R[:, self.free]
        return self.pack(X.T @ free, free.sum(axis=0))
