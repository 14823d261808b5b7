"""Proximal Newton method on a working set of coordinates, for penalties with a norm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.active_set_newton import support_step
from softmax_reg.solvers.backtracking import backtrack
from softmax_reg.solvers.line_search import ROUNDING
from softmax_reg.solvers.nesterov import Nesterov
from softmax_reg.solvers.parameter_constraints import COUNT
from softmax_reg.solvers.prox_newton_subproblem import minimise_model
from softmax_reg.solvers.solver import Constraints, Solver, State

__all__ = ["ProxNewton"]

_DECREASE, _MAX_TRIALS = 1e-4, 30
# Where the curvature is about 1 or less, rounding alone makes steps of so many times eps.
_UNSEEN = 4.0
# A Hessian serves on while each step leaves at most this share of the distance to the optimum.
_GOOD = 0.1
# A Hessian that costs more passes over X than this does not pay: so many accelerated proximal
# gradient steps, which find the coefficients that are not zero, take turns with a Newton step along
# these that solves its system by Hessian products.
_DEAR, _BURST = 400.0, 10
# So many products at most, and twice as many each time that the coefficients are still the same.
_FIRST_CG, _MOST_CG = 25, 400


@dataclass
class ProxNewton(Solver):
    """Proximal Newton method with working sets.

    Each step minimises the quadratic model of the loss plus the norm over a working set: the
    coefficients that are not zero and, of the others, those that violate optimality most.  All
    coefficients are looked at before each step, so that none is left out wrongly.  Where the
    working set is so large that its Hessian does not pay, Nesterov's steps take turns with
    conjugate gradients along the coefficients that are not zero.

    Parameters
    ----------
    n_first : int, default=100
        The working set is at least so large; later it may have twice as many coefficients as are
        not zero.

    References
    ----------
    J. Lee, Y. Sun and M. Saunders (2014), "Proximal Newton-type methods for minimizing composite
    functions", algorithm 1; G.-X. Yuan, C.-H. Ho and C.-J. Lin (2012), "An improved GLMNET for
    l1-regularized logistic regression"; M. Massias, A. Gramfort and J. Salmon (2018), "Celer: a
    fast solver for the lasso with dual extrapolation", section 3.2 (working sets that double);
    N. Keskar, J. Nocedal, F. Oztoprak and A. Waechter (2016), "A second-order method for convex
    l1-regularized optimization with active-set prediction" (large working sets).
    """

    name = "prox-newton"
    when = "L1, elastic net and group lasso"

    constraints: ClassVar[Constraints] = {"n_first": COUNT}

    n_first: int = 100
    uses_curvature = True
    separable = True
    hands_over = True  # to itself, in units made anew at each point
    first_stage = 10
    stage_growth = 2.0

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        # A run that is resumed begins with a Hessian made anew: nothing has to be remembered.
        point, new = objective.at(objective.remove_class_shift(w)), None
        index, H, left = np.zeros(0, dtype=np.intp), np.zeros((0, 0)), 1.0
        support, max_cg = np.zeros(0, dtype=bool), _FIRST_CG
        while True:
            step = _prox_step(objective, point)
            if _size(step) <= _UNSEEN * np.finfo(point.w.dtype).eps:
                return
            chosen = self._working_set(objective, point, step)
            if objective.hessian_cost(len(chosen)) > _DEAR:
                steps = Nesterov().points(objective, point.w, rng, {})
                for point in islice(steps, _BURST):
                    yield point
                before, support = support, objective.differentiable_at(point.w)
                is_same = np.array_equal(before, support)
                max_cg = min(2 * max_cg, _MOST_CG) if is_same else _FIRST_CG
                if (new := support_step(objective, point, max_cg)) is not None:
                    point = new
                    yield point
                continue
            if left > _GOOD or not np.isin(chosen, index, assume_unique=True).all():
                index, H = chosen, point.hessian_block(chosen)
            new = _descend(objective, point, step, index, H)
            if new is None:
                return
            left = _size(_prox_step(objective, new)) / max(_size(step), np.finfo(float).tiny)
            point = new
            yield point

    def _working_set(
        self, objective: Problem, point: ProblemPoint, step: NDArray
    ) -> NDArray[np.intp]:
        """Return the indices of what the next step may change."""
        chosen = objective.differentiable_at(point.w)
        violation = np.where(chosen, 0.0, np.abs(step))
        room = max(self.n_first - np.count_nonzero(chosen), np.count_nonzero(chosen))
        worst = np.argsort(-violation, kind="stable")[:room]
        chosen[worst[violation[worst] > 0.0]] = True
        return objective.close_under_groups(chosen)


def _prox_step(objective: Problem, point: ProblemPoint) -> NDArray:
    """Return the proximal gradient step: it vanishes at the optimum alone."""
    return objective.prox(point.w - point.gradient, 1.0) - point.w


def _size(step: NDArray) -> float:
    return float(np.abs(step).max())


def _descend(
    objective: Problem, point: ProblemPoint, step: NDArray, index: NDArray[np.intp], H: NDArray
) -> ProblemPoint | None:
    """Return a lower point along the step to the minimiser of the model, or None."""
    face, x0 = objective.face(index), point.w[index].astype(np.float64)
    g = point.gradient[index].astype(np.float64)
    x = minimise_model(face, g, H, x0)
    direction = np.zeros_like(point.w)
    direction[index] = x - x0
    slope = float(g @ (x - x0)) + face.nonsmooth_value(x) - face.nonsmooth_value(x0)
    rounding = ROUNDING * point.rounding

    def is_nearer(new: ProblemPoint) -> bool:
        # Where rounding hides the decrease, the certificate decides in its place.
        hidden = new.value <= point.value + rounding
        return bool(hidden and _size(_prox_step(objective, new)) < _size(step))

    for k in range(_MAX_TRIALS if slope < rounding else 0):
        t = point.w.dtype.type(0.5**k)
        new = objective.at(objective.remove_class_shift(point.w + t * direction))
        if new.value <= point.value + _DECREASE * t * min(slope, 0.0) - rounding or is_nearer(new):
            return new
    new, _ = backtrack(objective, point, 1.0)
    return new if new.value < point.value - rounding or is_nearer(new) else None
