"""The state of a stream as arrays by name, for files without pickle, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import number, numbers, require, whole_number
from softmax_reg.streaming.feature_scale import FeatureMoments
from softmax_reg.streaming.laplace_objective import LaplaceApproximation, Standardisation
from softmax_reg.streaming.window import LabelledRows

__all__ = ["LARGEST", "SavedAsArrays"]

_RECORDS = {"past": LaplaceApproximation, "units": FeatureMoments, "frame": Standardisation}
_BATCHES = ("solved", "stepped", "waiting")
# Numbers come back as numbers, but for a Hessian, which may have any shape.
_ARRAYS = ("past_hessian",)
# Each batch of a window is longer than the next: so many hold more rows than there can be.
_MOST_BATCHES = 64
# Squares of larger numbers, and sums of them, would overflow.
LARGEST = 1e100


class SavedAsArrays:
    """Gives `OnlineNewton` its two ways to a file."""

    def to_arrays(self) -> dict[str, NDArray]:
        """Return everything as arrays without objects; `from_arrays` reads them."""
        found: dict[str, Any] = {}
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if field.name in _RECORDS and value is not None:
                for part in fields(value):
                    found[f"{field.name}_{part.name}"] = getattr(value, part.name)
            elif field.name in _BATCHES:
                for number, batch in enumerate(value):
                    for name, array in batch.to_arrays().items():
                        found[f"{field.name}{number}_{name}"] = array
            elif value is not None:
                found[field.name] = value
        return {name: np.asarray(value) for name, value in found.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> Self:
        """Return the state that `to_arrays` wrote.

        Raises
        ------
        Damaged
            If it wrote no such arrays.
        """
        values: dict[str, Any] = {
            name: array if array.ndim or name in _ARRAYS else array.item()
            for name, array in arrays.items()
        }
        found: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]
            if field.name in _RECORDS:
                kind = _RECORDS[field.name]
                parts = _taken(values, f"{field.name}_")
                names = {part.name for part in fields(kind)}
                is_whole = parts.keys() == names or not (parts or field.name != "frame")
                require(is_whole, f"the {field.name} of a stream is not whole")
                found[field.name] = kind(**parts) if parts else None
            elif field.name in _BATCHES:
                batches: list[LabelledRows] = []
                while len(batches) < _MOST_BATCHES:
                    if not (parts := _taken(values, f"{field.name}{len(batches)}_")):
                        break
                    what = f"the {field.name} rows of a stream"
                    batches.append(LabelledRows.from_arrays(parts, what))
                found[field.name] = tuple(batches)
            else:
                found[field.name] = values.pop(field.name, None)
        require(not values, "a stream has arrays that mean nothing")
        state = cls(**found)
        check_stream(state)
        return state


def _taken(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Remove and return what has a name that begins so, by the rest of the name."""
    names = [name for name in values if name.startswith(prefix)]
    return {name.removeprefix(prefix): values.pop(name) for name in names}


def check_stream(state: Any) -> None:
    """Raise `Damaged` unless all that an `OnlineNewton` holds fits together."""
    p = whole_number(state.n_features, "n_features of a stream", 1, 2**62)
    n_classes = whole_number(state.n_classes, "n_classes of a stream", 2, 2**31)
    require(isinstance(state.fit_intercept, bool), "fit_intercept of a stream is no flag")
    is_right = number(state.C, "C of a stream", 0.0, is_finite=False) > 0.0
    require(is_right, "C of a stream is zero")
    number(state.weight, "the weight of a stream", 0.0)
    n, n_outputs = p + state.fit_intercept, 1 if n_classes == 2 else n_classes
    numbers(state.w, "w of a stream", (n * n_outputs,))
    _check_past(state.past, state.curvature.shape(n, n_outputs), n, n_outputs)
    state.units.check()
    require(state.units.mean.shape == (p,), "the units of a stream are not its features'")
    if state.frame is not None:
        numbers(state.frame.mean, "the frame of a stream", (p,))
        scale = numbers(state.frame.scale, "the frame of a stream", (p,))
        require((scale > 0.0).all(), "the frame of a stream has no unit")
    _check_window(state, p, n_classes, n, n_outputs)


def _check_past(past: LaplaceApproximation, shape: tuple[int, ...], n: int, n_outputs: int) -> None:
    number(past.weight, "the weight of the past", 0.0)
    number(past.ridge, "the ridge of the past", 0.0)
    for name in ("centre", "slope"):
        numbers(getattr(past, name), f"the {name} of the past", (n, n_outputs))
    hessian = numbers(past.hessian, "the Hessian of the past")
    require(hessian.shape in ((), shape), f"the Hessian of the past has the shape {hessian.shape}")


def _check_window(state: Any, p: int, n_classes: int, n: int, n_outputs: int) -> None:
    """Check the rows at hand, and that there is a factor when there are any: a step needs it."""
    curvature = state.curvature
    for batch in (*state.solved, *state.stepped, *state.waiting):
        is_right = batch.X.shape[1] == p and sp.issparse(batch.X) != curvature.is_dense
        require(is_right, "the rows of a stream have not its features")
        values = batch.X.data if sp.issparse(batch.X) else batch.X
        largest = float(np.abs(values).max(initial=0.0))
        require(largest <= LARGEST, "the rows of a stream are too large")
        is_right = (batch.codes >= 0).all() and (batch.codes < n_classes).all()
        require(is_right, "the rows of a stream have not its classes")
    if state.factor is None:
        is_new = not (state.solved or state.stepped or state.waiting or state.past.hessian.ndim)
        require(is_new and state.weight == state.past.weight, "a stream has no factor")
    else:
        require(state.frame is not None and len(state.solved) == 1, "a stream has no minimum")
        numbers(state.factor, "the factor of a stream", curvature.factor_shape(n, n_outputs))
