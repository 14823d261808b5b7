"""From the scores z of the classes to their probabilities: p_k = exp(z_k) / sum_j exp(z_j).

Equation numbers are those of Bishop (2006), "Pattern Recognition and Machine Learning". Infinite
scores give the limit, a NaN makes its own row NaN and no other; only `softmax_in_place` writes to
what it is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.scores import Floats, as_scores

__all__ = ["log_softmax", "softmax", "softmax_in_place"]


def softmax(scores: ArrayLike) -> Floats:
    """Return the probabilities p_k = exp(z_k) / sum_j exp(z_j) of every row of scores (eq. 4.104).

    Adding a constant to a row multiplies numerator and denominator alike and changes nothing.
    The constant -max(z) makes every exponent at most 0 and the denominator at least 1, so that
    nothing overflows. Dividing is more accurate than exponentiating `log_softmax`: Blanchard,
    Higham and Higham (2021), "Accurately computing the log-sum-exp and softmax functions".

    Parameters
    ----------
    scores : array_like of shape (..., K)
        float32 and wider floats are kept; float16 becomes float32, integers and booleans float64.

    Returns
    -------
    proba : ndarray of shape (..., K)
        Each row sums to one. Equal scores have equal probabilities, infinite ones too: several
        +inf share the whole mass, and a row of -inf alone is uniform.

    Raises
    ------
    TypeError
        If the scores are not real numbers.
    ValueError
        If there is no axis of classes, or no class on it.

    Examples
    --------
    >>> softmax([1, 2, 3]).round(4)
    array([0.09  , 0.2447, 0.6652])
    >>> softmax([[1001.0, 1002.0, 1003.0], [0.0, float("inf"), 0.0]]).round(4)
    array([[0.09  , 0.2447, 0.6652],
           [0.    , 1.    , 0.    ]])
    """
    proba = np.exp(_below_largest(as_scores(scores)))
    proba /= proba.sum(axis=-1, keepdims=True)
    return proba


def log_softmax(scores: ArrayLike) -> Floats:
    """Return the log-probabilities log p_k = z_k - log sum_j exp(z_j) of every row of scores.

    With m = max(z), attained at index a, the sum is exp(m) (1 + sum_{j != a} exp(z_j - m)), so

        log p_k = (z_k - m) - log1p(sum_{j != a} exp(z_j - m))

    which is accurate where p rounds to one and finite where p underflows to zero: Blanchard,
    Higham and Higham (2021), algorithm 4.1.

    Parameters
    ----------
    scores : array_like of shape (..., K)
        As in `softmax`.

    Returns
    -------
    log_proba : ndarray of shape (..., K)
        At most 0. For finite scores it is finite: where their difference exceeds the largest
        float, minus that float. -inf where an infinite score makes the probability zero.

    Raises
    ------
    TypeError, ValueError
        As in `softmax`.

    Examples
    --------
    >>> log_softmax([0, -1000]).round(4)
    array([    0., -1000.])
    >>> print(f"{log_softmax([0, -40])[0]:.3e}")
    -4.248e-18
    """
    below = _below_largest(as_scores(scores))
    others = np.exp(below)
    np.put_along_axis(others, below.argmax(axis=-1)[..., np.newaxis], 0.0, axis=-1)
    below -= np.log1p(others.sum(axis=-1, keepdims=True))
    return below


def softmax_in_place(scores: Floats) -> tuple[Floats, Floats]:
    """Return the probabilities and the log-probabilities of finite scores, in little memory.

    Training computes every block of rows with it: one exponential for both, and the scores are
    overwritten.  The logarithm of a probability near one keeps its digits in `log_softmax` alone.

    Parameters
    ----------
    scores : ndarray of shape (n, K), float32 or float64
        Finite; overwritten by the log-probabilities.

    Returns
    -------
    proba : ndarray of shape (n, K)
        In the dtype and the memory order of the scores.
    log_proba : ndarray of shape (n, K)
        The memory of `scores`.

    Examples
    --------
    >>> scores = np.array([[0.0, 1.0]])
    >>> proba, log_proba = softmax_in_place(scores)
    >>> proba.round(4), log_proba.round(4), log_proba is scores
    (array([[0.2689, 0.7311]]), array([[-1.3133, -0.3133]]), True)
    """
    scores -= scores.max(axis=1, keepdims=True)
    proba = np.exp(scores)
    total = proba.sum(axis=1, keepdims=True)
    proba /= total
    scores -= np.log(total)
    return proba, scores


def _below_largest(scores: Floats) -> Floats:
    """Return z - max(z) for every row: 0 at the largest score, negative elsewhere."""
    with np.errstate(over="ignore", invalid="ignore"):
        largest = scores.max(axis=-1, keepdims=True)
        below: Floats = scores - largest
    if not np.isfinite(below).all():
        below[scores == largest] = 0.0  # inf - inf: equal scores are at distance zero
        finite = np.isfinite(scores) & np.isfinite(largest)
        np.maximum(below, -np.finfo(below.dtype).max, out=below, where=finite)
    return below
