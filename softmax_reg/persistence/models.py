"""Models and fits in files: what `save` writes, `load` reads and `resume` goes on from.

A file is described in `storage`; a model in it is its constructor parameters and the attributes
that `fit` sets, whose names end in an underscore.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import validate_parameter_constraints
from softmax_reg._npz import storage
from softmax_reg._npz.checks import Damaged, require, shown
from softmax_reg._npz.files import Path
from softmax_reg._npz.headers import check_checkpoint, check_keys, others_of
from softmax_reg._version import __version__
from softmax_reg.callbacks.checkpoint import Checkpoint
from softmax_reg.callbacks.ordering import as_list
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.dataset.table_encoding import TableEncoding
from softmax_reg.persistence.attributes import attributes_of, describe, restore_attributes
from softmax_reg.persistence.fitted import ALWAYS, FITTED, Check
from softmax_reg.persistence.parameters import decode, is_known
from softmax_reg.persistence.runs import check_run

__all__ = ["Persistent", "Saved"]

Arrays = dict[str, NDArray]


class Saved:
    """An estimator that can be saved and loaded without pickle.

    Attributes
    ----------
    _saved_parts : dict of str to class
        Attributes that are objects, such as the state of a stream: their class has `to_arrays()`,
        which returns a dict of str to ndarray, and a class method `from_arrays(dict)`, which has to
        look at what it is given as at any input.
    _saved_attributes : dict of str to callable
        The other attributes that `fit` sets, and what looks at each: `fitted.FITTED`.
    _always_saved : tuple of str
        Those of them that every fit sets.
    """

    _saved_parts: ClassVar[dict[str, type[Any]]] = {"encoding_": TableEncoding}
    _saved_attributes: ClassVar[dict[str, Check]] = FITTED
    _always_saved: ClassVar[tuple[str, ...]] = ALWAYS
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
        model = fitted(self)
        attributes = model._to_file(attributes_of(model))
        header, arrays = describe(model, attributes)
        if header["unsaved"]:
            name, why = next(iter(header["unsaved"].items()))
            kind: Any = type(self)
            default = kind().get_params(deep=False)[name]
            raise TypeError(
                f"{name} cannot be saved: {why} Set it to another value before, such as "
                f"model.set_params({name}={default!r})."
            )
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
        model = _restored(cls, path, header, arrays, {})
        model._from_file()
        return model

    def _to_file(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return the attributes as a file holds them."""
        return attributes

    def _from_file(self) -> None:
        """Make of the attributes in a file those that `fit` had set."""


class Persistent(Saved):
    """An estimator whose fits can be resumed, too."""

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
        given = as_list(callbacks, "a Progress")
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
    coef, n_outputs = model.coef_, len(model.intercept_)
    return np.zeros(coef.size + n_outputs * bool(model.fit_intercept), coef.dtype)


def _read(cls: type, path: Path, kind: str) -> tuple[dict[str, Any], Arrays]:
    header, arrays = storage.read(path)
    with storage.naming(path):
        check_keys(header)
    if header["class"] != cls.__name__:
        other = header["class"] if header["class"].isidentifier() else "class of another name"
        raise ValueError(
            f"{os.fspath(path)!r} holds a {other[:80]}, not a {cls.__name__}. "
            "Call the method of that class."
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
