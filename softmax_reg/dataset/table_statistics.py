"""What a table's encoding has to know, from its rows a chunk at a time: categories and means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.table_encoding import TableEncoding, as_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AUTO", "TableStatistics", "checked_categories", "checked_missing"]

AUTO = "auto"

# A column with more different texts holds names or numbers of rows, as a rule.
_MOST_CATEGORIES = 10_000


def checked_categories(categories: Any) -> str | dict[str, NDArray | None]:
    """Return "auto", or for each column to encode its categories; None where they are not given.

    Raises
    ------
    ValueError
        If `categories` is nothing of the kind.
    """
    import pandas as pd

    if categories is None:
        return {}
    if isinstance(categories, str):
        if categories == AUTO:
            return AUTO
        raise ValueError(
            f"categories must be 'auto', a list of columns or a dict, got {shown(categories)}. For "
            f"one column give categories=[{shown(categories)}]."
        )
    if not isinstance(categories, Mapping):
        if not isinstance(categories, Iterable):
            raise ValueError(
                f"categories must be 'auto', a list of columns or a dict, got {shown(categories)}."
            )
        return dict.fromkeys(categories)
    known: dict[str, NDArray | None] = {}
    for name, values in categories.items():
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise ValueError(
                f"categories={{{name!r}: ...}} must give a list of categories, got {shown(values)}."
            )
        texts = as_text(pd.Series(list(values), dtype=object))
        is_text = np.array([type(text) is str for text in texts], dtype=bool)
        sorted_texts = np.array(texts[is_text].tolist() + [np.nan] * (not is_text.all()), object)
        if not len(sorted_texts) or len(set(texts[is_text])) < np.count_nonzero(is_text):
            raise ValueError(
                f"categories={{{name!r}: ...}} must hold each category once, and at least one; got "
                f"{shown(list(values))}."
            )
        known[name] = sorted_texts
    return known


def checked_missing(missing: Any) -> str | float | None:
    """Return what stands for a missing number: None, "mean" or a number.

    Raises
    ------
    ValueError
        If it is nothing of the kind.
    """
    if missing is None or (isinstance(missing, str) and missing == "mean"):
        return missing
    is_number = isinstance(missing, Real) and not isinstance(missing, bool)
    if not is_number or not np.isfinite(float(missing)):
        raise ValueError(
            f"missing must be 'mean', a number, or None, which refuses rows with a missing number; "
            f"got {shown(missing)}. A median is known only when all rows are in memory."
        )
    return float(missing)


class TableStatistics:
    """Categories and means of the columns of a table.

    Parameters
    ----------
    numbers : list of str
        The columns of numbers.
    categories : dict of str to ndarray or None
        The other columns, and their categories where they are given.
    missing : "mean", float or None
    """

    def __init__(
        self,
        numbers: list[str],
        categories: Mapping[str, NDArray | None],
        missing: str | float | None,
    ) -> None:
        self._numbers, self._given, self._missing = numbers, categories, missing
        self._sums, self._counts = np.zeros(len(numbers)), np.zeros(len(numbers), dtype=np.int64)
        # Keys in the order in which they appear; NaN is None here, for it is not equal to itself.
        self._found: dict[str, dict[str | None, None]] = {
            name: {} for name, known in categories.items() if known is None
        }

    @property
    def needs_rows(self) -> bool:
        """Whether anything has to be learned."""
        return bool(self._found) or (self._missing == "mean" and bool(self._numbers))

    def add(self, frame: pd.DataFrame, place_of: Callable[[int], str]) -> None:
        """Take in the features of some rows; `place_of` tells where one of them stands.

        Raises
        ------
        ValueError
            If a column of numbers holds infinity, or one of text too many categories.
        """
        for name, found in self._found.items():
            texts = frame[name].drop_duplicates()
            found.update(dict.fromkeys(t if type(t) is str else None for t in as_text(texts)))
            if len(found) > _MOST_CATEGORIES:
                raise ValueError(
                    f"Column {name!r} holds more than {_MOST_CATEGORIES} categories, such as "
                    f"{shown(next(reversed(found)))}, too many to learn from. Leave it out, with "
                    f"columns=[...], or name those that count: categories={{{name!r}: [...]}}."
                )
        if self._missing != "mean" or not self._numbers:
            return
        values = frame[self._numbers].to_numpy(dtype=np.float64, na_value=np.nan)
        if (is_infinite := np.isinf(values)).any():
            row, column = np.argwhere(is_infinite)[0]
            raise ValueError(
                f"Column {self._numbers[column]!r} holds infinity in {place_of(int(row))}, and so "
                "has no mean. Leave the row or the column out, or correct it."
            )
        self._sums += np.nansum(values, axis=0)
        self._counts += np.count_nonzero(~np.isnan(values), axis=0)

    def encoding(self, dtype: Any) -> TableEncoding:
        """Return the encoding of the rows so far.

        Raises
        ------
        ValueError
            If a column has no values.
        """
        fill = None
        if self._missing == "mean":
            if len(empty := np.flatnonzero(self._counts == 0)):
                raise ValueError(
                    f"Column {self._numbers[empty[0]]!r} holds no number in any row. Leave it out, "
                    "with columns=[...]."
                )
            fill = self._sums / self._counts
        elif self._missing is not None:
            fill = np.full(len(self._numbers), self._missing)
        known = {
            name: _sorted(self._found[name]) if values is None else values
            for name, values in self._given.items()
        }
        encoding = TableEncoding(tuple(self._numbers), known, fill, dtype)
        encoding.feature_names  # noqa: B018  (which may be there twice)
        return encoding


def _sorted(found: Mapping[str | None, None]) -> NDArray:
    texts: list[Any] = sorted(text for text in found if text is not None)
    return np.array(texts + [np.nan] * (None in found), dtype=object)
