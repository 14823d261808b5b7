"""The rows of the folds, and the choice among what their paths score.

The rule of one standard error takes the simplest model that is not clearly worse than the best:
the smallest C whose mean score is at least best - sd / sqrt(n_folds), where best is the largest
mean and sd the standard deviation over the folds at the C that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._shown import shown

__all__ = ["Fold", "Labelled", "check_classes", "choice", "chosen", "neg_log_loss"]

# The training rows of a fold are copied up to this size; above it the other rows get the weight 0,
# which costs time in proportion, but no memory.
_COPIED_BYTES = 64 << 20

Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


@dataclass(frozen=True)
class Labelled:
    """Rows with their labels, the codes of these, and their weights."""

    X: Any
    y: Any
    codes: NDArray[np.intp]
    weights: NDArray

    def training(self, rows: NDArray[np.intp]) -> Labelled:
        """Return what a fold is fitted to: some of the rows, or all, the others without weight."""
        n_bytes = getattr(self.X, "nbytes", None) or self.X.data.nbytes
        if n_bytes * len(rows) <= _COPIED_BYTES * len(self.codes):
            return Labelled(self.X[rows], self.y[rows], self.codes[rows], self.weights[rows])
        weights = np.bincount(rows, minlength=len(self.codes)) * self.weights
        return Labelled(self.X, self.y, self.codes, weights.astype(self.weights.dtype))


def neg_log_loss(model: Any, X: Any, y: Any, sample_weight: Any = None) -> float:
    """Return the score that scikit-learn calls "neg_log_loss", without its checks of every call.

    They take longer than a warm-started fit of small data.  A probability counts as at least eps,
    as there.
    """
    log_proba = model.predict_log_proba(X)
    own = log_proba[np.arange(len(y)), np.searchsorted(model.classes_, y)]
    clipped = np.maximum(own, np.log(np.finfo(own.dtype).eps))
    return float(np.average(clipped.astype(np.float64), weights=sample_weight))


def check_classes(
    folds: Sequence[Fold], classes: NDArray, codes: NDArray[np.intp], weights: NDArray
) -> None:
    """Raise ValueError if there is no fold, or one lacks a class to train on or a row to score."""
    if not folds:
        raise ValueError(
            "cv gave no folds: an iterator can be used once only. Give a splitter, or a list of "
            "pairs of training and test rows."
        )
    for number, (train, test) in enumerate(folds, 1):
        totals = np.bincount(codes[train], weights[train], len(classes))
        if not totals.all():
            missing = classes[np.flatnonzero(totals == 0.0)[0]]
            raise ValueError(
                f"Fold {number} of {len(folds)} has no training row, with a weight, of class "
                f"{shown(missing)}: its model could not know that class. Use stratified folds, "
                "fewer of them, or leave out classes that are too rare."
            )
        if not weights[test].any():
            raise ValueError(
                f"Fold {number} of {len(folds)} leaves no row out, with a weight, to be scored."
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
    coefs : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_rows, n_features + 1)
    l1_ratios : ndarray of shape (n_l1_ratios,)
    selection : {"best", "one_standard_error"} or None
        None lets each fold choose its best, and takes the means of C and l1_ratio too.
    """
    if selection is not None:
        i, j = chosen(scores, Cs, selection)
        return float(Cs[j]), float(l1_ratios[i]), coefs[:, i, j].mean(axis=0)
    best = [chosen(of_fold[np.newaxis], Cs, "best") for of_fold in scores]
    mean = np.mean([path[i, j] for path, (i, j) in zip(coefs, best, strict=True)], axis=0)
    C, l1_ratio = np.mean([Cs[j] for _, j in best]), np.mean([l1_ratios[i] for i, _ in best])
    return float(C), float(l1_ratio), mean


def standard_error(scores: NDArray) -> NDArray:
    """Return sd / sqrt(n_folds) of the scores; 0 for a single fold."""
    n_folds = len(scores)
    if n_folds == 1:
        return np.zeros(scores.shape[1:])
    return scores.std(axis=0, ddof=1) / np.sqrt(n_folds)
