"""Models and fits in files: what `save` writes, `load` reads and `resume` goes on from.

A file is described in `storage`; a model in it is its constructor parameters and the attributes
that `fit` sets, whose names end in an underscore.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import check_is_fitted, validate_parameter_constraints
from softmax_reg._version import __version__
from softmax_reg.callbacks import listed
from softmax_reg.persistence import storage
from softmax_reg.persistence.checkpoint import Checkpoint
from softmax_reg.persistence.checks import Damaged, csr_from, require, shown
from softmax_reg.persistence.files import Path
from softmax_reg.persistence.fitted import FITTED, Check, check_fitted
from softmax_reg.persistence.headers import check_checkpoint, check_keys, others_of
from softmax_reg.persistence.parameters import decode, encode, is_known
from softmax_reg.persistence.runs import check_run

__all__ = ["Persistent", "attributes_of", "describe", "restore_attributes"]

Arrays = dict[str, NDArray]


class Persistent:
    """An estimator that can be saved, loaded and resumed without pickle.

    Attributes
    ----------
    _saved_parts : dict of str to class
        Attributes that are objects, such as the state of a stream: their class has `to_arrays()`,
        which returns a dict of str to ndarray, and a class method `from_arrays(dict)`, which has to
        look at what it is given as at any input.
    _saved_attributes : dict of str to callable
        The other attributes that `fit` sets, and what looks at each: `fitted.FITTED`.
    """

    _saved_parts: ClassVar[dict[str, type[Any]]] = {}
    _saved_attributes: ClassVar[dict[str, Check]] = FITTED
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def save(self, path: Path) -> None:
        """Write the fitted model to a file without pickle, that `load` reads.

        Parameters
        ----------
        path : path-like
            It is replaced in one stroke, or not at all; a link to a file is followed.  NumPy reads
            it as an npz archive.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        TypeError
            If a parameter, such as a solver of your own, cannot be saved.  `callbacks` are not
            saved: they are no part of the model.
        ValueError
            If the attributes, changed since the fit, are no longer those of a fitted model.
        OSError
            If the file cannot be written, or a directory, a FIFO or a device is there.
        """
        check_is_fitted(self)
        attributes = attributes_of(self)
        header, arrays = describe(self, attributes)
        if header["unsaved"]:
            name, why = next(iter(header["unsaved"].items()))
            raise TypeError(f"{name} cannot be saved: {why} Set it to another value before.")
        try:
            _check_params(type(self), {n: decode(code) for n, code in header["params"].items()})
            restore_attributes(type(self)(), header, arrays)
        except Damaged as error:
            raise ValueError(f"The model cannot be saved, for {error}. Fit it again.") from error
        storage.write(path, {"kind": "model", **header}, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model that `save` wrote; its predictions are the same bit for bit.

        A file may come from anyone: whatever is in it, nothing is run or written, and reading it
        takes at most 32 times its size of memory.  What comes back is a model or an error.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        model : estimator

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged, of another kind, no file but a directory, a FIFO or a device, or
            written by a later version of softmax_reg.
        """
        header, arrays = _read(cls, path, "model")
        with storage.naming(path):
            require(not header["unsaved"], "it is a model that lacks parameters")
        return _restored(cls, path, header, arrays, {})

    @classmethod
    def resume(cls, path: Path, *, callbacks: Any = None, **params: Any) -> Self:
        """Return a model whose next `fit` goes on where a `Checkpoint` was written.

        Until then it predicts with the coefficients of the checkpoint.  `fit` must be given the
        same data, held-out rows too.  The same number of threads gives the same result, bit for
        bit, as a fit that was not interrupted.

        Parameters
        ----------
        path : path-like
            What `Checkpoint` wrote.
        callbacks : callable, list of callables or None, default=None
            The callbacks of the fit, other than its `Checkpoint`, anew: no file makes one, for they
            run and write.  What the first `LossLogger`, `EarlyStopping` and so on remembered is
            given back to the first of these.  A `Checkpoint` that goes on writing to `path`, as
            often as before, is added unless there is one among them.
        **params : parameters of the estimator
            In place of those in the file: what a file cannot hold, such as a solver or a schedule
            of your own, or another `max_iter` or `tol`.  Nothing checks that what the file could
            not hold is what it was.

        Returns
        -------
        model : estimator

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        TypeError
            If one of `callbacks` cannot be called.
        ValueError
            If the file is damaged, of another kind, no file but a directory, a FIFO or a device, or
            written by a later version of softmax_reg, or if a parameter that it cannot hold is not
            given.  As with `load`, the file may come from anyone.

        Warns
        -----
        UserWarning
            If the fit had other callbacks and none are given.
        """
        given = listed(callbacks, "a Progress")
        header, arrays = _read(cls, path, "checkpoint")
        with storage.naming(path):
            of_run = check_checkpoint(header, arrays)
        missing = [name for name in header["unsaved"] if name not in params]
        if missing:
            name = missing[0]
            raise ValueError(
                f"{os.fspath(path)!r} could not hold {shown(name)}: "
                f"{shown(header['unsaved'][name], 300)} Give it again: "
                f"{cls.__name__}.resume(path, {shown(name)}=...)."
            )
        model = _restored(cls, path, header, arrays, params)
        with storage.naming(path):
            check_run(of_run, _flat(model), is_known(model.solver))
        others = others_of(header)
        if others and not given:
            warnings.warn(
                f"The fit had the callbacks {', '.join(others)}, and a file makes none. Give them "
                f"again: {cls.__name__}.resume(path, callbacks=[...]).",
                UserWarning,
                stacklevel=2,
            )
        if not any(isinstance(callback, Checkpoint) for callback in given):
            given.append(Checkpoint(path, **header["checkpoint"]))
        model.callbacks = given
        model._resumed = {key: header[key] for key in ("seed", "data", "params")}
        model._resumed["run"] = of_run
        return model


