"""The best intercept for given coefficients of features: none at all, or those of a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point
from softmax_reg.penalties import ElasticNet

__all__ = ["BALANCED", "NEWTON_STEPS", "null_loss", "with_best_intercept", "without_features"]

NEWTON_STEPS = 50
# What rounding leaves, at most, of a sum of residuals that is zero.
BALANCED = 1e-12
_HALVINGS = 30


def without_features(loss: PenalisedLoss) -> NDArray:
    """Return the w that minimises F among those whose coefficients are all 0.

    Without an offset the intercepts are the logarithms of the classes' shares in the total weight.
    """
    W, data = np.zeros((loss.n_features, loss.n_outputs), loss.dtype), loss.data
    log_shares = np.log(data.targets.totals(data.shares[:, 0]))
    b = log_shares - log_shares[0] if loss.n_outputs == 1 else log_shares - log_shares.mean()
    b = b[loss.model.free]
    if data.offset is None or not loss.fit_intercept:
        return loss.pack(W, b)
    # Newton's method starts from where the mean of exp(M + b) is that of exp(b) without an offset.
    top = data.offset.max(axis=0)
    b -= top + np.log(data.weights @ np.exp(data.offset - top) / data.total_weight)
    return with_best_intercept(Point(loss, loss.pack(W, b)), BALANCED, is_near=False).w


def null_loss(data: Dataset) -> float:
    """Return the least loss without features: the entropy of the shares of the classes."""
    if data.offset is not None:
        loss = PenalisedLoss(data, ElasticNet(0.0))
        return Point(loss, without_features(loss)).loss
    totals = data.targets.totals(data.weights.astype(np.float64))
    shares = totals[totals > 0.0] / totals.sum()
    return float(-(shares * np.log(shares)).sum())


def with_best_intercept(point: Point, at_most: float, is_near: bool = True) -> Point:
    """Return the point with F minimised over the intercept: the sum of the residuals is 0.

    Newton's method on scores that all rows shift together: X is not read where they are kept.  It
    ends where no sum of residuals is above `at_most`, or rounding lets it fall no further.  From a
    point that is not near the best intercept steps are halved until F does not rise, which keeps
    the probabilities of two points at a time.
    """
    objective, smallest = point.objective, np.inf
    for _ in range(NEWTON_STEPS):
        _ = point.value  # keeps the softmax
        slope, H = _intercept_model(point)
        size = float(np.abs(slope).max())
        if not np.isfinite(size) or size <= at_most or BALANCED > size > 0.5 * smallest:
            break
        smallest = min(size, smallest)
        step = np.zeros(objective.size)
        step[-objective.n_outputs :] = np.linalg.lstsq(H, -slope, rcond=None)[0]
        point = _shifted(point, step) if is_near else _lower(point, step)
    _ = point.value
    return point


def _lower(point: Point, step: NDArray) -> Point:
    """Return the point after a step of the intercept, halved until F does not rise."""
    most = point.value + point.rounding
    for _ in range(_HALVINGS):
        new = _shifted(point, step)
        if new.value <= most:
            break
        step = 0.5 * step
    return new


def _shifted(point: Point, step: NDArray) -> Point:
    """Return the point after a step of the intercept, which adds the same to all scores."""
    if not point.kept:
        return Point(point.objective, point.w + step)
    model = point.objective.model
    scores = point.kept["log_P"].copy(order="F")
    scores[:, model.free] += model.unpack(step)[1]
    return Point(point.objective, point.w + step, scores)


def _intercept_model(point: Point) -> tuple[NDArray, NDArray]:
    """Return the gradient of F by the intercept, and its Hessian."""
    data, free = point.objective.data, point.objective.model.free
    of_classes = data.targets.totals(data.shares[:, 0])[free]
    total, squares = point.reduce(_mean_and_squares)
    return total - of_classes, np.diag(total) - squares


def _mean_and_squares(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray, NDArray]:
    Q = model.softmax(w, block)[0][:, model.free]
    return block.shares[:, 0] @ Q, (Q * block.shares).T @ Q
