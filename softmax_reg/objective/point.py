"""The objective at one point, and along a line: computed when asked for, and kept.

value = loss + h(W),   gradient = X' R + h'(W),   R = s (P - Y) / S
Hessian times v: row by row (diag(p) - p p') d s / S with D = X V + u, then the pull-back
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.hessian import hessian_block

if TYPE_CHECKING:
    from softmax_reg.objective.objective import Objective

__all__ = ["Line", "Point"]


class Point:
    """The objective at one w: each quantity is computed when first asked for, and kept.

    Attributes
    ----------
    w : ndarray of shape (size,)
        Not to be written to.
    inner : Point
        Itself; a point in other coordinates has the point it stands for.
    value : float
        F(w), with the whole penalty.
    gradient : ndarray of shape (size,)
        Of the smooth part of F.
    """

    def __init__(self, objective: Objective, w: NDArray, scores: NDArray | None = None) -> None:
        self.objective, self.w = objective, w
        self._scores = scores
        self._softmax: tuple[NDArray, NDArray] | None = None  # P and log P of every row

    @classmethod
    def of_softmax(cls, objective: Objective, w: NDArray, P: NDArray, log_P: NDArray) -> Point:
        """Return the point w with P and log P of every row as given."""
        point = cls(objective, w)
        point._softmax = P, log_P
        return point

    @property
    def inner(self) -> Point:
        return self

    def afresh(self) -> Point:
        """Return the point as computed from w alone, without scores that came along a line."""
        return self if self._scores is None else self.objective.at(self.w)

    def shifted(self, step: NDArray) -> Point:
        """Return the point after a step of the intercept, which adds the same to all scores."""
        if self._softmax is None:
            return self.objective.at(self.w + step)
        first = self.objective.n_classes - self.objective.n_rows
        scores = self._softmax[1].copy(order="F")
        scores[:, first:] += self.objective.unpack(step)[1]
        return self.objective.at(self.w + step, scores=scores)

    @property
    def loss(self) -> float:
        """F without its penalty."""
        return self._value_and_gradient[0] if self._scores is None else self._loss_of_scores

    @cached_property
    def value(self) -> float:
        return self.loss + self.objective.penalty.value(self.objective.unpack(self.w)[0])

    @property
    def rounding(self) -> float:
        """About how far `value` is off: what rounding does to scores counts where rows are wrong.

        The derivative of the loss by the scores of a row is 1 - p_y, at most its loss.
        """
        objective = self.objective
        W, b = objective.unpack(self.w)
        size = np.abs(objective.mean) + np.sqrt(objective.variance)
        scores = float((size @ np.abs(W) + (np.abs(b) if len(b) else 0.0)).max())
        eps = float(np.finfo(objective.dtype).eps)
        return eps * abs(self.value) * max(scores, 1.0)

    @cached_property
    def gradient(self) -> NDArray:
        if self._scores is None:
            gradient = self._value_and_gradient[1]
        else:
            gradient = self._gradient_of_scores
        if self.objective.n_rows > 1:
            # The residuals of a row sum to zero over the classes, but for rounding: next to the
            # directions without curvature that shift all classes, rounding would lead far away.
            of_classes = gradient.reshape(-1, self.objective.n_rows)
            of_classes -= of_classes.mean(axis=1, keepdims=True)
        W, _ = self.objective.unpack(self.w)
        gradient[: W.size] += self.objective.penalty.gradient(W).ravel()
        return gradient

    @cached_property
    def optimality(self) -> float:
        """How far w is from a minimiser, in units that do not depend on those of the features.

        The largest entry of u - prox(u - dF/du), where u_jk = scale_j W_jk and b belongs to
        centred features; without an L1 norm that is the largest entry of dF/du.
        """
        objective, scale = self.objective, self.objective.scale[:, np.newaxis]
        W, _ = objective.unpack(self.w)
        slope, b_slope = objective.unpack(self.gradient)
        if objective.fit_intercept:
            slope = slope - objective.mean[:, np.newaxis] * b_slope
        if objective.is_smooth:
            return float(max(np.abs(slope / scale).max(), np.abs(b_slope).max(initial=0.0)))
        moved = objective.penalty.prox(W - slope / scale**2, 1.0 / scale**2)
        return float(max(np.abs(scale * (W - moved)).max(), np.abs(b_slope).max(initial=0.0)))

    def separates_classes(self) -> bool:
        """Return whether every row with a weight gets its highest score for its own class."""
        objective = self.objective

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, log_P = self.softmax(X, part)
            own = log_P[np.arange(len(P)), objective.codes[part]]
            missed = (log_P >= own[:, np.newaxis]).sum(axis=1) > 1
            return (np.array([np.count_nonzero(missed & (objective.weights[part] > 0.0))]),)

        return objective.rows.reduce(visit)[0][0] == 0

    def softmax(self, X: Any, part: slice | NDArray) -> tuple[NDArray, NDArray]:
        """Return P and log P of a block of rows, to be read only."""
        if self._softmax is not None:
            P, log_P = self._softmax
            return P[part], log_P[part]
        return softmax_in_place(self.objective.scores(X, *self.objective.unpack(self.w)))

    @cached_property
    def _value_and_gradient(self) -> tuple[float, NDArray]:
        """The loss and its gradient, each row of X read once."""
        objective, keep = self.objective, self._room()
        W, b = objective.unpack(self.w)

        def visit(X: Any, part: slice) -> tuple[NDArray, NDArray]:
            P, log_P = softmax_in_place(objective.scores(X, W, b))
            if keep is not None:
                keep[0][part], keep[1][part] = P, log_P
            loss = objective.losses(log_P, part)
            return loss, objective.pull_back(X, objective.residuals(P, part))

        loss, gradient = objective.rows.reduce(visit)
        self._softmax = keep
        return float(loss[0]), gradient

    @cached_property
    def _loss_of_scores(self) -> float:
        """The loss when the scores are known: no product with X.  They become log P."""
        objective, scores = self.objective, self._scores
        assert scores is not None
        proba = np.empty_like(scores)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            proba[part], log_P = softmax_in_place(scores[part])
            return (objective.losses(log_P, part),)

        (loss,) = objective.rows.reduce(visit)
        self._softmax = proba, scores
        return float(loss[0])

    @cached_property
    def _gradient_of_scores(self) -> NDArray:
        objective, _ = self.objective, self.value

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = self.softmax(X, part)
            return (objective.pull_back(X, objective.residuals(P.copy(order="F"), part)),)

        return objective.rows.reduce(visit)[0]

    def _room(self) -> tuple[NDArray, NDArray] | None:
        if not self.objective.keeps_scores:
            return None
        shape, dtype = (self.objective.rows.shape[0], self.objective.n_classes), self.w.dtype
        return np.empty(shape, dtype, order="F"), np.empty(shape, dtype, order="F")

    def hessian_product(self, v: NDArray) -> NDArray:
        """Return the Hessian of the smooth part times v.

        With D = X V + u, row by row: (diag(p) - p p') d, then the pull-back.
        """
        objective = self.objective
        V, u = objective.unpack(v)

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = self.softmax(X, part)
            D = objective.scores(X, V, u)
            D -= (P * D).sum(axis=1, keepdims=True)
            D *= P
            D *= objective.shares(part)
            return (objective.pull_back(X, D),)

        (product,) = objective.rows.reduce(visit)
        # The smooth part is quadratic: its Hessian times V is its gradient at V.
        product[: V.size] += objective.penalty.gradient(V).ravel()
        return product

    def hessian_block(
        self,
        index: NDArray[np.intp],
        mean: NDArray | None = None,
        scale: NDArray | None = None,
    ) -> NDArray:
        """Return the Hessian of the smooth part along some coordinates, float64.

        `mean` and `scale`, of shape (n_features,), are what features are shifted and divided by.
        """
        H = hessian_block(self, index, mean, scale)
        feature = index // self.objective.n_rows
        inside = feature < self.objective.n_features
        p = self.objective.n_features
        ridge = np.broadcast_to(np.ravel(self.objective.penalty.curvature), p)
        if scale is not None:
            ridge = ridge / scale**2
        H[inside, inside] += ridge[feature[inside]]
        return H

    def line(self, direction: NDArray) -> Line:
        """Return t -> the point w + t * direction."""
        return Line(self, direction)


class Line:
    """The points w + t d.  Their scores are Z + t (X D + u): one product with X serves every t."""

    def __init__(self, start: Point, direction: NDArray) -> None:
        self.start, self.direction, self.objective = start, direction, start.objective
        self._D = self._direction_scores() if self.objective.keeps_scores else None

    def _direction_scores(self) -> NDArray:
        objective = self.objective
        V, u = objective.unpack(self.direction)
        D = np.empty((objective.rows.shape[0], objective.n_classes), objective.dtype, order="F")

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            D[part] = objective.scores(X, V, u)
            return (np.zeros(1),)

        objective.rows.reduce(visit)
        return D

    def at(self, t: float) -> Point:
        """Return the point at t."""
        w = self.start.w + self.objective.dtype.type(t) * self.direction
        _ = self.start.value  # computes the softmax
        if self._D is None or self.start._softmax is None:
            return self.objective.at(w)
        _, log_P = self.start._softmax
        # log P differs from the scores by a shift of each row, which the softmax does not see.
        return self.objective.at(w, scores=log_P + self.objective.dtype.type(t) * self._D)

    def slope(self, point: Point) -> float:
        """Return dF/dt at a point of this line."""
        if self._D is None or point._softmax is None:
            return float(np.vdot(point.gradient, self.direction))
        objective, D = self.objective, self._D

        def visit(X: Any, part: slice) -> tuple[NDArray]:
            P, _ = point.softmax(X, part)
            R = objective.residuals(P.copy(order="F"), part)
            return (np.array([np.einsum("ik,ik->", R, D[part], dtype=np.float64)]),)

        loss_slope = float(objective.rows.reduce(visit)[0][0])
        W, V = objective.unpack(point.w)[0], objective.unpack(self.direction)[0]
        return loss_slope + float(np.vdot(objective.penalty.gradient(W), V))
