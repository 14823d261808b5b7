"""Linear maps T: coordinates in which a matrix near the Hessian is the identity.

T v centres and scales the features, implicitly, after mixing v by a matrix A with A A' near the
inverse of the Hessian of centred and scaled features.  `forward` is T, `adjoint` is T'.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.objective.penalised_loss import PenalisedLoss

__all__ = [
    "DiagonalMap",
    "FeatureMap",
    "FullMap",
    "LinearMap",
    "MatrixMap",
    "RowSpaceMap",
    "StandardMap",
]


class LinearMap(ABC):
    """T: v -> displacement of w.

    Attributes
    ----------
    objective : PenalisedLoss
        The one that w belongs to.
    size : int
        The length of v.
    """

    objective: PenalisedLoss
    size: int

    @abstractmethod
    def forward(self, v: NDArray) -> NDArray:
        """Return T v."""

    @abstractmethod
    def adjoint(self, g: NDArray) -> NDArray:
        """Return T' g."""

    def project(self, w: NDArray) -> NDArray:
        """Return an origin no worse than w from which T reaches the optimum of a smooth F."""
        return _centre_classes(w.reshape(-1, self.objective.n_outputs), self.objective).ravel()


class FeatureMap(LinearMap):
    """Mixes v by A, then centres and scales the features."""

    def __init__(self, objective: PenalisedLoss) -> None:
        self.objective, self.size = objective, objective.size
        self.mean = objective.mean[:, np.newaxis].astype(objective.dtype)
        self.scale = objective.scale[:, np.newaxis].astype(objective.dtype)

    @abstractmethod
    def mix(self, V: NDArray) -> NDArray:
        """Return A V, V of shape (n, n_outputs); n counts the features and the intercept."""

    @abstractmethod
    def mix_adjoint(self, G: NDArray) -> NDArray:
        """Return A' G."""

    def forward(self, v: NDArray) -> NDArray:
        objective = self.objective
        V = self.centred(self.mix(v.reshape(-1, objective.n_outputs)))
        W = V[: objective.n_features] / self.scale
        if not objective.fit_intercept:
            return objective.model.pack(W, V[:0])
        return objective.model.pack(W, V[-1] - (self.mean * W).sum(axis=0))

    def adjoint(self, g: NDArray) -> NDArray:
        objective = self.objective
        G, b = objective.model.unpack(g)
        if objective.fit_intercept:
            G = np.vstack([(G - self.mean * b) / self.scale, b])
        else:
            G = G / self.scale
        return np.ascontiguousarray(self.mix_adjoint(self.centred(G))).ravel()

    def centred(self, V: NDArray) -> NDArray:
        """Project on what a method need not leave: coefficients that sum to zero over classes."""
        return _centre_classes(V, self.objective)


class DiagonalMap(FeatureMap):
    """A is diagonal, given as an array of shape (n, n_outputs) or (n, 1)."""

    def __init__(self, objective: PenalisedLoss, diagonal: NDArray) -> None:
        super().__init__(objective)
        self.diagonal = diagonal.astype(objective.dtype)

    def mix(self, V: NDArray) -> NDArray:
        return self.diagonal * V

    def mix_adjoint(self, G: NDArray) -> NDArray:
        return self.diagonal * G

    def inverse(self, w: NDArray) -> NDArray:
        """Return v with T v = w."""
        W, b = self.objective.model.unpack(w)
        V = self.scale * W
        if self.objective.fit_intercept:
            V = np.vstack([V, b + (self.mean * W).sum(axis=0)])
        return np.ascontiguousarray(V / self.diagonal).ravel()


class StandardMap(DiagonalMap):
    """The coordinates of features that are centred and in units of their deviations, and no others.

    A method takes in them the steps that it would take on the features standardised.  The penalty
    has to be in units of the deviations.
    """

    def __init__(self, objective: PenalisedLoss) -> None:
        super().__init__(objective, np.ones((objective.n_features + objective.fit_intercept, 1)))
        deviations = objective.penalty.scale
        assert deviations is not None
        self.scale = deviations[:, np.newaxis].astype(objective.dtype)

    def centred(self, V: NDArray) -> NDArray:
        return V

    def project(self, w: NDArray) -> NDArray:
        return w


class MatrixMap(FeatureMap):
    """One matrix A for all rows of coefficients, (n, n), or one for each, (n_outputs, n, n)."""

    def __init__(self, objective: PenalisedLoss, matrix: NDArray) -> None:
        super().__init__(objective)
        self.matrix = matrix

    def mix(self, V: NDArray) -> NDArray:
        return _multiply(self.matrix, V)

    def mix_adjoint(self, G: NDArray) -> NDArray:
        return _multiply(self.matrix.swapaxes(-1, -2), G)


def _multiply(A: NDArray, V: NDArray) -> NDArray:
    # In the precision of A: coordinates, and the gradient in them, need be near only.
    U = V.astype(A.dtype, copy=False)
    if A.ndim == 2:
        return (A @ U).astype(V.dtype, copy=False)
    return np.matmul(A, U.T[:, :, np.newaxis])[:, :, 0].T.astype(V.dtype, copy=False)


def _centre_classes(V: NDArray, objective: PenalisedLoss) -> NDArray:
    """Project on coefficients that sum to zero over the classes, where the smooth optimum lies.

    The loss does not change along the rest, and a ridge penalty only grows.
    """
    if objective.n_outputs == 1 or not objective.is_smooth:
        return V
    return V - V.sum(axis=1, keepdims=True) / V.dtype.type(objective.n_outputs)


class FullMap(FeatureMap):
    """A is L^-T, with L the lower root of a matrix over all coefficients, of every row."""

    def __init__(self, objective: PenalisedLoss, root: NDArray) -> None:
        super().__init__(objective)
        self.root = root.astype(objective.dtype)

    def mix(self, V: NDArray) -> NDArray:
        return self._solve(V, trans="T")

    def mix_adjoint(self, G: NDArray) -> NDArray:
        return self._solve(G, trans="N")

    def _solve(self, V: NDArray, trans: str) -> NDArray:
        flat = scipy.linalg.solve_triangular(
            self.root, V.ravel(), trans=trans, lower=True, check_finite=False
        )
        return flat.reshape(V.shape)


class RowSpaceMap(LinearMap):
    """T for fewer rows than features: W = D Q U with D Q a basis of where the optimum can be.

    D are units in which the ridge is the same for all features, and the columns of Q an orthonormal
    basis of the span of the rows of X D.  In V, W = D V, the gradient D X' R + alpha V stays in
    that span, and so does the optimum: nothing is lost.  U has coordinates of its own, `inner`,
    made from the reduced features X D Q.
    """

    def __init__(
        self, objective: PenalisedLoss, basis: NDArray, units: float | NDArray, inner: LinearMap
    ) -> None:
        self.objective, self.basis, self.inner = objective, basis, inner
        self._squares = np.square(np.asarray(units, dtype=objective.dtype))
        self.size = inner.size

    def forward(self, v: NDArray) -> NDArray:
        U, b = self.inner.objective.model.unpack(self.inner.forward(v))
        return self.objective.model.pack(self.basis @ U, b)

    def adjoint(self, g: NDArray) -> NDArray:
        G, b = self.objective.model.unpack(g)
        return self.inner.adjoint(self.inner.objective.model.pack(self.basis.T @ G, b))

    def project(self, w: NDArray) -> NDArray:
        # What is outside the span changes no score and costs penalty.
        W, b = self.objective.model.unpack(w)
        inside = self.basis @ (self.basis.T @ (W / self._squares))
        return super().project(self.objective.model.pack(inside, b))
