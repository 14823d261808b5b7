"""Two hashes for each row of a batch, the same whatever the cut into batches and the layout.

    quick     h_i = sum_j c_j u_ij,   c_j odd, in words of the size of a number
    thorough  g_i = sum_j d_j v_ij    mod 2^64

u_ij are the bits of X_ij, v_ij their upper 32; the upper 32 bits of each sum are kept.  The quick
hash takes as long as a copy of X, and tells a change of one number in a row; it is blind to two
numbers that change places and differ in their sign alone.  The thorough one takes thrice as long;
rows that differ in v have the same with probability 2^-32 (D. Lemire and O. Kaser (2014), "Strongly
universal string hashing is fast", The Computer Journal 57(11), multilinear hashing).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

__all__ = ["row_hashes"]

_OF_WEIGHTS = np.uint64(0x9E3779B97F4A7C15)
# Numbers whose upper halves are in memory at a time.
_TOGETHER = 1 << 15


def row_hashes(
    X: Any, weights: NDArray[np.float64] | None, is_thorough: bool
) -> NDArray[np.uint32]:
    """Return the quick hash of each row, and the thorough one if it is asked for.

    Parameters
    ----------
    X : {ndarray, CSR array} of shape (n_rows, n_features), float32 or float64
        A CSR array has one entry for each place.
    weights : ndarray of shape (n_rows,) or None
        Part of the quick hash; None is a weight of 1 for each row.
    is_thorough : bool

    Returns
    -------
    hashes : ndarray of shape (1 or 2, n_rows)
    """
    quick = _quick(X, weights)
    return np.stack([quick, _thorough(X)]) if is_thorough else quick[np.newaxis]


def _quick(X: Any, weights: NDArray[np.float64] | None) -> NDArray[np.uint32]:
    words = np.dtype(f"u{X.dtype.itemsize}")
    factors = _factors(X.shape[1])[0].astype(words)
    if sp.issparse(X):
        bits = sp.csr_array((X.data.view(words), X.indices, X.indptr), shape=X.shape)
        sums = bits @ factors
    else:
        sums = np.einsum("ij,j->i", X.view(words), factors)
    weights = np.ones(1) if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
    return _upper(sums) + _upper(weights.view(np.uint64) * _OF_WEIGHTS)


def _thorough(X: Any) -> NDArray[np.uint32]:
    n, p = X.shape
    factors = _factors(p)[1]
    if sp.issparse(X):
        upper = sp.csr_array((_upper(X.data), X.indices, X.indptr), shape=X.shape)
        return _upper(upper.astype(np.uint64) @ factors)
    hashes, together = np.empty(n, dtype=np.uint64), max(_TOGETHER // p, 1)
    words = np.empty((min(together, n), p), dtype=np.uint64)
    for start in range(0, n, together):
        part = X[start : start + together]
        words[: len(part)] = _upper(part)
        hashes[start : start + together] = np.einsum("ij,j->i", words[: len(part)], factors)
    return _upper(hashes)


def _upper(numbers: NDArray) -> NDArray[np.uint32]:
    """Return the upper 32 bits of numbers of 32 or 64."""
    if numbers.itemsize == 4:
        return numbers.view(np.uint32)
    return (numbers.view(np.uint64) >> np.uint64(32)).astype(np.uint32)


@lru_cache(maxsize=8)
def _factors(n: int) -> NDArray[np.uint64]:
    """Return c and d for n features.

    No two of the first 2048 c_j have the same twelve lowest bits: these alone count for numbers
    such as 0.0, 1.0 and 2.0, which differ in their upper bits.
    """
    factors = np.random.default_rng(0).integers(2**64, size=(2, n), dtype=np.uint64)
    ends = 2 * (np.arange(n, dtype=np.uint64) % np.uint64(2048)) + np.uint64(1)
    factors[0] = (factors[0] & ~np.uint64(4095)) | ends
    return factors
