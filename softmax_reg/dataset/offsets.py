"""What users give as an offset: numbers that are added to the scores, of known coefficient 1."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown

__all__ = ["OffsetParts", "as_offset"]


def as_offset(offset: Any, n_rows: int, classes: NDArray, name: str = "offset") -> NDArray:
    """Return what is added to the scores, shape (n_rows, n_outputs), float64.

    Parameters
    ----------
    offset : array-like of shape (n_rows, n_classes), or (n_rows,) with two classes; or 0
        The columns of a DataFrame are put in the order of the classes, by name.
    n_rows : int
    classes : ndarray of shape (n_classes,)
        With two of them the score of the first is 0: n_outputs is 1, and the offset of the second
        that beside the first.
    name : str, default="offset"
        For messages.

    Raises
    ------
    ValueError
        If the shape is another, a column is no class, or a number is not finite.
    """
    K, is_binary = len(classes), len(classes) == 2
    wanted = f"({n_rows}, {K}), a number for each row of X and class"
    if is_binary:
        wanted += f", or ({n_rows},), what the score of {shown(classes[1])} has beside the other"
    columns = getattr(offset, "columns", None)
    if columns is not None and not np.array_equal(columns, np.arange(K)):
        if len(columns) != K or set(columns) != set(classes.tolist()):
            raise ValueError(
                f"The columns of {name} are {shown(list(columns))}, but the classes are "
                f"{shown(classes)}. Give a column for each class, named after it."
            )
        places = {label: place for place, label in enumerate(columns)}
        offset = offset.iloc[:, [places[label] for label in classes.tolist()]]
    try:
        M = np.asarray(offset, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must hold numbers, of shape {wanted}; {error}.") from error
    if M.ndim == 0 and M == 0.0:
        M = np.zeros((n_rows, 1 if is_binary else K))
    elif M.shape == (n_rows, K):
        M = M[:, 1:] - M[:, :1] if is_binary else M
    elif M.shape == (n_rows,) and is_binary:
        M = M[:, np.newaxis]
    else:
        raise ValueError(f"{name} must have the shape {wanted}; got the shape {M.shape}.")
    bad = np.flatnonzero(~np.isfinite(M).all(axis=1))
    if len(bad):
        raise ValueError(
            f"{name} must be finite, but row {bad[0]} is {shown(np.asarray(offset)[bad[0]])}. "
            "Mend or leave out such rows."
        )
    return M


class OffsetParts:
    """The offset of rows that come in batches.

    Parameters
    ----------
    offset : array-like, 0 or None
        Of all rows.
    """

    def __init__(self, offset: Any) -> None:
        self._offset, self._n = offset, 0
        self._is_whole = offset is None or np.ndim(offset) == 0

    def next(self, X: Any) -> Any:
        """Return the offset of the rows of the next batch, not checked.

        Raises
        ------
        ValueError
            If it has fewer rows.
        """
        if self._is_whole:
            return self._offset
        rows = slice(self._n, self._n + (X.shape[0] if hasattr(X, "shape") else len(X)))
        self._n = rows.stop
        if rows.stop > len(self._offset):
            raise ValueError(f"offset has {len(self._offset)} rows, but the source has more.")
        if hasattr(self._offset, "iloc"):
            return self._offset.iloc[rows]
        return self._offset[rows]

    def end(self) -> None:
        """Raise ValueError if there are rows that no batch had."""
        if not self._is_whole and self._n != len(self._offset):
            raise ValueError(
                f"offset has {len(self._offset)} rows, but the source has {self._n}. Give one for "
                "each of its rows."
            )
