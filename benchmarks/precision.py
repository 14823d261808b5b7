"""Fits in float32 against fits in float64, on a million rows: python -m benchmarks.precision.

The fits take turns and count with their medians.  A gap is the excess of the objective, computed
in float64 from the data in float64, over the lower of the two, relative to it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.machine import describe, load_average
from benchmarks.objective import objective
from benchmarks.problems import choose
from softmax_reg import SoftmaxRegression


def main(argv: list[str] | None = None) -> None:
    """Print a table: a line for each dtype."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("--problem", default="million")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--toy", action="store_true", help="a tiny version of the problem")
    options = parser.parse_args(argv)
    X, y = choose(options.problem, data=None)[0].load(options.toy)
    for key, value in describe().items():
        print(f"- {key}: {value}")
    n_classes = len(np.unique(y))
    print(f"- {options.problem}: {X.shape[0]} × {X.shape[1]}, {n_classes} classes, ", end="")
    print(f"median of {options.repeats} turns\n")
    inputs = {dtype: X.astype(dtype) for dtype in ("float64", "float32")}
    seconds = {dtype: np.empty(options.repeats) for dtype in inputs}
    models = {}
    for turn in range(options.repeats):
        for dtype, data in inputs.items():
            began = time.perf_counter()
            models[dtype] = SoftmaxRegression().fit(data, y)
            seconds[dtype][turn] = time.perf_counter() - began
    values = {d: objective(X, y, m.coef_.T, m.intercept_) for d, m in models.items()}
    lowest = min(values.values())
    print("| dtype | fit, s | of float64 | iterations | ms per iteration | gap |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for dtype, model in models.items():
        took, n_iter = float(np.median(seconds[dtype])), int(model.n_iter_[0])
        share = took / float(np.median(seconds["float64"]))
        gap = (values[dtype] - lowest) / lowest
        print(
            f"| {dtype} | {took:.2f} | {share:.2f} | {n_iter} | {1e3 * took / n_iter:.0f} "
            f"| {gap:.0e} |"
        )
    print(f"\nload average at the end: {load_average():.1f}")


if __name__ == "__main__":
    main()
