"""The CSV of results: `# key: value` lines that describe the machine, then one line per fit."""

from __future__ import annotations

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

ACCURACIES = (1e-2, 1e-4, 1e-6, 1e-8)
# Stages of a problem's race; the last one marks a problem as complete.
REFERENCE, DEFAULTS, CLIMB, REFINE, REPEAT, DONE = (
    "reference",
    "default",
    "climb",
    "refine",
    "repeat",
    "done",
)


@dataclass
class Run:
    """One fit: what was fitted, by whom and how, and what came of it."""

    problem: str
    group: str
    n: int
    p: int
    classes: int
    sparse: bool
    contender: str
    kind: str
    threads: int
    stage: str
    effort: float
    tol: float | None
    max_iter: int | None
    status: str  # ok, timeout, error, refused
    seconds: float
    objective: float
    n_iter: int
    solver: str
    converged: bool | None
    warned: str
    detail: str
    load: float
    limit: float


class Results:
    """Appends runs to a CSV as they come; knows which problems are complete."""

    def __init__(self, path: Path, header: dict[str, str], resume: bool) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text().splitlines() if resume and path.exists() else []
        self.complete = _complete(lines)
        if lines:
            lines = _with_header(_without_unfinished(lines, self.complete), header)
            path.write_text("\n".join(lines) + "\n")
            return
        with path.open("w", newline="") as file:
            for key, value in header.items():
                file.write(f"# {key}: {value}\n")
            csv.writer(file).writerow(field.name for field in fields(Run))

    def append(self, run: Run) -> None:
        """Write one line, at once."""
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, [field.name for field in fields(Run)]).writerow(asdict(run))


def _complete(lines: list[str]) -> set[str]:
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return {row["problem"] for row in rows if row["stage"] == DONE}


def _without_unfinished(lines: list[str], complete: set[str]) -> list[str]:
    head = [line for line in lines if line.startswith("#")]
    rows = [line for line in lines if not line.startswith("#")]
    return head + rows[:1] + [row for row in rows[1:] if row.split(",", 1)[0] in complete]


def _with_header(lines: list[str], header: dict[str, str]) -> list[str]:
    """Return the lines under a header that names what differed from part to part of the run."""
    before = dict(line[2:].split(": ", 1) for line in lines if line.startswith("# "))
    parts = {key: before.get(key, header[key]).split("; then ") for key in header}
    for key, value in header.items():
        if parts[key][-1] != value:
            parts[key].append(value)
    head = [f"# {key}: {'; then '.join(values)}" for key, values in parts.items()]
    return head + [line for line in lines if not line.startswith("#")]


def read_header(path: Path) -> dict[str, str]:
    """Return the description of the machine."""
    lines = [line for line in path.read_text().splitlines() if line.startswith("# ")]
    return dict(line[2:].split(": ", 1) for line in lines)
