"""Held-out rows that are not of the kind of the training rows: mostly, not transformed as these.

The mean of each feature over them is compared with that of the training rows, in deviations of
these.  A mean of n rows of the same kind lies within 3 / sqrt(n) deviations; that much is allowed
on top, so that few rows, a season or one feature that drifts are not told of.
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.validation_set import TRANSFORM_TOO
from softmax_reg.objective.penalised_loss import PenalisedLoss

__all__ = ["warn_if_far"]

_ALLOWED = 3.0


def warn_if_far(
    training: PenalisedLoss, held_out: Dataset | None, names: NDArray | None, stacklevel: int
) -> None:
    """Warn if the features of the held-out rows are far from those of the training rows.

    Parameters
    ----------
    training : PenalisedLoss
        Over the training rows.
    held_out : Dataset or None
        None if there are no such rows.
    names : ndarray of shape (n_features,), dtype object, or None
        What to call the features.
    stacklevel : int
        Of the caller's caller.
    """
    if held_out is None or not training.fit_intercept:  # the mean is about zero then
        return

    # Of a stream some rows are at hand: no pass is made for a warning.
    sample = held_out.sample
    with np.errstate(all="ignore"):
        (total,) = held_out.reduce_some(sample, _weighted_sum)
        shift = np.abs(
            total / held_out.weights[sample].sum(dtype=np.float64) - training.mean
        ) / np.sqrt(training.variance)
    shift = np.where(training.is_constant | ~np.isfinite(shift), 0.0, shift)
    distance = float(np.sqrt(np.mean(shift**2)))
    if distance <= _ALLOWED + 3.0 / np.sqrt(len(sample)):
        return
    far = int(np.argmax(shift))
    name = far if names is None else shown(names[far])
    warnings.warn(
        f"X_val is not of the kind of X: the means of its features are {distance:.2g} deviations "
        f"of X away from those of X, in column {name} {shift[far]:.2g}. {TRANSFORM_TOO}",
        UserWarning,
        stacklevel=stacklevel + 1,
    )


def _weighted_sum(block: Block) -> tuple[NDArray]:
    return (np.asarray(block.weights.astype(np.float64, copy=False) @ block.X),)
