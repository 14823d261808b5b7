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

from softmax_reg.objective import Objective
from softmax_reg.points import softmax_of

__all__ = ["duality_gap"]

_NEWTON_STEPS = 50
# What rounding leaves of a sum of residuals that is zero.
_BALANCED = 1e-12


def duality_gap(objective: Objective, w: NDArray) -> float:
    """Return an upper bound on F(w) - F*, at least 0; infinite if none could be found.

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
    W, b = objective.unpack(w)
    balanced = objective.pack(W, _balance(objective, W, b)) if objective.fit_intercept else w
    U, left = objective.unpack(_residual_gradient(objective, balanced))
    if np.abs(left).max(initial=0.0) > _BALANCED:
        return np.inf  # not dual feasible: nothing is proven
    shrink, conjugate = objective.penalty.conjugate(-U)
    dual = _mean_entropy(objective, balanced, shrink) - conjugate
    return max(objective.at(w).value - dual, 0.0)


def _balance(objective: Objective, W: NDArray, b: NDArray) -> NDArray:
    """Return the intercept that minimises F for this W, by Newton's method: sum_i R_i = 0."""
    b = b.copy()
    free = slice(objective.n_classes - objective.n_rows, None)
    for _ in range(_NEWTON_STEPS):

        def visit(X: Any, part: slice, b: NDArray = b) -> tuple[NDArray, NDArray]:
            P, _ = softmax_of(objective.scores(X, W, b))
            shares = objective.shares(part)
            weighted = (P * shares)[:, free].astype(np.float64)
            hessian = np.diag(weighted.sum(axis=0)) - weighted.T @ P[:, free]
            return objective.residuals(P, part)[:, free].sum(axis=0, dtype=np.float64), hessian

        gradient, hessian = objective.rows.reduce(visit)
        step = np.linalg.lstsq(hessian, gradient, rcond=None)[0]
        b = b - step.astype(b.dtype)
        if np.abs(gradient).max() <= 4.0 * np.finfo(b.dtype).eps:
            break
    return b


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
