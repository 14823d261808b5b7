"""What ends a run at a point: it is done, at its limit, or the solver makes no more progress."""

from __future__ import annotations

from softmax_reg.objective.point import Point
from softmax_reg.objective.separability import Existence
from softmax_reg.solvers.promise import Promise
from softmax_reg.solvers.restarts import PreconditionedIterates

__all__ = ["exhausted", "verdict"]

# A solver whose points bring neither a lower loss nor a smaller gradient so many times has stalled.
_PATIENCE = 30
# A Newton step that lowers F by less than this share of what is enough leads nowhere.
_TOLD = 1e-2
# A run goes on while the loss can still fall by more than so many times `tol`, relative to itself:
# close to separation both the loss and its gradient are small long before the minimum.
_DECREASE = 10.0


def verdict(
    walk: PreconditionedIterates,
    promise: Promise,
    point: Point,
    tol: float,
    max_iter: int,
    is_patient: bool,
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
        return exhausted(walk, promise, point)
    walk.best = point if point.value < run.lowest else walk.best
    run.lowest, run.smallest = min(run.lowest, point.value), min(run.smallest, point.optimality)
    return ""


def _seems_done(walk: PreconditionedIterates, promise: Promise, point: Point, tol: float) -> bool:
    run = walk.run
    if run.finishing:  # Newton's steps: one that still lowers F much is not the last
        return run.losses[-2] - point.value <= promise.enough(point)
    if point.optimality > tol:
        return False
    is_seen = point.optimality > walk.objective.resolution  # below it nothing is
    return not is_seen or run.decrease <= _DECREASE * tol * point.reducible


def _finish(walk: PreconditionedIterates, promise: Promise, point: Point) -> bool:
    """Go on with Newton's method if that can be done and there is a minimum to go to."""
    return walk.can_finish and promise.existence(point) is not Existence.REFUTED and walk.finish()


def _advances(walk: PreconditionedIterates, promise: Promise, point: Point) -> bool:
    """Return whether a point is a new low; of Newton's steps one that can be told from the last."""
    run = walk.run
    if walk.solver.whole_hessian or run.finishing:
        return run.lowest - point.value > _TOLD * promise.enough(point)
    return point.value < run.lowest or point.optimality < run.smallest


def exhausted(walk: PreconditionedIterates, promise: Promise, point: Point) -> str:
    """Return what a run ends by whose solver makes no more progress; "" if Newton goes on."""
    done = not walk.run.losses or promise.holds(walk, point)
    if done or not _finish(walk, promise, point):
        return "rounding"
    walk.run.idle = 0
    return ""
