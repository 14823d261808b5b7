"""The elastic net: a ridge, the L1 norm, or both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.penalties.penalty import Penalty
from softmax_reg.penalties.weighted_norm import WeightedNorm, largest_ratio

__all__ = ["ElasticNet"]


class ElasticNet(WeightedNorm, Penalty):
    """alpha * sum_j factor_j [ (1 - l1_ratio)/2 ||V_j||^2 + l1_ratio ||V_j||_1 ], V = scale W.

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    l1_ratio : float, default=0.0
        Share of the L1 norm, between 0 (ridge) and 1 (lasso).
    factor : ndarray of shape (n_features,) or None, default=None
        What multiplies alpha for each feature, at least 0; 0 leaves a feature without a penalty.
        Used as given, not rescaled.  None means 1 for all.
    scale : ndarray of shape (n_features,) or None, default=None
        What the coefficients of each feature are multiplied by before they are penalised,
        positive: with its deviation, what counts is a change by so much.  None means 1 for all.

    References
    ----------
    H. Zou and T. Hastie (2005), "Regularization and variable selection via the elastic net",
    Journal of the Royal Statistical Society B 67, 301-320, eq. 3; J. Friedman, T. Hastie and
    R. Tibshirani (2010), "Regularization paths for generalized linear models via coordinate
    descent", Journal of Statistical Software 33(1), section 2.6 (factors).

    Examples
    --------
    >>> import numpy as np
    >>> from softmax_reg.penalties import ElasticNet
    >>> lasso = ElasticNet(alpha=1.0, l1_ratio=1.0)
    >>> W = np.array([[3.0, -0.5]])
    >>> lasso.value(W)
    3.5
    >>> lasso.prox(W, step=1.0)
    array([[ 2., -0.]])
    """

    name = "elasticnet"
    norm_in_words = "lasso"

    def nonsmooth_value(self, W: NDArray) -> float:
        return float(np.sum(self.threshold * np.abs(W).sum(axis=1, keepdims=True)))

    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        # Soft thresholding: Parikh and Boyd (2014), "Proximal algorithms", eq. 6.9.
        if self.is_smooth:
            return W
        shrunk = np.maximum(np.abs(W) - step * self.threshold, 0.0)
        return np.copysign(shrunk, W).astype(W.dtype, copy=False)

    def differentiable_at(self, W: NDArray) -> NDArray[np.bool_]:
        return (W != 0.0) | (self.threshold == np.zeros_like(W))

    def nonsmooth_gradient(self, W: NDArray) -> NDArray:
        return np.multiply(self.threshold, np.sign(W), dtype=W.dtype)

    def optimal_class_shift(self, W: NDArray) -> NDArray:
        # sum_k (1 - l1_ratio)/2 (W_k - c)^2 + l1_ratio |W_k - c| is least where c is the median of
        # the W_k and of mean(W) moved by each slope that the L1 norm can have: Y. Li and S. Osher
        # (2009), "A new median formula with applications to PDE based denoising", eq. 1.3.
        K = W.shape[1]
        if self.is_smooth or self.l1_ratio == 0.0:
            return W.mean(axis=1, keepdims=True)
        if self.l1_ratio == 1.0:
            # Between the two middle ones all are equally good: as little as possible.
            sorted_W = np.sort(W, axis=1)
            return np.clip(0.0, sorted_W[:, [(K - 1) // 2]], sorted_W[:, [K // 2]]).astype(W.dtype)
        slopes = np.arange(-K, K + 1, 2) / K * (self.l1_ratio / (1.0 - self.l1_ratio))
        if self.scale is not None:
            slopes = slopes / self.scale[:, np.newaxis]
        moved = W.mean(axis=1, keepdims=True) + slopes
        return np.median(np.hstack([W, moved]), axis=1, keepdims=True).astype(W.dtype)

    def dual_norm(self, U: NDArray) -> float:
        return largest_ratio(np.abs(U), np.broadcast_to(self.threshold, (len(U), 1))[:, 0])

    def conjugate(self, U: NDArray) -> tuple[float, float]:
        return self.share_and_conjugate(U, np.abs(U))
