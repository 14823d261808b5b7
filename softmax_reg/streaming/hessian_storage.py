"""How much of the Hessian a stream remembers: the whole of it, one shared block, or its diagonal.

    whole     sum_i s_i (diag(p_i) - p_i p_i') (x) a_i a_i',   a the standardised features and a 1
    shared    sum_i s_i mean_k p_ik (1 - p_ik) a_i a_i', for every row of coefficients
    diagonal  sum_i s_i p_ik (1 - p_ik) a_ij^2

Each also makes the change of variables in which a truncated Newton step is well conditioned.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.hessian import (
    class_variances,
    diagonal_hessian,
    gram,
    ridge_of,
    whole_hessian,
)
from softmax_reg.objective.point import Point
from softmax_reg.preconditioning.cholesky import inverse_root
from softmax_reg.preconditioning.linear_maps import DiagonalMap, FeatureMap, MatrixMap
from softmax_reg.streaming.laplace_objective import LaplaceApproximation, StandardisedObjective

__all__ = ["Curvature", "curvature_for"]

# The largest matrix over all coefficients: its products are part of every Hessian product.
_WHOLE_BYTES = 8 << 20
# The largest matrix over the features.
_SHARED_BYTES = 32 << 20


def curvature_for(n: int, n_outputs: int) -> Curvature:
    """Return the richest curvature that n_outputs rows of n coefficients leave room for."""
    if 8 * (n * n_outputs) ** 2 <= _WHOLE_BYTES:
        return Whole()
    return Shared() if 8 * n * n <= _SHARED_BYTES else Diagonal()


class Curvature(ABC):
    """What is kept of a Hessian, of standardised features, divided by the weight of the rows."""

    is_dense: bool = True

    @abstractmethod
    def shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        """Return the shape of the Hessian."""

    @abstractmethod
    def factor_shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        """Return the shape of a factor."""

    def size(self, n: int, n_outputs: int) -> int:
        """Return how many numbers the Hessian takes."""
        return math.prod(self.shape(n, n_outputs))

    @abstractmethod
    def hessian(self, objective: StandardisedObjective, point: Point) -> NDArray:
        """Return the Hessian of the loss at a point."""

    @abstractmethod
    def isotropic(self, between: NDArray, n: int) -> NDArray:
        """Return the Hessian of features without correlation, `between` (x) I.

        `between` has the shape (n_outputs, n_outputs).
        """

    def factor(
        self, objective: StandardisedObjective, point: Point, past: LaplaceApproximation
    ) -> NDArray:
        """Return A with A A' near the inverse of the Hessian of all rows, penalty included."""
        weight = objective.data.total_weight
        total = weight + past.weight
        H = weight * self.preconditioner(objective, point) + self.of_past(past)
        ridge = (weight * ridge_of(objective) + past.ridge) / total
        return self.inverse_root(H / total, ridge)

    def preconditioner(self, objective: StandardisedObjective, point: Point) -> NDArray:
        """Return what `factor` uses of the Hessian of the rows."""
        return self.hessian(objective, point)

    def of_past(self, past: LaplaceApproximation) -> NDArray:
        """Return what `factor` uses of the Hessian of the rows before."""
        return past.hessian

    @abstractmethod
    def inverse_root(self, H: NDArray, ridge: NDArray) -> NDArray:
        """Return A with A A' = (H + diag(ridge))^-1."""

    @abstractmethod
    def change(self, objective: StandardisedObjective, factor: NDArray) -> FeatureMap:
        """Return the change of variables by a factor."""


class _Matrices(Curvature):
    """Curvature whose factors are matrices: a stack, one for each row of coefficients, or one."""

    def inverse_root(self, H: NDArray, ridge: NDArray) -> NDArray:
        if H.ndim == 2:
            return inverse_root(H + np.diag(ridge), np.float64)
        return np.stack([inverse_root(block + np.diag(ridge), np.float64) for block in H])

    def change(self, objective: StandardisedObjective, factor: NDArray) -> FeatureMap:
        return MatrixMap(objective, factor)


class Whole(_Matrices):
    """The whole Hessian; only its diagonal blocks are factored."""

    def shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return n * n_outputs, n * n_outputs

    def factor_shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return n_outputs, n, n

    def hessian(self, objective: StandardisedObjective, point: Point) -> NDArray:
        return whole_hessian(objective, point)

    def isotropic(self, between: NDArray, n: int) -> NDArray:
        return np.kron(np.eye(n), between)

    def preconditioner(self, objective: StandardisedObjective, point: Point) -> NDArray:
        return gram(objective, class_variances(point, objective.model.free), point=point)

    def of_past(self, past: LaplaceApproximation) -> NDArray:
        if past.hessian.ndim == 0:
            return past.hessian
        n_outputs = past.centre.shape[1]
        return np.stack([past.hessian[k::n_outputs, k::n_outputs] for k in range(n_outputs)])


class Shared(_Matrices):
    """One block for all rows of coefficients, the mean of theirs."""

    def shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return n, n

    def factor_shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return n, n

    def hessian(self, objective: StandardisedObjective, point: Point) -> NDArray:
        weigh = class_variances(point, objective.model.free, is_mean=True)
        return gram(objective, weigh, point=point)[0]

    def isotropic(self, between: NDArray, n: int) -> NDArray:
        return float(np.diag(between).mean()) * np.eye(n)


class Diagonal(Curvature):
    """The diagonal alone: sparse rows stay sparse."""

    is_dense = False

    def shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return (n * n_outputs,)

    def factor_shape(self, n: int, n_outputs: int) -> tuple[int, ...]:
        return n, n_outputs

    def hessian(self, objective: StandardisedObjective, point: Point) -> NDArray:
        return diagonal_hessian(objective, point).ravel()

    def isotropic(self, between: NDArray, n: int) -> NDArray:
        return np.tile(np.diag(between), n)

    def inverse_root(self, H: NDArray, ridge: NDArray) -> NDArray:
        H = H.reshape(len(ridge), -1) + ridge[:, np.newaxis]
        return 1.0 / np.sqrt(np.maximum(H, np.finfo(np.float64).eps * H.max()))

    def change(self, objective: StandardisedObjective, factor: NDArray) -> FeatureMap:
        return DiagonalMap(objective, factor)
