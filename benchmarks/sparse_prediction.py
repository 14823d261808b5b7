"""Time of predicting sparse rows with dense and with `sparsify()`-ed coefficients.

    python -m benchmarks.sparse_prediction [--toy]

One model for each share of coefficients that are not zero; the rows are term frequencies.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.problems import text

SHARES = (0.5, 0.1, 0.02, 0.004, 0.0008)
_REPEATS = 7


def fitted(X, y, share: float):
    """Return a model with that share of its coefficients left, the largest: as a lasso leaves."""
    from softmax_reg import SoftmaxRegression

    model = SoftmaxRegression(tol=1e-2).fit(X, y)
    least = np.quantile(np.abs(model.coef_), 1.0 - share)
    model.coef_ = np.where(np.abs(model.coef_) >= least, model.coef_, 0.0)
    return model


def milliseconds(model, X) -> float:
    """Return the median time of `predict_proba`."""
    taken = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        model.predict_proba(X)
        taken.append(time.perf_counter() - began)
    return 1e3 * float(np.median(taken))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse_prediction")
    parser.add_argument("--toy", action="store_true", help="a tiny problem, to try the harness")
    options = parser.parse_args(arguments)
    X, y = text(options.toy)
    print(f"{X.shape[0]} rows, {X.nnz / X.shape[0]:.0f} terms in each, of {X.shape[1]}.\n")
    print("| not zero | share | dense, ms | sparse, ms | coefficients dense, MB | sparse, MB |")
    print("|---|---|---|---|---|---|")
    for share in SHARES:
        model = fitted(X, y, share)
        dense_time, dense_size = milliseconds(model, X), model.coef_.nbytes / 1e6
        coef = model.sparsify().coef_
        sparse_size = (coef.data.nbytes + coef.indices.nbytes + coef.indptr.nbytes) / 1e6
        print(
            f"| {coef.nnz} | {share:.2%} | {dense_time:.2f} | {milliseconds(model, X):.2f} | "
            f"{dense_size:.2f} | {sparse_size:.2f} |",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
