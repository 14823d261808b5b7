"""CSV files as they are: each is read as it should be, or one error names file, line and column."""

import bz2
import gzip
import lzma
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from softmax_reg import CSVSource, SoftmaxRegression
from softmax_reg.dataset.csv_options import counts_every_row

ROWS = ["0,0.5,a", "1,2.5,b", "2,4.5,a", "3,6.5,b", "4,8.5,a", "5,10.5,b"]


def table(rows=ROWS, header="a,b,y", sep=","):
    return "\n".join([header, *rows, ""]).replace(",", sep)


def with_row(i, row):
    return [*ROWS[:i], row, *ROWS[i:]]


def contents(source):
    """Return X and y of a source, read twice; both times they have to be the same."""
    first, second = ([tuple(map(np.asarray, batch)) for batch in source] for _ in "12")
    for one, two in zip(first, second, strict=True):
        assert all(map(np.array_equal, one, two))
    return tuple(np.concatenate(parts) for parts in zip(*first, strict=True))


def csv(folder, text, **kw):
    (folder / "rows.csv").write_text(text, encoding="utf-8")
    return CSVSource(folder / "rows.csv", **{"target": "y", **kw})


def test_a_csv_source_gives_the_columns_that_are_asked_for(tmp_path):
    text = "id,b,w,y,a\n7,1,0.5,no,2\n8,3,1,yes,4\n9,5,2,no,6\n"
    source = csv(
        tmp_path, text, columns=["a", "b"], sample_weight="w", chunksize=2, dtype="float32"
    )
    (X, y, w), last = source
    assert list(X.columns) == ["a", "b"]
    assert (X.dtypes == np.float32).all()
    assert_array_equal(X, [[2, 1], [4, 3]])
    assert y.tolist() == ["no", "yes"]
    assert w.tolist() == [0.5, 1.0]
    assert len(last[0]) == 1


def test_options_go_to_pandas(tmp_path):
    source = csv(tmp_path, "a;y\n1;01\n2;02\n", options={"sep": ";", "dtype": {"y": str}})
    assert next(iter(source))[1].tolist() == ["01", "02"]


@pytest.mark.parametrize("option", ["nrows", "chunksize", "iterator"])
def test_an_option_that_says_how_many_rows_pandas_reads_is_refused(tmp_path, option):
    with pytest.raises(ValueError, match=f"'{option}'.* own parameter chunksize"):
        csv(tmp_path, "a,y\n1,2\n3,4\n", options={option: 1})


def test_what_is_wrong_with_a_csv_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.csv"):
        CSVSource(tmp_path / "nowhere.csv", "y")
    with pytest.raises(ValueError, match="no files"):
        CSVSource([], "y")
    with pytest.raises(ValueError, match="the file is empty"):
        csv(tmp_path, "")
    with pytest.raises(ValueError, match=r"no column 'y' in .*its columns are \['a', 'b'\]"):
        csv(tmp_path, "a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column 'c'"):
        csv(tmp_path, "a,y\n1,2\n", columns=["a", "c"])
    with pytest.raises(ValueError, match="both as features"):
        csv(tmp_path, "a,y\n1,2\n", columns=["a", "y"])
    with pytest.raises(ValueError, match="no features"):
        csv(tmp_path, "y\n2\n")
    with pytest.raises(ValueError, match="found no rows"):
        SoftmaxRegression().fit(csv(tmp_path, "a,y\n"))
    with pytest.raises(ValueError, match=r"Column 'city' .* is not numeric: it holds 'Bonn'"):
        SoftmaxRegression().fit(csv(tmp_path, "a,city,y\n1,2,0\n1,Bonn,1\n"))
    with pytest.raises(ValueError, match=r"Input X contains NaN(?s:.*)row 1,"):
        SoftmaxRegression().fit(csv(tmp_path, "a,y\n1,0\n,1\n"))


def test_columns_that_are_not_used_may_hold_anything(tmp_path):
    rows = ["1,x\u00e9,2020-01-01,p", "2,,2020-01-02,q", "3,z,,p"]
    text = table(rows, "a,text,date,y")
    for options in ({}, {"dtype": "float32"}, {"parse_dates": ["date"]}, {"engine": "python"}):
        options = options | ({"dtype": {"a": "float32"}} if "dtype" in options else {})
        assert contents(csv(tmp_path, text, columns=["a"], options=options))[0].tolist() == [
            [1.0],
            [2.0],
            [3.0],
        ]


