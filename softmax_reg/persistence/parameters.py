"""Constructor parameters as JSON and back: numbers, strings, containers, objects of softmax_reg.

An object is its class and the arguments of its constructor, which it keeps under the same names.
Only solvers and schedules are ever made of what a file says: they hold numbers and do nothing.
"""

from __future__ import annotations

import inspect
import math
import os
import re
from collections.abc import Callable
from dataclasses import fields
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg import schedules
from softmax_reg._compat import validate_parameter_constraints
from softmax_reg._npz.checks import Damaged, require, shown, whole_number
from softmax_reg.schedules import Schedule
from softmax_reg.solvers import SOLVERS, Solver

__all__ = ["decode", "encode", "is_known"]

# The classes whose objects can be in a file, as they are when the package is imported.
_SCHEDULES: dict[str, type] = {
    name: kind
    for name, kind in vars(schedules).items()
    if name in schedules.__all__ and issubclass(kind, Schedule) and kind is not Schedule
}
_KINDS: dict[str, type] = {kind.__name__: kind for kind in SOLVERS.values()} | _SCHEDULES
_LARGEST = 2**64
_DTYPE = re.compile(r"[<>|=](b1|[iu][1248]|f[248])")
_KEY_WORDS = 624  # of the Mersenne twister, which reads beyond them if its position says so


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
    if isinstance(value, int) and abs(value) >= _LARGEST:
        raise TypeError("A whole number has more than 64 bits: a file cannot hold it.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.ndim == 1 and _DTYPE.fullmatch(value.dtype.str):
        return {"array": value.tolist(), "dtype": value.dtype.str}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if type(value).__name__ == "Series" and hasattr(value, "to_numpy"):
        return {"Series": encode(value.to_numpy()), "index": encode(value.index.tolist())}
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
    if _KINDS.get(kind.__name__) is kind:
        if why := _wrong_in(value):
            raise TypeError(f"{value!r} is not right: {why}.")
        names = inspect.signature(kind).parameters
        arguments = {name: encode(getattr(value, name)) for name in names}
        return {"object": kind.__name__, "arguments": arguments}
    raise TypeError(
        f"{value!r} is neither a number, a string or a container of them nor an object that "
        "softmax_reg itself defines: a file without pickle cannot hold it."
    )


def is_known(solver: Any) -> bool:
    """Return whether a solver is one of softmax_reg."""
    return isinstance(solver, str) or type(solver) in SOLVERS.values()


def decode(code: Any) -> Any:
    """Return the parameter of which `encode` made this.

    Raises
    ------
    Damaged
        If `encode` makes no such thing.
    """
    if isinstance(code, list):
        return [decode(item) for item in code]
    if not isinstance(code, dict):
        is_small = not isinstance(code, int) or abs(code) < _LARGEST
        require(is_small, "its header holds a number of more than 64 bits")
        return code
    for keys, read in _READERS.items():
        if code.keys() == set(keys):
            return read(*(code[key] for key in keys))
    raise Damaged(f"its header holds the parameter {shown(code)}, which means nothing")


def _array(values: Any, name: Any) -> NDArray:
    require(isinstance(values, list), "its header holds an array that is no list")
    match = _DTYPE.fullmatch(name) if isinstance(name, str) else None
    require(match, "its header holds an array of no dtype of numbers")
    dtype = np.dtype(name)
    right: Any = {"b": bool, "f": int | float}.get(name[1], int)
    for value in values:
        is_right = isinstance(value, right) and (name[1] == "b" or not isinstance(value, bool))
        is_right = is_right and (isinstance(value, float) or abs(value) < _LARGEST)
        require(is_right, f"its header holds an array with what is no {dtype.name}")
    if name[1] in "iu" and values:
        ends = np.iinfo(dtype)
        is_right = ends.min <= min(values) and max(values) <= ends.max
        require(is_right, f"its header holds numbers that are too large for {dtype.name}")
    with np.errstate(over="ignore"):
        return np.array(values, dtype=dtype)


def _series(values: Any, index: Any) -> Any:
    import pandas as pd

    array, names = decode(values), decode(index)
    is_right = isinstance(array, np.ndarray) and isinstance(names, list)
    is_right = is_right and len(array) == len(names)
    is_right = is_right and all(isinstance(name, str | int | float) for name in names)
    require(is_right, "its header holds a Series that is none")
    return pd.Series(array, index=names)


def _tuple(items: Any) -> tuple[Any, ...]:
    require(isinstance(items, list), "its header holds a tuple that is no list")
    return tuple(decode(item) for item in items)


def _dict(items: Any) -> dict[Any, Any]:
    require(isinstance(items, list), "its header holds a dict that is no list")
    found: dict[Any, Any] = {}
    for item in items:
        is_pair = isinstance(item, list) and len(item) == 2 and not isinstance(item[0], list | dict)
        require(is_pair, "its header holds a dict of what are no pairs")
        found[decode(item[0])] = decode(item[1])
    return found


def _random_state(state: Any) -> np.random.RandomState:
    what = "the state of a RandomState"
    require(isinstance(state, list) and len(state) == 5, f"{what} has not five parts")
    name, keys, position, has_gauss, gauss = state
    require(name == "MT19937" and isinstance(keys, list) and len(keys) == _KEY_WORDS, what)
    words = [whole_number(key, what, 0, 2**32 - 1) for key in keys]
    whole_number(position, what, 0, _KEY_WORDS)
    whole_number(has_gauss, what, 0, 1)
    require(isinstance(gauss, float) and math.isfinite(gauss), f"{what} is not finite")
    random_state = np.random.RandomState()
    random_state.set_state((name, np.array(words, np.uint32), position, has_gauss, gauss))
    return random_state


def _object(name: Any, arguments: Any) -> Any:
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise Damaged(f"it holds an object of {shown(name)}, unknown in this version")
    names = inspect.signature(kind).parameters
    is_right = isinstance(arguments, dict) and arguments.keys() <= names.keys()
    require(is_right, f"it holds a {kind.__name__} with arguments that are unknown in this version")
    try:
        made = kind(**{key: decode(item) for key, item in arguments.items()})
    except TypeError as error:
        raise Damaged(f"it holds a {kind.__name__} that lacks an argument") from error
    why = _wrong_in(made)
    require(not why, f"it holds a {kind.__name__} that is not right: {why}")
    return made


_READERS: dict[tuple[str, ...], Callable[..., Any]] = {
    ("array", "dtype"): _array,
    ("Series", "index"): _series,
    ("tuple",): _tuple,
    ("dict",): _dict,
    ("RandomState",): _random_state,
    ("object", "arguments"): _object,
}


def _wrong_in(made: Any) -> str:
    """Return what is wrong in the fields of a solver or a schedule of ours; "" if nothing is."""
    if isinstance(made, Solver):
        try:
            validate_parameter_constraints(made.constraints, made.get_params(), type(made).__name__)
        except (TypeError, ValueError) as error:
            return str(error)
        return ""
    for field in fields(made):
        value = getattr(made, field.name)
        if field.name == "after":
            if not isinstance(value, Schedule):
                return f"after is {value!r}, not a schedule"
        elif not isinstance(value, Real) or isinstance(value, bool) or math.isnan(value):
            return f"{field.name} is {value!r}, not a number"
    return ""
