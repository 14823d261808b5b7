"""What a run leaves, and in words why it ended and what there is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.point import Point
from softmax_reg.objective.separability import Existence
from softmax_reg.solvers.events import Callback
from softmax_reg.solvers.promise import Promise
from softmax_reg.solvers.restarts import PreconditionedIterates
from softmax_reg.solvers.rising_loss import has_risen, told_of_rise
from softmax_reg.solvers.solver import Solver

__all__ = ["Result", "ended", "not_finite", "reason_of"]

# So much of what is enough the last point may be above the lowest.
_SLACK = 0.1


@dataclass
class Result:
    """What `minimize` returns.

    Attributes
    ----------
    point : Point
        The last iterate, or the lowest if rounding ended the run.
    loss_curve : ndarray of shape (n_iter + 1,), float64
        F at the starting point and at each iterate.
    n_iter : int
    converged : bool
        Whether F is as near its minimum as is promised, as far as can be certified or tested.
    stopped : str
        What ended the run: "tol", "callback", "max_iter", "rounding" or "interrupt".
    excess : float
        Upper bound on how far F is above its minimum; infinite where nothing tells.
    gap : float
        The duality gap; nan where it was not asked for or does not exist.
    existence : Existence
        Whether there is a minimum at all.
    validation_curve : ndarray of shape (n_iter + 1,), float64, or None
        The loss on the held-out rows at the same points, if there are such rows.
    reason : str
        Why the run ended, in words.
    """

    point: Point
    loss_curve: NDArray[np.float64]
    n_iter: int
    converged: bool
    stopped: str
    excess: float
    gap: float
    existence: Existence
    validation_curve: NDArray[np.float64] | None = None
    reason: str = ""


def ended(
    walk: PreconditionedIterates,
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
    slack = 0.0 if stopped == "rounding" else _SLACK * promise.enough(point)
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
        message = _not_converged(solver, stopped, len(losses) - 1, point, tol, promise)
    elif solver.is_textbook and has_risen(losses):
        what = f"rose from {min(losses):.3g} to {point.value:.3g}"
        message = told_of_rise(solver, walk.objective, start, what)
    n_iter, (excess, gap, _) = len(losses) - 1, promise.bound
    if existence is Existence.REFUTED:  # what bounds the distance to an optimum says nothing
        excess, gap = point.reducible + promise.lost, np.nan
    curve = np.array(losses)
    return Result(point, curve, n_iter, converged, stopped, excess, gap, existence), message


def reason_of(result: Result, tol: float, is_patient: bool, asking: Sequence[Callback]) -> str:
    """Return in words why a run has ended, for its last line."""
    if asking:
        first = asking[0]
        name = getattr(first, "__name__", type(first).__name__)
        return f"stopped: {getattr(first, 'reason', f'{name} returned True')}"
    if result.stopped == "interrupt":
        return f"interrupted after {result.n_iter} iterations; the last iterate is kept"
    if result.stopped == "max_iter" and is_patient:
        done = f"all {result.n_iter} iterations done"
        return f"{done}, and the loss rose" if has_risen(result.loss_curve) else done
    if result.existence is Existence.REFUTED:
        return f"stopped after {result.n_iter} iterations: the loss falls for ever, to no optimum"
    if result.converged and result.stopped == "tol":
        return f"converged: optimality {result.point.optimality:.1e}, tol {tol:.1e}"
    if result.converged:
        return "converged: the loss falls no further"
    return f"not converged: {_REASONS[result.stopped].format(n_iter=result.n_iter)}"


def not_finite(walk: PreconditionedIterates, n_iter: int) -> str:
    """Return what there is to be told of a loss that is not finite after an iteration."""
    what = f"is not finite after iteration {n_iter}"
    if walk.solver.is_textbook:
        return told_of_rise(walk.solver, walk.objective, np.zeros_like(walk.run.w), what)
    return (
        f"The loss {what}. Look for values that are too large for the dtype of X, or missing in a "
        "later pass."
    )


_REMEDIES = {
    "max_iter": "Raise max_iter{else}.",
    "tol": "Lower tol, or use a smaller C.",
    "rounding": "The loss no longer falls in this precision: use a smaller C, look for wild "
    "values in X, or give X as float64.",
    "interrupt": "The last iterate is kept; warm_start=True goes on from it.",
}
_REASONS = {
    "max_iter": "it reached max_iter={n_iter}",
    "tol": "it reached tol after {n_iter} iterations",
    "rounding": "it made no more progress after {n_iter} iterations",
    "interrupt": "it was interrupted after {n_iter} iterations",
}


def _not_converged(
    solver: Solver, stopped: str, n_iter: int, point: Point, tol: float, promise: Promise
) -> str:
    """Return the warning of a run that ended too far above its minimum."""
    reason, remedy = _REASONS[stopped].format(n_iter=n_iter), _REMEDIES[stopped]
    remedy = remedy.format(**{"else": "" if solver.hands_over else ", or use solver='auto'"})
    if promise.lost > promise.enough(point):
        remedy = "The coefficients have too few digits in float32: give X as float64."
    return (
        f"{type(solver).__name__} did not converge: {reason} at optimality "
        f"{point.optimality:.2e}, with tol={tol:.2e}. The objective is "
        f"{_above(promise.bound.excess, point.value)} its minimum. {remedy}"
    )


def _above(excess: float, value: float) -> str:
    """Return in words how far F can be above its minimum."""
    if excess >= value:
        return "an unknown amount above"
    share = excess / (value - excess)
    if share >= 1.0:
        return f"at most {1.0 + share:.2g} times"
    return f"at most {100.0 * share:.2g} % above"
