"""The race over one problem: who runs which setting when.

1. a reference: our solver at a tight tolerance, with ample time;
2. the defaults: estimators without arguments, in turn, repeat by repeat;
3. the climb: every contender, in turn, climbs its ladder until it is within 1e-8 of the best value
   known, stops by itself, meets the time limit, or has taken ten times as long as others of its
   kind to all it has not reached, so that it cannot be the best of them any more;
4. refinement: contenders near the fastest get settings between the last that missed an accuracy and
   the first that reached it;
5. repeats: the fastest setting of each for each accuracy, in turn, repeat by repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.contenders import DEFAULT, OURS, Contender, Shape
from benchmarks.ladders import TIGHT, Setting
from benchmarks.machine import load_average
from benchmarks.measure import Outcome, Worker
from benchmarks.problems import Problem
from benchmarks.results import (
    ACCURACIES,
    CLIMB,
    DEFAULTS,
    DONE,
    REFERENCE,
    REFINE,
    REPEAT,
    Run,
)

_REFERENCE_LIMITS, _DEFAULT_LIMITS = 8.0, 4.0  # times the limit of the others
# Contenders so many times slower than the fastest of their kind are neither refined nor repeated.
_IN_CONTENTION = 3.0
_REFINEMENTS = 2
# A contender beaten so many times by others of its kind, whose best it can no longer be, gives up.
_HOPELESS = 10.0
_SHORT_FIT, _MORE_REPEATS = 0.05, 3
# Beyond so many seconds a contender goes on with the better of its thread settings alone.
_CHOOSE_THREADS_FROM = 0.5


@dataclass(frozen=True)
class Rules:
    """What the command line sets."""

    repeats: int = 3
    time_limit: float = 10.0
    slow: float = 5.0  # seconds from which a fit is not repeated


@dataclass
class Lane:
    """A contender with one thread setting, and what it did so far."""

    contender: Contender
    threads: int
    effort: float | None
    runs: list[Run] = field(default_factory=list)


class Race:
    """One problem, its workers by thread setting, and everything that was run."""

    def __init__(
        self,
        problem: Problem,
        contenders: list[Contender],
        workers: dict[int, Worker],
        rules: Rules,
        record: Callable[[Run], None],
    ) -> None:
        self.problem, self.workers, self.rules, self.record = problem, workers, rules, record
        self.widest = min(workers)  # 0 stands for all threads
        for worker in workers.values():
            worker.launch()
        self.shape: Shape = workers[self.widest].start()
        self.defaults = [c for c in contenders if c.kind == DEFAULT]
        self.lanes: list[Lane] = []
        for contender in contenders:
            if contender.kind == DEFAULT:
                continue
            reason = contender.refuses(self.shape)
            if reason:
                refusal = Outcome("refused", float("nan"), detail=reason)
                self._note(contender, self.widest, Setting(), 0.0, CLIMB, refusal, 0.0)
                continue
            self.lanes += [Lane(contender, t, contender.ladder.first) for t in workers]
        self.best = float("inf")

    def run(self) -> None:
        """Run all stages."""
        self._reference()
        self._run_defaults()
        self._climb()
        for _ in range(_REFINEMENTS):
            self._refine()
        self._repeat()
        self._note(_NOBODY, self.widest, Setting(), 0.0, DONE, Outcome("ok", 0.0), 0.0)

    def gap(self, run: Run) -> float:
        """Return how far a run ended above the best value known, relatively."""
        return (run.objective - self.best) / abs(self.best)

    # Stages

    def _reference(self) -> None:
        ours = [lane.contender for lane in self.lanes if lane.contender.kind == OURS]
        if ours:
            limit = _REFERENCE_LIMITS * self.rules.time_limit
            setting = Setting(TIGHT, 100_000)
            self._fit(ours[0], self.widest, setting, 1.0 / TIGHT, REFERENCE, limit)

    def _run_defaults(self) -> None:
        limit = _DEFAULT_LIMITS * self.rules.time_limit
        going = list(self.defaults)
        for _ in range(self.rules.repeats):
            for contender in list(going):
                setting = contender.ladder.setting(1.0)
                run = self._fit(contender, self.widest, setting, 1.0, DEFAULTS, limit)
                if run.status != "ok" or run.seconds > self.rules.slow:
                    going.remove(contender)

    def _climb(self) -> None:
        while climbing := [lane for lane in self.lanes if lane.effort is not None]:
            for lane in climbing:
                assert lane.effort is not None
                run = self._try(lane, lane.effort, CLIMB)
                lane.effort = self._next_rung(lane, run)
            self._choose_threads()

    def _next_rung(self, lane: Lane, run: Run) -> float | None:
        if run.status != "ok" or self.gap(run) <= min(ACCURACIES) or not run.objective < 1e300:
            return None
        stopped_by_itself = run.max_iter is not None and 0 <= run.n_iter < run.max_iter
        if stopped_by_itself and run.tol == TIGHT:
            return None
        if self._is_hopeless(lane, run):
            return None
        return lane.contender.ladder.after(run.effort, run.seconds, self.rules.time_limit)

    def _is_hopeless(self, lane: Lane, run: Run) -> bool:
        """Say whether others were ten times as fast to all accuracies that the lane misses."""
        if run.seconds < _CHOOSE_THREADS_FROM:
            return False
        others = [
            r
            for other in self.lanes
            if other is not lane and other.contender.kind == lane.contender.kind
            for r in other.runs
            if r.status == "ok" and r.seconds < run.seconds / _HOPELESS
        ]
        missed = [a for a in ACCURACIES if self._fastest(lane, a) is None]
        return all(any(self.gap(r) <= accuracy for r in others) for accuracy in missed)

    def _choose_threads(self) -> None:
        """Stop the slower thread settings of contenders whose fits have become long."""
        for lane in self.lanes:
            for other in self.lanes:
                if lane.contender is not other.contender or lane.effort is None or lane is other:
                    continue
                mine, theirs = lane.runs[-1], other.runs[-1]
                same = mine.effort == theirs.effort and mine.status == theirs.status == "ok"
                if same and mine.seconds > max(theirs.seconds, _CHOOSE_THREADS_FROM):
                    lane.effort = None

    def _refine(self) -> None:
        todo = {}
        for lane, accuracy, fastest in self._in_contention():
            below = [r.effort for r in lane.runs if r.effort < fastest.effort]
            low = max((e for e in below if not self._reached(lane, e, accuracy)), default=None)
            if low is None:
                continue
            middle = lane.contender.ladder.between(low, fastest.effort)
            if middle is not None:
                todo[(id(lane), middle)] = lane
        for (_, effort), lane in todo.items():
            self._try(lane, effort, REFINE)

    def _repeat(self) -> None:
        chosen = {(id(lane), run.effort): (lane, run) for lane, _, run in self._in_contention()}
        todo = [(lane, run) for lane, run in chosen.values() if run.seconds <= self.rules.slow]
        for repeat in range(1, _MORE_REPEATS * self.rules.repeats):
            for lane, run in todo:
                short = run.seconds < _SHORT_FIT and self.rules.repeats > 1
                if repeat < self.rules.repeats or short:
                    self._try(lane, run.effort, REPEAT)

    # Their parts

    def _in_contention(self) -> Iterator[tuple[Lane, float, Run]]:
        """Yield lane, accuracy, fastest run for lanes near the fastest of their kind."""
        for accuracy in ACCURACIES:
            found = [(lane, self._fastest(lane, accuracy)) for lane in self.lanes]
            reached = [(lane, run) for lane, run in found if run is not None]
            for lane, run in reached:
                kind = lane.contender.kind
                best = min(r.seconds for other, r in reached if other.contender.kind == kind)
                if run.seconds <= _IN_CONTENTION * best:
                    yield lane, accuracy, run

    def _fastest(self, lane: Lane, accuracy: float) -> Run | None:
        reached = [r for r in lane.runs if r.status == "ok" and self.gap(r) <= accuracy]
        return min(reached, key=lambda r: r.seconds, default=None)

    def _reached(self, lane: Lane, effort: float, accuracy: float) -> bool:
        runs: Iterable[Run] = (r for r in lane.runs if r.effort == effort)
        return any(r.status == "ok" and self.gap(r) <= accuracy for r in runs)

    def _try(self, lane: Lane, effort: float, stage: str) -> Run:
        setting, limit = lane.contender.ladder.setting(effort), self.rules.time_limit
        run = self._fit(lane.contender, lane.threads, setting, effort, stage, limit)
        lane.runs.append(run)
        return run

    def _fit(
        self,
        who: Contender,
        threads: int,
        setting: Setting,
        effort: float,
        stage: str,
        limit: float,
    ) -> Run:
        outcome = self.workers[threads].fit(who.name, setting, limit)
        run = self._note(who, threads, setting, effort, stage, outcome, limit)
        if outcome.status == "ok" and outcome.objective < self.best:
            self.best = outcome.objective
        return run

    def _note(
        self,
        who: Contender,
        threads: int,
        setting: Setting,
        effort: float,
        stage: str,
        outcome: Outcome,
        limit: float,
    ) -> Run:
        run = Run(
            problem=self.problem.name,
            group=self.problem.group,
            **self.shape._asdict(),
            contender=who.name,
            kind=who.kind,
            threads=threads,
            stage=stage,
            effort=effort,
            tol=setting.tol,
            max_iter=setting.max_iter,
            load=round(load_average(), 2),
            limit=limit,
            **vars(outcome),
        )
        self.record(run)
        return run


def _no_fit(*_: object) -> None:
    raise NotImplementedError


_NOBODY = Contender("", "", _no_fit, None)  # type: ignore[arg-type]
