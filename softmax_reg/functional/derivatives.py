"""How probabilities move with scores: the derivative of the softmax, whole and times a vector.

    dp_j/dz_k = p_j (1[j = k] - p_k)

Equation numbers are those of Bishop (2006), "Pattern Recognition and Machine Learning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.scores import Floats, as_vectors
from softmax_reg.functional.probabilities import softmax

__all__ = ["softmax_jacobian", "softmax_vjp", "vector_product"]


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
    return vector_product(softmax(scores), vectors)


def vector_product(proba: Floats, vectors: ArrayLike) -> Floats:
    """Return J v = p * (v - <p, v>) of probabilities that are known already."""
    # A quarter of v, exact unless subnormal, keeps the difference below the largest float.
    v = as_vectors(vectors, proba.shape[-1]) / 4
    products: Floats = 4 * (proba * (v - np.sum(proba * v, axis=-1, keepdims=True)))
    return products
