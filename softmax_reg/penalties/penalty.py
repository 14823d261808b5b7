"""What a penalty on the coefficients W has to offer: a smooth part and a norm.

h(W) = smooth(W) + norm(W).  Solvers see the smooth part through `gradient` and `curvature`, and the
norm, which is weighted and has kinks, through

    prox_t(W) = argmin_V  norm(V) + 1/2 sum_jk (V_jk - W_jk)^2 / t_jk

A new penalty is one subclass of `Penalty`, which brings its name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Penalty"]


class Penalty(ABC):
    """A convex penalty h(W) on the coefficients, W of shape (n_features, n_outputs).

    The intercept is never passed in: it is never penalised.  Subclasses are dataclasses, and those
    that have a name are made of alpha, l1_ratio, factor and scale, in this order, as
    `WeightedNorm` is.

    Attributes
    ----------
    name : str
        What users call it.
    norm_in_words : str
        What the norm is called in tables.
    needs_norm : bool
        Whether it makes no sense without its norm, at an l1_ratio of 0.
    alpha : float
        Strength: what multiplies all of h.
    scale : ndarray of shape (n_features,) or None
        What the coefficients of each feature are multiplied by before they are penalised.
    couples_classes : bool
        Whether `prox` mixes the classes of a feature; all of them then need the same step.
    """

    name: ClassVar[str]
    norm_in_words: ClassVar[str]
    needs_norm: ClassVar[bool] = False
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
        """Whether `prox` is the identity, that is, whether h has no norm."""

    @property
    @abstractmethod
    def curvature(self) -> float | NDArray:
        """Second derivative of the smooth part: of all coefficients, or (n_features, 1)."""

    @abstractmethod
    def nonsmooth_value(self, W: NDArray) -> float:
        """Return the norm in h(W), which is not smooth."""

    @abstractmethod
    def prox(self, W: NDArray, step: float | NDArray) -> NDArray:
        """Return the proximal point of the norm.

        Parameters
        ----------
        W : ndarray of shape (n_features, n_outputs)
        step : float or ndarray of shape (n_features, 1) or (n_features, n_outputs)
            The step t, positive; one for each coefficient only unless `couples_classes`.
        """

    @abstractmethod
    def differentiable_at(self, W: NDArray) -> NDArray[np.bool_]:
        """Return where the norm is smooth in each coefficient of W, the others held fixed."""

    @abstractmethod
    def nonsmooth_gradient(self, W: NDArray) -> NDArray:
        """Return the gradient of the norm on the support of W, zero elsewhere."""

    @abstractmethod
    def dual_norm(self, U: NDArray) -> float:
        """Return the least t at which <U, V> <= t norm(V) for every V; infinite if there is none.

        It is at most 1 if and only if W = 0 minimises h(W) - <U, W>.
        """

    @abstractmethod
    def conjugate(self, U: NDArray) -> tuple[float, float]:
        """Return t, the largest share of U, at most 1, at which h* is finite, and h*(t U).

        h*(U) = sup_V <U, V> - h(V), the convex conjugate.
        """

    # What follows suits most penalties as it is.

    def nonsmooth_hessian(self, W: NDArray) -> NDArray | None:
        """Return the Hessian of the norm on the support of W, one matrix for each feature.

        Of shape (n_features, n_outputs, n_outputs), or None if it is zero everywhere.
        """
        return None

    def optimal_class_shift(self, W: NDArray) -> NDArray:
        """Return the number to take from all classes of a feature at the least h, (n_features, 1).

        It leaves the softmax as it is.  The mean is that of a ridge, and of a group norm.
        """
        return W.mean(axis=1, keepdims=True)

    def unpenalised(self, n_features: int) -> NDArray[np.bool_]:
        """Return the features whose coefficients cost nothing, shape (n_features,)."""
        curved = np.broadcast_to(np.ravel(self.curvature), n_features) > 0.0
        if curved.all():
            return ~curved
        return self.differentiable_at(np.zeros((n_features, 1)))[:, 0] & ~curved

    def of_features(self, features: NDArray[np.intp]) -> Self:
        """Return the penalty on the coefficients of some features alone."""
        of_each = {name: field for name, field in vars(self).items() if np.ndim(field) > 0}
        return self.with_fields(**{name: field[features] for name, field in of_each.items()})

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
        """Return h(W), smooth part and norm."""
        curvature = self.curvature
        if np.ndim(curvature) > 0:
            curved = np.flatnonzero(curvature)
            roots: NDArray = np.sqrt(curvature)
            smooth = 0.5 * float(np.sum((roots[curved] * W[curved]) ** 2))
        else:
            # Without a penalty even coefficients whose square overflows cost nothing.
            smooth = 0.5 * float(curvature) * float(np.vdot(W, W)) if curvature else 0.0
        return smooth if self.is_smooth else smooth + self.nonsmooth_value(W)
