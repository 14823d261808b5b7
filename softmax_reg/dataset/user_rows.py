"""What users give for X: arrays, tables before their encoding, sources, names of files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import (
    check_array,
    check_is_fitted,
    check_n_features,
    check_X_y,
    validate_data,
)
from softmax_reg.dataset.namespaces import as_computed, place_for
from softmax_reg.dataset.offsets import OffsetParts
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.streams import iterate, read_ahead

__all__ = [
    "batches_for",
    "by_batches",
    "labelled_batches",
    "labels_of",
    "refuse_file_name",
    "refuse_no_labels",
    "refuse_others",
    "refuse_unlabelled",
    "source_for",
    "validated",
    "weighted_mean",
]

Method = TypeVar("Method", bound=Callable[..., Any])

_NO_LABELS = "no_validation"
_READ_BY = {
    ".parquet": "ParquetSource({path}, target={target})",
    ".parq": "ParquetSource({path}, target={target})",
    ".pq": "ParquetSource({path}, target={target})",
}


def validated(
    estimator: Any,
    X: Any,
    y: Any = _NO_LABELS,
    reset: bool = False,
    sparse: Any = ("csr", "csc"),
) -> Any:
    """Return X, and y if it is given, as scikit-learn checks them.

    A table that holds the columns that the model was fitted on is encoded as those were.

    Parameters
    ----------
    estimator : estimator
        With `encoding_`, if its features are encoded.
    X : {array-like, sparse matrix, DataFrame}
    y : array-like, default="no_validation"
        The default is that of scikit-learn where there are to be no labels.
    reset : bool, default=False
        Whether X may have other features than the estimator knows.
    sparse : str or tuple of str, default=("csr", "csc")
        The sparse formats that are kept.

    Raises
    ------
    ValueError
        If X or y cannot be used.
    """
    refuse_file_name(X, is_to_learn=reset)
    encoding = getattr(estimator, "encoding_", None)
    if encoding is not None and not reset:
        X = encoding.transform(X) if encoding.is_raw(X) else X
        if sp.issparse(X):  # whose columns have no names that could be compared
            check_n_features(estimator, X, reset=False)
            how = {"accept_sparse": sparse, "dtype": as_computed(X)[1], "estimator": estimator}
            is_alone = isinstance(y, str) and y == _NO_LABELS
            return check_array(X, **how) if is_alone else check_X_y(X, y, **how)
    X, dtype = as_computed(X)
    return validate_data(estimator, X, y, reset=reset, accept_sparse=sparse, dtype=dtype)


def refuse_file_name(X: Any, is_to_learn: bool = False) -> None:
    """Raise ValueError, with the line to type, if X is the name of a file or of a folder."""
    if not isinstance(X, str | os.PathLike):
        return
    path = os.fspath(X)
    reader = _READ_BY.get(os.path.splitext(path)[1].lower(), "CSVSource({path}, target={target})")
    if os.path.isdir(path):
        reader = "NpySource({path})"
    target = "'the column of the labels'" if is_to_learn else None
    method = "fit" if is_to_learn else "predict"
    raise ValueError(
        f"X is {shown(path)}, the name of a file. Say how to read it, for example: "
        f"model.{method}({reader.format(path=repr(path), target=target)})"
    )


def source_for(estimator: Any, source: BatchSource) -> BatchSource:
    """Return the source as a fitted estimator reads it: with its columns and its encoding."""
    names = getattr(estimator, "feature_names_in_", None)
    return source.for_model(getattr(estimator, "encoding_", None), names)


def batches_for(
    estimator: Any, source: BatchSource
) -> Iterator[tuple[Any, NDArray | None, NDArray | None]]:
    """Yield X, the labels and the weights, or None, of each batch of a source to predict.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    n_batches = 0
    with closing(read_ahead(iterate(source_for(estimator, source)))) as batches:
        for X, y, weights in batches:
            n_batches += 1
            yield X, y, weights
    if not n_batches:
        raise ValueError(f"{type(source).__name__} gave no batches: there is nothing to predict.")


def labelled_batches(
    estimator: Any, source: BatchSource, y: Any, sample_weight: Any
) -> Iterator[tuple[Any, NDArray, NDArray | None]]:
    """Yield X, the labels and the weights, or None, of each batch of a source to score.

    Raises
    ------
    ValueError
        If the source has no labels, or the user gave others.
    """
    refuse_others(source, y, sample_weight)
    for X, labels, weights in batches_for(estimator, source):
        refuse_unlabelled(source, labels)
        if weights is not None:
            weights = np.asarray(weights, dtype=np.float64)
            wrong = weights[~(np.isfinite(weights) & (weights >= 0.0))]
            if wrong.size:
                raise ValueError(f"Weights must be finite and not negative, got {wrong[0]}.")
        yield X, np.asarray(labels), weights


def labels_of(
    estimator: Any, source: BatchSource, y: Any, sample_weight: Any
) -> tuple[NDArray, NDArray | None]:
    """Return all the labels of a source, and its weights if it has any."""
    check_is_fitted(estimator)
    parts = [(y, w) for _, y, w in labelled_batches(estimator, source, y, sample_weight)]
    weights = [np.ones(len(y)) if w is None else w for y, w in parts]
    is_weighted = any(w is not None for _, w in parts)
    return np.concatenate([y for y, _ in parts]), np.concatenate(weights) if is_weighted else None


def refuse_others(source: BatchSource, y: Any, sample_weight: Any) -> None:
    """Raise ValueError if the user gave labels or weights beside a source."""
    if y is not None or sample_weight is not None:
        raise ValueError(
            f"{type(source).__name__} brings its own labels and weights, batch by batch: leave y "
            "and sample_weight out."
        )


def refuse_unlabelled(source: BatchSource, y: Any) -> None:
    """Raise ValueError if the batches of a source have no labels."""
    if y is None:
        raise ValueError(
            f"{type(source).__name__} has no labels, which are needed here. Name their column: "
            "target='...'; of a source of your own each batch is (X, y)."
        )


def refuse_no_labels(X: Any, y: Any, asked: str = "score") -> None:
    """Raise ValueError if rows in memory come without the labels that the `asked` needs."""
    refuse_file_name(X, is_to_learn=asked != "score")
    if y is None:
        raise ValueError(
            f"y is None, but a {asked} needs the labels of X: {asked}(X, y). Only a source, such "
            "as CSVSource, brings its own."
        )


def weighted_mean(total: float, total_weight: float) -> float:
    """Return a score from its sum over the rows and the sum of their weights."""
    if not total_weight > 0.0:
        raise ValueError("The weights of all rows sum to zero: nothing can be scored.")
    return total / total_weight


def by_batches(method: Method) -> Method:
    """Return a method of X and offset that takes a source too, a batch at a time.

    It computes with arrays of NumPy; the results go to where X lies.
    """

    @wraps(method)
    def of_any(self: Any, X: Any, offset: Any = None) -> Any:
        if not isinstance(X, BatchSource):
            place = place_for(self, X, method.__name__)
            found = method(self, X, offset)
            return found if place is None else place.array(found)
        check_is_fitted(self)
        offsets = OffsetParts(offset)
        batches = (rows for rows, _, _ in batches_for(self, X))
        parts = [method(self, rows, offsets.next(rows)) for rows in batches]
        offsets.end()
        return np.concatenate(parts)

    return cast(Method, of_any)
