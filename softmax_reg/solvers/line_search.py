"""Weak Wolfe line search by bracketing: the step halves or doubles until both conditions hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import LinePoint

P = TypeVar("P", bound=LinePoint)

__all__ = ["ROUNDING", "search_line", "weak_wolfe"]

# Nocedal and Wright (2006), "Numerical Optimization", eq. 3.6; c1 small, c2 loose for quasi-Newton.
_DECREASE, _CURVATURE = 1e-4, 0.9
_MAX_TRIALS = 40
# Values that differ by less than so many roundings of one do not tell which is lower.
ROUNDING = 8.0


def weak_wolfe(
    start: P,
    slope: float,
    trial: Callable[[float], tuple[P, float]],
    step: float = 1.0,
    curvature: float = _CURVATURE,
) -> P | None:
    """Return a point whose step decreases F enough and is not too short, or None.

    A. S. Lewis and M. L. Overton (2013), "Nonsmooth optimization via quasi-Newton methods",
    algorithm 2.6.  Where rounding hides the decrease, the slopes decide in its place: Hager and
    Zhang (2005), "A new conjugate gradient method with guaranteed descent", eq. 4.1.

    Parameters
    ----------
    start : point with `value` and `rounding`
    slope : float
        dF/dt at t = 0; negative.
    trial : callable t -> (point, slope at that point)
    step : float, default=1.0
        The first t to try.
    curvature : float, default=0.9
        The slope must have risen to this fraction of `slope`; smaller searches more exactly.
    """
    low, high, best = 0.0, np.inf, None
    for _ in range(_MAX_TRIALS):
        point, here = trial(step)
        decreases = point.value <= start.value + _DECREASE * step * slope or (
            point.value <= start.value + ROUNDING * start.rounding
            and here <= (2.0 * _DECREASE - 1.0) * slope
        )
        if not (decreases and np.isfinite(here)):
            high = step
        elif here < curvature * slope:
            low, best = step, point
        else:
            return point
        step = 2.0 * low if np.isinf(high) else 0.5 * (low + high)
    return best


def search_line(point: P, direction: NDArray) -> P | None:
    """Return a point from `point` along a Newton direction, or None.

    All trials share one product with X, so the search can afford to be exact: c2 = 1/2.
    """
    line = point.line(direction)

    def trial(t: float) -> tuple[P, float]:
        new = line.at(t)
        return (new, line.slope(new)) if np.isfinite(new.value) else (new, np.inf)

    slope = float(np.vdot(point.gradient, direction))
    return weak_wolfe(point, slope, trial, curvature=0.5)
