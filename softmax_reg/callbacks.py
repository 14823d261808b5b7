"""What watches a run: early stopping, a record of the losses, lines of progress.

A callback is called with a `Progress` for every point, the starting point too; True means stop,
whatever else it returns means nothing.  All are called, always, in this order: printers, loggers,
early stopping, then the user's own.
"""

from __future__ import annotations

import csv
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import Interval, validate_parameter_constraints
from softmax_reg._shown import shown
from softmax_reg.persistence.checkpoint import Checkpoint
from softmax_reg.persistence.files import check_folder
from softmax_reg.progress import PrintProgress
from softmax_reg.solvers.constraints import COUNT
from softmax_reg.solvers.watching import Callback, Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LossLogger",
    "PrintProgress",
    "Progress",
]

_ALLOWED = {"n_iter_no_change": COUNT, "min_delta": [Interval(Real, 0, None, closed="left")]}
_OTHERS = 3  # the place of callables that say nothing of their own


class EarlyStopping:
    """Stops when the loss on held-out rows has not reached a new low for some iterations.

    The fit then keeps the iterate with the lowest held-out loss.  Criterion UP of L. Prechelt
    (1998), "Early stopping - but when?".  The estimator's `early_stopping=True` makes one; given
    in `callbacks` it takes the place of that one.

    Parameters
    ----------
    n_iter_no_change : int, default=10
        So many iterations without a new low end the run.
    min_delta : float, default=0.0
        How far a loss has to be below the last new low to be one.

    Attributes
    ----------
    best_iter : int
        The iteration with the lowest held-out loss.
    best_loss : float
        That loss.
    best_w : ndarray or None
        The coefficients there, as the objective lays them out.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if no rows are held out.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import EarlyStopping
    >>> stopping = EarlyStopping(n_iter_no_change=3, min_delta=1e-3)
    >>> model = SoftmaxRegression(callbacks=stopping, random_state=0)
    >>> model = model.fit(*load_digits(return_X_y=True))
    >>> bool(model.best_iter_ == stopping.best_iter <= model.n_iter_[0])
    True
    """

    order: ClassVar[int] = 2

    @property
    def reason(self) -> str:
        """Why it asks to stop."""
        return (
            f"the held-out loss had no new low for {self.n_iter_no_change} iterations; the best, "
            f"{self.best_loss:.6g}, was at iteration {self.best_iter}"
        )

    def __init__(self, n_iter_no_change: int = 10, min_delta: float = 0.0) -> None:
        given = {"n_iter_no_change": n_iter_no_change, "min_delta": min_delta}
        validate_parameter_constraints(_ALLOWED, given, type(self).__name__)
        self.n_iter_no_change, self.min_delta = n_iter_no_change, min_delta
        self.reset()

    def __repr__(self) -> str:
        return f"EarlyStopping({self.n_iter_no_change}, min_delta={self.min_delta})"

    def reset(self) -> None:
        """Forget the last run."""
        self.best_iter, self.best_loss = 0, float("inf")
        self.best_w: NDArray | None = None
        self._low, self._low_iter = float("inf"), 0

    def __call__(self, progress: Progress) -> bool:
        """Look at the held-out loss; return whether to stop."""
        loss = progress.validation_loss
        if loss is None:
            raise ValueError(
                "EarlyStopping needs rows that are held out, and this run has none. Give `fit` "
                "X_val and y_val, or let the estimator hold rows out."
            )
        if progress.n_iter == 0:
            self.reset()
        if loss < self.best_loss:
            self.best_loss, self.best_iter = loss, progress.n_iter
            self.best_w = progress.point.w
        if loss < self._low - self.min_delta:
            self._low, self._low_iter = loss, progress.n_iter
        return progress.n_iter - self._low_iter >= self.n_iter_no_change

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        names = ("best_iter", "best_loss", "best_w", "_low", "_low_iter")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.best_iter, self.best_loss = int(state["best_iter"]), float(state["best_loss"])
        self._low_iter, self._low = int(state["_low_iter"]), float(state["_low"])
        self.best_w = state.get("best_w")


