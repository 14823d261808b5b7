"""`Checkpoint`: the callback that writes where a fit stands, so that it can be resumed."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Callable
from time import monotonic
from typing import Any

from numpy.typing import NDArray

from softmax_reg._npz import storage
from softmax_reg._npz.files import check_folder
from softmax_reg.objective.point import Point
from softmax_reg.solvers.events import Progress

__all__ = ["Checkpoint"]

# Header and arrays of the model at a point, for the file of a checkpoint.
Describe = Callable[[Point, dict[str, NDArray]], tuple[dict[str, Any], dict[str, NDArray]]]


class Checkpoint:
    """Writes where a fit stands to a file, from which `SoftmaxRegression.resume` goes on.

    The file is replaced in one stroke: whenever the process is killed, the file is whole.  It holds
    no pickle and no data.  A write costs about one pass over the data more, for the fit itself goes
    on from what was written.  So a fit that was killed and resumed ends, for the same data, number
    of threads and versions of the libraries, bit for bit where this one would have ended; with a
    stochastic solver too.

    Of a stream, `partial_fit`, it writes the model after every so-many-th batch:
    `SoftmaxRegression.load` reads it, and `partial_fit` goes on from there.

    Parameters
    ----------
    path : path-like
        The file.  Each fit needs one of its own: fits in a grid search would overwrite each other.
    every : int, default=10
        So many iterations are between two writes; the first is before the first iteration.
    seconds : float or None, default=None
        If given, at least so many seconds are between two writes, in place of `every`.

    Raises
    ------
    ValueError
        If `every` or `seconds` is not positive.
    OSError
        In `fit`, before any work, if the folder is missing, or if the file cannot be written at the
        very start.

    Warns
    -----
    RuntimeWarning
        In `fit`, if the file cannot be written later on: the fit goes on, the last file remains.

    Notes
    -----
    A process that is killed while it writes leaves a hidden file ".softmax_reg-<letters>.tmp" in
    the folder; the next write to the same path removes it.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = f"{folder}/iris.npz"
    ...     model = SoftmaxRegression(callbacks=Checkpoint(path, every=2)).fit(X, y)
    ...     again = SoftmaxRegression.resume(path).fit(X, y)
    >>> bool((again.coef_ == model.coef_).all())
    True
    """

    def __init__(
        self, path: str | os.PathLike[str], every: int = 10, seconds: float | None = None
    ) -> None:
        if not every >= 1:
            raise ValueError(f"every must be at least 1, got {every}.")
        if not (seconds is None or seconds > 0.0):
            raise ValueError(f"seconds must be positive or None, got {seconds}.")
        self.path, self.every, self.seconds = path, every, seconds
        self.is_due = False
        self._describe: Describe | None = None
        self._written, self._n_iter = 0.0, 0

    def __repr__(self) -> str:
        when = f"every={self.every}" if self.seconds is None else f"seconds={self.seconds}"
        return f"Checkpoint({os.fspath(self.path)!r}, {when})"

    def check_path(self) -> None:
        """Raise OSError if the file cannot be written because its folder is missing."""
        check_folder(self.path, "Checkpoint")

    def bound(self, describe: Describe) -> Checkpoint:
        """Return a copy for one fit, which knows what to write of its model."""
        checkpoint = copy.copy(self)
        checkpoint._describe, checkpoint._written = describe, monotonic()
        return checkpoint

    def __call__(self, progress: Progress) -> None:
        """Note whether it is time to write."""
        self._n_iter = progress.n_iter
        if self.seconds is None:
            self.is_due = progress.n_iter % self.every == 0
        else:
            self.is_due = progress.n_iter == 0 or monotonic() - self._written >= self.seconds

    def keep(self, run: dict[str, NDArray], point: Point) -> None:
        """Write the file."""
        assert self._describe is not None
        header, arrays = self._describe(point, run)
        run = {f"run/{name}": array for name, array in run.items()}
        whole = {"kind": "checkpoint", **header}, {**arrays, **run}
        self._write(lambda path: storage.write(path, *whole), is_first=self._n_iter == 0)

    def keep_model(self, save: Callable[[Any], None]) -> None:
        """Have the model of a stream written to the file: `load` reads it."""
        self._write(save, is_first=False)

    def _write(self, write: Callable[[Any], None], is_first: bool) -> None:
        try:
            write(self.path)
        except OSError as error:
            if is_first:
                raise
            warnings.warn(
                f"The checkpoint at iteration {self._n_iter} could not be written: {error}. The "
                "fit goes on; the file holds the last iteration that could be.",
                RuntimeWarning,
                stacklevel=3,
            )
        self._written = monotonic()
