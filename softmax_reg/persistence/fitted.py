"""The attributes that a fit sets: what each of them is, and that they fit one another.

`save` looks at them as `load` does, so that no file is written which cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import numbers, require, shown, whole_number

__all__ = ["ALWAYS", "FITTED", "Check", "Sizes", "check_fitted"]

# So far below the largest number coefficients have to be that scores of ordinary features are
# finite; no further, for coefficients of tiny features are large.
_HEADROOM = 1e3
_LONGEST_NAME = 200
_LONGEST_SENTENCE = 1000
# A model of scikit-learn has no `loss_curve_`.
ALWAYS = ("classes_", "coef_", "intercept_", "n_features_in_", "n_iter_")


@dataclass(frozen=True)
class Sizes:
    """The sizes that attributes have in common.

    Parameters
    ----------
    n_classes, n_outputs, n_features : int
        Rows are those of `coef_`: one with two classes.
    n_iter : int
        Iterations of a fit.
    grid : tuple of int
        Those of `scores_` in a search: folds, values of l1_ratio, values of C.
    """

    n_classes: int
    n_outputs: int
    n_features: int
    n_iter: int
    grid: tuple[int, ...] = ()


Check = Callable[[Any, str, Sizes], Any]


def check_fitted(
    attributes: Mapping[str, Any], allowed: Mapping[str, Check], always: Iterable[str] = ALWAYS
) -> Sizes:
    """Return the sizes of a fitted model.

    Parameters
    ----------
    attributes : dict
        By name; objects that have arrays of their own are not looked at.
    allowed : dict of str to callable
        What each attribute has to be.
    always : iterable of str
        Those that every fit sets, `classes_`, `coef_` and `n_iter_` among them.

    Raises
    ------
    Damaged
        If an attribute is missing, or not what it has to be, or not one that `fit` sets.
    """
    for name in always:
        require(name in attributes, f"{name} is missing")
    for name in attributes:
        require(name in allowed, f"{shown(name)} is no attribute that fit sets")
    n_classes, coef = len(_labels(attributes["classes_"])), attributes["coef_"]
    require(len(np.shape(coef)) == 2 and np.shape(coef)[1] > 0, "coef_ is no matrix")
    n_iter = numbers(attributes["n_iter_"], "n_iter_", kinds="i")
    require(n_iter.size and n_iter.min() >= 0, "n_iter_ counts no iterations")
    n_outputs, grid = 1 if n_classes == 2 else n_classes, np.shape(attributes.get("scores_", ()))
    sizes = Sizes(n_classes, n_outputs, np.shape(coef)[1], int(n_iter.flat[0]), grid)
    for name, check in allowed.items():
        if name in attributes:
            check(attributes[name], name, sizes)
    return sizes


def _labels(classes: Any) -> NDArray:
    """Return the labels, each larger than the one before."""
    require(isinstance(classes, np.ndarray) and classes.ndim == 1, "classes_ is no array of labels")
    require(len(classes) >= 2, "classes_ holds fewer than two classes")
    if classes.dtype.kind == "O":
        require(all(type(label) is str for label in classes), "classes_ holds what is no string")
    else:
        require(classes.dtype.kind in "biufUMm", f"classes_ has the dtype {classes.dtype}")
    require((classes[:-1] < classes[1:]).all(), "classes_ are not sorted, or not each there once")
    if classes.dtype.kind == "f":
        require(np.isfinite(classes).all(), "classes_ holds NaN or infinity")
    return classes


def _coefficients(coef: Any, name: str, sizes: Sizes) -> None:
    values = coef
    if sp.issparse(coef):
        require(coef.has_canonical_format, f"{name} has unsorted or repeated indices")
        values = coef.data
    numbers(values, name)
    is_right = np.shape(coef) == (sizes.n_outputs, sizes.n_features)
    require(is_right, f"{name} has the shape {np.shape(coef)}, not one row for each class")
    _check_size(values, name)


def _intercept(value: Any, name: str, sizes: Sizes) -> None:
    _check_size(numbers(value, name, (sizes.n_outputs,)), name)


def _deviations(value: Any, name: str, sizes: Sizes) -> None:
    scale = numbers(value, name, (sizes.n_features,))
    require(scale.dtype == np.float64 and (scale > 0.0).all(), f"{name} holds no deviations")


def _check_size(values: NDArray, name: str) -> None:
    require(values.dtype.itemsize in (4, 8), f"{name} has the dtype {values.dtype}")
    largest = np.finfo(values.dtype).max / values.dtype.type(_HEADROOM)
    require((np.abs(values) <= largest).all(), f"{name} is so large that scores overflow")


def _names(value: Any, name: str, sizes: Sizes) -> None:
    is_right = isinstance(value, np.ndarray) and value.shape == (sizes.n_features,)
    is_right = is_right and value.dtype == object and all(type(item) is str for item in value)
    require(is_right, f"{name} is no array of one name for each feature")


def _curve(value: Any, name: str, sizes: Sizes) -> None:
    """Check the losses of a fit, its start too, or of the batches of a stream, a list."""
    if isinstance(value, list):
        is_right = len(value) == sizes.n_iter and all(isinstance(loss, float) for loss in value)
        require(is_right and not any(map(math.isnan, value)), f"{name} is no list of losses")
    else:
        numbers(value, name, (sizes.n_iter + 1,))


def _validation_curve(value: Any, name: str, sizes: Sizes) -> None:
    numbers(value, name, (sizes.n_iter + 1,))


def _real(value: Any, name: str, sizes: Sizes) -> None:
    require(isinstance(value, Real) and not isinstance(value, bool), f"{name} is no number")


def _flag(value: Any, name: str, sizes: Sizes) -> None:
    require(isinstance(value, bool | np.bool_), f"{name} is neither true nor false")


def _sentence(value: Any, name: str, sizes: Sizes) -> None:
    is_right = isinstance(value, str) and len(value) <= _LONGEST_SENTENCE
    require(is_right, f"{name} is no sentence")


def _word(value: Any, name: str, sizes: Sizes) -> None:
    is_right = isinstance(value, str) and len(value) <= _LONGEST_NAME
    require(is_right, f"{name} is no short text")


def _count_of_features(value: Any, name: str, sizes: Sizes) -> None:
    is_right = not isinstance(value, bool) and isinstance(value, int | np.integer)
    is_right = is_right and value == sizes.n_features
    require(is_right, f"{name} is not {sizes.n_features}, the columns of coef_")


# A new attribute is one line here.
FITTED: dict[str, Check] = {
    "classes_": lambda value, name, sizes: None,  # looked at for the sizes
    "n_iter_": lambda value, name, sizes: numbers(value, name, (1,), "i"),
    "coef_": _coefficients,
    "intercept_": _intercept,
    "n_features_in_": _count_of_features,
    "feature_names_in_": _names,
    "scale_": _deviations,
    "loss_curve_": _curve,
    "validation_loss_curve_": _validation_curve,
    "best_iter_": lambda value, name, sizes: whole_number(value, name, 0, sizes.n_iter),
    "n_samples_seen_": lambda value, name, sizes: whole_number(value, name, 0, 2**62),
    "optimality_": _real,
    "loss_": _real,
    "null_loss_": _real,
    "has_offset_": _flag,
    "stop_reason_": _sentence,
    "suboptimality_": _real,
    "duality_gap_": _real,
    "converged_": _flag,
    "solver_": _word,
}