# Rows of another width than the header.

LONG = {"by one": "9,9,9,c", "by two": "9,9,9,9,c", "empty": "9,9,a,", "quoted": '9,9,"a","b"'}


@pytest.mark.parametrize("place", [0, 1, 2, 3, 5, 6])
@pytest.mark.parametrize("long", LONG)
@pytest.mark.parametrize("options", [{}, {"engine": "python"}, {"usecols": ["a", "y"]}])
def test_a_row_with_too_many_fields_is_an_error_with_its_line(tmp_path, place, long, options):
    text = table(with_row(place, LONG[long]))
    n_fields = LONG[long].count(",") + 1
    message = rf"Line {place + 2} of .*rows\.csv has {n_fields} fields, but 3"
    for columns in (None, ["a"]):
        with pytest.raises(ValueError, match=message):
            contents(csv(tmp_path, text, columns=columns, chunksize=3, options=options))


@pytest.mark.parametrize("place", [0, 1, 3, 6])
@pytest.mark.parametrize("row", ["9,9", "9"])
@pytest.mark.parametrize("options", [{}, {"engine": "python"}, {"keep_default_na": False}])
def test_a_row_with_too_few_fields_is_an_error_with_its_line(tmp_path, place, row, options):
    text = table([f"{r},unused" for r in ROWS], "a,b,y,c").split("\n")
    text.insert(place + 1, row)
    message = rf"Line {place + 2} of .* has {row.count(',') + 1} fields, but 4 are expected"
    with pytest.raises(ValueError, match=message):
        contents(csv(tmp_path, "\n".join(text), columns=["a"], chunksize=3, options=options))


def test_fields_that_are_empty_are_no_fault_in_a_column_that_is_not_used(tmp_path):
    text = table(["1,2,p,x", "3,4,q,", "5,6,p,"], "a,b,y,c")
    assert contents(csv(tmp_path, text, columns=["a"], chunksize=1))[0].tolist() == [[1], [3], [5]]


@pytest.mark.parametrize("y_first", [False, True])
def test_rows_that_all_have_one_field_too_many_do_not_shift_the_columns(tmp_path, y_first):
    header = "y,a,b" if y_first else "a,b,y"
    with pytest.raises(ValueError, match=r"Line 2 of .* has 4 fields, but 3 columns have a name"):
        contents(csv(tmp_path, table(["1,2,0,7", "3,4,1,8"], header)))


def test_lines_that_end_in_a_separator_are_read_on_demand(tmp_path):
    text = table([f"{row}," for row in ROWS])
    with pytest.raises(ValueError, match=r"end in a separator, give options=\{'index_col': False"):
        csv(tmp_path, text)
    X, y = contents(csv(tmp_path, text, chunksize=2, options={"index_col": False}))
    assert X.tolist() == [[0, 0.5], [1, 2.5], [2, 4.5], [3, 6.5], [4, 8.5], [5, 10.5]]
    assert "".join(y) == "ababab"
    text = table([*(f"{row}," for row in ROWS), "6,1.5,a,5"])
    with pytest.raises(ValueError, match=r"Line 8 of .* has more than 3 fields"):
        contents(csv(tmp_path, text, chunksize=2, options={"index_col": False}))


