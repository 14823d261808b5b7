"""Stochastic gradient descent: mini-batches of shuffled rows, with momentum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.schedules import as_schedule, rate_at
from softmax_reg.solvers.base import Solver, State
from softmax_reg.solvers.constraints import BATCH_SIZE, LEARNING_RATE, MOMENTUM

__all__ = ["SGD"]

_SMALLEST_BATCH, _TRIALS = 32, 8


@dataclass
class SGD(Solver):
    """Mini-batch stochastic gradient descent; one point for each epoch.

    Parameters
    ----------
    learning_rate : float, Schedule or "auto", default="auto"
        A number or a schedule of the epoch gives the textbook method in the features' own units.
        "auto" works in conditioned coordinates, where the rate follows from the size of the batch;
        it grows by a quarter with every epoch, and is halved when an epoch ends higher than it
        began, which is then taken back.
    batch_size : int or "auto", default="auto"
        Rows in a mini-batch.  "auto" makes the noise of a batch as large as the gradient itself,
        anew for every epoch: small batches far from the optimum, all rows close to it.
    momentum : float, default=0.9
        Share of the last step that is repeated, in [0, 1).

    References
    ----------
    H. Robbins and S. Monro (1951), "A stochastic approximation method"; B. Polyak (1964), "Some
    methods of speeding up the convergence of iteration methods", eq. 9; R. Byrd, G. Chin,
    J. Nocedal and Y. Wu (2012), "Sample size selection in optimization methods for machine
    learning", eq. 3.5 (the size of a batch).
    """

    constraints: ClassVar[dict[str, list[Any]]] = {
        "learning_rate": LEARNING_RATE,
        "batch_size": BATCH_SIZE,
        "momentum": MOMENTUM,
    }

    learning_rate: Any = "auto"
    batch_size: Any = "auto"
    momentum: float = 0.9

    def points(
        self, objective: Any, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[Any]:
        schedule = None if self.is_conditioned else as_schedule(self.learning_rate)
        velocity, damping = state.get("velocity", np.zeros_like(w)), state.get("damping", 1.0)
        point = objective.at(w)
        for t in count(state.get("t", 0)):
            batch = self._batch(objective, point, rng)
            if schedule is None:
                # In conditioned coordinates F'' is about 1, and that of a batch exceeds it by
                # the trace, the number of features, over the batch.
                noise = objective.size / objective.n_rows / batch
                rate = damping * (1.0 - self.momentum) / (1.0 + noise)
            else:
                rate = rate_at(schedule, t)
            for rows in objective.mini_batches(batch, rng):
                gradient = objective.sample_gradient(w, rows)
                velocity = w.dtype.type(self.momentum) * velocity - w.dtype.type(rate) * gradient
                old, w = w, objective.prox(w + velocity, rate)
                velocity = w - old
            new = objective.at(w)
            if schedule is not None or _descends(objective, point, new):
                point, damping = new, 1.25 * damping
            else:
                w, velocity, damping = point.w, np.zeros_like(w), 0.5 * damping
            state.update(velocity=velocity, damping=damping, t=t + 1)
            yield point

    def _batch(self, objective: Any, point: Any, rng: np.random.Generator) -> int:
        """Return the size b for which E |g_b - g|^2 = |d|^2, d the step that all rows ask for."""
        if self.batch_size != "auto":
            return objective.batch_size(self.batch_size)
        noise = 0.0
        for _ in range(_TRIALS):
            g = objective.sample_gradient(point.w, rng.choice(objective.sample, _SMALLEST_BATCH))
            noise += float(np.sum((g - point.gradient) ** 2)) / _TRIALS
        square = max(_step_length(objective, point) ** 2, np.finfo(float).tiny)
        return objective.batch_size(_SMALLEST_BATCH * max(noise / square, 1.0))


def _step_length(objective: Any, point: Any) -> float:
    """Return |w - prox(w - g)|, which is |g| without an L1 norm: it vanishes at the optimum."""
    step = point.w - objective.prox(point.w - point.gradient, 1.0)
    return float(np.sqrt(np.vdot(step, step)))


def _descends(objective: Any, old: Any, new: Any) -> bool:
    """Return whether F is lower at `new` or, where rounding hides that, its gradient step."""
    change, rounding = new.value - old.value, 8.0 * np.finfo(old.w.dtype).eps * abs(old.value)
    if abs(change) > rounding or not np.isfinite(change):
        return bool(change < 0.0)
    return _step_length(objective, new) < _step_length(objective, old)
