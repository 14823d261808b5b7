"""From the flat w to the coefficients of all classes and features, as users see them, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.left_out import as_start, expanded
from softmax_reg.objective.penalised_loss import PenalisedLoss

__all__ = ["as_given", "coefficients", "flat", "without_constants"]


def without_constants(loss: PenalisedLoss, w: NDArray) -> NDArray:
    """Return the same scores with what constant columns add to them in the intercept."""
    if not loss.fit_intercept:
        return w
    W, b = (part.copy() for part in loss.unpack(w))
    constant = loss.is_constant
    b += (loss.mean[constant] @ W[constant]).astype(b.dtype)
    W[constant] = 0.0
    return loss.pack(W, b)


def coefficients(loss: PenalisedLoss, w: NDArray) -> tuple[NDArray, NDArray]:
    """Return `coef_` and `intercept_` at w, of all classes, in the dtype of X.

    They are zero for constant features.
    """
    data = loss.data
    W, b = loss.unpack(as_given(loss, without_constants(loss, w)))
    intercept = b.copy() if loss.fit_intercept else np.zeros(len(W.T), W.dtype)
    if data.n_classes < len(data.classes):
        return expanded(W.T, intercept, data.present, len(data.classes))
    return np.ascontiguousarray(W.T), intercept


def as_given(loss: PenalisedLoss, w: NDArray) -> NDArray:
    """Return w in the dtype of X, which may have fewer digits than F is computed with."""
    return w.astype(loss.data.rows.origin.dtype, copy=False)


def flat(loss: PenalisedLoss, coef: NDArray, intercept: NDArray) -> NDArray:
    """Return the w that has these coefficients, those of `coefficients`."""
    coef, intercept = as_start(coef, intercept)
    if loss.data.n_classes < len(loss.data.classes):
        coef, intercept = coef[loss.data.present], intercept[loss.data.present]
    return loss.pack(np.ascontiguousarray(coef.T), intercept)
