"""The problems: a registry of named loaders, each returning (X, y) with y codes 0 .. K-1.

Groups: "real" (a folder of raw data sets, when there is one), "bundled" (those of scikit-learn, raw
and standardised) and "generated" (one difficulty each).  Every problem is fitted with C = 1.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

C = 1.0
_SEED = 20240
_TOY_ROWS = 150

Loader = Callable[[bool], tuple[Any, np.ndarray]]


@dataclass(frozen=True)
class Problem:
    """A named data set; `load(toy)` returns X (n, p), dense or CSR, and y (n,), int64 codes."""

    name: str
    group: str
    load: Loader


def registry(data: Path | None) -> dict[str, Problem]:
    """Return every problem by name; `data` is the folder of real sets, or None."""
    problems = [*_real(data), *_bundled(), *_generated()]
    return {problem.name: problem for problem in problems}


def choose(patterns: str, data: Path | None) -> list[Problem]:
    """Return the problems whose name or group matches one of the comma-separated globs."""
    globs = [glob.strip() for glob in patterns.split(",")]
    known = registry(data)
    chosen = [
        problem
        for problem in known.values()
        if any(fnmatchcase(problem.name, g) or fnmatchcase(problem.group, g) for g in globs)
    ]
    if not chosen:
        raise ValueError(f"no problem matches {patterns!r}; there are {sorted(known)}")
    return chosen


def default_data_folder() -> Path | None:
    """Return the folder that SOFTMAX_REG_DATA names, or None."""
    named = os.environ.get("SOFTMAX_REG_DATA")
    return Path(named) if named and (Path(named) / "load.py").is_file() else None


# Real sets, in their users' units.


def _loader_module(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("softmax_reg_benchmark_data", folder / "load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _load_real(folder: Path, name: str, toy: bool) -> tuple[Any, np.ndarray]:
    X, y = _loader_module(folder).load(name)
    return _some_rows(X, y) if toy else (X, y)


def _real(folder: Path | None) -> list[Problem]:
    if folder is None:
        return []
    names = _loader_module(folder).names()
    return [Problem(name, "real", partial(_load_real, folder, name)) for name in names]


def _some_rows(X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return the first rows of each class, about _TOY_ROWS together, with codes made dense."""
    each = max(_TOY_ROWS // len(np.unique(y)), 2)
    rows = np.concatenate([np.flatnonzero(y == label)[:each] for label in np.unique(y)])
    return X[rows], np.unique(y[rows], return_inverse=True)[1].astype(np.int64)


# The sets that come with scikit-learn.

_BUNDLED = ("iris", "wine", "breast_cancer", "digits")


def _load_bundled(name: str, standardised: bool, toy: bool) -> tuple[Any, np.ndarray]:
    from sklearn import datasets

    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X, y = np.ascontiguousarray(X, dtype=np.float64), y.astype(np.int64)
    if toy:
        X, y = _some_rows(X, y)
    if standardised:
        deviation = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(deviation > 0.0, deviation, 1.0)
    return X, y


def _bundled() -> list[Problem]:
    return [
        Problem(name + suffix, "bundled", partial(_load_bundled, name, bool(suffix)))
        for suffix in ("", "_std")
        for name in _BUNDLED
    ]


# Generated ones, one difficulty each.


def _draw(scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return labels drawn from softmax(scores), by the Gumbel trick; every class occurs."""
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1).astype(np.int64)
    y[: scores.shape[1]] = np.arange(scores.shape[1])
    return y


def eight_decades(toy: bool) -> tuple[Any, np.ndarray]:
    """Features in units from 1e-4 to 1e4."""
    rng = np.random.default_rng(_SEED)
    n, p, k = (150, 6, 3) if toy else (5_000, 30, 4)
    U = rng.standard_normal((n, p))
    y = _draw(U @ rng.standard_normal((p, k)), rng)
    return U * np.logspace(-4.0, 4.0, p), y


def correlated(toy: bool) -> tuple[Any, np.ndarray]:
    """Many features that are a few factors plus a thousandth of noise."""
    rng = np.random.default_rng(_SEED + 1)
    n, p, k, factors = (150, 8, 3, 2) if toy else (10_000, 100, 5, 6)
    F = rng.standard_normal((n, factors))
    noise = rng.standard_normal((n, p))
    X = F @ rng.standard_normal((factors, p)) + 1e-3 * noise
    y = _draw(2.0 * F @ rng.standard_normal((factors, k)) + noise[:, :k], rng)
    return X, y


def classes_200(toy: bool) -> tuple[Any, np.ndarray]:
    """Two hundred overlapping clusters."""
    rng = np.random.default_rng(_SEED + 2)
    n, p, k = (150, 5, 20) if toy else (20_000, 50, 200)
    centres = rng.standard_normal((k, p))
    y = np.arange(n, dtype=np.int64) % k
    return centres[y] + 1.2 * rng.standard_normal((n, p)), y


def wide(toy: bool) -> tuple[Any, np.ndarray]:
    """A hundred times more features than samples, as in gene expression: 171 x 5748."""
    rng = np.random.default_rng(_SEED + 3)
    n, p, k, factors = (40, 80, 3, 3) if toy else (171, 5_748, 4, 8)
    F = rng.standard_normal((n, factors))
    X = np.exp(0.3 * F @ rng.standard_normal((factors, p)) + 0.5 * rng.standard_normal((n, p)))
    X *= 10.0 ** rng.uniform(0.0, 3.0, p)
    return X, _draw(2.0 * F @ rng.standard_normal((factors, k)), rng)


def text(toy: bool) -> tuple[Any, np.ndarray]:
    """Term frequencies of documents on several topics, CSR, rows of length 1."""
    import scipy.sparse as sp

    rng = np.random.default_rng(_SEED + 4)
    n, p, k, words = (150, 60, 3, 10) if toy else (10_000, 20_000, 20, 80)
    y = np.arange(n, dtype=np.int64) % k
    lengths = 1 + rng.poisson(words, n)
    rows = np.repeat(np.arange(n), lengths)
    # Zipf: word j is drawn with density 1 / j; half of the words go round by topic.
    columns = np.exp(rng.uniform(0.0, np.log(p), len(rows))).astype(np.int64) - 1
    topical = rng.random(len(rows)) < 0.5
    columns[topical] = (columns[topical] * k + 7 * y[rows[topical]]) % p
    counts = sp.csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, p))
    counts.sum_duplicates()
    frequency = np.bincount(counts.indices, minlength=p)
    counts.data = (1.0 + np.log(counts.data)) * np.log((1.0 + n) / (1.0 + frequency))[
        counts.indices
    ]
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    counts.data /= np.repeat(np.where(lengths > 0.0, lengths, 1.0), np.diff(counts.indptr))
    return counts, y


def nearly_separable(toy: bool) -> tuple[Any, np.ndarray]:
    """Classes that a hyperplane separates but for two rows in a thousand."""
    rng = np.random.default_rng(_SEED + 5)
    n, p, k = (150, 5, 3) if toy else (5_000, 40, 3)
    X = 10.0 * rng.standard_normal((n, p))
    y = np.argmax(X @ rng.standard_normal((p, k)), axis=1).astype(np.int64)
    wrong = rng.choice(n, max(n // 500, 1), replace=False)
    y[wrong] = (y[wrong] + 1) % k
    return X, y


def imbalanced(toy: bool) -> tuple[Any, np.ndarray]:
    """Class frequencies from nine in ten to one in ten thousand."""
    rng = np.random.default_rng(_SEED + 6)
    n, p, k = (300, 5, 3) if toy else (50_000, 20, 5)
    X = 3.0 + 5.0 * rng.standard_normal((n, p))
    prior = np.log(10.0) * -np.arange(k)
    return X, _draw(0.1 * X @ rng.standard_normal((p, k)) + prior, rng)


def million(toy: bool) -> tuple[Any, np.ndarray]:
    """A million rows, in units from 0.1 to 100."""
    rng = np.random.default_rng(_SEED + 7)
    n, p, k = (500, 5, 3) if toy else (1_000_000, 20, 5)
    U = rng.standard_normal((n, p))
    y = _draw(0.5 * U @ rng.standard_normal((p, k)), rng)
    return U * np.logspace(-1.0, 2.0, p), y


def _generated() -> list[Problem]:
    makers = (
        eight_decades,
        correlated,
        classes_200,
        wide,
        text,
        nearly_separable,
        imbalanced,
        million,
    )
    return [Problem(maker.__name__, "generated", maker) for maker in makers]
