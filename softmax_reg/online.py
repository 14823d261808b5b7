"""Softmax regression from rows that come in batches, in memory that does not grow with their number.

    minimise  Q(w) + sum over the window of s_i loss_i(w) + 1/(2 C) ||W||_F^2

The window holds the newest rows, Q stands for those that left it: the Laplace approximation of
their loss, its slope and Hessian where w was then.  The minimum is looked for anew whenever the
rows have grown by a quarter; between, each batch gives one truncated Newton step that is held back
by the curvature of what was learned.  No step size, no decay: the curvature is the memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg.anchored import Anchored, Frame, Framed, Quadratic
from softmax_reg.blocks import RowBlocks
from softmax_reg.online_curvature import Curvature, curvature_for
from softmax_reg.penalties import ElasticNet
from softmax_reg.solvers.line_search import search_line
from softmax_reg.solvers.newton_cg import truncated_cg
from softmax_reg.window import Batch, join, push

__all__ = ["OnlineNewton"]

# The minimum is looked for anew when the weight has grown by this share.
_GROWTH = 0.25
# It is near enough when the sum of the losses is above it by this share of the number of
# coefficients: half that number is what the noise of the sample costs.
_GAP = 0.005
_MAX_NEWTON = 5
_MAX_CG = 40
# The system of one batch hardly differs from the identity.
_STEP_CG = 3
# The unit of a feature is at least its largest deviation over this.
_REACH = 10.0
# Numbers in the window, at least: 1 MiB of float64.
_WINDOW_SIZE = 1 << 17
# Small batches wait until they hold a row for so many features: a step costs as much as they.
_FEATURES_PER_ROW = 16
# Curvature that every framed coefficient has before the first row, times the number of them: it
# bounds the intercept while classes are missing and the rest while classes are separable.  The more
# coefficients, the fewer rows speak for each.
_FLOOR = 1e-4
# Squares of larger numbers, and sums of them, would overflow.
_LARGEST = 1e100


_NUMBERS = ("w", "n_features", "n_classes", "fit_intercept", "C", "weight", "spread", "reach")
_PARTS = ("solved", "stepped", "waiting")


@dataclass(frozen=True)
class OnlineNewton:
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
    frame : Frame or None
        Units of the features: of the rows of the window, until the first of them leaves it.
    past : Quadratic
        Q.  While its Hessian is a number its rows were never seen here, and it is guessed from
        those of the window.
    factor : ndarray or None
        The change of variables made at the last minimum.
    solved, stepped, waiting : tuple of Batch
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
    frame: Frame | None
    past: Quadratic
    spread: NDArray
    reach: NDArray
    factor: NDArray | None = None
    solved: tuple[Batch, ...] = ()
    stepped: tuple[Batch, ...] = ()
    waiting: tuple[Batch, ...] = ()

    @classmethod
    def empty(
        cls, n_features: int, n_classes: int, fit_intercept: bool = True, C: float = 1.0
    ) -> OnlineNewton:
        """Return what is known before the first row."""
        n, n_rows = n_features + fit_intercept, 1 if n_classes == 2 else n_classes
        zero = np.zeros((n, n_rows))
        past = Quadratic(0.0, zero, zero, np.array(0.0), _FLOOR * zero.size)
        return cls(
            zero.ravel(),
            n_features,
            n_classes,
            fit_intercept,
            C,
            0.0,
            None,
            past,
            np.zeros(n_features),
            np.zeros(n_features),
        )

    def after_fit(self, w: NDArray, weight: float, frame: Frame) -> OnlineNewton:
        """Return what is known after a fit that found w on rows of this weight and these units."""
        state = replace(
            self, w=w.astype(np.float64), weight=weight, frame=frame, spread=frame.scale**2
        )
        nothing = Batch(np.zeros((1, self.n_features)), np.zeros(1, np.intp), np.ones(1))
        centre = frame.coordinates(state._objective(nothing), state.w)
        zero = np.zeros_like(centre)
        return replace(state, past=Quadratic(weight, centre, zero, np.array(0.0), self.past.ridge))

    def to_arrays(self) -> dict[str, NDArray]:
        """Return everything as arrays without objects, for a file; `from_arrays` reads them."""
        found: dict[str, Any] = {name: getattr(self, name) for name in _NUMBERS}
        found |= {f"past_{f.name}": getattr(self.past, f.name) for f in fields(Quadratic)}
        if self.frame is not None:
            found |= {"frame_mean": self.frame.mean, "frame_scale": self.frame.scale}
            found["factor"] = self.factor
        for part in _PARTS:
            for number, batch in enumerate(getattr(self, part)):
                for name, array in batch.to_arrays().items():
                    found[f"{part}_{number}_{name}"] = array
        return {name: np.asarray(array) for name, array in found.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> OnlineNewton:
        """Return the state that `to_arrays` wrote."""
        plain: dict[str, Any] = {
            name: arrays[name] if arrays[name].ndim else arrays[name].item() for name in _NUMBERS
        }
        past = {f.name: arrays[f"past_{f.name}"] for f in fields(Quadratic)}
        past |= {name: past[name].item() for name in ("weight", "ridge")}
        frame = None
        if "frame_mean" in arrays:
            frame = Frame(arrays["frame_mean"], arrays["frame_scale"])
        for part in _PARTS:
            count = len({name.split("_")[1] for name in arrays if name.startswith(part + "_")})
            batches = []
            for number in range(count):
                prefix = f"{part}_{number}_"
                batches.append(
                    Batch.from_arrays(
                        {
                            name.removeprefix(prefix): array
                            for name, array in arrays.items()
                            if name.startswith(prefix)
                        }
                    )
                )
            plain[part] = tuple(batches)
        return cls(**plain, past=Quadratic(**past), frame=frame, factor=arrays.get("factor"))

    @property
    def coefficients(self) -> tuple[NDArray, NDArray]:
        """W (n_features, n_rows) and b (n_rows,), float64; b is empty without intercept."""
        n_rows = self.past.centre.shape[1]
        size = self.n_features * n_rows
        return self.w[:size].reshape(self.n_features, n_rows), self.w[size:]

    @property
    def curvature(self) -> Curvature:
        """How the Hessian is kept."""
        return curvature_for(*self.past.centre.shape)

    @property
    def knows_past(self) -> bool:
        """Whether the curvature of the rows before the window is known."""
        return self.past.hessian.ndim > 0 or self.past.weight == 0.0

    def mean_loss(self, X: Any, codes: NDArray[np.intp], weights: NDArray) -> float:
        """Return the weighted mean of -log P[y] over some rows."""
        batch = Batch(X, codes, weights.astype(np.float64))
        return self._objective(batch, self.frame).at(self.w).value

    def learn(self, X: Any, codes: NDArray[np.intp], weights: NDArray) -> OnlineNewton:
        """Return what is known after some more rows.

        Parameters
        ----------
        X : ndarray or CSR of shape (n_rows, n_features), float32 or float64
        codes : ndarray of shape (n_rows,), intp
        weights : ndarray of shape (n_rows,)
            Positive.

        Raises
        ------
        ValueError
            If numbers are too large to be squared.
        """
        values = X.data if sp.issparse(X) else X
        largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
        if largest > _LARGEST:
            raise ValueError(
                f"X holds a number of size {largest:.3g}, too large to be squared. Rescale that "
                "feature."
            )
        state, start = self, 0
        # Half of the window at a time; what overflows on the way is looked at in the end.
        together = max(self._window_size // (2 * max(values.size // X.shape[0], 1)), 1)
        with np.errstate(over="ignore", invalid="ignore"):
            while start < X.shape[0]:
                rows = slice(start, start + together)
                state = state._learn(self._own(X[rows]), codes[rows], weights[rows])
                start = rows.stop
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

    def _learn(self, X: Any, codes: NDArray[np.intp], weights: NDArray) -> OnlineNewton:
        batch = Batch(X, codes.copy(), weights.astype(np.float64))
        state = replace(self, weight=self.weight + batch.weight, waiting=push(self.waiting, batch))
        new = sum(batch.weight for batch in (*state.stepped, *state.waiting))
        known = state.weight - new if self.knows_past else sum(b.weight for b in self.solved)
        is_full = sum(b.size for b in state._window) >= self._window_size
        if is_full or new >= _GROWTH * known:
            state = state._minimise()
            return state._forget_half() if is_full else state
        if _FEATURES_PER_ROW * sum(map(len, state.waiting)) >= self.n_features:
            return state._step()
        return state

    @property
    def _window(self) -> tuple[Batch, ...]:
        return (*self.solved, *self.stepped, *self.waiting)

    def _objective(
        self, batch: Batch, frame: Frame | None = None, penalised: bool = False
    ) -> Framed:
        alpha = 1.0 / (self.C * batch.weight) if penalised else 0.0
        rows = RowBlocks(batch.X, self.n_classes, n_threads=1, dtype=np.float64)
        penalty = ElasticNet(alpha)
        rest = (batch.codes, batch.weights, self.n_classes, penalty, self.fit_intercept)
        return Framed(frame, rows, *rest)

    def _step(self) -> OnlineNewton:
        """Learn the rows that wait: one step, held back by all that was learned before.

        With T T' near the inverse of the Hessian of that, divided by its weight, the method is
        argmin of loss + weight/2 |v|^2: the stochastic Newton method in its implicit form.
        """
        batch = join(self.waiting)
        objective = self._objective(batch, self.frame)
        assert self.factor is not None
        change = self.curvature.change(objective, self.factor)
        zero = np.zeros_like(self.past.slope)
        nothing = Quadratic(0.0, zero, zero, np.array(0.0))
        pull = self.weight - batch.weight
        anchored = Anchored(objective, nothing, change, self.w, pull)
        point = anchored.at(np.zeros_like(self.w))
        new = search_line(point, truncated_cg(point, _STEP_CG))
        w = self.w if new is None else new.inner.w
        return replace(self, w=w, stepped=push(self.stepped, batch), waiting=())

    def _minimise(self) -> OnlineNewton:
        """Go to the minimum over the window and Q."""
        batch, curvature = join(self._window), self.curvature
        kept, frame = self.past, self._new_frame(batch)
        if self.frame is not None:
            ratio = frame.scale / self.frame.scale
            kept = kept.rescaled(np.append(ratio, 1.0) if self.fit_intercept else ratio)
        objective = self._objective(batch, frame, penalised=True)
        past = kept if self.knows_past else self._guess_past(kept, objective)
        gap = _GAP * min(objective.size, self.weight)
        w, factor = self.w, None
        with objective.rows.running():
            for iteration in range(_MAX_NEWTON):
                if iteration % 2 == 0:
                    factor = curvature.factor(objective, objective.at(w), past)
                anchored = Anchored(objective, past, curvature.change(objective, factor), w)
                point = anchored.at(np.zeros_like(w))
                # In these coordinates half the squared gradient is what is left to gain.
                if 0.5 * np.vdot(point.gradient, point.gradient) * anchored.total <= gap:
                    break
                new = search_line(point, truncated_cg(point, _MAX_CG))
                if new is None:
                    break
                w = new.inner.w
        learned = replace(self, w=w, frame=frame, past=kept, factor=factor)
        return replace(learned, solved=(batch,), stepped=(), waiting=())

    def _new_frame(self, batch: Batch) -> Frame:
        """Return the units of the features: of all rows, centred on the first window's mean.

        The unit is the standard deviation, or a part of the largest deviation where that is more:
        the coefficient of a feature that is hardly ever there must not become large.
        """
        rows = self._objective(batch)
        mean = self.frame.mean if self.past.weight and self.frame is not None else rows.mean
        square = self._spread_with(batch, rows)
        square = np.maximum(square, (self._reach_with(batch, mean) / _REACH) ** 2)
        return Frame(mean, np.sqrt(np.where(square > 0.0, square, np.maximum(mean**2, 1.0))))

    def _spread_with(self, batch: Batch, rows: Framed) -> NDArray:
        """Return the mean square deviation of each feature in Q's rows and these."""
        if self.past.weight == 0.0 or self.frame is None:
            return rows.variance
        square = rows.variance + (rows.mean - self.frame.mean) ** 2
        share = self.past.weight / (self.past.weight + batch.weight)
        return square + share * (self.spread - square)

    def _reach_with(self, batch: Batch, mean: NDArray) -> NDArray:
        """Return the largest deviation of each feature in Q's rows and these."""
        ends = [batch.X.max(axis=0), batch.X.min(axis=0)]
        ends = [end.toarray().ravel() if sp.issparse(end) else end for end in ends]
        return np.max([self.reach, *(np.abs(end - mean) for end in ends)], axis=0)

    def _guess_past(self, past: Quadratic, objective: Framed) -> Quadratic:
        """Return Q for the rows of a fit: as the window's, but for what that is too short for.

        A window of m rows says little of n > m features: the smaller m / n, the more they are held
        by the curvature of uncorrelated ones, too.
        """
        point, m = objective.at(self.w), objective.rows.shape[0]
        n, n_rows = self.past.centre.shape
        K = self.n_classes

        def visit(X: Any, part: slice) -> tuple[NDArray, NDArray]:
            P = point.softmax(X, part)[0]
            Q = P * objective.shares(part)
            return Q.T @ P, Q.sum(axis=0)

        squares, mean = objective.rows.reduce(visit)
        # One row of the bound of Boehning (1992), which is never too small.
        bound = 0.5 * (np.eye(K) - 1.0 / K)
        between = (m * (np.diag(mean) - squares) + bound) / (m + 1.0)
        isotropic = self.curvature.isotropic(between[K - n_rows :, K - n_rows :], n)
        H = self.curvature.hessian(objective, point) + n / (m + n) * isotropic
        return replace(past, hessian=past.weight * H)

    def _forget_half(self) -> OnlineNewton:
        """Let the older half of the window be a part of Q."""
        (batch,) = self.solved
        half = len(batch) // 2
        assert self.frame is not None
        objective = self._objective(batch.part(slice(half)), self.frame)
        whole = self._objective(batch, self.frame)
        past = self.past if self.knows_past else self._guess_past(self.past, whole)
        point, S = objective.at(self.w), objective.total_weight
        older = batch.part(slice(half))
        spread = self._spread_with(older, self._objective(older))
        reach = self._reach_with(older, self.frame.mean)
        past = past.plus(
            S,
            self.frame.coordinates(objective, self.w),
            S * self.frame.push_forward(objective, point.gradient),
            S * self.curvature.hessian(objective, point),
        )
        return replace(
            self, past=past, spread=spread, reach=reach, solved=(batch.part(slice(half, None)),)
        )
