"""Penalties on the coefficients W: value, gradient of the smooth part, prox of the rest.

A penalty is split as h(W) = smooth(W) + rest(W).  Solvers see the smooth part through `gradient`
and `curvature`, and the rest through

    prox_t(W) = argmin_V  rest(V) + 1/2 sum_jk (V_jk - W_jk)^2 / t_j

A new penalty is one subclass of `Penalty`; the common tests find it by `__subclasses__()`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["ElasticNet", "Penalty"]


class Penalty(ABC):
    """A convex penalty h(W) on the coefficients, W of shape (n_features, n_rows).

    The intercept is never passed in: it is never penalised.  Subclasses are dataclasses.

    Attributes
    ----------
    alpha : float
        Strength: what multiplies all of h.
    """

    alpha: float

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
    def curvature(self) -> float:
        """Second derivative of the smooth part along any coefficient."""

    @abstractmethod
    def value(self, W: NDArray) -> float:
        """Return h(W), smooth part and rest."""

    @abstractmethod
    def gradient(self, W: NDArray) -> NDArray:
        """Return the gradient of the smooth part, the shape of W."""

    @abstractmethod
    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        """Return the proximal point of the rest.

        Parameters
        ----------
        W : ndarray of shape (n_features, n_rows)
        step : float or ndarray of shape (n_features, 1)
            The step t, one for all or one for each feature; positive.
        """

    @abstractmethod
    def dual_norm(self, U: NDArray) -> float:
        """Return the least t at which <U, V> <= t rest(V) for every V; infinite if there is none.

        It is at most 1 if and only if W = 0 minimises h(W) - <U, W>.
        """


@dataclass(frozen=True)
class ElasticNet(Penalty):
    """alpha * [(1 - l1_ratio)/2 ||W||_F^2 + l1_ratio ||W||_1].

    Parameters
    ----------
    alpha : float
        Strength, at least 0.
    l1_ratio : float, default=0.0
        Share of the L1 norm, between 0 (ridge) and 1 (lasso).

    References
    ----------
    H. Zou and T. Hastie (2005), "Regularization and variable selection via the elastic net",
    Journal of the Royal Statistical Society B 67, 301-320, eq. 3.

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

    alpha: float
    l1_ratio: float = 0.0

    @property
    def is_smooth(self) -> bool:
        return self.alpha * self.l1_ratio == 0.0

    @property
    def curvature(self) -> float:
        return self.alpha * (1.0 - self.l1_ratio)

    def value(self, W: NDArray) -> float:
        # Without a penalty even coefficients whose square overflows cost nothing.
        square = 0.5 * self.curvature * float(np.vdot(W, W)) if self.curvature else 0.0
        if self.is_smooth:
            return square
        return square + self.alpha * self.l1_ratio * float(np.abs(W).sum())

    def gradient(self, W: NDArray) -> NDArray:
        return self.curvature * W

    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        # Soft thresholding: Parikh and Boyd (2014), "Proximal algorithms", eq. 6.9.
        if self.is_smooth:
            return W
        threshold = step * (self.alpha * self.l1_ratio)
        return np.copysign(np.maximum(np.abs(W) - threshold, 0.0), W)

    def dual_norm(self, U: NDArray) -> float:
        largest = float(np.abs(U).max(initial=0.0))
        if self.is_smooth:
            return np.inf if largest else 0.0
        return largest / (self.alpha * self.l1_ratio)
