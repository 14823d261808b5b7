"""Values as error messages show them: plain Python, and not longer than a line."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

__all__ = ["plain_numbers", "shown"]

_LONGEST = 200

# NumPy 1 has no types in the representation of its scalars, and does not know the option.
_HAS_TYPES = np.lib.NumpyVersion(np.__version__) >= "2.0.0"


def plain_numbers() -> AbstractContextManager[Any]:
    """Return a context in which the repr of NumPy scalars, nested ones too, is that of Python's."""
    return np.printoptions(legacy="1.25") if _HAS_TYPES else nullcontext()


def shown(value: Any) -> str:
    """Return repr(value), with 0.0 in place of np.float64(0.0), cut if it is very long."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    try:
        with plain_numbers():
            text = repr(value)
    except ValueError:  # Python refuses to write integers of more than 4300 digits
        return f"an {type(value).__name__} too long to be shown"
    if len(text) <= _LONGEST:
        return text
    return f"{text[: _LONGEST // 2]}... ({len(text)} characters)"