class LossLogger:
    """Records iteration, loss, optimality, seconds and, if rows are held out, their loss.

    Each fit starts a new record, and so does each stream of `partial_fit`, whose iterations are its
    batches and whose losses are those of each batch before it was learned.  The record is in the
    very object that was given to the estimator; clones, such as a grid search makes, have copies of
    it (`search.best_estimator_.callbacks`).

    Parameters
    ----------
    path : path-like or None, default=None
        A CSV file to which every row is written at once.  Each fit overwrites it; one that is
        resumed at iteration k with the rows up to k, which its checkpoint holds, if the logger is
        given to `resume` again.  Fits that run at
        the same time, as in a grid search, would overwrite one another: give no path there.
    accuracy : bool, default=False
        Whether to record the accuracy on the training rows too, and on those held out, which costs
        a pass over the rows for each iteration.  `LossCurveDisplay.from_logger` draws it.

    Attributes
    ----------
    rows : list of dict
        One for each iteration, the starting point first.

    Raises
    ------
    OSError
        In `fit`, before any work, if the folder of `path` is missing or its file cannot be opened.

    Warns
    -----
    RuntimeWarning
        In `fit`, once, if a row cannot be written, for the disk is full: the fit goes on, and the
        row is written later if there is room.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import LossLogger
    >>> logger = LossLogger()
    >>> model = SoftmaxRegression(callbacks=logger).fit(*load_iris(return_X_y=True))
    >>> logger.to_frame().columns.to_list()
    ['iteration', 'loss', 'optimality', 'seconds']
    >>> bool((logger.to_frame()["loss"] == model.loss_curve_).all())
    True
    """

    order: ClassVar[int] = 1
    columns: ClassVar[tuple[str, ...]] = ("iteration", "loss", "optimality", "seconds")

    def __init__(self, path: str | PathLike[str] | None = None, *, accuracy: bool = False) -> None:
        self.path, self.accuracy = path, accuracy
        self.rows: list[dict[str, float]] = []
        self._is_under_way, self._has_warned = False, False
        self._waiting: list[list[Any]] = []  # what is still to be written to the file

    def __repr__(self) -> str:
        path = "" if self.path is None else repr(str(self.path))
        return f"LossLogger({', '.join(filter(None, (path, 'accuracy=True' * self.accuracy)))})"

    def __call__(self, progress: Progress) -> None:
        """Add a row."""
        has_restarted = self.rows and progress.n_iter <= self.rows[-1]["iteration"]
        if not self._is_under_way or has_restarted:
            self._begin(progress)
            self._is_under_way = True
        values = (progress.n_iter, progress.loss, progress.optimality, progress.seconds)
        row = dict(zip(self.columns, values, strict=True))
        row |= {name: getattr(progress, name) for name in self._more(progress)}
        self.rows.append(row)
        self._write(row.values())

    def finish(self) -> None:
        """Let the next run begin a new record."""
        self._is_under_way = False

    def check_path(self) -> None:
        """Raise OSError if the file cannot be written because its folder is missing."""
        if self.path is not None:
            check_folder(self.path, "LossLogger")

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        columns = self.rows[0] if self.rows else ()
        return {column: [row[column] for row in self.rows] for column in columns}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        columns = {name: np.asarray(values) for name, values in state.items()}
        for name, values in columns.items():
            if values.ndim != 1 or values.dtype.kind not in "iuf":
                raise ValueError(
                    f"The column {name} of a log must hold numbers, got {values.dtype}."
                )
        listed_columns = [values.tolist() for values in columns.values()]
        self.rows = [
            dict(zip(columns, values, strict=True)) for values in zip(*listed_columns, strict=True)
        ]

    def to_frame(self) -> pd.DataFrame:
        """Return the record.

        Returns
        -------
        frame : DataFrame
            Columns `iteration` (int64), `loss`, `optimality`, `seconds` and, if rows were held
            out, `validation_loss`, and the accuracies asked for (float64); one row for each
            iteration.
        """
        import pandas as pd

        return pd.DataFrame(self.rows, columns=None if self.rows else list(self.columns))

    def _more(self, progress: Progress) -> list[str]:
        """Return what is recorded besides `columns`."""
        held_out = progress.validation is not None
        accuracies = ["accuracy", "validation_accuracy"] if self.accuracy else []
        return ["validation_loss"] * held_out + accuracies[: 1 + held_out]

    def _begin(self, progress: Progress) -> None:
        """Keep the rows before this iteration, which are none unless the run is resumed."""
        first = 1 if progress.unit == "batch" else 0
        n = progress.n_iter
        self.rows = [row for row in self.rows if row["iteration"] < n] if n > first else []
        if self.path is not None:
            Path(self.path).write_bytes(b"")
            self._waiting = [[*self.columns, *self._more(progress)]]
            self._has_warned = False
            self._write(*(row.values() for row in self.rows))

    def _write(self, *rows: Any) -> None:
        """Add rows to the file, those before them too that it had no room for."""
        if self.path is None:
            return
        self._waiting += map(list, rows)
        size = None
        try:
            size = os.stat(self.path).st_size
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(self._waiting)
        except OSError as error:
            if size is not None:
                with suppress(OSError):
                    os.truncate(self.path, size)  # a part of a row, for which there was room
            self._warn(error)
        else:
            self._waiting = []

    def _warn(self, error: OSError) -> None:
        if self._has_warned:
            return
        self._has_warned = True
        warnings.warn(
            f"{os.fspath(self.path or '')!r} could not be written: {error}. The fit goes on; the "
            "rows are in `rows` and in `to_frame()`, and are written as soon as there is room.",
            RuntimeWarning,
            stacklevel=4,
        )


