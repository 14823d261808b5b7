"""A certificate: how far the objective at a point can be above its minimum, by Fenchel duality.

For every probability row table Q (n, K) with sum_i s_i (Q - Y)_i = 0, and U = X'(Q - Y) s / S,

    F* >= D(Q) = (1/S) sum_i s_i entropy(Q_i) - h*(-U),

with h* the convex conjugate of the penalty, so that F(w) - D(Q) bounds F(w) - F*.  At the optimum
Q = P closes the gap; elsewhere Q = Y + t (P - Y), with the largest t at which h* is finite.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.faces import hessian_block
from softmax_reg.objective import Objective
from softmax_reg.points import softmax_of

__all__ = ["duality_gap"]

_NEWTON_STEPS = 50
# What rounding leaves of a sum of residuals that is zero.
_BALANCED = 1e-12


def duality_gap(objective: Objective, w: NDArray) -> float:
    """Return an upper bound on F(w) - F*, at least 0 and at most F(w) itself.

    Parameters
    ----------
    objective : Objective
        In float64, with a penalty.
    w : ndarray of shape (objective.size,)

    References
    ----------
    S. Boyd and L. Vandenberghe (2004), "Convex Optimization", section 5.7.1 (regularised
    logistic regression); S.-J. Kim et al. (2007), "An interior-point method for large-scale
    l1-regularized least squares", section III (scaling to a feasible dual point).
    """
    index = _unpenalised(objective)
    units = np.append(objective.scale, 1.0)[index // objective.n_rows]
    balanced = _balance(objective, w, index, units)
    gradient = _residual_gradient(objective, balanced)
    if np.abs(gradient[index] / units).max(initial=0.0) > _BALANCED:
        return objective.at(w).value  # not dual feasible; but F is never negative
    gradient[index] = 0.0
    U, _ = objective.unpack(gradient)
    shrink, conjugate = objective.penalty.conjugate(-U)
    dual = _mean_entropy(objective, balanced, shrink) - conjugate
    value = objective.at(w).value
    return min(max(value - dual, 0.0), value)  # F is never negative, nor is its minimum


def _unpenalised(objective: Objective) -> NDArray[np.intp]:
    """Return the indices of the intercept and of the coefficients that cost nothing."""
    free = np.repeat(objective.penalty.unpenalised(objective.n_features), objective.n_rows)
    return np.flatnonzero(np.append(free, np.ones(objective.size - len(free), dtype=bool)))


def _balance(objective: Objective, w: NDArray, index: NDArray, units: NDArray) -> NDArray:
    """Return w with F minimised over some coordinates, by Newton's method: X'R = 0 along them."""
    smallest = np.inf
    for _ in range(_NEWTON_STEPS if len(index) else 0):
        gradient = _residual_gradient(objective, w)[index] / units
        size = float(np.abs(gradient).max())
        if size <= 4.0 * np.finfo(float).eps or _BALANCED > size > 0.5 * smallest:
            break
        smallest = min(size, smallest)
        H = hessian_block(objective.at(w), index) / units / units[:, np.newaxis]
        w = w.copy()
        w[index] -= np.linalg.lstsq(H, gradient, rcond=None)[0] / units
    return w


def _residual_gradient(objective: Objective, w: NDArray) -> NDArray:
    """Return (X'R, sum R): the gradient of the loss alone."""
    W, b = objective.unpack(w)

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        P, _ = softmax_of(objective.scores(X, W, b))
        return (objective.pull_back(X, objective.residuals(P, part)),)

    return objective.rows.reduce(visit)[0].astype(np.float64)


def _mean_entropy(objective: Objective, w: NDArray, shrink: float) -> float:
    """Return (1/S) sum_i s_i entropy of Q_i = Y_i + shrink (P_i - Y_i)."""
    W, b = objective.unpack(w)

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        P, log_P = softmax_of(objective.scores(X, W, b))
        if shrink < 1.0:
            P *= shrink
            P[np.arange(len(P)), objective.codes[part]] += 1.0 - shrink
            log_P = np.log(np.maximum(P, np.finfo(P.dtype).tiny))
        rows = (P * log_P).sum(axis=1, dtype=np.float64)
        return (np.array([-np.vdot(objective.shares(part)[:, 0].astype(np.float64), rows)]),)

    return float(objective.rows.reduce(visit)[0][0])
