"""What a run tells those who watch it, and what it asks of those who keep or remember something.

A callback is any callable; a method that it has besides says what else it wants to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.coefficients import coefficients
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point

P = TypeVar("P")

__all__ = ["Callback", "CheckpointCallback", "Progress", "StatefulCallback", "ask", "notify"]


@dataclass(frozen=True, repr=False)
class Progress:
    """What a callback is told of each point.

    Attributes
    ----------
    n_iter : int
        Iterations done; 0 is the starting point.
    max_iter : int
        Where the run ends at the latest.
    point : Point
        Its `w`, `value`, `gradient` and `optimality`, as the solver has them.
    tol : float
        The optimality at which the run ends: the caller's, or what rounding lets be seen; 0 where
        all iterations are wanted.
    seconds : float
        Since the run began.
    validation : Objective or None
        The loss on rows that are held out, if there are any.
    does_all : bool
        Whether the run is to do all `max_iter` iterations.
    """

    n_iter: int
    max_iter: int | None
    point: Point
    tol: float = 0.0
    seconds: float = 0.0
    validation: Objective | None = None
    does_all: bool = False

    unit: ClassVar[str] = "iteration"

    def __repr__(self) -> str:
        held_out = f", validation_loss={self.validation_loss:.6g}" if self.validation else ""
        return (
            f"{type(self).__name__}(n_iter={self.n_iter}, max_iter={self.max_iter}, "
            f"loss={self.loss:.6g}{held_out}, optimality={self.optimality:.2e}, "
            f"seconds={self.seconds:.3g})"
        )

    @property
    def loss(self) -> float:
        """F, with the penalty, as `loss_curve_` holds it."""
        return float(self.point.value)

    @property
    def optimality(self) -> float:
        """How far the point is from a minimiser, as `optimality_` tells of the last one."""
        return float(self.point.optimality)

    @property
    def n_read(self) -> int | None:
        """Rows read so far, each as often as it was."""
        return self.point.objective.data.rows.n_read

    @cached_property
    def _coefficients(self) -> tuple[NDArray, NDArray]:
        return coefficients(self.point.objective, self.point.w)

    @property
    def coef(self) -> NDArray:
        """The coefficients, as `coef_` would hold them; a copy."""
        return self._coefficients[0]

    @property
    def intercept(self) -> NDArray:
        """The intercepts, as `intercept_` would hold them; a copy."""
        return self._coefficients[1]

    @cached_property
    def accuracy(self) -> float:
        """Share of the training rows whose class is the most probable, weighted as the loss is.

        It costs a pass over the rows, unless their probabilities are at hand.
        """
        return self.point.objective.accuracy(self.point.w)

    @cached_property
    def validation_loss(self) -> float | None:
        """Mean loss on the held-out rows, without penalty; None if there are none."""
        if self.validation is None:
            return None
        loss = self.validation.loss(self.point.w)
        if not np.isfinite(loss):
            raise ValueError(
                f"The loss on the held-out rows is {loss} after iteration {self.n_iter}. "
                "Look for values in them that are far beyond those of the training rows."
            )
        return loss

    @cached_property
    def validation_accuracy(self) -> float | None:
        """The accuracy on the held-out rows; None if there are none."""
        return None if self.validation is None else self.validation.accuracy(self.point.w)


# True asks to stop, and nothing else does.  One with a method `before_iteration()` has it called
# each time the solver is about to look for another point, one with `conclude(reason)` why the run
# has ended, if no error ended it, and one with `finish()` once when the run ends, however it ends.
Callback = Callable[[Progress], object]


@runtime_checkable
class CheckpointCallback(Protocol):
    """A callback that keeps where the run stands, so that it can be resumed.

    It is handed `RunState.to_arrays()` and the last point whenever `is_due` is true after its call,
    and the run is not being stopped by a callback.
    """

    is_due: bool

    def keep(self, run: dict[str, NDArray], point: Point) -> None:
        """Keep the run."""


@runtime_checkable
class StatefulCallback(Protocol):
    """A callback that remembers something, which a resumed run gives back to it."""

    def get_state(self) -> dict[str, object]:
        """Return what it remembers: numbers, arrays and lists of them, dicts of these."""

    def set_state(self, state: dict[str, object]) -> None:
        """Remember what `get_state` returned."""


def ask(callbacks: Sequence[Callable[[P], object]], progress: P) -> list[Callable[[P], object]]:
    """Call all the callbacks, in their order; return those that ask to stop.

    Only True asks, of Python or of NumPy.  A callback may return anything else by the way, such as
    the number of characters from `file.write`.
    """
    answers = [callback(progress) for callback in callbacks]
    return [
        callback
        for callback, answer in zip(callbacks, answers, strict=True)
        if isinstance(answer, bool | np.bool_) and bool(answer)
    ]


def notify(callbacks: Sequence[object], event: str, *told: object) -> None:
    """Call the method of this name of each callback that has it."""
    for callback in callbacks:
        if hasattr(callback, event):
            getattr(callback, event)(*told)
