"""How do I add a method of my own? A dataclass with one generator; the rest comes with the loop.

Barzilai and Borwein: gradient descent whose rate is 1 / the curvature seen along the last step.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.datasets import load_wine

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import Solver


@dataclass
class BarzilaiBorwein(Solver):
    """Gradient descent with the rate s's / s'y; s is the last step, y its change of gradient.

    J. Barzilai and J. Borwein (1988), "Two-point step size gradient methods", the longer of their
    two rates. Made monotone: a step that does not descend is tried again at half its length.
    """

    first_rate: float = 1.0
    needs_smooth = True  # no L1 norm: it never calls objective.prox

    def points(
        self, objective: Any, w: np.ndarray, rng: np.random.Generator, state: dict[str, Any]
    ) -> Iterator[Any]:
        """Yield one point after the other; when to stop is not a solver's business."""
        point, rate = objective.at(w), state.get("rate", self.first_rate)
        while True:
            new = objective.at(point.w - rate * point.gradient)
            while new.value > point.value and rate > 1e-10:
                rate *= 0.5
                new = objective.at(point.w - rate * point.gradient)
            s, y = new.w - point.w, new.gradient - point.gradient
            if np.vdot(s, y) > 0.0:
                rate = np.vdot(s, s) / np.vdot(s, y)
            point = new
            state["rate"] = rate  # what a resumed fit needs besides w
            yield point


X, y = load_wine(return_X_y=True)  # raw: conditioned coordinates come with the loop, too
rows = {}
for solver in ("gd", BarzilaiBorwein(), "lbfgs"):
    model = SoftmaxRegression(solver=solver).fit(X, y)
    rows[model.solver_] = {
        "iterations": model.n_iter_[0],
        "loss": f"{model.loss_curve_[-1]:.10f}",
        "optimality": f"{model.optimality_:.0e}",
        "converged": model.converged_,
    }
print(pd.DataFrame(rows).T.to_string())

# It is a scikit-learn parameter like any other: it can be cloned, and set from a grid.
model = clone(SoftmaxRegression(solver=BarzilaiBorwein(first_rate=0.5)))
print("\n", model.set_params(solver__first_rate=0.1), sep="")
