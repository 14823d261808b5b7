"""The objective on some rows, plus a quadratic that stands for all rows before them.

    m(v) = [S F(w) + Q(w) + pull/2 |v|^2] / total,   w = origin + T v,   S the weight of the rows
    Q = slope . (u - centre) + 1/2 (u - centre)' H (u - centre),   u = w for framed features

The Laplace approximation of a posterior, rows after rows: M. Opper (1998), "A Bayesian approach to
on-line learning".  `truncated_cg` and `search_line` see the points of any other objective.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Line, Point
from softmax_reg.preconditioning.linear_maps import FeatureMap

__all__ = ["Anchored", "Frame", "Framed", "Quadratic"]


@dataclass(frozen=True)
class Frame:
    """Where features are centred and in which unit they are, whatever rows are looked at.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_features,), float64
        The mean is 0 without intercept.
    """

    mean: NDArray
    scale: NDArray

    def coordinates(self, objective: Objective, w: NDArray) -> NDArray:
        """Return u, shape (n, n_rows): the coefficients of (x - mean) / scale, and b."""
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
        """Return the gradient in u, (n, n_rows), of what has the flat gradient g in w."""
        G, b = objective.unpack(g)
        scale = self.scale[:, np.newaxis]
        if not objective.fit_intercept:
            return G / scale
        return np.vstack([(G - np.multiply.outer(self.mean, b)) / scale, b])


class Framed(Objective):
    """The objective on rows whose features are centred and scaled as a frame says.

    Without one it has the mean and no more use for a scale.
    """

    def __init__(self, frame: Frame | None, *args: Any) -> None:
        super().__init__(*args)
        self._frame = frame

    @property
    def frame(self) -> Frame:
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
class Quadratic:
    """Q as above.

    Parameters
    ----------
    weight : float
        Of the rows it stands for.
    centre, slope : ndarray of shape (n, n_rows), float64
    hessian : ndarray, float64
        H whole, (n n_rows, n n_rows); one block for every row of coefficients, (n, n); its
        diagonal, (n n_rows,); or 0, ().
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
        """Return dQ/du, shape (n, n_rows)."""
        return self.ridge * U + self.slope + self._times(U - self.centre)

    def product(self, V: NDArray) -> NDArray:
        """Return the Hessian of Q times V, shape (n, n_rows)."""
        return self.ridge * V + self._times(V)

    def _times(self, V: NDArray) -> NDArray:
        H = self.hessian
        if H.ndim < 2:
            return (H * V.ravel()).reshape(V.shape)
        return (H @ V.reshape(len(H), -1)).reshape(V.shape)

    def plus(self, weight: float, U: NDArray, slope: NDArray, hessian: NDArray) -> Quadratic:
        """Return the sum with the quadratic that has this slope and Hessian at U."""
        slope = self.slope + self._times(U - self.centre) + slope
        return Quadratic(self.weight + weight, U, slope, self.hessian + hessian, self.ridge)

    def rescaled(self, ratio: NDArray) -> Quadratic:
        """Return the same Q, but for the ridge, in units of the features `ratio` times as long.

        Parameters
        ----------
        ratio : ndarray of shape (n,)
        """
        H, n_rows = self.hessian, self.centre.shape[1]
        if H.ndim:
            r = ratio if H.shape == 2 * ratio.shape else np.repeat(ratio, n_rows)
            H = H / r / r[:, np.newaxis] if H.ndim == 2 else H / r**2
        r = ratio[:, np.newaxis]
        return replace(self, centre=r * self.centre, slope=self.slope / r, hessian=H)


class Anchored:
    """m as a function of v.

    Parameters
    ----------
    objective : Framed
        F on some rows.
    past : Quadratic
        Q.
    change : FeatureMap
        T, made for `objective`.
    origin : ndarray of shape (objective.size,)
        The w of v = 0.
    pull : float, default=0.0
        What holds v at 0: T T' is taken for the inverse Hessian of all that was learned, divided
        by the weight `pull` of it.
    """

    def __init__(
        self,
        objective: Framed,
        past: Quadratic,
        change: FeatureMap,
        origin: NDArray,
        pull: float = 0.0,
    ) -> None:
        self.objective, self.past, self.change, self.origin = objective, past, change, origin
        self.pull = pull
        self.total = objective.data.total_weight + past.weight + pull

    def at(self, v: NDArray) -> AnchoredPoint:
        """Return the point v."""
        w = self.origin + self.change.forward(v)
        return AnchoredPoint(self, v, self.objective.at(w))

    def mean_of(self, of_rows: Any, of_past: Any, of_pull: Any) -> Any:
        """Return S, Q and pull terms, added up and divided by the total weight."""
        mean = (self.objective.data.total_weight * of_rows + self.pull * of_pull) / self.total
        return mean + of_past / self.total


class AnchoredPoint:
    """A point of `Anchored`; `inner` is the point w of the rows' objective."""

    def __init__(self, anchored: Anchored, v: NDArray, inner: Point) -> None:
        self.anchored, self.w, self.inner = anchored, v, inner

    @cached_property
    def _u(self) -> NDArray:
        objective = self.anchored.objective
        return objective.frame.coordinates(objective, self.inner.w)

    @cached_property
    def value(self) -> float:
        anchored = self.anchored
        pull = 0.5 * float(np.vdot(self.w, self.w))
        return anchored.mean_of(self.inner.value, anchored.past.value(self._u), pull)

    @property
    def rounding(self) -> float:
        """About how far `value` is off; what is known of the past hides more."""
        return float(np.finfo(self.w.dtype).eps) * abs(self.value)

    @cached_property
    def gradient(self) -> NDArray:
        anchored, adjoint = self.anchored, self.anchored.change.adjoint
        past = self._adjoint(anchored.past.gradient(self._u))
        return anchored.mean_of(adjoint(self.inner.gradient), past, self.w)

    def hessian_product(self, v: NDArray) -> NDArray:
        anchored, change = self.anchored, self.anchored.change
        d = change.forward(v)
        rows = change.adjoint(self.inner.hessian_product(d))
        return anchored.mean_of(rows, self._past_product(d), v)

    def _past_product(self, d: NDArray) -> NDArray:
        """Return T' H d for a displacement d of w."""
        objective, past = self.anchored.objective, self.anchored.past
        return self._adjoint(past.product(objective.frame.coordinates(objective, d)))

    def _adjoint(self, G: NDArray) -> NDArray:
        objective = self.anchored.objective
        return self.anchored.change.adjoint(objective.frame.pull_back(objective, G))

    def line(self, direction: NDArray) -> AnchoredLine:
        return AnchoredLine(self, direction)


class AnchoredLine:
    """A line in v is a line in w; along it Q and the pull are parabolas."""

    def __init__(self, start: AnchoredPoint, direction: NDArray) -> None:
        self.start, self.direction = start, direction
        self._inner = Line(start.inner, start.anchored.change.forward(direction))

    def at(self, t: float) -> AnchoredPoint:
        return AnchoredPoint(
            self.start.anchored, self.start.w + t * self.direction, self._inner.at(t)
        )

    def slope(self, point: AnchoredPoint) -> float:
        anchored, d = self.start.anchored, self._inner.direction
        objective = anchored.objective
        along = objective.frame.coordinates(objective, d)
        past = float(np.vdot(anchored.past.gradient(point._u), along))
        pull = float(np.vdot(point.w, self.direction))
        return anchored.mean_of(self._inner.slope(point.inner), past, pull)
