"""Softmax regression from rows that come in batches, in memory that does not grow with them.

    minimise  Q(w) + sum over the window of s_i loss_i(w) + 1/(2 C) ||W||_F^2

The window holds the newest rows, Q stands for those that left it: the Laplace approximation of
their loss, its slope and Hessian where w was then.  The minimum is looked for anew whenever the
rows have grown by a quarter; between, each batch gives one truncated Newton step that is held back
by the curvature of what was learned.  No step size, no decay: the curvature is the memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset, small_dataset
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.penalised_loss import PenalisedLoss
from softmax_reg.penalties import ElasticNet
from softmax_reg.preconditioning.problem import Transformed
from softmax_reg.solvers.line_search import search_line
from softmax_reg.solvers.newton_cg import truncated_cg
from softmax_reg.streaming.feature_scale import FeatureMoments
from softmax_reg.streaming.hessian_storage import Curvature, curvature_for
from softmax_reg.streaming.laplace_objective import (
    LaplaceApproximation,
    Past,
    Standardisation,
    StandardisedObjective,
)
from softmax_reg.streaming.state_arrays import LARGEST, SavedAsArrays
from softmax_reg.streaming.sums import Pull, Sum
from softmax_reg.streaming.window import LabelledRows, join, push

__all__ = ["OnlineNewton"]

# The minimum is looked for anew when the weight has grown by this share.
_GROWTH = 0.25
# So it is with a batch of this share of all rows before, while these are all at hand: one step may
# take it too seriously.
_LARGE_BATCH = 0.15
# It is near enough when the sum of the losses is above it by this share of the number of
# coefficients: half that number is what the noise of the sample costs.
_GAP = 0.005
_MAX_NEWTON = 5
_NEWTON_PER_FACTOR = 2
_MAX_CG = 40
# The system of one batch hardly differs from the identity.
_STEP_CG = 3
# No step is longer than this share of what is usual: the curvature says nothing of far away.
_TRUNCATION = 0.3
# Numbers in the window, at least: 1 MiB of float64.
_WINDOW_SIZE = 1 << 17
# Small batches wait until they hold a row for so many features: a step costs as much as they.
_FEATURES_PER_ROW = 16
# Curvature that every coefficient of standardised features has before the first row, times the
# number of them: it bounds the intercept while classes are missing and the rest while classes are
# separable.  The more coefficients, the fewer rows speak for each.
_FLOOR = 1e-4


@dataclass(frozen=True)
class OnlineNewton(SavedAsArrays):
    """All that is known of a stream of rows; `learn` returns what is known after one more batch.

    Nothing is written to: whoever keeps the state from before a batch can go back to it.

    Parameters
    ----------
    w : ndarray of shape (size,), float64
        The coefficients, as `Objective` lays them out.
    n_features, n_classes : int
    fit_intercept : bool
    C : float
        Inverse strength of the penalty; may be infinite.
    weight : float
        Of all rows so far.
    frame : Standardisation or None
        Where features were centred, and their units, at the last minimum.
    past : LaplaceApproximation
        Q.  While its Hessian is 0 but its weight is not, its rows were those of a fit: it is
        guessed from the window.
    units : FeatureMoments
        Those of the rows of Q.
    factor : ndarray or None
        The change of variables made at the last minimum.
    solved, stepped, waiting : tuple of LabelledRows
        The window: rows of the last minimum, rows that gave a step since, and rows that wait.

    References
    ----------
    M. Opper (1998), "A Bayesian approach to on-line learning", eq. 6 and 7: the Laplace
    approximation, row by row; the window makes it exact while the coefficients still move far.
    """

    w: NDArray
    n_features: int
    n_classes: int
    fit_intercept: bool
    C: float
    weight: float
    frame: Standardisation | None
    past: LaplaceApproximation
    units: FeatureMoments
    factor: NDArray | None = None
    solved: tuple[LabelledRows, ...] = ()
    stepped: tuple[LabelledRows, ...] = ()
    waiting: tuple[LabelledRows, ...] = ()

    @classmethod
    def empty(
        cls, n_features: int, n_classes: int, fit_intercept: bool = True, C: float = 1.0
    ) -> OnlineNewton:
        """Return what is known before the first row."""
        n, n_outputs = n_features + fit_intercept, 1 if n_classes == 2 else n_classes
        zero = np.zeros((n, n_outputs))
        past = LaplaceApproximation(0.0, zero, zero, np.array(0.0), _FLOOR * zero.size)
        units = FeatureMoments(0.0, *np.zeros((3, n_features)))
        return cls(zero.ravel(), n_features, n_classes, fit_intercept, C, 0.0, None, past, units)

    def after_fit(self, w: NDArray, units: FeatureMoments) -> OnlineNewton:
        """Return what is known after a fit that found w on rows with these units."""
        frame, w = units.frame, w.astype(np.float64)
        state = replace(self, w=w, weight=units.weight, frame=frame, units=units)
        nothing = LabelledRows(np.zeros((1, self.n_features)), np.zeros(1, np.intp), np.ones(1))
        rows = state._objective(nothing)
        # At the minimum the slope of the rows' loss is what balances the penalties.
        U, (W, b) = frame.coordinates(rows, w), rows.unpack(w)
        slope = -frame.push_forward(rows, rows.pack(W / self.C, 0.0 * b)) - self.past.ridge * U
        return replace(state, past=replace(self.past, weight=units.weight, centre=U, slope=slope))

    @property
    def coefficients(self) -> tuple[NDArray, NDArray]:
        """W (n_features, n_outputs) and b (n_outputs,), float64; b is empty without intercept."""
        n_outputs = self.past.centre.shape[1]
        size = self.n_features * n_outputs
        return self.w[:size].reshape(self.n_features, n_outputs), self.w[size:]

    @property
    def curvature(self) -> Curvature:
        """How the Hessian is kept."""
        return curvature_for(*self.past.centre.shape)

    @property
    def knows_past(self) -> bool:
        """Whether the curvature of the rows before the window is known."""
        return self.past.hessian.ndim > 0 or self.past.weight == 0.0

    def mean_loss(self, batch: Dataset) -> float:
        """Return the weighted mean of -log P[y] over some rows."""
        return PenalisedLoss(batch, ElasticNet(0.0), self.fit_intercept).loss(self.w)

    def accuracy(self, batch: Dataset) -> float:
        """Return the weighted share of some rows whose class is the most probable."""
        return PenalisedLoss(batch, ElasticNet(0.0), self.fit_intercept).accuracy(self.w)

    def learn(self, batch: Dataset) -> OnlineNewton:
        """Return what is known after some more rows.

        Parameters
        ----------
        batch : Dataset
            Computed with in float64; all its rows have a weight, and all classes take part.

        Raises
        ------
        ValueError
            If numbers are too large to be squared.
        """
        X = batch.X
        values = X.data if sp.issparse(X) else X
        largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
        if largest > LARGEST:
            raise ValueError(
                f"X holds a number of size {largest:.3g}, too large to be squared. Rescale that "
                "feature."
            )
        state = self
        # Half of the window at a time; what overflows on the way is looked at in the end.
        together = max(self._window_size // (2 * max(values.size // X.shape[0], 1)), 1)
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, X.shape[0], together):
                rows = slice(start, start + together)
                weights = batch.weights[rows].astype(np.float64)
                some = LabelledRows(self._own(X[rows]), batch.codes[rows].copy(), weights)
                state = state._learn(some)
        if not np.isfinite(state.w).all():
            raise ValueError("The coefficients overflow: rescale the features, or the weights.")
        return state

    def _own(self, X: Any) -> Any:
        """Return a copy of rows as the window keeps them, whatever they came as."""
        if self.curvature.is_dense:
            return X.toarray() if sp.issparse(X) else np.array(X, order="C")
        return sp.csr_array(X, copy=True)

    @property
    def _window_size(self) -> int:
        """How many numbers the rows of the window may take: as many as the curvature."""
        return max(_WINDOW_SIZE, self.curvature.size(*self.past.centre.shape))

    def _learn(self, batch: LabelledRows) -> OnlineNewton:
        state = replace(self, weight=self.weight + batch.weight, waiting=push(self.waiting, batch))
        new = sum(batch.weight for batch in (*state.stepped, *state.waiting))
        known = state.weight - new if self.knows_past else sum(b.weight for b in self.solved)
        is_full = sum(b.size for b in state._window) >= self._window_size
        is_large = not self.past.weight and batch.weight >= _LARGE_BATCH * self.weight
        if is_full or is_large or new >= _GROWTH * known:
            state = state._minimise()
            return state._forget_half() if is_full else state
        if _FEATURES_PER_ROW * sum(map(len, state.waiting)) >= self.n_features:
            return state._step()
        return state

    @property
    def _window(self) -> tuple[LabelledRows, ...]:
        return (*self.solved, *self.stepped, *self.waiting)

    def _objective(
        self, batch: LabelledRows, frame: Standardisation | None = None, penalised: bool = False
    ) -> StandardisedObjective:
        alpha = 1.0 / (self.C * batch.weight) if penalised else 0.0
        classes = np.arange(self.n_classes)
        data = small_dataset(batch.X, classes, batch.codes, batch.weights)
        return StandardisedObjective(frame, data, ElasticNet(alpha), self.fit_intercept)

    def _step(self) -> OnlineNewton:
        """Learn the rows that wait: one step, held back by all that was learned before.

        With T T' near the inverse of the Hessian of that, divided by its weight, the method is
        argmin of loss + weight/2 |v|^2: the stochastic Newton method in its implicit form, and
        truncated: C. Boyer and A. Godichon-Baggioni (2023), "On the asymptotic rate of convergence
        of stochastic Newton algorithms and their weighted averaged versions".
        """
        batch = join(self.waiting)
        objective = self._objective(batch, self.frame)
        assert self.factor is not None
        change = self.curvature.change(objective, self.factor)
        pull = self.weight - batch.weight
        loss = Transformed(objective, self.w, change)
        held = Sum(loss, batch.weight, Pull(pull), self.weight)
        point = held.at(np.zeros_like(self.w))
        new = search_line(point, truncated_cg(point, _STEP_CG))
        v = np.zeros_like(self.w) if new is None else new.w
        # So long is v on average when all rows of the batch are alike.
        limit = _TRUNCATION * np.sqrt(v.size) * batch.weight / pull
        v = v * min(1.0, limit / max(float(np.linalg.norm(v)), limit))
        w = self.w + change.forward(v)
        return replace(self, w=w, stepped=push(self.stepped, batch), waiting=())

    def _minimise(self) -> OnlineNewton:
        """Go to the minimum over the window and Q."""
        batch, curvature = join(self._window), self.curvature
        kept, frame = self.past, self.units.plus(self._objective(batch)).frame
        if self.frame is not None:
            ratio = frame.scale / self.frame.scale
            kept = kept.rescaled(np.append(ratio, 1.0) if self.fit_intercept else ratio)
        objective = self._objective(batch, frame, penalised=True)
        past = kept if self.knows_past else self._guess_past(kept, objective)
        gap = _GAP * min(objective.size, self.weight)
        total = batch.weight + past.weight
        w, whole = self.w, Sum(objective, batch.weight, Past(objective, past), total)
        with objective.data.running():
            for iteration in range(_MAX_NEWTON):
                if iteration % _NEWTON_PER_FACTOR == 0:
                    factor = curvature.factor(objective, objective.at(w), past)
                point = Transformed(whole, w, curvature.change(objective, factor)).at(0.0 * w)
                # In these coordinates half the squared gradient is what is left to gain.
                if 0.5 * np.vdot(point.gradient, point.gradient) * whole.total <= gap:
                    break
                new = search_line(point, truncated_cg(point, _MAX_CG))
                if new is None:
                    break
                w = new.inner.w
        learned = replace(self, w=w, frame=frame, past=kept, factor=factor)
        return replace(learned, solved=(batch,), stepped=(), waiting=())

    def _guess_past(
        self, past: LaplaceApproximation, objective: StandardisedObjective
    ) -> LaplaceApproximation:
        """Return Q for the rows of a fit: as the window's, but for what that is too short for.

        The window's curvature is that at the optimum of the fit, the centre of Q: where the
        coefficients are now, a class that the fit did not know would be held there.  A window of m
        rows says little of n > m features: the smaller m / n, the more they are held by the
        curvature of uncorrelated ones, too.
        """
        point = objective.at(objective.frame.flat(objective, past.centre))
        m = objective.data.shape[0]
        n, n_outputs = self.past.centre.shape
        K = self.n_classes
        squares, mean = point.reduce(_squares_and_mean)
        # One row of the bound of Boehning (1992), which is never too small.
        bound = 0.5 * (np.eye(K) - 1.0 / K)
        between = (m * (np.diag(mean) - squares) + bound) / (m + 1.0)
        isotropic = self.curvature.isotropic(between[K - n_outputs :, K - n_outputs :], n)
        H = self.curvature.hessian(objective, point) + n / (m + n) * isotropic
        return replace(past, hessian=past.weight * H)

    def _forget_half(self) -> OnlineNewton:
        """Let the older half of the window be a part of Q."""
        (batch,) = self.solved
        half = len(batch) // 2
        assert self.frame is not None
        past = self.past
        if not self.knows_past:
            past = self._guess_past(past, self._objective(batch, self.frame))
        older = self._objective(batch.part(slice(half)), self.frame)
        point, S = older.at(self.w), older.data.total_weight
        past = past.plus(
            S,
            self.frame.coordinates(older, self.w),
            S * self.frame.push_forward(older, point.gradient),
            S * self.curvature.hessian(older, point),
        )
        units = self.units.plus(self._objective(batch.part(slice(half))))
        return replace(self, past=past, units=units, solved=(batch.part(slice(half, None)),))


def _squares_and_mean(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray, NDArray]:
    P = model.softmax(w, block)[0]
    Q = P * block.shares
    return Q.T @ P, Q.sum(axis=0)
