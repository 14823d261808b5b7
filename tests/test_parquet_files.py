"""Parquet files and folders as they are: indexes, partitions, odd columns, damaged files."""

import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from softmax_reg import ParquetSource, SoftmaxRegression

FRAME = pd.DataFrame({"a": [1, 2, 3, 4, 5, 6], "b": np.arange(6) + 0.5, "y": list("ababab")})


def written(path, **columns):
    """Write the frame with some columns more, or others."""
    FRAME.assign(**columns).to_parquet(path)
    return path


def contents(source):
    """Return X and y of a source."""
    batches = [tuple(map(np.asarray, batch)) for batch in source]
    return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))


def test_a_parquet_source_says_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"softmax-reg\[parquet\]"):
        ParquetSource(tmp_path / "rows.parquet", "y")


def test_a_parquet_source_names_what_is_missing(tmp_path):
    pytest.importorskip("pyarrow")
    pd.DataFrame({"a": [1, 2], "city": ["Bonn", "Ulm"], "y": [0, 1]}).to_parquet(tmp_path / "p")
    with pytest.raises(ValueError, match="no column 'z'"):
        ParquetSource(tmp_path / "p", "z")
    with pytest.raises(ValueError, match=r"Column 'city' .* is not numeric"):
        SoftmaxRegression().fit(ParquetSource(tmp_path / "p", "y"))
    assert_array_equal(next(iter(ParquetSource(tmp_path / "p", "y", columns=["a"])))[0], [[1], [2]])


