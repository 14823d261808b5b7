"""Time to the optimum under an L1 norm: SoftmaxRegression against saga, glmnet, skglm and adelie.

    python -m benchmarks.l1 [--data DIR] [--problems GLOBS] [--time-limit SECONDS] [--toy]

Each contender climbs a ladder of settings, loose to tight, until it is within 1e-6 of the lowest
objective that anyone reached, which the harness computes, or beyond the time limit.  The fastest
settings to 1e-4 and 1e-6 are then repeated by turns, and count with the median of their processor
time, on one thread.  Writes Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.contenders import Shape
from benchmarks.l1_contenders import (
    ELASTIC_NET,
    GROUP_LASSO,
    OURS,
    Bench,
    Case,
    Contender,
    contenders,
)
from benchmarks.l1_report import ACCURACIES, Result, Times, report
from benchmarks.machine import describe
from benchmarks.measure import Task, Worker
from benchmarks.problems import Problem, choose, default_data_folder

STRENGTHS, RATIOS = (0.01, 1.0), (0.5, 1.0)
_BUNDLED = "iris,iris_std,wine,wine_std,breast_cancer,breast_cancer_std,digits,digits_std"
_REAL = (
    "penguins,wine_quality_white,satimage,dry_bean,pendigits_all,letter,covtype20k,gas_drift,"
    "trec6,r52"
)
_LARGE, _LARGE_FROM = "mnist", 300.0  # in the list from this time limit on
_REPEATS, _ENOUGH = 5, 2.0  # timings of a setting, or seconds spent on them
_PATIENCE, _DELAY = 2.0, 5.0  # wall time for a second of processor time, and on top


@dataclass
class Try:
    """One setting of one contender."""

    contender: Contender
    effort: float
    objective: float
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return float(np.median(self.seconds))


class Race:
    """One problem with one penalty, and everything that was tried on it."""

    def __init__(self, worker: Worker, case: Case, limit: float) -> None:
        self.worker, self.case, self.limit = worker, case, limit
        self.shape: Shape = worker.start()
        self.tries: list[Try] = []
        self.longest: dict[str, float] = {}

    def run(self) -> dict[str, Times] | None:
        """Return what each one needed; None without rival."""
        entries = [
            each
            for each in contenders().values()
            if self.case.penalty in each.penalties and each.suits(self.shape)
        ]
        if len(entries) == 1:
            return None
        for contender in entries:
            self._climb(contender)
        self._repeat()
        names = dict.fromkeys(each.name for each in entries)
        return {
            name: Times([self._time(name, eps) for eps in ACCURACIES], self.longest[name])
            for name in names
        }

    @property
    def lowest(self) -> float:
        return min((each.objective for each in self.tries), default=np.inf)

    @property
    def excess(self) -> float:
        """How far our best is above the lowest objective of all."""
        ours = [each.objective for each in self.tries if each.contender.name == OURS]
        return min(ours, default=np.inf) / self.lowest - 1.0

    def _climb(self, contender: Contender) -> None:
        last = np.inf
        for effort in contender.efforts:
            seconds, objective = self._fit(contender, effort)
            longest = max(self.longest.get(contender.name, 0.0), seconds)
            self.longest[contender.name] = min(longest, self.limit)
            if seconds > self.limit or (contender.counts_iterations and objective == last):
                return  # it takes too long, or ends by itself
            if np.isfinite(objective):
                self.tries.append(Try(contender, effort, objective, [seconds]))
            if contender.name != OURS and self._reached(objective, ACCURACIES[-1]):
                return
            last = objective

    def _fit(self, contender: Contender, effort: float) -> tuple[float, float]:
        patience = _PATIENCE * self.limit + _DELAY
        outcome = self.worker.fit(contender.key, (self.case, effort), patience)
        if outcome.status == "timeout" or np.isnan(outcome.seconds):  # killed, or it died
            return np.inf, np.inf
        return outcome.seconds, outcome.objective

    def _reached(self, objective: float, eps: float) -> bool:
        return objective <= self.lowest * (1.0 + eps)

    def _fastest(self, name: str, eps: float) -> Iterable[Try]:
        """Yield the fastest try of each way to fit that a contender has."""
        for key in dict.fromkeys(t.contender.key for t in self.tries if t.contender.name == name):
            reached = [
                t for t in self.tries if t.contender.key == key and self._reached(t.objective, eps)
            ]
            if reached:
                yield min(reached, key=lambda t: t.median)

    def _repeat(self) -> None:
        names = dict.fromkeys(each.contender.name for each in self.tries)
        chosen = {
            id(each): each
            for name, eps in product(names, ACCURACIES)
            for each in self._fastest(name, eps)
        }
        for _ in range(_REPEATS - 1):
            for each in chosen.values():
                if sum(each.seconds) < _ENOUGH:
                    each.seconds.append(self._fit(each.contender, each.effort)[0])

    def _time(self, name: str, eps: float) -> float:
        return min((each.median for each in self._fastest(name, eps)), default=np.inf)


def main(arguments: list[str] | None = None) -> int:
    """Run, print and write the tables."""
    options = _parse(arguments)
    options.data = options.data or default_data_folder()
    head, results = describe(), []
    for problem in choose(options.problems, options.data):
        results += _races(problem, options, lambda result: print(_line(result), flush=True))
    given = f"--data DIR --time-limit {options.time_limit:g} --penalties {options.penalties}"
    given = f"{given} --problems {options.problems}"
    text = report(results, options.time_limit, head, given)
    print(text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.l1", description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, help="folder of real sets; default SOFTMAX_REG_DATA")
    add("--problems", help="globs of names or groups (real, bundled, generated)")
    add("--penalties", default=f"{ELASTIC_NET},{GROUP_LASSO}", help="comma-separated")
    add("--time-limit", type=float, default=30.0, metavar="S", help="seconds for one fit")
    add("--toy", action="store_true", help="tiny versions of the problems: tests the harness")
    add("--out", type=Path, default=Path(__file__).parent / "results" / "l1.md")
    options = parser.parse_args(arguments)
    if options.problems is None:
        large = f",{_LARGE}" if options.time_limit >= _LARGE_FROM else ""
        options.problems = f"{_REAL},{_BUNDLED},wide,text{large}"
    return options


def _races(
    problem: Problem, options: argparse.Namespace, tell: Callable[[Result], None]
) -> list[Result]:
    worker = Worker(Task(problem.name, options.data, options.toy, threads=1), Bench)
    results = []
    try:
        for penalty, C, l1_ratio in product(options.penalties.split(","), STRENGTHS, RATIOS):
            race = Race(worker, Case(C, l1_ratio, penalty), options.time_limit)
            times = race.run()
            if times is not None:
                results.append(Result(problem, race.shape, race.case, times, race.excess))
                tell(results[-1])
    finally:
        worker.close()
    return results


def _line(result: Result) -> str:
    times = ", ".join(
        f"{name} " + " ".join(f"{seconds:.3g}" for seconds in times.arrival)
        for name, times in result.times.items()
    )
    return f"{result.problem.name} {tuple(result.case)}: {times}; ours {result.excess:.0e} above"


if __name__ == "__main__":
    sys.exit(main())
