"""L-BFGS: the direction from the last few steps and the changes of gradient that they made."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.line_search import weak_wolfe
from softmax_reg.solvers.parameter_constraints import COUNT
from softmax_reg.solvers.solver import Constraints, Solver, State

__all__ = ["LBFGS"]


@dataclass
class LBFGS(Solver):
    """Limited-memory BFGS, for smooth penalties.

    Parameters
    ----------
    memory : int, default=10
        How many steps are remembered; each takes two vectors of the size of w.

    References
    ----------
    J. Nocedal (1980), "Updating quasi-Newton matrices with limited storage"; J. Nocedal and
    S. Wright (2006), "Numerical Optimization", algorithms 7.4 and 7.5.
    """

    name = "lbfgs"
    when = "most data: cheap iterations, few of them"

    constraints: ClassVar[Constraints] = {"memory": COUNT}

    memory: int = 10
    needs_smooth = True

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        point = objective.at(w)
        pairs: deque[tuple[NDArray, NDArray, float]] = deque(maxlen=self.memory)
        for step, change in zip(state.get("steps", ()), state.get("changes", ()), strict=True):
            pairs.append((step, change, float(np.vdot(step, change))))
        while True:
            direction = -two_loop(point.gradient, pairs)

            def trial(
                t: float, point: ProblemPoint = point, d: NDArray = direction
            ) -> tuple[ProblemPoint, float]:
                new = objective.at(point.w + point.w.dtype.type(t) * d)
                return new, float(np.vdot(new.gradient, d))

            # Without a memory the direction has no scale of its own: N&W, section 6.1.
            length = float(np.sqrt(np.vdot(direction, direction)))
            first = 1.0 if pairs else min(1.0, 1.0 / max(length, 1e-300))
            new = weak_wolfe(point, float(np.vdot(point.gradient, direction)), trial, first)
            if new is None:
                if not pairs:
                    return  # not even the gradient descends: rounding has the last word
                pairs.clear()
                continue
            step, change = new.w - point.w, new.gradient - point.gradient
            if (product := float(np.vdot(step, change))) > 0.0:
                pairs.append((step, change, product))
            point = new
            state["steps"] = [step for step, _, _ in pairs]
            state["changes"] = [change for _, change, _ in pairs]
            yield point


def two_loop(gradient: NDArray, pairs: deque[tuple[NDArray, NDArray, float]]) -> NDArray:
    """Return the approximate inverse Hessian times the gradient (Nocedal 1980; N&W alg. 7.4)."""
    q, alphas = gradient.copy(), []
    for step, change, product in reversed(pairs):
        alphas.append(float(np.vdot(step, q)) / product)
        q -= gradient.dtype.type(alphas[-1]) * change
    if pairs:
        _, change, product = pairs[-1]
        q *= gradient.dtype.type(product / float(np.vdot(change, change)))  # N&W eq. 7.20
    for (step, change, product), alpha in zip(pairs, reversed(alphas), strict=True):
        q += gradient.dtype.type(alpha - float(np.vdot(change, q)) / product) * step
    return q
