"""Cholesky factors of matrices that rounding may have left indefinite."""

from __future__ import annotations

import numpy as np
import scipy.linalg
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "cholesky_solve",
    "cholesky_with_jitter",
    "inverse_root",
    "inverse_transposed",
    "matrix_dtype",
]

_LARGE = 256
# So large a mean of a diagonal leaves no room for multiples of it.
_MOST_CURVATURE = 1e280


def matrix_dtype(n: int) -> np.dtype:
    """Return the dtype of n x n matrices: where they are large, half the memory and the time."""
    return np.dtype(np.float64 if n < _LARGE else np.float32)


def inverse_root(B: NDArray, dtype: DTypeLike) -> NDArray:
    """Return L^-T for B = L L', B symmetric and nearly positive semi-definite."""
    return inverse_transposed(cholesky_with_jitter(B, dtype))


def inverse_transposed(L: NDArray) -> NDArray:
    """Return L^-T of a lower triangular L."""
    inverse: NDArray = scipy.linalg.lapack.dtrtri(L, lower=1)[0].T
    return inverse


def cholesky_solve(A: NDArray, b: NDArray) -> NDArray:
    """Return A^-1 b, A symmetric and nearly positive semi-definite."""
    L = cholesky_with_jitter(A, A.dtype)
    return scipy.linalg.cho_solve((L, True), b, check_finite=False)


def cholesky_with_jitter(B: NDArray, dtype: DTypeLike) -> NDArray:
    """Return L with L L' near B: lower, invertible and finite whatever finite B is.

    B is scaled to a unit diagonal, for then rounding is as small beside the least eigenvalue as
    scaling can make it, and a multiple of I is added.  The first multiple hides behind the rounding
    of a matrix in `dtype`, each further one is ten times as large.  One as large as the trace makes
    any positive semi-definite matrix definite; if that fails, L is diagonal.

    Raises
    ------
    ValueError
        If B is not finite, or its diagonal about to overflow.

    References
    ----------
    A. van der Sluis (1969), "Condition numbers and equilibration of matrices", Numerische
    Mathematik 14, 14-23, theorem 4.1.
    """
    diagonal = np.diag(B).astype(np.float64)
    mean = float((diagonal / len(B)).sum())
    if not (np.isfinite(B).all() and mean < _MOST_CURVATURE):
        raise ValueError(
            f"The curvature is not finite: a feature is too large for {np.dtype(dtype)}. "
            "Rescale it, or give X as float64."
        )
    if mean < _least_curvature(len(B), dtype):
        return np.eye(len(B))  # no curvature is left to go by
    # A coordinate without curvature of its own, but for rounding, gets as little as can be: the
    # inverse of its root must not overflow where it is kept.
    floor = float(np.finfo(_narrowest(len(B), dtype)).tiny) ** 0.5
    units = np.sqrt(np.maximum(diagonal, floor * float(diagonal.max())))
    unit = B / units / units[:, np.newaxis]
    share = 4.0 * float(np.finfo(dtype).eps)
    for power in range(2 + int(-np.log10(share))):  # the last one is more than the trace
        try:
            L = np.linalg.cholesky(unit + 10.0**power * share * len(B) * np.eye(len(B)))
            return L * units[:, np.newaxis]
        except np.linalg.LinAlgError:
            continue
    return np.diag(units)


def _least_curvature(n: int, dtype: DTypeLike) -> float:
    """Return the mean curvature below which the inverse root, or its square, would overflow."""
    is_narrow = _narrowest(n, dtype) == np.float32
    return float(np.finfo(np.float32).tiny if is_narrow else np.finfo(np.float64).tiny ** 0.5)


def _narrowest(n: int, dtype: DTypeLike) -> np.dtype:
    """Return the dtype in which a factor, or its inverse, may be kept."""
    return min(np.dtype(dtype), matrix_dtype(n), key=lambda kind: kind.itemsize)
