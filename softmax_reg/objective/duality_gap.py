"""A certificate: how far the objective at a point can be above its minimum, by Fenchel duality.

For every probability row table Q (n, K) with sum_i s_i (Q - Y)_i = 0, and U = X'(Q - Y) s / S,

    F* >= D(Q) = (1/S) sum_i s_i entropy(Q_i) - h*(-U),

with h* the convex conjugate of the penalty, so that F(w) - D(Q) bounds F(w) - F*.  At the optimum
Q = P closes the gap; elsewhere Q = Y + t (P - Y), with the largest t at which h* is finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.dataset import Block
from softmax_reg.objective.hessian import row_curvature
from softmax_reg.objective.hessian_block import Coordinates, hessian_block
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point

__all__ = ["duality_gap"]

_NEWTON_STEPS = 50
# What rounding leaves of a sum of residuals that is zero, at most and at best.
_BALANCED, _ROUNDED = 1e-12, 4.0 * np.finfo(float).eps
# Beside F itself so much need not be looked into.
_LITTLE = 1e-8
# How far the minimiser may be away: scores at w, twice, and as much as makes a class certain.
_FAR, _TIMES = 40.0, 2.0
# What Newton's method aims at, as a share of that.
_AIM = 1e-2
# Of a smaller loss, whose residuals are as small, it may leave less in proportion.
_USUAL_LOSS = 1e-6


def duality_gap(objective: Objective, point: Point) -> float:
    """Return an upper bound on F(w) - F*, at least 0 and at most F(w) itself.

    Parameters
    ----------
    objective : Objective
        In float64, with a penalty.
    point : Point
        The point w of it; what it has computed already is not computed anew.

    References
    ----------
    S. Boyd and L. Vandenberghe (2004), "Convex Optimization", section 5.7.1 (regularised
    logistic regression); S.-J. Kim et al. (2007), "An interior-point method for large-scale
    l1-regularized least squares", section III (scaling to a feasible dual point).
    """
    index = _unpenalised(objective)
    units = np.append(objective.scale, 1.0)[index // objective.n_outputs]
    # Beside F itself, for what is left counts as often as the minimiser is far away.
    at_most = max(_BALANCED * min(point.value / _USUAL_LOSS, 1.0), _ROUNDED)
    if len(index) == objective.n_outputs * objective.fit_intercept:
        balanced = _balance_intercept(point, at_most) if len(index) else point
    else:
        balanced = _balance(objective, point, index, units, at_most)
    gradient, entropy = _gradient_and_entropy(balanced)
    if not np.abs(gradient[index] / units).max(initial=0.0) <= at_most:
        return point.value  # not dual feasible; but F is never negative
    # Of centred features, for what is left of an intercept counts as often as that is far away.
    imbalance, seen = float(np.abs(gradient[index] / units).sum()), objective
    if imbalance * _distance(seen, balanced) > _LITTLE * point.value:
        # A wild row makes a mean that is far from all others.
        seen = objective.seen_with(row_curvature(point))
    left = imbalance * _distance(seen, balanced)
    U, of_b = objective.unpack(gradient)
    if objective.fit_intercept:
        U = U - seen.mean[:, np.newaxis] * of_b
    U[objective.penalty.unpenalised(objective.n_features)] = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        shrink, conjugate = objective.penalty.conjugate(-U)
        entropy = entropy if shrink == 1.0 else _mean_entropy(balanced, shrink)
        gap = point.value - (entropy - conjugate) + left
    # F is never negative, nor is its minimum: where numbers overflow that is all that is known.
    return min(max(gap, 0.0), point.value) if np.isfinite(gap) else point.value


def _distance(objective: PenalisedLoss, point: Point) -> float:
    """Return a number that coefficients without a penalty hardly exceed, features scaled."""
    W, b = objective.unpack(point.w)
    scores = np.sqrt(objective.variance) @ np.abs(W)
    if objective.fit_intercept:
        scores = scores + np.abs(b + objective.mean @ W)
    return _FAR + _TIMES * float(scores.max())


def _unpenalised(objective: Objective) -> NDArray[np.intp]:
    """Return the indices of the intercept and of the coefficients that cost nothing."""
    free = np.repeat(objective.penalty.unpenalised(objective.n_features), objective.n_outputs)
    return np.flatnonzero(np.append(free, np.ones(objective.size - len(free), dtype=bool)))


def _balance_intercept(point: Point, at_most: float) -> Point:
    """Return the point with F minimised over the intercept: the sum of the residuals is 0.

    Newton's method on scores that all rows shift together: X is not read where they are kept.
    """
    objective, smallest = point.objective, np.inf
    for _ in range(_NEWTON_STEPS):
        _ = point.value  # keeps the softmax
        slope, H = _intercept_model(point)
        size = float(np.abs(slope).max())
        if not np.isfinite(size) or size <= _AIM * at_most or _BALANCED > size > 0.5 * smallest:
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
    of_classes = np.bincount(data.targets, data.shares[:, 0], data.n_classes)[free]
    total, squares = point.reduce(_mean_and_squares)
    return total - of_classes, np.diag(total) - squares


def _mean_and_squares(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray, NDArray]:
    Q = model.softmax(w, block)[0][:, model.free]
    return block.shares[:, 0] @ Q, (Q * block.shares).T @ Q


def _balance(
    objective: Objective, point: Point, index: NDArray, units: NDArray, at_most: float
) -> Point:
    """Return the point with F minimised over some coordinates, by Newton's method: X'R = 0."""
    smallest = np.inf
    for _ in range(_NEWTON_STEPS):
        gradient = _gradient_and_entropy(point)[0][index] / units
        size = float(np.abs(gradient).max())
        if not np.isfinite(size) or size <= _AIM * at_most or _BALANCED > size > 0.5 * smallest:
            break
        smallest = min(size, smallest)
        along = Coordinates.of(objective.model, index)
        (H,) = point.reduce(hessian_block, along, block_bytes=along.block_bytes)
        H = H / units / units[:, np.newaxis]
        if not np.isfinite(H).all():
            break
        w = point.w.copy()
        w[index] -= np.linalg.lstsq(H, gradient, rcond=None)[0] / units
        point = objective.at(w)
    return point


def _gradient_and_entropy(point: Point) -> tuple[NDArray, float]:
    """Return (X'R, sum R), the gradient of the loss alone, and the mean entropy of P."""
    gradient, entropy = point.reduce(_gradient_and_entropy_pass)
    return gradient, float(entropy[0])


def _gradient_and_entropy_pass(
    model: LinearModel, w: NDArray, block: Block
) -> tuple[NDArray, NDArray]:
    P, log_P = model.softmax(w, block)
    entropy = _entropy(P, log_P, block)
    return model.pull_back(block.X, model.residuals(P.copy(order="F"), block)), entropy


def _mean_entropy(point: Point, shrink: float) -> float:
    """Return (1/S) sum_i s_i entropy of Q_i = Y_i + shrink (P_i - Y_i), shrink < 1."""
    return float(point.reduce(_mean_entropy_pass, shrink)[0][0])


def _mean_entropy_pass(
    model: LinearModel, w: NDArray, shrink: float, block: Block
) -> tuple[NDArray]:
    Q = shrink * model.softmax(w, block)[0]
    Q[np.arange(len(Q)), block.targets] += 1.0 - shrink
    return (_entropy(Q, np.log(np.maximum(Q, np.finfo(Q.dtype).tiny)), block),)


def _entropy(Q: NDArray, log_Q: NDArray, block: Block) -> NDArray:
    """Return the share of a block in the mean entropy, shape (1,)."""
    return np.array([-np.vdot(block.shares[:, 0], np.einsum("ik,ik->i", Q, log_Q))])
