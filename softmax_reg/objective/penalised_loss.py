"""F = loss + penalty, as data, model and penalty; and the units of the features.

F(W, b) = -(1/S) sum_i s_i sum_k Y_ik log P_ik + h(W),   P = softmax(X W + b + M),   S = sum_i s_i
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.moments import Moments
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.penalties import Penalty

__all__ = ["PenalisedLoss"]


class PenalisedLoss:
    """F as a function of the flat vector w = (W row by row, then b).

    Parameters
    ----------
    data : Dataset
        The rows, and the class and the weight of each.
    penalty : Penalty
    fit_intercept : bool, default=True
    memory : int, default=64 MiB
        Bytes that the scores and probabilities of a point may take; above it they are computed
        again for each product.

    Attributes
    ----------
    model : LinearModel
        The layout of w; its numbers are here, too.
    size, n_features, n_classes, n_outputs : int
    fit_intercept : bool
    dtype : dtype
    is_smooth : bool
        Whether the penalty has no norm.
    keeps_scores : bool
        Whether points keep P and log P of every row.
    """

    # What is computed from the features and the penalty, and kept.
    _derived: ClassVar[tuple[str, ...]] = ("about_means", "scale", "resolution")

    def __init__(
        self, data: Dataset, penalty: Penalty, fit_intercept: bool = True, memory: int = 64 << 20
    ) -> None:
        self.data = data
        self._penalise(penalty)
        n_outputs = 1 if len(data.classes) == 2 else data.n_classes
        n_features, n_classes = data.shape[1], data.n_classes
        self._lay_out(LinearModel(n_features, n_classes, n_outputs, fit_intercept, data.dtype))
        # P and log P of two points and the scores of the direction between them.
        scores_bytes = 5 * data.shape[0] * data.n_classes * data.dtype.itemsize
        # A stream is read for every pass: scores that are kept would save none of them.
        self.keeps_scores = scores_bytes <= memory and not data.rows.is_stream

    def _lay_out(self, model: LinearModel) -> None:
        self.model, self.size, self.dtype = model, model.size, model.dtype
        self.n_features, self.n_classes = model.n_features, model.n_classes
        self.n_outputs, self.fit_intercept = model.n_outputs, model.fit_intercept

    def _penalise(self, penalty: Penalty) -> None:
        self.penalty, self.is_smooth = penalty, penalty.is_smooth

    def unpack(self, w: NDArray) -> tuple[NDArray, NDArray]:
        """Return views W (n_features, n_outputs) and b (n_outputs,), which may be empty."""
        return self.model.unpack(w)

    def pack(self, W: NDArray, b: NDArray) -> NDArray:
        """Return the flat w of W (n_features, n_outputs) and b (n_outputs,)."""
        return self.model.pack(W, b)

    def loss(self, w: NDArray) -> float:
        """Return F(w) without the penalty, by one product with X: all that held-out rows tell."""
        return float(self.data.reduce(partial(_loss, self.model, w))[0][0])

    def accuracy(self, w: NDArray) -> float:
        """Return the weighted share that the rows have of the class with the largest score."""
        return float(self.data.reduce(partial(_accuracy, self.model, w))[0][0])

    def _twin(self, moments: Moments) -> Self:
        """Return a copy to be changed, without what was derived from the features."""
        twin = copy(self)
        for name in self._derived:
            twin.__dict__.pop(name, None)
        twin.moments = moments
        return twin

    def with_penalty(self, penalty: Penalty) -> Self:
        """Return F with another penalty; what is known of the rows is shared, not computed anew."""
        twin = self._twin(self.moments)
        twin._penalise(penalty)
        return twin

    def seen_with(self, weights: NDArray) -> Self:
        """Return F, the same, with the moments of the features taken under other weights."""
        seen = self.data.with_weights(weights, present=self.data.present)
        return self._twin(Moments(seen, from_zero=not self.fit_intercept))

    @cached_property
    def about_means(self) -> Self:
        """F with an intercept, in the same units, where features need one and F has none.

        Where their variance is hardly seen beside the square of their mean, it is lost from sums of
        squares about zero.  Else F itself.
        """
        if not self.moments.hides_variance:
            return self
        # A pass of its own: not within the next one.
        twin = self._twin(Moments(self.moments.data))
        twin._lay_out(replace(self.model, fit_intercept=True))
        twin.scale = self.scale
        return twin

    @cached_property
    def moments(self) -> Moments:
        """Of the features, by a pass when first asked for; without intercept about zero."""
        return Moments(self.data, from_zero=not self.fit_intercept)

    @property
    def mean(self) -> NDArray:
        """Weighted mean of each feature, shape (n_features,), float64; 0 without intercept."""
        return self.moments.mean

    @property
    def variance(self) -> NDArray:
        """Weighted variance of each feature, shape (n_features,), float64; about `mean`."""
        return self.moments.variance

    @property
    def is_constant(self) -> NDArray[np.bool_]:
        """Which features say nothing, shape (n_features,): that the intercept does not, if any."""
        return self.moments.variance == 0.0

    @cached_property
    def scale(self) -> NDArray:
        """sqrt(variance + curvature of the penalty) of each feature: the root of its curvature.

        Up to a factor of at most 1/2 the diagonal of the bound of Boehning (1992) on the Hessian.
        A constant column says nothing that the intercept does not, and its coefficient stays 0: in
        units of a scale without bounds nothing moves it, rounding neither.
        """
        curvature = self.variance + np.ravel(self.penalty.curvature)
        if self.fit_intercept:
            without_bounds = float(np.finfo(self.dtype).max) ** 0.25
            return np.where(self.is_constant, without_bounds, np.sqrt(curvature))
        return np.sqrt(np.where(curvature > 0.0, curvature, 1.0))

    @cached_property
    def resolution(self) -> float:
        """The optimality that rounding hides: eps times the largest feature, in units of scale.

        Never more than eps^0.4 (5e-7 in float64), lest one odd column make anything an optimum.
        """
        eps = float(np.finfo(self.dtype).eps)
        size = (np.abs(self.mean) + np.sqrt(self.variance)) / self.scale
        return min(eps * max(float(size.max()), 1.0), eps**0.4)


def _loss(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    return (model.losses(softmax_in_place(model.scores(w, block))[1], block),)


def _accuracy(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    right = block.targets.right(model.scores(w, block).argmax(axis=1))
    return (np.array([(block.shares[:, 0] * right).sum(dtype=np.float64)]),)
