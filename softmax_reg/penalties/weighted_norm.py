"""What penalties share that mix a ridge with a norm, with a factor and units of each feature."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["WeightedNorm", "largest_ratio"]


@dataclass(frozen=True, eq=False)
class WeightedNorm:
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

    def evened(self) -> tuple[Self, float | NDArray]:
        even = replace(self, factor=None, scale=None)
        if even.curvature == 0.0:
            return even, 1.0
        with np.errstate(divide="ignore"):
            return even, 1.0 / np.sqrt(self._each(1.0, 2))  # the same at any strength

    def share_and_conjugate(self, U: NDArray, size: NDArray) -> tuple[float, float]:
        """Return what `conjugate` does, given the dual norm of U in each of its groups."""
        ridge = np.broadcast_to(self.curvature, (len(size), 1))[:, 0]
        threshold = np.broadcast_to(self.threshold, (len(size), 1))[:, 0]
        hard = ridge == 0.0
        share = 1.0 / max(largest_ratio(size[hard], threshold[hard]), 1.0)
        excess = np.maximum(share * size[~hard] - threshold[~hard, np.newaxis], 0.0)
        return share, float(np.sum(excess**2 / (2.0 * ridge[~hard, np.newaxis])))


def largest_ratio(size: NDArray, threshold: NDArray) -> float:
    """Return max size / threshold, 0/0 being 0."""
    largest = size.max(axis=1, initial=0.0)
    with np.errstate(divide="ignore"):
        ratios = np.divide(largest, threshold, where=largest > 0.0, out=np.zeros(len(largest)))
    return float(ratios.max(initial=0.0))
