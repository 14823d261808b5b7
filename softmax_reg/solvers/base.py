"""What a solver is, and `minimize`: the one loop that runs every solver.

A solver is a generator of points.  The loop owns everything else: coordinates, tolerance, limit,
loss curve, callbacks, non-finite values, Ctrl-C and the warning.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from time import perf_counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import ConvergenceWarning
from softmax_reg.objective import Objective
from softmax_reg.points import Point
from softmax_reg.solvers.stages import Run, Walk
from softmax_reg.solvers.watching import Callback, Progress, ask, notify

__all__ = [
    "Callback",
    "Progress",
    "Result",
    "Solver",
    "State",
    "minimize",
]

State = dict[str, Any]

# A solver whose points bring neither a lower loss nor a smaller gradient so many times has stalled.
_PATIENCE = 30
# Where no more progress is made, so many times the resolution is taken for what rounding leaves:
# that of the scores comes on top, and it depends on the coefficients.
_NOISE = 64.0
# A run goes on while the loss can still fall by more than so many times `tol`, relative to itself:
# close to separation both the loss and its gradient are small long before the minimum.
_DECREASE = 10.0


class Solver(ABC):
    """A method: its fields are its hyper-parameters, `points` is the algorithm.

    Subclasses are dataclasses.  They never test a tolerance, print, warn or record.

    Attributes
    ----------
    constraints : dict of str to list
        What each field may be, in the terms of scikit-learn's parameter validation.
    needs_smooth : bool
        Whether the method needs a penalty without a norm that has kinks.
    uses_curvature : bool
        Whether it asks points for Hessian products, for which probabilities are worth keeping.
    is_stochastic : bool
        Whether it draws rows at random; the curvature of a sample will then do for coordinates.
    whole_hessian : bool
        Whether its coordinates are made from the whole Hessian, not from the blocks of the classes.
    separable : bool
        Whether it needs coordinates that mix no features, also where the penalty is smooth.
    first_stage, stage_growth : float
        The coordinates are made anew after `first_stage` points, then each time after
        `stage_growth` times as many.
    """

    constraints: ClassVar[dict[str, list[Any]]] = {}
    needs_smooth: bool = False
    uses_curvature: bool = False
    is_stochastic: bool = False
    whole_hessian: bool = False
    separable: bool = False
    first_stage: float = 5
    stage_growth: float = 1.5

    @property
    def scores_memory(self) -> int:
        """Bytes that the scores and probabilities of a point may take.

        A method that asks for Hessian products uses them again and again.
        """
        return (512 if self.uses_curvature else 64) << 20

    @property
    def is_conditioned(self) -> bool:
        """Whether the method runs in conditioned coordinates, or else in the features' own.

        A learning rate that the user chose is meant for the features as they are.
        """
        return getattr(self, "learning_rate", "auto") == "auto"

    @abstractmethod
    def points(
        self, objective: Any, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[Any]:
        """Yield the point of each iterate; the first is the one after w.

        Parameters
        ----------
        objective : Objective or Conditioned
            Offers `at(w)`, `prox(w, step)`, `batches(size, rng)`; for working sets `support`,
            `closed`, `face`, `hessian_cost` and `settle`.
        w : ndarray of shape (objective.size,)
            Where to start; not to be written to.
        rng : Generator
            The only source of randomness.
        state : dict of str to ndarray, number or list of ndarray
            What the method remembers besides w: empty at first, to be read before the first point
            and brought up to date before each is yielded; what is stored is not to be written to
            later.  A method that keeps nothing there begins anew from w when a run is resumed.
        """

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the fields by name: what scikit-learn's `clone` and grid search ask for."""
        names: list[str] = [field.name for field in fields(self)] if is_dataclass(self) else []
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: Any) -> Solver:
        """Set fields by name and return the solver itself."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {sorted(known)}."
                )
            setattr(self, name, value)
        return self


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
        Whether the optimality is at most `tol`, or as small as rounding lets it be seen.
    stopped : str
        What ended the run: "tol", "callback", "max_iter", "rounding" or "interrupt".
    validation_curve : ndarray of shape (n_iter + 1,), float64, or None
        The loss on the held-out rows at the same points, if there are such rows.
    """

    point: Point
    loss_curve: NDArray[np.float64]
    n_iter: int
    converged: bool
    stopped: str
    validation_curve: NDArray[np.float64] | None = None


