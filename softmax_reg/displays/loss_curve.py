"""The losses of one training, read from a fitted estimator, and what compares several of them.

The excess of a curve is its height above a reference: a known optimum, or the lowest value of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from softmax_reg._checks.shown import shown
from softmax_reg.displays._estimators import fitted_model
from softmax_reg.displays._plotting import Floats, as_curve

__all__ = ["LossCurve", "excess", "numbered", "spans_decades"]

# From here on a linear scale hides how the curve ends: a hundredth is the width of a line.
_LOG_SPAN = 100.0
_STREAMS = {"online-newton"}  # what `partial_fit` calls its method


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
    converged : bool, default=False
        Whether the last loss is the minimum, as far as the training can tell.
    unit : str, default="iteration"
        What there is a loss for: an iteration, or a batch of a stream, whose loss is that of the
        batch before it was learned.
    accuracy, validation_accuracy : ndarray of shape (n_iter + 1,), float64, default=None
        Share of the rows, in training and held out, whose class is the most probable.
    title : str, default=""
        What was trained, for a picture of this training alone.
    """

    name: str
    loss: Floats
    validation_loss: Floats | None = None
    best_iter: int | None = None
    converged: bool = False
    unit: str = "iteration"
    accuracy: Floats | None = None
    validation_accuracy: Floats | None = None
    title: str = ""

    @classmethod
    def from_estimator(cls, estimator: Any, name: str | None = None) -> Self:
        """Read the fitted attributes of an estimator.

        Parameters
        ----------
        estimator : object
            With the attribute `loss_curve_`, or a pipeline or a search whose model has it;
            `validation_loss_curve_`, `best_iter_`, `converged_` and `solver_` are read where
            present.
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
        model = fitted_model(estimator, "loss_curve_")
        kind, solver = type(model).__name__, str(getattr(model, "solver_", ""))
        best_iter = getattr(model, "best_iter_", None)
        validation = getattr(model, "validation_loss_curve_", None)
        return cls(
            name=str(solver or kind) if name is None else name,
            loss=as_curve(model.loss_curve_, "loss_curve_"),
            validation_loss=(
                None if validation is None else as_curve(validation, "validation_loss_curve_")
            ),
            best_iter=None if best_iter is None else int(best_iter),
            converged=bool(getattr(model, "converged_", False)),
            unit="batch"
            if isinstance(model.loss_curve_, list) and solver in _STREAMS
            else "iteration",
            title=f"{kind}, solver {solver}" if solver else kind,
        )

    @classmethod
    def from_logger(cls, logger: Any, name: str = "") -> Self:
        """Read the record of a `LossLogger`.

        Parameters
        ----------
        logger : LossLogger
            After a fit, or after some batches.
        name : str, default=""

        Returns
        -------
        curve : LossCurve

        Raises
        ------
        ValueError
            If it has recorded nothing.
        """
        frame = logger.to_frame()
        if not len(frame):
            raise ValueError("the logger has recorded nothing: give it to a model, and call fit")
        optional = ("validation_loss", "accuracy", "validation_accuracy")
        more: dict[str, Any] = {k: as_curve(frame[k], k) for k in optional if k in frame}
        unit = "iteration" if frame["iteration"].iloc[0] == 0 else "batch"
        return cls(name=name, loss=as_curve(frame["loss"], "loss"), unit=unit, **more)


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
    """Return whether values differ so much that a logarithmic axis shows them better."""
    return positive.size > 0 and bool(positive.max() >= _LOG_SPAN * positive.min())
