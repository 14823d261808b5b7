"""Constructor parameters as JSON and back: numbers, strings, containers, objects of softmax_reg.

An object is its class and the arguments of its constructor, which it keeps under the same names.
"""

from __future__ import annotations

import inspect
import os
from typing import Any

import numpy as np

from softmax_reg.callbacks import EarlyStopping, LossLogger, PrintProgress
from softmax_reg.persistence.checkpoint import Checkpoint
from softmax_reg.schedules import Schedule
from softmax_reg.solvers import SOLVERS

__all__ = ["decode", "encode"]


def _kinds() -> dict[str, type]:
    """Return the classes whose objects can be in a file, by name; only they are ever made."""
    schedules = [kind for kind in Schedule.__subclasses__() if _is_ours(kind)]
    callbacks = [Checkpoint, EarlyStopping, LossLogger, PrintProgress]
    return {kind.__name__: kind for kind in (*SOLVERS.values(), *schedules, *callbacks)}


def _is_ours(kind: type) -> bool:
    return kind.__module__.split(".")[0] == __name__.split(".")[0]


def encode(value: Any) -> Any:
    """Return what JSON can hold of a parameter, for `decode`.

    Raises
    ------
    TypeError
        If a file without pickle cannot hold it.

    Examples
    --------
    >>> from softmax_reg.solvers import LBFGS
    >>> encode(LBFGS(memory=20))
    {'object': 'LBFGS', 'arguments': {'memory': 20}}
    >>> decode(encode({1: 0.5, "b": (None, np.float64(2.0))}))
    {1: 0.5, 'b': (None, 2.0)}
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufU":
        return {"array": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, np.random.RandomState):
        name, keys, *rest = value.get_state()
        return {"RandomState": [name, np.asarray(keys).tolist(), *map(encode, rest)]}
    kind = type(value)
    if _kinds().get(kind.__name__) is kind:
        names = inspect.signature(kind).parameters
        arguments = {name: encode(getattr(value, name)) for name in names}
        return {"object": kind.__name__, "arguments": arguments}
    raise TypeError(
        f"{value!r} is neither a number, a string or a container of them nor an object that "
        "softmax_reg itself defines: a file without pickle cannot hold it."
    )


def decode(code: Any) -> Any:
    """Return the parameter of which `encode` made this."""
    if isinstance(code, list):
        return [decode(item) for item in code]
    if not isinstance(code, dict):
        return code
    if "array" in code:
        return np.array(code["array"], dtype=code["dtype"])
    if "tuple" in code:
        return tuple(decode(item) for item in code["tuple"])
    if "dict" in code:
        return {decode(key): decode(item) for key, item in code["dict"]}
    if "RandomState" in code:
        random_state = np.random.RandomState()
        random_state.set_state(tuple(code["RandomState"]))
        return random_state
    kind, arguments = _kinds().get(code["object"]), code["arguments"]
    if kind is None:
        raise ValueError(f"The file holds an object of {code['object']}, unknown in this version.")
    return kind(**{name: decode(item) for name, item in arguments.items()})
