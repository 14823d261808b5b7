"""Some of the coefficients, all others zero: what a working set of coordinates needs.

A restricted penalty is the norm as a function of its coordinates alone; the Hessian of the loss
along them is made by `hessian_block`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.penalties.penalty import Penalty

__all__ = ["RestrictedPenalty"]


class RestrictedPenalty:
    """The norm of the penalty on some coordinates x of w, in units of their own: W = D x.

    Parameters
    ----------
    penalty : Penalty
    index : ndarray, intp
        The coordinates: feature * n_outputs + row, increasing; whole features if the penalty
        couples the classes.
    n_features, n_outputs : int
    diagonal : ndarray of shape (n_features, n_outputs) or (n_features, 1)
        D.
    """

    def __init__(
        self,
        penalty: Penalty,
        index: NDArray[np.intp],
        n_features: int,
        n_outputs: int,
        diagonal: NDArray,
    ) -> None:
        self.is_smooth, self.couples_classes = penalty.is_smooth, penalty.couples_classes
        feature, row = np.divmod(index, n_outputs)
        self.inside = feature < n_features
        features, position = np.unique(feature[self.inside], return_inverse=True)
        self.where = position, row[self.inside]
        self.penalty = penalty.of_features(features)
        self.D = diagonal[features]
        self.shape = len(features), n_outputs

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

    def nonsmooth_value(self, x: NDArray) -> float:
        """Return the norm of the penalty at x."""
        return 0.0 if self.is_smooth else self.penalty.nonsmooth_value(self._unfold(x))

    def prox(self, x: NDArray, step: float) -> NDArray:
        """Return the proximal point of the norm."""
        if self.is_smooth:
            return x
        D = self.D[:, :1] if self.couples_classes else self.D
        return self._fold(self.penalty.prox(self._unfold(x), step * D**2) / D, x)

    def differentiable_at(self, x: NDArray) -> NDArray[np.bool_]:
        """Return the coordinates in which the norm is smooth at x."""
        everywhere = np.ones(len(x), dtype=bool)
        return self._fold(self.penalty.differentiable_at(self._unfold(x)), everywhere)

    def gradient(self, x: NDArray) -> NDArray:
        """Return the gradient of the norm on the support of x, zero elsewhere."""
        return self._fold(
            self.D * self.penalty.nonsmooth_gradient(self._unfold(x)), np.zeros(len(x))
        )

    def blocks(self, x: NDArray) -> NDArray | None:
        """Return the Hessian of the norm on the support of x, or None if it is zero.

        It has a block for each feature, shape (n_features here, n_outputs, n_outputs).
        """
        blocks = None if self.is_smooth else self.penalty.nonsmooth_hessian(self._unfold(x))
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

    def project_to_orthant(self, x: NDArray, like: NDArray) -> NDArray:
        """Return x with zeros for coefficients that are not of the sign they have in `like`.

        The norm is linear where signs are held; if it couples classes there is nothing to hold.
        """
        if self.is_smooth or self.couples_classes:
            return x
        return np.where(self.kinked & (x * like <= 0.0), 0.0, x)

    @cached_property
    def kinked(self) -> NDArray[np.bool_]:
        """The coordinates in which the norm is not smooth at zero."""
        return ~self.differentiable_at(np.zeros(len(self.inside)))
