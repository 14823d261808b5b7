"""What callbacks of paths and of cross-validation are told, and the lines that `verbose` prints."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from time import perf_counter
from typing import Any, Self, TextIO

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.callbacks import Checkpoint, EarlyStopping, LossLogger, PrintProgress
from softmax_reg.callbacks.ordering import as_list
from softmax_reg.callbacks.path_progress import PathPoint, PathProgress
from softmax_reg.callbacks.progress_line import ProgressLine, RemainingTime, duration, in_one_line
from softmax_reg.solvers.events import ask, notify

__all__ = ["PathWatch", "PrintPath", "as_callbacks"]

_OF_ONE_FIT = (Checkpoint, EarlyStopping, LossLogger, PrintProgress)


class PrintPath(ProgressLine):
    """Prints each fit of a path as `PrintProgress` prints each iteration of a fit.

    Parameters
    ----------
    verbose : int, default=1
        From 2 on every so-many-th fit gets a line, and no other.
    file : text stream or None, default=None
        Where to print; None means `sys.stdout` as it is at that time.
    """

    def __init__(self, verbose: int = 1, file: TextIO | None = None) -> None:
        super().__init__(verbose if verbose > 1 else None, file)

    def _start(self) -> None:
        super()._start()
        self._pace = RemainingTime()
        self._pace.note(0, 0.0)
        self._pace.expect(None)

    def __call__(self, progress: PathProgress) -> None:
        """Print a line if it is time for one."""
        self._pace.note(progress.n_done, progress.seconds)
        self._pace.expect(self._pace.until(progress.n_fits))
        self.tell(progress.n_done, progress.seconds, partial(self._line, progress))

    def _line(self, progress: PathProgress, width: int | None, is_last: bool) -> str:
        step, n_fits = progress.step, str(progress.n_fits)
        fold = f"fold {progress.fold}/{progress.n_folds}" if progress.fold else "all rows"
        left = None if is_last else self._pace.known
        parts = {
            "done": f"fit {progress.n_done:>{len(n_fits)}}/{n_fits}",
            "fold": fold if progress.n_folds else "",
            "l1_ratio": f"l1_ratio {progress.l1_ratio:.2f}" if progress.n_folds else "",
            "C": f"C {step.C:<9.4g}",
            "score": "" if progress.score is None else f"score {progress.score:.6f}",
            "active": f"active features {np.count_nonzero(step.coef.any(axis=0)):>4}",
            "optimality": f"optimality {step.optimality:.1e}",
            "iterations": f"iterations {step.n_iter:>3}",
            "seconds": duration(progress.seconds),
            "left": f"~{duration(left)} left" if left else "",
        }
        return in_one_line(parts, ("optimality", "iterations", "seconds", "active"), width)


def as_callbacks(given: Any, verbose: int) -> list[Callable[[PathProgress], Any]]:
    """Return the callbacks of a path in the order of their calls.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
        The user's.
    verbose : int
        Adds lines of progress if positive.

    Raises
    ------
    TypeError
        If one cannot be called, or watches the iterations of a single fit.
    """
    callbacks = as_list(given, "a PathProgress")
    for callback in callbacks:
        if isinstance(callback, _OF_ONE_FIT):
            raise TypeError(
                f"callbacks holds {shown(callback)}, which watches the iterations of one fit: give "
                "it to SoftmaxRegression, or use `verbose` for lines of progress."
            )
    return [PrintPath(verbose), *callbacks] if verbose else callbacks


class PathWatch:
    """Tells callbacks of one fit after another; whatever ends the block, it calls their `finish`.

    Parameters
    ----------
    callbacks : sequence of callables PathProgress -> anything; True ends a path
    n_fits, n_Cs : int
    n_folds : int or None, default=None
    """

    def __init__(
        self, callbacks: Sequence[Any], n_fits: int, n_Cs: int, n_folds: int | None = None
    ) -> None:
        self._callbacks, self._began = callbacks, perf_counter()
        self.n_fits = n_fits
        self._known = {"n_fits": n_fits, "n_Cs": n_Cs, "n_folds": n_folds}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        notify(self._callbacks, "finish")

    def __call__(self, step: PathPoint, **where: Any) -> bool:
        """Tell of a fit; return whether a callback asks to end the path there."""
        if not self._callbacks:
            return False
        seconds = perf_counter() - self._began
        shown = replace(step, coef=_read_only(step.coef), intercept=_read_only(step.intercept))
        progress = PathProgress(shown, seconds=seconds, **(self._known | where))
        return bool(ask(self._callbacks, progress))


def _read_only(values: NDArray) -> NDArray:
    view = values.view()
    view.flags.writeable = False
    return view
