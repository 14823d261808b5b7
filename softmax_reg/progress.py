"""Lines that tell how a run goes: iteration, loss, optimality, rows per second, time left.

On a terminal and in a notebook one line is written over and over; a log file gets new lines, ever
fewer of them.  The clock is the run's own, `Progress.seconds`.
"""

from __future__ import annotations

import shutil
import sys
from bisect import bisect_right
from math import log
from typing import Any, ClassVar, TextIO

from softmax_reg.solvers.base import Progress

__all__ = ["PrintProgress", "TimeLeft"]

# Seconds between two updates of a line that is rewritten, and at most between two of a log.
_SHORTEST, _LONGEST = 0.1, 10.0
# So few iterations say nothing of how fast the optimality falls.
_TOO_FEW = 5


class PrintProgress:
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

    order: ClassVar[int] = 0

    def __init__(self, verbose: int = 1, file: TextIO | None = None) -> None:
        self.verbose, self.file = verbose, file
        self._start()

    def _start(self) -> None:
        self._left = TimeLeft()
        self._last: Progress | None = None
        self._shown, self._shown_at, self._width = -1, 0.0, 0

    def __repr__(self) -> str:
        return f"PrintProgress({self.verbose})"

    def __deepcopy__(self, memo: Any) -> PrintProgress:
        return PrintProgress(self.verbose, self.file)  # a stream has no copies

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        self._left.see(progress)
        self._last = progress
        waited = progress.seconds - self._shown_at
        if self._is_live:
            due = self._shown < 0 or waited >= _SHORTEST
        else:
            due = self.verbose > 1 or _is_round(progress.n_iter) or waited >= _LONGEST
        if due:
            self._show(progress)

    def finish(self) -> None:
        """Print the last iteration, if it has not been, and end the line."""
        if self._last is not None:
            if self._is_live or self._last.n_iter != self._shown:
                self._show(self._last, is_last=True)
            if self._is_live:
                print(file=self._stream, flush=True)
        self._start()

    @property
    def _stream(self) -> TextIO:
        return sys.stdout if self.file is None else self.file

    @property
    def _is_live(self) -> bool:
        """Whether what is printed can be written over."""
        stream = self._stream
        in_notebook = type(stream).__module__.partition(".")[0] == "ipykernel"
        on_terminal = hasattr(stream, "isatty") and stream.isatty()
        return self.verbose == 1 and (in_notebook or on_terminal)

    def _show(self, progress: Progress, is_last: bool = False) -> None:
        left = "" if is_last else self._left.text(progress)
        if self._is_live:
            line = _line(progress, left, shutil.get_terminal_size().columns - 1)
            print("\r" + line.ljust(self._width), end="", file=self._stream, flush=True)
            self._width = len(line)
        else:
            print(_line(progress, left), file=self._stream, flush=True)
        self._shown, self._shown_at = progress.n_iter, progress.seconds


class TimeLeft:
    """How long a run may still take, judged by the second half of the time it took so far.

    Until `tol`: the lowest optimality goes on falling by the same factor each second.  Until
    `max_iter`: iterations go on taking as long.  The sooner of the two ends the run.
    """

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._lowest: list[float] = []  # the optimality up to then

    def see(self, progress: Progress) -> None:
        """Take note of a point."""
        lowest = min(progress.point.optimality, *self._lowest[-1:], float("inf"))
        self._seconds.append(progress.seconds)
        self._lowest.append(lowest)

    def until_max_iter(self, progress: Progress) -> float | None:
        """Return the seconds that the remaining iterations would take, None if unknown."""
        half = self._half()
        done = len(self._seconds) - 1 - half
        if done < 1:
            return None
        pace = (self._seconds[-1] - self._seconds[half]) / done
        return pace * (progress.max_iter - progress.n_iter)

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
            return f"~{_duration(goal)} left"
        return f"<{_duration(limit)} left"

    def _half(self) -> int:
        """Return the position of the last point seen before half of the time had gone."""
        return max(bisect_right(self._seconds, self._seconds[-1] / 2.0) - 1, 0)


def _line(progress: Progress, left: str, width: int | None = None) -> str:
    """Return what is to be said of a point, short enough for a line that is to be rewritten."""
    point, digits = progress.point, 8 if width is None else 4
    rate = point.objective.rows.n_read / max(progress.seconds, 1e-9)
    unseen = progress.validation_loss
    parts = {
        "iteration": f"iteration {progress.n_iter:>4}",
        "loss": f"loss {point.value:.{digits}f}",
        "held-out": "" if unseen is None else f"held-out {unseen:.{digits}f}",
        "optimality": f"optimality {point.optimality:.1e}",
        "rate": f"{_count(rate)} rows/s",
        "seconds": _duration(progress.seconds),
        "left": left,
    }
    line = "  ".join(filter(None, parts.values()))
    for least in ("seconds", "rate") if left else ("rate",):
        if width is not None and len(line) > width:
            del parts[least]
            line = "  ".join(filter(None, parts.values()))
    return line[:width]  # one that wraps could not be taken back


def _is_round(n_iter: int) -> bool:
    """Return whether n_iter is 0, 1, 2, 5, 10, 20, 50, ..."""
    return n_iter == 0 or str(n_iter).rstrip("0") in ("1", "2", "5")


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


def _duration(seconds: float) -> str:
    """Return seconds in two or three digits.

    >>> [_duration(t) for t in (0.234, 12.3, 200, 7500, 1e6)]
    ['0.23 s', '12 s', '3.3 min', '2.1 h', '278 h']
    """
    if seconds < 60.0:
        return f"{seconds:.2g} s"
    number, unit = (seconds / 60.0, "min") if seconds < 3600.0 else (seconds / 3600.0, "h")
    return f"{number:.1f} {unit}" if number < 10.0 else f"{number:.0f} {unit}"
