"""Lines that tell how a run goes: iteration, loss, optimality, rows per second, time left.

The clock is the run's own, `Progress.seconds`.
"""

from __future__ import annotations

from functools import partial
from math import log

from softmax_reg.lines import Lines, Pace, duration, in_one_line
from softmax_reg.solvers.watching import Progress

__all__ = ["PrintProgress", "TimeLeft"]

# So few iterations say nothing of how fast the optimality falls.
_TOO_FEW = 5


class PrintProgress(Lines):
    r"""Prints how the run goes; `verbose` of the estimator makes one.

    Where a line can be rewritten (a terminal, a notebook) it is, ten times a second at most;
    elsewhere a line is added at iterations 1, 2, 5, 10, 20, ... and at least every ten seconds.
    The last iteration is always shown.  "~3 s left" goes by how fast the optimality falls, "<3 s
    left" by how fast `max_iter` comes near.

    Parameters
    ----------
    verbose : int, default=1
        From 2 on every iteration gets a line of its own.
    file : text stream or None, default=None
        Where to print; None means `sys.stdout` as it is at that time.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import PrintProgress
    >>> model = SoftmaxRegression(callbacks=PrintProgress(verbose=2), max_iter=2, tol=0.2)
    >>> _ = model.fit(*load_iris(return_X_y=True))
    iteration    0  loss 1.09861229  optimality 4.3e-01  ... rows/s  ... s  time left ?
    iteration    1  loss 0.58166718  optimality 1.7e-01  ... rows/s  ... s
    """

    def _start(self) -> None:
        super()._start()
        self._left = TimeLeft()

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        self._left.see(progress)
        self.tell(progress.n_iter, progress.seconds, partial(self._line, progress))

    def _line(self, progress: Progress, width: int | None, is_last: bool) -> str:
        """Return what is to be said of a point."""
        point, digits = progress.point, 8 if width is None else 4
        rate = point.objective.rows.n_read / max(progress.seconds, 1e-9)
        unseen = progress.validation_loss
        left = "" if is_last else self._left.text(progress)
        parts = {
            "iteration": f"iteration {progress.n_iter:>4}",
            "loss": f"loss {point.value:.{digits}f}",
            "held-out": "" if unseen is None else f"held-out {unseen:.{digits}f}",
            "optimality": f"optimality {point.optimality:.1e}",
            "rate": f"{_count(rate)} rows/s",
            "seconds": duration(progress.seconds),
            "left": left,
        }
        return in_one_line(parts, ("seconds", "rate") if left else ("rate",), width)


class TimeLeft(Pace):
    """How long a run may still take, judged by the second half of the time it took so far.

    Until `tol`: the lowest optimality goes on falling by the same factor each second.  Until
    `max_iter`: iterations go on taking as long.  The sooner of the two ends the run.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lowest: list[float] = []  # the optimality up to then

    def see(self, progress: Progress) -> None:
        """Take note of a point."""
        self.note(progress.n_iter, progress.seconds)
        self._lowest.append(min(progress.point.optimality, *self._lowest[-1:], float("inf")))

    def until_max_iter(self, progress: Progress) -> float | None:
        """Return the seconds that the remaining iterations would take, None if unknown."""
        return self.until(progress.max_iter)

    def until_tol(self, progress: Progress) -> float | None:
        """Return the seconds until the optimality is `tol`, None if it does not seem to fall."""
        half = self._half()
        now, before = self._lowest[-1], self._lowest[half]
        if now <= progress.tol:
            return 0.0
        if len(self._seconds) <= _TOO_FEW or not progress.tol > 0.0 or not 0.0 < now < before:
            return None
        fall = (log(before) - log(now)) / max(self._seconds[-1] - self._seconds[half], 1e-9)
        return (log(now) - log(progress.tol)) / fall

    def text(self, progress: Progress) -> str:
        """Return "~3 s left" or, where only `max_iter` is in sight, "<3 s left"."""
        limit, goal = self.until_max_iter(progress), self.until_tol(progress)
        if goal == 0.0 or limit == 0.0:
            return ""
        if limit is None:
            return "time left ?"
        if goal is not None and goal < limit:
            return f"~{duration(goal)} left"
        return f"<{duration(limit)} left"


def _count(number: float) -> str:
    """Return a large number in two or three digits.

    >>> [_count(n) for n in (12.3, 4567, 123456, 7.89e6)]
    ['12', '4.6k', '123k', '7.9M']
    """
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return (
                f"{number / size:.2g}{unit}" if number < 10 * size else f"{number / size:.0f}{unit}"
            )
    return f"{number:.0f}"
