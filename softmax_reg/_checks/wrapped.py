"""Checks of scikit-learn with two gaps closed: NumPy's types in messages, and endless integers.

Python's integers have no largest value.  One beyond 1.8e308 is an OverflowError in NumPy, which
names neither the argument nor the place.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from inspect import signature
from typing import Any, TypeVar, cast

import numpy as np

from softmax_reg._checks.labels import told_of_labels
from softmax_reg._checks.rows import told_of_rows
from softmax_reg._checks.shown import plain_numbers, shown
from softmax_reg._checks.weights import told_of_class_weight, told_of_weights

__all__ = ["checked", "checked_parameters", "refuse_large_labels", "too_large"]

F = TypeVar("F", bound=Callable[..., Any])

_MOST_FLOAT = int(sys.float_info.max)
_MOST_INTEGER = 2**64 - 1  # of NumPy


def checked(check: F) -> F:
    """Return the check, which tells of an integer beyond the floats which argument holds it."""
    parameters = signature(check)

    @wraps(check)
    def plain(*args: Any, **kwargs: Any) -> Any:
        try:
            with plain_numbers():
                return check(*args, **kwargs)
        except OverflowError as error:
            for name, value in parameters.bind(*args, **kwargs).arguments.items():
                if told := too_large(value, _MOST_FLOAT):
                    raise ValueError(
                        f"{name} holds {told}, which is more than a float can be, 1.8e308. "
                        "Correct it, or leave that row or column out."
                    ) from error
            raise
        except (TypeError, ValueError) as error:
            given = parameters.bind(*args, **kwargs).arguments
            if "X" in given and "sample_weight" not in given:
                _refuse_rows(given, error)
            if told := _told_of(given, error):
                raise ValueError(told) from error
            raise

    return cast(F, plain)


def _refuse_rows(given: Mapping[str, Any], error: Exception) -> None:
    """Raise an error that tells the user what is wrong in X, if anything is.

    Its attribute `found` says so without the line that mends it, which a batch has no use for.
    """
    if "eature names" in str(error):
        return
    estimator = given.get("_estimator")
    model = type(estimator).__name__ if hasattr(estimator, "predict") else ""
    told, found = told_of_rows(given["X"], model, given.get("reset", True), str(error))
    if not told:
        return
    if "1D array" in told and np.ndim(given.get("y", 0)) == 2:
        told += " Or have X and y changed places? y has two dimensions."
    is_type = isinstance(error, TypeError) and str(error) in told
    refused = TypeError(told) if is_type else ValueError(told)
    vars(refused)["found"] = found
    raise refused from error


def _told_of(given: Mapping[str, Any], error: Exception) -> str:
    """Return in the user's terms what is wrong in labels or weights, or ""."""
    X: Any = given.get("X")
    y: Any = given.get("y")
    if "sample_weight" in given:
        return told_of_weights(given["sample_weight"], X.shape[0])
    if "class_weight" in given:
        return told_of_class_weight(given["class_weight"], given["classes"])
    if "classes" in given:
        return told_of_labels(given["classes"], "classes")
    if y is None or "eature names" in str(error):
        return ""
    lengths = np.shape(X)[:1] + np.shape(y)[:1]
    if "inconsistent" in str(error) and len(lengths) == 2:
        return (
            f"{error}. X has {lengths[0]} rows, y has {lengths[1]} labels: give one for each row."
        )
    return told_of_labels(y)


def checked_parameters(check: F) -> F:
    """Return the check of parameters, which refuses integers beyond the floats first."""

    @wraps(check)
    def plain(constraints: Any, params: Mapping[str, Any], caller_name: str) -> Any:
        for name, value in params.items():
            values = value.values() if isinstance(value, Mapping) else value
            if isinstance(values, int) or isinstance(value, list | tuple | Mapping):
                items = [values] if isinstance(values, int) else list(values)
                if any(_is_beyond(item, _MOST_FLOAT) for item in items):
                    raise ValueError(
                        f"The {name!r} parameter of {caller_name} holds an integer that is more "
                        f"than a float can be, 1.8e308. Got {shown(value)}."
                    )
        with plain_numbers():
            return check(constraints, params, caller_name)

    return cast(F, plain)


def refuse_large_labels(check: F) -> F:
    """Return the check of labels, which names an integer that NumPy cannot hold."""

    @wraps(check)
    def plain(y: Any) -> Any:
        try:
            with plain_numbers():
                return check(y)
        except ValueError as error:
            if told := too_large(y, _MOST_INTEGER):
                raise ValueError(
                    f"y holds {told}, which no integer type of NumPy can hold. Give the labels as "
                    "text, or as smaller numbers."
                ) from error
            if told := told_of_labels(y):
                raise ValueError(told) from error
            raise

    return cast(F, plain)


def too_large(values: Any, most: int) -> str:
    """Return in words the first Python integer beyond `most` and where it is, or ""."""
    for place, value in _items(values):
        if _is_beyond(value, most):
            digits = int(value.bit_length() * 0.30103) + 1
            about = shown(value) if digits < 30 else f"an integer of about {digits} digits"
            return f"{about} in {place}"
    return ""


def _is_beyond(value: Any, most: int) -> bool:
    return isinstance(value, int) and abs(value) > most


def _items(values: Any) -> Iterator[tuple[str, Any]]:
    """Yield the items of a list, an array or a table of objects, and their places."""
    if hasattr(values, "columns"):
        for name in values.columns:
            yield from ((f"column {shown(name)}, {place}", v) for place, v in _items(values[name]))
        return
    if not isinstance(values, list | tuple) and str(getattr(values, "dtype", "")) != "object":
        return
    array = np.asarray(values, dtype=object)
    for index in np.ndindex(array.shape):
        names = [f"row {index[0]}", *(f"column {j}" for j in index[1:])] if index else ["it"]
        yield ", ".join(names), array[index]
