"""The tables in data/ hold what their source holds, as data/README.md describes them."""

import ast
import csv
import hashlib
import importlib.util
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits, load_iris, load_wine

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
LOADERS = {"iris": load_iris, "wine": load_wine, "digits": load_digits}

each_table = pytest.mark.parametrize("table", LOADERS)


def described_row(table):
    """Return the cells of the table's row in the overview of data/README.md."""
    lines = (DATA / "README.md").read_text(encoding="utf-8").splitlines()
    (line,) = [line for line in lines if line.startswith(f"| `{table}.csv`")]
    return [cell.strip().strip("`") for cell in line.strip("|").split("|")]


@each_table
def test_a_table_reads_back_as_its_source_to_the_last_bit(table):
    source = LOADERS[table]()
    with (DATA / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        header, *samples = csv.reader(file)
    X = np.array([[float(cell) for cell in sample[:-1]] for sample in samples])
    y = np.array([sample[-1] for sample in samples])
    assert len(set(header)) == len(header) == source.data.shape[1] + 1
    np.testing.assert_array_equal(X, source.data)
    np.testing.assert_array_equal(y, source.target_names[source.target].astype(str))


@each_table
def test_pandas_reads_the_exact_numbers_and_finds_no_gaps(table):
    frame = pd.read_csv(DATA / f"{table}.csv")
    features = frame.iloc[:, :-1]
    assert all(pd.api.types.is_numeric_dtype(dtype) for dtype in features.dtypes)
    assert not frame.isna().any(axis=None)
    np.testing.assert_array_equal(features.to_numpy(), LOADERS[table]().data)


@each_table
def test_the_readme_states_rows_features_target_and_checksum_of_a_table(table):
    _, n_rows, n_features, target, _, checksum = described_row(table)
    path = DATA / f"{table}.csv"
    frame = pd.read_csv(path)
    assert (len(frame), frame.shape[1] - 1) == (int(n_rows), int(n_features))
    assert frame.columns[-1] == target
    assert hashlib.sha256(path.read_bytes()).hexdigest() == checksum


@pytest.mark.parametrize("table", ["iris", "wine"])
def test_the_readme_explains_every_column_of_a_table(table):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for column in pd.read_csv(DATA / f"{table}.csv", nrows=0).columns:
        assert f"`{column}`" in readme


def test_the_script_writes_the_tables_as_they_are(tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("make_data", DATA / "make_data.py")
    make_data = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_data)
    make_data.main(tmp_path)
    printed = dict(reversed(line.split()) for line in capsys.readouterr().out.splitlines())
    assert sorted(printed) == sorted(path.name for path in DATA.glob("*.csv"))
    for name, checksum in printed.items():
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes()
        assert checksum == described_row(Path(name).stem)[-1]


def test_no_module_of_the_package_refers_to_the_data_folder():
    reference = re.compile(r"(^|[\s\"'(`/])data/")
    for path in (ROOT / "softmax_reg").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{path.name}, line {node.lineno}" if hasattr(node, "lineno") else ""
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert not reference.search(node.value), where
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                assert getattr(node.right, "value", None) != "data", where
