"""Write the tables and the picture of a results CSV: python -m benchmarks.report results.csv.

With --write they also go into README.md of this folder, between its markers.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import picture, summary
from benchmarks.results import ACCURACIES, read_header

HERE = Path(__file__).parent
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"
_IN_FULL = (1e-4, 1e-6)  # the other accuracies are folded away


def main(argv: list[str] | None = None) -> int:
    """Write summary.md and the picture beside the CSV."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("results", type=Path, nargs="?", default=HERE / "results" / "results.csv")
    parser.add_argument("--write", action="store_true", help="insert into benchmarks/README.md")
    options = parser.parse_args(argv)
    runs = summary.read_runs(options.results)
    if runs.empty:
        print("no results yet")
        return 1
    text = markdown(runs, read_header(options.results))
    image = options.results.with_name("time_to_accuracy.png")
    picture.draw(runs, image)
    options.results.with_name("summary.md").write_text(text, encoding="utf-8")
    print(_totals(runs))
    print(f"\nwritten: {image.name} and summary.md in {options.results.parent}")
    if options.write:
        shutil.copyfile(image, HERE / image.name)
        insert(HERE / "README.md", text)
    return 0


def insert(readme: Path, text: str) -> None:
    """Put text between the markers of a file."""
    content = readme.read_text(encoding="utf-8")
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        raise ValueError(f"{readme.name} must hold each of {BEGIN} and {END} once")
    before, rest = content.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def markdown(runs: pd.DataFrame, header: dict[str, str]) -> str:
    """Return the whole report."""
    loads = runs["load"]
    facts = [f"    {header.get('command', '')}", ""]
    facts += [f"- {key}: {value}" for key, value in header.items() if key != "command"]
    facts += [
        f"- load average during the runs: {loads.median():.1f} (median), {loads.max():.1f} (most)",
        f"- time limit of a fit: {_limit(runs):g} s; {len(runs)} fits",
    ]
    parts = [
        "\n".join(facts),
        "### Summary\n\n" + _totals(runs),
        "![Seconds to 1e-4 and 1e-6 on each problem](time_to_accuracy.png)",
    ]
    for accuracy in sorted(ACCURACIES, key=lambda a: (a not in _IN_FULL, -a)):
        table = _table(runs, accuracy)
        title = f"Seconds to within {accuracy:.0e} of the best value known"
        if accuracy in _IN_FULL:
            parts.append(f"### {title}\n\n{table}")
        else:
            parts.append(f"<details><summary>{title}</summary>\n\n{table}\n\n</details>")
    title = "The settings behind these times"
    table = _settings(runs)
    parts.append(f"<details><summary>{title}</summary>\n\n{table}\n\n</details>")
    parts.append("### Without any argument\n\n" + _frame(summary.defaults(runs)))
    checks = summary.checks(runs)
    if len(checks):
        parts.append("### Do the rivals reach the same optimum?\n\n" + _frame(checks))
    return "\n\n".join(parts) + "\n"


def _limit(runs: pd.DataFrame) -> float:
    return float(runs[runs["stage"] == "climb"]["limit"].max())


def _totals(runs: pd.DataFrame) -> str:
    """Return the geometric means of best rival / ours by group and accuracy."""
    rows = []
    for title, chosen in _GROUPS.items():
        row: dict[str, object] = {"problems": title}
        for accuracy in ACCURACIES:
            lines = [line for line in summary.lines(runs, accuracy) if chosen(line)]
            if not lines:
                break
            mean, sign = summary.geometric_mean(lines)
            # A bound that excludes 1 settles who was first as well as an exact ratio does.
            wins = sum(line.ratio[0] >= 1.0 and line.ratio[1] != "<" for line in lines)
            row[f"to {accuracy:.0e}"] = (
                f"{summary.ratio_text(mean, sign)} (first on {wins} of {len(lines)})"
            )
        else:
            rows.append(row)
    return (
        "Geometric mean of (seconds of the best setting of the best rival) / "
        "(seconds of our best setting):\n\n" + _frame(pd.DataFrame(rows))
    )


_GROUPS = {
    "real, raw": lambda line: line.group == "real",
    "bundled": lambda line: line.group == "bundled",
    "generated": lambda line: line.group == "generated",
    "all": lambda line: True,
}


def _table(runs: pd.DataFrame, accuracy: float) -> str:
    rows = []
    for line in summary.lines(runs, accuracy):
        fastest = line.best_rival
        row = {
            "problem": line.problem,
            "rows × features, classes": line.shape,
            "ours": f"**{line.ours.text}**" if line.ours.reached else line.ours.text,
            "ours, default": line.default.text,
        }
        for name, found in line.rivals.items():
            is_best = found.reached and found.seconds == fastest
            row[name] = f"**{found.text}**" if is_best else found.text
        row["best rival / ours"] = summary.ratio_text(*line.ratio)
        rows.append(row)
    note = (
        "“ours” and the rivals at their best setting and thread count; “> 9 (4e-2)”: not reached "
        "in fits of up to 9 s, where the limit, or rivals ten times as fast, ended its climb 4e-2 "
        "above the best value; “stops at”: it ended "
        "by itself above the accuracy, at its tightest tolerance."
    )
    return f"{_frame(pd.DataFrame(rows))}\n\n{note}"


def _settings(runs: pd.DataFrame) -> str:
    """Return which settings were the fastest."""
    rows = []
    for accuracy in _IN_FULL:
        for line in summary.lines(runs, accuracy):
            best = min(line.rivals.items(), key=lambda item: item[1].seconds, default=None)
            arrived = best is not None and best[1].reached
            rows.append(
                {
                    "problem": line.problem,
                    "within": f"{accuracy:.0e}",
                    "ours": line.ours.setting or "–",
                    "best rival": f"{best[0]}: {best[1].setting}" if best and arrived else "–",
                }
            )
    return _frame(pd.DataFrame(rows))


def _frame(frame: pd.DataFrame) -> str:
    """Return a data frame as a Markdown table."""
    frame = frame.replace({np.nan: "–"}).astype(str)
    head = "| " + " | ".join(frame.columns) + " |"
    rule = "|" + "|".join([" --- "] + [" ---: "] * (frame.shape[1] - 1)) + "|"
    body = ["| " + " | ".join(row) + " |" for row in frame.to_numpy()]
    return "\n".join([head, rule, *body])


if __name__ == "__main__":
    sys.exit(main())
