"""Weights of rows and of classes that a check has refused: which, why, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from softmax_reg._checks.shown import shown

__all__ = ["told_of_class_weight", "told_of_weights"]


def told_of_weights(sample_weight: Any, n_rows: int) -> str:
    """Return what is wrong with the weights of rows and what to do; "" if nothing is known to be.

    Parameters
    ----------
    sample_weight : anything
        What the user gave.
    n_rows : int
    """
    if isinstance(sample_weight, str | Mapping):
        return (
            f"sample_weight holds one number for each row, got {shown(sample_weight)}. What "
            f"weights classes is a parameter of the model: class_weight={shown(sample_weight)}."
        )
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError):
        return f"sample_weight must hold numbers, one for each row, got {shown(sample_weight)}."
    if weights.ndim and weights.shape != (n_rows,):
        line = ".ravel()" if weights.shape == (n_rows, 1) else ""
        return (
            f"sample_weight has the shape {weights.shape}, but X has {n_rows} rows. Give one "
            f"weight for each row{', sample_weight' + line if line else ''}."
        )
    for told, wrong in (
        ("Input sample_weight contains NaN", np.isnan(weights)),
        ("Input sample_weight contains infinity", np.isinf(weights)),
        ("Negative values in data passed to `sample_weight`", weights < 0.0),
    ):
        rows = np.flatnonzero(wrong)
        if len(rows):
            value = weights.ravel()[rows[0]]
            return (
                f"{told}: {shown(value)} in row {rows[0]}, {len(rows)} in all. Give finite weights "
                "of at least 0; a row with the weight 0 does not count."
            )
    return ""


def told_of_class_weight(class_weight: Any, classes: Any) -> str:
    """Return what is wrong with the weights of classes and what to do; "" if nothing is.

    Parameters
    ----------
    class_weight : dict
        What the user gave.
    classes : ndarray of shape (n_classes,)
    """
    labels = np.asarray(classes).tolist()
    for label, weight in class_weight.items():
        if label in labels and not isinstance(weight, int | float | np.number | None):
            return (
                f"class_weight gives the class {shown(label)} the weight {shown(weight)}. Give a "
                "number, at least 0."
            )
    unknown = [label for label in class_weight if label not in labels]
    left = [label for label in labels if label not in class_weight]
    if not (unknown and left):
        return ""
    return (
        f"class_weight has the key{'s' * (len(unknown) > 1)} {', '.join(map(shown, unknown))}, but "
        f"the classes are {shown(labels)}. Correct or remove the key; the classes {shown(left)}, "
        "which are not in class_weight, then have the weight 1."
    )
