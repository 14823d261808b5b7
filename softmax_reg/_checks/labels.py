"""Labels that a check has refused: which value, why, and the line that mends it."""

from __future__ import annotations

from typing import Any

import numpy as np

from softmax_reg._checks.one_hot import told_of_one_hot
from softmax_reg._checks.shown import shown

__all__ = ["told_of_labels"]


def told_of_labels(y: Any, name: str = "y") -> str:
    """Return what is wrong with labels and what to do; "" if nothing is known to be.

    Parameters
    ----------
    y : anything
        What the user gave.
    name : str, default="y"
        What to call them.
    """
    if told := told_of_one_hot(y):
        return told
    try:
        values = np.asarray(y)
    except ValueError:  # rows of several lengths
        return ""
    values = values.ravel() if values.ndim == 2 and values.shape[1] == 1 else values
    if values.ndim != 1 or not len(values):
        return ""
    if values.dtype.kind == "c":
        return (
            f"Complex data not supported: {name} holds {shown(values[0])}. Give labels that are "
            "text or whole numbers."
        )
    return (
        _told_of_missing(values, name)
        or _told_of_numbers(values, name)
        or _of_objects(values, name)
    )


def _told_of_missing(values: Any, name: str) -> str:
    import pandas as pd

    missing = np.flatnonzero(pd.isna(values))
    if not len(missing):
        return ""
    return (
        f"Input {name} contains NaN or None: {len(missing)} of {len(values)} labels are missing, "
        f"the first in row {missing[0]}. Leave these rows out: known = ~pandas.isna({name}), then "
        f"X[known] and {name}[known]."
    )


def _told_of_numbers(values: Any, name: str) -> str:
    if values.dtype.kind != "f":
        return ""
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        return (
            f"Input {name} contains infinity, in row {infinite[0]}. Correct that label, or leave "
            "the row out."
        )
    broken = values[values != np.trunc(values)]
    if not len(broken):
        return ""
    return (
        f"Unknown label type: continuous. {name} holds numbers with a fraction, such as "
        f"{shown(broken[0])}, {len(np.unique(values))} different ones in {len(values)}. If they "
        "are classes, such as ratings with half stars, make text of them: "
        f"[str(label) for label in {name}]. If they are a quantity, use a regressor, or cut it: "
        f"pandas.cut({name}, 3, labels=False)."
    )


def _of_objects(values: Any, name: str) -> str:
    if values.dtype != object:
        return ""
    kinds = sorted({type(value).__name__ for value in values})
    if len(kinds) > 1:
        return (
            f"Unknown label type: {name} holds labels of several types, {', '.join(kinds)}. Give "
            f"them one type, such as text: [str(label) for label in {name}]."
        )
    if isinstance(values[0], bool | int | float):
        return (
            f"Unknown label type: {name} holds numbers in an array of objects. Make an array of "
            f"numbers of it: [{kinds[0]}(label) for label in {name}]."
        )
    if isinstance(values[0], str | bytes):
        return ""
    return (
        f"Unknown label type: {name} holds objects of the type {kinds[0]}, such as "
        f"{shown(values[0])}, which scikit-learn's splitters and scores do not take either. Make "
        f"text of them: [str(label) for label in {name}]."
    )
