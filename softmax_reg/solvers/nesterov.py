"""Nesterov's accelerated gradient descent with restart; with an L1 norm it is FISTA."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.backtracking import backtrack
from softmax_reg.solvers.parameter_constraints import LEARNING_RATE, LearningRate
from softmax_reg.solvers.solver import Constraints, Solver, State

__all__ = ["Nesterov"]


@dataclass
class Nesterov(Solver):
    """Accelerated (proximal) gradient descent with adaptive restart.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        As for `GradientDescent`.

    References
    ----------
    Y. Nesterov (1983), "A method of solving a convex programming problem with convergence rate
    O(1/k^2)"; A. Beck and M. Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm",
    eq. 4.1-4.3; B. O'Donoghue and E. Candes (2015), "Adaptive restart for accelerated gradient
    schemes", eq. 13 (gradient scheme).
    """

    name = "nesterov"
    when = "to learn"

    constraints: ClassVar[Constraints] = {"learning_rate": LEARNING_RATE}

    learning_rate: LearningRate = "auto"

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        point, ahead = objective.at(w), objective.at(state.get("ahead", w))
        momentum, rate = state.get("momentum", 1.0), state.get("rate", 1.0)
        rates = None if self.is_conditioned else self.rates(state)
        while True:
            if rates is None:
                new, rate = backtrack(objective, ahead, 1.1 * rate)
            else:
                rate = rates.next(point)
                new = objective.at(objective.prox(ahead.w - rate * ahead.gradient, rate))
            if np.vdot(ahead.w - new.w, new.w - point.w) > 0.0:
                momentum = 1.0  # the last step points uphill: restart
            grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
            ahead = objective.at(new.w + (momentum - 1.0) / grown * (new.w - point.w))
            point, momentum = new, grown
            state.update(ahead=ahead.w, momentum=momentum, rate=rate)
            yield point
