"""Peak memory of `fit` beyond X, per solver: python -m benchmarks.memory.

Each solver runs in a process of its own, twice: once for the growth of the peak resident size,
which sees everything, and once under tracemalloc, which sees NumPy's arrays.  The limit, for
first-order solvers, is a fifth of X or 64 MiB, whichever is larger.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np

_FIRST_ORDER = ("gd", "nesterov", "sgd", "lbfgs")
_MIB = 2.0**20
_FLOOR = 64 * _MIB
_SHARE = 0.2


def main(argv: list[str] | None = None) -> None:
    """Print a table: a line for each solver."""
    from softmax_reg.solvers import SOLVERS

    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--max-iter", type=int, default=12)
    parser.add_argument("--solvers", default=",".join(["auto", *SOLVERS]))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.measure:
        solver, tool = options.measure.split("/")
        print(json.dumps(_measure(options, solver, tool)))
        return
    size = 8 * options.rows * options.features
    limit = max(_SHARE * size, _FLOOR)
    print(f"X: {options.rows} × {options.features} float64, {size / _MIB:.0f} MiB; ", end="")
    print(f"{options.classes} classes, max_iter={options.max_iter}\n")
    print("| solver | peak resident beyond X, MiB | arrays, MiB | limit, MiB | |")
    print("| --- | ---: | ---: | ---: | --- |")
    for solver in options.solvers.split(","):
        resident, arrays = (_in_process(options, solver, tool) for tool in ("resident", "arrays"))
        bound, verdict = "–", ""
        if solver in _FIRST_ORDER:
            bound, verdict = f"{limit / _MIB:.0f}", "within" if resident <= limit else "ABOVE"
        print(
            f"| {solver} | {resident / _MIB:.0f} | {arrays / _MIB:.0f} | {bound} | {verdict} |",
            flush=True,
        )


def _in_process(options: argparse.Namespace, solver: str, tool: str) -> float:
    arguments = [f"--{name}={getattr(options, name)}" for name in ("rows", "features", "classes")]
    arguments += [f"--max-iter={options.max_iter}", f"--measure={solver}/{tool}"]
    command = [sys.executable, "-m", "benchmarks.memory", *arguments]
    return float(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def _measure(options: argparse.Namespace, solver: str, tool: str) -> float:
    """Return bytes of the peak during `fit`, above what was in use when it began."""
    from softmax_reg import SoftmaxRegression

    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    n, p, k = options.rows, options.features, options.classes
    tiny = rng.standard_normal((60, 4))
    SoftmaxRegression(solver=solver).fit(tiny, np.arange(60) % k)  # what is loaded late counts not
    X, y = np.empty((n, p)), np.arange(n) % k
    for start in range(0, n, 1024):  # no temporary array may raise the peak beforehand
        part = X[start : start + 1024]
        rng.standard_normal(out=part)
        part[np.arange(len(part)), y[start : start + 1024] % p] += 1.0
    model = SoftmaxRegression(solver=solver, max_iter=options.max_iter)
    if tool == "arrays":
        tracemalloc.start()
        model.fit(X, y)
        return float(tracemalloc.get_traced_memory()[1])
    before = _peak_resident()
    model.fit(X, y)
    return float(_peak_resident() - before)


def _peak_resident() -> int:
    """Return the largest resident size so far, in bytes."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


if __name__ == "__main__":
    main()
