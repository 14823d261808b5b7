"""Sources for tables in files: CSV, read in chunks by pandas, and Parquet, read by pyarrow."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from softmax_reg.sources.batch_sources import BATCH_BYTES, Batch, BatchSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSVSource", "ParquetSource"]


class _TableSource(BatchSource):
    """Tables in files with the same columns, cut into features, labels and weights."""

    makes_new_arrays = True

    def __init__(
        self,
        paths: Any,
        target: str,
        columns: Sequence[str] | None,
        sample_weight: str | None,
        chunksize: int | None,
        dtype: Any,
    ) -> None:
        one = isinstance(paths, str | PathLike)
        self.paths = [Path(path) for path in ([paths] if one else paths)]
        self.target, self.sample_weight, self.dtype = target, sample_weight, np.dtype(dtype)
        kind = type(self).__name__
        if not self.paths:
            raise ValueError(f"{kind} got no files.")
        for path in self.paths:
            if not path.is_file():
                raise FileNotFoundError(f"{kind} found no file {path}.")
        others = [name for name in (target, sample_weight) if name is not None]
        if columns is None:
            columns = [name for name in self._columns_of(self.paths[0]) if name not in others]
        self.columns = list(columns)
        if overlap := [name for name in self.columns if name in others]:
            raise ValueError(f"{kind} got {overlap} both as features and as target or weight.")
        if not self.columns:
            raise ValueError(f"{kind} found no features beside {others} in {self.paths[0]}.")
        self.used = [*self.columns, *others]
        for path in self.paths:
            present = self._columns_of(path)
            if missing := [name for name in self.used if name not in present]:
                raise ValueError(
                    f"{kind} found no column {', '.join(map(repr, missing))} in {path}; "
                    f"its columns are {present}."
                )
        row_bytes = self.dtype.itemsize * len(self.columns)
        self.chunksize = chunksize or max(BATCH_BYTES // row_bytes, 1)

    @abstractmethod
    def _columns_of(self, path: Path) -> list[str]:
        """Return the names of the columns of a file."""

    @abstractmethod
    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        """Yield the rows of a file, `chunksize` at a time, with at least the used columns."""

    def __iter__(self) -> Iterator[Batch]:
        n_rows = 0
        for path in self.paths:
            for frame in self._frames(path):
                if not len(frame):
                    continue  # a file with a header alone
                n_rows += len(frame)
                yield self._cut(frame, path)
        if not n_rows:
            raise ValueError(f"{type(self).__name__} found no rows in {_named(self.paths)}.")

    def _cut(self, frame: pd.DataFrame, path: Path) -> Batch:
        import pandas as pd

        labels = frame.pop(self.target).to_numpy()
        weights = None if self.sample_weight is None else frame.pop(self.sample_weight).to_numpy()
        features = frame if list(frame.columns) == self.columns else frame[self.columns]
        for name, kind in features.dtypes.items():
            if not (pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_bool_dtype(kind)):
                text = (
                    pd.to_numeric(features[name], errors="coerce").isna() & features[name].notna()
                )
                example = features[name][text].iloc[0] if text.any() else features[name].iloc[0]
                raise ValueError(
                    f"Column {name!r} of {path} is not numeric: it holds {example!r}. Leave it "
                    "out, with columns=[...], or encode it as numbers."
                )
        if any(kind != self.dtype for kind in features.dtypes):
            features = features.astype(self.dtype)
        return (features, labels) if weights is None else (features, labels, weights)


def _named(paths: list[Path]) -> str:
    return str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more files"


class CSVSource(_TableSource):
    """Rows of CSV files, parsed by pandas a chunk at a time.

    Parameters
    ----------
    paths : str, path or list of them
        Files with the same columns, compressed ones too, read one after the other.
    target : str
        The column that holds the labels.
    columns : list of str, default=None
        The columns that are features; None means all others.
    sample_weight : str, default=None
        The column that holds the weights.
    chunksize : int, default=None
        Rows in a batch; None means that a batch takes 4 MiB.
    dtype : dtype, default="float64"
        In which to keep features: "float32" takes half the memory.
    options : dict, default=None
        More arguments for `pandas.read_csv`, such as {"sep": ";", "dtype": {"label": str}}; not
        those that say how many rows it reads.

    Raises
    ------
    FileNotFoundError
        If a file is not there.
    ValueError
        If a file is empty, a column is missing, or an option cannot be used; when read, if a
        feature is not numeric.

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
    """

    def __init__(
        self,
        paths: Any,
        target: str,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        chunksize: int | None = None,
        dtype: Any = "float64",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.options = dict(options or {})
        if refused := sorted({"chunksize", "iterator", "nrows"} & self.options.keys()):
            raise ValueError(
                f"options of CSVSource cannot hold {', '.join(map(repr, refused))}: it reads its "
                "files to the end, in batches. Use its own parameter chunksize for the rows of a "
                "batch; to read fewer rows, write them to a file of their own."
            )
        super().__init__(paths, target, columns, sample_weight, chunksize, dtype)

    def _columns_of(self, path: Path) -> list[str]:
        import pandas as pd

        try:
            return list(pd.read_csv(path, nrows=0, **self.options).columns)
        except pd.errors.EmptyDataError:
            raise ValueError(f"CSVSource found nothing in {path}: the file is empty.") from None

    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        import pandas as pd

        # A column is of one type within a chunk, not of several within parts of it.
        options = {"usecols": self.used, **self.options}
        if options.get("engine", "c") == "c" and options.get("sep", ",") is not None:
            options.setdefault("low_memory", False)
        with pd.read_csv(path, chunksize=self.chunksize, **options) as frames:
            yield from frames


class ParquetSource(_TableSource):
    """Rows of Parquet files, read by pyarrow a part of a row group at a time.

    Parameters
    ----------
    paths : str, path or list of them
        Files with the same columns, read one after the other.
    target : str
        The column that holds the labels.
    columns : list of str, default=None
        The columns that are features; None means all others.
    sample_weight : str, default=None
        The column that holds the weights.
    chunksize : int, default=None
        At most so many rows in a batch; None means that a batch takes 4 MiB.
    dtype : dtype, default="float64"
        In which to keep features: "float32" takes half the memory.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    FileNotFoundError
        If a file is not there.
    ValueError
        If a column is missing; when read, if a feature is not numeric.

    Examples
    --------
    >>> from softmax_reg import ParquetSource
    >>> ParquetSource("flights.parquet", target="is_late")  # doctest: +SKIP
    """

    def __init__(
        self,
        paths: Any,
        target: str,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        chunksize: int | None = None,
        dtype: Any = "float64",
    ) -> None:
        try:
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError(
                "ParquetSource needs pyarrow: pip install 'softmax-reg[parquet]'."
            ) from error
        self._open = pyarrow.parquet.ParquetFile
        super().__init__(paths, target, columns, sample_weight, chunksize, dtype)

    def _columns_of(self, path: Path) -> list[str]:
        with self._open(path) as file:
            return list(file.schema_arrow.names)

    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        with self._open(path) as file:
            for part in file.iter_batches(batch_size=self.chunksize, columns=self.used):
                yield part.to_pandas()
