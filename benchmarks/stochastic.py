"""Objective against passes over the rows, and against time, for stochastic methods.

    python -m benchmarks.stochastic --data DIR --problems real --write

Everybody gets X as it is and the penalty of C = 1; the harness computes the objective from the
coefficients.  A curve is made of fits that stop after 1, 2, 3, 5, ... epochs, each from the start.
A pass of ours is every visit of all rows, whatever it is for; one of a rival is one of its epochs.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.objective import objective
from benchmarks.passes import counted
from benchmarks.problems import C, Problem, choose, default_data_folder
from benchmarks.stochastic_settings import BUDGET, OURS

_EPOCHS = (2, 5, 10, 20)
_OUR_EPOCHS = (1, 2, 3, 4, 5, 6, 8)
_TRIAL = 8  # epochs by which a learning rate is chosen
_MLP_BATCH = 200
_RATES = tuple(10.0**power for power in range(-6, 1))
COLUMNS = ("problem", "contender", "kind", "setting", "passes", "seconds", "objective")


@dataclass(frozen=True)
class Contender:
    """A name and `fit(X, y, epochs, setting) -> (W, b)`; `grid` are the settings to tune over."""

    name: str
    fit: Callable[..., tuple[np.ndarray, np.ndarray]]
    grid: Sequence[dict[str, Any]] = field(default=())


def rivals() -> list[Contender]:
    """Return the rivals, each with the learning rates it is tuned over."""
    sgd = [{"learning_rate": "constant", "eta0": rate} for rate in _RATES]
    mlp = [{"learning_rate_init": rate} for rate in _RATES]
    return [
        Contender("SGDClassifier", _sgd_classifier, sgd),
        Contender("MLPClassifier sgd", lambda *a: _mlp("sgd", *a), mlp),
        Contender("MLPClassifier adam", lambda *a: _mlp("adam", *a), mlp),
        Contender("LogisticRegression saga", _saga),
    ]


def _sgd_classifier(X: Any, y: np.ndarray, epochs: int, setting: dict[str, Any]) -> Any:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(
        loss="log_loss", alpha=1.0 / (C * len(y)), max_iter=epochs, tol=None, random_state=0,
        **setting,
    ).fit(X, y)  # fmt: skip
    return model.coef_.T, model.intercept_


def _mlp(solver: str, X: Any, y: np.ndarray, epochs: int, setting: dict[str, Any]) -> Any:
    from sklearn.neural_network import MLPClassifier

    batch = min(_MLP_BATCH, len(y))
    model = MLPClassifier(
        hidden_layer_sizes=(), solver=solver, alpha=batch / (C * len(y)), max_iter=epochs, tol=0.0,
        n_iter_no_change=10**9, random_state=0, **setting,
    ).fit(X, y)  # fmt: skip
    return model.coefs_[0], model.intercepts_[0]


def _saga(X: Any, y: np.ndarray, epochs: int, setting: dict[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(
        solver="saga", C=C, max_iter=epochs, tol=1e-15, random_state=0, **setting
    ).fit(X, y)
    return model.coef_.T, model.intercept_


def _ours(solver: str, X: Any, y: np.ndarray, epochs: int) -> Any:
    from softmax_reg import SoftmaxRegression

    model = SoftmaxRegression(solver=solver, max_iter=epochs, random_state=0).fit(X, y)
    return model.coef_.T, model.intercept_


class Runs:
    """The lines of one problem: fits, timed, and what the harness finds their objective to be."""

    def __init__(self, problem: Problem, toy: bool, time_limit: float) -> None:
        self.name, (self.X, self.y) = problem.name, problem.load(toy)
        self.time_limit, self.lines = time_limit, []

    def add(self, name: str, kind: str, epochs: int, setting: Any, fit: Callable[[], Any]) -> Any:
        """Fit, and add a line; return its seconds, and its objective or infinity."""
        began = time.perf_counter()
        with counted(self.X.shape[0]) as passes, np.errstate(all="ignore"):
            try:
                W, b = fit()
            except ValueError:  # not finite: that learning rate is too large
                W = b = np.full(1, np.nan)
        seconds = time.perf_counter() - began
        finite = np.isfinite(W).all() and np.isfinite(b).all()
        with np.errstate(all="ignore"):
            value = objective(self.X, self.y, W, b, C) if finite else np.inf
        value = value if np.isfinite(value) else np.inf
        n_passes = float(passes) if kind in ("ours", "optimum") else float(epochs)
        text = " ".join(f"{key}={value}" for key, value in setting.items())
        self.lines.append((self.name, name, kind, text, n_passes, seconds, value))
        return seconds, value

    def curve(self, name: str, kind: str, epochs: Iterable[int], setting: Any, fit: Any) -> None:
        """Add fits of more and more epochs, until the passes or the time are used up."""
        for count in epochs:
            seconds, _ = self.add(name, kind, count, setting, lambda count=count: fit(count))
            if seconds > self.time_limit or self.lines[-1][4] > 1.5 * BUDGET:
                break

    def run(self, tune: bool, optimum_iterations: int) -> None:
        """Add everybody's curves."""
        from softmax_reg import SoftmaxRegression

        def best() -> Any:
            model = SoftmaxRegression(tol=1e-9, max_iter=optimum_iterations).fit(self.X, self.y)
            return model.coef_.T, model.intercept_

        self.add("optimum", "optimum", 0, {}, best)
        for solver in OURS:
            self.curve(
                solver, "ours", _OUR_EPOCHS, {}, lambda n, s=solver: _ours(s, self.X, self.y, n)
            )
        for rival in rivals():
            fit = rival.fit
            self.curve(
                rival.name, "default", _EPOCHS, {}, lambda n, f=fit: f(self.X, self.y, n, {})
            )
            if not (tune and rival.grid):
                continue
            values = [self._tried(rival, setting) for setting in rival.grid]
            setting = rival.grid[int(np.argmin(values))]
            self.curve(
                rival.name, "tuned", _EPOCHS, setting,
                lambda n, f=fit, s=setting: f(self.X, self.y, n, s),
            )  # fmt: skip

    def _tried(self, rival: Contender, setting: dict[str, Any]) -> float:
        """Return the objective after some passes with a setting."""
        _, value = self.add(
            rival.name, "tried", _TRIAL, setting,
            lambda: rival.fit(self.X, self.y, _TRIAL, setting),
        )  # fmt: skip
        return float(value)


