"""Newton's method with the whole Hessian and its Cholesky factor, for few coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.line_search import search_line
from softmax_reg.solvers.solver import Solver, State

__all__ = ["NewtonCholesky"]


@dataclass
class NewtonCholesky(Solver):
    """Newton's method with a line search, for smooth penalties.

    With H = L L' and v = L' (w - origin) the Hessian at the origin is the identity, and Newton's
    step is minus the gradient: the factorisation is the change of coordinates, made at each point.

    References
    ----------
    J. Nocedal and S. Wright (2006), "Numerical Optimization", algorithm 3.2.
    """

    name = "newton-cholesky"
    when = "few coefficients: features times classes up to some hundreds"

    needs_smooth = True
    uses_curvature = True
    whole_hessian = True
    first_stage = 1
    stage_growth = 1.0

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        point = objective.at(w)
        while (new := search_line(point, -point.gradient)) is not None:
            point = new
            yield point
