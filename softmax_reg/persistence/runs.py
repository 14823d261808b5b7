"""What a checkpoint says of a run, looked at before it is gone on with."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.checks import Damaged, number, numbers, require, shown, whole_number
from softmax_reg._npz.storage import unflatten
from softmax_reg.callbacks import LossLogger
from softmax_reg.solvers.run_state import RunState

__all__ = ["check_run", "is_made_of_numbers"]

_NUMBERS = "biuf"
_MOST = 2**62
_LONGEST_STATE = 1000
_WORD = 2**128  # of PCG64


def is_made_of_numbers(name: str, array: NDArray) -> bool:
    """Return whether an array of a run holds what it may: numbers, but for the generator's state.

    Parameters
    ----------
    name : str
        In `RunState.to_arrays()`.
    array : ndarray
    """
    return name == "rng" or array.dtype.kind in _NUMBERS


def check_run(arrays: Mapping[str, NDArray], w_like: NDArray, is_ours: bool) -> None:
    """Raise `Damaged` unless these are the arrays of a `RunState` that a fit can go on from.

    Parameters
    ----------
    arrays : dict of str to ndarray
        By the names of `RunState.to_arrays()`.
    w_like : ndarray of shape (size,)
        Coefficients of the model, for their number.
    is_ours : bool
        Whether the solver is one of softmax_reg, whose memory is known.
    """
    for name, array in arrays.items():
        require(is_made_of_numbers(name, array), f"run/{name[:80]!r} is not made of numbers")
    run, known = unflatten(arrays), {field.name: field for field in fields(RunState)}
    require(run.keys() <= known.keys(), "its run has what this version does not know")
    for name in ("w", "best", "start", "length", "losses"):
        require(name in run, f"its run has no {name}")
    n_points = len(numbers(run["losses"], "run/losses", (None,)))
    require(n_points > 0, "its run has no point")
    for name, value in run.items():
        _CHECKS[str(known[name].type)](value, f"run/{name}", w_like, n_points)
    _check_generator(run.get("rng", ""))
    if is_ours:
        _check_memory(run.get("memory", {}), len(run.get("v", w_like)))
    for name, state in run.get("watchers", {}).items():
        require(isinstance(state, dict), "its run has a callback without a state")
        _STATES.get(name.rsplit(" ", 1)[0], _any_state)(state, w_like, n_points)


def _vector(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    numbers(value, name, w_like.shape)


def _coordinates(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    numbers(value, name, (None,))


def _list(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    values = numbers(value, name, (None,))
    require(len(values) in (0, n_points), f"{name} has not one number for each point")


def _float(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    is_right = isinstance(value, float | int) and not isinstance(value, bool)
    require(is_right and not math.isnan(value), f"{name} is no number")


def _flag(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    require(isinstance(value, bool), f"{name} is neither true nor false")


def _dict(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    require(isinstance(value, dict), f"{name} is no folder")


def _text(value: Any, name: str, w_like: NDArray, n_points: int) -> None:
    require(isinstance(value, str), f"{name} is no text")


# By the types of the fields of `RunState`: a new field of one of them needs nothing here.
_CHECKS: dict[str, Callable[[Any, str, NDArray, int], Any]] = {
    "NDArray": _vector,
    "NDArray | None": _coordinates,
    "list[float]": _list,
    "float": _float,
    "bool": _flag,
    "int": lambda value, name, w_like, n_points: whole_number(value, name, 0, _MOST),
    "dict[str, object]": _dict,
    "dict[str, dict[str, object]]": _dict,
    "str": _text,
}


def _check_generator(text: str) -> None:
    """Check the state of NumPy's default bit generator."""
    if not text:
        return
    reason = "run/rng is no state of a generator"
    state: Any = None
    try:
        state = json.loads(text) if len(text) <= _LONGEST_STATE else None
    except (RecursionError, ValueError) as error:
        raise Damaged(reason) from error
    keys = {"bit_generator", "state", "has_uint32", "uinteger"}
    require(isinstance(state, dict) and state.keys() == keys, reason)
    words = state["state"]
    require(state["bit_generator"] == "PCG64" and isinstance(words, dict), reason)
    require(words.keys() == {"state", "inc"}, reason)
    for word in words.values():
        whole_number(word, "run/rng", 0, _WORD - 1)
    whole_number(state["has_uint32"], "run/rng", 0, 1)
    whole_number(state["uinteger"], "run/rng", 0, 2**32 - 1)


# What our solvers remember, by what it is.
_VECTORS = {"ahead", "mean", "square", "velocity"}
_PAIRS = ("steps", "changes")
_COUNTS = {"step", "t"}
_LEAST = {"momentum": 1.0, "rate": sys.float_info.min}


def _check_memory(memory: Mapping[str, Any], size: int) -> None:
    for name, value in memory.items():
        what = f"run/memory/{shown(name)}"
        if name in _VECTORS:
            numbers(value, what, (size,))
        elif name in _COUNTS:
            whole_number(value, what, 0, _MOST)
        elif name in _LEAST:
            number(value, what, _LEAST[name])
        elif name == "losses":
            numbers(value, what, (None,))
        else:
            require(name in _PAIRS, f"{what} is remembered by no solver")
    steps, changes = (memory.get(name, np.zeros(0)) for name in _PAIRS)
    if np.size(steps) or np.size(changes):
        numbers(steps, "run/memory/steps", (None, size))
        numbers(changes, "run/memory/changes", steps.shape)
        for step, change in zip(steps, changes, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                require(np.vdot(step, change) > 0.0, "run/memory has a step that did not curve")


def _logger(state: Mapping[str, Any], w_like: NDArray, n_points: int) -> None:
    """Check the columns of a `LossLogger`."""
    columns = {*LossLogger.columns, "validation_loss"}
    require(state.keys() <= columns, "its log has unknown columns")
    require(not state or state.keys() >= set(LossLogger.columns), "its log lacks columns")
    lengths = set()
    for name, values in state.items():
        numbers(values, f"the column {name} of its log", (None,), "if", is_finite=False)
        lengths.add(len(values))
    require(len(lengths) <= 1 and all(n <= n_points for n in lengths), "its log is not whole")
    if state:
        iteration = numbers(state["iteration"], "the column iteration of its log", kinds="i")
        is_right = (iteration >= 0).all() and (iteration < n_points).all()
        require(is_right and (np.diff(iteration) > 0).all(), "its log has wrong iterations")


def _stopping(state: Mapping[str, Any], w_like: NDArray, n_points: int) -> None:
    """Check what an `EarlyStopping` remembers."""
    names = {"best_iter", "best_loss", "_low", "_low_iter"}
    require(state.keys() - {"best_w"} == names, "its EarlyStopping does not know where it stood")
    for name in ("best_iter", "_low_iter"):
        whole_number(state[name], name, 0, n_points - 1)
    for name in ("best_loss", "_low"):
        _float(state[name], name, w_like, n_points)
    if "best_w" in state:
        _vector(state["best_w"], "best_w", w_like, n_points)


def _any_state(state: Mapping[str, Any], w_like: NDArray, n_points: int) -> None:
    """Nothing is known of a user's own callback but that it remembers numbers."""


_STATES = {"EarlyStopping": _stopping, "LossLogger": _logger}
