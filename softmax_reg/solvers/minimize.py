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
from softmax_reg.solvers.endings import Result, ended, not_finite, reason_of
from softmax_reg.solvers.events import Callback, Progress, ask, notify
from softmax_reg.solvers.keeping import Keeping, is_kept
from softmax_reg.solvers.promise import Promise
from softmax_reg.solvers.restarts import PreconditionedIterates
from softmax_reg.solvers.run_state import RunState
from softmax_reg.solvers.solver import Solver
from softmax_reg.solvers.verdict import exhausted, verdict

__all__ = ["minimize"]


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
    run: RunState | None = None,
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
        that is a `CheckpointCallback` or a `StatefulCallback` too is asked for more.
    validation : Objective or None, default=None
        Over rows that are held out, without a penalty: its loss is recorded at every point.
    run : RunState or None, default=None
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
    run = RunState(w=w, best=w, start=w, length=solver.first_stage) if run is None else run
    walk = PreconditionedIterates(solver, objective, run, rng, is_kept(callbacks))
    keeping = Keeping(walk, callbacks)
    point, stopped = walk.point, ""
    asking: list[Callback] = []
    try:
        try:
            if walk.run.losses:
                stopped = verdict(walk, promise, point, tol, max_iter, is_patient)
            while not stopped:
                if walk.run.losses:
                    notify(callbacks, "before_iteration")
                if (new := walk.step()) is None:
                    stopped = exhausted(walk, promise, point)
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
                point = keeping.keep_if_due()
                stopped = verdict(walk, promise, point, tol, max_iter, is_patient)
        except KeyboardInterrupt:
            if not walk.run.losses:
                raise
            stopped = "interrupt"
        result, message = ended(walk, promise, point, stopped, tol, is_patient, w)
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