LAYOUTS = {
    "line breaks in quotes": ('a,b,y\n0,1,"x\ny"\n1,2,"z\n\nv"\n{}\n', {}, 7),
    "blank lines": ("a,b,y\n\n0,1,x\n  \n\n1,2,z\n{}\n", {}, 7),
    "comments": ('# "a, b\na,b,y\n0,1,x # y, z\n#\n1,2,z\n{}\n', {"comment": "#"}, 6),
    "skipped lines": ("x\nx,x,x,x\na,b,y\n0,1,x\n1,2,z\n{}\n", {"skiprows": 2}, 6),
    "skipped here and there": ("x\na,b,y\nx,x\n0,1,x\n{}\n", {"skiprows": [0, 2]}, 5),
    "skipped by a function": ("a,b,y\n0,1,x\nx\n{}\n", {"skiprows": lambda n: n == 2}, 4),
    "a later header": ("x,x,x\na,b,y\n0,1,x\n{}\n", {"header": 1}, 4),
    "CRLF": ("a,b,y\r\n0,1,x\r\n{}\r\n", {}, 3),
    "CR": ("a,b,y\r0,1,x\r{}\r", {}, 3),
    "quotes in a field": ('a,b,y\n0,1,5" pipe\n1,2,6" pipe\n{}\n', {}, 4),
    "other quotes": ("a,b,y\n0,1,'x,z\nw'\n{}\n", {"quotechar": "'"}, 4),
    "escapes": ("a,b,y\n0,1,x\\,z\n{}\n", {"escapechar": "\\"}, 3),
    "spaces": ('a, b, y\n0, 1, "x, z"\n{}\n', {"skipinitialspace": True}, 3),
    "no quotes": ('a,b,y\n0,1,"x\n{}\n', {"quoting": 3}, 3),
    "no header": ("0,1,x\n1,2,z\n{}\n", {"names": ["a", "b", "y"]}, 3),
}
FAULTS = {
    "too many": ("9,9,9,9", r"Line {} of .*rows\.csv has 4 fields"),
    "too few": ("9,9", r"Line {} of .*rows\.csv has 2 fields"),
    "text": ("9,oops,x", r"Column 'b' of .* holds 'oops' in line {} of .*rows\.csv"),
    "no label": ("9,9,", r"Column 'y' holds no label in line {} of .*rows\.csv"),
    "missing": (
        "9,,x",
        r"Input X contains NaN(?s:.*)\(line {} of .*rows\.csv\); the column is 'b'",
    ),
    "infinite": ("9,1e400,x", r"(?s:.*)line {} of .*rows\.csv"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_the_line_that_is_named_is_that_of_an_editor(tmp_path, layout, fault):
    text, options, line = LAYOUTS[layout]
    row, message = FAULTS[fault]
    (tmp_path / "rows.csv").write_bytes(text.format(row).encode())
    with pytest.raises(ValueError, match=message.format(line)):
        SoftmaxRegression().fit(CSVSource(tmp_path / "rows.csv", "y", chunksize=1, options=options))


def test_a_quote_that_never_ends_is_named_with_the_line_where_it_begins(tmp_path):
    with pytest.raises(ValueError, match=r"Line 3 of .*rows\.csv has a quote that never ends"):
        contents(csv(tmp_path, 'a,b,y\n0,1,x\n1,2,"z\n3,4,x\n'))


@settings(max_examples=40, deadline=None)
@given(
    fields=st.lists(
        st.tuples(st.integers(-9, 9), st.text("ab, \"'\n;#", max_size=6)), min_size=1, max_size=8
    ),
    place=st.integers(0, 8),
    chunksize=st.integers(1, 4),
    n_more=st.integers(-2, 2),
)
def test_every_row_is_read_or_named(tmp_path_factory, fields, place, chunksize, n_more):
    folder = tmp_path_factory.mktemp("rows")
    frame = pd.DataFrame(fields, columns=["a", "text"])
    frame["y"] = np.where(np.arange(len(frame)) % 2, "p", "q")
    lines = frame.to_csv(index=False, lineterminator="\r\n").split("\r\n")
    place = min(place, len(frame))
    if n_more:
        lines.insert(place + 1, ",".join("9" * (3 + n_more)))
    text = "\r\n".join(lines)
    (folder / "rows.csv").write_bytes(text.encode())
    if not n_more:
        X, y = contents(CSVSource(folder / "rows.csv", "y", ["a"], chunksize=chunksize))
        assert_array_equal(X.ravel(), frame["a"])
        assert_array_equal(y, frame["y"])
        return
    before = "\r\n".join(lines[: place + 1])
    line = len(re.findall("\r\n|\n", before)) + 2
    with pytest.raises(ValueError, match=rf"Line {line} of .* has {3 + n_more} fields"):
        contents(CSVSource(folder / "rows.csv", "y", ["a"], chunksize=chunksize))


# Separators, indexes, names.


@pytest.mark.parametrize(
    ("sep", "options"),
    [
        (";", {"sep": ";"}),
        (";", {"delimiter": ";"}),
        ("\t", {"sep": "\t"}),
        (";;", {"sep": ";;"}),
        (";;", {"delimiter": ";;"}),
        (" , ", {"sep": r"\s*,\s*"}),
        ("|", {"sep": r"\|"}),
        ("   ", {"sep": r"\s+"}),
        ("\u00a7", {"sep": "\u00a7"}),
        ("|", {"sep": None, "engine": "python"}),
    ],
)
def test_any_separator_is_followed_and_rows_are_counted(tmp_path, sep, options):
    X, y = contents(csv(tmp_path, table(sep=sep), chunksize=4, options=options))
    assert X.tolist() == [[0, 0.5], [1, 2.5], [2, 4.5], [3, 6.5], [4, 8.5], [5, 10.5]]
    assert "".join(y) == "ababab"
    for row in ("9,9,9,c", "9,9"):
        text = table(with_row(4, row), sep=sep)
        with pytest.raises(ValueError, match=r"Line 6 of .* fields|(no label in|has) row 4 of"):
            contents(csv(tmp_path, text, chunksize=4, options=options))


def test_a_column_without_a_name_does_not_become_a_feature_by_itself(tmp_path):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "y": ["p", "q", "p"]})
    frame.to_csv(tmp_path / "rows.csv")
    with pytest.raises(ValueError, match=r"rows\.csv has no name.*options=\{'index_col': 0\}"):
        CSVSource(tmp_path / "rows.csv", "y")
    source = CSVSource(tmp_path / "rows.csv", "y", options={"index_col": 0})
    assert source.columns == ["a"]
    assert contents(source)[0].tolist() == [[1], [2], [3]]
    chosen = CSVSource(tmp_path / "rows.csv", "y", columns=["Unnamed: 0", "a"])
    assert contents(chosen)[0].tolist() == [[0, 1], [1, 2], [2, 3]]


