"""What a stream has to know of the rows of a fit that it goes on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.checks import require
from softmax_reg.dataset.left_out import as_start
from softmax_reg.dataset.rows import dense
from softmax_reg.objective.objective import Objective
from softmax_reg.streaming.feature_scale import FeatureMoments
from softmax_reg.streaming.online_newton import OnlineNewton

__all__ = ["FitSummary"]


@dataclass(frozen=True)
class FitSummary:
    """What a stream has to know of the rows of a fit: their weight and their units."""

    units: FeatureMoments

    @classmethod
    def of(cls, objective: Objective) -> FitSummary:
        """Return it for the rows of an objective."""
        reach = np.zeros(objective.n_features)  # not worth a pass over the rows
        units = FeatureMoments(
            objective.data.total_weight, objective.mean, objective.variance, reach
        )
        return cls(units)

    def to_arrays(self) -> dict[str, NDArray]:
        """Return everything as arrays; `from_arrays` reads them."""
        return {
            part.name: np.asarray(getattr(self.units, part.name)) for part in fields(FeatureMoments)
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> FitSummary:
        """Return what `to_arrays` wrote."""
        names = [part.name for part in fields(FeatureMoments)]
        require(arrays.keys() == set(names), "what is kept of the rows of the fit is not whole")
        weight, *of_features = (arrays[name] for name in names)
        require(weight.ndim == 0, "the weight of the rows of the fit is no number")
        units = FeatureMoments(weight.item(), *of_features)
        units.check()
        return cls(units)

    @property
    def n_features(self) -> int:
        """The number of features."""
        return len(self.units.mean)

    def continued(self, state: OnlineNewton, coef: Any, intercept: NDArray) -> OnlineNewton:
        """Return the state of a stream that goes on from a fit with these coefficients."""
        coef = dense(coef)
        # Of a class that the fit left out all that is known is that none of the rows had it.
        coef, intercept = as_start(coef, intercept, np.log1p(self.units.weight))
        w = np.concatenate([coef.T.ravel(), intercept if state.fit_intercept else []])
        return state.after_fit(w, self.units)