def main(argv: list[str] | None = None) -> int:
    """Run the chosen problems; write the lines, the tables and the picture."""
    argv = sys.argv[1:] if argv is None else argv
    options = _parse(argv)
    path = options.out / "stochastic.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for problem in choose(options.problems, options.data or default_data_folder()):
            runs = Runs(problem, options.toy, options.time_limit)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # none is meant to converge
                runs.run(problem.name not in options.untuned, options.optimum_iterations)
            writer.writerows(runs.lines)
            file.flush()
            print(f"{problem.name}: {len(runs.lines)} fits", flush=True)
    from benchmarks import stochastic_report  # pandas and matplotlib

    where = Path(__file__).parent if options.write else options.out
    stochastic_report.write([path], where, describe())
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stochastic", description=__doc__)
    add = parser.add_argument
    add("--problems", default="*", help="globs of names or groups (real, bundled, generated)")
    add("--data", type=Path, help="folder of real sets; default SOFTMAX_REG_DATA")
    add("--untuned", default="", type=lambda text: text.split(","), help="problems not to tune on")
    add("--time-limit", default=30.0, type=float, metavar="S", help="a longer fit ends its curve")
    add("--optimum-iterations", default=2000, type=int, help="limit on what finds the optimum")
    add("--out", default=Path(__file__).parent / "results", type=Path, help="folder to write to")
    add("--write", action="store_true", help="write stochastic.md and .png beside this file")
    add("--toy", action="store_true", help="tiny versions of the problems: tests the harness")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