@pytest.mark.parametrize("index", [0, "i", ["i"], [0, 1], ["i", "a"], -1])
def test_an_index_is_left_out_and_its_rows_are_counted(tmp_path, index):
    header, rows = "i,a,b,y", [f"{7 - i},{row}" for i, row in enumerate(ROWS)]
    if index == -1:
        header, rows = "a,b,y,i", [f"{row},k" for row in ROWS]
    options = {"index_col": index}
    X, _ = contents(csv(tmp_path, table(rows, header), chunksize=4, options=options))
    assert X[:, -1].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5]
    for row in ("9,9,9,9,9", "9,9,9"):
        text = table([*rows, row], header)
        with pytest.raises(ValueError, match=r"Line 8 of .* fields, but 4"):
            contents(csv(tmp_path, text, chunksize=4, options=options))


def test_names_are_given_to_all_columns_or_refused(tmp_path):
    text = "0,1,p\n2,3,q\n"
    names = {"names": ["a", "b", "y"]}
    assert contents(csv(tmp_path, text, options=names))[0].tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ValueError, match=r"Line 1 of .* has 3 fields, but 2 columns have a name"):
        csv(tmp_path, text, options={"names": ["a", "y"]})
    with pytest.raises(ValueError, match="both 'names' and 'usecols'"):
        csv(tmp_path, text, options={"names": ["a", "y"], "usecols": [0, 2]})


def test_long_rows_are_left_out_on_demand(tmp_path):
    text = table(with_row(3, "9,9,9,c"))
    for options in ({"on_bad_lines": "skip"}, {"on_bad_lines": lambda row: None}):
        assert len(contents(csv(tmp_path, text, chunksize=3, options=options))[0]) == 6


def test_pandas_counts_or_the_package_does(tmp_path, monkeypatch):
    monkeypatch.setattr("softmax_reg.dataset.csv_files.counts_every_row", lambda: False)
    assert contents(csv(tmp_path, table()))[0].shape == (6, 2)
    with pytest.raises(ValueError, match=r"Line 5 of .* has 4 fields, but 3"):
        csv(tmp_path, table(with_row(3, "9,9,9,c")), chunksize=3)
    assert counts_every_row() == (int(pd.__version__.split(".")[0]) >= 3)


# Files that are cut off, or in another encoding.

