"""The coefficients that inference is about: which they are, and their two kinds of units.

Every class k that takes part has a vector theta_k, the intercept first.  Inside, features are
centred and scaled, a_j = (x_j - mean_j) / scale_j, so that no unit takes digits of a covariance;
what users see is

    W_j = theta_j / scale_j,   b = theta_0 - sum_j mean_j W_j

Only differences between classes are known: users see those from one class, the base.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.objective.hessian_block import Coordinates
from softmax_reg.objective.linear_model import LinearModel

__all__ = ["Parametrisation", "place_of"]


def place_of(classes: NDArray, base: object) -> int:
    """Return the place among the classes of the one that the others are compared with."""
    found = np.flatnonzero(classes == base)
    if len(found) != 1:
        raise ValueError(
            f"base must be one of the classes {shown(classes)} that take part, got {shown(base)}."
        )
    return int(found[0])


@dataclass(frozen=True)
class Parametrisation:
    """How theta, of shape (n_classes, n_terms), lies in the flat w of the objective.

    Parameters
    ----------
    model : LinearModel
    mean, scale : ndarray of shape (n_features,), float64
    reference : int or None
        The class whose theta is 0, and stays so; None where every class has a theta of its own.
    """

    model: LinearModel
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    reference: int | None

    @property
    def n_terms(self) -> int:
        """The number of features, and 1 for an intercept."""
        return self.model.n_features + self.model.fit_intercept

    @property
    def moving(self) -> NDArray[np.intp]:
        """The classes whose theta is not held at 0."""
        every = np.arange(self.model.n_classes)[self.model.free]
        return every if self.reference is None else every[every != self.reference]

    @property
    def along(self) -> Coordinates:
        """The coordinates of w that move, in units of theta."""
        return Coordinates.of(self.model, self.index, self.mean, self.scale)

    @property
    def index(self) -> NDArray[np.intp]:
        """The places in w of what moves."""
        rows = self.moving - self.model.free.start
        of_terms = np.arange(self.n_terms)[:, np.newaxis] * self.model.n_outputs
        return (of_terms + rows).ravel()

    @property
    def order(self) -> NDArray[np.intp]:
        """Where in `along` each coefficient is, class by class, the intercept first."""
        places = np.arange(self.n_terms * len(self.moving)).reshape(self.n_terms, -1)
        return np.roll(places, int(self.model.fit_intercept), axis=0).T.ravel()

    def of_w(self, w: NDArray) -> NDArray[np.float64]:
        """Return theta, (n_classes, n_terms), of a flat w; the reference is taken off."""
        W, b = self.model.unpack(w)
        theta = np.zeros((self.model.n_classes, self.n_terms))
        first = int(self.model.fit_intercept)
        theta[self.model.free, first:] = (W * self.scale[:, np.newaxis]).T
        if first:
            theta[self.model.free, 0] = b + self.mean @ W
        return theta if self.reference is None else theta - theta[self.reference]

    def of_gradient(self, gradient: NDArray) -> NDArray[np.float64]:
        """Return the gradient by what moves, flat, in the order of theta, of one by w."""
        slope, b_slope = self.model.unpack(gradient)
        if self.model.fit_intercept:
            slope = slope - self.mean[:, np.newaxis] * b_slope
        slope = slope / self.scale[:, np.newaxis]
        whole = np.vstack([b_slope, slope]) if self.model.fit_intercept else slope
        return whole.T[self.moving - self.model.free.start].ravel()

    def expanded(self, cov: NDArray) -> NDArray[np.float64]:
        """Return the covariance of all of theta, zero for the reference, (n_all, n_all)."""
        n_all = self.model.n_classes * self.n_terms
        places = (self.moving[:, np.newaxis] * self.n_terms + np.arange(self.n_terms)).ravel()
        whole = np.zeros((n_all, n_all))
        whole[np.ix_(places, places)] = cov
        return whole

    def as_seen(self, values: NDArray) -> NDArray:
        """Return what theta is in users' units along the last axis, of length n_terms."""
        seen, first = values.copy(), int(self.model.fit_intercept)
        seen[..., first:] /= self.scale
        if first:
            seen[..., 0] -= seen[..., first:] @ self.mean
        return seen

    def seen_from(
        self, theta: NDArray, cov: NDArray, base: int | None, centred: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return coefficients and their covariance as users see them, flat, class by class.

        Parameters
        ----------
        theta : ndarray of shape (n_classes, n_terms)
        cov : ndarray of shape (n_classes * n_terms, n_classes * n_terms)
        base : int or None
            The class that the others are compared with, and which is left out; None leaves none.
        centred : ndarray of shape (n_terms,), bool
            Without a base, the terms of which only the differences from the mean over the classes
            are known.
        """
        K, q = theta.shape
        C = self.as_seen(cov.reshape(K, q, K, q)).transpose(2, 3, 0, 1)
        C, seen = self.as_seen(C), self.as_seen(theta)  # now both halves are in users' units
        if base is None:
            seen = np.where(centred, seen - seen.mean(axis=0), seen)
            C = np.where(centred, C - C.mean(axis=2, keepdims=True), C)
            is_centred = centred[:, np.newaxis, np.newaxis]
            C = np.where(is_centred, C - C.mean(axis=0, keepdims=True), C)
        else:
            others = np.arange(K) != base
            C = (C - C[:, :, base : base + 1])[:, :, others]
            C, seen = (C - C[base])[others], (seen - seen[base])[others]
        size = seen.size
        C = C.reshape(size, size)
        return seen.ravel(), 0.5 * (C + C.T)
