"""The cross-entropy of probabilities against targets, and its derivatives by the scores.

With the scores z of one row, p = softmax(z), and target probabilities t that sum to one:

    L = -sum_k t_k log p_k,      dL/dz = p - t,      d2L/dz2 = diag(p) - p p'

Equation numbers are those of Bishop (2006), "Pattern Recognition and Machine Learning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.scores import Floats, as_shares, as_target_rows
from softmax_reg.functional.derivatives import vector_product
from softmax_reg.functional.probabilities import log_softmax, softmax

__all__ = ["cross_entropy", "cross_entropy_gradient", "cross_entropy_hessian_product"]


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
    return _times_shares(vector_product(proba, vectors), shares)


def _times_shares(rows: Floats, shares: Floats) -> Floats:
    """Multiply each row by its share; a share of zero gives zero, even where the row is NaN."""
    factors = shares.astype(rows.dtype)[..., np.newaxis]
    weighted = np.zeros_like(rows)
    np.multiply(factors, rows, out=weighted, where=factors > 0)
    return weighted
