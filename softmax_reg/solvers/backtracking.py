"""The step of proximal gradient descent, its rate halved until it descends enough."""

from __future__ import annotations

import numpy as np

from softmax_reg.objective.contract import Problem, ProblemPoint

__all__ = ["backtrack"]

# Beyond these a rate says nothing: numbers overflow however short the step is, or nothing changes
# however long.
_SMALLEST_RATE, _LARGEST_RATE = 1e-100, 1e100
# So many times what rounding makes of a value a step may seem to climb.
_ROUNDINGS = 4.0
# From the largest to the smallest: log2(1e200) = 664.4.
_HALVINGS = 665


def backtrack(objective: Problem, point: ProblemPoint, rate: float) -> tuple[ProblemPoint, float]:
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
