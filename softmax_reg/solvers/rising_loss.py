"""A loss that rises: what is told of a learning rate that is too large, and which one is not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from softmax_reg._checks.shown import shown
from softmax_reg.objective.contract import Problem
from softmax_reg.objective.objective import Objective
from softmax_reg.preconditioning.linear_maps import StandardMap
from softmax_reg.preconditioning.problem import TransformedObjective
from softmax_reg.solvers.solver import Solver

__all__ = ["has_risen", "own_units", "told_of_rise"]

# Points for which a smaller rate is tried before it is named, and by how many powers of ten.
_TRIED_POINTS, _TRIED_RATES = 10, 8
# Where a rate is about the length of a step, a hundred times the usual one.
_LONGEST_STEP = 0.1
# The share of the decrease whose loss is a rise.
_LOST = 0.5
# The largest eigenvalue is wanted to so many digits, from below.
_EIGENVALUE_TOL = 1e-2


def has_risen(losses: Sequence[float] | NDArray) -> bool:
    """Return whether a run lost, at its end, more than half of what it had gained.

    Batches drawn at random may raise the loss a little.

    >>> has_risen([1.0, 0.2, 0.3]), has_risen([1.0, 0.2, 0.7]), has_risen([1.0, 1.1])
    (False, True, True)
    """
    first, lowest, last = losses[0], min(losses), losses[-1]
    return bool(last - lowest > _LOST * (first - lowest))


def told_of_rise(solver: Solver, objective: Objective, start: NDArray, what: str) -> str:
    """Return in words what became of the loss, and which rate makes it fall.

    Parameters
    ----------
    solver : Solver
        With a `learning_rate` that was given.
    objective : Objective
    start : ndarray of shape (objective.size,)
        Where the run began.
    what : str
        What became of the loss, as the end of "The loss".
    """
    given = getattr(solver, "learning_rate", None)
    try:
        rate = _falling_rate(solver, objective, start)
    except KeyboardInterrupt:  # the run itself is over, and what it found is to be kept
        rate = None
    remedy = "Try a smaller one" if rate is None else f"Try {rate:g}"
    name = getattr(given, "__name__", "") or shown(given)
    return (
        f"The loss {what}: learning_rate={name} is too large for these features. {remedy}, "
        "standardise X, or use learning_rate='auto'."
    )


def own_units(objective: Objective, w: NDArray) -> tuple[Problem, NDArray]:
    """Return the objective and w as the textbook sees them.

    The features are as they are, or as `standardize` has them.
    """
    if objective.penalty.scale is None:
        return objective, w
    local = TransformedObjective(objective, w, StandardMap(objective))
    return local, local.start


def _falling_rate(solver: Solver, objective: Objective, start: NDArray) -> float | None:
    """Return a rate of one digit with which the first points of the solver fall, or None."""
    given = getattr(solver, "learning_rate", None)
    rate = _one_digit(0.1 * float(given)) if isinstance(given, int | float) else 1.0
    most = _LONGEST_STEP
    if solver.rate_is_of_gradients:
        most = _one_digit(1.0 / _curvature(*own_units(objective, np.zeros_like(start))))
    rate = min(rate, most)
    view, start = own_units(objective, start)
    for _ in range(_TRIED_RATES):
        if _falls(replace(solver, learning_rate=rate), view, start):  # type: ignore[type-var]
            return rate
        rate = _one_digit(0.1 * rate)
    return None


def _falls(solver: Solver, objective: Problem, start: NDArray) -> bool:
    """Return whether the loss falls, at each point or, where rows are drawn, on the whole."""
    losses = [objective.at(start).value]
    points = solver.points(objective, start, np.random.default_rng(0), {})
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(_TRIED_POINTS):
            losses.append(next(points).value)
            is_noise = solver.is_stochastic and not has_risen(losses)
            if not (losses[-1] < losses[-2] or is_noise):
                return False
    return losses[-1] < losses[0]


def _curvature(objective: Problem, zero: NDArray) -> float:
    """Return a bound on the curvature of F at any w, which a gradient step must not exceed.

    At w = 0 each of K probabilities is 1/K, and the Hessian of the scores (I - 11'/K) / K; the
    bound of Boehning (1992) is K/2 times as much, for one row of coefficients the same.
    """
    point, n = objective.at(zero), len(zero)
    if n == 1:  # which `eigsh` does not take
        largest = point.hessian_product(np.ones_like(zero))
    else:
        product = LinearOperator((n, n), matvec=point.hessian_product, dtype=zero.dtype)
        first = np.random.default_rng(0).standard_normal(n).astype(zero.dtype)
        largest = eigsh(product, 1, v0=first, tol=_EIGENVALUE_TOL, return_eigenvectors=False)
    factor = 0.5 * objective.n_outputs if objective.n_outputs > 1 else 1.0
    return float(largest[0]) * factor * (1.0 + _EIGENVALUE_TOL)


def _one_digit(rate: float) -> float:
    """Return the largest number of one significant digit that is not above a rate.

    >>> _one_digit(0.0279), _one_digit(3.0)
    (0.02, 3.0)
    """
    power = math.floor(math.log10(rate))
    digit = math.floor(rate * 10.0**-power * (1.0 + 1e-12))
    return float(f"{digit}e{power}")
