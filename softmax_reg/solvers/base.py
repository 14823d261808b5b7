"""What a solver is, and `minimize`: the one loop that runs every solver.

A solver is a generator of points.  The loop owns everything else: coordinates, tolerance, limit,
loss curve, callbacks, non-finite values, Ctrl-C and the warning.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import ConvergenceWarning
from softmax_reg.conditioning import choose_map
from softmax_reg.coordinates import Conditioned
from softmax_reg.objective import Objective
from softmax_reg.points import Point

__all__ = ["Callback", "Progress", "Result", "Solver", "minimize"]

# A solver whose points bring neither a lower loss nor a smaller gradient so many times has stalled.
_PATIENCE = 30
# Where no more progress is made, so many times the resolution is taken for what rounding leaves:
# that of the scores comes on top, and it depends on the coefficients.
_NOISE = 64.0


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
    whole_hessian: bool = False
    separable: bool = False
    first_stage: float = 5
    stage_growth: float = 1.5

    @property
    def memory(self) -> int:
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
    def points(self, objective: Any, w: NDArray, rng: np.random.Generator) -> Iterator[Any]:
        """Yield the point of each iterate; the first is the one after w.

        Parameters
        ----------
        objective : Objective or Conditioned
            Offers `at(w)`, `prox(w, step)`, `sample_gradient(w, rows)`; for working sets
            `support`, `closed`, `face`, `hessian_cost` and `settle`.
        w : ndarray of shape (objective.size,)
            Where to start; not to be written to.
        rng : Generator
            The only source of randomness.
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


@dataclass(frozen=True)
class Progress:
    """What a callback is told of each point; `n_iter` 0 is the starting point."""

    n_iter: int
    max_iter: int
    point: Point


Callback = Callable[[Progress], bool | None]


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
    """

    point: Point
    loss_curve: NDArray[np.float64]
    n_iter: int
    converged: bool
    stopped: str


def minimize(
    solver: Solver,
    objective: Objective,
    w: NDArray,
    *,
    tol: float,
    max_iter: int,
    rng: np.random.Generator,
    callbacks: Sequence[Callback] = (),
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
        For `Point.optimality`, raised to what rounding lets be seen.
    max_iter : int
        At most so many points; at least 1.
    rng : Generator
    callbacks : sequence of callables Progress -> bool or None, default=()
        Called for every point, the starting point too; True asks to stop.
    warn : bool, default=True
        Whether to warn; False leaves it to the caller, who finds out from the result.

    Returns
    -------
    Result

    Raises
    ------
    ValueError
        If the loss is not finite.

    Warns
    -----
    ConvergenceWarning
        If something else than `tol` or a callback ended the run.
    """
    losses: list[float] = []
    tol = max(tol, objective.resolution)
    lowest, smallest, idle, stopped = np.inf, np.inf, 0, "rounding"
    start = point = best = objective.at(w)
    try:
        for new in _quietly(_iterates(solver, objective, start, rng)):
            n_iter = len(losses)
            if not np.isfinite(new.value):
                raise ValueError(_not_finite(solver, n_iter))
            progress = Progress(n_iter, max_iter, new)
            asked = [callback(progress) for callback in callbacks]  # all of them, always
            losses.append(new.value)
            point = new
            if any(asked):
                stopped = "callback"
            elif point.optimality <= tol:
                stopped = "tol"
            elif n_iter >= max_iter:
                stopped = "max_iter"
            elif (idle := _idle(point, lowest, smallest, idle)) < _PATIENCE:
                best = point if point.value < lowest else best
                lowest, smallest = min(lowest, point.value), min(smallest, point.optimality)
                continue
            break
    except KeyboardInterrupt:
        if not losses:
            raise
        stopped = "interrupt"
    if stopped == "rounding":
        point = best if best.value < point.value else point
        tol = max(tol, _NOISE * objective.resolution)
    converged = point.optimality <= tol
    if warn and not converged and stopped != "callback":
        message = _not_converged(solver, stopped, len(losses) - 1, point.optimality, tol)
        warnings.warn(message, ConvergenceWarning, stacklevel=4)
    return Result(point, np.array(losses), len(losses) - 1, converged, stopped)


def _iterates(
    solver: Solver, objective: Objective, point: Point, rng: np.random.Generator
) -> Iterator[Point]:
    """Yield `point` and the solver's points, in coordinates made anew at growing intervals."""
    yield point
    if not solver.is_conditioned:
        yield from solver.points(objective, point.w, rng)
        return
    length, safe, exhausted = solver.first_stage, True, False
    while True:
        before = exhausted
        point, exhausted = yield from _stage(solver, objective, point, rng, safe, length)
        if exhausted and before:
            return  # nothing descends in other coordinates either: rounding has the last word
        # Curvature that has all but vanished asks for steps without end: back to the bound then.
        safe = exhausted and not safe
        length *= solver.stage_growth


def _stage(
    solver: Solver,
    objective: Objective,
    point: Point,
    rng: np.random.Generator,
    safe: bool,
    length: float,
) -> Generator[Point, None, tuple[Point, bool]]:
    """Yield the points after `point` in coordinates made for it, which end with the stage.

    Return the last of them, and whether the solver had no more.
    """
    change, cost = choose_map(objective, point, safe, solver.whole_hessian, solver.separable)
    if not solver.uses_curvature:  # a step that solves a system makes many passes itself
        length = max(length, cost)
    local = Conditioned(objective, point.w, change)
    for n_points, local_point in enumerate(solver.points(local, local.start, rng), 1):
        point = local_point.inner
        yield point
        if n_points >= length:
            return point, False
    return point, True


def _quietly(points: Iterator[Point]) -> Iterator[Point]:
    """Yield the points without NumPy's warnings: the loop itself looks at what is not finite."""
    while True:
        with np.errstate(over="ignore", invalid="ignore"):
            point = next(points, None)
            if point is None:
                return
            _ = point.value
        yield point


def _idle(point: Point, lowest: float, smallest: float, idle: int) -> int:
    """Return for how many points neither the loss nor the gradient has reached a new low."""
    return 0 if point.value < lowest or point.optimality < smallest else idle + 1


def _not_finite(solver: Solver, n_iter: int) -> str:
    rate = getattr(solver, "learning_rate", None)
    remedy = (
        "Use learning_rate='auto'."
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