def minimize(
    solver: Solver,
    objective: Objective,
    w: NDArray,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
    validation: Objective | None = None,
    run: Run | None = None,
    warn: bool = True,
) -> Result:
    """Run a solver from w until the optimality is at most `tol`.

    Parameters
    ----------
    solver : Solver
    objective : Objective
    w : ndarray of shape (objective.size,)
        The starting point.
    tol : float
        For `Point.optimality`, raised to what rounding lets be seen; ten times as much for what
        the loss can still fall by, relative to itself.
    max_iter : int
        At most so many points; at least 1.
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
        If something else than `tol` or a callback ended the run.
    """
    began = perf_counter()
    tol = max(tol, objective.resolution)
    run = Run(w=w, best=w, start=w, length=solver.first_stage) if run is None else run
    walk = Walk(solver, objective, run, rng, callbacks)
    point, stopped = walk.point, ""
    try:
        if walk.run.losses:
            stopped = _verdict(walk, point, tol, max_iter)
        while not stopped:
            if walk.run.losses:
                notify(callbacks, "before_iteration")
            if (new := walk.step()) is None:
                break
            n_iter = len(walk.run.losses)
            if not np.isfinite(new.value):
                raise ValueError(_not_finite(solver, n_iter))
            seconds = perf_counter() - began
            progress = Progress(n_iter, max_iter, new, tol, seconds, validation)
            if progress.validation_loss is not None:
                walk.run.held_out.append(progress.validation_loss)
            walk.run.losses.append(new.value)
            point = new
            if ask(callbacks, progress):
                stopped = "callback"
                break
            point = walk.keep_if_due()
            stopped = _verdict(walk, point, tol, max_iter)
    except KeyboardInterrupt:
        if not walk.run.losses:
            raise
        stopped = "interrupt"
    finally:
        notify(callbacks, "finish")
    losses, stopped, best = walk.run.losses, stopped or "rounding", walk.best
    if stopped == "rounding":
        point = best if best.value < point.value else point
        tol = max(tol, _NOISE * objective.resolution)
    converged = point.optimality <= tol
    if warn and not converged and stopped != "callback":
        message = _not_converged(solver, stopped, len(losses) - 1, point.optimality, tol)
        warnings.warn(message, ConvergenceWarning, stacklevel=5)
    curve = None if validation is None else np.array(walk.run.held_out[: len(losses)])
    return Result(point, np.array(losses), len(losses) - 1, converged, stopped, curve)


def _verdict(walk: Walk, point: Point, tol: float, max_iter: int) -> str:
    """Return what ends the run at its last point; if nothing does, note the lows and return ""."""
    run = walk.run
    if point.optimality <= tol:
        seen = point.optimality > walk.objective.resolution  # below it nothing is
        if not seen or run.decrease <= _DECREASE * tol * point.value:
            return "tol"
    if len(run.losses) > max_iter:
        return "max_iter"
    run.idle = 0 if point.value < run.lowest or point.optimality < run.smallest else run.idle + 1
    if run.idle >= _PATIENCE:
        return "rounding"
    walk.best = point if point.value < run.lowest else walk.best
    run.lowest, run.smallest = min(run.lowest, point.value), min(run.smallest, point.optimality)
    return ""


def _not_finite(solver: Solver, n_iter: int) -> str:
    rate = getattr(solver, "learning_rate", None)
    remedy = (
        "Look for values that are too large for the dtype of X, or missing in a later pass."
        if rate == "auto" or rate is None
        else f"learning_rate={rate!r} is too large for these features: "
        "make it smaller, or use learning_rate='auto'."
    )
    return f"The loss is not finite after epoch {n_iter}. {remedy}"


_REMEDIES = {
    "max_iter": "Raise max_iter, or use solver='auto'.",
    "rounding": "The loss no longer falls in this precision: raise tol, or give X as float64.",
    "interrupt": "The last iterate is kept; warm_start=True goes on from it.",
}
_REASONS = {
    "max_iter": "it reached max_iter={n_iter}",
    "rounding": "it made no more progress after {n_iter} iterations",
    "interrupt": "it was interrupted after {n_iter} iterations",
}


def _not_converged(solver: Solver, stopped: str, n_iter: int, optimality: float, tol: float) -> str:
    reason, remedy = _REASONS[stopped].format(n_iter=n_iter), _REMEDIES[stopped]
    if not solver.is_conditioned and stopped != "interrupt":
        remedy = "Use learning_rate='auto', or another rate or schedule."
    return (
        f"{type(solver).__name__} did not converge: {reason} at optimality {optimality:.2e}, "
        f"above tol={tol:.2e}. {remedy}"
    )