COMPRESSED = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("fault", ["cut", "cut early", "another kind"])
def test_a_compressed_file_that_is_damaged_is_named(tmp_path, kind, fault):
    rows = [f"{i},{i % 7}.{i},{'ab'[i % 2]}" for i in range(20_000)]
    whole = COMPRESSED[kind](table(rows).encode())
    path = tmp_path / f"rows.csv.{kind}"
    path.write_bytes(whole)
    assert contents(CSVSource(path, "y", chunksize=5000))[0].shape == (20_000, 2)
    n = {"cut": len(whole) // 2, "cut early": 20}
    path.write_bytes(b"a,y\n1,2\n" if fault == "another kind" else whole[: n[fault]])
    with pytest.raises(ValueError, match=rf"rows\.csv\.{kind} is cut off or damaged"):
        SoftmaxRegression().fit(CSVSource(path, "y", chunksize=5000))


def test_lines_are_counted_in_compressed_files_too(tmp_path):
    text = table(with_row(4, "9,oops,a")).encode()
    for kind, compress in COMPRESSED.items():
        (tmp_path / f"rows.csv.{kind}").write_bytes(compress(text))
    with zipfile.ZipFile(tmp_path / "rows.csv.zip", "w") as archive:
        archive.writestr("rows.csv", text)
    for kind in (*COMPRESSED, "zip"):
        with pytest.raises(ValueError, match=rf"'oops' in line 6 of .*rows\.csv\.{kind}"):
            contents(CSVSource(tmp_path / f"rows.csv.{kind}", "y"))
    with zipfile.ZipFile(tmp_path / "rows.csv.zip", "a") as archive:
        archive.writestr("more.csv", text)
    with pytest.raises(ValueError, match=r"cannot read .*rows\.csv\.zip: Multiple files"):
        CSVSource(tmp_path / "rows.csv.zip", "y")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1", "utf-8-sig"])
@pytest.mark.parametrize("place", ["label", "late label", "header"])
def test_another_encoding_is_told_with_its_remedy(tmp_path, encoding, place):
    rows = (
        [row.replace("a", "\u00e9") for row in ROWS] if place == "label" else [*ROWS, "7,8,\u00e9"]
    )
    header = "a,\u00e9,y" if place == "header" else "a,b,y"
    (tmp_path / "rows.csv").write_bytes(table(rows, header).encode(encoding))
    options = None
    if encoding != "utf-8-sig":
        with pytest.raises(ValueError, match=r"rows\.csv is not text in utf-8") as error:
            contents(CSVSource(tmp_path / "rows.csv", "y", chunksize=2))
        assert f"options={{'encoding': '{encoding}'}}" in str(error.value)
        options = {"encoding": encoding}
    X, y = contents(CSVSource(tmp_path / "rows.csv", "y", chunksize=2, options=options))
    assert X[1].tolist() == [1, 2.5]
    assert "\u00e9" in y


# Labels.


def test_a_label_that_pandas_takes_for_missing_is_a_class_on_demand(tmp_path):
    for label in ("NA", "None", "null"):
        text = table(with_row(4, f"9,9,{label}"))
        with pytest.raises(ValueError, match=r"no label in line 6 .*'keep_default_na': False"):
            contents(csv(tmp_path, text, chunksize=2))
        X, y = contents(csv(tmp_path, text, chunksize=2, options={"keep_default_na": False}))
        assert y[4] == label
        assert X.shape == (7, 2)


@pytest.mark.parametrize("label", ["", '""'])
@pytest.mark.parametrize("options", [{}, {"keep_default_na": False}, {"dtype": {"y": str}}])
def test_an_empty_label_is_never_a_class(tmp_path, label, options):
    with pytest.raises(ValueError, match="Column 'y' holds no label in line 6 of"):
        contents(csv(tmp_path, table(with_row(4, f"9,9,{label}")), chunksize=2, options=options))


def test_labels_of_two_kinds_are_named_with_the_remedy(tmp_path):
    text = table(["1,2,0", "1,2,1", "1,2,0", "1,2,x"])
    with pytest.raises(ValueError, match=r"holds 'x' in line 5 .*'dtype': \{'y': str\}"):
        contents(csv(tmp_path, text, chunksize=2))
    assert "".join(contents(csv(tmp_path, text, options={"dtype": {"y": str}}))[1]) == "010x"
    with pytest.raises(ValueError, match=r"label of row 2, counted from 0 \(line 4 of .* is 0\.5"):
        SoftmaxRegression().fit(csv(tmp_path, table(["1,2,0", "1,2,1", "1,2,0.5"]), chunksize=1))


# Numbers.


@pytest.mark.parametrize("number", ["1e400", "-1e400", "9" * 400, "1" + "0" * 309])
def test_a_number_that_overflows_is_named(tmp_path, number):
    with pytest.raises(ValueError, match=r"line 6 of .*rows\.csv") as error:
        SoftmaxRegression().fit(csv(tmp_path, table(with_row(4, f"9,{number},a")), chunksize=2))
    assert "infinity" in str(error.value) or "beyond the floats" in str(error.value)


def test_numbers_that_only_float64_holds_are_named_in_float32_and_read_in_float64(tmp_path):
    text = table([*with_row(4, "9,1e39,a"), f"{'9' * 25},1,b"])
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)(?s:.*)line 6 of"):
        SoftmaxRegression().fit(csv(tmp_path, text, dtype="float32"))
    X, _ = contents(csv(tmp_path, text, chunksize=2))
    assert (X[4, 1], X[-1, 0]) == (1e39, 1e25)


