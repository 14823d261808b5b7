"""The best intercept for given coefficients of features: none at all, or those of a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.functional import log_softmax
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point

__all__ = ["BALANCED", "NEWTON_STEPS", "null_loss", "with_best_intercept", "without_features"]

NEWTON_STEPS = 50
# What rounding leaves, at most, of a sum of residuals that is zero.
BALANCED = 1e-12
# Of the steps beside an offset: how many, and how their damping changes.
_DAMPED_STEPS, _EASIER, _HARDER, _LEAST_DAMPING = 400, 0.2, 7.0, 1e-14


def without_features(loss: PenalisedLoss) -> NDArray:
    """Return the w that minimises F among those whose coefficients are all 0.

    Without an offset the intercepts are the logarithms of the classes' shares in the total weight.
    """
    W, data = np.zeros((loss.n_features, loss.n_outputs), loss.dtype), loss.data
    b = np.log(data.targets.totals(data.shares[:, 0]))
    if data.offset is not None and loss.fit_intercept:
        b = _beside_offset(data)[0]
    b = b - b[0] if loss.n_outputs == 1 else b - b.mean()
    return loss.pack(W, b[loss.model.free])


def null_loss(data: Dataset) -> float:
    """Return the least loss without features: the entropy of the shares of the classes."""
    if data.offset is not None:
        return _beside_offset(data)[1]
    totals = data.targets.totals(data.weights.astype(np.float64))
    return float(entr(totals / totals.sum()).sum())


def _beside_offset(data: Dataset) -> tuple[NDArray[np.float64], float]:
    """Return the intercepts that minimise the loss without features, and that loss; no pass.

    Newton's steps, damped until the loss falls: K. Levenberg (1944), "A method for the solution of
    certain non-linear problems in least squares", Quarterly of Applied Mathematics 2, 164-168.
    Where an offset is so large that all probabilities are 0 or 1 they find their length.
    """
    rows = data.active
    assert data.offset is not None
    offset, targets = data.offset[rows].astype(np.float64), data.targets[rows]
    M = np.zeros((len(rows), data.n_classes), order="F")
    M[:, data.n_classes - offset.shape[1] :] = offset
    s = data.shares[rows, 0].astype(np.float64)
    wanted = targets.totals(s)

    def at(b: NDArray) -> tuple[float, NDArray, NDArray]:
        log_P = log_softmax(M + b)
        return float(s @ targets.losses(log_P)), log_P, b

    (loss, log_P, b), damping = at(np.log(wanted)), 1.0
    for _ in range(_DAMPED_STEPS):
        P = np.exp(log_P)
        slope, H = s @ P - wanted, np.diag(s @ P) - (P * s[:, np.newaxis]).T @ P
        if np.abs(slope).max() <= BALANCED:
            break
        found = at(b - np.linalg.solve(H + damping * np.eye(len(b)), slope))
        if found[0] < loss:
            loss, log_P, b = found
            damping = max(_EASIER * damping, _LEAST_DAMPING)
        elif damping > 1.0:
            break  # no step along the gradient is short enough: rounding
        else:
            damping *= _HARDER
    return b, loss


def with_best_intercept(point: Point, at_most: float) -> Point:
    """Return the point with F minimised over the intercept: the sum of the residuals is 0.

    Newton's method on scores that all rows shift together: X is not read where they are kept.  It
    ends where no sum of residuals is above `at_most`, or rounding lets it fall no further.
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
        point = _shifted(point, step)
    _ = point.value
    return point


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
