"""The attributes of a fitted model as a header and arrays, and back.

Plain values are in the header, arrays are members of their own, sparse ones three; objects with
arrays of their own, parts, are folders.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import Damaged, csr_from, require, shown
from softmax_reg._version import __version__
from softmax_reg.persistence.fitted import check_fitted
from softmax_reg.persistence.parameters import decode, encode

__all__ = ["attributes_of", "describe", "restore_attributes"]

Arrays = dict[str, NDArray]


def attributes_of(estimator: Any) -> dict[str, Any]:
    """Return what `fit` has set, by name."""
    parts = estimator._saved_parts
    return {
        name: value
        for name, value in vars(estimator).items()
        if name in parts or (name.endswith("_") and not name.startswith("_"))
    }


def describe(estimator: Any, attributes: dict[str, Any]) -> tuple[dict[str, Any], Arrays]:
    """Return header and arrays of a model with these attributes.

    Raises
    ------
    TypeError
        If an attribute cannot be saved.
    """
    params: dict[str, Any] = {}
    unsaved: dict[str, str] = {}
    for name, value in estimator.get_params(deep=False).items():
        if name == "callbacks":
            continue
        try:
            params[name] = encode(value)
        except TypeError as error:
            unsaved[name] = str(error)
    header: dict[str, Any] = {"class": type(estimator).__name__, "version": __version__}
    header |= {"params": params, "unsaved": unsaved}
    plain, objects, sparse, parts = {}, {}, {}, []
    arrays: Arrays = {}
    for name, value in attributes.items():
        if name in estimator._saved_parts:
            parts.append(name)
            arrays |= {f"{name}/{key}": array for key, array in value.to_arrays().items()}
        elif sp.issparse(value):
            csr = sp.csr_array(value)
            sparse[name] = {
                "shape": list(csr.shape),
                "is_matrix": not isinstance(value, sp.sparray),
            }
            arrays |= {f"{name}/{key}": getattr(csr, key) for key in ("data", "indices", "indptr")}
        elif isinstance(value, np.ndarray) and value.dtype.hasobject:
            objects[name] = _encoded(name, value.tolist())
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            plain[name] = _encoded(name, value)
    return header | {"plain": plain, "objects": objects, "sparse": sparse, "parts": parts}, arrays


def _encoded(name: str, value: Any) -> Any:
    try:
        return encode(value)
    except TypeError as error:
        raise TypeError(f"{name} cannot be saved: {error}") from error


def restore_attributes(estimator: Any, header: dict[str, Any], arrays: Arrays) -> None:
    """Set the attributes of which `describe` made header and arrays.

    Raises
    ------
    Damaged
        If they are not those of a fitted estimator.
    """
    left = dict(arrays)
    found: dict[str, Any] = {name: decode(code) for name, code in header["plain"].items()}
    for name, code in header["objects"].items():
        require(isinstance(code, list), f"{shown(name)} is no list")
        found[name] = np.empty(len(code), dtype=object)
        found[name][:] = [decode(item) for item in code]
    for name, facts in header["sparse"].items():
        found[name] = _sparse(name, facts, _taken(left, name))
    parts = {}
    for name in header["parts"]:
        require(name in estimator._saved_parts, f"it holds {shown(name)}, which is unknown")
        parts[name] = _part(estimator._saved_parts[name], name, _taken(left, name))
    n_found = sum(len(header[kind]) for kind in ("plain", "objects", "sparse", "parts"))
    is_odd = not estimator._saved_parts.keys().isdisjoint(found.keys() | left.keys())
    found |= left | parts
    require(n_found + len(left) == len(found) and not is_odd, "it holds an attribute twice")
    check_attributes(estimator, found)
    vars(estimator).update(found)


def _taken(arrays: Arrays, name: str) -> Arrays:
    """Remove and return the arrays in the folder of an attribute."""
    folder = f"{name}/"
    names = [key for key in arrays if key.startswith(folder)]
    return {key.removeprefix(folder): arrays.pop(key) for key in names}


def _sparse(name: str, facts: Any, parts: Arrays) -> Any:
    what = shown(name)
    is_right = isinstance(facts, dict) and isinstance(facts.get("is_matrix"), bool)
    shape: Any = facts.get("shape") if is_right else None
    is_right = isinstance(shape, list) and len(shape) == 2 and all(type(n) is int for n in shape)
    require(is_right, f"{what} has no right shape")
    require(parts.keys() == {"data", "indices", "indptr"}, f"{what} is not whole")
    return csr_from(parts, (shape[0], shape[1]), what, facts["is_matrix"])


def _part(kind: type[Any], name: str, parts: Arrays) -> Any:
    try:
        return kind.from_arrays(parts)
    except Damaged:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # Whatever a reader of a subclass finds wrong with arrays that it did not write.
        raise Damaged(f"{name} cannot be read: {error}") from error


def check_attributes(estimator: Any, attributes: dict[str, Any]) -> None:
    """Raise `Damaged` unless these are the attributes of a fitted estimator."""
    parts = estimator._saved_parts
    plain = {name: value for name, value in attributes.items() if name not in parts}
    sizes = check_fitted(plain, estimator._saved_attributes, estimator._always_saved)
    is_stream = isinstance(attributes.get("loss_curve_"), list)
    require(
        is_stream == ("_online" in attributes), "loss_curve_ is not that of a stream, or is one"
    )
    for name in attributes.keys() & parts.keys():
        for fact in ("n_features", "n_classes"):
            right = getattr(sizes, fact)
            is_right = getattr(attributes[name], fact, right) == right
            require(is_right, f"{name} is of another {fact} than coef_")
