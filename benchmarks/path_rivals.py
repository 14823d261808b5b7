"""Paths by the Fortran code of glmnet (package python-glmnet) and by adelie, to our objective.

    F(W, b) = mean cross-entropy + lambda sum_j [ (1 - l1_ratio)/2 ||W_j||^2 + l1_ratio norm(W_j) ]

is glmnet's own objective without standardisation, and lambda = 1 / (C n); the norm is the L1 norm.
It is also the one of adelie, whose norm is the Euclidean one of all classes of a feature, but for a
division of the loss by the number of classes K: lambda / K is its lambda.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import Any

import numpy as np

from benchmarks.objective import objective

# A fit that takes longer is ended from outside.
_PASSES = 10**9
# glmnet's own sequence has 100 values over four decades, two with more features than rows.
_N_LAMBDAS, _TALL, _WIDE = 100, 1e-4, 1e-2

Path = tuple[np.ndarray, np.ndarray]


class Unfinished(ValueError):
    """A path ended before its last value."""


def is_installed(package: str) -> bool:
    """Say whether a rival is there."""
    return importlib.util.find_spec(package) is not None


def glmnet_path(X: Any, y: np.ndarray, lambdas: np.ndarray, l1_ratio: float, tol: float) -> Path:
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
        raise Unfinished(f"glmnet stopped after {model.n_lambda_} of {len(lambdas)} values")
    return model.coef_path_.transpose(2, 1, 0), model.intercept_path_.T


def adelie_path(
    X: np.ndarray, y: np.ndarray, lambdas: np.ndarray, l1_ratio: float, tol: float
) -> Path:
    """Return what `glmnet_path` does, for the group lasso and three classes or more."""
    import adelie as ad

    (n_features, n_classes), Y = (X.shape[1], int(y.max()) + 1), np.eye(int(y.max()) + 1)[y]
    state = ad.grpnet(
        np.asfortranarray(X), ad.glm.multinomial(Y), alpha=l1_ratio, penalty=np.ones(n_features),
        lmda_path=lambdas / n_classes, early_exit=False, adev_tol=1.0, tol=tol, irls_tol=tol,
        progress_bar=False,
    )  # fmt: skip
    if len(state.lmdas) < len(lambdas):
        raise Unfinished(f"adelie stopped after {len(state.lmdas)} of {len(lambdas)} values")
    return state.betas.toarray().reshape(-1, n_features, n_classes), state.intercepts


def largest_lambda(X: Any, y: np.ndarray, l1_ratio: float, penalty: str = "elasticnet") -> float:
    """Return the value at which the first coefficient appears."""
    Y = np.eye(int(y.max()) + 1)[y]
    slopes = X.T @ (Y - Y.mean(axis=0)) / len(y)
    lengths = np.linalg.norm(slopes, axis=1) if penalty == "group_lasso" else np.abs(slopes)
    return float(lengths.max()) / l1_ratio


def own_lambdas(
    X: Any, y: np.ndarray, wanted: float, l1_ratio: float, penalty: str = "elasticnet"
) -> np.ndarray:
    """Return the sequence that glmnet would take by itself, down to a wanted value."""
    ratio = _TALL if X.shape[0] > X.shape[1] else _WIDE
    largest = largest_lambda(X, y, l1_ratio, penalty)
    sequence = largest * np.geomspace(1.0, ratio, _N_LAMBDAS)
    return np.append(sequence[sequence > wanted], wanted)


class GlmnetCV:
    """Cross-validation as `LogisticRegressionCV` does it: paths, log-losses, one fit of all rows.

    `Cs` must grow; `coefs_paths_` has the shape (n_folds, 1, n_Cs, n_rows, n_features + 1).
    """

    def __init__(
        self, Cs: np.ndarray, l1_ratio: float, cv: list[tuple[np.ndarray, np.ndarray]], tol: float
    ) -> None:
        self.Cs, self.l1_ratio, self.cv, self.tol = Cs, l1_ratio, cv, tol

    def fit(self, X: Any, y: np.ndarray) -> GlmnetCV:
        paths, losses = [], []
        for train, test in self.cv:
            W, b = self._path(X[train], y[train], self.Cs)
            fits = zip(W, b, strict=True)
            losses.append([objective(X[test], y[test], *fit, np.inf) for fit in fits])
            paths.append(np.concatenate([W.transpose(0, 2, 1), b[:, :, np.newaxis]], axis=2))
        best = int(np.argmin(np.mean(losses, axis=0)))
        self._path(X, y, self.Cs[: best + 1])
        self.coefs_paths_ = np.array(paths)[:, np.newaxis]
        return self

    def _path(self, X: Any, y: np.ndarray, Cs: np.ndarray) -> Path:
        return glmnet_path(X, y, 1.0 / (Cs * len(y)), self.l1_ratio, self.tol)
