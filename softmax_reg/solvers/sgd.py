"""Stochastic gradient descent: mini-batches of shuffled rows, with momentum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.parameter_constraints import (
    BATCH_SIZE,
    LEARNING_RATE,
    MOMENTUM,
    BatchSize,
    LearningRate,
)
from softmax_reg.solvers.solver import Constraints, State
from softmax_reg.solvers.stochastic import Direction, Stochastic

__all__ = ["SGD"]

# Where steps are searched for.
_MOMENTUM = 0.9


@dataclass
class SGD(Stochastic):
    """Mini-batch stochastic gradient descent; one point for each epoch.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        A number or a schedule of the epoch gives the textbook method in the features' own units.
        "auto" works in conditioned coordinates: a search on each batch finds the length of the
        step, the gradient of the batch is corrected by that of all rows at the end of the last
        epoch, and the second half of the iterates is averaged.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch.  "auto" means 200 for a learning rate that is given, and else 20 for
        each feature, up to a quarter of all and to 4 MiB.
    momentum : float or "auto", default="auto"
        Share of the last step that is repeated, in [0, 1); where the learning rate is "auto" of the
        last direction, and none with an L1 norm.  "auto" means 0 for a learning rate that is given,
        the plain method of Robbins and Monro, and else 0.9.
    nesterov : bool, default=False
        Whether the gradient is taken where the momentum leads, for a learning rate that is given.

    References
    ----------
    H. Robbins and S. Monro (1951), "A stochastic approximation method"; B. Polyak (1964), "Some
    methods of speeding up the convergence of iteration methods", eq. 9; I. Sutskever et al. (2013),
    "On the importance of initialization and momentum in deep learning", eq. 3 and 4 (Nesterov's
    momentum).
    """

    name = "sgd"
    when = "many rows, and a few passes over them; with a rate given, the textbook method"

    constraints: ClassVar[Constraints] = {
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "momentum": MOMENTUM,
        "nesterov": ["boolean"],
    }

    learning_rate: LearningRate = "auto"
    batch_size: BatchSize = "auto"
    momentum: float | Literal["auto"] = "auto"
    nesterov: bool = False

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        if self.is_conditioned:
            yield from self.searched(objective, w, rng, lambda: self._new_direction(objective, w))
        rates = self.rates(state)
        momentum = w.dtype.type(0.0 if self.momentum == "auto" else self.momentum)
        velocity, point = state.get("velocity", np.zeros_like(w)), objective.at(w)
        while True:
            rate = rates.next(point)
            for batch in objective.batches(self.given_batch(objective), rng):
                gradient = batch.gradient(w + momentum * velocity if self.nesterov else w)
                velocity = momentum * velocity - w.dtype.type(rate) * gradient
                old, w = w, objective.prox(w + velocity, rate)
                velocity = w - old
            point = objective.at(w)
            state["velocity"] = velocity
            yield point

    def _new_direction(self, objective: Problem, w: NDArray) -> Direction:
        """Return a function of the gradient that remembers the last direction."""
        # A step that momentum prolongs is no gradient mapping: nothing would bound its descent.
        share = _MOMENTUM if self.momentum == "auto" else self.momentum
        momentum = w.dtype.type(share if objective.is_smooth else 0.0)
        last = np.zeros_like(w)

        def direction(gradient: NDArray) -> NDArray:
            nonlocal last
            last = momentum * last - gradient
            if np.vdot(last, gradient) > 0.0:
                last = -gradient  # it points uphill: restart
            return last

        return direction
