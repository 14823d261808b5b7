"""The standard deviation of each feature: the units that `standardize=True` penalises in.

scikit-learn's `StandardScaler` computes them, a block of rows at a time, so that they are those of
a pipeline with it.  X is never copied as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import StandardScaler
from softmax_reg.dataset.rows import Rows, as_rows

__all__ = ["deviations"]

# What of X is in copies at a time, about.
_BLOCK_BYTES = 4 << 20


def deviations(X: Any, sample_weight: Any = None) -> NDArray[np.float64]:
    """Return the standard deviation of each feature, 1 for a constant one.

    Parameters
    ----------
    X : ndarray, CSR or CSC array of shape (n_samples, n_features), float32 or float64; or Rows
        Validated rows; those of a source are read once.
    sample_weight : array-like of shape (n_samples,), or a number, default=None
        Non-negative weights, not all 0; None means all 1.

    Returns
    -------
    deviations : ndarray of shape (n_features,), float64
        Positive: square roots of the weighted mean squares about the weighted means.

    Raises
    ------
    ValueError
        If the squares of a feature are too large to be summed up.

    References
    ----------
    T. F. Chan, G. H. Golub and R. J. LeVeque (1983), "Algorithms for computing the sample
    variance", The American Statistician 37, 242-247: the way of `StandardScaler`, and its bound on
    the variance that rounding gives a constant feature.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_reg.dataset.deviations import deviations
    >>> deviations(np.array([[0.0, 7.0], [4.0, 7.0]]))
    array([2., 1.])
    >>> deviations(np.array([[0.0], [4.0]]), sample_weight=[3.0, 1.0])
    array([1.73205081])
    """
    rows = as_rows(X)
    weights = None
    if sample_weight is not None:
        weights = np.broadcast_to(np.asarray(sample_weight, dtype=np.float64), rows.shape[:1])
    if getattr(X, "format", None) == "csc":
        # Its columns can be cut, its rows cannot.
        parts = _cut(rows.shape[1], X.nnz / max(rows.shape[1], 1))
        scale = np.concatenate([_of_blocks([(slice(None), X[:, part])], weights) for part in parts])
    else:
        scale = _of_blocks(_blocks(rows), weights)
    wrong = np.flatnonzero(~np.isfinite(scale))
    if len(wrong):
        raise ValueError(
            f"Feature {wrong[0]} of X, counted from 0, has numbers too large for their squares to "
            "be summed up, so its standard deviation is unknown. Rescale it."
        )
    return scale


def _of_blocks(blocks: Iterable[tuple[slice, Any]], weights: NDArray | None) -> NDArray[np.float64]:
    scaler = StandardScaler(with_mean=False)
    with np.errstate(over="ignore", invalid="ignore"):  # the caller looks at what is not finite
        for part, block in blocks:
            s = None if weights is None else weights[part].astype(np.float64, copy=False)
            if s is None or s.any():  # it would divide by their sum
                scaler.partial_fit(block.astype(np.float64, copy=False), sample_weight=s)
    scale: NDArray[np.float64] = scaler.scale_
    return scale


def _blocks(rows: Rows) -> Iterator[tuple[slice, Any]]:
    """Yield parts of bounded size, and which rows they are."""
    with closing(rows.batches()) as batches:
        for first, batch in batches:
            for part in _cut(batch.shape[0], rows.per_row):
                yield slice(first + part.start, first + part.stop), batch[part]


def _cut(n: int, n_numbers: float) -> Iterator[slice]:
    """Yield parts of n rows or columns of so many numbers each."""
    together = max(int(_BLOCK_BYTES / (8.0 * max(n_numbers, 1.0))), 1)
    for start in range(0, n, together):
        yield slice(start, min(start + together, n))
