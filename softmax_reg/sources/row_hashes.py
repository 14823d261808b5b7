"""A hash for each row of a batch: the same whatever the cut into batches and the memory layout.

    h_i = sum_j c_j bits(X_ij) + c bits(s_i)   mod 2^64,   c odd

c_j is odd: a change of one entry always changes the sum.  Of what is left the upper 32 bits are
kept, for the bits of round numbers such as 0.0, 1.0 and 2.0 differ in their upper bits alone.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["hashes_of_rows"]

_OF_WEIGHTS = np.uint64(0x9E3779B97F4A7C15)


def hashes_of_rows(X: Any, weights: NDArray[np.float64] | None) -> NDArray[np.uint32]:
    """Return a hash of the features and the weight of each row.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_rows, n_features), float32 or float64
        A CSR array has one entry for each place.
    weights : ndarray of shape (n_rows,) or None
        None is a weight of 1 for each row.
    """
    bits = np.dtype(f"u{X.dtype.itemsize}")
    factors = _factors(X.shape[1], bits)
    if sp.issparse(X):
        hashes = sp.csr_array((X.data.view(bits), X.indices, X.indptr), shape=X.shape) @ factors
    else:
        hashes = np.einsum("ij,j->i", X.view(bits), factors)
    weights = np.ones(1) if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
    return _upper(hashes) + _upper(weights.view(np.uint64) * _OF_WEIGHTS)


def _upper(hashes: NDArray) -> NDArray[np.uint32]:
    return (hashes >> np.uint8(8 * (hashes.itemsize - 4))).astype(np.uint32)


@lru_cache(maxsize=8)
def _factors(n: int, bits: np.dtype) -> NDArray:
    """Return n odd numbers; no two of the first 2048 have the same twelve lowest bits."""
    random = np.random.default_rng(0).integers(2**52, size=n, dtype=np.uint64) << np.uint64(12)
    return (random | np.uint64(1) | (np.arange(n, dtype=np.uint64) % 2048) << np.uint64(1)).astype(
        bits
    )
