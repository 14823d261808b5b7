"""Batches of rows for data larger than memory: what `SoftmaxRegression.fit` takes in place of X, y.

A source is iterated once for each pass, some twenty to a hundred times in a fit, and gives the
same rows in the same order each time.  Reading is most of the work then: `NpySource` reads ten
times as fast as a CSV file is parsed, and `NpySource.write` makes one of any other source.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
import scipy.sparse as sp

from softmax_reg.dataset.streams import iterate

__all__ = ["BATCH_BYTES", "Batch", "BatchSource", "FunctionSource", "NpySource"]

Batch: TypeAlias = "tuple[Any, Any] | tuple[Any, Any, Any]"
Path_: TypeAlias = "str | PathLike[str]"

# A batch, and another that is read ahead of it, are in memory at a time.
BATCH_BYTES = 4 << 20

# In a folder while it is written to.
_UNFINISHED = "UNFINISHED"


class BatchSource(ABC):
    """Rows in batches; a subclass says what iterating over it gives.

    Each batch is a tuple (X, y) or (X, y, sample_weight): X an array-like, DataFrame or CSR array
    of shape (rows, n_features), float32 or float64 or what becomes float64, and y array-like of
    shape (rows,).  Batches may differ in size, and lack classes; how many there are need not be
    known.  Each iteration has to give the same rows in the same order; if one does not, the fit
    ends in a ValueError that names the row.  A thread reads ahead: each step of an iteration is
    made in one, not always the same.

    Attributes
    ----------
    makes_new_arrays : bool, default=False
        Whether a batch is never written to again; else it is copied before the next one is read.

    Methods
    -------
    __iter__()
        Return an iterator over the batches, from the first one.
    place_of(row)
        Return where a row comes from, for error messages.

    Notes
    -----
    `SoftmaxRegression` and `SoftmaxRegressionCV` take a source wherever they take X.  The grid
    search of scikit-learn takes rows out of arrays, and takes no source.  To predict, a batch may
    be (X, None).
    With `early_stopping` the held-out rows are read together with the others: a pass for each
    iteration more.  Stochastic solvers shuffle rows within windows of 8 MiB: a file should not be
    sorted by class for them.  Memory: some 50 bytes for each row, which keep its class, its weight
    and a hash of it, about six batches, some 20 MiB for windows and samples, and the solver's
    matrices.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import BatchSource, SoftmaxRegression
    >>> class IrisInThree(BatchSource):
    ...     def __iter__(self):
    ...         X, y = load_iris(return_X_y=True)
    ...         for start in (0, 50, 100):
    ...             yield X[start : start + 50], y[start : start + 50]
    >>> model = SoftmaxRegression().fit(IrisInThree())
    >>> round(model.score(*load_iris(return_X_y=True)), 2)
    0.97
    """

    makes_new_arrays: ClassVar[bool] = False
    # What else to do about missing numbers.
    remedy_of_missing: ClassVar[str] = ""
    encoding: Any = None  # what has made numbers of columns of text, if anything

    @abstractmethod
    def __iter__(self) -> Iterator[Batch]: ...

    def place_of(self, row: int) -> str:
        """Return where a row comes from, for error messages: a line of a file, for instance.

        Parameters
        ----------
        row : int
            Its number in the source, counted from 0.  The iteration has come to it.

        Returns
        -------
        place : str
            "" where the number says it all.
        """
        return ""

    def for_fit(self) -> BatchSource:
        """Return what a fit reads: a source that knows how to make numbers of its columns."""
        return self

    def for_model(self, encoding: Any, names: Any) -> BatchSource:
        """Return what a fitted model reads, with the columns that it knows.

        Parameters
        ----------
        encoding : TableEncoding or None
            What the model was fitted with.
        names : ndarray of shape (n_features,) or None
            Those of its features.
        """
        return self


class FunctionSource(BatchSource):
    """The batches of a function that returns an iterator, a generator function for instance.

    Parameters
    ----------
    function : callable () -> iterator of (X, y) or (X, y, sample_weight)
        Called once for each pass; has to return a new iterator each time.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_reg import FunctionSource, SoftmaxRegression
    >>> def batches():
    ...     rng = np.random.default_rng(0)  # the same rows for each pass
    ...     for _ in range(10):
    ...         X = rng.normal(size=(100, 3))
    ...         yield X, np.where(X[:, 0] + rng.normal(size=100) > 0, "up", "down")
    >>> SoftmaxRegression().fit(FunctionSource(batches)).classes_
    array(['down', 'up'], dtype='<U4')
    """

    def __init__(self, function: Callable[[], Iterable[Batch]]) -> None:
        if not callable(function):
            raise TypeError(
                f"FunctionSource takes a function that returns an iterator, got a "
                f"{type(function).__name__}. A generator can be read only once: give the function "
                "that makes it."
            )
        self.function = function

    def __iter__(self) -> Iterator[Batch]:
        return iter(self.function())


class NpySource(BatchSource):
    """A folder of pairs X_NAME.npy and y_NAME.npy, with weights in w_NAME.npy if there are any.

    The files are mapped, not loaded, in the order of their names; a file may be of any size.

    Parameters
    ----------
    folder : str or path

    Raises
    ------
    FileNotFoundError
        If the folder holds no X_*.npy, or one of them has no y_*.npy.
    ValueError
        If `write` was interrupted there, or is not done.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import FunctionSource, NpySource, SoftmaxRegression
    >>> with TemporaryDirectory() as folder:
    ...     wine = FunctionSource(lambda: [load_wine(return_X_y=True)])
    ...     model = SoftmaxRegression().fit(NpySource.write(folder, wine))
    >>> model.coef_.shape
    (3, 13)
    """

    makes_new_arrays = True

    def __init__(self, folder: Path_) -> None:
        self.folder = Path(folder)
        if (self.folder / _UNFINISHED).exists():
            raise ValueError(
                f"The folder {self.folder} lacks batches: NpySource.write was interrupted or is "
                "at work. If it was interrupted, delete the folder and write it again."
            )
        self.names = sorted(path.name[2:] for path in self.folder.glob("X_*.npy"))
        if not self.names:
            raise FileNotFoundError(f"NpySource found no X_*.npy in the folder {self.folder}.")
        for name in self.names:
            if not (self.folder / f"y_{name}").is_file():
                raise FileNotFoundError(f"NpySource found X_{name}, but no y_{name} beside it.")

    def __iter__(self) -> Iterator[Batch]:
        for name in self.names:
            arrays = [np.load(self.folder / f"{kind}_{name}", mmap_mode="r") for kind in "Xy"]
            if (weights := self.folder / f"w_{name}").is_file():
                arrays.append(np.load(weights, mmap_mode="r"))
            if len({len(array) for array in arrays}) > 1:
                raise ValueError(
                    f"X_{name}, y_{name} and w_{name} have different numbers of rows: "
                    f"{[len(array) for array in arrays]}."
                )
            X = arrays[0]
            together = max(BATCH_BYTES * len(X) // max(X.nbytes, 1), 1)
            for start in range(0, len(X), together):
                yield tuple(array[start : start + together] for array in arrays)

    @classmethod
    def write(cls, folder: Path_, source: Iterable[Batch]) -> Self:
        """Write the batches of another source into a folder, in one pass, and return its source.

        Parameters
        ----------
        folder : str or path
            Made if it is not there.  What a write that is interrupted leaves in it, is not read.
        source : BatchSource
            With dense batches.

        Returns
        -------
        source : NpySource

        Raises
        ------
        ValueError
            If the folder holds X_*.npy already, or a batch is sparse or has labels that .npy files
            cannot hold.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if next(folder.glob("X_*.npy"), None) is not None:
            raise ValueError(f"The folder {folder} holds X_*.npy already. Give an empty one.")
        unfinished = folder / _UNFINISHED
        unfinished.touch()
        for number, (X, y, weights) in enumerate(iterate(source)):
            if sp.issparse(X):
                raise ValueError(f"Batch {number + 1} is sparse; NpySource holds dense rows.")
            labels = np.asarray(y)
            if labels.dtype == object:
                if not all(isinstance(label, str) for label in labels):
                    raise ValueError(
                        f"Batch {number + 1} has labels that are missing, or that are neither all "
                        "numbers nor all text. Leave those rows out, or give all labels one type."
                    )
                labels = labels.astype(str)
            arrays = {"X": np.asarray(X), "y": labels}
            if weights is not None:
                arrays["w"] = np.asarray(weights)
            for kind, array in arrays.items():
                np.save(folder / f"{kind}_{number:08d}.npy", array, allow_pickle=False)
        unfinished.unlink()
        return cls(folder)
