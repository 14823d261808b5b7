"""CSV files, parsed by pandas a chunk at a time, and what pandas leaves unsaid about them.

With `usecols` pandas' parser does not count fields, and cuts rows that have too many.  All columns
are read, therefore, those that are not used as one byte for each field, and counted by pandas; a
row with too few ends in a missing value, and is looked up in the file.
"""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.csv_lines import Record, Unsupported, decoding_fault, head, records
from softmax_reg.dataset.csv_options import (
    checked_options,
    counts_every_row,
    reading_options,
    with_texts,
)
from softmax_reg.dataset.tables import TableSource, is_empty, reads_as_number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSVSource"]

_TOO_MANY = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_NO_NAME = re.compile(r"Unnamed: \d+(\.\d+)?")
# Words for a missing value that pandas takes for text.
_NO_VALUE = ("?", "-", "--", ".", "na", "n.a.", "missing", "unknown")
# A column beyond the last one, for what `index_col=False` would let pandas cut off.
_BEYOND = "\0beyond the last column"
_CUT_OFF = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)

_CORRECT = (
    " Quote texts that hold a separator, and correct the line; to leave out such lines below the "
    "first row, give options={'on_bad_lines': 'skip'}."
)
_SHIFTED = (
    " If the lines end in a separator, give options={'index_col': False}; if the first field is an "
    "index, name all columns, with options={'header': 0, 'names': [...], 'index_col': 0}."
)


class _Shape(NamedTuple):
    """The columns of a file, used or not, and the fields of its rows."""

    names: list[Any]
    n_fields: int | None  # that a row must have, if it is known
    has_more: bool  # the first row, with an empty field at its end perhaps


