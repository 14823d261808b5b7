"""A certificate: how far the objective at a point can be above its minimum, by Fenchel duality.

For every probability row table Q (n, K) with sum_i s_i (Q - Y)_i = 0, and U = X'(Q - Y) s / S,

    F* >= D(Q) = (1/S) sum_i s_i [entropy(Q_i) + (Q - Y)_i M_i] - h*(-U),

with M the offset, if there is one, and h* the convex conjugate of the penalty, so that F(w) - D(Q)
bounds F(w) - F*.  At the optimum Q = P closes the gap; elsewhere Q = Y + t (P - Y), with the
largest t at which h* is finite.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.objective.hessian import row_curvature
from softmax_reg.objective.hessian_block import Coordinates, hessian_block
from softmax_reg.objective.intercepts import BALANCED, NEWTON_STEPS, with_best_intercept
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point

__all__ = ["duality_gap"]

# What rounding leaves of a sum of residuals that is zero, at best.
_ROUNDED = 4.0 * np.finfo(float).eps
# Beside F itself so much need not be looked into.
_LITTLE = 1e-8
# How far the minimiser may be away: scores at w, twice, and as much as makes a class certain.
_FAR, _TIMES = 40.0, 2.0
# What Newton's method aims at, as a share of that.
_AIM = 1e-2
# Of a smaller loss, whose residuals are as small, it may leave less in proportion.
_USUAL_LOSS = 1e-6


def duality_gap(objective: Objective, point: Point) -> float:
    """Return an upper bound on F(w) - F*, at least 0 and at most F(w) less the entropy of Y.

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
    at_most = max(BALANCED * min(point.reducible / _USUAL_LOSS, 1.0), _ROUNDED)
    if len(index) == objective.n_outputs * objective.fit_intercept:
        balanced = with_best_intercept(point, _AIM * at_most) if len(index) else point
    else:
        balanced = _balance(objective, point, index, units, at_most)
    gradient, entropy = _gradient_and_dual(balanced)
    if not np.abs(gradient[index] / units).max(initial=0.0) <= at_most:
        return point.reducible  # not dual feasible
    # Of centred features, for what is left of an intercept counts as often as that is far away.
    imbalance, seen = float(np.abs(gradient[index] / units).sum()), objective
    if imbalance * _distance(seen, balanced) > _LITTLE * point.reducible:
        # A wild row makes a mean that is far from all others.
        seen = objective.seen_with(row_curvature(point))
    left = imbalance * _distance(seen, balanced)
    U, of_b = objective.unpack(gradient)
    if objective.fit_intercept:
        U = U - seen.mean[:, np.newaxis] * of_b
    U[objective.penalty.unpenalised(objective.n_features)] = 0.0
    with np.errstate(over="ignore", invalid="ignore"):
        shrink, conjugate = objective.penalty.conjugate(-U)
        entropy = entropy if shrink == 1.0 else _mean_dual(balanced, shrink)
        gap = point.value - (entropy - conjugate) + left
    # The minimum is not below the entropy: where numbers overflow that is all that is known.
    return min(max(gap, 0.0), point.reducible) if np.isfinite(gap) else point.reducible


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


def _balance(
    objective: Objective, point: Point, index: NDArray, units: NDArray, at_most: float
) -> Point:
    """Return the point with F minimised over some coordinates, by Newton's method: X'R = 0."""
    smallest = np.inf
    for _ in range(NEWTON_STEPS):
        gradient = _gradient_and_dual(point)[0][index] / units
        size = float(np.abs(gradient).max())
        if not np.isfinite(size) or size <= _AIM * at_most or BALANCED > size > 0.5 * smallest:
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


def _gradient_and_dual(point: Point) -> tuple[NDArray, float]:
    """Return (X'R, sum R), the gradient of the loss alone, and D(P) without the penalty."""
    gradient, entropy = point.reduce(_gradient_and_dual_pass)
    return gradient, float(entropy[0])


def _gradient_and_dual_pass(
    model: LinearModel, w: NDArray, block: Block
) -> tuple[NDArray, NDArray]:
    P, log_P = model.softmax(w, block)
    entropy, R = _entropy(P, log_P, block), model.residuals(P.copy(order="F"), block)
    return model.pull_back(block.X, R), entropy + _of_offset(model, R, block)


def _mean_dual(point: Point, shrink: float) -> float:
    """Return D(Q) without the penalty, Q = Y + shrink (P - Y), shrink < 1."""
    return float(point.reduce(_mean_dual_pass, shrink)[0][0])


def _mean_dual_pass(model: LinearModel, w: NDArray, shrink: float, block: Block) -> tuple[NDArray]:
    P = model.softmax(w, block)[0]
    Q = shrink * P
    block.targets.add_to(Q, 1.0 - shrink)
    entropy = _entropy(Q, np.log(np.maximum(Q, np.finfo(Q.dtype).tiny)), block)
    if block.offset is not None:
        R = model.residuals(P.copy(order="F"), block)
        entropy += shrink * _of_offset(model, R, block)
    return (entropy,)


def _of_offset(model: LinearModel, R: NDArray, block: Block) -> float:
    """Return the share of a block in (1/S) sum_i s_i (P - Y)_i M_i."""
    if block.offset is None:
        return 0.0
    return float(np.einsum("ik,ik->", R[:, model.free], block.offset, dtype=np.float64))


def _entropy(Q: NDArray, log_Q: NDArray, block: Block) -> NDArray:
    """Return the share of a block in the mean entropy, shape (1,)."""
    return np.array([-np.vdot(block.shares[:, 0], np.einsum("ik,ik->i", Q, log_Q))])
