"""From runs to times: the time to an accuracy, for every contender on every problem.

The gap of a run is (F - F*) / F*, F* the lowest objective of all runs on its problem.  The time of
a setting is the median over its runs, and it reaches an accuracy if all of them do; the time of a
contender is that of its fastest setting and thread count that reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.contenders import DEFAULT, OURS, RIVAL
from benchmarks.results import ACCURACIES, DEFAULTS, DONE, REFERENCE

# A rival that says it converged and is farther than this above the optimum is shown as such.
CHECKED_TO = 1e-4


def read_runs(path: Path) -> pd.DataFrame:
    """Return the runs of a CSV, each with its gap."""
    runs = pd.read_csv(path, comment="#", keep_default_na=True)
    runs = runs[runs["stage"] != DONE].copy()
    for column in ("warned", "detail", "solver", "contender"):
        runs[column] = runs[column].fillna("").astype(str)
    runs["converged"] = runs["converged"].astype(str) == "True"
    best = runs.groupby("problem")["objective"].transform("min")
    runs["gap"] = (runs["objective"] - best) / best.abs()
    return runs


@dataclass(frozen=True)
class Cell:
    """A contender on a problem: seconds to an accuracy, or what came of it instead.

    `at_least` is how long it goes on at least without reaching it: to where the limit ended it,
    or to the limit itself if it ended before, elsewhere; infinite if it was never tried.
    """

    seconds: float = np.inf
    at_least: float = np.inf
    text: str = "–"
    setting: str = ""

    @property
    def reached(self) -> bool:
        """Whether the accuracy was reached."""
        return np.isfinite(self.seconds)


def cell(runs: pd.DataFrame, accuracy: float) -> Cell:
    """Return the cell of the runs of one contender on one problem."""
    if runs.empty:
        return Cell()
    fits = runs[runs["status"] == "ok"]
    settings = fits.groupby(["threads", "effort"]).agg(
        seconds=("seconds", "median"),
        gap=("gap", "max"),
        tol=("tol", "first"),
        max_iter=("max_iter", "first"),
    )
    reached = settings[settings["gap"] <= accuracy]
    if not reached.empty:
        fastest = reached["seconds"].idxmin()
        row = reached.loc[fastest]
        setting = f"tol={row['tol']:.0e}, max_iter={row['max_iter']:.0f}"
        setting += f", threads={fastest[0] or 'all'}"
        return Cell(row["seconds"], text=_seconds(row["seconds"]), setting=setting)
    return _failure(runs, fits)


def _failure(runs: pd.DataFrame, fits: pd.DataFrame) -> Cell:
    """Say why an accuracy was not reached."""
    if (runs["status"] == "refused").all():
        return Cell(text=runs["detail"].iloc[0])
    limit = runs["limit"].max()
    finite = fits[np.isfinite(fits["gap"])]
    if finite.empty:
        if (runs["status"] == "timeout").any():
            longest = runs["seconds"].max()
            return Cell(at_least=longest, text=f"> {_seconds(longest)}")
        errors = runs[runs["status"] == "error"]["detail"]
        text = f"fails: {errors.iloc[0][:60]}" if len(errors) else "not finite"
        return Cell(at_least=limit, text=text)
    gap = _gap(finite["gap"].min())
    last = finite.loc[finite["effort"].idxmax()]
    as_is = np.isnan(last["max_iter"])
    by_itself = as_is or (last["tol"] <= 1e-10 and last["n_iter"] < last["max_iter"])
    if by_itself and not (runs["status"] == "timeout").any():
        return Cell(at_least=limit, text=f"stops at {gap}")
    longest = runs["seconds"].max()
    return Cell(at_least=longest, text=f"> {_seconds(longest)} ({gap})")


@dataclass(frozen=True)
class Line:
    """A problem in the table of an accuracy."""

    problem: str
    group: str
    shape: str
    ours: Cell
    default: Cell
    rivals: dict[str, Cell]

    @property
    def best_rival(self) -> float:
        """Seconds of the fastest rival; where none arrived, the least it would have taken."""
        return min((c.seconds for c in self.rivals.values()), default=np.inf)

    @property
    def ratio(self) -> tuple[float, str]:
        """Return best rival / ours, and "" if it is exact, ">" or "<" if it is a bound.

        The time of the side that did not arrive is then only known to be more than `at_least`.
        """
        seconds, sign = self.best_rival, ""
        if not np.isfinite(seconds):
            seconds = min((c.at_least for c in self.rivals.values()), default=np.inf)
            sign = ">"
        if self.ours.reached:
            return (seconds / self.ours.seconds, sign) if np.isfinite(seconds) else (np.inf, ">")
        if sign or not np.isfinite(self.ours.at_least):
            return np.nan, ""
        return seconds / self.ours.at_least, "<"


def lines(runs: pd.DataFrame, accuracy: float) -> list[Line]:
    """Return a line for every problem, in the order of the runs."""
    rivals = runs[runs["kind"] == RIVAL]["contender"].unique()
    timed = runs[runs["stage"] != REFERENCE]
    found = []
    for problem, here in timed.groupby("problem", sort=False):
        first = here.iloc[0]
        kind = ", sparse" if first["sparse"] else ""
        shape = f"{first['n']} × {first['p']}, {first['classes']}{kind}"
        found.append(
            Line(
                problem=str(problem),
                group=first["group"],
                shape=shape,
                ours=cell(here[here["kind"] == OURS], accuracy),
                default=cell(here[here["contender"] == "softmax_reg()"], accuracy),
                rivals={name: cell(here[here["contender"] == name], accuracy) for name in rivals},
            )
        )
    return found


def geometric_mean(chosen: list[Line]) -> tuple[float, str]:
    """Return the geometric mean of the ratios, and ">" or "<" if some of them are bounds."""
    ratios = [line.ratio for line in chosen]
    known = [(r, sign) for r, sign in ratios if np.isfinite(r)]
    if not known:
        return np.nan, ""
    signs = {sign for _, sign in known} - {""}
    mean = float(np.exp(np.mean([np.log(r) for r, _ in known])))
    return mean, signs.pop() if len(signs) == 1 else ("≈" if signs else "")


def checks(runs: pd.DataFrame) -> pd.DataFrame:
    """Return, for each rival, on how many problems its best fit is near the best value known."""
    rows = []
    for name, here in runs[runs["kind"] == RIVAL].groupby("contender", sort=False):
        gaps = here[here["status"] == "ok"].groupby("problem")["gap"].min()
        tight = here[(here["status"] == "ok") & (here["tol"] <= 1e-10)]
        ended = tight[tight["n_iter"] < tight["max_iter"]]
        wrong = ended.groupby("problem")["gap"].min()
        wrong = wrong[wrong > CHECKED_TO]
        rows.append(
            {
                "rival": name,
                "problems": here["problem"].nunique(),
                **{f"within {a:.0e}": int((gaps <= a).sum()) for a in ACCURACIES},
                "ended by itself farther than 1e-4": ", ".join(
                    f"{problem} ({_gap(gap)})" for problem, gap in wrong.items()
                )
                or "nowhere",
            }
        )
    return pd.DataFrame(rows)


def defaults(runs: pd.DataFrame) -> pd.DataFrame:
    """Return what the estimators without arguments did on every problem."""
    rows = []
    for problem, here in runs[runs["stage"] == DEFAULTS].groupby("problem", sort=False):
        row = {"problem": problem}
        for name, fits in here[here["kind"] == DEFAULT].groupby("contender", sort=False):
            fine = fits[fits["status"] == "ok"]
            row[f"{name}: seconds"] = _seconds(fits["seconds"].median())
            row[f"{name}: gap"] = _gap(fine["gap"].max()) if len(fine) else "–"
            row[f"{name}: ended"] = _ending(fits)
        rows.append(row)
    return pd.DataFrame(rows)


def _ending(fits: pd.DataFrame) -> str:
    if not (fits["status"] == "ok").all():
        return str(fits[fits["status"] != "ok"]["status"].iloc[0])
    if fits["warned"].any():
        return str(fits["warned"].max())
    return "converged" if fits["converged"].all() else "not converged"


def _seconds(seconds: float) -> str:
    """Return seconds with two digits, plainly."""
    if not np.isfinite(seconds):
        return "–"
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.{max(1 - _exponent(seconds), 0)}f}"


def _exponent(value: float) -> int:
    return int(np.floor(np.log10(max(value, 1e-6))))


def _gap(gap: float) -> str:
    return "0" if gap <= 0 else f"{gap:.0e}".replace("e-0", "e-").replace("e+0", "e+")


def ratio_text(ratio: float, sign: str) -> str:
    """Return a ratio as text: one decimal below ten."""
    if np.isnan(ratio):
        return "–"
    if np.isinf(ratio):
        return "no rival"
    return f"{sign} {ratio:.{1 if ratio < 10 else 0}f}".strip()
