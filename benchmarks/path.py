"""Cross-validation over a path against `LogisticRegressionCV` and glmnet: --help has the options.

Every contender fits the same folds and values of C. Its settings are tried from the loosest on,
each in a process of its own, until every fit of the grid is within a share of the lowest objective
known for it; the processor time of that setting counts, on one thread: what else the machine does
changes it little. Then: a path of 100 points with far more features than rows, its time and its
memory. Writes Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe
from benchmarks.objective import objective
from benchmarks.path_rivals import GlmnetCV, Unfinished, is_installed
from benchmarks.problems import choose, default_data_folder

_ACCURACY = 1e-4
_FOLDS = 3
_CS = np.logspace(-3.0, 1.0, 7)
_DEFAULT = "dry_bean,satimage,pendigits_all,wine_quality_white,penguins,trec6,digits_std,text"
_NEVER = "never"


@dataclass(frozen=True)
class Contender:
    """A solver of `LogisticRegressionCV`, glmnet or ours, with its settings (tol, max_iter)."""

    name: str
    settings: tuple[tuple[float, int], ...]
    needs: str = "sklearn"


_OURS = Contender("softmax_reg", tuple((tol, 1000) for tol in (1e-3, 1e-4, 1e-5, 1e-6, 1e-8)))
# Its passes are not limited: a path of which values are missing is of no use.
_GLMNET = Contender("glmnet", tuple((10.0**-k, 0) for k in range(4, 15, 2)), "glmnet")
_RIVALS = {
    0.0: (
        Contender("lbfgs", ((1e-4, 100), (1e-4, 10_000), (1e-6, 10_000), (1e-8, 100_000))),
        Contender("newton-cholesky", ((1e-4, 100), (1e-6, 1000), (1e-8, 1000))),
        _GLMNET,
    ),
    1.0: (
        Contender("saga", ((1e-4, 100), (1e-4, 1000), (1e-5, 10_000), (1e-8, 100_000))),
        _GLMNET,
    ),
}
_PENALTIES = {0.0: "ridge", 1.0: "lasso"}


@dataclass
class Run:
    """Seconds, and the objective of every fit, (n_folds, n_Cs); None if not all were made."""

    setting: str
    seconds: float
    values: np.ndarray | None


def main(argv: list[str] | None = None) -> int:
    """Run, print and write the tables."""
    argv = sys.argv[1:] if argv is None else argv
    options = _parse(argv)
    if options.one:
        print(json.dumps(_one(json.loads(options.one))))
        return 0
    data = options.data or default_data_folder()
    machine = "  \n".join(f"{key}: {value}" for key, value in describe().items())
    lines = [
        "# Cross-validation over a path\n",
        f"Written by `python -m benchmarks.path --data DIR --time-limit {options.time_limit:g} "
        f"--jobs {options.jobs} --problems {options.problems} --out benchmarks/path.md`.\n",
        f"Cross-validation over {len(_CS)} values of C from {_CS[0]:g} to {_CS[-1]:g} in "
        f"{_FOLDS} folds: processor seconds, on one thread, until every fit is within "
        f"{_ACCURACY:.0e} of the lowest objective; at most {options.time_limit:g} s for one "
        "setting, with which one that was not through counts; 'never': all settings ended before "
        f"they arrived. {options.jobs} races at a time.\n",
        "| problem | penalty | softmax_reg | LogisticRegressionCV | its solver | rival / ours | "
        "glmnet | rival / ours |",
        "| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |",
    ]
    tasks = [
        {
            "problem": problem.name,
            "data": str(data) if data else None,
            "toy": options.toy,
            "l1_ratio": l1_ratio,
        }
        for problem in choose(options.problems, data)
        for l1_ratio in _RIVALS
    ]
    factors: dict[str, list[float]] = {"LogisticRegressionCV": [], _GLMNET.name: []}
    with ThreadPoolExecutor(options.jobs) as pool:
        for line, quotients in pool.map(lambda task: _race(task, options.time_limit), tasks):
            for name, quotient in quotients.items():
                factors[name].append(quotient)
            lines.append(line)
            print(line, flush=True)
    lines.append("")
    for name, quotients in factors.items():
        if quotients:
            lines.append(
                f"{name} / softmax_reg: at least {np.exp(np.mean(np.log(quotients))):.1f} in the "
                f"geometric mean of {len(quotients)}, from {min(quotients):.2g} to "
                f"{max(quotients):.2g}.\n"
            )
    lines += _wide_path(options.toy)
    lines.append(f"\n{machine}")
    text = "\n".join(lines)
    print(text)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.path", description=__doc__)
    add = parser.add_argument
    add("--problems", help="globs of names or groups (real, bundled, generated)")
    add("--data", type=Path, help="folder of real sets; default SOFTMAX_REG_DATA")
    add("--time-limit", type=float, default=30.0, metavar="S", help="seconds for one setting")
    add("--jobs", type=int, default=1, metavar="N", help="races at a time, one thread each")
    add("--toy", action="store_true", help="tiny versions of the problems: tests the harness")
    add("--out", type=Path, default=Path(__file__).parent / "results" / "path.md")
    add("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.problems is None:
        options.problems = "iris,wine_std" if options.toy else _DEFAULT
    return options


def _race(task: dict[str, Any], time_limit: float) -> tuple[str, dict[str, float]]:
    """Return the line of the table and how many times as fast ours is as each rival."""
    contenders = [_OURS, *(r for r in _RIVALS[task["l1_ratio"]] if is_installed(r.needs))]
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    known = [_run(task, _OURS.name, (1e-8, 1000), 3.0 * time_limit).values]
    for contender in contenders:
        for setting in contender.settings:
            run = _run(task, contender.name, setting, time_limit)
            runs[contender.name].append(run)
            known.append(run.values)
            if run.values is None or _excess(run.values, _lowest(known)) <= _ACCURACY:
                break
    lowest = _lowest(known)
    times = {name: _arrival(tried, lowest) for name, tried in runs.items()}
    ours, arrived = times.pop(_OURS.name)
    cells = [task["problem"], _PENALTIES[task["l1_ratio"]], f"{ours:.2f}" if arrived else _NEVER]
    quotients: dict[str, float] = {}

    def add(name: str, rival: tuple[float, bool], *more: str) -> None:
        gave_up = not rival[1] and rival[0] < time_limit
        mark = "" if rival[1] else "> "
        cells.extend([_NEVER if gave_up else f"{mark}{rival[0]:.2f}", *more])
        counts = arrived and not gave_up
        cells.append(f"{mark}{rival[0] / ours:.2g}" if counts else "")
        if counts:
            quotients[name] = rival[0] / ours

    glmnet = times.pop(_GLMNET.name, None)
    best = min(times, key=lambda name: (not times[name][1], times[name][0]))
    add("LogisticRegressionCV", times[best], best)
    if glmnet is None:
        cells.extend(["", ""])
    else:
        add(_GLMNET.name, glmnet)
    return f"| {' | '.join(cells)} |", quotients


def _lowest(known: list[np.ndarray | None]) -> np.ndarray:
    values = [each for each in known if each is not None]
    return np.min(values, axis=0) if values else np.array([np.nan])


def _excess(values: np.ndarray, lowest: np.ndarray) -> float:
    return float(np.max((values - lowest) / lowest))


def _arrival(tried: list[Run], lowest: np.ndarray) -> tuple[float, bool]:
    """Return the seconds of the first setting that arrived, or those of the longest try."""
    for run in tried:
        if run.values is not None and _excess(run.values, lowest) <= _ACCURACY:
            return run.seconds, True
    return max(run.seconds for run in tried), False


def _run(task: dict[str, Any], name: str, setting: tuple[float, int], time_limit: float) -> Run:
    order = task | {"name": name, "tol": setting[0], "max_iter": setting[1]}
    label = f"tol={setting[0]:g}, max_iter={setting[1]}"
    # Loading is not counted, nor what others take of the processor: the process may take longer.
    done = _process(order, 1.3 * time_limit + 20.0)
    if done is None or done["seconds"] > time_limit:
        return Run(label, time_limit, None)
    if done["values"] is None:
        return Run(label, done["seconds"], None)
    return Run(label, done["seconds"], np.array(done["values"]))


def _process(order: dict[str, Any], time_limit: float) -> dict[str, Any] | None:
    command = [sys.executable, "-m", "benchmarks.path", "--one", json.dumps(order)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, check=True, timeout=time_limit, env=environment
        )
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout)


def _one(order: dict[str, Any]) -> dict[str, Any]:
    """Do one fit in this process."""
    warnings.simplefilter("ignore")
    data = Path(order["data"]) if order["data"] else None
    (problem,) = choose(order["problem"], data)
    X, y = problem.load(order["toy"])
    return _measure_path(X, y) if order["name"] == "path" else _measure_cv(X, y, order)


def _measure_cv(X: Any, y: np.ndarray, order: dict[str, Any]) -> dict[str, Any]:
    from sklearn.model_selection import StratifiedKFold

    def folds(X: Any, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        return list(StratifiedKFold(_FOLDS, shuffle=True, random_state=0).split(X, y))

    few = X[:60], np.arange(60) % 3
    with suppress(Unfinished):
        _model(order, folds(*few)).fit(*few)  # what is loaded late counts not
    cv = folds(X, y)
    model = _model(order, cv)
    began = time.process_time()
    try:
        model.fit(X, y)
    except Unfinished:
        return {"seconds": time.process_time() - began, "values": None}
    seconds = time.process_time() - began
    values = [
        [
            _value(X[train], y[train], coef, C, order["l1_ratio"])
            for C, coef in zip(_CS, paths[0], strict=True)
        ]
        for (train, _), paths in zip(cv, model.coefs_paths_, strict=True)
    ]
    return {"seconds": seconds, "values": values}


def _model(order: dict[str, Any], folds: list[tuple[np.ndarray, np.ndarray]]) -> Any:
    from sklearn.linear_model import LogisticRegressionCV

    from softmax_reg import SoftmaxRegressionCV

    if order["name"] == _GLMNET.name:
        return GlmnetCV(_CS, order["l1_ratio"], folds, order["tol"])
    common = {
        "Cs": _CS, "l1_ratios": (order["l1_ratio"],), "cv": folds, "scoring": "neg_log_loss",
        "tol": order["tol"], "max_iter": order["max_iter"],
    }  # fmt: skip
    if order["name"] == _OURS.name:
        return SoftmaxRegressionCV(**common)
    return LogisticRegressionCV(
        solver=order["name"], use_legacy_attributes=False, random_state=0, **common
    )


def _value(X: Any, y: np.ndarray, coef: np.ndarray, C: float, l1_ratio: float) -> float:
    W, b = coef[:, :-1].T, coef[:, -1]
    size = l1_ratio * np.abs(W).sum() + (1.0 - l1_ratio) / 2.0 * np.sum(W**2)
    return objective(X, y, W, b, np.inf) + float(size) / (C * X.shape[0])


def _wide_path(toy: bool) -> list[str]:
    order = {"problem": "wide", "data": None, "toy": toy, "name": "path"}
    done = _process(order, 600.0)
    assert done is not None
    return [
        "A lasso path of 100 points, `softmax_path(X, y)`, with more features than rows:\n",
        "| rows | features | processor seconds | largest optimality | features at the end | "
        "X, MiB | peak beyond X and the path, MiB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        "| {rows} | {features} | {seconds:.1f} | {optimality:.0e} | {active} | {size:.0f} | "
        "{peak:.0f} |".format(**done),
    ]


def _measure_path(X: np.ndarray, y: np.ndarray) -> dict[str, Any]:
    from benchmarks.memory import _peak_resident
    from softmax_reg import softmax_path

    softmax_path(X[:40, :5], y[:40], Cs=2)  # what is loaded late counts not
    before, began = _peak_resident(), time.process_time()
    path = softmax_path(X, y)
    seconds = time.process_time() - began
    return {
        "rows": X.shape[0],
        "features": X.shape[1],
        "seconds": seconds,
        "optimality": float(path.optimality_.max()),
        "active": int(path.n_active_[-1]),
        "size": X.nbytes / 2**20,
        "peak": (_peak_resident() - before - path.coefs_.nbytes) / 2**20,
    }


if __name__ == "__main__":
    sys.exit(main())
