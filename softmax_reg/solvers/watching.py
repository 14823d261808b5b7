"""What a run tells those who watch it, and what it asks of those who keep or remember something.

A callback is any callable; a method that it has besides says what else it wants to be told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from softmax_reg._cached import cached_property
from softmax_reg.objective import Objective
from softmax_reg.points import Point

__all__ = ["Callback", "Keeper", "Progress", "Watcher", "ask", "notify"]


@dataclass(frozen=True)
class Progress:
    """What a callback is told of each point.

    Attributes
    ----------
    n_iter : int
        Iterations done; 0 is the starting point.
    max_iter : int
        Where the run ends at the latest.
    point : Point
        Its `w`, `value`, `gradient` and `optimality`.
    tol : float
        The optimality at which the run ends: the caller's, or what rounding lets be seen.
    seconds : float
        Since the run began.
    validation : Objective or None
        The loss on rows that are held out, if there are any.
    """

    n_iter: int
    max_iter: int
    point: Point
    tol: float = 0.0
    seconds: float = 0.0
    validation: Objective | None = None

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


# True asks to stop, and nothing else does.  One with a method `before_iteration()` has it called
# each time the solver is about to look for another point, one with `finish()` once when the run
# ends, however it ends.
Callback = Callable[[Progress], Any]


@runtime_checkable
class Keeper(Protocol):
    """A callback that keeps where the run stands, so that it can be resumed.

    It is handed `Run.to_arrays()` and the last point whenever `is_due` is true after its call, and
    the run is not being stopped by a callback.
    """

    is_due: bool

    def keep(self, run: dict[str, NDArray], point: Point) -> None:
        """Keep the run."""


@runtime_checkable
class Watcher(Protocol):
    """A callback that remembers something, which a resumed run gives back to it."""

    def get_state(self) -> dict[str, Any]:
        """Return what it remembers: numbers, arrays and lists of them, dicts of these."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Remember what `get_state` returned."""


def ask(callbacks: Sequence[Callable[[Any], Any]], progress: Any) -> bool:
    """Call all the callbacks, in their order; return whether one of them asks to stop.

    Only True asks, of Python or of NumPy.  A callback may return anything else by the way, such as
    the number of characters from `file.write`.
    """
    answers = [callback(progress) for callback in callbacks]
    return any(isinstance(answer, bool | np.bool_) and bool(answer) for answer in answers)


def notify(callbacks: Sequence[Any], event: str) -> None:
    """Call the method of this name of each callback that has it."""
    for callback in callbacks:
        if hasattr(callback, event):
            getattr(callback, event)()
