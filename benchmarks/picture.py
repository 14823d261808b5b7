"""The picture: seconds to an accuracy, one row per problem, one mark per contender, log scale."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import summary

_ACCURACIES = (1e-4, 1e-6)
# Okabe and Ito (2008): told apart by colour-blind readers; shapes tell them apart in grey.
_BLACK, _ORANGE, _SKY, _GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
_BLUE, _VERMILION, _PURPLE = "#0072B2", "#D55E00", "#CC79A7"
_STYLES = {
    "sklearn-lbfgs": ("o", _ORANGE),
    "sklearn-newton-cg": ("s", _SKY),
    "sklearn-newton-cholesky": ("D", _GREEN),
    "sklearn-saga": ("v", _VERMILION),
    "sklearnex-lbfgs": ("P", _PURPLE),
    "sklearnex-newton-cg": ("X", _BLUE),
    "mlp-lbfgs": ("<", _ORANGE),
    "mlp-adam": (">", _SKY),
    "torch-lbfgs": ("^", _GREEN),
}
_OTHER = ("h", _PURPLE)


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw the times to 1e-4 and 1e-6 side by side; hollow, in the grey band: not reached."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    tables = [summary.lines(runs, accuracy) for accuracy in _ACCURACIES]
    problems = [line.problem for line in tables[0]]
    figure = Figure(figsize=(11.0, 1.8 + 0.3 * len(problems)), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    times = [c.seconds for lines in tables for line in lines for c in _cells(line)]
    arrived = [t for t in times if np.isfinite(t)] or [1.0]
    for axes, lines, accuracy in zip(panels, tables, _ACCURACIES, strict=True):
        _panel(axes, lines, _Scale(min(arrived), max(arrived)))
        axes.set_title(f"to within {accuracy:.0e} of the optimum", fontsize=10)
        axes.set_xlabel("seconds, log scale")
    panels[0].set_yticks(range(len(problems)), problems, fontsize=8)
    panels[0].set_ylim(len(problems) - 0.4, -0.8)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=6, fontsize=8, frameon=False)
    figure.savefig(path, dpi=150)


def _cells(line: summary.Line) -> list[summary.Cell]:
    return [line.ours, line.default, *line.rivals.values()]


class _Scale:
    """Where times go, and where the band of what was not reached begins, ends and has its slots."""

    def __init__(self, shortest: float, longest: float) -> None:
        self.low, self.band = shortest / 1.5, longest * 1.4
        self.end = self.band * (self.band / self.low) ** 0.25

    def slot(self, number: int, count: int) -> float:
        """Return the place of a contender in the band, so that they do not hide each other."""
        share = (number + 0.7) / (count + 0.4)
        return float(self.band * (self.end / self.band) ** share)


def _panel(axes: Any, lines: list[summary.Line], scale: _Scale) -> None:
    axes.set_xscale("log")
    axes.axvspan(scale.band, scale.end, color="0.94", zorder=0)
    middle = np.sqrt(scale.band * scale.end)
    where = axes.get_xaxis_transform()
    axes.text(middle, 1.0, "not reached", transform=where, ha="center", va="bottom", fontsize=7)
    for row, line in enumerate(lines):
        axes.axhline(row, color="0.88", linewidth=0.7, zorder=0)
        ends = [line.ours.seconds, line.best_rival]
        if np.isfinite(ends).all():
            axes.plot(ends, [row, row], color="0.55", linewidth=1.2, zorder=1)
    names = list(lines[0].rivals)
    for number, name in enumerate(names, 2):
        marker, colour = _STYLES.get(name, _OTHER)
        cells = [line.rivals[name] for line in lines]
        _marks(axes, cells, scale.slot(number, len(names) + 2), marker, colour, name, 26)
    place = [scale.slot(number, len(names) + 2) for number in (0, 1)]
    ours, default = [line.ours for line in lines], [line.default for line in lines]
    _marks(axes, ours, place[0], "*", _BLACK, "ours (best setting)", 95)
    _marks(axes, default, place[1], "d", _BLACK, "ours (no argument)", 32)
    axes.set_xlim(scale.low, scale.end)
    axes.spines[["top", "right"]].set_visible(False)


def _marks(
    axes: Any,
    cells: Sequence[summary.Cell],
    missing: float,
    marker: Any,
    colour: str,
    label: str,
    size: float,
) -> None:
    """Draw a contender: full where it arrived, hollow in the band where it did not."""
    rows, seconds = np.arange(len(cells)), np.array([cell.seconds for cell in cells])
    reached = np.isfinite(seconds)
    # What a contender refuses, or was not tried on, is no failure to arrive.
    failed = ~reached & np.isfinite([cell.at_least for cell in cells])
    style = {"s": size, "marker": marker, "zorder": 4 if colour == _BLACK else 3}
    edge = {"edgecolors": _BLACK, "linewidths": 0.5}
    axes.scatter(seconds[reached], rows[reached], facecolors=colour, label=label, **edge, **style)
    edge = {"edgecolors": colour, "linewidths": 0.9}
    axes.scatter(np.full(failed.sum(), missing), rows[failed], facecolors="none", **edge, **style)
