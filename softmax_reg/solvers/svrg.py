"""SVRG: stochastic gradients whose variance vanishes, corrected by a snapshot's full gradient."""

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
    BatchSize,
    LearningRate,
)
from softmax_reg.solvers.solver import Constraints, State
from softmax_reg.solvers.stochastic import Stochastic

__all__ = ["SVRG"]


@dataclass
class SVRG(Stochastic):
    """Stochastic variance-reduced gradient; with an L1 norm, prox-SVRG.

    The probabilities of the snapshot are kept where they fit, so that a corrected gradient costs no
    more than a plain one.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        A number or a schedule of the epoch gives the textbook method in the features' own units.
        "auto" works in conditioned coordinates: a search on each batch finds the length of the
        step, and the next snapshot is the mean of the second half of the iterates.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch.  "auto" means 200 for a learning rate that is given, and else 20 for
        each feature, up to a quarter of all and to 4 MiB.

    References
    ----------
    R. Johnson and T. Zhang (2013), "Accelerating stochastic gradient descent using predictive
    variance reduction", procedure SVRG, option I; L. Xiao and T. Zhang (2014), "A proximal
    stochastic gradient method with progressive variance reduction", eq. 8.
    """

    name = "svrg"
    when = "many rows, and an optimum wanted to many digits"

    constraints: ClassVar[Constraints] = {
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
    }

    learning_rate: LearningRate = "auto"
    batch_size: BatchSize = "auto"

    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        if self.is_conditioned:
            yield from self.searched(objective, w, rng, lambda: np.negative)
        rates, snapshot = self.rates(state), objective.at(w)
        while True:
            rate = rates.next(snapshot)
            of_all = snapshot.gradient  # before the batches, which then all take its scores
            for batch in objective.batches(self.given_batch(objective), rng):
                gradient = batch.gradient(w, snapshot) + of_all
                w = objective.prox(w - w.dtype.type(rate) * gradient, rate)
            snapshot = objective.at(w)
            yield snapshot
