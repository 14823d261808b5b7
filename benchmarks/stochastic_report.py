"""Tables and picture of benchmarks.stochastic, from its lines."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import describe
from benchmarks.stochastic_settings import BUDGET, OURS

_NEAR = 0.01  # of the optimal objective
# Told apart by dash and marker in grey, by colour (Okabe and Ito, 2008) elsewhere.
_STYLES = {
    "sgd": ("#000000", "-", "o"),
    "svrg": ("#000000", "--", "s"),
    "adam": ("#000000", ":", "^"),
    "SGDClassifier": ("#E69F00", "-", "v"),
    "MLPClassifier sgd": ("#56B4E9", "-", "<"),
    "MLPClassifier adam": ("#009E73", "-", ">"),
    "LogisticRegression saga": ("#D55E00", "-", "D"),
}
_FLOOR = 1e-4  # of the relative excess in the picture


def main(argv: list[str] | None = None) -> int:
    """Write tables and picture of one or more runs again, without a fit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stochastic_report")
    parser.add_argument("lines", nargs="+", type=Path, help="stochastic.csv of each run")
    parser.add_argument("--out", default=Path(__file__).parent, type=Path)
    options = parser.parse_args(argv)
    write(options.lines, options.out, describe())
    return 0


def write(lines: list[Path], folder: Path, machine: dict[str, str]) -> None:
    """Write stochastic.md and stochastic.png."""
    runs = with_excess(pd.concat([pd.read_csv(path, keep_default_na=False) for path in lines]))
    draw(runs, folder / "stochastic.png")
    text = markdown(runs, machine)
    (folder / "stochastic.md").write_text(text, encoding="utf-8")
    print(text)


def with_excess(runs: pd.DataFrame) -> pd.DataFrame:
    """Add the relative excess over the lowest objective that anyone found."""
    runs = runs.astype({"passes": float, "seconds": float, "objective": float})
    lowest = runs.groupby("problem")["objective"].transform("min")
    return runs.assign(excess=runs["objective"] / lowest - 1.0)


def reached(runs: pd.DataFrame, budget: float = BUDGET) -> pd.DataFrame:
    """Return the lowest excess within the budget: a row per problem, a column per contender."""
    within = runs[(runs["passes"] <= budget) & ~runs["kind"].isin(["optimum", "tried"])]
    columns = [within["contender"], within["kind"]]
    return within.pivot_table("excess", "problem", columns, aggfunc="min", sort=False)


def first_near(runs: pd.DataFrame, problem: str, solver: str) -> str:
    """Return passes and seconds of the first point of ours that is near the optimum."""
    curve = runs[(runs["problem"] == problem) & (runs["contender"] == solver)]
    near = curve[curve["excess"] <= _NEAR]
    if near.empty:
        return f"> {curve['passes'].max():.0f}"
    return f"{near['passes'].iloc[0]:.1f} ({near['seconds'].iloc[0]:.2f} s)"


def mean_ratio(ours: pd.Series, theirs: pd.Series) -> str:
    """Return the geometric mean of their excess over ours; both at least what is worth seeing."""
    both = pd.concat([ours, theirs], axis=1).dropna().clip(lower=_FLOOR, upper=1e6)
    if both.empty:
        return "–"
    return f"{np.exp(np.log(both.iloc[:, 1] / both.iloc[:, 0]).mean()):.3g}"


def markdown(runs: pd.DataFrame, machine: dict[str, str]) -> str:
    """Return the report."""
    table, problems = reached(runs), list(dict.fromkeys(runs["problem"]))
    text = [
        "# Stochastic methods: objective against passes and time",
        "",
        "Written by `python -m benchmarks.stochastic --write`; not edited by hand.  X as it is, "
        "C = 1; an excess is relative to the lowest objective found.  A pass of ours is every "
        "visit of all rows: batches, evaluations, moments, curvature (which costs more arithmetic "
        "than other visits: hence the seconds).  A pass of a rival is one of its epochs.",
        "",
        *(f"- {key}: {value}" for key, value in machine.items()),
        "",
        "![Objective against passes and time](stochastic.png)",
        "",
        f"## Passes and seconds of ours, at defaults, to within {_NEAR:.0%} of the optimum",
        "",
        _row(["problem", *OURS]),
        _row(["---"] * (len(OURS) + 1)),
        *(_row([p, *(first_near(runs, p, solver) for solver in OURS)]) for p in problems),
        "",
        f"## Excess within {BUDGET} passes",
        "",
        "`inf`: no finite objective.  Tuned: the best learning rate of a grid, chosen per problem "
        "by the objective after 8 passes; saga has none to choose.",
        "",
    ]
    columns = list(table.columns)
    text += [_row(["problem", *(_title(column) for column in columns)])]
    text += [_row(["---"] * (len(columns) + 1))]
    text += [_row([p, *(_number(table.loc[p, c]) for c in columns)]) for p in table.index]
    sgd = table[("sgd", "ours")]
    ratios = [mean_ratio(sgd, table[column]) for column in columns]
    text += [_row([f"ratio to sgd, geometric mean, excess at least {_FLOOR:g}", *ratios]), ""]
    return "\n".join(text)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _title(column: Any) -> str:
    name, kind = column
    return name if kind == "ours" else f"{name}, {kind}"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2g}"


def draw(runs: pd.DataFrame, path: Path) -> None:
    """Draw two panels for each problem: the excess against passes, and against seconds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    problems = list(dict.fromkeys(runs["problem"]))
    n_rows = -(-len(problems) // 2)
    figure = Figure(figsize=(13.0, 1.2 + 2.3 * n_rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(n_rows, 4, squeeze=False).reshape(-1, 2)
    for axes in panels[len(problems) :].ravel():
        axes.set_visible(False)
    for pair, problem in zip(panels, problems, strict=False):
        for axes, along in zip(pair, ("passes", "seconds"), strict=True):
            _panel(axes, runs[runs["problem"] == problem], along)
            axes.set_title(problem, fontsize=10)
            axes.set_xlabel("passes over the rows" if along == "passes" else "seconds, log scale")
        pair[0].set_ylabel("relative excess")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    figure.savefig(path, dpi=110)


def _panel(axes: Any, runs: pd.DataFrame, along: str) -> None:
    from matplotlib.ticker import NullFormatter

    for name, (colour, dash, marker) in _STYLES.items():
        for kind, width, face in (("ours", 1.8, colour), ("default", 1.0, "white"),
                                  ("tuned", 1.0, colour)):  # fmt: skip
            curve = runs[(runs["contender"] == name) & (runs["kind"] == kind)].sort_values("passes")
            if curve.empty:
                continue
            curve = curve[np.isfinite(curve["excess"])]
            label = name if kind == "ours" else f"{name}, {kind}"
            axes.plot(
                curve[along], curve["excess"].clip(_FLOOR, 1e3), color=colour, linewidth=width,
                linestyle="--" if kind == "default" else dash, marker=marker, markersize=4,
                markerfacecolor=face, label=label,
            )  # fmt: skip
    axes.axhline(_NEAR, color="0.6", linewidth=0.8, zorder=0)
    axes.set_yscale("log")
    axes.set_ylim(0.7 * _FLOOR, 1.5e3)
    if along == "passes":
        axes.set_xlim(0, BUDGET + 0.5)
    else:
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


if __name__ == "__main__":
    sys.exit(main())
