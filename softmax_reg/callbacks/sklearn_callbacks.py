"""A fit in the terms of scikit-learn's callbacks: one task, and in it one for each iteration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from numpy.typing import NDArray

from softmax_reg._compat import HAS_CALLBACKS
from softmax_reg.solvers.events import Progress

__all__ = ["FitTasks", "whole_fit"]


def whole_fit(estimator: Any, max_subtasks: int, in_sequence: bool = True) -> Any:
    """Return the task of a whole fit, in which others are to be; before 1.9 None."""
    if not HAS_CALLBACKS:
        return None
    return estimator._init_callback_context(
        max_subtasks=max_subtasks, sequential_subtasks=in_sequence
    )


class FitTasks:
    """The callbacks of `set_callbacks` as one callback of the loop.

    Parameters
    ----------
    task : CallbackContext or None
        Of what the iterations are part: as a rule of `whole_fit`.
    estimator : estimator with scikit-learn's CallbackSupportMixin, or before 1.9 without
    attributes : callable w -> dict
        The fitted attributes at w, by name; called only if a callback asks for an estimator.
    X, y : array-like
        As the user gave them: callbacks score with them.
    sample_weight : array-like or None
    """

    order: ClassVar[int] = 9

    def __init__(
        self,
        task: Any,
        estimator: Any,
        attributes: Callable[[NDArray], dict[str, Any]],
        X: Any,
        y: Any,
        sample_weight: Any,
    ) -> None:
        self._estimator, self._attributes = estimator, attributes
        self._now: Callable[[], dict[str, Any]] | None = None
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        self._given = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = task
        self._iteration: Any = None  # the task under way
        if task is not None:
            task.call_on_fit_task_begin(**self._given)

    @property
    def is_watched(self) -> bool:
        """Whether there is any callback to tell."""
        return hasattr(self._estimator, "_skl_callbacks") and self._fit is not None

    def __call__(self, progress: Progress) -> bool:
        """End the task of the iteration that led to this point; return whether to stop."""
        self._now = partial(self._attributes, progress.point.w)
        task, self._iteration = self._iteration, None
        if task is None:
            return False
        return task.call_on_fit_task_end(**self._given, reconstruction_attributes=self._now)

    def before_iteration(self) -> None:
        """Begin the task of the next iteration."""
        self._iteration = self._fit.subcontext(task_name="iteration")
        self._iteration.call_on_fit_task_begin(**self._given, reconstruction_attributes=self._now)

    def finish(self) -> None:
        """End, without a result, the task of an iteration that led to no point."""
        task, self._iteration = self._iteration, None
        if task is not None:
            task.call_on_fit_task_end(estimator=self._estimator)

    def end(self) -> None:
        """End the task that the iterations are part of; the estimator is fitted."""
        if self._fit is not None:
            self._fit.call_on_fit_task_end(**self._given, reconstruction_attributes={})
