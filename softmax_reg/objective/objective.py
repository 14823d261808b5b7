"""The one objective: F and what solvers, maps and estimators ask of it.

The formula and its units are in `penalised_loss`, the layout of w in `linear_model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.hessian import hessian_cost
from softmax_reg.objective.minibatch import Batch
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point
from softmax_reg.objective.restricted_penalty import RestrictedPenalty
from softmax_reg.objective.row_space import RowSpace
from softmax_reg.penalties import Penalty

__all__ = ["Objective"]


class Objective(PenalisedLoss):
    """F with its points and its mini-batches: a `Problem` in the coefficients themselves."""

    _derived = (*PenalisedLoss._derived, "row_space")

    def at(self, w: NDArray) -> Point:
        """Return the point w."""
        return Point(self, w)

    @cached_property
    def row_space(self) -> RowSpace:
        """The span of the rows, and F in it."""
        return RowSpace.of(self)

    def with_penalty(self, penalty: Penalty) -> Self:
        """Return F with another penalty; what is known of the rows is shared, not computed anew."""
        twin = super().with_penalty(penalty)
        if "row_space" in self.__dict__:
            (basis, units, reduced), (even, new) = self.row_space, penalty.evened()
            # A basis that a ridge was enough for may have dimensions that rounding has made.
            is_sound = even.curvature > 0.0 or reduced.penalty.curvature == 0.0
            if np.array_equal(units, new) and is_sound:
                twin.row_space = RowSpace(basis, units, reduced.with_penalty(even))
        return twin

    def with_features(self, kept: NDArray[np.intp]) -> Objective:
        """Return F over some of the features, as if the coefficients of the others were 0.

        Their columns are copied.
        """
        data = self.data.columns(kept)
        part = self._twin(self.moments.of_features(kept, data))
        part.data = data
        part._penalise(self.penalty.of_features(kept))
        part._lay_out(replace(self.model, n_features=len(kept)))
        return part

    def of_rows(self, rows: NDArray[np.intp]) -> Objective:
        """Return the part of F that some rows and the penalty make up, the rows in a copy."""
        return Objective(self.data.of_rows(rows), self.penalty, self.fit_intercept)

    def in_float64(self) -> Objective:
        """Return F computed in float64, block by block: itself where it is already."""
        data = self.data.in_float64()
        return self if data is self.data else Objective(data, self.penalty, self.fit_intercept)

    # Mini-batches.

    @property
    def active(self) -> NDArray[np.intp]:
        """The rows that have a weight."""
        return self.data.active

    @property
    def rows_together(self) -> int:
        """How many rows of a mini-batch are copied at a time."""
        return self.data.rows.rows_together

    def batch_size(self, wanted: float) -> int:
        """Return how many rows a mini-batch may have."""
        return self.data.batch_size(wanted)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield all rows with a weight once, shuffled, in mini-batches of `size` rows."""
        return map(self.batch, self.data.mini_batches(size, rng))

    def batch(self, sample: NDArray[np.intp]) -> Batch:
        """Return the mini-batch of a uniform sample of `active`."""
        return Batch(self, sample)

    # The penalty as a function of w.

    def prox(self, w: NDArray, step: float) -> NDArray:
        """Return the proximal point of the penalty's norm; the intercept stays as it is."""
        W, b = self.unpack(w)
        return self.pack(self.penalty.prox(W, step), b)

    def differentiable_at(self, w: NDArray) -> NDArray[np.bool_]:
        """Return the coordinates in which the penalty is smooth at w: of all, if it is smooth."""
        if self.is_smooth:
            return np.ones(self.size, dtype=bool)
        W, b = self.unpack(w)
        return np.append(self.penalty.differentiable_at(W), np.ones(len(b), dtype=bool))

    def close_under_groups(self, chosen: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the indices of chosen coordinates, with all that the penalty couples to them."""
        if self.penalty.couples_classes:
            rows = chosen.reshape(-1, self.n_outputs).any(axis=1)
            chosen = np.repeat(rows, self.n_outputs)
        return np.flatnonzero(chosen)

    def face(self, index: NDArray[np.intp], diagonal: NDArray | None = None) -> RestrictedPenalty:
        """Return the norm of the penalty on some coordinates, in units of `diagonal`."""
        units = np.ones((self.n_features, 1)) if diagonal is None else diagonal
        return RestrictedPenalty(self.penalty, index, self.n_features, self.n_outputs, units)

    def hessian_cost(self, n_coordinates: int) -> float:
        """Return what the Hessian along so many coordinates costs, in passes over X."""
        return hessian_cost(self, n_coordinates)

    def remove_class_shift(self, w: NDArray) -> NDArray:
        """Return w with each feature's classes shifted together to the least penalty.

        The loss does not change, but it leaves any other method nothing to go by; the intercepts,
        which have no penalty, are centred, lest they wander off and take the digits of the scores.
        """
        if self.n_outputs == 1:
            return w
        W, b = self.unpack(w)
        used, W = W.any(axis=1), W.copy()
        W[used] -= self.penalty.of_features(np.flatnonzero(used)).optimal_class_shift(W[used])
        return self.pack(W, b - b.mean() if len(b) else b)
