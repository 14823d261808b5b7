"""The mathematics of scores: softmax, cross-entropy and their derivatives, on arrays (..., K).

With the scores z of one row, p = softmax(z), and target probabilities t that sum to one:

    p_k = exp(z_k) / sum_j exp(z_j),        dp_j/dz_k = p_j (1[j = k] - p_k)
    L   = -sum_k t_k log p_k,               dL/dz = p - t,      d2L/dz2 = diag(p) - p p'

Equation numbers are those of Bishop (2006), "Pattern Recognition and Machine Learning". Infinite
scores give the limit, a NaN makes its own row NaN and no other; only `softmax_in_place` writes to
what it is given.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.scores import (
    Floats,
    as_floats,
    as_scores,
    as_shares,
    as_target_rows,
    as_vectors,
)

__all__ = [
    "cross_entropy",
    "cross_entropy_gradient",
    "cross_entropy_hessian_product",
    "log_softmax",
    "sigmoid",
    "softmax",
    "softmax_in_place",
    "softmax_jacobian",
    "softmax_vjp",
]


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


def softmax_jacobian(scores: ArrayLike) -> Floats:
    """Return the Jacobian J = diag(p) - p p' of the softmax, for every row of scores (eq. 4.106).

    The quotient rule on p_j = exp(z_j) / S, where dS/dz_k = exp(z_k), gives

        dp_j/dz_k = 1[j = k] exp(z_j)/S - exp(z_j) exp(z_k)/S^2 = p_j (1[j = k] - p_k)

    J is symmetric and positive semi-definite. Its rows sum to zero: a shift moves no probability.

    Parameters
    ----------
    scores : array_like of shape (..., K)
        As in `softmax`.

    Returns
    -------
    jacobian : ndarray of shape (..., K, K)
        Entry (j, k) is dp_j/dz_k.

    Raises
    ------
    TypeError, ValueError
        As in `softmax`.

    Examples
    --------
    >>> softmax_jacobian([1, 2, 3]).round(4)
    array([[ 0.0819, -0.022 , -0.0599],
           [-0.022 ,  0.1848, -0.1628],
           [-0.0599, -0.1628,  0.2227]])
    """
    proba = softmax(scores)
    identity = np.eye(proba.shape[-1], dtype=proba.dtype)
    return proba[..., :, np.newaxis] * (identity - proba[..., np.newaxis, :])


def softmax_vjp(scores: ArrayLike, vectors: ArrayLike) -> Floats:
    """Return J'v, the pull-back of a vector through the softmax, for every row of scores.

    If a loss has gradient v with respect to the probabilities, then by the chain rule J'v is its
    gradient with respect to the scores. From J = diag(p) - p p' (eq. 4.106), in K operations,

        J'v = p * (v - <p, v>)

    Since J is symmetric, this is also the push-forward Jv.

    Parameters
    ----------
    scores : array_like of shape (..., K)
        As in `softmax`.
    vectors : array_like of shape (..., K)
        Finite; leading axes broadcast against those of the scores.

    Returns
    -------
    products : ndarray of the broadcast shape (..., K)
        Of the wider dtype of the two; each row sums to zero.

    Raises
    ------
    TypeError, ValueError
        As in `softmax`; also ValueError if the vectors are not finite or have another K.

    Examples
    --------
    >>> softmax_vjp([1, 2, 3], [1, 0, 0]).round(4)
    array([ 0.0819, -0.022 , -0.0599])
    """
    return _jacobian_times(softmax(scores), vectors)


def sigmoid(x: ArrayLike) -> Floats:
    """Return 1 / (1 + exp(-x)): the softmax of two classes as a function of one number (eq. 4.59).

    Dividing p_1 = exp(z_1) / (exp(z_0) + exp(z_1)) by exp(z_1), above and below, shows that
    p_1 = sigmoid(z_1 - z_0) (eq. 4.57). Only exp(-|x|) is evaluated: it cannot overflow.

    Parameters
    ----------
    x : array_like of any shape
        Of the types that `softmax` takes.

    Returns
    -------
    proba : ndarray of the shape of x
        Between sigmoid(-inf) = 0 and sigmoid(inf) = 1.

    Raises
    ------
    TypeError
        If x does not hold real numbers.

    Examples
    --------
    >>> sigmoid([-1000.0, 0.0, 2.0]).round(4)
    array([0.    , 0.5   , 0.8808])
    >>> softmax([0.0, 2.0]).round(4)
    array([0.1192, 0.8808])
    """
    x = as_floats(x, "x")
    small = np.exp(-np.abs(x))
    one = np.ones_like(small)
    # Where x < 0, numerator and denominator are multiplied by exp(x).
    return np.asarray(np.where(x < 0, small, one) / (one + small))


def cross_entropy(
    scores: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> float:
    """Return the weighted mean cross-entropy of softmax(scores) against the targets, in nats.

    The multinomial likelihood of the targets t_i is the product of p_ik^t_ik over rows and classes
    (eq. 4.107). Minus its logarithm, with row i counted s_i times, divided by S = sum_i s_i, is

        L = -(1/S) sum_i s_i sum_k t_ik log p_ik        (eq. 4.108)

    where 0 log 0 = 0, and a row of weight zero counts for nothing, whatever its scores.

    Parameters
    ----------
    scores : array_like of shape (..., K)
        As in `softmax`.
    targets : array_like of int of shape (...,), or of float of shape (..., K)
        Labels 0, ..., K - 1; or rows of probabilities, each summing to one.
    sample_weight : array_like of shape (...,), default=None
        Non-negative, finite and not all zero. None counts every row once.
    label_smoothing : float, default=0.0
        e in [0, 1] replaces t by (1 - e) t + e / K: Szegedy et al. (2016), "Rethinking the
        Inception Architecture for Computer Vision", section 7.

    Returns
    -------
    loss : float
        Finite for finite scores; inf where a class of positive target has probability zero.

    Raises
    ------
    TypeError
        If an argument does not hold real numbers, or labels are not integers.
    ValueError
        If shapes disagree, a label is out of range, a row of targets is no distribution, a weight
        is negative or not finite, all weights are zero, or `label_smoothing` is out of range.

    Examples
    --------
    >>> round(cross_entropy([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], [2, 0]), 6)
    0.753109
    >>> round(cross_entropy([1.0, 2.0, 3.0], [0.0, 0.5, 0.5]), 6)
    0.907606
    """
    log_proba = log_softmax(scores)
    target_rows = as_target_rows(targets, log_proba, label_smoothing)
    weights = as_shares(sample_weight, log_proba.shape[:-1])[..., np.newaxis] * target_rows
    losses = np.zeros(weights.shape)
    np.subtract(0.0, log_proba, out=losses, where=weights > 0)  # 0 log 0 = 0
    with np.errstate(over="ignore", invalid="ignore"):
        # A mean is at most its largest term: without this, its rounding can overflow.
        return float(np.minimum(np.sum(weights * losses), losses.max()))


def cross_entropy_gradient(
    scores: ArrayLike,
    targets: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
) -> Floats:
    """Return the gradient of `cross_entropy` with respect to the scores (eq. 4.109).

    Since sum_k t_k = 1, the loss of a row is log sum_j exp(z_j) - sum_k t_k z_k. The gradient of
    the first term is p, that of the second is t. With the weights of the mean,

        dL/dz_i = (s_i / S) (p_i - t_i)

    Predicted minus observed: the form that the canonical link of an exponential family brings.

    Parameters
    ----------
    scores, targets, sample_weight, label_smoothing
        As in `cross_entropy`.

    Returns
    -------
    gradient : ndarray of shape (..., K)
        Of the dtype of the probabilities; each row sums to zero.

    Raises
    ------
    TypeError, ValueError
        As in `cross_entropy`.

    Examples
    --------
    >>> cross_entropy_gradient([1.0, 2.0, 3.0], 2).round(4)
    array([ 0.09  ,  0.2447, -0.3348])
    """
    proba = softmax(scores)
    residuals = proba - as_target_rows(targets, proba, label_smoothing)
    return _times_shares(residuals, as_shares(sample_weight, proba.shape[:-1]))


def cross_entropy_hessian_product(
    scores: ArrayLike, vectors: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> Floats:
    """Return the Hessian of `cross_entropy` with respect to the scores, times vectors (eq. 4.110).

    The gradient of a row is p - t with t constant, so the Hessian is the Jacobian of the softmax,
    whatever the targets. Rows do not interact: row i of the product is

        H_i v_i = (s_i / S) p_i * (v_i - <p_i, v_i>)

    v'Hv is the variance of v under p, never negative: the cross-entropy is convex in the scores.

    Parameters
    ----------
    scores, vectors
        As in `softmax_vjp`.
    sample_weight : array_like of shape (...,), default=None
        As in `cross_entropy`: one weight for each row of scores.

    Returns
    -------
    products : ndarray of the broadcast shape (..., K)
        Of the wider dtype of the two; each row sums to zero.

    Raises
    ------
    TypeError, ValueError
        As in `softmax_vjp` and, for the weights, `cross_entropy`.

    Examples
    --------
    >>> cross_entropy_hessian_product([1, 2, 3], [1, 0, 0]).round(4)
    array([ 0.0819, -0.022 , -0.0599])
    """
    proba = softmax(scores)
    shares = as_shares(sample_weight, proba.shape[:-1])
    return _times_shares(_jacobian_times(proba, vectors), shares)


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


def _jacobian_times(proba: Floats, vectors: ArrayLike) -> Floats:
    # A quarter of v, exact unless subnormal, keeps the difference below the largest float.
    v = as_vectors(vectors, proba.shape[-1]) / 4
    products: Floats = 4 * (proba * (v - np.sum(proba * v, axis=-1, keepdims=True)))
    return products


def _times_shares(rows: Floats, shares: Floats) -> Floats:
    """Multiply each row by its share; a share of zero gives zero, even where the row is NaN."""
    factors = shares.astype(rows.dtype)[..., np.newaxis]
    weighted = np.zeros_like(rows)
    np.multiply(factors, rows, out=weighted, where=factors > 0)
    return weighted
