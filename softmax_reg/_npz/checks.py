"""What can be wrong in a file: each check returns what it looked at, or raises `Damaged`."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["Damaged", "csr_from", "number", "numbers", "require", "shown", "whole_number"]


class Damaged(ValueError):
    """Says what is wrong in a file; whoever knows the file's name adds it."""


def shown(value: Any, length: int = 80) -> str:
    """Return the beginning of what a file says, as it can be printed anywhere."""
    text = value if isinstance(value, str) else repr(value)
    return "".join(letter if letter.isprintable() else "?" for letter in text[:length])


def require(is_right: Any, reason: str) -> None:
    """Raise `Damaged` for this reason unless something is true."""
    if not is_right:
        raise Damaged(reason)


def numbers(
    value: Any,
    name: str,
    shape: tuple[int | None, ...] | None = None,
    kinds: str = "f",
    is_finite: bool = True,
) -> NDArray:
    """Return an array of numbers of this shape.

    Parameters
    ----------
    value : anything
    name : str
        What to call it in an error.
    shape : tuple of int or None, default=None
        None in it stands for any length, None in place of it for any shape.
    kinds : str, default="f"
        The kinds of dtype that are right, as NumPy abbreviates them.
    is_finite : bool, default=True
        Whether NaN and infinity are wrong.
    """
    require(isinstance(value, np.ndarray), f"{name} is no array")
    require(value.dtype.kind in kinds, f"{name} has the dtype {value.dtype}")
    if shape is not None:
        is_right = len(shape) == value.ndim and all(
            length in (None, got) for length, got in zip(shape, value.shape, strict=True)
        )
        wanted = tuple("any" if length is None else length for length in shape)
        require(is_right, f"{name} has the shape {value.shape}, not {wanted}")
    if is_finite and value.dtype.kind == "f":
        require(np.isfinite(value).all(), f"{name} holds NaN or infinity")
    return value


def number(value: Any, name: str, low: float, is_finite: bool = True) -> float:
    """Return a number of at least `low`; infinity only if it need not be finite."""
    is_right = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    is_right = is_right and low <= value  # which NaN is not
    is_right = is_right and (value <= sys.float_info.max or (value == math.inf and not is_finite))
    require(is_right, f"{name} is no right number")
    return float(value)


def whole_number(value: Any, name: str, low: int, high: int) -> int:
    """Return an integer from `low` to `high`."""
    is_whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    require(is_whole and low <= value <= high, f"{name} is no whole number from {low} to {high}")
    return int(value)


def csr_from(
    parts: Mapping[str, NDArray], shape: tuple[int, int], name: str, is_matrix: bool = False
) -> Any:
    """Return the sparse rows that data, indices and indptr make.

    All that products read is looked at first: they trust indices, and read and write wherever these
    point to.
    """
    require(len(shape) == 2 and all(0 <= n < 2**62 for n in shape), f"{name} has no right shape")
    data = numbers(parts.get("data"), f"{name}/data", (None,))
    indices = numbers(parts.get("indices"), f"{name}/indices", (len(data),), "i")
    indptr = numbers(parts.get("indptr"), f"{name}/indptr", (None,), "i")
    for index in (indices, indptr):
        require(index.dtype.itemsize >= 4, f"{name} has indices of dtype {index.dtype}")
    is_right = len(indptr) == shape[0] + 1 and indptr[0] == 0 and indptr[-1] == len(data)
    require(is_right and (indptr[1:] >= indptr[:-1]).all(), f"{name}/indptr does not fit its rows")
    if len(indices):
        is_right = indices.min() >= 0 and indices.max() < shape[1]
        require(is_right, f"{name}/indices lie outside of the columns")
    kind = sp.csr_matrix if is_matrix else sp.csr_array
    try:
        matrix = kind((data, indices, indptr), shape=shape)
        matrix.check_format(full_check=True)
    except (TypeError, ValueError) as error:
        raise Damaged(f"{name} is no sparse array: {error}") from error
    return matrix
