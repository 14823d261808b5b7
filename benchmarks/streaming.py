"""One pass over a stream, and how fast: python -m benchmarks.streaming [--data DIR] [--toy].

The first table is the log-loss on rows held out after one pass over shuffled raw data, over that of
the model trained on the same rows with the same C: 1 is as good.  All at their defaults.  The
second is rows per second of `partial_fit` by the size of the batches, medians, all in turn.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from benchmarks.machine import describe, load_average
from benchmarks.problems import Problem, choose, default_data_folder
from softmax_reg import SoftmaxRegression

_HELD_OUT = 0.25
# Probabilities of 0 would cost infinitely much: those of SGDClassifier are 0 often.
_LEAST = np.finfo(np.float64).eps

Maker = Callable[[], Any]


def contenders() -> dict[str, Maker]:
    """Return what learns from batches, by name."""
    return {
        "ours": SoftmaxRegression,
        "SGDClassifier": lambda: SGDClassifier(loss="log_loss", random_state=0),
        "MLPClassifier": lambda: MLPClassifier(hidden_layer_sizes=(), random_state=0),
    }


def main(argv: list[str] | None = None) -> None:
    """Print the two tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streaming", description=__doc__)
    parser.add_argument("--data", type=Path, default=default_data_folder())
    parser.add_argument("--problems", default="real,iris,wine,breast_cancer,digits")
    parser.add_argument("--batches", default="32,100,1000", help="sizes for the first table")
    # Seed 0 served to choose the constants of the method.
    parser.add_argument("--seed", type=int, default=1, help="of the split and of the order")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--toy", action="store_true", help="a few rows of each: for tests")
    options = parser.parse_args(argv)
    print("# One pass of `partial_fit`, and how fast\n")
    print("Written by `python -m benchmarks.streaming > benchmarks/streaming.md`.\n")
    for key, value in describe().items():
        print(f"- {key}: {value}")
    sizes = [int(size) for size in options.batches.split(",")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # rivals overflow on raw features
        print_quality(choose(options.problems, options.data), sizes, options.toy, options.seed)
        print_speed(options.repeats, options.toy)
    print(f"\nload average at the end: {load_average():.1f}")


def print_quality(problems: list[Problem], sizes: list[int], toy: bool, seed: int) -> None:
    """Print held-out log-loss after one pass, relative to the trained model's."""
    names = list(contenders())
    batches = ", ".join(map(str, sizes))
    print(f"\nHeld-out log-loss after one pass, batches of {batches} rows, seed {seed}\n")
    print("| problem | rows per coefficient | trained |", " | ".join(names), "|")
    print("| --- " + "| ---: " * (2 + len(names)) + "|")
    ratios = []
    for problem in problems:
        X, X_test, y, y_test = _split(*problem.load(toy), seed)
        trained = SoftmaxRegression(tol=1e-6).fit(X, y)
        rows = len(y) / (trained.coef_.size + trained.intercept_.size)
        reference = _loss(trained.predict_log_proba(X_test), y_test)
        ratios.append([])
        for maker in contenders().values():
            losses = []
            for size in sizes:
                model = one_pass(maker(), X, y, size)
                losses.append(_loss(_log_proba(model, X_test), y_test))
            ratios[-1].append([loss / reference for loss in losses])
        cells = [" / ".join(f"{ratio:.3g}" for ratio in each) for each in ratios[-1]]
        print(f"| {problem.name} | {rows:.1f} | {reference:.4f} |", " | ".join(cells), "|")
    means = np.exp(np.log(ratios).mean(axis=0))
    cells = [" / ".join(f"{mean:.3g}" for mean in each) for each in means]
    print("| **geometric mean** | | |", " | ".join(cells), "|")


def print_speed(repeats: int, toy: bool) -> None:
    """Print rows per second by the size of the batches, in the middle of a stream."""
    rng = np.random.default_rng(0)
    print("\nRows per second of `partial_fit`\n")
    print("| features, classes | rows in a batch |", " | ".join(contenders()), "|")
    print("| --- | ---: " + "| ---: " * len(contenders()) + "|")
    for p, k in ((16, 7), (100, 10)):
        X = rng.standard_normal((2_000 if toy else 20_000, p))
        y = np.argmax(X @ rng.standard_normal((p, k)) + rng.gumbel(size=(len(X), k)), axis=1)
        models = {name: one_pass(maker(), X, y, 1000) for name, maker in contenders().items()}
        for size, calls in ((1, 200), (32, 100), (1024, 15)):
            seconds = {name: [] for name in models}
            for _ in range(1 if toy else repeats):
                for name, model in models.items():
                    starts = rng.integers(max(len(X) - size, 1), size=5 if toy else calls)
                    began = time.perf_counter()
                    for start in starts:
                        model.partial_fit(X[start : start + size], y[start : start + size])
                    seconds[name].append((time.perf_counter() - began) / len(starts))
            cells = [f"{size / np.median(each):,.0f}" for each in seconds.values()]
            print(f"| {p}, {k} | {size} |", " | ".join(cells), "|")


def one_pass(model: Any, X: Any, y: np.ndarray, size: int) -> Any:
    """Give a model all rows once, in batches."""
    classes = np.unique(y)
    for start in range(0, len(y), size):
        model.partial_fit(X[start : start + size], y[start : start + size], classes=classes)
    return model


def _split(X: Any, y: np.ndarray, seed: int) -> tuple[Any, Any, np.ndarray, np.ndarray]:
    """Return shuffled rows to learn and rows held out; every class is in both if it can be."""
    stratify = y if np.bincount(y).min() > 1 else None
    return train_test_split(X, y, test_size=_HELD_OUT, random_state=seed, stratify=stratify)


def _log_proba(model: Any, X: Any) -> np.ndarray:
    if isinstance(model, SoftmaxRegression):
        return model.predict_log_proba(X)
    proba = np.nan_to_num(np.maximum(model.predict_proba(X), _LEAST), nan=_LEAST)
    return np.log(proba) - logsumexp(np.log(proba), axis=1, keepdims=True)


def _loss(log_proba: np.ndarray, y: np.ndarray) -> float:
    return float(-log_proba[np.arange(len(y)), y].mean())


if __name__ == "__main__":
    main()