class CSVSource(TableSource):
    r"""Rows of CSV files, parsed by pandas a chunk at a time.

    Parameters
    ----------
    paths : str, path or list of them
        Files with the same columns, compressed ones too, read one after the other.
    target : str or None
        The column that holds the labels; None where there is none, in a file to predict.
    columns : list of str, default=None
        The columns that are features; None means all others, and in a prediction those that the
        model was fitted on.
    sample_weight : str, default=None
        The column that holds the weights.
    chunksize : int, default=None
        Rows in a batch; None means that a batch takes 4 MiB.
    dtype : {"float64", "float32"}, default="float64"
        In which to keep features: "float32" takes half the memory.
    options : dict, default=None
        More arguments for `pandas.read_csv`, such as {"decimal": ",", "dtype": {"label": str}}; not
        those that say how many rows it reads.
    sep : str, default=None
        What separates the fields; None means a comma, or what `options` say.
    categories : list of str, dict or "auto", default=None
        The features that are one-hot encoded: a column for each category, which is the text that
        the file holds, and one for empty fields if there are any.  A pass before the fit finds the
        categories; a dict gives them, such as {"city": ["Oslo", "Rome"]}.  "auto" takes all columns
        that hold text in the first batch.  A category that the model does not know counts as none.
    missing : "mean" or float, default=None
        What stands for an empty field among numbers: the mean of the column, which a pass before
        the fit finds, or a number.  None refuses empty fields.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is empty, a column is missing or has no name, or a parameter or an option cannot
        be used; when read, if a row has too many or too few fields, a feature is not numeric or a
        label is missing.  The message names file, line and column.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import CSVSource, SoftmaxRegression
    >>> with TemporaryDirectory() as folder:
    ...     frame = load_iris(as_frame=True).frame
    ...     frame.to_csv(f"{folder}/iris.csv", index=False)
    ...     source = CSVSource(f"{folder}/iris.csv", target="target", chunksize=40)
    ...     model = SoftmaxRegression().fit(source)
    >>> model.feature_names_in_[:2]
    array(['sepal length (cm)', 'sepal width (cm)'], dtype=object)

    A table with text and empty fields; the model encodes those of the file to predict by itself:

    >>> from pathlib import Path
    >>> rows = "age;city;likes\n31;Rome;tea\n;Oslo;coffee\n52;Oslo;tea\n40;Rome;coffee\n"
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text(rows)
    ...     people = CSVSource(path, "likes", sep=";", categories=["city"], missing="mean")
    ...     model = SoftmaxRegression().fit(people)
    ...     drinks = model.predict(CSVSource(path, target=None, sep=";"))
    >>> model.feature_names_in_
    array(['age', 'city_Oslo', 'city_Rome'], dtype=object)
    >>> drinks.shape
    (4,)
    """

    def __init__(
        self,
        paths: Any,
        target: str | None,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        chunksize: int | None = None,
        dtype: Any = "float64",
        options: Mapping[str, Any] | None = None,
        sep: str | None = None,
        categories: Any = None,
        missing: Any = None,
    ) -> None:
        self.options = checked_options(dict(options or {}) | ({} if sep is None else {"sep": sep}))
        # Of a file as it is: its path, size and time.
        self._shapes: dict[tuple[Path, int, int], _Shape] = {}
        self._counted: set[tuple[Path, int, int]] = set()
        table = target, columns, sample_weight, chunksize, dtype, categories, missing
        super().__init__(paths, *table)

    def _columns_of(self, path: Path) -> list[Any]:
        return self._names(path, self.options)

    def _names(self, path: Path, options: Mapping[str, Any]) -> list[Any]:
        import pandas as pd

        with self._told(path):
            names = list(pd.read_csv(path, nrows=0, **options).columns)
        if any("\0" in str(name) for name in names):
            raise ValueError(decoding_fault(path, self.options))
        return names

    def _features_of(self, path: Path) -> list[Any]:
        names = self._columns_of(path)
        self._shape_of(path)
        nameless = [name for name in names if _NO_NAME.fullmatch(str(name))]
        if nameless:
            raise ValueError(
                f"A column of {path} has no name; pandas calls it {nameless[0]!r}. If it is an "
                "index that DataFrame.to_csv wrote, leave it out with options={'index_col': "
                f"{names.index(nameless[0])}}}; otherwise name the features, with columns=[...]."
            )
        return names

    def _n_read(self, path: Path) -> int:
        return len(self._shape_of(path).names)

    def _shape_of(self, path: Path) -> _Shape:
        """Return the shape of a file; raise ValueError if its first row is too long.

        pandas takes what the first row has more than the header for an index, and gives the
        names to the rest; with `index_col=False` it cuts it.
        """
        if (as_it_is := _as_it_is(path)) in self._shapes:
            return self._shapes[as_it_is]
        options = {name: o for name, o in self.options.items() if name != "usecols"}
        names, given = self._names(path, options), options.get("names")
        with self._told(path):
            try:
                header, first = head(path, options)
            except Unsupported:
                header = first = None
        n_names = len(given) if given is not None else header.n_fields if header else None
        if first is None or n_names is None:
            shape = _Shape(names, first and first.n_fields, False)
        else:
            n_more = first.n_fields - n_names
            if n_more > (options.get("index_col") is False):
                raise ValueError(
                    f"Line {first.line} of {path} has {first.n_fields} fields, but {n_names} "
                    f"columns have a name.{_CORRECT}{_SHIFTED}"
                )
            shape = _Shape(names, n_names, n_more > 0)
        if first and options["engine"] == "c" and not counts_every_row():
            self._refuse_long(path, first.n_fields if n_names is None else n_names + shape.has_more)
        self._shapes[as_it_is] = shape
        return shape

    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        import pandas as pd

        shape = self._shape_of(path)
        beyond = _BEYOND if shape.has_more else None
        given = with_texts(self.options, self.used, self.texts)
        options = reading_options(given, shape.names, self.used, beyond)
        index = self.options.get("index_col")
        is_counted = index is None or index is False
        n_read = 0
        with (
            self._told(path),
            pd.read_csv(path, chunksize=self.chunksize, **options) as frames,
        ):
            for frame in frames:
                if missing := [name for name in self.used if name not in frame.columns]:
                    raise ValueError(f"Column {missing[0]!r} is no longer in {path}.")
                if is_counted and not isinstance(frame.index, pd.RangeIndex):
                    raise ValueError(f"The first row of {path} is too long.{_CORRECT}{_SHIFTED}")
                self._check_fields(frame, path, shape, n_read)
                n_read += len(frame)
                yield frame

    def _check_fields(self, frame: pd.DataFrame, path: Path, shape: _Shape, first: int) -> None:
        """Raise ValueError if a row of a chunk has too few fields, or one beyond the last."""
        is_blank = is_empty(frame.iloc[:, -1])
        if frame.columns[-1] == _BEYOND:
            if not is_blank.all():
                place = self._place_in(path, first + int(np.argmin(is_blank)))
                raise ValueError(
                    f"{place[:1].upper()}{place[1:]} has more than {len(shape.names)} fields."
                    f"{_CORRECT}"
                )
            is_blank = is_empty(frame.iloc[:, -2])
        elif self.options.get("index_col") is not None and frame.index.nlevels == 1:
            is_blank = is_blank | frame.index.isna()  # it may be the last column
        if not is_blank.any() or shape.n_fields is None:
            return
        if (as_it_is := _as_it_is(path)) not in self._counted:
            self._counted.add(as_it_is)
            self._refuse_short(path, shape.n_fields)

    def _refuse_short(self, path: Path, n_fields: int) -> None:
        """Raise ValueError if a row of a file has too few fields."""
        short = self._first_record(path, lambda record: record.n_fields < n_fields)
        if short:
            raise ValueError(
                f"Line {short.line} of {path} has {short.n_fields} fields, but {n_fields} are "
                "expected. Complete it: a field may be empty, but its separator must be there."
            )

    def _refuse_long(self, path: Path, n_fields: int) -> None:
        """Raise ValueError if a row of a file has too many fields."""
        long = self._first_record(path, lambda record: record.n_fields > n_fields)
        if long:
            raise ValueError(_too_long(path, long, n_fields))

    def _first_record(self, path: Path, is_wanted: Callable[[Record], bool]) -> Record | None:
        try:
            return next(filter(is_wanted, records(path, self.options)), None)
        except Unsupported:
            return None

    def _place_in(self, path: Path, row: int) -> str:
        try:
            if self.options.get("on_bad_lines", "error") != "error":
                raise Unsupported  # lines are left out
            record = next(islice(records(path, self.options), row, None), None)
        except (Unsupported, OSError, *_CUT_OFF):
            record = None
        return f"line {record.line} of {path}" if record else super()._place_in(path, row)

    def _is_missing(self, labels: pd.Series) -> Any:
        return is_empty(labels)

    def _is_number(self, text: Any) -> bool:
        # Before pandas 3 an integer beyond int64 makes text of all numbers of its column.
        return reads_as_number(text) and "_" not in str(text)

    def _remedy(self, kind: str, value: Any = None) -> str:
        if kind == "label":
            return (
                " If the label is a word that pandas takes for a missing value, such as NA or "
                "None, give options={'keep_default_na': False}."
            )
        if kind == "label kind":
            return f" For text, give options={{'dtype': {{{self.target!r}: str}}}}."
        if kind == "column":
            return _as_one_column(value)
        if str(value).strip().lower() in _NO_VALUE:
            return (
                f" If {shown(value)} stands for a missing number, give "
                f"options={{'na_values': [{value!r}]}} and missing='mean'."
            )
        if "," in str(value):
            return " For commas in numbers, give options={'decimal': ','} or {'thousands': ','}."
        return " A field must not be empty." if value == "" else ""

    @contextmanager
    def _told(self, path: Path) -> Iterator[None]:
        """Turn errors of reading into ValueError, which names the file, and the line if it can."""
        import pandas as pd

        try:
            yield
        except pd.errors.EmptyDataError:
            raise ValueError(f"CSVSource found nothing in {path}: the file is empty.") from None
        except pd.errors.ParserError as error:
            if "out of memory" in str(error):  # which says nothing of the file
                raise MemoryError(
                    f"There is no memory for the next rows of {path}. Read fewer at a time: "
                    f"chunksize={max(self.chunksize // 4, 1)}."
                ) from error
            raise ValueError(self._parser_fault(path, str(error))) from error
        except UnicodeError as error:
            raise ValueError(decoding_fault(path, self.options)) from error
        except (OSError, *_CUT_OFF) as error:
            if getattr(error, "filename", None) is not None:
                raise  # the file cannot be opened
            raise ValueError(
                f"{path} is cut off or damaged: it cannot be decompressed to its end ({error}). "
                "Write or copy it again."
            ) from error
        except ValueError as error:
            if str(path) in str(error):
                raise
            raise ValueError(f"CSVSource cannot read {path}: {error}") from error

    def _parser_fault(self, path: Path, message: str) -> str:
        if told := _TOO_MANY.search(message):
            expected, number, found = (int(group) for group in told.groups())
            self._refuse_long(path, expected)
            return _too_long(path, Record(number, found), expected)
        if "EOF inside string" in message:
            (last,) = deque(records(path, self.options, with_header=True), maxlen=1)
            return f"Line {last.line} of {path} has a quote that never ends."
        return f"CSVSource cannot read {path}: {message.strip()}"


def _as_one_column(names: Sequence[Any]) -> str:
    """Return what to do if the names of a file's columns were read as one."""
    found = [sep for sep in ";\t|," if len(names) == 1 and sep in str(names[0])]
    return f" Give sep={found[0]!r}." if found else ""


def _too_long(path: Path, record: Record, n_fields: int) -> str:
    return (
        f"Line {record.line} of {path} has {record.n_fields} fields, but {n_fields} are expected."
        f"{_CORRECT}"
    )


def _as_it_is(path: Path) -> tuple[Path, int, int]:
    status = path.stat()
    return path, status.st_size, status.st_mtime_ns
