"""A path as what it leaves: coefficients and a few numbers for each C.

What a point keeps besides, the probabilities of every row, is gone when the next is reached.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import ConvergenceWarning
from softmax_reg.callbacks.path_progress import PathPoint
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.deviations import deviations
from softmax_reg.dataset.feature_factors import make_penalty
from softmax_reg.model_selection.warm_starts import path_solutions
from softmax_reg.objective.coefficients import coefficients
from softmax_reg.objective.objective import Objective
from softmax_reg.solvers import make_solver
from softmax_reg.solvers.events import Callback

__all__ = [
    "checked_Cs",
    "checked_l1_ratios",
    "follow",
    "objective_of",
    "settings_of",
    "warn_if_unconverged",
]


def objective_of(data: Dataset, l1_ratio: float, parameters: dict[str, Any]) -> Objective:
    """Return the objective of a path over some data."""
    penalty = make_penalty(
        *(parameters["penalty"], 1.0, l1_ratio, parameters["penalty_factor"], data.shape[1]),
        scale=deviations(data.X, data.sample_weight) if parameters["standardize"] else None,
    )
    solver, _ = make_solver(
        parameters["solver"], parameters | {"l1_ratio": l1_ratio}, penalty.is_smooth
    )
    return Objective(data, penalty, parameters["fit_intercept"], solver.scores_memory)


def settings_of(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what `path_solutions` asks for besides the objective."""
    return {
        "solver_for": lambda is_smooth: make_solver(parameters["solver"], parameters, is_smooth)[0],
        "tol": parameters["tol"],
        "max_iter": parameters["max_iter"],
        "rng": np.random.default_rng(parameters["random_state"]),
    }


def follow(
    objective: Objective,
    Cs: NDArray,
    parameters: dict[str, Any],
    start: NDArray | None = None,
    callbacks: Sequence[Callback] = (),
) -> Iterator[PathPoint]:
    """Yield the optimum at each C, the smallest first.

    Parameters
    ----------
    objective : Objective
    Cs : ndarray of shape (n_Cs,)
        Rising.
    parameters : mapping
        `solver`, `tol`, `max_iter`, `random_state`, and those of the solver.
    start : ndarray of shape (objective.size,), default=None
        Where to start; None means at the intercepts alone.
    callbacks : sequence of callables, default=()
        Of `minimize`, for the iterations at each C.
    """
    total = objective.data.total_weight
    strengths = [1.0 / (C * total) for C in Cs.tolist()]  # 0 where that overflows
    settings = settings_of(parameters) | {"callbacks": callbacks}
    found = path_solutions(objective, strengths, start=start, **settings)
    for C, result in zip(Cs, found, strict=False):  # Ctrl-C ends them early
        point = result.point
        coef, intercept = coefficients(objective, point.w)
        yield PathPoint(
            C=float(C),
            coef=coef,
            intercept=intercept,
            value=point.value,
            deviance=2.0 * total * point.loss,
            optimality=point.optimality,
            n_iter=result.n_iter,
            converged=result.converged,
            stopped=result.stopped,
            scale=objective.penalty.scale,
        )


def warn_if_unconverged(steps: Sequence[PathPoint], tol: float, stacklevel: int) -> None:
    """Warn once of the fits of a path that did not converge."""
    failed = [step for step in steps if not step.converged and step.stopped != "callback"]
    if not failed:
        return
    worst = max(failed, key=lambda step: step.optimality)
    warnings.warn(
        f"{len(failed)} of {len(steps)} fits did not converge to tol={tol:.2e}; the worst, at "
        f"C={worst.C:.4g}, stopped at optimality {worst.optimality:.2e} after {worst.n_iter} "
        "iterations. Raise max_iter or tol, or leave out the largest values of C.",
        ConvergenceWarning,
        stacklevel=stacklevel + 1,
    )


def checked_l1_ratios(l1_ratios: Any) -> NDArray:
    """Return the values of l1_ratio in float64, if they can be used."""
    values = np.asarray(l1_ratios, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not ((values >= 0.0) & (values <= 1.0)).all():
        raise ValueError(
            f"l1_ratios must be a list of numbers from 0 to 1, not empty; got {shown(l1_ratios)}."
        )
    return values


def checked_Cs(Cs: Any, none_too: bool = False) -> NDArray:
    """Return the values of C in float64, if they can be used; a number means so many.

    An infinite one, which means no penalty, can be with `none_too` only.
    """
    if isinstance(Cs, Integral):
        return np.logspace(-4.0, 4.0, int(Cs))
    values = np.asarray(Cs, dtype=np.float64)
    if values.ndim != 1 or values.size == 0:
        raise ValueError(f"Cs must be a number or a list of them, not empty; got {shown(Cs)}.")
    wrong = values[~((np.isfinite(values) | none_too) & (values > 0.0))]
    if wrong.size:
        raise ValueError(
            f"Cs must be positive{'' if none_too else ' and finite'}, got {wrong[0]}. For a fit "
            "without penalty use SoftmaxRegression(C=np.inf)."
        )
    return values
