"""How far F at a point can be above its minimum: certified by duality, or tested by Newton's model.

With r the smallest subgradient of F, H the Hessian of its smooth part and d = -H^-1 r, and if d
changes the scores of no row by more than 1/2 beside one another, F is about quadratic so far, and

    F(w) - F* <= r' H^-1 r

(generalised self-concordance: F. Bach 2010, "Self-concordant analysis for logistic regression",
Electronic Journal of Statistics 4, proposition 1).  F is bounded from below, and the bound holds
all the same, where H is made from some rows alone, where a row whose scores d would change by more
is replaced by its tangent, and where a class that is all but impossible is taken out of a row.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.targets import Targets
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.duality_gap import duality_gap
from softmax_reg.objective.hessian import hessian_cost, row_curvature
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point

__all__ = ["REACH", "Suboptimality", "score_spread", "suboptimality"]

# Below 1 the third derivative is held by the second: Bach (2010), lemma 1.
REACH = 0.5
# So often rows are replaced by their tangents, or coefficients let free that a norm holds at zero.
_ROUNDS = 6
# The curvature of so many rows for each coefficient is enough; all are tried if they are small.
_ROWS_PER_COEFFICIENT = 16
_ROWS_BYTES = 16 << 20
# The rounding of a curvature in units of its size, and what is taken for one that is not seen.
_SEEN, _FLAT = 8.0, 1e-2
# What impossible classes may add to the loss, as a share of what is enough.
_TRIMMED_SHARE = 0.25


class Suboptimality(NamedTuple):
    """How far F can be above its minimum.

    Attributes
    ----------
    excess : float
        Upper bound on F - F*, certified or tested; at most F itself.
    gap : float
        The duality gap, a certificate; nan where it was not asked for or does not exist.
    is_best : bool
        Whether no better bound is to be had: it is small enough, or Newton's model of all rows was
        asked.
    """

    excess: float
    gap: float
    is_best: bool


def suboptimality(
    objective: Objective, point: Point, enough: float, n_passes: float, gap: float = np.nan
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
    gap : float, default=nan
        The duality gap, if it is known already.
    """
    exact = objective.in_float64()
    if exact is not objective:
        point = exact.at(point.w.astype(np.float64))
    excess = point.reducible  # the penalty is never negative, nor is the loss below the entropy
    if excess > enough and not exact.penalty.unpenalised(exact.n_features).all():
        gap = duality_gap(exact, point) if np.isnan(gap) else gap
        excess = min(excess, gap)
    is_best = excess <= enough
    if not is_best:
        rows, is_best = _rows_for_newton(exact, point, n_passes)
        excess = min(excess, newton_excess(exact, point, rows, enough) + point.rounding)
    return Suboptimality(excess, gap, is_best)


