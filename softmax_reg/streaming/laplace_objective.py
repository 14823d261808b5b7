"""The objective on some rows, plus a quadratic that stands for all rows before them.

    [S F(w) + Q(w)] / total,   S the weight of the rows
    Q = slope . (u - centre) + 1/2 (u - centre)' H (u - centre),   u = w for standardised features

The Laplace approximation of a posterior, rows after rows: M. Opper (1998), "A Bayesian approach to
on-line learning".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.objective import Objective

__all__ = [
    "LaplaceApproximation",
    "Past",
    "Standardisation",
    "StandardisedObjective",
]


@dataclass(frozen=True)
class Standardisation:
    """Where features are centred and in which unit they are, whatever rows are looked at.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,), float64
        The mean is 0 without intercept.
    """

    mean: NDArray
    scale: NDArray

    def coordinates(self, objective: Objective, w: NDArray) -> NDArray:
        """Return u, shape (n, n_outputs): the coefficients of (x - mean) / scale, and b."""
        W, b = objective.unpack(w)
        U = self.scale[:, np.newaxis] * W
        return np.vstack([U, b + self.mean @ W]) if objective.fit_intercept else U

    def flat(self, objective: Objective, U: NDArray) -> NDArray:
        """Return the w whose coordinates are u."""
        p = objective.n_features
        W = U[:p] / self.scale[:, np.newaxis]
        b = U[p] - self.mean @ W if objective.fit_intercept else np.zeros(0)
        return objective.pack(W, b)

    def pull_back(self, objective: Objective, G: NDArray) -> NDArray:
        """Return the flat gradient in w of what has the gradient G in u."""
        p = objective.n_features
        W = self.scale[:, np.newaxis] * G[:p]
        if objective.fit_intercept:
            W += np.multiply.outer(self.mean, G[-1])
        return objective.pack(W, G[p:].ravel())

    def push_forward(self, objective: Objective, g: NDArray) -> NDArray:
        """Return the gradient in u, (n, n_outputs), of what has the flat gradient g in w."""
        G, b = objective.unpack(g)
        scale = self.scale[:, np.newaxis]
        if not objective.fit_intercept:
            return G / scale
        return np.vstack([(G - np.multiply.outer(self.mean, b)) / scale, b])


class StandardisedObjective(Objective):
    """The objective on rows whose features are centred and scaled as a frame says.

    Without one it has the mean and no more use for a scale.
    """

    def __init__(self, frame: Standardisation | None, *args: Any) -> None:
        super().__init__(*args)
        self._frame = frame

    @property
    def frame(self) -> Standardisation:
        """The frame it was made with."""
        assert self._frame is not None
        return self._frame

    @property
    def mean(self) -> NDArray:
        """Where the features are centred."""
        return super().mean if self._frame is None else self._frame.mean

    @property
    def scale(self) -> NDArray:
        """The units of the features."""
        return self.frame.scale


@dataclass(frozen=True)
class LaplaceApproximation:
    """Q as above.

    Parameters
    ----------
    weight : float
        Of the rows it stands for.
    centre, slope : ndarray of shape (n, n_outputs), float64
    hessian : ndarray, float64
        H whole, (n n_outputs, n n_outputs); one block for every row of coefficients, (n, n); its
        diagonal, (n n_outputs,); or 0, ().
    ridge : float, default=0.0
        Adds ridge/2 |u|^2.
    """

    weight: float
    centre: NDArray
    slope: NDArray
    hessian: NDArray
    ridge: float = 0.0

    def value(self, U: NDArray) -> float:
        """Return Q."""
        D = U - self.centre
        square = 0.5 * self.ridge * float(np.vdot(U, U))
        return square + float(np.vdot(self.slope + 0.5 * self._times(D), D))

    def gradient(self, U: NDArray) -> NDArray:
        """Return dQ/du, shape (n, n_outputs)."""
        return self.ridge * U + self.slope + self._times(U - self.centre)

    def product(self, V: NDArray) -> NDArray:
        """Return the Hessian of Q times V, shape (n, n_outputs)."""
        return self.ridge * V + self._times(V)

    def _times(self, V: NDArray) -> NDArray:
        H = self.hessian
        if H.ndim < 2:
            return (H * V.ravel()).reshape(V.shape)
        return (H @ V.reshape(len(H), -1)).reshape(V.shape)

    def plus(
        self, weight: float, U: NDArray, slope: NDArray, hessian: NDArray
    ) -> LaplaceApproximation:
        """Return the sum with the quadratic that has this slope and Hessian at U."""
        slope = self.slope + self._times(U - self.centre) + slope
        return LaplaceApproximation(
            self.weight + weight, U, slope, self.hessian + hessian, self.ridge
        )

    def rescaled(self, ratio: NDArray) -> LaplaceApproximation:
        """Return the same Q, but for the ridge, in units of the features `ratio` times as long.

        Parameters
        ----------
        ratio : ndarray of shape (n,)
        """
        H, n_outputs = self.hessian, self.centre.shape[1]
        if H.ndim:
            r = ratio if H.shape == 2 * ratio.shape else np.repeat(ratio, n_outputs)
            H = H / r / r[:, np.newaxis] if H.ndim == 2 else H / r**2
        r = ratio[:, np.newaxis]
        return replace(self, centre=r * self.centre, slope=self.slope / r, hessian=H)


@dataclass(frozen=True)
class Past:
    """Q as a function of the flat w of an objective."""

    objective: StandardisedObjective
    quadratic: LaplaceApproximation

    def value(self, w: NDArray) -> float:
        return self.quadratic.value(self._coordinates(w))

    def gradient(self, w: NDArray) -> NDArray:
        return self._pull_back(self.quadratic.gradient(self._coordinates(w)))

    def product(self, d: NDArray) -> NDArray:
        return self._pull_back(self.quadratic.product(self._coordinates(d)))

    def _coordinates(self, w: NDArray) -> NDArray:
        return self.objective.frame.coordinates(self.objective, w)

    def _pull_back(self, G: NDArray) -> NDArray:
        return self.objective.frame.pull_back(self.objective, G)
