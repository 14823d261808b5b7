"""Gradient descent on all rows at once: w <- prox(w - rate * F'(w))."""

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

__all__ = ["GradientDescent"]


@dataclass
class GradientDescent(Solver):
    """Batch gradient descent; with an L1 norm, proximal gradient descent.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        A number or a schedule of the iteration gives the textbook method in the features' own
        units.  "auto" works in conditioned coordinates and needs no tuning: the rate grows by a
        quarter each time and is halved when the step would not descend enough.

    References
    ----------
    A. Cauchy (1847), "Methode generale pour la resolution des systemes d'equations simultanees".
    """

    name = "gd"
    when = "to learn and to teach; with a number as `learning_rate` it is the textbook method"

    constraints: ClassVar[Constraints] = {"learning_rate": LEARNING_RATE}

    learning_rate: LearningRate = "auto"

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        point = objective.at(w)
        if self.is_conditioned:
            rate = state.get("rate", 1.0)
            while True:
                point, rate = backtrack(objective, point, 1.25 * rate)
                state["rate"] = rate
                yield point
        rates = self.rates(state)
        while True:
            rate = rates.next(point)
            point = objective.at(objective.prox(point.w - rate * point.gradient, rate))
            yield point
