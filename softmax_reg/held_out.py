"""The rows that training does not see: the user's own, checked against those of the training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import check_classification_targets, check_sample_weight, validate_data
from softmax_reg.encoding import check_total, merge_duplicates

__all__ = ["is_given", "users_rows"]


def is_given(X_val: Any, y_val: Any, sample_weight_val: Any) -> bool:
    """Return whether the user gave rows of their own.

    Raises
    ------
    ValueError
        If a part of them is missing.
    """
    if (X_val is None) != (y_val is None):
        missing, there = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
        raise ValueError(f"{there} was given without {missing}. Give both, or neither.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val was given without X_val and y_val, which it weights.")
    return X_val is not None


def users_rows(
    estimator: Any,
    X_val: Any,
    y_val: Any,
    sample_weight_val: Any,
    classes: NDArray,
    factors: NDArray,
) -> tuple[Any, NDArray[np.intp], NDArray]:
    """Return X_val, the class of each of its rows, and the weight of each.

    Parameters
    ----------
    estimator : estimator
        It has seen the training rows: their number of columns and their names.
    X_val : {array-like, sparse matrix} of shape (n_val, n_features)
    y_val : array-like of shape (n_val,)
    sample_weight_val : array-like of shape (n_val,), or None
    classes : ndarray of shape (n_classes,)
        The classes in the training.
    factors : ndarray of shape (n_classes,)
        What `class_weight` multiplies the weights of each class by, in the training.

    Raises
    ------
    ValueError
        If the columns, labels or weights do not go with those of the training.
    """
    try:
        X_val, y_val = validate_data(
            estimator, X_val, y_val, reset=False, accept_sparse=("csr", "csc"),
            dtype=(np.float64, np.float32),
        )  # fmt: skip
        check_classification_targets(y_val)
    except ValueError as error:
        raise ValueError(f"X_val and y_val cannot be used beside X and y: {error}") from error
    codes = _codes(y_val, classes)
    if sample_weight_val is not None and not np.any(sample_weight_val):
        raise ValueError("sample_weight_val sums to zero. Give some rows a positive weight.")
    try:
        weights = check_sample_weight(
            sample_weight_val, X_val, dtype=X_val.dtype, ensure_non_negative=True
        )
        check_total(weights)
    except ValueError as error:
        raise ValueError(f"sample_weight_val cannot be used: {error}") from error
    return merge_duplicates(X_val), codes, (weights * factors[codes]).astype(X_val.dtype)


def _codes(y_val: NDArray, classes: NDArray) -> NDArray[np.intp]:
    """Return the position of each label among the classes; labels equal as Python's == has it."""
    position = {label: code for code, label in enumerate(classes.tolist())}
    labels, inverse = np.unique(y_val, return_inverse=True)
    unknown = [label for label in labels.tolist() if label not in position]
    if unknown:
        raise ValueError(
            f"y_val holds labels that y does not: {unknown}. The classes of y are "
            f"{classes.tolist()}. Leave those rows out, or train on some of them."
        )
    return np.array([position[label] for label in labels.tolist()], dtype=np.intp)[inverse]