def _rows_for_newton(
    objective: Objective, point: Point, n_passes: float
) -> tuple[list[NDArray[np.intp]], bool]:
    """Return the rows to make H from, more where these are too few, and whether no others are.

    As many as may be copied and their Hessian costs no more than `n_passes` passes over X.
    """
    rows = objective.data.sample
    m = max(int(np.count_nonzero(objective.differentiable_at(point.w))), objective.n_outputs)
    sizes = [len(rows)]
    if len(rows) > 2 * _ROWS_PER_COEFFICIENT * m:
        sizes.insert(0, _ROWS_PER_COEFFICIENT * m)
    room = _ROWS_BYTES / (8.0 * max(objective.data.rows.origin.per_row, 1.0))
    able = [size for size in sizes if size <= room and hessian_cost(objective, m, size) <= n_passes]
    return [rows[:: len(rows) // size] for size in able], len(able) == len(sizes)


def newton_excess(
    objective: Objective, point: Point, tried: list[NDArray[np.intp]], enough: float
) -> float:
    """Return r' H^-1 r and what impossible classes add, infinite where d leads too far."""
    bound = np.inf
    for least in (_TRIMMED_SHARE * enough / objective.n_classes, 0.0) if tried else ():
        gradient, lost = _trimmed_gradient(objective, point.w, least)
        for rows in tried:
            bound = lost + _from_rows(objective, point.w, gradient, rows, least)
            if bound <= enough:
                return bound
    return bound


def _trim(P: NDArray, targets: Targets, least: float) -> NDArray:
    """Take classes of probability below `least` out of each row, in place; return their sum.

    No class of which the row has a share.
    """
    out = least > P
    targets.spare(out)
    lost = np.where(out, P, 0.0).sum(axis=1)
    P[out] = 0.0
    P /= P.sum(axis=1, keepdims=True)
    return lost


def _trimmed_gradient(objective: Objective, w: NDArray, least: float) -> tuple[NDArray, float]:
    """Return the gradient of the smooth part without impossible classes, and what F loses by it."""
    visit = partial(_gradient_when_trimmed, objective.model, w, least)
    gradient, lost = objective.data.reduce(visit)
    W, _ = objective.unpack(w)
    gradient[: W.size] += objective.penalty.gradient(W).ravel()
    return gradient, float(lost[0])


def _gradient_when_trimmed(
    model: LinearModel, w: NDArray, least: float, block: Block
) -> tuple[NDArray, NDArray]:
    P, _ = softmax_in_place(model.scores(w, block))
    lost = -np.log1p(-_trim(P, block.targets, least))
    total = np.array([np.vdot(block.shares[:, 0], lost)])
    return model.pull_back(block.X, model.residuals(P, block)), total


def _from_rows(
    objective: Objective, w: NDArray, gradient: NDArray, rows: NDArray[np.intp], least: float
) -> float:
    """Return r' H^-1 r with the curvature of some rows, of fewer if d leads too far for others."""
    for _ in range(_ROUNDS):
        if not len(rows):
            break
        part, varies = objective.of_rows(rows), ~objective.is_constant
        square, spread = _newton_step(part, w, gradient, varies, least)
        near = spread <= REACH
        if near.all():
            return square if np.isfinite(square) else np.inf
        rows = rows[near]
    return np.inf


def _newton_step(
    part: Objective, w: NDArray, gradient: NDArray, varies: NDArray[np.bool_], least: float
) -> tuple[float, NDArray]:
    """Return r' H^-1 r with the curvature of some rows, and by how much d spreads their scores.

    Features are centred and scaled as the rows see them that have curvature.  Coefficients that a
    norm holds at zero have r = 0; they are left out unless d would set them free.
    """
    X, here = part.data.X, Point(part, w)
    P, log_P = softmax_in_place(part.model.scores(w, part.data.whole()))
    _trim(P, part.data.targets, least)
    here.kept = {"P": P, "log_P": log_P}
    part = part.seen_with(row_curvature(here))
    scale = np.where(part.is_constant, 1.0, part.scale)  # constant in these rows alone
    slopes = _slopes(part, gradient, varies)
    r, moving = smallest_subgradient(part, w, slopes)
    units = np.append(
        np.repeat(scale, part.n_outputs), np.ones(part.size - len(scale) * part.n_outputs)
    )
    r /= units
    for _ in range(_ROUNDS):
        index = part.close_under_groups(moving)
        H = here.hessian_block(index, part.mean, scale)
        bends = np.diag(H) > np.finfo(np.float64).tiny
        if (r[index][~bends] != 0.0).any():
            return np.inf, np.zeros(len(P))  # nothing curves there
        index, H = index[bends], H[np.ix_(bends, bends)]
        d = np.zeros(part.size)
        if len(index):
            d[index] = -_solve(_steepened(H, part), r[index])
        step = _in_w(part, d / units)
        if part.is_smooth:
            break
        model = slopes + _slopes(part, here.hessian_product(step), varies)
        freed = smallest_subgradient(part, w, model)[1] & ~moving
        if not freed.any():
            break
        moving |= freed
    else:
        return np.inf, np.zeros(len(P))
    D = part.model.linear(X, step)
    spread = np.where(P > 0.0, D, -np.inf).max(axis=1) - np.where(P > 0.0, D, np.inf).min(axis=1)
    return float(-r @ d), spread


def _steepened(H: NDArray, part: Objective) -> NDArray:
    """Return H with curvature where all classes shift together: r has no part in it, nor has d."""
    n_outputs = part.n_outputs
    if n_outputs > 1 and len(H) == part.size and part.is_smooth:
        blocks = sum(H[k::n_outputs, k::n_outputs] for k in range(n_outputs)) / n_outputs**2
        H = H + np.kron(blocks, np.ones((n_outputs, n_outputs)))
    return H


def _solve(H: NDArray, r: NDArray) -> NDArray:
    """Return H^-1 r, where H may have no more curvature than rounding lets be seen.

    A direction in which it has less is taken for flat, lest a loss that falls slowly along nearly
    collinear features is taken for one that does not fall.
    """
    units = np.sqrt(np.diag(H))
    unit, seen = H / units / units[:, np.newaxis], _SEEN * len(H) * np.finfo(np.float64).eps
    try:
        L = np.linalg.cholesky(unit)
        if np.diag(L).min() ** 2 > seen:
            return scipy.linalg.cho_solve((L, True), r / units, check_finite=False) / units
    except np.linalg.LinAlgError:
        pass
    curvature, V = np.linalg.eigh(unit)
    curvature = np.where(curvature > seen, curvature, _FLAT * np.finfo(np.float64).eps)
    return V @ ((V.T @ (r / units)) / curvature) / units


def _slopes(part: Objective, gradient: NDArray, varies: NDArray[np.bool_]) -> NDArray:
    """Return the gradient for features that are centred as `part` sees them, flat.

    What rounding leaves of it for a feature that never varies is nothing.
    """
    slopes, of_b = part.unpack(gradient.astype(np.float64))
    if part.fit_intercept:
        slopes = slopes - part.mean[:, np.newaxis] * of_b
        slopes[~varies] = 0.0
    return np.append(slopes.ravel(), of_b)


def smallest_subgradient(
    part: Objective, w: NDArray, slopes: NDArray
) -> tuple[NDArray, NDArray[np.bool_]]:
    """Return the smallest subgradient of F, and where F is smooth or that is not zero.

    Parameters
    ----------
    part : Objective
    w : ndarray of shape (size,)
    slopes : ndarray of shape (size,)
        The gradient of the smooth part, features centred.
    """
    W, _ = part.unpack(w)
    G, of_b = part.unpack(slopes)
    moving = part.differentiable_at(w).copy()
    if not part.is_smooth:
        on = moving[: W.size].reshape(W.shape)
        G = np.where(on, G + part.penalty.nonsmooth_gradient(W), part.penalty.prox(G, 1.0))
        moving[: W.size] |= G.ravel() != 0.0
    return np.append(G.ravel(), of_b), moving


def _in_w(part: Objective, d: NDArray) -> NDArray:
    """Return the displacement of w that d is for centred features."""
    V, u = part.unpack(d)
    return part.pack(V, u - part.mean @ V if part.fit_intercept else u)


def score_spread(objective: Objective, step: NDArray) -> NDArray:
    """Return by how much a step changes the scores of each row beside one another, (n_samples,)."""
    spread = np.empty(objective.data.shape[0])
    objective.data.reduce(partial(_keep_spread, objective.model, step), {"spread": spread})
    return spread


def _keep_spread(model: LinearModel, step: NDArray, block: Block) -> tuple[()]:
    block.kept["spread"][...] = np.ptp(model.linear(block.X, step), axis=1)
    return ()
