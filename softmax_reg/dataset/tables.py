"""Tables in files, cut into features, labels and weights; a subclass reads one kind of file."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from copy import copy
from functools import partial
from numbers import Integral, Number
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.sources import BATCH_BYTES, Batch, BatchSource
from softmax_reg.dataset.table_encoding import TableEncoding
from softmax_reg.dataset.table_statistics import (
    TableStatistics,
    checked_categories,
    checked_missing,
)

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableSource", "is_empty", "reads_as_number"]


# About what a field of text takes in memory.
_TEXT_BYTES = 64


class TableSource(BatchSource):
    """Rows of files that have the same columns, read one file after the other.

    `columns` are the features, some of them text; `encoding`, once it is known, makes numbers of
    them.
    """

    makes_new_arrays = True
    remedy_of_missing = " To fill missing numbers give the source missing='mean', or a number."

    def __init__(
        self,
        paths: Any,
        target: str | None,
        columns: Sequence[str] | None,
        sample_weight: str | None,
        chunksize: int | None,
        dtype: Any,
        categories: Any,
        missing: Any,
    ) -> None:
        kind = type(self).__name__
        is_one = isinstance(paths, str | PathLike)
        self.paths = self._files([Path(path) for path in ([paths] if is_one else paths)])
        self.target, self.sample_weight, self.dtype = target, sample_weight, np.dtype(dtype)
        if self.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"dtype must be float32 or float64, got {self.dtype}: features are "
                "floating-point numbers, and other types would cut their values."
            )
        if chunksize is not None and not (isinstance(chunksize, Integral) and chunksize >= 1):
            raise ValueError(
                f"chunksize must be an integer of at least 1, or None, got {shown(chunksize)}."
            )
        if not self.paths:
            raise ValueError(f"{kind} got no files.")
        self.categories, self.missing = checked_categories(categories), checked_missing(missing)
        self._chunksize, self._is_chosen = chunksize, columns is not None
        others = self._others()
        if columns is None:
            columns = [name for name in self._features_of(self.paths[0]) if name not in others]
        if overlap := [name for name in columns if name in others]:
            raise ValueError(f"{kind} got {overlap} both as features and as target or weight.")
        if not columns:
            raise ValueError(f"{kind} found no features beside {others} in {self.paths[0]}.")
        self._starts: dict[int, int] = {}  # the first row of each file, as far as it is known
        self._set_columns(list(columns))
        if lost := [name for name in self.texts if name not in self.columns]:
            raise ValueError(
                f"{kind} got categories of {', '.join(map(repr, lost))}, which is no feature; the "
                f"features are {shown(self.columns)}."
            )

    def _others(self) -> list[str]:
        """Return the columns that are not features."""
        return [name for name in (self.target, self.sample_weight) if name is not None]

    def _set_columns(self, columns: list[Any]) -> None:
        """Read these columns as features; raise ValueError if a file lacks one."""
        self.columns, self.used = columns, [*columns, *self._others()]
        for path in self.paths:
            present = self._columns_of(path)
            if missing := [name for name in self.used if name not in present]:
                predicts = " For a file to predict give target=None." * (missing == [self.target])
                raise ValueError(
                    f"{type(self).__name__} found no column {', '.join(map(repr, missing))} in "
                    f"{path}; its columns are {present}.{self._remedy('column', present)}{predicts}"
                )
        n_numbers = self._n_read(self.paths[0])
        if self.encoding is not None and not self.encoding.is_sparse:
            n_numbers += self.encoding.n_features
        row_bytes = self.dtype.itemsize * n_numbers + _TEXT_BYTES * len(self.texts)
        self.chunksize = int(self._chunksize or max(BATCH_BYTES // row_bytes, 1))

    @property
    def texts(self) -> list[Any]:
        """The columns that are read as text, to be encoded."""
        if self.encoding is not None:
            return list(self.encoding.categories)
        return [] if isinstance(self.categories, str) else list(self.categories)

    def for_fit(self) -> Self:
        """Return the source with the encoding that its rows call for, learned in a pass."""
        if self.encoding is not None or (not self.categories and self.missing is None):
            return self
        kind, known = type(self).__name__, self.categories
        if not all(isinstance(name, str) for name in self.columns):
            raise ValueError(
                f"{kind} encodes columns that have text as names, but got "
                f"{shown([name for name in self.columns if not isinstance(name, str)])}."
            )
        source = copy(self)
        if isinstance(known, str):
            source.categories = known = dict.fromkeys(self._text_columns())
        numbers = [name for name in self.columns if name not in known]
        statistics = TableStatistics(numbers, known, self.missing)
        if statistics.needs_rows:
            for path, first, frame in source._chunks():
                place_of = partial(source._place_of_row, path, first)
                statistics.add(source._features(frame, path, first), place_of)
        return self._encoded_by(statistics.encoding(self.dtype))

    def for_model(self, encoding: TableEncoding | None, names: Any) -> Self:
        """Return the source with the columns and the encoding of a fitted model.

        Columns that are chosen by the user stay as they are chosen.
        """
        if encoding is not None:
            return self._encoded_by(encoding)
        if self.categories or self.missing is not None:
            raise ValueError(
                f"{type(self).__name__} has categories or missing, but the model was fitted on "
                "numbers as they are, without an encoding. Leave both out, or fit the model with "
                "them."
            )
        if names is None or self._is_chosen:
            return self
        source = copy(self)
        source._set_columns(list(names))
        return source

    def _encoded_by(self, encoding: TableEncoding) -> Self:
        source = copy(self)
        source.encoding = encoding
        source._set_columns(encoding.columns)
        return source

    def _text_columns(self) -> list[str]:
        """Return the features that hold text in the first rows."""
        import pandas as pd

        for path in self.paths:
            for frame in self._frames(path):
                if len(frame):
                    return [
                        name
                        for name in self.columns
                        if isinstance(frame[name].dtype, pd.CategoricalDtype)
                        or (
                            frame[name].dtype.kind in "OU"
                            and not frame[name].dropna().map(self._is_numeric).all()
                        )
                    ]
        return []

    def _is_numeric(self, value: Any) -> bool:
        return isinstance(value, Number) or self._is_number(value)

    def _files(self, paths: list[Path]) -> list[Path]:
        """Return the files that the user's paths mean."""
        for path in paths:
            if path.is_dir():
                raise ValueError(f"{path} is a folder. Give {type(self).__name__} its files.")
            if not path.is_file():
                raise FileNotFoundError(f"{type(self).__name__} found no file {path}.")
        return paths

    @abstractmethod
    def _columns_of(self, path: Path) -> list[Any]:
        """Return the names of the columns of a file."""

    def _features_of(self, path: Path) -> list[Any]:
        """Return the columns that are features, target or weights if the user names none."""
        return self._columns_of(path)

    def _n_read(self, path: Path) -> int:
        """Return how many columns of a file are in memory at a time."""
        return len(self.columns)

    @abstractmethod
    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        """Yield the rows of a file, `chunksize` at a time, with at least the used columns."""

    def _place_in(self, path: Path, row: int) -> str:
        """Return the place of a row of a file in words."""
        return f"row {row} of {path}, counted from 0"

    def _remedy(self, kind: str, value: Any = None) -> str:
        """Return what else to do about a "column", "label", "label kind" or "feature"."""
        return ""

    def place_of(self, row: int) -> str:
        """Return the file, and the line or the row in it, that a row comes from."""
        started = [number for number, start in self._starts.items() if start <= row]
        if not started:
            return ""
        number = max(started)
        return self._place_in(self.paths[number], row - self._starts[number])

    def __iter__(self) -> Iterator[Batch]:
        source, kind, n_rows = self.for_fit(), "", 0
        for path, first, frame in source._chunks():
            batch = source._cut(frame, path, first)
            if batch[1] is not None:
                kind = source._kind_of(batch[1], kind, path, first)
            n_rows += len(frame)
            yield batch
        if not n_rows:
            raise ValueError(f"{type(self).__name__} found no rows in {_named(self.paths)}.")

    def _chunks(self) -> Iterator[tuple[Path, int, pd.DataFrame]]:
        """Yield some rows of a file at a time, with the number in it of the first of them."""
        n_rows = 0
        for number, path in enumerate(self.paths):
            first = self._starts[number] = n_rows
            for frame in self._frames(path):
                if not len(frame):
                    continue  # a file with a header alone
                yield path, n_rows - first, frame
                n_rows += len(frame)

    def _cut(self, frame: pd.DataFrame, path: Path, first: int) -> Batch:
        labels = None
        if self.target is not None:
            self._refuse_missing(frame[self.target], path, first)
            labels = frame[self.target].to_numpy()
        features = self._features(frame, path, first)
        if self.encoding is not None:
            features = self.encoding.transform(features)
        if self.sample_weight is None:
            return features, labels
        weights = frame[self.sample_weight]
        if not _is_numeric(weights.dtype):
            weights = self._numbers(weights, path, first)
        return features, labels, weights.to_numpy(dtype=np.float64)

    def _features(self, frame: pd.DataFrame, path: Path, first: int) -> pd.DataFrame:
        """Return the features of some rows: numbers in `dtype`, and text as it is."""
        features = frame[self.columns]
        kinds = {name: k for name, k in features.dtypes.items() if name not in self.texts}
        for name, kind in kinds.items():
            if not _is_numeric(kind):
                features = features.assign(**{name: self._numbers(features[name], path, first)})
        if any(features[name].dtype != self.dtype for name in kinds):
            with np.errstate(over="ignore"):  # infinity is refused, with its place
                features = features.astype(dict.fromkeys(kinds, self.dtype))
        return features

    def _place_of_row(self, path: Path, first: int, row: int) -> str:
        return self._place_in(path, first + row)

    def _is_missing(self, labels: pd.Series) -> Any:
        """Return which labels are missing, shape (n_rows,)."""
        return labels.isna().to_numpy()

    def _refuse_missing(self, labels: pd.Series, path: Path, first: int) -> None:
        missing = np.flatnonzero(self._is_missing(labels))
        if len(missing):
            raise ValueError(
                f"Column {self.target!r} holds no label in "
                f"{self._place_in(path, first + missing[0])}. Leave rows without a label out."
                f"{self._remedy('label')}"
            )

    def _kind_of(self, labels: NDArray, before: str, path: Path, first: int) -> str:
        """Return of which kind labels are; raise ValueError if those before are of another."""
        kind = "numbers" if labels.dtype.kind in "biuf" else "text"
        if before in ("", kind):
            return kind
        row = 0 if kind == "numbers" else _first_text(labels)
        raise ValueError(
            f"Column {self.target!r} holds {shown(labels[row])} in "
            f"{self._place_in(path, first + row)}, but all labels before are {before}. Correct "
            f"the label, or make text of all of them.{self._remedy('label kind')}"
        )

    def _numbers(self, column: pd.Series, path: Path, first: int) -> pd.Series:
        """Return a column of Python's numbers in float64; raise ValueError if it holds others."""
        values = column.to_numpy(dtype=object)
        given = np.flatnonzero(column.notna().to_numpy())
        if all(self._is_numeric(values[i]) for i in given):
            try:
                return column.where(column.notna(), np.nan).astype(np.float64)
            except (OverflowError, TypeError, ValueError):
                pass  # an integer beyond the floats, a complex number
        self._refuse(column.name, values, given, path, first)

    def _is_number(self, text: Any) -> bool:
        """Return whether text is to be read as a number."""
        return False

    def _refuse(
        self, name: Any, values: NDArray, given: NDArray[np.intp], path: Path, first: int
    ) -> NoReturn:
        wrong = next((i for i in given if not reads_as_number(values[i])), given[0])
        value = values[wrong]
        fault = "has a number beyond the floats" if _is_beyond(value) else "is not numeric"
        raise ValueError(
            f"Column {name!r} of {path} {fault}: it holds {shown(value)} in "
            f"{self._place_in(path, first + int(wrong))}. Leave the column out, with "
            f"columns=[...], or encode its categories, with categories=[{name!r}]."
            f"{self._remedy('feature', value)}"
        )


def is_empty(column: pd.Series) -> Any:
    """Return which fields of a column are missing, shape (n_rows,)."""
    if column.dtype.kind == "S":
        return column.to_numpy() == b""
    missing = column.isna().to_numpy()
    return missing | column.isin(["", b""]).to_numpy() if column.dtype.kind in "OU" else missing


def _is_numeric(kind: Any) -> bool:
    import pandas as pd

    return pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)


def reads_as_number(value: Any) -> bool:
    """Return whether a value is a number, or text that is one, and not beyond the floats."""
    try:
        float(value)
    except (OverflowError, TypeError, ValueError):
        return False
    return not _is_beyond(value)


def _is_beyond(value: Any) -> bool:
    """Return whether a number, or text that is one, has no finite float, and does not say so."""
    try:
        return math.isinf(float(value)) and "inf" not in str(value).lower()
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False


def _first_text(labels: NDArray) -> int:
    """Return which label is the first that does not read as a number."""
    return next((i for i, label in enumerate(labels) if not reads_as_number(label)), 0)


def _named(paths: list[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more files"