def test_text_that_may_be_numbers_with_commas_is_told_the_options(tmp_path):
    text = 'a;b;y\n1;"1,5";p\n2;"2,5";q\n'
    with pytest.raises(ValueError, match=r"holds '1,5' in line 2 .*'decimal': ','"):
        contents(csv(tmp_path, text, options={"sep": ";"}))
    X, _ = contents(csv(tmp_path, text, options={"sep": ";", "decimal": ","}))
    assert X[:, 1].tolist() == [1.5, 2.5]


@pytest.mark.parametrize("chunksize", [0, -1, 1.5, "10"])
def test_a_chunksize_that_is_no_number_of_rows_is_refused(tmp_path, chunksize):
    with pytest.raises(ValueError, match="chunksize must be an integer of at least 1"):
        csv(tmp_path, table(), chunksize=chunksize)


@pytest.mark.parametrize("dtype", ["int64", "float16", "int8", object])
def test_a_dtype_that_would_cut_values_is_refused(tmp_path, dtype):
    with pytest.raises(ValueError, match="dtype must be float32 or float64, got"):
        csv(tmp_path, table(), dtype=dtype)


def test_weights_that_cannot_be_used_are_named(tmp_path):
    for weight, message in {
        "heavy": "Column 'w' of .* holds 'heavy' in line 4",
        "": r"not negative, got nan in row 2, counted from 0 \(line 4 of",
        "-1": r"not negative, got -1\.0 in row 2, counted from 0 \(line 4 of",
    }.items():
        text = table(["1,1,p", "2,1,q", f"3,{weight},p"], "a,w,y")
        with pytest.raises(ValueError, match=message):
            SoftmaxRegression().fit(csv(tmp_path, text, sample_weight="w", chunksize=2))


def test_a_folder_and_an_engine_without_batches_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder\. Give CSVSource its files"):
        CSVSource(tmp_path, "y")
    with pytest.raises(ValueError, match="engine 'pyarrow', which reads no batches"):
        csv(tmp_path, table(), options={"engine": "pyarrow"})


def test_a_file_that_changes_during_a_fit_is_noticed(tmp_path):
    path = tmp_path / "rows.csv"

    class Changing(CSVSource):
        n_passes = 0

        def __iter__(self):
            self.n_passes += 1
            if self.n_passes == 3:
                path.write_text(table(with_row(1, "1,2.75,b")[:2] + ROWS[2:]), encoding="utf-8")
            return super().__iter__()

    path.write_text(table(), encoding="utf-8")
    with pytest.raises(ValueError, match=r"other features.* in row 1 than in the first pass"):
        SoftmaxRegression().fit(Changing(path, "y", chunksize=2))


def test_no_memory_is_not_told_as_a_fault_of_the_file(tmp_path, monkeypatch):
    (tmp_path / "rows.csv").write_text("a,y\n1,0\n2,1\n")
    source = CSVSource(tmp_path / "rows.csv", target="y", chunksize=1000)

    def read_csv(*args, **options):
        raise pd.errors.ParserError("Error tokenizing data. C error: out of memory")

    monkeypatch.setattr(pd, "read_csv", read_csv)
    with pytest.raises(MemoryError, match=r"rows.csv. Read fewer at a time: chunksize=250"):
        list(source)