INDEXES = {
    "default": None,
    "cut": slice(1, 5),
    "numbers": pd.Index([5, 6, 7, 8, 9, 1]),
    "named": pd.Index([5, 6, 7, 8, 9, 1], name="id"),
    "text": pd.Index(list("uvwxyz")),
    "two levels": pd.MultiIndex.from_arrays([range(6), list("uvwxyz")], names=["i", None]),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_the_index_that_pandas_wrote_is_no_feature(tmp_path, kind):
    pytest.importorskip("pyarrow")
    index = INDEXES[kind]
    frame = FRAME if index is None else FRAME[index] if kind == "cut" else FRAME.set_index(index)
    for keeps in (None, True):
        frame.to_parquet(tmp_path / "p", index=keeps)
        source = ParquetSource(tmp_path / "p", "y", chunksize=4)
        assert source.columns == ["a", "b"]
        X, y = contents(source)
        assert_array_equal(X, frame[["a", "b"]])
        assert_array_equal(y, frame["y"])


def test_an_index_can_be_asked_for_and_be_the_label(tmp_path):
    pytest.importorskip("pyarrow")
    FRAME.set_index("b").to_parquet(tmp_path / "p")
    assert contents(ParquetSource(tmp_path / "p", "y", ["b", "a"]))[0][1].tolist() == [1.5, 2]
    FRAME.set_index("y").to_parquet(tmp_path / "p")
    assert "".join(contents(ParquetSource(tmp_path / "p", "y"))[1]) == "ababab"


def test_the_parts_of_a_folder_are_read_in_the_order_of_their_names(tmp_path):
    pytest.importorskip("pyarrow")
    folder = tmp_path / "rows"
    (folder / "more").mkdir(parents=True)
    FRAME[4:].to_parquet(folder / "part-2.snappy.parquet")
    FRAME[2:4].to_parquet(folder / "part-1.pq")
    FRAME[:2].to_parquet(folder / "more" / "part-0.parquet")
    for name in ("_SUCCESS", ".part-0.parquet.crc", "README.txt", "_old.parquet"):
        (folder / name).write_text("no table", encoding="utf-8")
    X, y = contents(ParquetSource(folder, "y"))
    assert_array_equal(X, FRAME[["a", "b"]])
    assert "".join(y) == "ababab"
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no \*\.parquet in the folder"):
        ParquetSource(tmp_path / "empty", "y")


def test_names_of_folders_are_columns(tmp_path):
    pytest.importorskip("pyarrow")
    frame = FRAME.assign(year=[2020, 2020, 2021, 2021, 2022, 2022], city=list("uuvvww"))
    frame.to_parquet(tmp_path / "rows", partition_cols=["year", "city"])
    columns = ["a", "b", "year"]
    X, _ = contents(ParquetSource(tmp_path / "rows", "y", columns))
    assert_array_equal(X, frame[columns])
    assert "".join(contents(ParquetSource(tmp_path / "rows", "city", ["a"]))[1]) == "uuvvww"
    with pytest.raises(ValueError, match=r"Column 'city' of .* holds 'u' in row 0 of"):
        contents(ParquetSource(tmp_path / "rows", "y"))


def test_parts_that_differ_are_named(tmp_path):
    pytest.importorskip("pyarrow")
    for name, change in {
        "text": (lambda part: part.assign(b="x"), r"holds 'x' in row 0 of .*part-1"),
        "lacks": (lambda part: part.drop(columns="b"), r"no column 'b' in .*part-1"),
        "labels": (lambda part: part.assign(y=[1, 2, 3]), r"holds 1 in row 0 of .*part-1"),
    }.items():
        function, message = change
        folder = tmp_path / name
        folder.mkdir()
        FRAME[:3].to_parquet(folder / "part-0.parquet")
        function(FRAME[3:]).to_parquet(folder / "part-1.parquet")
        with pytest.raises(ValueError, match=message):
            contents(ParquetSource(folder, "y"))


READ = {
    "integers": (FRAME["a"], [1, 2, 3, 4, 5, 6]),
    "large integers": (np.full(6, 2**64 - 1, dtype=np.uint64), [2.0**64] * 6),
    "booleans": (FRAME["a"] > 3, [0, 0, 0, 1, 1, 1]),
    "decimals": ([Decimal(i) / 8 for i in range(6)], np.arange(6) / 8),
    "nullable": (FRAME["a"].convert_dtypes(), [1, 2, 3, 4, 5, 6]),
}


@pytest.mark.parametrize("kind", READ)
def test_numbers_of_any_kind_are_read(tmp_path, kind):
    pytest.importorskip("pyarrow")
    given, expected = READ[kind]
    X, _ = contents(ParquetSource(written(tmp_path / "p", a=given), "y", chunksize=4))
    assert_array_equal(X[:, 0], expected)


REFUSED = {
    "text": ({"b": list("12345x")}, r"Column 'b' of .* is not numeric"),
    "date": ({"b": pd.Timestamp("2020-01-01")}, r"Column 'b' of .* holds Timestamp.* in row 0"),
    "list": ({"b": [[1, 2]] * 6}, r"Column 'b' of .* holds \[1, 2\] in row 0"),
    "missing": ({"b": [1, 2, 3, np.nan, 5, 6]}, r"NaN(?s:.*)row 3, counted .*column is 'b'"),
    "null": ({"a": pd.array([1, 2, 3, None, 5, 6], "Int64")}, r"NaN(?s:.*)row 3, .*'a'"),
    "infinite": ({"b": [1, 2, 3, np.inf, 5, 6]}, r"infinity(?s:.*)row 3, .*column is 'b'"),
    "no label": ({"y": ["a", "b", "a", None, "a", "b"]}, r"'y' holds no label in row 3 of"),
    "NaN label": ({"y": [0, 1, 0, np.nan, 1, 0]}, r"'y' holds no label in row 3 of"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_used_is_named_with_file_row_and_column(tmp_path, kind):
    pytest.importorskip("pyarrow")
    columns, message = REFUSED[kind]
    with pytest.raises(ValueError, match=message) as error:
        SoftmaxRegression().fit(ParquetSource(written(tmp_path / "p", **columns), "y", chunksize=2))
    assert str(tmp_path / "p") in str(error.value)


def test_NA_is_a_class_where_missing_labels_are_null(tmp_path):
    pytest.importorskip("pyarrow")
    path = written(tmp_path / "p", y=["NA", "None", "NA", "None", "x", "x"])
    assert set(contents(ParquetSource(path, "y"))[1]) == {"NA", "None", "x"}


@pytest.mark.parametrize("fault", ["cut", "empty", "text", "overwritten"])
def test_a_damaged_file_is_named(tmp_path, fault):
    pytest.importorskip("pyarrow")
    rng = np.random.default_rng(0)
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"a": rng.normal(size=5000), "y": rng.integers(2, size=5000)}).to_parquet(path)
    whole = path.read_bytes()
    damaged = {
        "cut": whole[:-20],
        "empty": b"",
        "text": b"a,y\n1,2\n",
        "overwritten": whole[:4] + b"\xff" * 60 + whole[64:],
    }
    path.write_bytes(damaged[fault])
    with pytest.raises(ValueError, match=r"ParquetSource cannot read .*rows\.parquet"):
        contents(ParquetSource(path, "y"))


def test_parameters_that_would_cut_values_are_refused(tmp_path):
    pytest.importorskip("pyarrow")
    written(tmp_path / "p")
    with pytest.raises(ValueError, match="chunksize must be an integer of at least 1"):
        ParquetSource(tmp_path / "p", "y", chunksize=0)
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got int64"):
        ParquetSource(tmp_path / "p", "y", dtype="int64")
