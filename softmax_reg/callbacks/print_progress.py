"""Lines that tell how a run goes: iteration, loss, optimality, rows per second, time left.

The clock is the run's own, `Progress.seconds`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TextIO

from softmax_reg.callbacks.progress_line import ProgressLine, RemainingTime, duration, in_one_line
from softmax_reg.solvers.events import Progress

__all__ = ["PrintProgress"]

Text = Callable[[Progress, int], str]  # of a point, with so many digits of its losses


class PrintProgress(ProgressLine):
    r"""Prints how the run goes; `verbose` of the estimator makes one.

    Lines for iterations 0, 1, 2, 5, 10, 20, ... stay, and one for the last, with why it was the
    last.  Where a line can be written over (a terminal, a notebook) one below them is kept up to
    date, ten times a second at most; a log file gets a line at least every ten seconds.

    Parameters
    ----------
    verbose : int, default=1
        From 2 on every so-many-th iteration gets a line, and no other: 10 is every tenth.
    file : text stream or None, default=None
        Where to print; None means `sys.stdout` as it is at that time.
    every : int or None, default=None
        The same as `verbose`, but for 1, which is every iteration.
    columns : sequence of str or None, default=None
        What a line says, in this order: some of "iteration", "loss", "accuracy",
        "validation_loss", "validation_accuracy", "optimality", "rate" (rows per second),
        "seconds" and "left" (how long the run will still take, where all `max_iter` iterations are
        wanted and their pace is known).  None means all but the accuracies, which cost a pass over
        the rows for each line.

    Raises
    ------
    ValueError
        If `every` is below 1, or there is no such column.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import PrintProgress
    >>> printer = PrintProgress(every=10, columns=("iteration", "loss", "accuracy"))
    >>> model = SoftmaxRegression(solver="gd", learning_rate=0.1, max_iter=20, callbacks=printer)
    >>> _ = model.fit(*load_iris(return_X_y=True))
    iteration    0  loss 1.09861229  accuracy 0.3333
    iteration   10  loss 0.85895056  accuracy 0.6667
    iteration   20  loss 0.73253011  accuracy 0.6667
    all 20 iterations done
    """

    def __init__(
        self,
        verbose: int = 1,
        file: TextIO | None = None,
        *,
        every: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> None:
        if every is not None and every < 1:
            raise ValueError(f"every must be at least 1, got {every}.")
        columns = _COLUMNS if columns is None else tuple(columns)
        if unknown := [name for name in columns if name not in _TEXTS]:
            raise ValueError(f"columns holds {unknown[0]!r}, which is none of {list(_TEXTS)}.")
        self.verbose, self.columns = verbose, columns
        super().__init__(verbose if every is None and verbose > 1 else every, file)

    def __repr__(self) -> str:
        every = "" if self.every is None else f"every={self.every}"
        columns = "" if self.columns == _COLUMNS else f"columns={self.columns}"
        return f"PrintProgress({', '.join(filter(None, (every, columns)))})"

    def __deepcopy__(self, memo: Any) -> PrintProgress:
        # A stream has no copies.
        return PrintProgress(self.verbose, self.file, every=self.every, columns=self.columns)

    def _start(self) -> None:
        super()._start()
        self._pace = RemainingTime()

    def __call__(self, progress: Progress) -> None:
        """Print a line if it is time for one."""
        self._pace.note(progress.n_iter, progress.seconds)
        # Where `tol` ends the run nothing tells when: the optimality falls in fits and starts.
        limit = progress.max_iter if progress.does_all else None
        self._pace.expect(None if limit is None else self._pace.until(limit))
        self.tell(progress.n_iter, progress.seconds, partial(self._line, progress))

    def _line(self, progress: Progress, width: int | None, is_last: bool) -> str:
        """Return what is to be said of a point."""
        digits, left = 8 if width is None else 4, None if is_last else self._pace.known
        parts = {
            name: f"~{duration(left)} left" if name == "left" and left else
            _TEXTS[name](progress, digits)
            for name in self.columns
        }  # fmt: skip
        return in_one_line(parts, ("seconds", "rate") if left else ("rate",), width)


def _rate(progress: Progress, digits: int) -> str:
    n_read = progress.n_read
    return "" if n_read is None else f"{_count(n_read / max(progress.seconds, 1e-9))} rows/s"


def _number(label: str, name: str, digits: int | None = None, form: str = "f") -> Text:
    """Return the text of an attribute of `Progress`, empty where it is None."""

    def text(progress: Progress, wide: int) -> str:
        value = getattr(progress, name)
        return (
            "" if value is None else f"{label} {value:.{wide if digits is None else digits}{form}}"
        )

    return text


_TEXTS: dict[str, Text] = {
    "iteration": lambda progress, digits: f"{progress.unit} {progress.n_iter:>4}",
    "loss": _number("loss", "loss"),
    "accuracy": _number("accuracy", "accuracy", 4),
    "validation_loss": _number("held-out", "validation_loss"),
    "validation_accuracy": _number("held-out accuracy", "validation_accuracy", 4),
    "optimality": _number("optimality", "optimality", 1, "e"),
    "rate": _rate,
    "seconds": lambda progress, digits: duration(progress.seconds),
    "left": lambda progress, digits: "",
}
_COLUMNS = tuple(name for name in _TEXTS if not name.endswith("accuracy"))


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
