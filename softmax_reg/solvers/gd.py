"""Gradient descent on all rows at once: w <- prox(w - rate * F'(w))."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.schedules import Rates
from softmax_reg.solvers.base import Solver, State
from softmax_reg.solvers.constraints import LEARNING_RATE

__all__ = ["GradientDescent", "backtrack"]


# Beyond these a rate says nothing: numbers overflow however short the step is, or nothing changes
# however long.
_SMALLEST_RATE, _LARGEST_RATE = 1e-100, 1e100
# So many times what rounding makes of a value a step may seem to climb.
_ROUNDINGS = 4.0
# From the largest to the smallest: log2(1e200) = 664.4.
_HALVINGS = 665


def backtrack(objective: Any, point: Any, rate: float) -> tuple[Any, float]:
    """Return the proximal gradient step from `point`, its rate halved until 1/rate bounds F''.

    Beck and Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm", section 4, with
    the curvature along the step from the gradients: values lose it to rounding near the optimum.
    Where numbers are so large that gradients are nothing but rounding, the value has the last word.
    """
    rate = min(rate, _LARGEST_RATE)
    most = point.value + _ROUNDINGS * point.rounding
    for _ in range(_HALVINGS):
        new = objective.at(objective.prox(point.w - rate * point.gradient, rate))
        step = new.w - point.w
        bend = float(np.vdot(new.gradient - point.gradient, step))
        if bend <= float(np.vdot(step, step)) / rate and new.value <= most:
            return new, rate
        rate *= 0.5
        if rate < _SMALLEST_RATE:
            break
    return point, rate


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

    constraints: ClassVar[dict[str, list[Any]]] = {"learning_rate": LEARNING_RATE}

    learning_rate: Any = "auto"

    def points(
        self, objective: Any, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[Any]:
        point = objective.at(w)
        if self.is_conditioned:
            rate = state.get("rate", 1.0)
            while True:
                point, rate = backtrack(objective, point, 1.25 * rate)
                state["rate"] = rate
                yield point
        rates = Rates(self.learning_rate, state)
        while True:
            rate = rates.next(point)
            point = objective.at(objective.prox(point.w - rate * point.gradient, rate))
            yield point
