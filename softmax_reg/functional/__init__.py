"""The mathematics of scores: softmax, cross-entropy and their derivatives, on arrays (..., K).

With the scores z of one row, p = softmax(z), and target probabilities t that sum to one:

    p_k = exp(z_k) / sum_j exp(z_j),        dp_j/dz_k = p_j (1[j = k] - p_k)
    L   = -sum_k t_k log p_k,               dL/dz = p - t,      d2L/dz2 = diag(p) - p p'
"""

from softmax_reg.functional.derivatives import softmax_jacobian, softmax_vjp
from softmax_reg.functional.losses import (
    cross_entropy,
    cross_entropy_gradient,
    cross_entropy_hessian_product,
)
from softmax_reg.functional.probabilities import log_softmax, softmax, softmax_in_place
from softmax_reg.functional.two_classes import sigmoid

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
