"""In which units the features of a stream are, learned from its rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import number, numbers, require
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.streaming.laplace_objective import Standardisation

__all__ = ["FeatureMoments"]

# The unit of a feature is at least its largest deviation over this.
_REACH = 5.0


@dataclass(frozen=True)
class FeatureMoments:
    """Deviations of each feature, over some rows, from a centre that does not move.

    Parameters
    ----------
    weight : float
        Of the rows; while it is 0 there is no centre.
    mean : ndarray of shape (n_features,), float64
        The centre.
    spread, reach : ndarray of shape (n_features,), float64
        Mean square and largest size of the deviations.
    """

    weight: float
    mean: NDArray
    spread: NDArray
    reach: NDArray

    def check(self) -> None:
        """Raise `Damaged` if these cannot be the units of rows: for what comes from a file."""
        number(self.weight, "the weight of the rows", 0.0)
        numbers(self.mean, "the means of the features", (None,))
        for name in ("spread", "reach"):
            values = numbers(getattr(self, name), f"the {name} of the features", self.mean.shape)
            require((values >= 0.0).all(), f"the {name} of a feature is negative")

    def plus(self, objective: PenalisedLoss) -> FeatureMoments:
        """Return the units of these rows and those of an objective."""
        mean = self.mean if self.weight else objective.mean
        total = self.weight + objective.data.total_weight
        spread = objective.variance + (objective.mean - mean) ** 2
        spread = spread + self.weight / total * (self.spread - spread)
        X = objective.data.X
        ends = [X.max(axis=0), X.min(axis=0)]
        ends = [end.toarray().ravel() if sp.issparse(end) else end for end in ends]
        reach = np.max([self.reach, *(np.abs(end - mean) for end in ends)], axis=0)
        return FeatureMoments(total, mean, spread, reach)

    @property
    def frame(self) -> Standardisation:
        """The centre, and the standard deviation or a part of the largest one where that is more.

        The coefficient of a feature that is hardly ever there must not become large.
        """
        square = np.maximum(self.spread, (self.reach / _REACH) ** 2)
        square = np.where(square > 0.0, square, np.maximum(self.mean**2, 1.0))
        return Standardisation(self.mean, np.sqrt(square))
