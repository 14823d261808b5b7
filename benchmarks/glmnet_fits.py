"""Fits of glmnet's Fortran code, by the python-glmnet package, to the objective of this package.

    F(W, b) = mean cross-entropy + lambda [ (1 - l1_ratio)/2 ||W||^2 + l1_ratio ||W||_1 ]

is glmnet's own objective without standardisation, and lambda = 1 / (C n).
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

# A fit that takes longer is ended from outside.
_PASSES = 10**9
# glmnet's own sequence has 100 values over four decades, two with more features than rows.
_N_LAMBDAS, _TALL, _WIDE = 100, 1e-4, 1e-2


def is_installed() -> bool:
    """Say whether python-glmnet is there."""
    return importlib.util.find_spec("glmnet") is not None


def fit_path(
    X: Any, y: np.ndarray, lambdas: np.ndarray, l1_ratio: float, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return W (L, p, r) and b (L, r) for each of the falling `lambdas` (L,)."""
    from glmnet import LogitNet

    model = LogitNet(
        alpha=l1_ratio, lambda_path=lambdas, standardize=False, n_splits=0, tol=tol,
        max_iter=_PASSES,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the number of values says what is missing
        model.fit(X, y)
    if model.n_lambda_ < len(lambdas):
        raise ValueError(f"glmnet stopped after {model.n_lambda_} of {len(lambdas)} values")
    return model.coef_path_.transpose(2, 1, 0), model.intercept_path_.T


def own_lambdas(X: Any, y: np.ndarray, wanted: float, l1_ratio: float) -> np.ndarray:
    """Return the sequence that glmnet would take by itself, down to a wanted value."""
    Y = np.eye(int(y.max()) + 1)[y]
    largest = np.abs(X.T @ (Y - Y.mean(axis=0))).max() / (len(y) * l1_ratio)
    ratio = _TALL if X.shape[0] > X.shape[1] else _WIDE
    sequence = largest * np.geomspace(1.0, ratio, _N_LAMBDAS)
    return np.append(sequence[sequence > wanted], wanted)


@dataclass
class GlmnetCV:
    """Cross-validation as `LogisticRegressionCV` does it: paths, log-losses, one fit of all."""

    Cs: np.ndarray
    l1_ratio: float
    cv: list[tuple[np.ndarray, np.ndarray]]
    tol: float
    coefs_paths_: np.ndarray = field(init=False)

    def fit(self, X: Any, y: np.ndarray) -> GlmnetCV:
        from benchmarks.objective import objective

        paths, losses = [], []
        for train, test in self.cv:
            W, b = fit_path(
                X[train], y[train], 1.0 / (self.Cs * len(train)), self.l1_ratio, self.tol
            )
            losses.append(
                [objective(X[test], y[test], *at, np.inf) for at in zip(W, b, strict=True)]
            )
            paths.append(np.concatenate([W.transpose(0, 2, 1), b[:, :, np.newaxis]], axis=2))
        best = int(np.argmin(np.mean(losses, axis=0)))
        fit_path(X, y, 1.0 / (self.Cs[: best + 1] * len(y)), self.l1_ratio, self.tol)
        self.coefs_paths_ = np.array(paths)[:, np.newaxis]
        return self