def listed(given: Any, told: str) -> list[Callable[..., Any]]:
    """Return the callbacks that a user gave as a list.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
    told : str
        What they are called with, for the error.

    Raises
    ------
    TypeError
        If one cannot be called.
    """
    callbacks = list(given) if isinstance(given, list | tuple) else [given]
    callbacks = [] if given is None else callbacks
    for callback in callbacks:
        if not callable(callback) or isinstance(callback, type):
            remedy = (
                "scikit-learn's callbacks are set by set_callbacks(...)"
                if hasattr(callback, "on_fit_task_end")
                else f"give an instance or a function that takes {told}"
            )
            raise TypeError(f"callbacks holds {shown(callback)}, which cannot be called: {remedy}.")
    return callbacks


def in_order(
    given: Any, verbose: int, n_iter_no_change: int | None
) -> tuple[list[Callable[..., Any]], EarlyStopping | None]:
    """Return the callbacks of a fit in the order of their calls, and that which stops it early.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
        The user's.
    verbose : int
        Adds lines of progress if positive.
    n_iter_no_change : int or None
        Adds early stopping, unless it is among those given; None adds none.

    Raises
    ------
    TypeError
        If one cannot be called.
    ValueError
        If two of them stop early.
    """
    callbacks = listed(given, "a Progress")
    stopping = [callback for callback in callbacks if isinstance(callback, EarlyStopping)]
    if len(stopping) > 1:
        raise ValueError(f"callbacks holds {len(stopping)} EarlyStopping; only one can decide.")
    for stale in stopping:
        stale.reset()  # lest a run that ends before its first point keeps the best of another
    if not stopping and n_iter_no_change is not None:
        stopping = [EarlyStopping(n_iter_no_change)]
        callbacks += stopping
    if verbose:
        callbacks = [PrintProgress(verbose), *callbacks]
    callbacks.sort(key=lambda callback: getattr(callback, "order", _OTHERS))
    return callbacks, stopping[0] if stopping else None
