"""From what the user gives to class codes, a weight for each row, a factor for each feature."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.labels import told_of_labels
from softmax_reg._checks.shown import shown
from softmax_reg._compat import (
    check_classification_targets,
    check_sample_weight,
    compute_class_weight,
    train_test_split,
)
from softmax_reg.feature_factors import feature_factors
from softmax_reg.left_out import with_weight
from softmax_reg.penalties import PENALTIES, Penalty

__all__ = [
    "check_present",
    "check_total",
    "class_factors",
    "encode_labels",
    "hold_out",
    "make_penalty",
    "merge_duplicates",
    "row_weights",
    "sorted_labels",
]

# Beyond it C times the total weight leaves the range of floats.
_SMALLEST_TOTAL = 1e-250


def merge_duplicates(X: Any) -> Any:
    """Return X with one entry for each place: itself, or a copy of a sparse X that has more."""
    if sp.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def encode_labels(y: Any) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the sorted classes and the position of each label among them.

    Raises
    ------
    ValueError
        If y does not hold classes, or holds only one.
    """
    classes, codes = sorted_labels(y)
    check_classification_targets(y)
    if len(classes) < 2:
        raise ValueError(
            f"y must hold at least 2 classes, but it holds one class: {shown(classes[0])}."
        )
    return classes, codes


def sorted_labels(y: NDArray) -> tuple[NDArray, NDArray[np.intp]]:
    """Return the labels, sorted and each once, and the position among them of each in y.

    Raises
    ------
    ValueError
        If they do not sort.
    """
    try:
        return np.unique(y, return_inverse=True)
    except TypeError as error:
        raise ValueError(told_of_labels(y) or "The labels do not sort.") from error


def row_weights(
    X: Any,
    y: Any,
    classes: NDArray,
    codes: NDArray[np.intp],
    sample_weight: Any,
    class_weight: dict | str | None,
) -> NDArray:
    """Return s = sample_weight * class_weight, shape (n_samples,), in the dtype of X.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or fewer than two classes have any.
    """
    weights = check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
    check_total(weights)
    if class_weight is not None:
        per_class = class_factors(classes, codes, weights, class_weight)
        weights = (weights * per_class[codes]).astype(X.dtype, copy=False)
    check_present(with_weight(codes, weights, len(classes)), classes)
    return weights


def check_present(present: NDArray[np.intp], classes: NDArray, where: str = "") -> None:
    """Raise ValueError if fewer than two classes have a weight."""
    if len(present) < 2:
        but = "".join(f" but {shown(label)}" for label in classes[present])
        raise ValueError(
            f"{where}The weights of all classes{but} sum to zero. Give the rows of at least 2 "
            "classes a positive weight, in sample_weight and in class_weight."
        )


def check_total(weights: NDArray) -> None:
    """Raise ValueError if the sum of the weights, unless it is 0, leaves the range of floats."""
    with np.errstate(over="ignore"):
        total = float(weights.sum(dtype=np.float64))
    if total and not _SMALLEST_TOTAL < total < 1.0 / _SMALLEST_TOTAL:
        raise ValueError(
            f"The sample weights sum to {total:.3g}, outside {_SMALLEST_TOTAL:.0e} to "
            f"{1.0 / _SMALLEST_TOTAL:.0e}. Multiply them all, and divide C, by one number."
        )


def class_factors(
    classes: NDArray,
    codes: NDArray[np.intp],
    weights: NDArray,
    class_weight: dict | str | None,
) -> NDArray:
    """Return what `class_weight` multiplies the weights of each class by, shape (n_classes,).

    Raises
    ------
    ValueError
        If one of them is negative or not finite.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        # "balanced": every class that has a weight gets the same total, in weights, not in rows.
        totals = np.bincount(codes, weights=weights, minlength=len(classes))
        present = totals > 0.0
        per_class = np.ones(len(classes))
        per_class[present] = totals.sum() / (np.count_nonzero(present) * totals[present])
    else:
        per_class = compute_class_weight(class_weight, classes=classes, y=classes)
    if not (np.isfinite(per_class).all() and (per_class >= 0.0).all()):
        raise ValueError(
            "class_weight must give every class a finite weight, positive or 0, got "
            f"{shown(class_weight)}."
        )
    return per_class


def make_penalty(
    name: str,
    alpha: float,
    l1_ratio: float,
    penalty_factor: Any,
    n_features: int,
    scale: NDArray | None = None,
) -> Penalty:
    """Return the penalty that a user names; `scale` are the units of the features, if not 1.

    Raises
    ------
    ValueError
        If the factors cannot be used, or a group lasso would have no group norm.
    """
    if l1_ratio == 0.0 and name == "group_lasso":
        raise ValueError(
            "penalty='group_lasso' with l1_ratio=0 has no group norm and would select nothing. "
            "Give a share for it, such as l1_ratio=1; l1_ratios=(1.0,) in a cross-validation."
        )
    return PENALTIES[name](alpha, l1_ratio, feature_factors(penalty_factor, n_features), scale)


def hold_out(
    codes: NDArray[np.intp], weights: NDArray, fraction: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray[np.intp]]:
    """Return weights that are zero on the held-out rows, and those rows, stratified by class.

    Zero weights leave rows out of the training without a copy of the others.

    Raises
    ------
    ValueError
        If a class has too few rows to be split.
    """
    active = np.flatnonzero(weights)
    try:
        train, held_out = train_test_split(
            active,
            test_size=fraction,
            stratify=codes[active],
            random_state=int(rng.integers(2**31)),
        )
        is_split = len(np.unique(codes[train])) == len(np.unique(codes[active]))
    except ValueError:
        is_split = False
    if not is_split:
        counts = np.unique(codes[active], return_counts=True)[1]
        raise ValueError(
            f"early_stopping cannot hold out validation_fraction={fraction} of {len(active)} rows "
            f"and keep each of {len(counts)} classes in both parts: the smallest has "
            f"{counts.min()} row(s). Give more rows, another fraction, or "
            "early_stopping=False."
        )
    training = weights.copy()
    training[held_out] = 0.0
    return training, held_out
