"""A loss that rises: what is told of a learning rate that is too large, and which one is not."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from softmax_reg.coordinates import Conditioned
from softmax_reg.maps import StandardMap
from softmax_reg.objective import Objective
from softmax_reg.solvers.base import Solver

__all__ = ["own_units", "told_of_rise"]

# Points for which a smaller rate is tried before it is named, and by how many powers of ten.
_TRIED_POINTS, _TRIED_RATES = 10, 8
# The largest eigenvalue is wanted to so many digits, from below.
_EIGENVALUE_TOL = 1e-2


def told_of_rise(
    solver: Solver, objective: Objective, start: NDArray, before: float, after: float
) -> str:
    """Return in words that the loss rose, and which rate makes it fall.

    Parameters
    ----------
    solver : Solver
        With a `learning_rate` that was given.
    objective : Objective
    start : ndarray of shape (objective.size,)
        Where the run began.
    before, after : float
        F there, and where the run ended.
    """
    given = getattr(solver, "learning_rate", None)
    rate = _falling_rate(solver, objective, start)
    remedy = "Try a smaller one" if rate is None else f"Try {rate:g}"
    rose = f"rose from {before:.3g} to {after:.3g}" if np.isfinite(after) else "is not finite"
    return (
        f"The loss {rose}: learning_rate={given!r} is too large for these features. {remedy}, "
        "standardise X, or use learning_rate='auto'."
    )


def own_units(objective: Objective, w: NDArray) -> tuple[Any, NDArray]:
    """Return the objective and w as the textbook sees them.

    The features are as they are, or as `standardize` has them.
    """
    if objective.penalty.scale is None:
        return objective, w
    local = Conditioned(objective, w, StandardMap(objective))
    return local, local.start


def _falling_rate(solver: Solver, objective: Objective, start: NDArray) -> float | None:
    """Return a rate of one digit with which the first points of the solver fall, or None."""
    rate = _one_digit(1.0 / _curvature(*own_units(objective, np.zeros_like(start))))
    given = getattr(solver, "learning_rate", None)
    if isinstance(given, int | float):
        rate = min(rate, _one_digit(0.1 * float(given)))
    view, start = own_units(objective, start)
    for _ in range(_TRIED_RATES):
        if _falls(replace(solver, learning_rate=rate), view, start):  # type: ignore[type-var]
            return rate
        rate = _one_digit(0.1 * rate)
    return None


def _falls(solver: Any, objective: Any, start: NDArray) -> bool:
    value = objective.at(start).value
    points = solver.points(objective, start, np.random.default_rng(0), {})
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(_TRIED_POINTS):
            point = next(points)
            if not point.value < value:
                return False
            value = point.value
    return True


def _curvature(objective: Any, zero: NDArray) -> float:
    """Return a bound on the curvature of F at any w, which a gradient step must not exceed.

    At w = 0 each of K probabilities is 1/K, and the Hessian of the scores (I - 11'/K) / K; the
    bound of Boehning (1992) is K/2 times as much, for one row of coefficients the same.
    """
    point, n = objective.at(zero), len(zero)
    product = LinearOperator((n, n), matvec=point.hessian_product, dtype=zero.dtype)
    first = np.random.default_rng(0).standard_normal(n).astype(zero.dtype)
    largest = eigsh(product, 1, v0=first, tol=_EIGENVALUE_TOL, return_eigenvectors=False)
    factor = 0.5 * objective.n_rows if objective.n_rows > 1 else 1.0
    return float(largest[0]) * factor * (1.0 + _EIGENVALUE_TOL)


def _one_digit(rate: float) -> float:
    """Return the largest number of one significant digit that is not above a rate.

    >>> _one_digit(0.0279), _one_digit(3.0)
    (0.02, 3.0)
    """
    power = math.floor(math.log10(rate))
    digit = math.floor(rate * 10.0**-power * (1.0 + 1e-12))
    return float(f"{digit}e{power}")
