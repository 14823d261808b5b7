"""Parquet files, read by pyarrow a part of a row group at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from softmax_reg.dataset.tables import TableSource

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ParquetSource"]

_ENDINGS = (".parquet", ".parq", ".pq")


class ParquetSource(TableSource):
    """Rows of Parquet files, read by pyarrow a part of a row group at a time.

    Parameters
    ----------
    paths : str, path or list of them
        Files with the same columns, read one after the other.  Of a folder, all files below it
        are read whose names end in .parquet, .parq or .pq; names of folders such as year=2024
        are columns.
    target : str or None
        The column that holds the labels; None where there is none, in a file to predict.
    columns : list of str, default=None
        The columns that are features; None means all others, without the index that pandas wrote,
        and in a prediction those that the model was fitted on.
    sample_weight : str, default=None
        The column that holds the weights.
    chunksize : int, default=None
        At most so many rows in a batch; None means that a batch takes 4 MiB.
    dtype : {"float64", "float32"}, default="float64"
        In which to keep features: "float32" takes half the memory.
    categories : list of str, dict or "auto", default=None
        The features that are one-hot encoded, as for `CSVSource`.
    missing : "mean" or float, default=None
        What stands for a missing number, as for `CSVSource`.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    FileNotFoundError
        If a file is not there, or a folder holds none.
    ValueError
        If a file cannot be read, a column is missing, or a parameter cannot be used; when read, if
        a feature is not numeric or a label is missing.  The message names file, row and column.

    Examples
    --------
    >>> from softmax_reg import ParquetSource
    >>> ParquetSource("flights.parquet", target="is_late")  # doctest: +SKIP
    """

    def __init__(
        self,
        paths: Any,
        target: str | None,
        columns: Sequence[str] | None = None,
        sample_weight: str | None = None,
        chunksize: int | None = None,
        dtype: Any = "float64",
        categories: Any = None,
        missing: Any = None,
    ) -> None:
        try:
            import pyarrow.dataset
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError(
                "ParquetSource needs pyarrow: pip install 'softmax-reg[parquet]'."
            ) from error
        self._open = pyarrow.parquet.ParquetFile
        self._constants: dict[Path, dict[str, Any]] = {}
        table = target, columns, sample_weight, chunksize, dtype, categories, missing
        super().__init__(paths, *table)

    def _files(self, paths: list[Path]) -> list[Path]:
        files: list[Path] = []
        for path in paths:
            files += self._parts(path) if path.is_dir() else super()._files([path])
        return files

    def _parts(self, folder: Path) -> list[Path]:
        """Return the files of a folder; note the columns that the names of its folders give."""
        from pyarrow import dataset

        files = [
            file
            for file in sorted(folder.rglob("*"))
            if file.suffix.lower() in _ENDINGS
            and file.is_file()
            and not any(part[0] in "._" for part in file.relative_to(folder).parts)
        ]
        if not files:
            raise FileNotFoundError(f"ParquetSource found no *.parquet in the folder {folder}.")
        try:
            parts = dataset.dataset(
                [str(file) for file in files],
                format="parquet",
                partitioning="hive",
                partition_base_dir=str(folder),
            )
        except (OSError, ValueError) as error:
            raise ValueError(f"ParquetSource cannot read the folder {folder}: {error}") from error
        for part in parts.get_fragments():
            keys = dataset.get_partition_keys(part.partition_expression)
            self._constants[Path(part.path)] = keys
        return files

    @contextmanager
    def _reading(self, path: Path) -> Iterator[Any]:
        try:
            with self._open(path) as file:
                yield file
        except FileNotFoundError:
            raise
        except (OSError, ValueError) as error:
            raise ValueError(f"ParquetSource cannot read {path}: {error}") from error

    def _columns_of(self, path: Path) -> list[str]:
        with self._reading(path) as file:
            names = list(file.schema_arrow.names)
        return names + [name for name in self._constants.get(path, {}) if name not in names]

    def _features_of(self, path: Path) -> list[str]:
        with self._reading(path) as file:
            about = (file.schema_arrow.metadata or {}).get(b"pandas", b"{}")
        index = json.loads(about).get("index_columns", [])
        return [name for name in self._columns_of(path) if name not in index]

    def _frames(self, path: Path) -> Iterator[pd.DataFrame]:
        constants = self._constants.get(path, {})
        with self._reading(path) as file:
            stored = [name for name in self.used if name in file.schema_arrow.names]
            parts = file.iter_batches(batch_size=self.chunksize, columns=stored)
            while (part := next(parts, None)) is not None:
                # The index that pandas notes in the file is a column as others are.
                frame = part.to_pandas(ignore_metadata=True)
                added = [name for name in self.used if name not in stored]
                yield frame.assign(**{name: constants[name] for name in added})
