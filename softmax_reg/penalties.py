"""Penalties on the coefficients W: value, gradient of the smooth part, prox of the rest.

A penalty is split as h(W) = smooth(W) + rest(W).  Solvers see the smooth part through `gradient`
and `curvature`, and the rest, a weighted norm, through

    prox_t(W) = argmin_V  rest(V) + 1/2 sum_jk (V_jk - W_jk)^2 / t_jk

A new penalty is one subclass of `Penalty`, which brings its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["PENALTIES", "ElasticNet", "GroupLasso", "Penalty"]


class Penalty(ABC):
    """A convex penalty h(W) on the coefficients, W of shape (n_features, n_rows).

    The intercept is never passed in: it is never penalised.  Subclasses are dataclasses.

    Attributes
    ----------
    name : str
        What users call it.
    alpha : float
        Strength: what multiplies all of h.
    scale : ndarray of shape (n_features,) or None
        What the coefficients of each feature are multiplied by before they are penalised.
    couples_classes : bool
        Whether `prox` mixes the classes of a feature; all of them then need the same step.
    """

    name: ClassVar[str]
    alpha: float
    scale: NDArray | None = None
    couples_classes: bool = False

    def with_fields(self, **changes: Any) -> Self:
        """Return the penalty with other values of some fields."""
        changed: Any = replace(self, **changes)  # type: ignore[type-var]
        return changed

    @property
    @abstractmethod
    def is_smooth(self) -> bool:
        """Whether `prox` is the identity, that is, whether h has no rest."""

    @property
    @abstractmethod
    def curvature(self) -> float | NDArray:
        """Second derivative of the smooth part: of all coefficients, or (n_features, 1)."""

    @abstractmethod
    def rest(self, W: NDArray) -> float:
        """Return the rest of h(W), which is not smooth."""

    @abstractmethod
    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        """Return the proximal point of the rest.

        Parameters
        ----------
        W : ndarray of shape (n_features, n_rows)
        step : float or ndarray of shape (n_features, 1) or (n_features, n_rows)
            The step t, positive; one for each coefficient only unless `couples_classes`.
        """

    @abstractmethod
    def support(self, W: NDArray) -> NDArray[np.bool_]:
        """Return where the rest is smooth in each coefficient of W, the others held fixed."""

    @abstractmethod
    def rest_gradient(self, W: NDArray) -> NDArray:
        """Return the gradient of the rest on the support of W, zero elsewhere."""

    @abstractmethod
    def rest_curvature(self, W: NDArray) -> NDArray | None:
        """Return the Hessian of the rest on the support of W, one matrix for each feature.

        Of shape (n_features, n_rows, n_rows), or None if it is zero everywhere.
        """

    @abstractmethod
    def dual_norm(self, U: NDArray) -> float:
        """Return the least t at which <U, V> <= t rest(V) for every V; infinite if there is none.

        It is at most 1 if and only if W = 0 minimises h(W) - <U, W>.
        """

    @abstractmethod
    def conjugate(self, U: NDArray) -> tuple[float, float]:
        """Return t, the largest share of U, at most 1, at which h* is finite, and h*(t U).

        h*(U) = sup_V <U, V> - h(V), the convex conjugate.
        """

    @abstractmethod
    def best_shift(self, W: NDArray) -> NDArray:
        """Return the number to take from all classes of a feature at the least h, (n_features, 1).

        It leaves the softmax as it is.
        """

    @abstractmethod
    def unpenalised(self, n_features: int) -> NDArray[np.bool_]:
        """Return the features whose coefficients cost nothing, shape (n_features,)."""

    @abstractmethod
    def of_features(self, features: NDArray[np.intp]) -> Penalty:
        """Return the penalty on the coefficients of some features alone."""

    def evened(self) -> tuple[Penalty, float | NDArray]:
        """Return a penalty with one ridge for all features, and the units D in which it is this.

        h(D V) = ridge/2 ||V||^2 where h is smooth; D, of shape (n_features, 1) if it is no number,
        is infinite for features without a ridge.
        """
        return self, 1.0

    def gradient(self, W: NDArray) -> NDArray:
        """Return the gradient of the smooth part, in the shape and dtype of W."""
        return np.asarray(self.curvature * W).astype(W.dtype, copy=False)

    def value(self, W: NDArray) -> float:
        """Return h(W), smooth part and rest."""
        curvature = self.curvature
        if np.ndim(curvature) > 0:
            curved = np.flatnonzero(curvature)
            roots: NDArray = np.sqrt(curvature)
            smooth = 0.5 * float(np.sum((roots[curved] * W[curved]) ** 2))
        else:
            # Without a penalty even coefficients whose square overflows cost nothing.
            smooth = 0.5 * float(curvature) * float(np.vdot(W, W)) if curvature else 0.0
        return smooth if self.is_smooth else smooth + self.rest(W)


@dataclass(frozen=True, eq=False)
class _WeightedNorm:
    """alpha * sum_j factor_j [ (1 - l1_ratio)/2 ||V_j||^2 + l1_ratio * norm(V_j) ], V = scale W."""

    alpha: float
    l1_ratio: float = 0.0
    factor: NDArray | None = None
    scale: NDArray | None = None

    @property
    def is_smooth(self) -> bool:
        none = self.factor is not None and not np.any(self.factor)
        return none or self.alpha * self.l1_ratio == 0.0

    @property
    def curvature(self) -> float | NDArray:
        return self._each(self.alpha * (1.0 - self.l1_ratio), 2)

    @property
    def threshold(self) -> float | NDArray:
        """What multiplies the norm: of all features, or (n_features, 1)."""
        return self._each(self.alpha * self.l1_ratio, 1)

    def _each(self, strength: float, power: int) -> float | NDArray:
        # Without strength there is none for any feature.
        if strength == 0.0 or (self.factor is None and self.scale is None):
            return strength
        factor = 1.0 if self.factor is None else np.asarray(self.factor, dtype=np.float64)
        units = 1.0 if self.scale is None else self.scale**power
        return strength * np.asarray(factor * units)[:, np.newaxis]

    def unpenalised(self, n_features: int) -> NDArray[np.bool_]:
        cost = np.ravel(self.threshold + self.curvature)
        return np.broadcast_to(cost == 0.0, n_features)

    def of_features(self, features: NDArray[np.intp]) -> Self:
        factor, scale = (
            None if each is None else each[features] for each in (self.factor, self.scale)
        )
        return replace(self, factor=factor, scale=scale)

    def evened(self) -> tuple[Self, float | NDArray]:
        even = replace(self, factor=None, scale=None)
        if even.curvature == 0.0:
            return even, 1.0
        with np.errstate(divide="ignore"):
            return even, 1.0 / np.sqrt(self._each(1.0, 2))  # the same at any strength

    def _share_and_conjugate(self, U: NDArray, size: NDArray) -> tuple[float, float]:
        """Return what `conjugate` does, given the dual norm of U in each of its groups."""
        ridge = np.broadcast_to(self.curvature, (len(size), 1))[:, 0]
        threshold = np.broadcast_to(self.threshold, (len(size), 1))[:, 0]
        hard = ridge == 0.0
        share = 1.0 / max(_largest_ratio(size[hard], threshold[hard]), 1.0)
        excess = np.maximum(share * size[~hard] - threshold[~hard, np.newaxis], 0.0)
        return share, float(np.sum(excess**2 / (2.0 * ridge[~hard, np.newaxis])))


def _largest_ratio(size: NDArray, threshold: NDArray) -> float:
    """Return max size / threshold, 0/0 being 0."""
    largest = size.max(axis=1, initial=0.0)
    with np.errstate(divide="ignore"):
        ratios = np.divide(largest, threshold, where=largest > 0.0, out=np.zeros(len(largest)))
    return float(ratios.max(initial=0.0))


class ElasticNet(_WeightedNorm, Penalty):
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

    def rest(self, W: NDArray) -> float:
        return float(np.sum(self.threshold * np.abs(W).sum(axis=1, keepdims=True)))

    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        # Soft thresholding: Parikh and Boyd (2014), "Proximal algorithms", eq. 6.9.
        if self.is_smooth:
            return W
        shrunk = np.maximum(np.abs(W) - step * self.threshold, 0.0)
        return np.copysign(shrunk, W).astype(W.dtype, copy=False)

    def support(self, W: NDArray) -> NDArray[np.bool_]:
        return (W != 0.0) | (self.threshold == np.zeros_like(W))

    def rest_gradient(self, W: NDArray) -> NDArray:
        return np.multiply(self.threshold, np.sign(W), dtype=W.dtype)

    def rest_curvature(self, W: NDArray) -> NDArray | None:
        return None

    def best_shift(self, W: NDArray) -> NDArray:
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
        return _largest_ratio(np.abs(U), np.broadcast_to(self.threshold, (len(U), 1))[:, 0])

    def conjugate(self, U: NDArray) -> tuple[float, float]:
        return self._share_and_conjugate(U, np.abs(U))


class GroupLasso(_WeightedNorm, Penalty):
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
    couples_classes = True

    def rest(self, W: NDArray) -> float:
        return float(np.sum(self.threshold * _lengths(W)))

    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        # Block soft thresholding: Parikh and Boyd (2014), "Proximal algorithms", section 6.5.4.
        if self.is_smooth:
            return W
        lengths = _lengths(W)
        shrunk = np.maximum(lengths - step * self.threshold, 0.0)
        return (W * (shrunk / np.where(lengths > 0.0, lengths, 1.0))).astype(W.dtype, copy=False)

    def support(self, W: NDArray) -> NDArray[np.bool_]:
        rows = (_lengths(W) > 0.0) | (self.threshold == np.zeros((len(W), 1)))
        return np.broadcast_to(rows, W.shape)

    def rest_gradient(self, W: NDArray) -> NDArray:
        lengths = _lengths(W)
        return np.multiply(self.threshold / np.where(lengths > 0.0, lengths, 1.0), W, dtype=W.dtype)

    def rest_curvature(self, W: NDArray) -> NDArray | None:
        lengths = _lengths(W)
        inverse = np.where(lengths > 0.0, 1.0 / np.where(lengths > 0.0, lengths, 1.0), 0.0)
        U = W * inverse
        across = np.eye(W.shape[1]) - U[:, :, np.newaxis] * U[:, np.newaxis, :]
        return (self.threshold * inverse)[:, :, np.newaxis] * across

    def best_shift(self, W: NDArray) -> NDArray:
        return W.mean(axis=1, keepdims=True)

    def dual_norm(self, U: NDArray) -> float:
        return _largest_ratio(_lengths(U), np.broadcast_to(self.threshold, (len(U), 1))[:, 0])

    def conjugate(self, U: NDArray) -> tuple[float, float]:
        return self._share_and_conjugate(U, _lengths(U))


def _lengths(W: NDArray) -> NDArray:
    """Return ||W_j|| of each feature, shape (n_features, 1)."""
    # In float64, for squares of them may leave the range of float32.
    return np.sqrt(np.sum(np.square(W, dtype=np.float64), axis=1, keepdims=True))


# Every penalty above, by its name, is made of alpha, l1_ratio, factor and scale.
PENALTIES: dict[str, Any] = {kind.name: kind for kind in Penalty.__subclasses__()}
