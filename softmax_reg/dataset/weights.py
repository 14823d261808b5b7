"""From sample and class weights to one weight for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import (
    check_sample_weight,
    compute_class_weight,
)
from softmax_reg.dataset.targets import Targets

__all__ = ["batch_weights", "check_present", "check_total", "class_factors", "weighted"]

# Beyond it C times the total weight leaves the range of floats.
_SMALLEST_TOTAL = 1e-250


def weighted(
    X: Any,
    classes: NDArray,
    targets: Targets,
    sample_weight: Any,
    class_weight: dict | str | None,
) -> tuple[NDArray, Targets, NDArray]:
    """Return s = sample_weight * class_weight, the targets under it, and what it gives each class.

    Parameters
    ----------
    X : {ndarray, sparse array} of shape (n_samples, n_features)
        Weights get its dtype.
    classes : ndarray of shape (n_classes,)
    targets : Targets
    sample_weight : array-like of shape (n_samples,) or None
    class_weight : dict, "balanced" or None
        With shares of several classes a row counts as rows of one class each would.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, or fewer than two classes have any.
    """
    weights = check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
    check_total(weights)
    per_class = class_factors(classes, targets, weights, class_weight)
    if class_weight is not None:
        factors, targets = targets.of_classes(per_class)
        weights = (weights * factors).astype(X.dtype, copy=False)
    check_present(np.flatnonzero(targets.totals(weights)), classes)
    return weights, targets, per_class


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
    targets: Targets,
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
        totals = targets.totals(weights)
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


def batch_weights(
    X: Any,
    classes: NDArray,
    codes: NDArray[np.intp],
    sample_weight: Any,
    class_weight: dict | None,
) -> NDArray[np.float64]:
    """Return s = sample_weight * class_weight, shape (n_samples,).

    Raises
    ------
    ValueError
        If a weight is negative or not finite, all are zero, or their sum cannot be computed with.
    """
    s = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if class_weight is not None:
        with np.errstate(over="ignore"):
            s = s * compute_class_weight(class_weight, classes=classes, y=classes)[codes]
    check_total(s)
    if not ((s >= 0.0).all() and s.any()):
        raise ValueError(
            "The weights of a batch must be finite, not negative, and not all zero; got "
            f"{s.min():.3g} to {s.max():.3g}."
        )
    return s
