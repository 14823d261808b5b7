"""A mini-batch: what some rows, drawn at random, say of the gradient and of the loss along a line.

With s_i / S times (rows with a weight) / (rows drawn) for weights, sums over the batch estimate
those over all rows without bias.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.contract import HasInner
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.objective.point import Point

__all__ = ["Batch"]

_SEARCH_STEPS = 4


class Batch:
    """Some rows of an objective.

    Parameters
    ----------
    objective : PenalisedLoss
    sample : ndarray of int
        The rows: a uniform sample of those that have a weight.
    """

    def __init__(self, objective: PenalisedLoss, sample: NDArray[np.intp]) -> None:
        self.objective, self.sample = objective, sample
        self.factor = len(objective.data.active) / len(sample)
        self._kept: list[tuple[NDArray[np.intp], Block]] | None = None
        self._log_proba: NDArray | None = None

    def _pieces(self) -> Iterable[tuple[NDArray[np.intp], Block]]:
        """Return the rows in pieces of bounded size; only if all fit in one they are kept."""
        if self._kept is None:
            pieces = self.objective.data.take(self.sample)
            if len(self.sample) > self.objective.data.rows.rows_together:
                return pieces
            self._kept = list(pieces)
        return self._kept

    def gradient(self, w: NDArray, control: HasInner | None = None) -> NDArray:
        """Return an estimate of the gradient at w, or of its change since the point `control`.

        The estimate of the change has a variance that vanishes as w nears `control`.
        """
        objective, model = self.objective, self.objective.model
        there = None if control is None else control.inner
        assert there is None or isinstance(there, Point)
        gradient, log_probas = np.zeros_like(w), []
        for part, block in self._pieces():
            P, log_P = softmax_in_place(model.scores(w, block))
            log_probas.append(log_P)
            if there is None:
                R = model.residuals(P, block)
            else:
                kept = {name: array[part] for name, array in there.kept.items()}
                before, _ = model.softmax(there.w, block._replace(kept=kept))
                R = (P - before) * block.shares
            gradient += model.pull_back(block.X, R)
        gradient *= self.factor
        W, _ = model.unpack(w)
        gradient[: W.size] += objective.penalty.gradient(W).ravel()
        if there is not None:
            W, _ = model.unpack(there.w)
            gradient[: W.size] -= objective.penalty.gradient(W).ravel()
        self._log_proba = np.concatenate(log_probas)
        return gradient

    def step_length(self, direction: NDArray, slope: float) -> float:
        """Return about the best t for a step t * direction from where `gradient` was last asked.

        Minimises phi(t) + (slope - phi'(0)) t, phi the batch's loss and smooth penalty along the
        direction.  Each iteration minimises the bound that the self-concordance of the softmax
        gives: with D = X V + u and m = max_i (max_k D_ik - min_k D_ik) the third derivative is at
        most m times the second, hence

            t <- t + log(1 + m |phi'(t)| / phi''(t)) / m

        F. Bach (2010), "Self-concordant analysis for logistic regression", proposition 1.

        Parameters
        ----------
        direction : ndarray of shape (size,)
        slope : float
            The derivative at t = 0 according to the estimate that gave the direction; negative.
        """
        objective, log_P = self.objective, self._log_proba
        assert log_P is not None
        model = objective.model
        D = np.concatenate([model.linear(block.X, direction) for _, block in self._pieces()])
        V, _ = model.unpack(direction)
        spread = float((D.max(axis=1) - D.min(axis=1)).max())
        ridge = float(np.vdot(V, objective.penalty.gradient(V)))
        shares = self.factor * objective.data.shares[self.sample]
        t, first = 0.0, 0.0
        for iteration in range(_SEARCH_STEPS):
            P, _ = softmax_in_place(log_P + log_P.dtype.type(t) * D)
            mean = (P * D).sum(axis=1, keepdims=True)
            gain = float(np.vdot(shares, mean))
            bend = float(np.vdot(shares, (P * (D - mean) ** 2).sum(axis=1, keepdims=True))) + ridge
            first = gain if iteration == 0 else first
            fall = -(slope + gain - first + t * ridge)
            if not (fall > 0.0 and bend > 0.0 and np.isfinite(spread)):
                break
            # Where nothing but the penalty changes the step is Newton's.
            t += float(np.log1p(spread * fall / bend)) / spread if spread > 0.0 else fall / bend
        return t
