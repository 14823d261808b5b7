"""The rows of the folds, and the choice among what their paths score.

The rule of one standard error takes the simplest model that is not clearly worse than the best:
the smallest C whose mean score is at least best - sd / sqrt(n_folds), where best is the largest
mean and sd the standard deviation over the folds at the C that has it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.left_out import averaged
from softmax_reg.dataset.rows import Rows
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.user_rows import batches_for
from softmax_reg.dataset.weights import check_present

__all__ = [
    "Fold",
    "check_classes",
    "choice",
    "chosen",
    "features_of",
    "neg_log_loss",
    "training_rows",
]

# The training rows of a fold are copied up to this size; above it the other rows get the weight 0,
# which costs time in proportion, but no memory.
_COPIED_BYTES = 64 << 20

# A warning names so many folds.
_TOLD = 10

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def training_rows(data: Dataset, rows: NDArray[np.intp]) -> Dataset:
    """Return what a fold is fitted to: some of the rows, or all, the others without weight."""
    if _are_copied(data, rows):
        return data.copied(rows)
    return data.counted(np.bincount(rows, minlength=len(data.codes)))


def _are_copied(data: Dataset, rows: NDArray[np.intp]) -> bool:
    if data.rows.is_stream:
        return False
    n_bytes = getattr(data.X, "nbytes", None) or data.X.data.nbytes
    return bool(n_bytes * len(rows) <= _COPIED_BYTES * len(data.codes))


def features_of(data: Dataset, rows: NDArray[np.intp]) -> Any:
    """Return X of some rows, sorted: a copy, or of a source another one."""
    return RowsOfSource(data.X, rows) if data.rows.is_stream else data.X[rows]


class RowsOfSource(BatchSource):
    """Some of the rows of a source, in its order.

    Parameters
    ----------
    rows : Rows
    numbers : ndarray of int
        Sorted.
    """

    makes_new_arrays = True

    def __init__(self, rows: Rows, numbers: NDArray[np.intp]) -> None:
        self._rows, self._numbers = rows, numbers
        self.shape = len(numbers), rows.shape[1]

    def __iter__(self) -> Iterator[Any]:
        with closing(self._rows.batches()) as batches:
            for start, X in batches:
                first, last = np.searchsorted(self._numbers, (start, start + X.shape[0]))
                if last > first:
                    yield X[self._numbers[first:last] - start], None


def neg_log_loss(model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Return the score that scikit-learn calls "neg_log_loss", without its checks of every call.

    They take longer than a warm-started fit of small data.  A probability counts as at least eps,
    as there.  Of a source no more is kept than a number for each row.
    """
    places, parts, n_done = np.searchsorted(model.classes_, y), [], 0
    for rows, _, _ in batches_for(model, X) if isinstance(X, BatchSource) else [(X, None, None)]:
        log_proba = model.predict_log_proba(rows)
        n = len(log_proba)
        parts.append(log_proba[np.arange(n), places[n_done : n_done + n]])
        n_done += n
    own = np.concatenate(parts)
    clipped = np.maximum(own, np.log(np.finfo(own.dtype).eps))
    return float(np.average(clipped.astype(np.float64), weights=sample_weight))


def check_classes(folds: Sequence[Fold], data: Dataset, stacklevel: int) -> None:
    """Warn of folds that do not train on all the classes.

    Raises
    ------
    ValueError
        If there is no fold, or one lacks a row to score, or has but one class to train on.
    """
    if not folds:
        raise ValueError(
            "cv gave no folds: an iterator can be used once only. Give a splitter, or a list of "
            "pairs of training and test rows."
        )
    classes, weights, told = data.classes, data.weights, []
    for number, (train, test) in enumerate(folds, 1):
        present = np.flatnonzero(data.given[train].totals(weights[train]))
        check_present(present, classes, f"In the training rows of fold {number} of {len(folds)}: ")
        missing = classes[np.setdiff1d(data.present, present)].tolist()
        if missing:
            told.append(f"fold {number} none of {', '.join(map(repr, missing))}")
        if not weights[test].any():
            raise ValueError(
                f"Fold {number} of {len(folds)} leaves no row out, with a weight, to be scored."
            )
    if told:
        more = f"; {len(told) - _TOLD} folds more" if len(told) > _TOLD else ""
        warnings.warn(
            f"Of {len(folds)} folds some have no training row, with a weight, of a class: "
            f"{'; '.join(told[:_TOLD])}{more}. The models of these folds give that class the "
            "probability 0. Use stratified folds, fewer of them, or leave out classes that are "
            "too rare.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def chosen(scores: NDArray, Cs: NDArray, selection: str) -> tuple[int, int]:
    """Return the positions of the chosen l1_ratio and C.

    Parameters
    ----------
    scores : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        NaN where there is none: what not all folds score is not chosen.
    Cs : ndarray of shape (n_Cs,)
    selection : {"best", "one_standard_error"}
        Of several best, the first C in the order given counts, and its first l1_ratio.
    """
    means = scores.mean(axis=0)
    at_C, at_l1_ratio = np.unravel_index(int(np.nanargmax(means.T)), means.T.shape)
    if selection == "one_standard_error":
        error = standard_error(scores)[at_l1_ratio, at_C]
        near = np.flatnonzero(means[at_l1_ratio] >= means[at_l1_ratio, at_C] - error)
        at_C = near[np.argmin(Cs[near])]
    return int(at_l1_ratio), int(at_C)


def choice(
    scores: NDArray, coefs: NDArray, Cs: NDArray, l1_ratios: NDArray, selection: str | None
) -> tuple[float, float, NDArray]:
    """Return C, l1_ratio and the mean over the folds of the coefficients there.

    Parameters
    ----------
    scores, Cs
        As for `chosen`.
    coefs : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_outputs, n_features + 1)
    l1_ratios : ndarray of shape (n_l1_ratios,)
    selection : {"best", "one_standard_error"} or None
        None lets each fold choose its best, and takes the means of C and l1_ratio too.
    """
    if selection is not None:
        i, j = chosen(scores, Cs, selection)
        return float(Cs[j]), float(l1_ratios[i]), averaged(coefs[:, i, j])
    best = [chosen(of_fold[np.newaxis], Cs, "best") for of_fold in scores]
    mean = averaged(np.stack([path[i, j] for path, (i, j) in zip(coefs, best, strict=True)]))
    C, l1_ratio = np.mean([Cs[j] for _, j in best]), np.mean([l1_ratios[i] for i, _ in best])
    return float(C), float(l1_ratio), mean


def standard_error(scores: NDArray) -> NDArray:
    """Return sd / sqrt(n_folds) of the scores; 0 for a single fold."""
    n_folds = len(scores)
    if n_folds == 1:
        return np.zeros(scores.shape[1:])
    return scores.std(axis=0, ddof=1) / np.sqrt(n_folds)
