"""Time to the optimum under an L1 norm: SoftmaxRegression against saga, and skglm if it is there.

    python -m benchmarks.l1 [--data DIR] [--problems GLOBS] [--time-limit SECONDS] [--toy]

Every contender gets a ladder of settings, loose to tight, and its best time to within 1e-4 and
1e-6 of the lowest objective that anyone reached counts; the harness computes the objective itself.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.objective import objective
from benchmarks.problems import choose, default_data_folder

STRENGTHS, RATIOS, ACCURACIES = (0.01, 1.0), (0.5, 1.0), (1e-4, 1e-6)
_DEFAULT = "iris*,wine*,breast_cancer*,digits*,satimage,dry_bean,wine_quality_white,trec6,r52,wide"
_TIGHT = 1e-12
_SHORT, _REPEATS = 1.0, 3  # fits shorter than this are timed so many times, for the median


class Case(NamedTuple):
    """A problem with a penalty."""

    name: str
    X: Any
    y: np.ndarray
    C: float
    l1_ratio: float


Fit = Callable[[Case, float], tuple[np.ndarray, np.ndarray]]


def value(case: Case, W: np.ndarray, b: np.ndarray) -> float:
    """Return F for W (p, r) and b (r,)."""
    ridge, lasso = (1.0 - case.l1_ratio) / 2.0 * np.sum(W * W), case.l1_ratio * np.sum(np.abs(W))
    return objective(case.X, case.y, W, b, np.inf) + (ridge + lasso) / (case.C * len(case.y))


def ours(case: Case, tol: float) -> tuple[np.ndarray, np.ndarray]:
    from softmax_reg import SoftmaxRegression

    model = SoftmaxRegression(C=case.C, l1_ratio=case.l1_ratio, tol=tol).fit(case.X, case.y)
    return model.coef_.T, model.intercept_


def saga(case: Case, max_iter: float) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.linear_model import LogisticRegression

    norm = {"C": case.C, "l1_ratio": case.l1_ratio}
    if LogisticRegression().get_params().get("penalty") == "l2":
        norm["penalty"] = "elasticnet"
    model = LogisticRegression(solver="saga", tol=_TIGHT, max_iter=int(max_iter), **norm)
    model.set_params(random_state=0).fit(case.X, case.y)
    return model.coef_.T, model.intercept_


def skglm(case: Case, tol: float) -> tuple[np.ndarray, np.ndarray]:
    from skglm import SparseLogisticRegression

    alpha = 1.0 / (case.C * len(case.y))
    model = SparseLogisticRegression(alpha, case.l1_ratio, tol=tol, max_iter=1000)
    model.fit(case.X, case.y)
    return model.coef_.T, np.atleast_1d(model.intercept_)


def ladders(case: Case) -> dict[str, tuple[Fit, Iterator[float]]]:
    """Return who takes part, with settings from loose to tight."""
    tolerances = [10.0**-k for k in range(1, 10)]
    known = {
        "softmax_reg": (ours, iter(tolerances)),
        "saga": (saga, iter([2**k for k in range(1, 25)])),
    }
    if case.y.max() == 1 and importlib.util.find_spec("skglm"):
        # It has a logistic loss for two classes, but no softmax.
        known["skglm"] = (skglm, iter(tolerances))
    return known


def timed(fit: Fit, case: Case, effort: float) -> tuple[float, float]:
    """Return the median time of a fit, and F where it ends."""
    seconds: list[float] = []
    while len(seconds) < _REPEATS and sum(seconds) < _SHORT:
        began = time.perf_counter()
        W, b = fit(case, effort)
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds)), value(case, W, b)


def race(case: Case, limit: float) -> dict[str, list[float]]:
    """Return for each contender its time to each of ACCURACIES; infinite if not within `limit`."""
    tries: dict[str, list[tuple[float, float]]] = {}
    for name, (fit, efforts) in ladders(case).items():
        fit(case, next(efforts))  # imports, compiles
        tries[name] = []
        spent, best = 0.0, min((v for t in tries.values() for _, v in t), default=-np.inf)
        for effort in efforts:
            tries[name].append(timed(fit, case, effort))
            spent += tries[name][-1][0]
            reached = tries[name][-1][1] <= best * (1.0 + ACCURACIES[-1])
            if spent > limit or (reached and name != "softmax_reg"):
                break
    best = min(v for them in tries.values() for _, v in them)
    return {
        name: [min((s for s, v in them if v <= best * (1.0 + eps)), default=np.inf)
               for eps in ACCURACIES]
        for name, them in tries.items()
    }  # fmt: skip


Results = list[tuple[Case, dict[str, list[float]]]]


def table(results: Results, limit: float) -> str:
    """Return the times as a Markdown table, and the geometric means of the quotients."""
    names = sorted({name for _, times in results for name in times}, reverse=True)
    columns = [f"{name} {eps:.0e}" for name in names for eps in ACCURACIES]
    lines = [
        "| problem | C | l1_ratio | " + " | ".join(columns) + " |",
        "|---|---|---|" + "---|" * len(columns),
    ]
    for case, times in results:
        cells = [
            ("" if name not in times else f"> {limit:g}" if np.isinf(s) else f"{s:.3g}")
            for name in names
            for s in times.get(name, [np.inf] * len(ACCURACIES))
        ]
        lines.append(f"| {case.name} | {case.C:g} | {case.l1_ratio:g} | {' | '.join(cells)} |")
    lines.append("")
    for rival in [name for name in names if name != "softmax_reg"]:
        for k, eps in enumerate(ACCURACIES):
            pairs = [(t[rival][k], t["softmax_reg"][k]) for _, t in results if rival in t]
            quotients = [min(theirs, limit) / mine for theirs, mine in pairs]
            lines.append(
                f"{rival} / softmax_reg to {eps:.0e}: {np.exp(np.mean(np.log(quotients))):.3g} in "
                f"the geometric mean of {len(pairs)}, from {min(quotients):.3g} to "
                f"{max(quotients):.3g}; what did not end counts as {limit:g} s."
            )
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.l1", description=__doc__)
    parser.add_argument("--data", type=Path, default=default_data_folder())
    parser.add_argument("--problems", default=_DEFAULT, help="names or groups, comma-separated")
    parser.add_argument("--time-limit", type=float, default=60.0, help="seconds for each ladder")
    parser.add_argument("--toy", action="store_true", help="tiny problems, to try the harness")
    options = parser.parse_args(arguments)
    results: Results = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a loose setting warns, as it should
        for problem in choose(options.problems, options.data):
            X, y = problem.load(options.toy)
            for C, l1_ratio in product(STRENGTHS, RATIOS):
                case = Case(problem.name, X, y, C, l1_ratio)
                results.append((case, race(case, options.time_limit)))
    print("Seconds to within an accuracy of the lowest objective:\n")
    print(table(results, options.time_limit))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
