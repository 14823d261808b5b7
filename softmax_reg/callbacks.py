"""What watches a run: held-out loss with early stopping, and lines of progress.

A callback is called with a `Progress` for every point, the starting point too; True means stop.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np

from softmax_reg.objective import Objective
from softmax_reg.points import Point
from softmax_reg.solvers.base import Progress

__all__ = ["EarlyStopping", "PrintProgress"]


class EarlyStopping:
    """Stops when the loss on held-out rows has not reached a new low for some iterations.

    L. Prechelt (1998), "Early stopping - but when?", criterion UP.

    Parameters
    ----------
    validation : Objective
        Over the held-out rows, without a penalty.
    n_iter_no_change : int

    Attributes
    ----------
    losses : list of float
        The held-out loss of each point, the starting point first.
    best : Point
        The point with the lowest of them.
    best_iter : int
    """

    def __init__(self, validation: Objective, n_iter_no_change: int) -> None:
        self.validation, self.n_iter_no_change = validation, n_iter_no_change
        self.losses: list[float] = []
        self.best_iter = 0
        self.best: Point | None = None

    def __call__(self, progress: Progress) -> bool:
        """Record the held-out loss; return whether to stop."""
        self.losses.append(self.validation.at(progress.point.w).value)
        if self.best is None or self.losses[-1] < self.losses[self.best_iter]:
            self.best, self.best_iter = progress.point, progress.n_iter
        return progress.n_iter - self.best_iter >= self.n_iter_no_change


class PrintProgress:
    """Prints iteration, loss and optimality: of all iterations, or the 1st, 2nd, 5th, 10th, ..."""

    def __init__(self, verbose: int) -> None:
        self.every, self.shown = verbose > 1, -1
        self.start = perf_counter()

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        n_iter = progress.n_iter
        leading = n_iter // 10 ** int(np.log10(max(n_iter, 1)))
        round_number = leading * 10 ** int(np.log10(max(n_iter, 1))) == n_iter
        if self.every or (round_number and leading in (0, 1, 2, 5)):
            self.show(n_iter, progress.point)

    def show(self, n_iter: int, point: Point) -> None:
        """Print the line of a point, once."""
        if n_iter == self.shown:
            return
        self.shown = n_iter
        print(
            f"iteration {n_iter:>5}  loss {point.value:.10f}  "
            f"optimality {point.optimality:.2e}  {perf_counter() - self.start:8.2f} s",
            flush=True,
        )
