"""One value-and-gradient pass against one read of X: python -m benchmarks.pass_speed.

A pass cannot be faster than reading X once from memory.  The read is the fastest of three plain
ones, over contiguous shares of the rows in as many threads: maximum, sum, product with a vector.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np

from benchmarks.machine import describe, load_average, n_cores
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.targets import Labels
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet

_TARGET = 1.3


def main(argv: list[str] | None = None) -> None:
    """Print a table: a line for each dtype."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pass_speed", description=__doc__)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--features", type=int, default=784)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=n_cores())
    options = parser.parse_args(argv)
    for key, value in describe().items():
        print(f"- {key}: {value}")
    print(f"- {options.rows} × {options.features}, {options.classes} classes, ", end="")
    print(f"{options.threads} threads, median of {options.repeats} turns\n")
    print("| dtype | read X once, ms | GB/s | value and gradient, ms | pass / read | target |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for dtype in (np.float64, np.float32):
        read, a_pass, size = measure(options, np.dtype(dtype))
        print(
            f"| {np.dtype(dtype)} | {1e3 * read:.1f} | {size / read / 1e9:.1f} "
            f"| {1e3 * a_pass:.1f} | {a_pass / read:.2f} | {_TARGET} |"
        )
    print(f"\nload average at the end: {load_average():.1f}")


def measure(options: argparse.Namespace, dtype: np.dtype) -> tuple[float, float, int]:
    """Return seconds to read X, seconds of a pass, and the bytes of X."""
    rng = np.random.default_rng(0)
    n, p, k, threads = options.rows, options.features, options.classes, options.threads
    X = rng.standard_normal((n, p), dtype=dtype)
    codes, weights = rng.integers(k, size=n), np.ones(n, dtype=dtype)
    rows = RowBlocks(X, k, n_threads=threads)
    objective = Objective(
        Dataset(rows, np.arange(k), Labels(codes, k), weights), ElasticNet(1.0 / n)
    )
    w = 0.01 * rng.standard_normal(objective.size, dtype=dtype)
    v, edges = np.ones(p, dtype=dtype), np.linspace(0, n, threads + 1).astype(int)
    shares = [X[a:b] for a, b in pairwise(edges)]

    def a_pass() -> None:
        point = objective.at(w)
        _ = point.value, point.gradient

    with rows.running(), ThreadPoolExecutor(threads) as pool:

        def read(work: Callable[[np.ndarray], object]) -> Callable[[], object]:
            return lambda: list(pool.map(work, shares))

        reads = [read(np.max), read(np.sum), read(lambda share: share @ v)]
        *of_reads, of_pass = _medians([*reads, a_pass], options.repeats)
    return min(of_reads), of_pass, X.nbytes


def _medians(works: list[Callable[[], object]], repeats: int) -> list[float]:
    """Return the median seconds of each, all of them in turn, after one turn to warm up."""
    seconds = np.empty((repeats + 1, len(works)))
    for turn in range(repeats + 1):
        for number, work in enumerate(works):
            began = time.perf_counter()
            work()
            seconds[turn, number] = time.perf_counter() - began
    return [float(s) for s in np.median(seconds[1:], axis=0)]


if __name__ == "__main__":
    main()
