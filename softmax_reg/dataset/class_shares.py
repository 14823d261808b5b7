"""What users give in place of labels: for each row a share of every class, or a count of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.labels import encode_labels
from softmax_reg.dataset.targets import ClassShares

__all__ = ["are_class_shares", "class_counts", "class_shares"]

# The shares of a row may miss 1 by so much; they are divided by their sum.
_OFF = 1e-6


def are_class_shares(y: Any) -> bool:
    """Return whether y has a column for each of several classes, in place of labels."""
    return np.ndim(y) == 2 and np.shape(y)[1] > 1


def class_shares(
    Y: Any, classes: Any, n_rows: int, dtype: Any, name: str = "Y"
) -> tuple[NDArray, ClassShares]:
    """Return the sorted classes, and the shares that rows have of them.

    Parameters
    ----------
    Y : array-like or sparse matrix of shape (n_rows, n_classes)
        Not negative; the sum of each row is 1.
    classes : array-like of shape (n_classes,) or None
        The labels of the columns; None means the names of its columns, or 0, 1, ...
    n_rows : int
    dtype : dtype
        Of the shares.
    name : str, default="Y"
        For messages.

    Raises
    ------
    ValueError
        If Y or the classes cannot be used; it says which row.
    """
    classes, table = _table(Y, classes, n_rows, name)
    with np.errstate(over="ignore"):
        sums = table.sum(axis=1)
    wrong = np.flatnonzero(~(np.abs(sums - 1.0) <= _OFF))
    if len(wrong):
        row = wrong[0]
        raise ValueError(
            f"The shares of the classes in each row of {name} must sum to 1, but row {row}, "
            f"{shown(table[row])}, sums to {sums[row]:.6g}. Divide each row by its sum; counts are "
            "for fit_counts."
        )
    return classes, _shares(table, sums, dtype)


def class_counts(
    N: Any, classes: Any, n_rows: int, dtype: Any
) -> tuple[NDArray, ClassShares, NDArray[np.float64]]:
    """Return the sorted classes, the shares that rows have of them, and the sum of each row.

    Parameters
    ----------
    N, classes, n_rows, dtype
        As for `class_shares`, but rows may have any sum.
    """
    classes, table = _table(N, classes, n_rows, "N")
    with np.errstate(over="ignore"):
        sums = table.sum(axis=1)
    if not np.isfinite(sums).all():
        row = np.flatnonzero(~np.isfinite(sums))[0]
        raise ValueError(f"The counts of row {row} of N are too large to be summed: divide them.")
    empty = sums == 0.0
    if empty.all():
        raise ValueError("N is zero everywhere: there is nothing to fit. Give some counts.")
    table[empty, 0] = 1.0  # any class will do for what has no weight
    return classes, _shares(table, np.where(empty, 1.0, sums), dtype), sums


def _table(Y: Any, classes: Any, n_rows: int, name: str) -> tuple[NDArray, NDArray[np.float64]]:
    """Return the sorted classes, and Y as a new float64 array with its columns in their order."""
    if classes is None:
        columns = getattr(Y, "columns", None)
        classes = range(np.shape(Y)[1] if np.ndim(Y) == 2 else 0) if columns is None else columns
    labels = np.asarray(list(classes))
    if labels.ndim != 1:
        raise ValueError(
            f"The classes of the columns of {name} must be one label each, got {shown(labels)}."
        )
    try:
        table = np.array(Y.toarray() if sp.issparse(Y) else Y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must hold numbers, one for each row and class: {error}."
        ) from error
    if table.ndim != 2 or table.shape[0] != n_rows:
        raise ValueError(
            f"{name} must have a row for each of the {n_rows} rows of X and a column for each "
            f"class; got the shape {table.shape}. Labels, one for each row, are for fit."
        )
    if len(labels) != table.shape[1]:
        raise ValueError(
            f"classes names {len(labels)} classes, {shown(labels)}, but {name} has "
            f"{table.shape[1]} columns. Give one label for each column."
        )
    if len(labels) < 2:
        raise ValueError(f"{name} must have columns of at least 2 classes, got {len(labels)}.")
    # Each label thrice: one that appears but once looks like a number, not like a class.
    sorted_classes, codes = encode_labels(np.repeat(labels, 3))
    codes = codes[::3]
    if len(sorted_classes) < len(labels):
        raise ValueError(f"The classes of the columns of {name} must differ, got {shown(labels)}.")
    bad = np.argwhere(~(np.isfinite(table) & (table >= 0.0)))
    if len(bad):
        row, column = bad[0]
        raise ValueError(
            f"{name} must be finite and not negative, but row {row} has {table[row, column]} for "
            f"the class {shown(labels[column])}. Mend or leave out such rows."
        )
    return sorted_classes, table[:, np.argsort(codes)]


def _shares(table: NDArray[np.float64], sums: NDArray[np.float64], dtype: Any) -> ClassShares:
    return ClassShares((table / sums[:, np.newaxis]).astype(dtype, order="F"))
