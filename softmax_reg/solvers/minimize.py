"""`minimize`: the one loop that runs every solver.

It owns everything but the method: coordinates, tolerance, limit, loss curve, callbacks, non-finite
values, Ctrl-C, and what `converged` promises.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import ConvergenceWarning
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.objective.separability import Existence
from softmax_reg.solvers.endings import Result, not_converged, not_finite, reason_of
from softmax_reg.solvers.events import Callback, Progress, ask, notify
from softmax_reg.solvers.promise import Promise
from softmax_reg.solvers.restarts import Walk
from softmax_reg.solvers.rising_loss import has_risen, told_of_rise
from softmax_reg.solvers.run_state import Run
from softmax_reg.solvers.solver import Solver

__all__ = ["minimize"]

# A solver whose points bring neither a lower loss nor a smaller gradient so many times has stalled.
_PATIENCE = 30
# So much of what is enough the last point may be above the lowest.
_SLACK = 0.1
# A Newton step that lowers F by less than this share of what is enough leads nowhere.
_TOLD = 1e-2
# A run goes on while the loss can still fall by more than so many times `tol`, relative to itself:
# close to separation both the loss and its gradient are small long before the minimum.
_DECREASE = 10.0


def minimize(
    solver: Solver,
    objective: Objective,
    w: NDArray,
    *,
    tol: float | None,
    max_iter: int,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    validation: Objective | None = None,
    run: Run | None = None,
    warn: bool = True,
) -> Result:
    """Run a solver from w until the optimality is at most `tol`, and F near its minimum.

    Parameters
    ----------
    solver : Solver
    objective : Objective
    w : ndarray of shape (objective.size,)
        The starting point.
    tol : float or None
        For `Point.optimality`, raised to what rounding lets be seen; ten times as much for what
        the loss can still fall by, relative to itself.  None asks for all `max_iter` points.
    max_iter : int
        At most so many points.
    rng : Generator
    callbacks : sequence of callables Progress -> anything, default=()
        Called in this order for every point, the starting point too; only True asks to stop.  One
        that is a `Keeper` or a `Watcher` too is asked for more.
    validation : Objective or None, default=None
        Over rows that are held out, without a penalty: its loss is recorded at every point.
    run : Run or None, default=None
        Where to go on from, in place of w.
    warn : bool, default=True
        Whether to warn; False leaves it to the caller, who finds out from the result.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the loss is not finite, on the rows or on those held out.

    Warns
    -----
    ConvergenceWarning
        If F is not as near its minimum as is promised, unless a callback ended the run.  Where all
        points were asked for, or the user's learning rate is followed, only if F rose.
    """
    began = perf_counter()
    promise = Promise(objective, 0.0 if tol is None else tol)
    is_patient = tol is None or solver.is_textbook
    tol = 0.0 if tol is None else max(tol, objective.resolution)
    run = Run(w=w, best=w, start=w, length=solver.first_stage) if run is None else run
    walk = Walk(solver, objective, run, rng, callbacks)
    point, stopped = walk.point, ""
    asking: list[Callback] = []
    try:
        try:
            if walk.run.losses:
                stopped = _verdict(walk, promise, point, tol, max_iter, is_patient)
            while not stopped:
                if walk.run.losses:
                    notify(callbacks, "before_iteration")
                if (new := walk.step()) is None:
                    stopped = _exhausted(walk, promise, point)
                    continue
                n_iter = len(walk.run.losses)
                if not np.isfinite(new.value):
                    raise ValueError(not_finite(walk, n_iter))
                seconds = perf_counter() - began
                progress = Progress(n_iter, max_iter, new, tol, seconds, validation, is_patient)
                if progress.validation_loss is not None:
                    walk.run.held_out.append(progress.validation_loss)
                walk.run.losses.append(new.value)
                point = new
                if asking := ask(callbacks, progress):
                    stopped = "callback"
                    break
                point = walk.keep_if_due()
                stopped = _verdict(walk, promise, point, tol, max_iter, is_patient)
        except KeyboardInterrupt:
            if not walk.run.losses:
                raise
            stopped = "interrupt"
        result, message = _ended(walk, promise, point, stopped, tol, is_patient, w)
        result.reason = reason_of(result, tol, is_patient, asking)
        notify(callbacks, "conclude", result.reason)
    finally:
        notify(callbacks, "finish")
    if warn and message:
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
    if validation is not None:
        n_points = len(walk.run.losses)
        result.validation_curve = np.array(walk.run.held_out[:n_points])
    return result


def _ended(
    walk: Walk,
    promise: Promise,
    point: Point,
    stopped: str,
    tol: float,
    is_patient: bool,
    start: NDArray,
) -> tuple[Result, str]:
    """Return what a run leaves, and what there is to warn of, or ""."""
    losses, best = walk.run.losses, walk.best
    # Rounding can make the last point a little higher; one that ended by `tol` has been certified.
    slack = 0.0 if stopped == "rounding" else _SLACK * promise.enough(point.value)
    if stopped in ("rounding", "tol") and best.value < point.value - slack:
        point = best
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # the bounds tell
        converged = promise.holds_as_given(walk, point) or (promise.is_loose and stopped == "tol")
        existence = promise.existence(point)
    solver = walk.asked
    is_told = stopped == "callback" or existence is Existence.REFUTED  # by whoever asked for it
    is_enough = is_told or (is_patient and stopped != "interrupt")
    message = ""
    if not converged and not is_enough:
        message = not_converged(solver, stopped, len(losses) - 1, point, tol, promise)
    elif solver.is_textbook and has_risen(losses):
        what = f"rose from {min(losses):.3g} to {point.value:.3g}"
        message = told_of_rise(solver, walk.objective, start, what)
    n_iter, (excess, gap, _) = len(losses) - 1, promise.bound
    if existence is Existence.REFUTED:  # what bounds the distance to an optimum says nothing
        excess, gap = point.value + promise.lost, np.nan
    curve = np.array(losses)
    return Result(point, curve, n_iter, converged, stopped, excess, gap, existence), message


def _verdict(
    walk: Walk, promise: Promise, point: Point, tol: float, max_iter: int, is_patient: bool
) -> str:
    """Return what ends the run at its last point; if nothing does, note the lows and return "".

    A run that `is_patient` goes on where it makes no progress.
    """
    run = walk.run
    if (
        tol > 0.0
        and _seems_done(walk, promise, point, tol)
        and (
            promise.is_loose
            or promise.holds(walk, point)
            or not (run.finishing or _finish(walk, promise, point))
        )
    ):
        return "tol"
    if len(run.losses) > max_iter:
        return "max_iter"
    if walk.crawls:
        _finish(walk, promise, point)
    run.idle = 0 if _advances(walk, promise, point) else run.idle + 1
    if run.idle >= _PATIENCE and not is_patient:
        return _exhausted(walk, promise, point)
    walk.best = point if point.value < run.lowest else walk.best
    run.lowest, run.smallest = min(run.lowest, point.value), min(run.smallest, point.optimality)
    return ""


def _seems_done(walk: Walk, promise: Promise, point: Point, tol: float) -> bool:
    run = walk.run
    if run.finishing:  # Newton's steps: one that still lowers F much is not the last
        return run.losses[-2] - point.value <= promise.enough(point.value)
    if point.optimality > tol:
        return False
    is_seen = point.optimality > walk.objective.resolution  # below it nothing is
    return not is_seen or run.decrease <= _DECREASE * tol * point.value


def _finish(walk: Walk, promise: Promise, point: Point) -> bool:
    """Go on with Newton's method if that can be done and there is a minimum to go to."""
    return walk.can_finish and promise.existence(point) is not Existence.REFUTED and walk.finish()


def _advances(walk: Walk, promise: Promise, point: Point) -> bool:
    """Return whether a point is a new low; of Newton's steps one that can be told from the last."""
    run = walk.run
    if walk.solver.whole_hessian or run.finishing:
        return run.lowest - point.value > _TOLD * promise.enough(point.value)
    return point.value < run.lowest or point.optimality < run.smallest


def _exhausted(walk: Walk, promise: Promise, point: Point) -> str:
    """Return what a run ends by whose solver makes no more progress; "" if Newton goes on."""
    done = not walk.run.losses or promise.holds(walk, point)
    if done or not _finish(walk, promise, point):
        return "rounding"
    walk.run.idle = 0
    return ""
