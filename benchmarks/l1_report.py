"""The page of `benchmarks.l1`: a summary by kinds of problems, then every case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.contenders import Shape
from benchmarks.l1_contenders import ELASTIC_NET, OURS, Case
from benchmarks.problems import Problem

ACCURACIES = (1e-4, 1e-6)
_BEST = "best rival"
_NOTHING = "–"
_TITLES = {ELASTIC_NET: "Elastic net and lasso"}


class Times(NamedTuple):
    """Seconds to each of ACCURACIES, infinite if not reached, and those of the longest fit."""

    arrival: list[float]
    longest: float


@dataclass(frozen=True)
class Result:
    """One case: what each contender needed, and how far ours ended above the lowest objective."""

    problem: Problem
    shape: Shape
    case: Case
    times: dict[str, Times]
    excess: float

    def ratio(self, name: str, k: int) -> tuple[float, bool] | None:
        """Return rival / ours, a bound unless the rival arrived; None where there is no ratio."""
        mine = self.times[OURS].arrival[k]
        rivals = [them for who, them in self.times.items() if who == name or _is_rival(who, name)]
        if not rivals or np.isinf(mine):
            return None
        arrived = min(them.arrival[k] for them in rivals)
        if np.isfinite(arrived):
            return arrived / mine, True
        return max(them.longest for them in rivals) / mine, False


def _is_rival(who: str, name: str) -> bool:
    return name == _BEST and who != OURS


_GROUPS: dict[str, Callable[[Result], bool]] = {
    "real, raw": lambda r: r.problem.group == "real" and not r.shape.sparse,
    "real, sparse text": lambda r: r.problem.group == "real" and r.shape.sparse,
    "bundled, raw": lambda r: r.problem.group == "bundled" and not r.problem.name.endswith("_std"),
    "bundled, standardised": lambda r: r.problem.name.endswith("_std"),
    "generated": lambda r: r.problem.group == "generated",
    "all": lambda r: True,
}


def report(results: list[Result], limit: float, head: dict[str, str], options: str) -> str:
    """Return the page as Markdown; `options` are those that the command was given."""
    parts = [
        "# L1 norm and group lasso\n",
        f"Written by `python -m benchmarks.l1 {options} --out benchmarks/l1.md`.\n",
        "Processor seconds on one thread until a fit is within an accuracy of the lowest objective "
        "that anyone reached, each with its best setting: the median of fits that took turns. A "
        f"fit may take {limit:g} s; a rival that does not arrive counts with its longest fit, and "
        "the ratio is marked `>`; one that `stops` ends by itself above the accuracy. glmnet and "
        "adelie are timed at the one value of C and along their own path down to it, and count "
        "with the faster.\n",
    ]
    for penalty in dict.fromkeys(result.case.penalty for result in results):
        some = [result for result in results if result.case.penalty == penalty]
        parts += [f"## {_TITLES.get(penalty, 'Group lasso')}\n", _summary(some), ""]
        parts += [_table(some, limit), ""]
    worst = max((result.excess for result in results), default=0.0)
    parts.append(
        f"At their tightest settings the fits of {OURS} end at most {max(worst, 0.0):.0e} above "
        "the lowest objective, relatively.\n"
    )
    return "\n".join(parts) + "  \n".join(f"{key}: {value}" for key, value in head.items())


def _names(results: list[Result]) -> list[str]:
    return list(dict.fromkeys(name for result in results for name in result.times))


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _summary(results: list[Result]) -> str:
    """Return the geometric means of rival / ours, their least, and where a rival was faster."""
    rivals = [_BEST, *(name for name in _names(results) if name != OURS)]
    columns = [f"{name} {eps:.0e}" for name in rivals for eps in ACCURACIES]
    lines = [
        f"Times as long as {OURS}, in the geometric mean (and the least of all):\n",
        _row(["problems", "cases", *columns, "a rival is faster"]),
        _row(["---", "---:", *["---:"] * len(columns), "---:"]),
    ]
    for title, belongs in _GROUPS.items():
        some = [result for result in results if belongs(result)]
        if some:
            cells = [_mean(some, name, k) for name in rivals for k in range(len(ACCURACIES))]
            lines.append(
                _row(
                    [
                        title,
                        str(len(some)),
                        *cells,
                        " and ".join(str(_faster(some, k)) for k in range(len(ACCURACIES))),
                    ]
                )
            )
    return "\n".join(lines)


def _mean(results: list[Result], name: str, k: int) -> str:
    known = [ratio for result in results if (ratio := result.ratio(name, k)) is not None]
    if not known:
        return _NOTHING
    ratios = np.array([ratio for ratio, _ in known])
    bound = "" if all(arrived for _, arrived in known) else "> "
    return f"{bound}{np.exp(np.mean(np.log(ratios))):.2g} ({ratios.min():.2g})"


def _faster(results: list[Result], k: int) -> int:
    """Return in how many cases a rival arrived first, or alone."""
    count = 0
    for result in results:
        arrival = {name: times.arrival[k] for name, times in result.times.items()}
        count += min(arrival.values()) < arrival[OURS]
    return count


def _table(results: list[Result], limit: float) -> str:
    names = _names(results)
    columns = [f"{name} {eps:.0e}" for name in names for eps in ACCURACIES]
    ratios = [f"{_BEST} / {OURS} {eps:.0e}" for eps in ACCURACIES]
    lines = [
        _row(["problem", "rows × features, classes", "C", "l1_ratio", *columns, *ratios]),
        _row(["---", "---:", *["---:"] * (2 + len(columns) + len(ratios))]),
    ]
    for result in results:
        shape, case = result.shape, result.case
        size = f"{shape.n} × {shape.p}, {shape.classes}{', sparse' if shape.sparse else ''}"
        cells = [
            _seconds(result.times.get(name), k, limit)
            for name in names
            for k in range(len(ACCURACIES))
        ]
        cells += [_ratio(result, k) for k in range(len(ACCURACIES))]
        lines.append(_row([result.problem.name, size, f"{case.C:g}", f"{case.l1_ratio:g}", *cells]))
    return "\n".join(lines)


def _seconds(times: Times | None, k: int, limit: float) -> str:
    if times is None:
        return ""
    if np.isfinite(times.arrival[k]):
        return f"{times.arrival[k]:.3g}"
    return f"> {limit:g}" if times.longest >= limit else "stops"


def _ratio(result: Result, k: int) -> str:
    ratio = result.ratio(_BEST, k)
    return _NOTHING if ratio is None else f"{'' if ratio[1] else '> '}{ratio[0]:.2g}"
