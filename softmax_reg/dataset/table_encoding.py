"""From the columns of a table to numbers: text as one-hot columns, a number for each missing one.

scikit-learn's `OneHotEncoder` and `SimpleImputer` do it for each batch; what they have to know is
learned from all rows in one pass before, and is so little that a model keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import OneHotEncoder, SimpleImputer, cached_property
from softmax_reg._npz.checks import numbers as checked_numbers
from softmax_reg._npz.checks import require

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableEncoding", "as_text"]

# Encoded rows of which a smaller share is not zero are kept sparse.
_DENSE = 0.3


def as_text(column: pd.Series) -> NDArray:
    """Return categories as text, with NaN for missing ones: shape (n_rows,), dtype object.

    The text of a whole number has no decimal point, whatever its type: a column of integers is one
    of floats where a value is missing.
    """
    missing = column.isna().to_numpy(dtype=bool)
    values = column.to_numpy(dtype=object)
    if all(type(value) is str for value in values[~missing]):
        return np.where(missing, np.nan, values)
    text = [np.nan if gone else _text(v) for v, gone in zip(values, missing, strict=True)]
    return np.array(text, dtype=object)


def _text(value: Any) -> str:
    is_whole = isinstance(value, float | np.floating) and float(value).is_integer()
    return str(int(value)) if is_whole else str(value)


@dataclass(frozen=True, eq=False)
class TableEncoding:
    """What makes numbers of the columns of a table; the `encoding_` of a fitted model.

    The features are the columns of numbers, then for each other column one of 0 and 1 for each of
    its categories.  A category that is not among them makes all of these 0.

    Parameters
    ----------
    numbers : tuple of str
        The columns of numbers.
    categories : dict of str to ndarray of dtype object
        For each other column its categories: text, and NaN at the end if a missing value is one.
    fill : ndarray of shape (len(numbers),), float64, or None
        What stands for a missing number in each column; None leaves NaN, which a fit refuses.
    dtype : dtype
        Of the features: float32 or float64.

    Examples
    --------
    >>> import pandas as pd
    >>> from softmax_reg.dataset.table_encoding import TableEncoding
    >>> encoding = TableEncoding(("age",), {"city": ["Oslo", "Rome"]}, [40.0])
    >>> encoding.transform(pd.DataFrame({"city": ["Rome", "Bonn"], "age": [None, 18]}))
        age  city_Oslo  city_Rome
    0  40.0        0.0        1.0
    1  18.0        0.0        0.0
    """

    numbers: tuple[str, ...]
    categories: Mapping[str, Any]
    fill: Any = None
    dtype: Any = np.float64

    @property
    def columns(self) -> list[str]:
        """The columns of a table that it needs."""
        return [*self.numbers, *self.categories]

    @cached_property
    def feature_names(self) -> NDArray:
        """The names of the features, shape (n_features,), dtype object."""
        names = [*self.numbers]
        if self.categories:
            names += self._one_hot.get_feature_names_out(list(self.categories)).tolist()
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(
                f"Two features would have the name {twice!r}: that of a column, or of a category "
                "with the name of its column before it. Rename the column."
            )
        return np.array(names, dtype=object)

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return len(self.feature_names)

    @property
    def is_sparse(self) -> bool:
        """Whether `transform` returns a CSR array: where most of the features are 0."""
        return len(self.columns) < _DENSE * self.n_features

    @cached_property
    def _one_hot(self) -> Any:
        categories = [np.array(known, dtype=object) for known in self.categories.values()]
        first = np.array([[known[0] for known in categories]], dtype=object)
        encoder = OneHotEncoder(categories=categories, handle_unknown="ignore", dtype=self.dtype)
        # Whatever `sklearn.set_config` says of outputs.
        return encoder.set_output(transform="default").fit(first)

    @cached_property
    def _imputer(self) -> Any:
        # The mean of one row is that row.
        imputer = SimpleImputer().set_output(transform="default")
        return imputer.fit(np.array([self.fill], dtype=np.float64))

    def is_raw(self, X: Any) -> bool:
        """Return whether X is a table as it was before the encoding."""
        return hasattr(X, "iloc") and list(X.columns) != self.feature_names.tolist()

    def transform(self, frame: pd.DataFrame) -> Any:
        """Return the features of a table.

        Parameters
        ----------
        frame : DataFrame
            With at least `columns`, in any order.

        Returns
        -------
        X : DataFrame or CSR array of shape (n_rows, n_features)

        Raises
        ------
        ValueError
            If a column is missing, or holds text where there were numbers.
        """
        import pandas as pd

        if missing := [name for name in self.columns if name not in frame.columns]:
            raise ValueError(
                f"X lacks the columns {shown(missing)}. The model was fitted on "
                f"{shown(self.columns)}, and encodes these itself: give a table that has them."
            )
        X = np.empty((len(frame), len(self.numbers)), dtype=self.dtype)
        for place, name in enumerate(self.numbers):
            X[:, place] = _as_numbers(frame[name])
        if self.fill is not None and self.numbers:
            X = self._imputer.transform(X)
        if self.categories:
            text = np.column_stack([as_text(frame[name]) for name in self.categories])
            one_hot = self._one_hot.transform(text)
            if self.is_sparse:
                return sp.csr_array(sp.hstack([sp.csr_array(X), one_hot], format="csr"))
            X = np.hstack([X, one_hot.toarray()])
        return pd.DataFrame(X, columns=self.feature_names)

    def to_arrays(self) -> dict[str, NDArray]:
        """Return what `from_arrays` makes the same encoding of, without objects."""
        known = [np.array(values, dtype=object) for values in self.categories.values()]
        has_missing = [type(values[-1]) is not str for values in known]
        texts = [v[: len(v) - m].tolist() for v, m in zip(known, has_missing, strict=True)]
        return {
            "numbers": np.array(self.numbers, dtype=str),
            "columns": np.array(list(self.categories), dtype=str),
            "categories": np.array([text for column in texts for text in column], dtype=str),
            "counts": np.array([len(column) for column in texts], dtype=np.int64),
            "has_missing": np.array(has_missing, dtype=bool),
            "fill": np.array([] if self.fill is None else self.fill, dtype=np.float64),
            "is_filled": np.array(self.fill is not None),
            "like": np.empty(0, dtype=self.dtype),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> Self:
        """Return the encoding of which `to_arrays` made these.

        Raises
        ------
        Damaged
            If they are not those of an encoding.
        """
        names = {"numbers", "columns", "categories", "counts", "has_missing", "fill"}
        require(arrays.keys() == names | {"is_filled", "like"}, "encoding_ is not whole")
        for name in ("numbers", "columns", "categories"):
            is_text = arrays[name].ndim == 1 and arrays[name].dtype.kind == "U"
            require(is_text, f"encoding_/{name} is no array of text")
        n_texts, n_numbers = len(arrays["columns"]), len(arrays["numbers"])
        counts = checked_numbers(arrays["counts"], "encoding_/counts", (n_texts,), "i")
        has_missing = arrays["has_missing"]
        is_right = has_missing.shape == (n_texts,) and has_missing.dtype == bool
        require(is_right and (counts >= 0).all(), "encoding_/counts are no counts")
        # Python's integers: a sum of 64 bits may overflow.
        n_known = sum(counts.tolist())
        require(n_known == len(arrays["categories"]), "encoding_/categories are not as counted")
        require(bool((counts + has_missing > 0).all()), "encoding_ has a column without categories")
        is_filled, like = arrays["is_filled"], arrays["like"]
        is_right = is_filled.shape == () and is_filled.dtype == bool
        is_right = is_right and like.dtype in (np.float32, np.float64) and like.shape == (0,)
        require(is_right, "encoding_ has another layout")
        fill = checked_numbers(arrays["fill"], "encoding_/fill", (n_numbers * bool(is_filled),))
        edges, categories = np.cumsum(counts), arrays["categories"].astype(object)
        parts = np.split(categories, edges[:-1]) if n_texts else []
        known = {
            name: np.append(part, np.nan) if missing else part
            for name, part, missing in zip(
                arrays["columns"].tolist(), parts, has_missing.tolist(), strict=True
            )
        }
        require(len(known) == n_texts, "encoding_ has a column twice")
        require(n_texts + n_numbers > 0, "encoding_ has no columns")
        numbers = tuple(arrays["numbers"].tolist())
        found = cls(numbers, known, fill if is_filled else None, like.dtype)
        require(len(set(found.columns)) == len(found.columns), "encoding_ has a column twice")
        for values in known.values():
            require(len(set(values.tolist())) == len(values), "encoding_ has a category twice")
        return found


def _as_numbers(column: pd.Series) -> NDArray[np.float64]:
    try:
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Column {column.name!r} of X cannot be used: {error}. The model was fitted on numbers "
            "there."
        ) from error
