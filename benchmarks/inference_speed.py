"""Standard errors against one step of Newton's method: python -m benchmarks.inference_speed.

Both need the Hessian of all coefficients and its factor, so that `inference` should cost about
what one iteration of `solver="newton-cholesky"` does.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.machine import describe, load_average


def main(argv: list[str] | None = None) -> None:
    """Print a table: a line for each kind of covariance."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.inference_speed")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=50)
    parser.add_argument("--classes", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args(argv)
    for key, value in describe().items():
        print(f"- {key}: {value}")
    print(f"- {options.rows} × {options.features}, {options.classes} classes, ", end="")
    print(f"median of {options.repeats} turns\n")
    steps, taken = measure(options)
    step = float(np.median(steps))
    print("| cov_type | inference, ms | a Newton step, ms | inference / step |")
    print("| --- | ---: | ---: | ---: |")
    for kind, seconds in taken.items():
        median = float(np.median(seconds))
        print(f"| {kind} | {1e3 * median:.0f} | {1e3 * step:.0f} | {median / step:.2f} |")
    print(f"\nload average at the end: {load_average():.1f}")


def measure(options: argparse.Namespace) -> tuple[list[float], dict[str, list[float]]]:
    """Return the seconds of steps, and of `inference` by kind, taken in turn."""
    from softmax_reg import SoftmaxRegression

    X, y = generated(options)
    model = SoftmaxRegression(C=np.inf).fit(X, y)
    steps: list[float] = []
    taken: dict[str, list[float]] = {"nonrobust": [], "HC1": []}
    for turn in range(options.repeats + 1):
        of_turn = steps_of(X, y)
        for kind, seconds in taken.items():
            began = time.perf_counter()
            model.inference(X, y, cov_type=kind)
            if turn:  # the first warms up
                seconds.append(time.perf_counter() - began)
        if turn:
            steps.append(float(np.median(of_turn)))
    return steps, taken


def generated(options: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, and labels drawn from a model of them, so that classes overlap."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((options.rows, options.features))
    W = rng.standard_normal((options.features, options.classes)) / np.sqrt(options.features)
    return X, np.argmax(X @ W + rng.gumbel(size=(options.rows, options.classes)), axis=1)


def steps_of(X: np.ndarray, y: np.ndarray) -> list[float]:
    """Return the seconds of each iteration of Newton's method."""
    from softmax_reg import SoftmaxRegression

    ends: list[float] = []

    def note(_: object) -> None:
        ends.append(time.perf_counter())

    SoftmaxRegression(C=np.inf, solver="newton-cholesky", callbacks=note).fit(X, y)
    return list(np.diff(ends))


if __name__ == "__main__":
    main()
