"""Run the benchmark: python -m benchmarks.run --help."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.contenders import DEFAULT
from benchmarks.contenders import choose as choose_contenders
from benchmarks.machine import describe
from benchmarks.measure import Task, Worker
from benchmarks.problems import choose as choose_problems
from benchmarks.problems import default_data_folder
from benchmarks.race import Race, Rules
from benchmarks.results import Results, Run

ALL_THREADS = 0


def main(argv: list[str] | None = None) -> int:
    """Run the chosen problems and write the report."""
    argv = sys.argv[1:] if argv is None else argv
    options = _parse(argv)
    data = options.data or default_data_folder()
    problems = choose_problems(options.problems, data)
    contenders = choose_contenders(options.rivals, options.ours)
    rules = Rules(options.repeats, options.time_limit, options.slow)
    results = Results(
        options.out / "results.csv", {"command": _command(options)} | describe(), options.resume
    )
    began = time.perf_counter()
    for number, problem in enumerate(problems, 1):
        if problem.name in results.complete:
            continue
        progress = Progress(f"[{number}/{len(problems)}] {problem.name}", began)
        workers = {t: Worker(Task(problem.name, data, options.toy, t)) for t in options.threads}
        try:
            race = Race(problem, contenders, workers, rules, _all(results.append, progress.show))
            progress.scale = race.gap
            race.run()
            progress.end()
        except KeyboardInterrupt:
            print("\ninterrupted; --resume goes on from the last complete problem")
            break
        except (EOFError, TimeoutError):
            print(f"\n{problem.name}: the problem could not be loaded; left out", file=sys.stderr)
        finally:
            for worker in workers.values():
                worker.close()
    from benchmarks import report  # pandas and matplotlib: the workers need not import them

    return report.main([str(results.path)])


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    add = parser.add_argument
    add("--problems", default="*", help="globs of names or groups (real, bundled, generated)")
    add("--rivals", default="*", help="globs: sklearn-*, sklearnex-*, mlp-*, torch-*")
    add("--ours", default="auto", help="globs of our solvers: auto, lbfgs, newton-*, ...")
    add("--data", type=Path, help="folder of real sets; default SOFTMAX_REG_DATA")
    add("--threads", default="1,all", type=_threads, help="thread settings, as 1,all")
    add("--repeats", default=3, type=int, help="fits per timed setting")
    add("--time-limit", default=10.0, type=float, metavar="S", help="seconds for one fit")
    add("--slow", default=5.0, type=float, metavar="S", help="longer fits are not repeated")
    add("--out", default=Path(__file__).parent / "results", type=Path, help="folder to write to")
    add("--resume", action="store_true", help="keep the complete problems of results.csv")
    add("--toy", action="store_true", help="tiny versions of the problems: tests the harness")
    return parser.parse_args(argv)


def _command(options: argparse.Namespace) -> str:
    """Return the command that repeats this run, less the folders of this machine."""
    standard, words = vars(_parse([])), ["python", "-m", "benchmarks.run"]
    for name, value in vars(options).items():
        if name in ("data", "out") or value == standard[name]:
            continue
        if name == "threads":
            value = ",".join("all" if count == ALL_THREADS else str(count) for count in value)
        words += [f"--{name.replace('_', '-')}"] + ([] if value is True else [str(value)])
    return shlex.join(words)


def _threads(text: str) -> list[int]:
    counts = [ALL_THREADS if part == "all" else int(part) for part in text.split(",")]
    return sorted(set(counts), reverse=True)


def _all(*functions: Callable[[Run], None]) -> Callable[[Run], None]:
    def call(run: Run) -> None:
        for function in functions:
            function(run)

    return call


class Progress:
    """One status line per problem: rewritten on a terminal, else printed every few seconds."""

    interval = 10.0

    def __init__(self, title: str, began: float) -> None:
        self.title, self.began, self.started = title, began, time.perf_counter()
        self.last, self.n_fits = 0.0, 0
        self.scale: Callable[[Run], float] | None = None
        self.is_terminal = sys.stdout.isatty()

    def show(self, run: Run) -> None:
        """Tell what was just run."""
        self.n_fits += 1
        now = time.perf_counter()
        if not self.is_terminal and now - self.last < self.interval:
            return
        self.last = now
        gap = f", {self.scale(run):.0e} above the best" if self.scale and run.n_iter >= 0 else ""
        limits = f"max_iter={run.max_iter}" if run.kind != DEFAULT else ""
        threads = run.threads or "all"
        self._line(
            f"{run.stage}: {run.contender} {limits} threads={threads} "
            f"{run.status} {run.seconds:.3g} s{gap}"
        )

    def end(self) -> None:
        """Tell that the problem is complete."""
        took = time.perf_counter() - self.started
        self._line(f"{self.n_fits} fits in {took:.0f} s")
        if self.is_terminal:
            print()

    def _line(self, text: str) -> None:
        minutes = (time.perf_counter() - self.began) / 60.0
        line = f"{minutes:5.1f} min {self.title}: {text}"
        if self.is_terminal:
            print(f"\r\033[K{line[:150]}", end="", flush=True)
        else:
            print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
