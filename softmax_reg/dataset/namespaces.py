"""Arrays of other libraries, such as tensors of PyTorch: the way to NumPy and back.

With scikit-learn's `array_api_dispatch` a model takes arrays of any library that keeps to the array
API standard.  A fit computes in NumPy: arrays in the memory of the host are read where they lie,
without a copy; arrays on another device are copied once.  What is fitted, and what is predicted, is
given back in the library and on the device of X.

Without `array_api_dispatch` such arrays are array-likes, and all results are NumPy's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import (
    check_is_fitted,
    check_same_namespace,
    config_context,
    get_config,
    get_namespace_and_device,
    is_array_api_obj,
    move_to,
)

__all__ = [
    "Place",
    "all_on_host",
    "as_computed",
    "computing_on_host",
    "fitted",
    "in_numpy",
    "is_foreign",
    "linear_scores",
    "on_host",
    "place_for",
    "to_numpy",
]


def dispatches_arrays() -> bool:
    """Return whether arrays of other libraries than NumPy are to stay what they are."""
    return bool(get_config()["array_api_dispatch"])


def move(array: Any, xp: Any, device: Any) -> Any:
    """Return an array as one of a library on a device, without a copy where memory is shared."""
    with config_context(array_api_dispatch=True):  # also of a model that was fitted under it
        return move_to(array, xp=xp, device=device)


def to_numpy(array: Any) -> Any:
    """Return an array of any library as one of NumPy."""
    return move(array, np, "cpu")


class Place(NamedTuple):
    """A library of arrays and one of its devices."""

    xp: Any
    device: Any

    def array(self, values: NDArray) -> Any:
        """Return numbers as an array here, in the memory that they have if that can be shared.

        Labels that are text stay in NumPy, for the standard has no text.
        """
        if values.dtype.kind not in "biuf":
            return values
        # A library may be unable to promise that it will not write to what it shares.
        return move(values if values.flags.writeable else values.copy(), *self)


def is_foreign(array: Any) -> bool:
    """Return whether an array is of another library than NumPy."""
    return not isinstance(array, np.ndarray | np.generic) and is_array_api_obj(array)


def place_of(X: Any) -> Place | None:
    """Return where results go: None means that they are NumPy's."""
    if not (dispatches_arrays() and is_foreign(X)):
        return None
    xp, _, device = get_namespace_and_device(X)
    return Place(xp, device)


def place_for(model: Any, X: Any, method: str) -> Place | None:
    """Return where the predictions of a fitted model for X go.

    Raises
    ------
    ValueError
        If the arrays of the fit were of another library, or on another device.
    """
    if not dispatches_arrays():
        return None
    check_is_fitted(model)
    check_same_namespace(X, model, attribute="coef_", method=method)
    return place_of(X)


def as_computed(X: Any) -> tuple[Any, Any]:
    """Return X where its scores are computed, and the dtypes that it may have there.

    That is where it lies if it is float32 or float64; NumPy casts, or refuses, all others.
    """
    if dispatches_arrays() and is_foreign(X):
        xp, _, _ = get_namespace_and_device(X)
        if xp.isdtype(X.dtype, (xp.float32, xp.float64)):
            return X, X.dtype
    return on_host(X), (np.float64, np.float32)


def on_host(array: Any) -> Any:
    """Return an array of another library as NumPy's, anything else as it is.

    Raises
    ------
    ValueError
        If its library does not let NumPy read it.
    """
    if not (dispatches_arrays() and is_foreign(array)):
        return array
    try:
        return to_numpy(array)
    except (BufferError, NotImplementedError, RuntimeError, TypeError) as error:
        kind = f"{type(array).__module__}.{type(array).__qualname__}"
        raise ValueError(
            f"A {kind} of {array.dtype} cannot be read by NumPy: {error} Give one that needs no "
            "gradient, with a dtype that NumPy has, such as float32."
        ) from error


def all_on_host(*arrays: Any) -> tuple[Any, ...]:
    """Return several as `on_host` does each."""
    return tuple(map(on_host, arrays))


def _foreign(model: Any) -> dict[str, NDArray]:
    """Return the attributes that are arrays of another library, as NumPy's."""
    if not is_foreign(getattr(model, "coef_", None)):  # which goes where all others go
        return {}
    return {name: to_numpy(value) for name, value in vars(model).items() if is_foreign(value)}


def in_numpy(model: Any) -> Any:
    """Return a model, fitted or not, whose arrays are NumPy's: itself, if they are."""
    arrays = _foreign(model)
    if not arrays:
        return model
    twin = copy(model)
    vars(twin).update(arrays)
    return twin


def fitted(model: Any) -> Any:
    """Return a model, which must be fitted, as `in_numpy` does.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    """
    check_is_fitted(model)
    return in_numpy(model)


@contextmanager
def computing_on_host(model: Any, X: Any) -> Iterator[None]:
    """Bring the fitted arrays of a model to NumPy; at the end, take them to where X lies."""
    place = place_of(X)
    vars(model).update(_foreign(model))
    yield
    if place is not None:
        for name, value in vars(model).items():
            is_fitted = name.endswith("_") and not name.startswith("_") and name != "classes_"
            if is_fitted and isinstance(value, np.ndarray):
                vars(model)[name] = place.array(value)


def linear_scores(X: Any, coef: Any, intercept: Any) -> NDArray:
    """Return X W' + b, of arrays in one place, as NumPy's: the product is computed there."""
    xp, _, _ = get_namespace_and_device(X)
    dtype = xp.result_type(X.dtype, coef.dtype)  # not all libraries multiply mixed dtypes
    X, coef = xp.astype(X, dtype, copy=False), xp.astype(coef, dtype, copy=False)
    scores: NDArray = to_numpy(X @ coef.T + xp.astype(intercept, dtype, copy=False))
    return scores
