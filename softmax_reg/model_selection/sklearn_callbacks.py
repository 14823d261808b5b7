"""A cross-validation in the terms of scikit-learn's callbacks.

In the task of the fit there is one for each path, fold by fold, and in it one for each C that is
fitted and scored; then one for the fit to all rows, with one for each iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from numpy.typing import NDArray

from softmax_reg.callbacks.sklearn_callbacks import FitTasks, whole_fit

__all__ = ["PathTasks", "SearchTasks"]

Attributes = Mapping[str, Any]


class PathTasks:
    """The tasks of one path; they go with it to the process that follows it.

    Parameters
    ----------
    estimator : estimator or None, default=None
    task : CallbackContext or None, default=None
        Without, nobody is told.
    """

    def __init__(self, estimator: Any = None, task: Any = None) -> None:
        self._estimator, self._task = estimator, task
        self._fit: Any = None  # the task under way
        self._given: dict[str, Any] = {}

    def begin(
        self, X: Callable[[], Any], y: Callable[[], Any], metadata: Attributes | None
    ) -> None:
        """Begin the task of the path, over training rows that are taken only if asked for."""
        self._given = {"estimator": self._estimator, "X": X, "y": y, "metadata": metadata}
        if self._task is not None:
            self._task.call_on_fit_task_begin(**self._given)

    def begin_fit(self, attributes: Attributes | None) -> None:
        """Begin the task of the next C; the attributes are those of the fit before."""
        if self._task is not None:
            self._fit = self._task.subcontext(task_name="C")
            self._fit.call_on_fit_task_begin(**self._given, reconstruction_attributes=attributes)

    def end_fit(self, attributes: Attributes) -> bool:
        """End the task of this C; return whether to end the path."""
        if self._task is None:
            return False
        return self._fit.call_on_fit_task_end(**self._given, reconstruction_attributes=attributes)

    def end(self) -> None:
        """End the task of the path."""
        if self._task is not None:
            self._task.call_on_fit_task_end(**self._given)


class SearchTasks:
    """The task of a cross-validation, with those of its paths and of the fit to all rows.

    Parameters
    ----------
    estimator : SoftmaxRegressionCV
    shape : tuple of int
        Numbers of folds, of l1_ratios and of Cs.
    X, y : array-like
        As the user gave them.
    sample_weight : array-like or None

    Attributes
    ----------
    paths : list of PathTasks
        All made beforehand: paths may be followed by other processes.
    """

    def __init__(
        self, estimator: Any, shape: tuple[int, int, int], X: Any, y: Any, sample_weight: Any
    ) -> None:
        n_paths, n_Cs = shape[0] * shape[1], shape[2]
        self._estimator, self._n_paths = estimator, n_paths
        self._over_all_rows = partial(FitTasks, X=X, y=y, sample_weight=sample_weight)
        self._root = whole_fit(estimator, n_paths + bool(estimator.refit), in_sequence=False)
        self._open = [self._over_all_rows(self._root, estimator, lambda w: {})]
        self._is_watched = self._open[0].is_watched
        self.paths = [PathTasks()] * n_paths
        if self._is_watched:
            self.paths = [PathTasks(estimator, self._part("path", i, n_Cs)) for i in range(n_paths)]

    def _part(self, name: str, number: int, n_subtasks: int) -> Any:
        return self._root.subcontext(task_name=name, task_id=number, max_subtasks=n_subtasks)

    def of_refit(self, attributes: Callable[[NDArray], dict[str, Any]]) -> list[FitTasks]:
        """Begin the task of the fit to all rows; return what has to be told of its iterations."""
        if not self._is_watched:
            return []
        task = self._part("refit", self._n_paths, self._estimator.max_iter)
        self._open.append(self._over_all_rows(task, self._estimator, attributes))
        return self._open[1:]

    def end(self) -> None:
        """End what is under way; the estimator is fitted."""
        for task in reversed(self._open):
            task.end()
