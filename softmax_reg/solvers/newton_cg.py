"""Newton's method, each system solved only as well as it helps, by conjugate gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import CurvedPoint, Problem, ProblemPoint
from softmax_reg.solvers.line_search import search_line
from softmax_reg.solvers.parameter_constraints import COUNT
from softmax_reg.solvers.solver import Constraints, Solver, State

__all__ = ["NewtonCG", "truncated_cg"]


@dataclass
class NewtonCG(Solver):
    """Truncated Newton method with a line search, for smooth penalties.

    Parameters
    ----------
    max_cg : int, default=200
        At most so many Hessian products in one step.

    References
    ----------
    R. Dembo and T. Steihaug (1983), "Truncated-Newton algorithms for large-scale unconstrained
    optimization"; J. Nocedal and S. Wright (2006), "Numerical Optimization", algorithm 7.1;
    S. Eisenstat and H. Walker (1996), "Choosing the forcing terms in an inexact Newton method".
    """

    name = "newton-cg"
    when = "probabilities close to 0 and 1, and an optimum wanted to many digits"

    constraints: ClassVar[Constraints] = {"max_cg": COUNT}

    max_cg: int = 200
    needs_smooth = True
    uses_curvature = True
    # Fresh curvature for every system: it is what preconditions its conjugate gradients.
    first_stage = 1
    stage_growth = 1.0

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        point = objective.at(w)
        while (new := search_line(point, truncated_cg(point, self.max_cg))) is not None:
            point = new
            yield point


def truncated_cg(point: CurvedPoint, max_cg: int) -> NDArray:
    """Return d with F''(w) d = -F'(w) up to a residual of min(1/2, sqrt |g|) |g|."""
    r = point.gradient.copy()
    norm = float(np.sqrt(np.vdot(r, r)))
    enough = min(0.5, np.sqrt(norm)) * norm
    d, p, square = np.zeros_like(r), -r, float(np.vdot(r, r))
    for _ in range(max_cg):
        Hp = point.hessian_product(p)
        curvature = float(np.vdot(p, Hp))
        if curvature <= np.finfo(r.dtype).eps * float(np.vdot(p, p)):
            break  # flat to rounding
        a = r.dtype.type(square / curvature)
        d += a * p
        r += a * Hp
        new_square = float(np.vdot(r, r))
        if np.sqrt(new_square) <= enough:
            break
        p = r.dtype.type(new_square / square) * p - r
        square = new_square
    return d if d.any() else -point.gradient
