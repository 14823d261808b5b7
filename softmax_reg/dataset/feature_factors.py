"""What multiplies the penalty of each feature: in the order of the features, or by their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.penalties import PENALTIES, Penalty

__all__ = ["by_name", "feature_factors", "make_penalty"]


def by_name(penalty_factor: Any, names: NDArray | None) -> Any:
    """Return the factors in the order of the features.

    A Series whose index holds text is in the order of its index; any other is in that of X already.

    Parameters
    ----------
    penalty_factor : array-like of shape (n_features,) or None
    names : ndarray of shape (n_features,), dtype object, or None
        The names of the features, if X had some.

    Raises
    ------
    ValueError
        If the index does not hold the names of the features, each once, or X had none.
    """
    if not _has_names(penalty_factor):
        return penalty_factor
    given = list(penalty_factor.index)
    if names is None:
        raise ValueError(
            f"penalty_factor is a Series with the names {shown(given)}, but X has no names to "
            "match them. Give X as a DataFrame, in a pipeline with "
            'set_output(transform="pandas"), or penalty_factor.to_numpy(), in the order of the '
            "columns of X."
        )
    left = [name for name in names if name not in given]
    unknown = [name for name in given if name not in names]
    if left or len(given) != len(names):
        told = f"lacks {shown(left)}" if left else f"has more than these: {shown(unknown or given)}"
        raise ValueError(
            f"penalty_factor is a Series that {told}; the features of X are {shown(names)}. Give "
            "each feature one factor: penalty_factor.reindex(X.columns, fill_value=1.0)."
        )
    return penalty_factor.loc[list(names)].to_numpy()


def _has_names(penalty_factor: Any) -> bool:
    index: Any = getattr(penalty_factor, "index", None)
    if index is None or callable(index) or hasattr(penalty_factor, "columns"):
        return False
    return all(isinstance(name, str) for name in index)


def feature_factors(penalty_factor: Any, n_features: int) -> NDArray | None:
    """Return the factor of each feature in the penalty, shape (n_features,), or None for all 1.

    Raises
    ------
    ValueError
        If there is not one non-negative finite number for each feature.
    """
    if penalty_factor is None:
        return None
    if hasattr(penalty_factor, "columns"):
        raise ValueError(
            "penalty_factor is a frame, but it holds one number for each feature. Give the column "
            f"that holds them, such as penalty_factor[{next(iter(penalty_factor.columns), '')!r}]."
        )
    if isinstance(penalty_factor, Mapping):
        raise ValueError(
            f"penalty_factor is {shown(penalty_factor)}, but it holds one number for each feature. "
            "Give pandas.Series(penalty_factor).reindex(X.columns, fill_value=1.0)."
        )
    try:
        factors = np.asarray(penalty_factor, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"penalty_factor must hold numbers, got {shown(penalty_factor)}. Give one for each "
            "feature."
        ) from error
    if factors.shape != (n_features,):
        raise ValueError(
            f"penalty_factor must hold one number for each of the {n_features} features, got the "
            f"shape {factors.shape}. Give an array of shape ({n_features},), or None for all 1."
        )
    wrong = np.flatnonzero(~(np.isfinite(factors) & (factors >= 0.0)))
    if len(wrong):
        raise ValueError(
            f"penalty_factor must be non-negative and finite, got {factors[wrong[0]]} for feature "
            f"{wrong[0]}. Use 0 for a feature without a penalty; leave out those never to be used."
        )
    return factors


def make_penalty(
    name: str,
    alpha: float,
    l1_ratio: float,
    penalty_factor: Any,
    n_features: int,
    scale: NDArray | None = None,
) -> Penalty:
    """Return the penalty that a user names; `scale` are the units of the features, if not 1.

    Raises
    ------
    ValueError
        If the factors cannot be used, or a group lasso would have no group norm.
    """
    if l1_ratio == 0.0 and PENALTIES[name].needs_norm:
        raise ValueError(
            f"penalty={name!r} with l1_ratio=0 has no group norm and would select nothing. "
            "Give a share for it, such as l1_ratio=1; l1_ratios=(1.0,) in a cross-validation."
        )
    factor = feature_factors(penalty_factor, n_features)
    penalty: Penalty = PENALTIES[name](alpha, l1_ratio, factor, scale)
    return penalty
