"""Write iris.csv, wine.csv and digits.csv from the tables bundled with scikit-learn.

Run from anywhere: ``python data/make_data.py [folder]``; the default folder is this file's own.
Numbers are written with the fewest digits that read back as the same float.
"""

import csv
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from sklearn.datasets import load_digits, load_iris, load_wine

# name of the table: (loader, name of the target column)
TABLES = {
    "iris": (load_iris, "species"),
    "wine": (load_wine, "cultivar"),
    "digits": (load_digits, "digit"),
}


def column_name(feature_name: str) -> str:
    """Return ``sepal_length_cm`` for ``sepal length (cm)``: letters, digits and underscores."""
    cleaned = feature_name.replace("(", "").replace(")", "")
    return cleaned.replace(" ", "_").replace("/", "_")


def number(value: float) -> str:
    """Return the shortest text that reads back as ``value``, without a trailing ``.0``."""
    return repr(float(value)).removesuffix(".0")


def rows(table: str) -> Iterator[list[str]]:
    """Yield the header of ``table`` and then its samples, target last."""
    load, target_column = TABLES[table]
    bunch = load()
    yield [*map(column_name, bunch.feature_names), target_column]
    for features, target in zip(bunch.data, bunch.target, strict=True):
        yield [*map(number, features), str(bunch.target_names[target])]


def main(folder: Path) -> None:
    """Write every table into ``folder`` and print its checksum."""
    for table in TABLES:
        path = folder / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows(table))
        print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
