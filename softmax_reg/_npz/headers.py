"""The header of a file, JSON, read within bounds: how deep, how many containers, which keys."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from softmax_reg._npz.checks import Damaged, number, require, shown, whole_number

__all__ = ["check_checkpoint", "check_keys", "others_of", "parse"]

# Deeper than any header of `save`: a solver with a schedule in a schedule takes ten.
_DEEPEST = 32
# A container takes up to 30 times the bytes of its text.  What `save` writes has one for each pair
# of a class and its weight, "[0, 1], " at the shortest, and a few besides.
_BYTES_PER_CONTAINER, _MOST_OBJECTS = 8, 64
# A string, also one that does not end, or what opens or closes a container.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[][{}]', re.DOTALL)

# Of what a file says in an error or a warning.
_LONGEST_SHOWN, _MOST_SHOWN = 100, 10

_KEYS: dict[str, type] = {
    "kind": str,
    "class": str,
    "version": str,
    "params": dict,
    "unsaved": dict,
    "plain": dict,
    "objects": dict,
    "sparse": dict,
    "parts": list,
}
_KEYS_OF_CHECKPOINT: dict[str, type] = {
    "seed": int,
    "data": dict,
    "callbacks": list,
    "left_out": list,
    "checkpoint": dict,
}


def parse(text: bytes) -> dict[str, Any]:
    """Return the header, whose schema is a whole number.

    Raises
    ------
    Damaged
        If it is not JSON as `json.dumps` writes it, or takes more memory than its length allows.
    """
    _check_containers(text)
    try:
        header = json.loads(text.decode("ascii"))
    except ValueError as error:  # also of numbers with thousands of digits
        raise Damaged("its header is no JSON") from error
    require(isinstance(header, dict), "its header is no JSON object")
    schema = header.get("schema")
    require(isinstance(schema, int) and not isinstance(schema, bool), "its header has no schema")
    return header


def _check_containers(text: bytes) -> None:
    depth = n_containers = n_objects = 0
    most = _MOST_OBJECTS + len(text) // _BYTES_PER_CONTAINER
    for token in _TOKEN.finditer(text):
        match text[token.start() : token.start() + 1]:
            case b"[" | b"{" as opening:
                depth, n_containers = depth + 1, n_containers + 1
                n_objects += opening == b"{"
                require(depth <= _DEEPEST, "its header is nested too deeply")
                is_right = n_containers <= most and n_objects <= _MOST_OBJECTS
                require(is_right, "its header is not one that save writes")
            case b"]" | b"}":
                depth -= 1


def check_keys(header: Mapping[str, Any]) -> None:
    """Raise `Damaged` unless a header has what `describe` writes, each of the right type."""
    kind = header.get("kind")
    require(kind in ("model", "checkpoint"), "its header does not say what it holds")
    keys = _KEYS if kind == "model" else _KEYS | _KEYS_OF_CHECKPOINT
    for key, wanted in keys.items():
        got = header.get(key)
        is_right = isinstance(got, wanted) and not isinstance(got, bool)
        require(is_right, f"its header has no right {key!r}")
    odd = sorted(header.keys() - keys.keys() - {"schema"})
    require(not odd, f"its header has the unknown key {shown(odd[0] if odd else '')}")
    for name in header["parts"]:
        require(isinstance(name, str), "its header names a part that has no name")


def check_checkpoint(header: Mapping[str, Any], arrays: dict[str, NDArray]) -> dict[str, NDArray]:
    """Remove the run of a checkpoint from its arrays and return it, by its own names.

    Raises
    ------
    Damaged
        If the header does not say how the fit began and how often it was written.
    """
    whole_number(header["seed"], "its seed", 0, 2**32)
    every, seconds = (header["checkpoint"].get(key) for key in ("every", "seconds"))
    require(header["checkpoint"].keys() == {"every", "seconds"}, "it says not how often it is due")
    number(every, "its every", 1.0)
    require(seconds is None or number(seconds, "its seconds", 0.0) > 0.0, "its seconds are 0")
    for fact in header["data"].values():
        shape = isinstance(fact, list) and len(fact) == 2 and all(type(n) is int for n in fact)
        require(shape or isinstance(fact, str), "it says of the data what no fit does")
    for why in header["unsaved"].values():
        require(isinstance(why, str), "it says not why a parameter could not be saved")
    names = [name for name in arrays if name.startswith("run/")]
    return {name.removeprefix("run/"): arrays.pop(name) for name in names}


def others_of(header: Mapping[str, Any]) -> list[str]:
    """Return how to show the callbacks that a fit had besides its checkpoint."""
    kinds = [code.get("object") for code in header["callbacks"] if isinstance(code, dict)]
    told = [text for text in (*kinds, *header["left_out"]) if isinstance(text, str)]
    return [shown(text, _LONGEST_SHOWN) for text in told[:_MOST_SHOWN]]
