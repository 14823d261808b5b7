"""The state of a stream as arrays by name, for files without pickle, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg.online.anchored import Frame, Quadratic
from softmax_reg.online.units import Units
from softmax_reg.online.window import LabelledRows

__all__ = ["SavedAsArrays"]

_RECORDS = {"past": Quadratic, "units": Units, "frame": Frame}
_BATCHES = ("solved", "stepped", "waiting")
# Numbers come back as numbers, but for a Hessian, which may have any shape.
_ARRAYS = ("past_hessian",)


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
        """Return the state that `to_arrays` wrote."""
        values: dict[str, Any] = {
            name: array if array.ndim or name in _ARRAYS else array.item()
            for name, array in arrays.items()
        }
        found: dict[str, Any] = {}
        for field in fields(cls):  # type: ignore[arg-type]
            if field.name in _RECORDS:
                parts = _below(values, f"{field.name}_")
                found[field.name] = _RECORDS[field.name](**parts) if parts else None
            elif field.name in _BATCHES:
                batches: list[LabelledRows] = []
                while parts := _below(values, f"{field.name}{len(batches)}_"):
                    batches.append(LabelledRows.from_arrays(parts))
                found[field.name] = tuple(batches)
            else:
                found[field.name] = values.get(field.name)
        return cls(**found)


def _below(values: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Return what has a name that begins so, by the rest of the name."""
    return {n.removeprefix(prefix): value for n, value in values.items() if n.startswith(prefix)}
