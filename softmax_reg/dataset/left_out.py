"""Classes without weight: a fit leaves them out, and gives them the probability 0.

As the weight of class k falls to 0 the minimiser of F tends to W_k = 0, b_k = -infinity, and the
rows of the other classes to the minimiser of F over these classes alone.  So F is minimised over
these, and class k gets its limit, with a number in place of -infinity.  With three classes or more
every class has a row of coefficients, also where only two have weight: the penalty is that of F.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["as_start", "averaged", "classes_fitted", "expanded", "is_left_out"]

# In place of -infinity: no score of another class comes near it, and float32 holds its sums.
_INTERCEPT = -1e30


def expanded(
    coef: NDArray, intercept: NDArray, present: NDArray[np.intp], n_classes: int
) -> tuple[NDArray, NDArray]:
    """Return coefficients and intercepts of all classes from those of the classes present."""
    all_coef = np.zeros((n_classes, coef.shape[1]), coef.dtype)
    all_intercept = np.full(n_classes, _INTERCEPT, intercept.dtype)
    all_coef[present], all_intercept[present] = coef, intercept
    return all_coef, all_intercept


def is_left_out(coef: NDArray, intercept: NDArray) -> NDArray[np.bool_]:
    """Return which classes a fit has left out, by their coefficients.

    Parameters
    ----------
    coef : ndarray of shape (..., n_outputs, n_features)
    intercept : ndarray of shape (..., n_outputs)

    Returns
    -------
    is_left_out : ndarray of shape (..., n_outputs)
    """
    return (intercept == intercept.dtype.type(_INTERCEPT)) & ~coef.any(axis=-1)


def classes_fitted(coef: NDArray, intercept: NDArray) -> NDArray[np.intp]:
    """Return the classes that a fit has not left out, by the coefficients of all outputs."""
    return np.arange(2) if len(coef) == 1 else np.flatnonzero(~is_left_out(coef, intercept))


def as_start(coef: NDArray, intercept: NDArray, lower_by: float = 0.0) -> tuple[NDArray, NDArray]:
    """Return coefficients from which a class that was left out can be learned.

    It gets the mean scores of the other classes less `lower_by`, and so a probability of at most
    exp(-lower_by) anywhere.
    """
    missing = is_left_out(coef, intercept)
    if missing.any():
        coef, intercept = coef.copy(), intercept.copy()
        coef[missing] = coef[~missing].mean(axis=0)
        intercept[missing] = intercept[~missing].mean() - lower_by
    return coef, intercept


def averaged(rows: NDArray) -> NDArray:
    """Return the mean of several fits, for each class over the fits that know it.

    Parameters
    ----------
    rows : ndarray of shape (n_fits, n_outputs, n_features + 1)
        The coefficients, the intercept last.

    Returns
    -------
    mean : ndarray of shape (n_outputs, n_features + 1)
        A class that no fit knows is left out.
    """
    known = ~is_left_out(rows[..., :-1], rows[..., -1])
    mean, by_any = rows[0].copy(), known.any(axis=0)
    mean[by_any] = rows[:, by_any].mean(axis=0, where=known[:, by_any, np.newaxis])
    return mean
