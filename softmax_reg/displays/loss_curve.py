"""The losses of one training, read from a fitted estimator, and what compares several of them.

The excess of a curve is its height above a reference: a known optimum, or the lowest value of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from softmax_reg._shown import shown
from softmax_reg.displays._plotting import Floats, as_curve

__all__ = ["LossCurve"]

# From here on a linear scale hides how the curve ends: a hundredth is the width of a line.
_LOG_SPAN = 100.0


@dataclass(frozen=True)
class LossCurve:
    """The losses of one training, as `LossCurveDisplay` draws them.

    Parameters
    ----------
    name : str
        Name in the legend.
    loss : ndarray of shape (n_iter + 1,), float64
        Penalised objective at the starting point and after each iteration, in nats per sample.
    validation_loss : ndarray of shape (n_iter + 1,), float64, default=None
        Loss on held-out rows.
    best_iter : int, default=None
        Index of the iterate that early stopping kept.
    """

    name: str
    loss: Floats
    validation_loss: Floats | None = None
    best_iter: int | None = None

    @classmethod
    def from_estimator(cls, estimator: Any, name: str | None = None) -> Self:
        """Read the fitted attributes of an estimator.

        Parameters
        ----------
        estimator : object
            With the attribute `loss_curve_`; `validation_loss_curve_`, `best_iter_` and `solver_`
            are read where present.
        name : str, default=None
            None takes `solver_`, or else the name of the class.

        Returns
        -------
        curve : LossCurve

        Raises
        ------
        AttributeError
            If the estimator is not fitted or records no loss.
        ValueError
            If a curve is empty or not one-dimensional.
        """
        kind = type(estimator).__name__
        if getattr(estimator, "loss_curve_", None) is None:
            raise AttributeError(
                f"this {kind} has no loss_curve_: call fit first; of a Pipeline, pass the last "
                "step, pipeline[-1]; of a search, its best_estimator_"
            )
        validation = getattr(estimator, "validation_loss_curve_", None)
        best_iter = getattr(estimator, "best_iter_", None)
        return cls(
            name=str(getattr(estimator, "solver_", kind)) if name is None else name,
            loss=as_curve(estimator.loss_curve_, "loss_curve_"),
            validation_loss=(
                None if validation is None else as_curve(validation, "validation_loss_curve_")
            ),
            best_iter=None if best_iter is None else int(best_iter),
        )


def numbered(names: list[str]) -> list[str]:
    """Return the names, those that repeat numbered: "sgd (1)", "sgd (2)"."""
    return [
        name if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})"
        for i, name in enumerate(names)
    ]


def excess(
    curves: Sequence[Floats | None], relative_to: float | str
) -> tuple[list[Floats | None], float]:
    """Return the curves minus the reference, and the reference; "best" is their lowest value."""
    if relative_to == "best":
        values = np.concatenate([np.empty(0), *(c for c in curves if c is not None)])
        reference = float(values[np.isfinite(values)].min(initial=np.inf))
        reference = reference if np.isfinite(reference) else 0.0
    elif isinstance(relative_to, str) or not np.isfinite(relative_to):
        raise ValueError(
            f'relative_to must be a finite number, "best" or None, got {shown(relative_to)}'
        )
    else:
        reference = float(relative_to)
    return [None if c is None else c - reference for c in curves], reference


def spans_decades(positive: Floats) -> bool:
    return positive.size > 0 and bool(positive.max() >= _LOG_SPAN * positive.min())
