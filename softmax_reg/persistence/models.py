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

from softmax_reg._compat import check_is_fitted
from softmax_reg._version import __version__
from softmax_reg.persistence import storage
from softmax_reg.persistence.checkpoint import Checkpoint
from softmax_reg.persistence.parameters import decode, encode

__all__ = ["Persistent", "attributes_of", "describe", "restore_attributes"]

Arrays = dict[str, NDArray]
Path = str | os.PathLike[str]


class Persistent:
    """An estimator that can be saved, loaded and resumed without pickle.

    Attributes
    ----------
    _saved_parts : dict of str to class
        Attributes that are objects, such as the state of a stream: their class has `to_arrays()`,
        which returns a dict of str to ndarray, and a class method `from_arrays(dict)`.
    """

    _saved_parts: ClassVar[dict[str, type[Any]]] = {}

    def save(self, path: Path) -> None:
        """Write the fitted model to a file without pickle, that `load` reads.

        Parameters
        ----------
        path : path-like
            It is replaced in one stroke, or not at all.  NumPy reads it as an npz archive.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the model is not fitted.
        TypeError
            If a parameter, such as a solver of your own, cannot be saved.  `callbacks` are not
            saved: they are no part of the model.
        OSError
            If the file cannot be written.
        """
        check_is_fitted(self)
        header, arrays = describe(self, attributes_of(self))
        if header["unsaved"]:
            name, why = next(iter(header["unsaved"].items()))
            raise TypeError(f"{name} cannot be saved: {why} Set it to another value before.")
        storage.write(path, {"kind": "model", **header}, arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the model that `save` wrote; its predictions are the same bit for bit.

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
            If it is damaged, of another kind, or written by a later version of softmax_reg.
        """
        header, arrays = _read(cls, path, "model")
        return _restored(cls, header, arrays, {})

    @classmethod
    def resume(cls, path: Path, **params: Any) -> Self:
        """Return a model whose next `fit` goes on where a `Checkpoint` was written.

        Until then it predicts with the coefficients of the checkpoint.  `fit` must be given the
        same data, held-out rows too.  The same number of threads gives the same result, bit for
        bit, as a fit that was not interrupted.

        Parameters
        ----------
        path : path-like
            What `Checkpoint` wrote; the resumed fit goes on writing there.
        **params : parameters of the estimator
            In place of those in the file: what a file cannot hold, such as a solver, a schedule or
            callbacks of your own, or another `max_iter` or `tol`.  Nothing checks that what the
            file could not hold is what it was.  Callbacks replace the `Checkpoint` too: put one
            with the same `every` among them.

        Returns
        -------
        model : estimator

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is damaged, of another kind, or written by a later version of softmax_reg, or if
            a parameter that it cannot hold is not given.

        Warns
        -----
        UserWarning
            If the fit had callbacks that the file cannot hold.
        """
        header, arrays = _read(cls, path, "checkpoint")
        missing = [name for name in header["unsaved"] if name not in params]
        if missing:
            name = missing[0]
            raise ValueError(
                f"{os.fspath(path)!r} could not hold {name}: {header['unsaved'][name]} Give it "
                f"again: {cls.__name__}.resume(path, {name}=...)."
            )
        if "callbacks" not in params:
            others = decode(header["callbacks"])
            params["callbacks"] = [*others, Checkpoint(path, **header["checkpoint"])]
            if header["left_out"]:
                warnings.warn(
                    f"The checkpoint could not hold the callbacks {', '.join(header['left_out'])}. "
                    f"Give all of them again: {cls.__name__}.resume(path, callbacks=[...]).",
                    UserWarning,
                    stacklevel=2,
                )
        model = _restored(cls, header, arrays, params)
        model._resumed = {
            "run": {
                name.removeprefix("run/"): array
                for name, array in arrays.items()
                if name.startswith("run/")
            },
            "seed": header["seed"],
            "data": header["data"],
            "params": header["params"],
        }
        return model


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
    """Set the attributes of which `describe` made header and arrays."""
    attributes: dict[str, Any] = {name: decode(code) for name, code in header["plain"].items()}
    for name, code in header["objects"].items():
        attributes[name] = np.array(decode(code), dtype=object)
    for name, facts in header["sparse"].items():
        parts = tuple(arrays[f"{name}/{key}"] for key in ("data", "indices", "indptr"))
        kind = sp.csr_matrix if facts["is_matrix"] else sp.csr_array
        attributes[name] = kind(parts, shape=tuple(facts["shape"]))
    for name in header["parts"]:
        folder = f"{name}/"
        part = {
            key.removeprefix(folder): array
            for key, array in arrays.items()
            if key.startswith(folder)
        }
        attributes[name] = estimator._saved_parts[name].from_arrays(part)
    attributes |= {name: array for name, array in arrays.items() if "/" not in name}
    vars(estimator).update(attributes)


def _read(cls: type, path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    header, arrays = storage.read(path)
    if header["class"] != cls.__name__:
        raise ValueError(
            f"{os.fspath(path)!r} holds a {header['class']}, not a {cls.__name__}. "
            f"Call the method of {header['class']}."
        )
    if header["kind"] != kind:
        method = {"model": "load", "checkpoint": "resume"}[header["kind"]]
        raise ValueError(
            f"{os.fspath(path)!r} holds a {header['kind']}. Use {cls.__name__}.{method}(path)."
        )
    return header, arrays


def _restored(cls: type[Any], header: dict[str, Any], arrays: Arrays, params: Any) -> Any:
    known = {name: decode(code) for name, code in header["params"].items()}
    if unknown := sorted(known.keys() - cls().get_params(deep=False).keys()):
        raise ValueError(
            f"The file, written by softmax_reg {header['version']}, holds the parameters "
            f"{unknown}, which {cls.__name__} does not have in {__version__}. Upgrade softmax_reg."
        )
    model = cls(**known).set_params(**params)
    restore_attributes(model, header, arrays)
    return model
