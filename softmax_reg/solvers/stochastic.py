"""What the stochastic solvers share: shuffled mini-batches, and epochs that need no learning rate.

Such an epoch starts at a point whose gradient is known from all rows, and corrects that of each
batch by it; a search on the batch finds the length of each step; the point at the end is the mean
of the second half of the iterates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.solvers.backtracking import backtrack
from softmax_reg.solvers.parameter_constraints import BatchSize
from softmax_reg.solvers.solver import Solver

__all__ = ["Direction", "Stochastic"]

# For a learning rate that is given, as in scikit-learn's MLPClassifier.
_BATCH_ROWS = 200
# A batch much larger than the number of features bends like all rows do.  It should fit in one
# piece: its rows are read twice, for the gradient and for the search.
_ROWS_PER_FEATURE, _FEWEST_ROWS, _FEWEST_STEPS = 20, 32, 4
# The best step for a batch is too long for all rows, whose gradient it overestimates.
_SHARE_OF_STEP = 0.7
_ATTEMPTS = 3

Direction = Callable[[NDArray], NDArray]


class Stochastic(Solver):
    """A solver that takes a step for each mini-batch; one point for each epoch."""

    is_stochastic = True
    first_stage = 1
    stage_growth = 1.0
    batch_size: BatchSize

    def given_batch(self, objective: Problem) -> int:
        """Return the rows in a batch where the learning rate is given."""
        n_rows = _BATCH_ROWS if self.batch_size == "auto" else int(self.batch_size)
        return objective.batch_size(n_rows)

    def searched(
        self,
        objective: Problem,
        w: NDArray,
        rng: np.random.Generator,
        new_direction: Callable[[], Direction],
    ) -> Iterator[ProblemPoint]:
        """Yield the points of epochs whose steps are as long as a search on each batch says.

        An epoch that does not descend is taken back and made again with larger batches, and at
        last replaced by a step of gradient descent.

        Parameters
        ----------
        objective : Problem
        w : ndarray of shape (objective.size,)
        rng : Generator
        new_direction : callable () -> callable gradient -> direction
            Made anew for each epoch, for it may remember gradients.

        References
        ----------
        R. Johnson and T. Zhang (2013), "Accelerating stochastic gradient descent using predictive
        variance reduction" (the correction); B. Polyak and A. Juditsky (1992), "Acceleration of
        stochastic approximation by averaging"; S. Vaswani et al. (2019), "Painless stochastic
        gradient" (a search on each batch).
        """
        point = objective.at(w)
        while True:
            n_rows = self._first_batch(objective)
            for _ in range(_ATTEMPTS):
                new = _epoch(objective, point, n_rows, rng, new_direction())
                if _descends(objective, point, new):
                    break
                n_rows = objective.batch_size(min(4 * n_rows, -(-len(objective.active) // 2)))
            else:
                new, _ = backtrack(objective, point, 1.0)
            point = new
            yield point

    def _first_batch(self, objective: Problem) -> int:
        n_active = len(objective.active)
        if self.batch_size != "auto":
            return objective.batch_size(int(self.batch_size))
        wanted = max(_ROWS_PER_FEATURE * objective.size // objective.n_outputs, _FEWEST_ROWS)
        return objective.batch_size(
            min(wanted, objective.rows_together, -(-n_active // _FEWEST_STEPS))
        )


def _epoch(
    objective: Problem,
    point: ProblemPoint,
    n_rows: int,
    rng: np.random.Generator,
    direction: Direction,
) -> ProblemPoint:
    """Return the point after an epoch of corrected batches, with a searched step for each."""
    w, total, averaged = point.w, np.zeros_like(point.w), 0
    of_all = point.gradient  # before the batches, which then all take the scores it leaves
    n_steps = -(-len(objective.active) // n_rows)
    for step, batch in enumerate(objective.batches(n_rows, rng), 1):
        gradient = batch.gradient(w, point) + of_all
        d = along = direction(gradient)
        slope = float(np.vdot(gradient, d))
        if not objective.is_smooth:
            # The gradient mapping, whose square the decrease is at least: Beck (2017), "First-order
            # methods in optimization", lemma 10.4.
            along = objective.prox(w + d, 1.0) - w
            slope = -float(np.vdot(along, along))
        t = w.dtype.type(_SHARE_OF_STEP * batch.step_length(along, slope))
        w = objective.prox(w + t * d, t) if t > 0.0 else w
        if 2 * step > n_steps:
            total += w
            averaged += 1
    # A mean of sparse coefficients would not be sparse.
    return objective.at(total / averaged if objective.is_smooth else w)


def _descends(objective: Problem, old: ProblemPoint, new: ProblemPoint) -> bool:
    """Return whether F is lower at `new` or, where rounding hides that, its gradient step."""
    change, rounding = new.value - old.value, 8.0 * np.finfo(old.w.dtype).eps * abs(old.value)
    if abs(change) > rounding or not np.isfinite(change):
        return bool(change < 0.0)
    return _step_length(objective, new) < _step_length(objective, old)


def _step_length(objective: Problem, point: ProblemPoint) -> float:
    """Return |w - prox(w - g)|, which is |g| without an L1 norm: it vanishes at the optimum."""
    step = point.w - objective.prox(point.w - point.gradient, 1.0)
    return float(np.sqrt(np.vdot(step, step)))
