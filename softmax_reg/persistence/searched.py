"""The attributes that a search over C and l1_ratio sets: what each of them is."""

from __future__ import annotations

from typing import Any

import numpy as np

from softmax_reg._npz.checks import number, numbers, require
from softmax_reg.persistence.fitted import FITTED, Check, Sizes

__all__ = ["ALWAYS_SEARCHED", "SEARCHED"]

_OF_ANY_MODEL = ("classes_", "coef_", "intercept_", "n_features_in_", "feature_names_in_", "scale_")


def _scores(value: Any, name: str, sizes: Sizes) -> None:
    numbers(value, name, (None, None, None), is_finite=False)
    require(value.dtype == np.float64 and value.size, f"{name} holds no scores")


def _counts(value: Any, name: str, sizes: Sizes) -> None:
    numbers(value, name, sizes.grid, "i")


def _coefficients(value: Any, name: str, sizes: Sizes) -> None:
    n_columns = np.shape(value)[-1] if np.ndim(value) else 0
    require(n_columns - sizes.n_features in (0, 1), f"{name} is not of the features of coef_")
    numbers(value, name, (*sizes.grid, sizes.n_outputs, n_columns), is_finite=False)
    require(value.dtype.itemsize in (4, 8), f"{name} has the dtype {value.dtype}")


def _Cs(value: Any, name: str, sizes: Sizes) -> None:
    numbers(value, name, sizes.grid[2:], is_finite=False)
    require((value > 0.0).all(), f"{name} are not positive")


def _ratios(value: Any, name: str, sizes: Sizes) -> None:
    numbers(value, name, sizes.grid[1:2])
    require((value >= 0.0).all() and (value <= 1.0).all(), f"{name} are not from 0 to 1")


def _ratio(value: Any, name: str, sizes: Sizes) -> None:
    require(number(value, name, 0.0) <= 1.0, f"{name} is not from 0 to 1")


# A new attribute is one line here.
SEARCHED: dict[str, Check] = {name: FITTED[name] for name in _OF_ANY_MODEL} | {
    "scores_": _scores,
    "n_iter_": _counts,
    "coefs_paths_": _coefficients,
    "Cs_": _Cs,
    "l1_ratios_": _ratios,
    "C_": lambda value, name, sizes: number(value, name, 0.0, is_finite=False),
    "l1_ratio_": _ratio,
}
ALWAYS_SEARCHED = tuple(SEARCHED.keys() - {"feature_names_in_", "scale_"})
