"""The paths of the folds, one after another or several at a time, and what they score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import check_method_params, effective_n_jobs, in_parallel
from softmax_reg.callbacks.path_progress import PathPoint
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.model_selection.cross_validation import Fold, features_of, training_rows
from softmax_reg.model_selection.path_events import PathWatch
from softmax_reg.model_selection.path_fits import follow, objective_of
from softmax_reg.model_selection.sklearn_callbacks import PathTasks, SearchTasks
from softmax_reg.objective.coefficients import coefficients, flat, without_constants
from softmax_reg.streaming.fitted_rows import FitSummary

__all__ = ["FoldPath", "ScoredPaths", "fold_paths", "refitted", "score_paths"]


class ScoredStep(NamedTuple):
    """The optimum at one C, and its score on the rows that the fold leaves out."""

    step: PathPoint
    score: float


@dataclass(frozen=True)
class FoldPath:
    """What is needed to follow the path of one fold, be it in another process.

    Parameters
    ----------
    data : Dataset
    fold : tuple of two ndarrays
        Positions of the training and of the test rows.
    number : int
        Of the fold, from 1.
    l1_ratio : float
    Cs : ndarray of shape (n_Cs,)
        Rising.
    parameters : mapping
        Parameters of the fits, by name.
    model : estimator
        Predicts with the coefficients that it is given.
    scorer : callable (model, X, y, **score_params) -> float
    score_params : mapping
    tasks : PathTasks
    metadata : mapping or None
        What the user gave for the training rows besides X and y.
    """

    data: Dataset
    fold: Fold
    number: int
    l1_ratio: float
    Cs: NDArray
    parameters: dict[str, Any]
    model: Any
    scorer: Any
    score_params: Mapping[str, Any]
    tasks: PathTasks
    metadata: Mapping[str, Any] | None

    def follow(self, watch: Callable[[int, ScoredStep], bool] | None = None) -> list[ScoredStep]:
        """Return each point of the path with its score, to the end or where it is stopped.

        Raises
        ------
        ValueError
            If a score is not finite.
        """
        data, (train, test), model = self.data, self.fold, copy(self.model)  # it may be a thread
        X_test, y_test = features_of(data, test), data.classes[data.codes[test]]
        objective = objective_of(training_rows(data, train), self.l1_ratio, self.parameters)
        steps, found, attributes = follow(objective, self.Cs, self.parameters), [], None
        self.tasks.begin(
            lambda: features_of(data, train),
            lambda: data.classes[data.codes[train]],
            self.metadata,
        )
        for number in range(1, len(self.Cs) + 1):
            self.tasks.begin_fit(attributes)
            step = next(steps)
            if step.stopped == "interrupt":
                raise KeyboardInterrupt
            model.coef_, model.intercept_ = step.coef, step.intercept
            score = float(self.scorer(model, X_test, y_test, **self.score_params))
            if not np.isfinite(score):
                raise ValueError(
                    f"The score of fold {self.number} at C={step.C:.4g} is {score}: nothing can "
                    "be chosen by it. Use another scoring or other folds."
                )
            found.append(ScoredStep(step, score))
            # The rows that come with them have no names of columns.
            attributes = {
                "classes_": model.classes_,
                "coef_": step.coef,
                "intercept_": step.intercept,
                "feature_names_in_": None,
            }
            asked = self.tasks.end_fit(attributes)
            if watch is not None:
                asked |= watch(number, found[-1])
            if asked:
                break
        self.tasks.end()
        return found


def fold_paths(
    data: Dataset,
    folds: Sequence[Fold],
    l1_ratios: NDArray,
    scoring: Mapping[str, Any],
    sample_weight: Any,
    tasks: SearchTasks,
    **common: Any,
) -> list[FoldPath]:
    """Return what is to be followed, fold by fold.

    Parameters
    ----------
    data : Dataset
    folds : sequence of pairs of ndarrays
    l1_ratios : ndarray of shape (n_l1_ratios,)
    scoring : mapping
        What the scorer gets, for all rows.
    sample_weight : array-like or None
        As the user gave it.
    tasks : SearchTasks
    **common
        What is the same for all paths.
    """
    given = {} if sample_weight is None else {"sample_weight": sample_weight}
    places = product(enumerate(folds, 1), l1_ratios.tolist())
    return [
        FoldPath(
            *(data, fold, number, l1_ratio),
            score_params=check_method_params(data.X, scoring, indices=fold[1]),
            metadata=check_method_params(data.X, given, indices=fold[0]) or None,
            tasks=of_path,
            **common,
        )
        for ((number, fold), l1_ratio), of_path in zip(places, tasks.paths, strict=True)
    ]


class ScoredPaths(NamedTuple):
    """What the paths left, with a place for each fold, each l1_ratio and each C.

    Where a path was ended before, scores and coefficients are NaN and the iterations 0.
    """

    steps: list[PathPoint]
    scores: NDArray
    coefs: NDArray
    n_iter: NDArray

    @classmethod
    def of(
        cls,
        paths: Sequence[Sequence[ScoredStep]],
        shape: tuple[int, int, int],
        order: NDArray,
    ) -> ScoredPaths:
        """Put the points of the paths in their places; `order` are those of the rising Cs."""
        steps = [step for path in paths for step, _ in path]
        rows = [np.column_stack([step.coef, step.intercept]) for step in steps]
        places = [(number, at) for number, path in enumerate(paths) for at in order[: len(path)]]
        at = tuple(np.transpose(places))
        n_paths, n_Cs = len(paths), shape[-1]
        coefs = np.full((n_paths, n_Cs, *rows[0].shape), np.nan, rows[0].dtype)
        scores, n_iter = np.full((n_paths, n_Cs), np.nan), np.zeros((n_paths, n_Cs), np.int32)
        coefs[at] = rows
        scores[at] = [score for path in paths for _, score in path]
        n_iter[at] = [step.n_iter for step in steps]
        coefs = coefs.reshape(shape + coefs.shape[2:])
        return cls(steps, scores.reshape(shape), coefs, n_iter.reshape(shape))


def score_paths(
    paths: Sequence[FoldPath], n_jobs: int | None, watch: PathWatch
) -> list[list[ScoredStep]]:
    """Follow the paths, and tell of them in their order.

    A single job tells of each fit when it is done, several of the fits of a path when all of them
    are: what watches stays in this process, and a path ends at the same C for any `n_jobs`.
    """
    told = [partial(_tell, watch, path, i * len(path.Cs)) for i, path in enumerate(paths)]
    if effective_n_jobs(n_jobs) == 1:
        return [path.follow(tell) for path, tell in zip(paths, told, strict=True)]
    running = in_parallel(FoldPath.follow, paths, n_jobs)
    try:
        return [
            _until_asked(path, partial(tell, n_ready=len(path)))
            for tell, path in zip(told, running, strict=True)
        ]
    except BaseException as error:
        running.throw(error)  # ends what still runs
        raise


def _tell(
    watch: PathWatch,
    path: FoldPath,
    n_before: int,
    number: int,
    found: ScoredStep,
    n_ready: int = 0,
) -> bool:
    return watch(
        found.step,
        number=number,
        n_done=n_before + max(number, n_ready),
        l1_ratio=path.l1_ratio,
        fold=path.number,
        score=found.score,
    )


def _until_asked(
    path: Iterable[ScoredStep], tell: Callable[[int, ScoredStep], bool]
) -> list[ScoredStep]:
    """Tell of the points of a path that is done; return those up to where it was to end."""
    kept = []
    for number, found in enumerate(path, 1):
        kept.append(found)
        if tell(number, found):
            break
    return kept


def refitted(
    data: Dataset,
    C: float,
    l1_ratio: float,
    start: tuple[NDArray, NDArray],
    parameters: dict[str, Any],
    tasks: SearchTasks,
) -> tuple[PathPoint, FitSummary]:
    """Return the fit to all rows, from coefficients and intercepts to start at, and the rows."""
    objective = objective_of(data, l1_ratio, parameters)
    w = flat(objective, *start)

    def attributes(w: NDArray) -> dict[str, Any]:
        return dict(zip(("coef_", "intercept_"), coefficients(objective, w), strict=True))

    watching, at = tasks.of_refit(attributes), without_constants(objective, w)
    (step,) = follow(objective, np.array([C]), parameters, at, watching)
    return step, FitSummary.of(objective)
