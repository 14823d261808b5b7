"""How far F at a point can be above its minimum: certified by duality, or tested by Newton's model.

With r the smallest subgradient of F and H the Hessian of its smooth part, d = -H^-1 r, and no row's
scores changed by d by more than 1/2 beside one another, F is about quadratic as far as d leads, and

    F(w) - F* <= r' H^-1 r

(generalised self-concordance: F. Bach 2010, "Self-concordant analysis for logistic regression",
Electronic Journal of Statistics 4, proposition 1).  A row whose scores d would change by more, for
its class is all but certain, is bounded by its tangent in place of its curvature.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_reg.conditioning import row_curvature
from softmax_reg.duality import duality_gap
from softmax_reg.maps import cholesky_solve
from softmax_reg.objective import Objective
from softmax_reg.points import Point

__all__ = ["REACH", "Suboptimality", "spread_of_scores", "suboptimality"]

# Below 1 the third derivative is held by the second: Bach (2010), lemma 1.
REACH = 0.5
# So often rows that are all but certain are set aside.
_ROUNDS = 6
# The curvature of so many rows for each coefficient is enough.
_ROWS_PER_COEFFICIENT = 4


class Suboptimality(NamedTuple):
    """How far F can be above its minimum.

    Attributes
    ----------
    excess : float
        Upper bound on F - F*, certified or tested; at most F itself.
    gap : float
        The duality gap, a certificate; nan where it was not asked for or does not exist.
    is_best : bool
        Whether no better bound is to be had: it is small enough, or Newton's model was asked.
    """

    excess: float
    gap: float
    is_best: bool


def suboptimality(
    objective: Objective, point: Point, enough: float, n_passes: float
) -> Suboptimality:
    """Return a bound on F - F* at a point.

    Parameters
    ----------
    objective : Objective
    point : Point
        Of it.
    enough : float
        No better bound is looked for when one is at most this.
    n_passes : float
        How many passes over X the Hessian may cost.
    """
    exact = objective.in_float64()
    if exact is not objective:
        point = exact.at(point.w.astype(np.float64))
    excess, gap = point.value, np.nan  # F is never negative, nor is its minimum
    if excess > enough and not exact.penalty.unpenalised(exact.n_features).all():
        gap = duality_gap(exact, point.w)
        excess = min(excess, gap)
    is_best = excess <= enough
    if not is_best and _cost(exact, point) <= n_passes:
        excess, is_best = min(excess, newton_excess(exact, point)), True
    return Suboptimality(excess, gap, is_best)


def _cost(objective: Objective, point: Point) -> float:
    """Return what the Hessian costs, in passes over X."""
    m = int(np.count_nonzero(objective.support(point.w)))
    return objective.hessian_cost(m, min(_ROWS_PER_COEFFICIENT * m, objective.rows.shape[0]))


def newton_excess(objective: Objective, point: Point) -> float:
    """Return r' H^-1 r, infinite where d leads farther than H tells.

    H of some rows is at most H of all, so that the bound holds with the curvature of any of them.
    """
    rows = objective.sample
    rows = rows[objective.weights[rows] > 0.0]
    m = int(np.count_nonzero(objective.support(point.w)))
    wanted = _ROWS_PER_COEFFICIENT * m
    for some in [rows[:: len(rows) // wanted], rows] if len(rows) > 2 * wanted else [rows]:
        square = _from_rows(objective, point, some)
        if np.isfinite(square):
            return square
    return np.inf


def _from_rows(objective: Objective, point: Point, rows: NDArray[np.intp]) -> float:
    for _ in range(_ROUNDS):
        if not len(rows):
            break
        square, spread = _newton_step(objective.of_rows(rows), point)
        near = spread <= REACH
        if near.all():
            return square if np.isfinite(square) else np.inf
        rows = rows[near]
    return np.inf


def _newton_step(part: Objective, point: Point) -> tuple[float, NDArray]:
    """Return r' H^-1 r with the curvature of some rows, and by how much d spreads their scores.

    Features are centred and scaled as the rows see them that have curvature.  Coefficients that a
    norm holds at zero have r = 0; they are left out unless d would set them free.
    """
    part = part.seen_with(row_curvature(part, part.at(point.w)))
    here, slopes = part.at(point.w), _slopes(part, point.gradient)
    r, moving = smallest_subgradient(part, point.w, slopes)
    for _ in range(_ROUNDS):
        index = part.closed(moving)
        H = here.hessian_block(index, part.mean, part.scale)
        d = -cholesky_solve(H, r[index])
        step = _in_w(part, index, d)
        if part.is_smooth:
            break
        model = slopes + _slopes(part, here.hessian_product(step))
        freed = smallest_subgradient(part, point.w, model)[1] & ~moving
        if not freed.any():
            break
        moving |= freed
    else:
        return np.inf, np.zeros(part.rows.shape[0])
    return float(-r[index] @ d), spread_of_scores(part, step)


def _slopes(part: Objective, gradient: NDArray) -> NDArray:
    """Return the gradient for features that are centred as `part` sees them, flat."""
    slopes, of_b = part.unpack(gradient.astype(np.float64))
    if part.fit_intercept:
        slopes = slopes - part.mean[:, np.newaxis] * of_b
    return np.append(slopes.ravel(), of_b)


def smallest_subgradient(
    part: Objective, w: NDArray, slopes: NDArray
) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return the smallest subgradient of F, and where F is smooth or that is not zero.

    For features that are centred and scaled as `part` sees them.

    Parameters
    ----------
    part : Objective
    w : ndarray of shape (size,)
    slopes : ndarray of shape (size,)
        The gradient of the smooth part, features centred.
    """
    W, _ = part.unpack(w)
    G, of_b = part.unpack(slopes)
    moving = part.support(w).copy()
    if not part.is_smooth:
        on = moving[: W.size].reshape(W.shape)
        G = np.where(on, G + part.penalty.rest_gradient(W), part.penalty.prox(G, 1.0))
        moving[: W.size] |= G.ravel() != 0.0
    return np.append((G / part.scale[:, np.newaxis]).ravel(), of_b), moving


def spread_of_scores(objective: Objective, step: NDArray) -> NDArray:
    """Return by how much a step changes the scores of each row beside one another, (n_samples,)."""
    spread, (V, u) = np.empty(objective.rows.shape[0]), objective.unpack(step)

    def visit(X: Any, rows: slice) -> tuple[NDArray]:
        spread[rows] = np.ptp(objective.scores(X, V, u), axis=1)
        return (np.zeros(1),)

    objective.rows.reduce(visit)
    return spread


def _in_w(part: Objective, index: NDArray[np.intp], d: NDArray) -> NDArray:
    """Return the displacement of w that d is for centred and scaled features."""
    v = np.zeros(part.size)
    v[index] = d
    V, u = part.unpack(v)
    V = V / part.scale[:, np.newaxis]
    return part.pack(V, u - part.mean @ V if part.fit_intercept else u)
