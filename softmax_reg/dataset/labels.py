"""From labels to the sorted classes and a code for each row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.labels import told_of_labels
from softmax_reg._checks.shown import shown
from softmax_reg._compat import check_classification_targets

__all__ = ["codes_among", "encode_labels", "sorted_labels"]


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


def codes_among(y: Any, classes: NDArray) -> NDArray[np.intp]:
    """Return the position of each label among the classes.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or a label is none of them, or none at all.
    """
    labels, places = sorted_labels(y)
    check_classification_targets(y)
    if len(classes) < 2:
        raise ValueError(f"classes must hold at least 2 classes, got {shown(classes)}.")
    codes = np.searchsorted(classes, labels)
    codes[codes == len(classes)] = 0
    strange = labels[classes[codes] != labels]
    if len(strange):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {shown(classes)}, `y` "
            f"has also {shown(strange)}. Pass all classes in the first call to partial_fit."
        )
    return codes[places]
