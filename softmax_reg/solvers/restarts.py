"""The points of a run from where it stands, in coordinates made anew at growing intervals."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.objective.suboptimality import REACH, score_spread
from softmax_reg.preconditioning.choose import choose_preconditioner
from softmax_reg.preconditioning.linear_maps import LinearMap, StandardMap
from softmax_reg.preconditioning.problem import TransformedObjective, TransformedPoint
from softmax_reg.solvers.newton_cg import NewtonCG
from softmax_reg.solvers.newton_cholesky import NewtonCholesky
from softmax_reg.solvers.prox_newton import ProxNewton
from softmax_reg.solvers.run_state import RunState
from softmax_reg.solvers.solver import Solver

__all__ = ["PreconditionedIterates", "finisher_of"]

# A Newton step of the method that finishes may cost so many passes over X.
_FINISH_PASSES = 2000.0
# After so many iterations it takes over where one step costs no more than this share of them.
_LONG, _LONG_UNDER_A_NORM, _SMALL_SHARE = 150, 40, 0.1
# Without a Hessian its conjugate gradients want new coordinates for each step: where those cost no
# more than so many points.
_CHEAP_COORDINATES = 2.0
# F can be above its minimum by so many times what the gradient in the coordinates tells: twice as
# r' H^-1 r bounds it, and twice since they are of blocks of H, made some iterations ago.
_AT_MOST = 4.0


def finisher_of(objective: Objective) -> Solver:
    """Return the method that goes on where a solver could not be shown to be done."""
    if objective.is_smooth:
        has_hessian = objective.hessian_cost(objective.size) <= _FINISH_PASSES
        return NewtonCholesky() if has_hessian else NewtonCG()
    method = ProxNewton()
    # A new unit for each coefficient at each point, as Newton's method without a norm has it.
    method.first_stage, method.stage_growth = 1, 1.0
    return method


class PreconditionedIterates:
    """The points of a solver after the one where a run stands; the run is kept up to date.

    Parameters
    ----------
    solver : Solver
    objective : Objective
    run : RunState
    rng : Generator
    is_kept : bool, default=False
        Whether all is to follow from the run alone, so that another process can go on from it.

    Attributes
    ----------
    run : RunState
    asked : Solver
        The caller's.
    point, best : Point
        The last one, and the lowest of those before it.
    """

    def __init__(
        self,
        solver: Solver,
        objective: Objective,
        run: RunState,
        rng: np.random.Generator,
        is_kept: bool = False,
    ) -> None:
        self.asked, self.objective, self.run, self.rng = solver, objective, run, rng
        self._local_point: ProblemPoint | None = None
        self._is_kept = is_kept
        self.point, self.best = objective.at(run.w), objective.at(run.best)
        if run.rng:
            rng.bit_generator.state = json.loads(run.rng)
        self._local: TransformedObjective | None = None
        self._price = np.inf  # of the coordinates, in points
        self._curved_as = 1.0  # the loss at which F'' is about the identity of the coordinates
        self._points = _quietly(self._after())

    @property
    def solver(self) -> Solver:
        """The caller's, or the one that finishes."""
        return self._finisher if self.run.finishing else self.asked

    @cached_property
    def _finisher(self) -> Solver:
        return finisher_of(self.objective)

    @property
    def can_finish(self) -> bool:
        """Whether Newton's method can go on from the last point."""
        if self.run.finishing or not self.asked.is_conditioned:
            return False
        if self.objective.is_smooth:
            return not (isinstance(self._finisher, NewtonCG) and isinstance(self.asked, NewtonCG))
        n_moving = np.count_nonzero(self.objective.differentiable_at(self.point.w))
        return self.objective.hessian_cost(int(n_moving)) <= _FINISH_PASSES

    @property
    def crawls(self) -> bool:
        """Whether the run has been so long that a step of Newton's method costs little beside it.

        Under a norm the solver is such a method already, in coordinates that may be stale.
        """
        n_iter = len(self.run.losses)
        long = _LONG if self.objective.is_smooth else _LONG_UNDER_A_NORM
        if not self.asked.hands_over or n_iter < long or not self.can_finish:
            return False
        if isinstance(self._finisher, NewtonCG):
            has_ridge = bool(np.min(self.objective.penalty.curvature) > 0.0)
            return has_ridge and self._price <= _CHEAP_COORDINATES
        n_moving = np.count_nonzero(self.objective.differentiable_at(self.point.w))
        return self.objective.hessian_cost(int(n_moving)) <= _SMALL_SHARE * n_iter

    def finish(self) -> bool:
        """Go on with Newton's method; return False if that cannot be done."""
        if not self.can_finish:
            return False
        self.run.finish(self._finisher.first_stage)
        self._points = _quietly(self._after())
        return True

    def step(self) -> Point | None:
        """Return the next point, or None if there is none; at first the starting point."""
        if not self.run.losses:
            with np.errstate(over="ignore", invalid="ignore"):
                _ = self.point.value
            return self.point
        return next(self._points, None)

    def stand(self) -> RunState:
        """Return the run, whole: what it takes to go on from the last point."""
        self.point, self.best = self.point.recomputed(), self.best.recomputed()
        self.run.rng, self.run.best = json.dumps(self.rng.bit_generator.state), self.best.w
        return self.run

    def go_on(self, run: RunState) -> None:
        """Go on from a copy of the run, at its last point."""
        self.run = run
        self._points = _quietly(self._after())

    def _after(self) -> Iterator[Point]:
        solver, run = self.solver, self.run
        while True:
            if run.n_points >= run.limit:
                run.next_stage(solver.stage_growth, exhausted=False)
            local, v = self._coordinates()
            for local_point in solver.points(local, v, self.rng, run.memory):
                point = local_point.inner
                assert isinstance(point, Point)
                self.point, self._local_point = point, local_point
                run.w, run.v = self.point.w, local_point.w
                run.n_points += 1
                run.decrease = self._expected_decrease(local_point)
                yield self.point
                if run.n_points >= run.limit:
                    break
            else:
                if run.exhausted or not solver.is_conditioned:
                    # Nothing descends in other coordinates either: rounding has the last word.
                    return
                run.next_stage(solver.stage_growth, exhausted=True)

    def _expected_decrease(self, point: ProblemPoint) -> float:
        """Return about how far F is above its minimum, 0 where nothing tells.

        Half the squared length of the gradient, where F'' is about the identity: half the square of
        Newton's decrement (Boyd and Vandenberghe, 2004, section 9.5.1).  Where probabilities
        saturate p (1 - p) is about the loss, and F'' falls with it: below the loss for which the
        coordinates were made, or 1 for the bound, by their quotient.  With a norm, whose gradient
        does not vanish, what the last step brought; without a penalty there may be no minimum.
        """
        value = max(point.value, np.finfo(float).tiny)
        if not self.objective.is_smooth:
            return max(self.run.losses[-1] - value, 0.0)
        if not self._tells:
            return 0.0
        square = 0.5 * float(np.vdot(point.gradient, point.gradient))
        return square * max(self._curved_as / value, 1.0)

    @property
    def _tells(self) -> bool:
        """Whether the gradient in the coordinates tells how far F can fall."""
        return (
            self.solver.is_conditioned
            and self.objective.is_smooth
            and np.min(self.objective.penalty.curvature) > 0.0
        )

    def excess(self, point: Point) -> float:
        """Return how far F can be above its minimum, infinite where the coordinates do not tell.

        Where they are of the curvature near the point, the gradient in them is Newton's step; it
        must not change the scores of a row by so much that the curvature changes.
        """
        local = self._local_point
        if not isinstance(local, TransformedPoint) or local.inner is not point:
            return np.inf
        if self.run.safe or not self._tells:
            return np.inf
        if self.solver.separable:
            return np.inf  # a diagonal is too far from the Hessian
        step = local.transform.forward(-local.gradient)
        reach = float(score_spread(self.objective, step).max())
        return _AT_MOST * self._expected_decrease(local) if reach <= REACH else np.inf

    def _coordinates(self) -> tuple[Problem, NDArray]:
        """Return the objective as the solver sees it, and the point to go on from."""
        solver, run = self.solver, self.run
        if not solver.is_conditioned and self.objective.penalty.scale is None:
            return self.objective, run.w
        if run.v is not None and self._local is not None:
            return self._local, run.v  # as they would be made again from `run`
        point = self.point if run.v is None else self.objective.at(run.start)
        if self._is_kept:
            # From `run` alone; else what came along a line saves a pass, and rounding differs.
            point = point.recomputed()
        if solver.is_stochastic and solver.is_conditioned and run.v is None:
            run.seed = int(self.rng.integers(2**31))
        _ = point.value  # keeps the softmax, block by block the same whoever asked for it
        change: LinearMap
        if solver.is_conditioned:
            change, cost = choose_preconditioner(
                self.objective,
                point,
                run.safe,
                solver.whole_hessian,
                solver.separable,
                np.random.default_rng(run.seed) if solver.is_stochastic else None,
                as_seen=run.finishing,
                n_before=len(run.losses),
            )
        else:
            # The textbook's method, on the features as `standardize` has them.
            change, cost = StandardMap(self.objective), np.inf
        self._price = cost
        self._curved_as = 1.0 if run.safe else point.value
        run.limit = run.length
        if not solver.uses_curvature:  # a step that solves a system makes many passes itself
            run.limit = max(run.length, cost)
        self._local = TransformedObjective(self.objective, point.w, change, point)
        if run.v is not None and run.v.shape != self._local.start.shape:
            raise ValueError(
                f"The checkpoint is {run.v.size} numbers long in the coordinates of the solver, "
                f"which here are {self._local.start.size}: it is not of this fit. Fit anew."
            )
        return self._local, self._local.start if run.v is None else run.v


def _quietly(points: Iterator[Point]) -> Iterator[Point]:
    """Yield the points without NumPy's warnings: the loop itself looks at what is not finite."""
    while True:
        with np.errstate(over="ignore", invalid="ignore"):
            point = next(points, None)
            if point is None:
                return
            _ = point.value
        yield point
