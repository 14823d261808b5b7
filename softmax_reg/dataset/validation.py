"""Reads what the user gives into a `Dataset`.

An array is validated and stays where it is.  Of a source, the first pass validates each batch as
if it were an array, and keeps no more than O(n_samples): the classes and the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import check_sample_weight
from softmax_reg.dataset.class_shares import are_class_shares, class_counts, class_shares
from softmax_reg.dataset.dataset import Dataset, small_dataset
from softmax_reg.dataset.first_pass import FirstPass
from softmax_reg.dataset.labels import codes_among, encode_labels
from softmax_reg.dataset.left_out import classes_fitted
from softmax_reg.dataset.namespaces import all_on_host
from softmax_reg.dataset.offsets import as_offset
from softmax_reg.dataset.rows import Rows, dense, merge_duplicates
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.streams import iterate, read_ahead
from softmax_reg.dataset.targets import Labels, Targets
from softmax_reg.dataset.user_rows import refuse_others, source_for, validated
from softmax_reg.dataset.weights import batch_weights, weighted

__all__ = ["read_again", "read_batch", "read_data", "read_shares", "read_source"]


def read_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    reset: bool = True,
    *,
    offset: Any = None,
) -> Dataset:
    """Return the rows, with the class and the weight of each.

    Parameters
    ----------
    estimator : estimator
        Has a `class_weight` and a `label_smoothing`; gets `n_features_in_` and, if X names them,
        `feature_names_in_`.
    X : {array-like, sparse matrix, BatchSource}
    y, sample_weight : array-like or None
        None with a source, whose batches bring them.
    reset : bool, default=True
        Whether the features may differ from those that the estimator knows.
    offset : array-like or None, default=None
        As for `as_offset`.

    Raises
    ------
    ValueError
        If the data cannot be used; of a source the message says which batch, and which row.
    """
    if isinstance(X, BatchSource):
        refuse_others(X, y, sample_weight)
        rows, classes, codes, weights = read_source(estimator, X, reset).result()
        return _dataset(estimator, rows, classes, Labels(codes, len(classes)), weights, offset)
    X, y = validated(estimator, _in_memory(estimator, X, reset), y, reset)
    classes, codes = encode_labels(y)
    targets = Labels(codes, len(classes))
    return _dataset(estimator, merge_duplicates(X), classes, targets, sample_weight, offset)


def read_shares(
    estimator: Any,
    X: Any,
    Y: Any,
    sample_weight: Any,
    classes: Any = None,
    reset: bool = True,
    *,
    offset: Any = None,
    are_counts: bool = False,
) -> Dataset:
    """Return the rows, with the share that each has of every class.

    Parameters
    ----------
    estimator, reset, offset
        As for `read_data`.
    X : {array-like, sparse matrix}
    Y : array-like of shape (n_samples, n_classes)
        Shares; or counts, whose sums are the weights of the rows.
    sample_weight : array-like or None
    classes : array-like of shape (n_classes,) or None, default=None
        The labels of the columns of Y; None means their names, or 0, 1, ...
    are_counts : bool, default=False

    Raises
    ------
    ValueError
        If the data cannot be used.
    """
    if isinstance(X, BatchSource):
        raise ValueError(
            f"{type(X).__name__} brings labels, batch by batch, and no shares or counts of "
            "classes. Give it a row for each class, weighted by the share or the count, and use "
            "fit."
        )
    X = merge_duplicates(validated(estimator, _in_memory(estimator, X, reset), reset=reset))
    if are_counts:
        classes, targets, sample_weight = class_counts(Y, classes, X.shape[0], X.dtype)
    else:
        classes, targets = class_shares(Y, classes, X.shape[0], X.dtype)
    return _dataset(estimator, X, classes, targets, sample_weight, offset)


def read_again(model: Any, X: Any, y: Any, sample_weight: Any, offset: Any) -> Dataset:
    """Return the data of a fitted model: y holds labels, or the shares of `classes_` of each row.

    Parameters
    ----------
    model : estimator
        Fitted; it is not changed.
    X, y, sample_weight, offset
        As for `read_data` or `read_shares`.

    Raises
    ------
    ValueError
        If these cannot be the data of the fit, as far as its classes and its offset show.
    """
    if getattr(model, "has_offset_", False) and offset is None:
        raise ValueError(
            "The model was fitted with an offset. Give it, offset=..., as it was given to fit."
        )
    X, y, sample_weight, offset = all_on_host(X, y, sample_weight, offset)
    of_rows: dict[str, Any] = {"reset": False, "offset": offset}
    if are_class_shares(y):
        classes = None if hasattr(y, "columns") else model.classes_
        data = read_shares(model, X, y, sample_weight, classes, **of_rows)
    else:
        data = read_data(model, X, y, sample_weight, **of_rows)
    if not np.array_equal(data.classes, model.classes_):
        raise ValueError(
            f"y has the classes {shown(data.classes)}, but the model was fitted with "
            f"{shown(model.classes_)}. Give the data of the fit."
        )
    fitted = classes_fitted(dense(model.coef_), model.intercept_)
    if not np.array_equal(data.present, fitted):
        raise ValueError(
            f"The classes with a weight are {shown(data.classes[data.present])}, but the model was "
            f"fitted with {shown(data.classes[fitted])}. Give the data and the weights of the fit."
        )
    return data


def _in_memory(estimator: Any, X: Any, reset: bool) -> Any:
    """Return X, if it can be read more than once; features that are learned anew are not encoded.

    Raises
    ------
    ValueError
        If X is an iterator.
    """
    if isinstance(X, Iterator):
        raise ValueError(
            f"X is a {type(X).__name__}, which can be read only once, but a fit reads the rows "
            "many times. Give FunctionSource(function), function() making a new iterator each time."
        )
    if reset:
        vars(estimator).pop("encoding_", None)
    return X


def _dataset(
    estimator: Any,
    X: Any,
    classes: NDArray,
    targets: Targets,
    sample_weight: Any,
    offset: Any,
) -> Dataset:
    like = X
    if isinstance(X, Rows):
        like = np.broadcast_to(np.zeros((), X.dtype), (X.shape[0], 1))  # takes no memory
    weights, targets, per_class = weighted(
        like, classes, targets, sample_weight, estimator.class_weight
    )
    given = None if sample_weight is None else check_sample_weight(sample_weight, like)
    is_given = offset is not None and not (np.ndim(offset) == 0 and offset == 0)
    offset = as_offset(offset, X.shape[0], classes) if is_given else None
    return Dataset.of(
        *(X, classes, targets, weights, given),
        smoothing=float(estimator.label_smoothing),
        offset=offset,
        per_class=per_class,
    )


def read_batch(
    estimator: Any, X: Any, y: Any, sample_weight: Any, reset: bool
) -> tuple[Dataset, int]:
    """Return the rows of a batch that have a weight, and how many there are with the others.

    Parameters
    ----------
    estimator : estimator
        Has `classes_`, to which the labels belong, and a `class_weight`.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y, sample_weight : array-like of shape (n_samples,)
        The weights may be None.
    reset : bool
        Whether the features may differ from those that the estimator knows.

    Raises
    ------
    ValueError
        If the batch cannot be used.
    """
    X, y = validated(estimator, X, y, reset, sparse="csr")
    X, classes = merge_duplicates(X), estimator.classes_
    codes = codes_among(y, classes)
    weights = batch_weights(X, classes, codes, sample_weight, estimator.class_weight)
    n_rows, used = len(weights), weights > 0.0
    if not used.all():
        X, codes, weights = X[used], codes[used], weights[used]
    return small_dataset(X, classes, codes, weights), n_rows


def read_source(estimator: Any, source: BatchSource, reset: bool) -> FirstPass:
    """Return the first pass over a source, done.

    With `reset` the estimator gets the encoding of the source, if it has one; else the source is
    read with that of the estimator.
    """
    source = source.for_fit() if reset else source_for(estimator, source)
    if reset:
        vars(estimator).pop("encoding_", None)
        if source.encoding is not None:
            estimator.encoding_ = source.encoding
    reader = FirstPass(estimator, source, reset)
    with closing(read_ahead(iterate(source))) as batches:
        for X, y, weights in batches:
            reader.add(X, y, weights)
    if reader.n == 0:
        raise ValueError(f"{type(source).__name__} gave no batches: there is nothing to fit.")
    if reset and source.encoding is not None:
        estimator.feature_names_in_ = source.encoding.feature_names
    return reader
