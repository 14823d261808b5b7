"""From the strongest penalty to the weakest: each optimum is the start of the next.

Features whose coefficients will stay 0 are set aside by the sequential strong rule: from strength a
to a' < a, a feature is kept if it is active, or if its slope at the last optimum would move it off
0 under a penalty of strength 2 a' - a; under an L1 norm, if |dL/dW_jk| > (2 a' - a) l1_ratio.
The rule can err, so that the slopes of all features are looked at before a point is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.intercepts import without_features
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.solvers.endings import Result
from softmax_reg.solvers.minimize import minimize
from softmax_reg.solvers.run_state import RunState
from softmax_reg.solvers.solver import Solver

__all__ = ["largest_strength", "path_solutions", "without_penalised"]

# The columns that are kept are copied: only where that takes little memory and saves much work.
_KEPT_BYTES, _KEPT_SHARE = 64 << 20, 0.5
# The first point of a path is to have no coefficient but the free ones: these are fitted so much
# more exactly than the points.
_EXACT = 1e-3
# From the last optimum the next is near: its coordinates serve so many times as long as the first.
_NEAR = 4.0
# With fewer, a pass over all features costs no more than the bookkeeping.
_FEW_FEATURES = 64


def without_penalised(
    objective: Objective, solver_for: Callable[[bool], Solver], **settings: Any
) -> NDArray:
    """Return the w that minimises F among those whose coefficients with a penalty are all 0.

    Parameters
    ----------
    objective : Objective
        With a penalty whose rest is a norm; its alpha does not matter, but must be positive.
    solver_for, **settings
        As for `path_solutions`, to fit the features without a penalty, if there are any.
    """
    w, free = without_features(objective), _free(objective)
    if not free.any():
        return w
    part = objective.with_features(np.flatnonzero(free))
    part = part.with_penalty(part.penalty.with_fields(alpha=0.0))
    with part.data.running():
        exact = settings | {"tol": _EXACT * settings["tol"]}
        fitted = minimize(solver_for(True), part, without_features(part), warn=False, **exact)
    W = objective.unpack(w)[0].copy()
    W[free], b = part.unpack(fitted.point.w)
    return objective.pack(W, b)


def largest_strength(objective: Objective, w: NDArray) -> float:
    """Return the smallest alpha at which all coefficients with a penalty are 0 at the optimum.

    Parameters
    ----------
    objective : Objective
        As for `without_penalised`.
    w : ndarray of shape (objective.size,)
        What that returns.

    References
    ----------
    J. Friedman, T. Hastie and R. Tibshirani (2010), "Regularization paths for generalized linear
    models via coordinate descent", Journal of Statistical Software 33, section 2.5.
    """
    penalty, held = objective.penalty, np.flatnonzero(~_free(objective))
    with objective.data.running():
        slopes = _slopes(objective.at(w))
    return penalty.alpha * penalty.of_features(held).dual_norm(slopes[held])


def _free(objective: Objective) -> NDArray[np.bool_]:
    """Return the features without a penalty: at 0 a norm has corners."""
    W = np.zeros((objective.n_features, objective.n_outputs))
    return np.asarray(objective.penalty.differentiable_at(W).any(axis=1))


def path_solutions(
    objective: Objective,
    strengths: Iterable[float],
    solver_for: Callable[[bool], Solver],
    *,
    start: NDArray | None = None,
    **settings: Any,
) -> Iterator[Result]:
    """Yield the optimum for each strength of the penalty, the largest first.

    Parameters
    ----------
    objective : Objective
        The alpha of its penalty is replaced by each of `strengths`.
    strengths : iterable of float
        Falling.
    solver_for : callable is_smooth -> Solver
    start : ndarray of shape (objective.size,), default=None
        Where the first run starts, near its optimum; None means at the intercepts alone.
    **settings
        `tol`, `max_iter` and `rng` as for `minimize`, for each optimum.

    References
    ----------
    R. Tibshirani et al. (2012), "Strong rules for discarding predictors in lasso-type problems",
    Journal of the Royal Statistical Society B 74, 245-266, eq. 5 and section 7.
    """
    w = without_features(objective) if start is None else start
    # Under a norm a start may be the optimum itself, with zeros that a step would lose to rounding.
    is_near, last = start is not None and objective.is_smooth, None
    before: tuple[float, NDArray] | None = None  # without what a point keeps for every row
    for strength in strengths:
        objective = objective.with_penalty(objective.penalty.with_fields(alpha=strength))
        solver = solver_for(objective.is_smooth)
        with objective.data.running():
            kept = _kept(objective, last)
            if before is not None and last is not None and objective.is_smooth:
                w = _ahead(objective, *before, last)
            if kept is None:
                run = _near(objective, w, solver) if is_near else None
                result = minimize(solver, objective, w, warn=False, run=run, **settings)
            else:
                result = _screened(objective, w, kept, solver, settings)
        if last is not None:
            before = last.objective.penalty.alpha, last.w
        is_near, last, w = True, result.point, result.point.w
        yield result
        if result.stopped == "interrupt":
            return


def _ahead(objective: Objective, strength: float, w: NDArray, last: Point) -> NDArray:
    """Return where the line from w, the optimum before, through the last one leads if it is lower.

    A secant predictor in the logarithm of the strength: E. Allgower and K. Georg (1990), "Numerical
    Continuation Methods", section 2.1.
    """
    then, now = last.objective.penalty.alpha, objective.penalty.alpha
    if not strength > then > now > 0.0:
        return last.w
    with np.errstate(over="ignore", invalid="ignore"):
        t = objective.dtype.type(np.log(then / now) / np.log(strength / then))
        guess = last.w + t * (last.w - w)
        value = last.loss + objective.penalty.value(objective.unpack(last.w)[0])
        return guess if objective.at(guess).value < value else last.w


def _near(objective: Objective, w: NDArray, solver: Solver) -> RunState:
    """Return a run from the optimum under another strength of the penalty."""
    if objective.is_smooth:
        return RunState.near_optimum(w, _NEAR * solver.first_stage, safe=False)
    return RunState.near_optimum(w, solver.first_stage, safe=True)  # proximal steps need the bound


def _slopes(point: Point) -> NDArray:
    """Return dF/dW for centred features, in float64, shape (n_features, n_outputs)."""
    objective = point.objective
    slopes, of_b = (part.astype(np.float64) for part in objective.unpack(point.gradient))
    if objective.fit_intercept:
        slopes = slopes - objective.mean[:, np.newaxis] * of_b
    slopes[objective.is_constant] = 0.0  # what rounding makes of nothing
    return slopes


def _kept(objective: Objective, last: Point | None) -> NDArray[np.intp] | None:
    """Return the features that the strong rule keeps; None if screening does not pay."""
    if last is None or objective.is_smooth or objective.n_features < _FEW_FEATURES:
        return None
    before, now = last.objective.penalty.alpha, objective.penalty.alpha
    if 2.0 * now <= before:
        return None
    rule = objective.penalty.with_fields(alpha=2.0 * now - before)
    mask = rule.prox(_slopes(last), 1.0) != 0.0
    mask |= objective.unpack(last.w)[0] != 0.0
    return _worth_it(objective, mask.any(axis=1))


def _worth_it(objective: Objective, mask: NDArray[np.bool_]) -> NDArray[np.intp] | None:
    kept = np.flatnonzero(mask)
    share = len(kept) / objective.n_features
    size = share * objective.data.rows.n_bytes
    return kept if 0.0 < share <= _KEPT_SHARE and size <= _KEPT_BYTES else None


def _screened(
    objective: Objective,
    w: NDArray,
    kept: NDArray[np.intp],
    solver: Solver,
    settings: dict[str, Any],
) -> Result:
    """Minimise over the kept features, and over more until those set aside want to stay 0."""
    n_iter, curves = 0, []
    for _ in range(objective.n_features):  # each round but the last keeps more of them
        part = objective.with_features(kept)
        W, b = objective.unpack(w)
        start = part.pack(W[kept], b)
        with part.data.running():
            run = _near(part, start, solver)
            result = minimize(solver, part, start, warn=False, run=run, **settings)
        W = np.zeros_like(W)
        W[kept], b = part.unpack(result.point.w)
        point = objective.at(objective.pack(W, b))
        n_iter += result.n_iter
        curves.append(result.loss_curve)
        wrong = (objective.penalty.prox(_slopes(point), 1.0) != 0.0).any(axis=1)
        wrong[kept] = False
        if result.stopped == "interrupt" or not wrong.any():
            break
        mask = wrong.copy()
        mask[kept] = True
        more = _worth_it(objective, mask)
        if more is None:
            with objective.data.running():
                result = minimize(solver, objective, point.w, warn=False, **settings)
            point, n_iter = result.point, n_iter + result.n_iter
            curves.append(result.loss_curve)
            break
        w, kept = point.w, more
    return replace(result, point=point, n_iter=n_iter, loss_curve=np.concatenate(curves))