def _flat(model: Any) -> NDArray:
    """Return an array of the size and dtype of the coefficients of a run."""
    coef, n_rows = model.coef_, len(model.intercept_)
    return np.zeros(coef.size + n_rows * bool(model.fit_intercept), coef.dtype)


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
    sizes = check_fitted(plain, estimator._saved_attributes)
    for name in attributes.keys() & parts.keys():
        for fact in ("n_features", "n_classes"):
            right = getattr(sizes, fact)
            is_right = getattr(attributes[name], fact, right) == right
            require(is_right, f"{name} is of another {fact} than coef_")


def _read(cls: type, path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    header, arrays = storage.read(path)
    with storage.naming(path):
        check_keys(header)
    if header["class"] != cls.__name__:
        other = header["class"] if header["class"].isidentifier() else "class of another name"
        raise ValueError(
            f"{os.fspath(path)!r} holds a {other[:80]}, not a {cls.__name__}. "
            f"Call the method of its own class."
        )
    if header["kind"] != kind:
        method = {"model": "load", "checkpoint": "resume"}[header["kind"]]
        raise ValueError(
            f"{os.fspath(path)!r} holds a {header['kind']}. Use {cls.__name__}.{method}(path)."
        )
    return header, arrays


def _restored(
    cls: type[Any], path: Path, header: dict[str, Any], arrays: Arrays, params: Any
) -> Any:
    with storage.naming(path):
        require("callbacks" not in header["params"], "it holds callbacks, which no file does")
        known = {name: decode(code) for name, code in header["params"].items()}
    if unknown := sorted(known.keys() - cls().get_params(deep=False).keys()):
        version = header["version"] if storage.is_version(header["version"]) else "another version"
        raise ValueError(
            f"{os.fspath(path)!r}, written by softmax_reg {version}, holds the parameters "
            f"{ascii(unknown)[:200]}, which {cls.__name__} does not have in {__version__}. "
            "Upgrade softmax_reg."
        )
    with storage.naming(path):
        _check_params(cls, known)
        model = cls(**known)
        restore_attributes(model, header, arrays)
    return model.set_params(**params)


def _check_params(cls: type[Any], params: dict[str, Any]) -> None:
    try:
        validate_parameter_constraints(cls._parameter_constraints, params, cls.__name__)
    except ValueError as error:
        raise Damaged(str(error)[:300].rstrip(".")) from error
