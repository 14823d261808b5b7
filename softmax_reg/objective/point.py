"""The objective at one point, and along a line: computed when asked for, and kept.

value = loss + h(W),   gradient = X' R + h'(W),   R = s (P - Y) / S
Hessian times v: row by row (diag(p) - p p') d s / S with D = X V + u, then the pull-back
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.block import Block
from softmax_reg.dataset.row_blocks import BLOCK_BYTES, Sums
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.hessian_block import Coordinates, hessian_block
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.penalised_loss import PenalisedLoss

__all__ = ["Line", "Point"]


class Point:
    """The objective at one w: each quantity is computed when first asked for, and kept.

    Attributes
    ----------
    w : ndarray of shape (size,)
        Not to be written to.
    inner : Point
        Itself; a point in other coordinates has the point it stands for.
    kept : dict
        P and log P of every row, once they are known, if they are kept.
    value : float
        F(w), with the whole penalty.
    gradient : ndarray of shape (size,)
        Of the smooth part of F.
    """

    def __init__(self, objective: PenalisedLoss, w: NDArray, scores: NDArray | None = None) -> None:
        self.objective, self.w = objective, w
        self._scores = scores
        self.kept: dict[str, NDArray] = {}

    @property
    def inner(self) -> Point:
        return self

    def recomputed(self) -> Point:
        """Return the point as computed from w alone, without scores that came along a line."""
        return self if self._scores is None else Point(self.objective, self.w)

    def reduce(
        self,
        visit: Callable[..., Sums],
        *known: object,
        block_bytes: int = BLOCK_BYTES,
        **kept: NDArray,
    ) -> Sums:
        """Return the sums of visit(model, w, *known, block) over all rows.

        What is kept of the softmax comes with the block, and so does what is `kept` besides.
        """
        at = partial(visit, self.objective.model, self.w, *known)
        return self.objective.data.reduce(at, self.kept | kept, block_bytes)

    @property
    def loss(self) -> float:
        """F without its penalty."""
        return self._value_and_gradient[0] if self._scores is None else self._loss_of_scores

    @cached_property
    def value(self) -> float:
        return self.loss + self.objective.penalty.value(self.objective.model.unpack(self.w)[0])

    @property
    def reducible(self) -> float:
        """F less the entropy of the targets, which no model goes below: what can be gained."""
        return max(self.value - self.objective.data.entropy, 0.0)

    @property
    def rounding(self) -> float:
        """About how far `value` is off: what rounding does to scores counts where rows are wrong.

        The derivative of the loss by the scores of a row is 1 - p_y, at most its loss.
        """
        objective = self.objective
        W, b = objective.model.unpack(self.w)
        size = np.abs(objective.mean) + np.sqrt(objective.variance)
        scores = float((size @ np.abs(W) + (np.abs(b) if len(b) else 0.0)).max())
        scores += objective.data.largest_offset
        eps = float(np.finfo(objective.dtype).eps)
        return eps * abs(self.value) * max(scores, 1.0)

    @cached_property
    def gradient(self) -> NDArray:
        if self._scores is None:
            gradient = self._value_and_gradient[1]
        else:
            gradient = self._gradient_of_scores
        if self.objective.n_outputs > 1:
            # The residuals of a row sum to zero over the classes, but for rounding: next to the
            # directions without curvature that shift all classes, rounding would lead far away.
            of_classes = gradient.reshape(-1, self.objective.n_outputs)
            of_classes -= of_classes.sum(axis=1, keepdims=True) / of_classes.shape[1]
        W, _ = self.objective.model.unpack(self.w)
        gradient[: W.size] += self.objective.penalty.gradient(W).ravel()
        return gradient

    @cached_property
    def optimality(self) -> float:
        """How far w is from a minimiser, in units that do not depend on those of the features.

        The largest entry of u - prox(u - dF/du), where u_jk = scale_j W_jk and b belongs to
        centred features; without an L1 norm that is the largest entry of dF/du.
        """
        objective, scale = self.objective, self.objective.scale[:, np.newaxis]
        W, _ = objective.model.unpack(self.w)
        slope, b_slope = objective.model.unpack(self.gradient)
        if objective.fit_intercept:
            slope = slope - objective.mean[:, np.newaxis] * b_slope
        if objective.is_smooth:
            return float(max(np.abs(slope / scale).max(), np.abs(b_slope).max(initial=0.0)))
        moved = objective.penalty.prox(W - slope / scale**2, 1.0 / scale**2)
        return float(max(np.abs(scale * (W - moved)).max(), np.abs(b_slope).max(initial=0.0)))

    @cached_property
    def _value_and_gradient(self) -> tuple[float, NDArray]:
        """The loss and its gradient, each row of X read once."""
        data, kept = self.objective.data, {}
        if self.objective.keeps_scores:
            n_classes = self.objective.n_classes
            kept = {"P": data.room(n_classes), "log_P": data.room(n_classes)}
        at = partial(loss_and_gradient, self.objective.model, self.w)
        loss, gradient = data.reduce(at, kept)
        self.kept = kept
        return float(loss[0]), gradient

    @cached_property
    def _loss_of_scores(self) -> float:
        """The loss when the scores are known: no product with X.  They become log P."""
        assert self._scores is not None
        kept = {"P": np.empty_like(self._scores), "log_P": self._scores}
        (loss,) = self.objective.data.reduce(partial(_loss_of_scores, self.objective.model), kept)
        self.kept = kept
        return float(loss[0])

    @cached_property
    def _gradient_of_scores(self) -> NDArray:
        _ = self.value
        return self.reduce(_gradient)[0]

    def hessian_product(self, v: NDArray) -> NDArray:
        """Return the Hessian of the smooth part times v."""
        (product,) = self.reduce(hessian_product, v)
        V, _ = self.objective.model.unpack(v)
        # The smooth part is quadratic: its Hessian times V is its gradient at V.
        product[: V.size] += self.objective.penalty.gradient(V).ravel()
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
        n_outputs, p = self.objective.n_outputs, self.objective.n_features
        along = Coordinates.of(self.objective.model, index, mean, scale)
        (H,) = self.reduce(hessian_block, along, block_bytes=along.block_bytes)
        feature = index // n_outputs
        inside = feature < p
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
        self._D: NDArray | None = None
        if self.objective.keeps_scores:
            data, model = self.objective.data, self.objective.model
            self._D = data.room(model.n_classes)
            data.reduce(partial(_keep_scores, model, direction), {"D": self._D})

    def at(self, t: float) -> Point:
        """Return the point at t."""
        objective, step = self.objective, self.objective.dtype.type(t)
        w = self.start.w + step * self.direction
        _ = self.start.value  # computes the softmax
        if self._D is None or not self.start.kept:
            return Point(objective, w)
        # log P differs from the scores by a shift of each row, which the softmax does not see.
        return Point(objective, w, scores=self.start.kept["log_P"] + step * self._D)

    def slope(self, point: Point) -> float:
        """Return dF/dt at a point of this line."""
        if self._D is None or not point.kept:
            return float(np.vdot(point.gradient, self.direction))
        loss_slope = float(point.reduce(_slope, D=self._D)[0][0])
        objective = self.objective
        W, V = objective.model.unpack(point.w)[0], objective.model.unpack(self.direction)[0]
        return loss_slope + float(np.vdot(objective.penalty.gradient(W), V))


# What follows are passes: functions of a block of rows.


def loss_and_gradient(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray, NDArray]:
    """Return the shares of a block in the loss and in its gradient; keep P and log P if asked."""
    P, log_P = softmax_in_place(model.scores(w, block))
    if block.kept:
        block.kept["P"][...], block.kept["log_P"][...] = P, log_P
    loss = model.losses(log_P, block)
    return loss, model.pull_back(block.X, model.residuals(P, block))


def _loss_of_scores(model: LinearModel, block: Block) -> tuple[NDArray]:
    block.kept["P"][...], log_P = softmax_in_place(block.kept["log_P"])
    return (model.losses(log_P, block),)


def _gradient(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    P, _ = model.softmax(w, block)
    return (model.pull_back(block.X, model.residuals(P.copy(order="F"), block)),)


def hessian_product(model: LinearModel, w: NDArray, v: NDArray, block: Block) -> tuple[NDArray]:
    """Return the share of a block in H v: with D = X V + u, (diag(p) - p p') d, pulled back."""
    P, _ = model.softmax(w, block)
    D = model.linear(block.X, v)
    D -= (P * D).sum(axis=1, keepdims=True)
    D *= P
    D *= block.shares
    return (model.pull_back(block.X, D),)


def _keep_scores(model: LinearModel, w: NDArray, block: Block) -> tuple[()]:
    block.kept["D"][...] = model.linear(block.X, w)
    return ()


def _slope(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    P, _ = model.softmax(w, block)
    R = model.residuals(P.copy(order="F"), block)
    return (np.array([np.einsum("ik,ik->", R, block.kept["D"], dtype=np.float64)]),)
