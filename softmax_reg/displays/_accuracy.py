"""The accuracies of a training in a panel of their own, below that of its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from softmax_reg.displays._plotting import axes_for
from softmax_reg.displays.loss_curve import LossCurve

__all__ = ["draw_accuracies", "panels"]


def panels(ax: Any, has_accuracies: bool) -> tuple[Any, Any]:
    """Return the axes for the losses, and those for the accuracies or None."""
    given = None if ax is None else np.ravel(ax).tolist()
    if given is not None:
        return given[0], given[1] if has_accuracies and len(given) > 1 else None
    if not has_accuracies:
        return axes_for(None), None
    import matplotlib.pyplot as plt

    _, (top, bottom) = plt.subplots(
        2, sharex=True, layout="constrained", figsize=(6.4, 6.4), height_ratios=(3, 2)
    )
    return top, bottom


def draw_accuracies(ax: Any, curves: Sequence[LossCurve], lines: Sequence[Any]) -> None:
    """Draw the accuracies of the curves that have them, in the colours of their losses."""
    for curve, line in zip(curves, lines, strict=True):
        x = line.get_xdata()
        if curve.accuracy is not None:
            ax.plot(x, curve.accuracy, color=line.get_color(), linewidth=1.6)
        if curve.validation_accuracy is not None:
            ax.plot(x, curve.validation_accuracy, color=line.get_color(), linestyle="--")
    ax.set(ylabel="Accuracy", xlabel=lines[0].axes.get_xlabel())
    ax.set_ylim(top=1.02)
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    if ax.get_subplotspec() is not None and len(ax.get_shared_x_axes().get_siblings(ax)) > 1:
        lines[0].axes.set_xlabel("")  # that of the panel below serves both
