"""Gram matrices X' diag(q) X of sparse X by sparse and by dense products.

    python -m benchmarks.gram_costs [--toy]

The package chooses by a price: so many multiply-adds of a dense product for two entries of a row,
and so many for an entry of the matrix (`objective/hessian.py`).  The second table compares these
prices with what was found here.
"""

from __future__ import annotations

import argparse
import time
from unittest.mock import patch

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from benchmarks.machine import describe, load_average
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.targets import Labels
from softmax_reg.objective import hessian
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet

_ENTRIES = (5, 10, 20, 40, 80, 160)  # of a row
_REPEATS = 5


def main(argv: list[str] | None = None) -> None:
    """Print a table: a line for each number of entries in a row."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gram_costs")
    parser.add_argument("--toy", action="store_true", help="a tiny problem, to try the harness")
    options = parser.parse_args(argv)
    n, p = (400, 200) if options.toy else (8000, 1500)
    for key, value in describe().items():
        print(f"- {key}: {value}")
    print(f"- {n} × {p}, one thread, median of {_REPEATS} turns\n")
    print("| entries in a row | dense, ms | sparse, ms | faster | chosen |")
    print("| ---: | ---: | ---: | --- | --- |")
    costs = []
    for entries in _ENTRIES:
        X = sp.random(n, p, entries / p, format="csr", rng=np.random.default_rng(0))
        with threadpool_limits(1):
            dense, sparse = seconds_of(X, np.inf), seconds_of(X, 0.0)
        names = "sparse", "dense"
        chosen = names[not hessian._is_cheaper_sparse(X)]
        times = f"| {entries} | {1e3 * dense:.1f} | {1e3 * sparse:.1f} "
        print(f"{times}| {names[sparse > dense]} | {chosen} |", flush=True)
        pairs = float(np.square(np.diff(X.indptr), dtype=float).sum())
        costs.append((pairs, p**2, sparse / dense * n * p**2))
    pair, entry = prices(np.array(costs))
    print("\n| multiply-adds of a dense product | found | price |\n| --- | ---: | ---: |")
    print(f"| a pair of entries of a row | {pair:.0f} | {hessian._SPARSE_PAIR:.0f} |")
    print(f"| an entry of the matrix | {entry:.0f} | {hessian._SPARSE_ENTRY:.0f} |")
    print(f"\nload average at the end: {load_average():.1f}")


def prices(costs: np.ndarray) -> np.ndarray:
    """Return a and b of cost = a pairs + b entries, for the least squares of relative errors."""
    counts, cost = costs[:, :2], costs[:, 2]
    return np.linalg.lstsq(counts / cost[:, np.newaxis], np.ones(len(cost)), rcond=None)[0]


def seconds_of(X: sp.csr_array, price: float) -> float:
    """Return the median time of a Gram matrix where a pair of entries has a price."""
    n, _ = X.shape
    codes = np.arange(n) % 3
    data = Dataset.of(X, np.arange(3), Labels(codes, 3), np.ones(n))
    objective = Objective(data, ElasticNet(1.0 / n))
    point = objective.at(np.zeros(objective.size))
    taken = []
    with patch.object(hessian, "_SPARSE_PAIR", price), patch.object(hessian, "_SPARSE_ENTRY", 0.0):
        for _ in range(_REPEATS + 1):
            began = time.perf_counter()
            hessian.gram(objective, hessian.class_variances(point, slice(0, 1)))
            taken.append(time.perf_counter() - began)
    return float(np.median(taken[1:]))


if __name__ == "__main__":
    main()
