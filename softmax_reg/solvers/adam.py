"""Adam: steps scaled by running means of the gradients and of their squares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.parameter_constraints import (
    BATCH_SIZE,
    LEARNING_RATE,
    POSITIVE,
    SHARE,
    BatchSize,
    LearningRate,
)
from softmax_reg.solvers.solver import Constraints, State
from softmax_reg.solvers.stochastic import Direction, Stochastic

__all__ = ["Adam"]


@dataclass
class Adam(Stochastic):
    """Adaptive moment estimation, for smooth penalties.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        A number (0.001 is usual) or a schedule of the epoch gives the textbook method in the
        features' own units.  "auto" works in conditioned coordinates: a search on each batch finds
        the length of the step along Adam's direction, whose gradients are corrected by that of all
        rows at the end of the last epoch.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch.  "auto" means 200 for a learning rate that is given, and else 20 for
        each feature, up to a quarter of all and to 4 MiB.
    beta1 : float, default=0.9
        Share of the running mean of the gradients that is kept, in [0, 1).
    beta2 : float, default=0.999
        The same for the running mean of their squares.
    epsilon : float, default=1e-8
        What is added to the root of the mean of the squares.

    References
    ----------
    D. Kingma and J. Ba (2015), "Adam: a method for stochastic optimization", algorithm 1.
    """

    name = "adam"
    when = "to study it"

    constraints: ClassVar[Constraints] = {
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "beta1": SHARE,
        "beta2": SHARE,
        "epsilon": POSITIVE,
    }

    learning_rate: LearningRate = "auto"
    batch_size: BatchSize = "auto"
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    needs_smooth = True
    rate_is_of_gradients = False  # it is about the length of a step

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        if self.is_conditioned:
            yield from self.searched(objective, w, rng, lambda: self._new_direction(w, {}))
        rates, direction = self.rates(state), self._new_direction(w, state)
        point = objective.at(w)
        while True:
            rate = w.dtype.type(rates.next(point))
            for batch in objective.batches(self.given_batch(objective), rng):
                w = w + rate * direction(batch.gradient(w))
            point = objective.at(w)
            yield point

    def _new_direction(self, w: NDArray, moments: State) -> Direction:
        """Return a function of the gradient that remembers its moments: Adam's direction."""
        moments.setdefault("step", 0)
        for name in ("mean", "square"):
            moments.setdefault(name, np.zeros_like(w))

        def direction(gradient: NDArray) -> NDArray:
            step = moments["step"] = moments["step"] + 1
            mean, square = moments["mean"], moments["square"]
            mean = mean + w.dtype.type(1.0 - self.beta1) * (gradient - mean)
            square = square + w.dtype.type(1.0 - self.beta2) * (gradient**2 - square)
            moments.update(mean=mean, square=square)
            unbiased = mean / w.dtype.type(1.0 - self.beta1**step)
            root = np.sqrt(square / w.dtype.type(1.0 - self.beta2**step))
            return -unbiased / (root + w.dtype.type(self.epsilon))

        return direction
