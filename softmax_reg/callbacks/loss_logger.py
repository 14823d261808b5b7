"""`LossLogger`: the losses of a run as a table, in memory and in a CSV file."""

from __future__ import annotations

import csv
import os
import warnings
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from softmax_reg._npz.files import check_folder
from softmax_reg.solvers.events import Progress

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LossLogger"]


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
