"""Reads what the user gives into a `Dataset`.

An array is validated and stays where it is.  Of a source, the first pass validates each batch as
if it were an array, and keeps no more than O(n_samples): the classes and the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from softmax_reg._compat import check_sample_weight
from softmax_reg.dataset.dataset import Dataset, small_dataset
from softmax_reg.dataset.first_pass import FirstPass
from softmax_reg.dataset.labels import codes_among, encode_labels
from softmax_reg.dataset.rows import merge_duplicates
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.streams import iterate, read_ahead
from softmax_reg.dataset.user_rows import refuse_others, source_for, validated
from softmax_reg.dataset.weights import batch_weights, row_weights

__all__ = ["read_batch", "read_data", "read_source"]


def read_data(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    reset: bool = True,
) -> Dataset:
    """Return the rows, with the class and the weight of each.

    Parameters
    ----------
    estimator : estimator
        Has a `class_weight`; gets `n_features_in_` and, if X names them, `feature_names_in_`.
    X : {array-like, sparse matrix, BatchSource}
    y, sample_weight : array-like or None
        None with a source, whose batches bring them.
    reset : bool, default=True
        Whether the features may differ from those that the estimator knows.

    Raises
    ------
    ValueError
        If the data cannot be used; of a source the message says which batch, and which row.
    """
    if isinstance(X, BatchSource):
        refuse_others(X, y, sample_weight)
        return read_source(estimator, X, reset).result(estimator.class_weight)
    if isinstance(X, Iterator):
        raise ValueError(
            f"X is a {type(X).__name__}, which can be read only once, but a fit reads the rows "
            "many times. Give FunctionSource(function), function() making a new iterator each time."
        )
    if reset:
        vars(estimator).pop("encoding_", None)
    X, y = validated(estimator, X, y, reset)
    X = merge_duplicates(X)
    classes, codes = encode_labels(y)
    weights = row_weights(X, y, classes, codes, sample_weight, estimator.class_weight)
    given = None if sample_weight is None else check_sample_weight(sample_weight, X)
    return Dataset.of(X, classes, codes, weights, given)


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
