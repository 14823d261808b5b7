"""The group lasso: the coefficients of a feature are zero for all classes, or for none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.penalties.penalty import Penalty
from softmax_reg.penalties.weighted_norm import WeightedNorm, largest_ratio

__all__ = ["GroupLasso"]


class GroupLasso(WeightedNorm, Penalty):
    """alpha * sum_j factor_j [ (1 - l1_ratio)/2 ||V_j||^2 + l1_ratio ||V_j||_2 ], V = scale W.

    W_j holds the coefficients of a feature for all classes: they are zero together or not at all.

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    l1_ratio : float, default=0.0
        Share of the group norm, between 0 (ridge) and 1 (group lasso).
    factor, scale : ndarray of shape (n_features,) or None, default=None
        As in `ElasticNet`.

    References
    ----------
    M. Yuan and Y. Lin (2006), "Model selection and estimation in regression with grouped
    variables", Journal of the Royal Statistical Society B 68, 49-67, eq. 2.1; N. Simon,
    J. Friedman and T. Hastie (2013), "A blockwise descent algorithm for group-penalized
    multiresponse and multinomial regression", eq. 3.

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_reg.penalties import GroupLasso
    >>> group = GroupLasso(alpha=1.0, l1_ratio=1.0)
    >>> W = np.array([[3.0, -4.0], [0.3, 0.4]])
    >>> group.value(W)
    5.5
    >>> group.prox(W, step=1.0)
    array([[ 2.4, -3.2],
           [ 0. ,  0. ]])
    """

    name = "group_lasso"
    norm_in_words = "group lasso"
    needs_norm = True
    couples_classes = True

    def nonsmooth_value(self, W: NDArray) -> float:
        return float(np.sum(self.threshold * _lengths(W)))

    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        # Block soft thresholding: Parikh and Boyd (2014), "Proximal algorithms", section 6.5.4.
        if self.is_smooth:
            return W
        lengths = _lengths(W)
        shrunk = np.maximum(lengths - step * self.threshold, 0.0)
        return (W * (shrunk / np.where(lengths > 0.0, lengths, 1.0))).astype(W.dtype, copy=False)

    def differentiable_at(self, W: NDArray) -> NDArray[np.bool_]:
        rows = (_lengths(W) > 0.0) | (self.threshold == np.zeros((len(W), 1)))
        return np.broadcast_to(rows, W.shape)

    def nonsmooth_gradient(self, W: NDArray) -> NDArray:
        lengths = _lengths(W)
        return np.multiply(self.threshold / np.where(lengths > 0.0, lengths, 1.0), W, dtype=W.dtype)

    def nonsmooth_hessian(self, W: NDArray) -> NDArray | None:
        lengths = _lengths(W)
        inverse = np.where(lengths > 0.0, 1.0 / np.where(lengths > 0.0, lengths, 1.0), 0.0)
        U = W * inverse
        across = np.eye(W.shape[1]) - U[:, :, np.newaxis] * U[:, np.newaxis, :]
        return (self.threshold * inverse)[:, :, np.newaxis] * across

    def dual_norm(self, U: NDArray) -> float:
        return largest_ratio(_lengths(U), np.broadcast_to(self.threshold, (len(U), 1))[:, 0])

    def conjugate(self, U: NDArray) -> tuple[float, float]:
        return self.share_and_conjugate(U, _lengths(U))


def _lengths(W: NDArray) -> NDArray:
    """Return ||W_j|| of each feature, shape (n_features, 1)."""
    # In float64, for squares of them may leave the range of float32.
    return np.sqrt(np.sum(np.square(W, dtype=np.float64), axis=1, keepdims=True))
