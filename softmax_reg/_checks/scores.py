"""What the functions of scores accept: each argument becomes a float array, or an error says why.

Labels become one-hot rows, and sample weights s_i become the shares s_i / S of a weighted mean,
S = sum_i s_i. Nothing here writes to what it is given.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Floats", "as_floats", "as_scores", "as_shares", "as_target_rows", "as_vectors"]

Floats: TypeAlias = NDArray[np.floating[Any]]


def as_floats(x: ArrayLike, name: str) -> Floats:
    x = np.asarray(x)
    if x.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {x.dtype}")
    # A sum of float16 soon loses every digit.
    dtype = np.promote_types(x.dtype, np.float32) if x.dtype.kind == "f" else np.dtype(np.float64)
    return x.astype(dtype, copy=False)


def as_scores(scores: ArrayLike) -> Floats:
    scores = as_floats(scores, "scores")
    if scores.ndim == 0 or scores.shape[-1] == 0:
        raise ValueError(f"scores must have shape (..., K) with K at least 1, got {scores.shape}")
    return scores


def as_vectors(vectors: ArrayLike, n_classes: int) -> Floats:
    v = as_floats(vectors, "vectors")
    if v.shape[-1:] != (n_classes,):
        raise ValueError(f"vectors must have shape (..., {n_classes}), got {v.shape}")
    if not np.isfinite(v).all():
        raise ValueError("vectors must be finite, got NaN or infinity")
    return v


def as_shares(sample_weight: ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    """Return s_i / S in float64, of the given shape."""
    if sample_weight is None:
        sample_weight = np.ones(shape)
    weights = as_floats(sample_weight, "sample_weight").astype(np.float64)
    if weights.shape != shape:
        raise ValueError(
            f"sample_weight must have the shape {shape} of the rows of scores, got {weights.shape}"
        )
    wrong = weights[~(np.isfinite(weights) & (weights >= 0))]
    if wrong.size:
        raise ValueError(f"sample_weight must be finite and not negative, got {wrong[0]}")
    largest = weights.max(initial=0.0)
    if largest == 0:
        raise ValueError("a mean needs at least one row of positive weight, got none")
    weights = weights / largest  # now their sum cannot overflow
    return np.asarray(weights / weights.sum())


def as_target_rows(targets: ArrayLike, like: Floats, label_smoothing: float) -> Floats:
    """Return (1 - e) t + e / K in the shape and dtype of `like`."""
    e = float(label_smoothing)
    if not 0.0 <= e <= 1.0:
        raise ValueError(f"label_smoothing must be between 0 and 1, got {label_smoothing}")
    targets = np.asarray(targets)
    if targets.shape == like.shape[:-1]:
        rows = _one_hot(targets, like)
    elif targets.shape == like.shape:
        rows = _distributions(targets).astype(like.dtype)
    else:
        raise ValueError(
            f"targets must be labels of shape {like.shape[:-1]} or rows of probabilities of shape "
            f"{like.shape}, like the scores; got shape {targets.shape}"
        )
    smooth: Floats = (1.0 - e) * rows + e / like.shape[-1]
    return smooth


def _one_hot(labels: NDArray[Any], like: Floats) -> Floats:
    expected = f"labels must be integers from 0 to {like.shape[-1] - 1}"
    if labels.size and labels.dtype.kind not in "biu":
        raise TypeError(
            f"{expected}, got dtype {labels.dtype}: encode them as "
            "np.unique(y, return_inverse=True)[1] does"
        )
    wrong = labels[(labels < 0) | (labels >= like.shape[-1])]
    if wrong.size:
        raise ValueError(f"{expected}, got {wrong[0]}")
    rows = np.zeros_like(like)
    np.put_along_axis(rows, labels.astype(np.intp)[..., np.newaxis], 1.0, axis=-1)
    return rows


def _distributions(targets: NDArray[Any]) -> Floats:
    rows = as_floats(targets, "targets")
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(rows.sum(axis=-1) - 1.0)
    wrong = rows[~((rows >= 0).all(axis=-1) & (error <= np.sqrt(np.finfo(rows.dtype).eps)))]
    if wrong.size:
        raise ValueError(f"targets must be non-negative and sum to one, got row {wrong[0]}")
    return rows
