"""Optima on thirty irises by glmnet and adelie, for the tests to compare a path with.

    pip install python-glmnet adelie ipython
    python -m benchmarks.glmnet_reference

Writes tests/glmnet_reference.json: for each penalty and l1_ratio the lambdas, the objectives F,
computed by the harness from the rivals' coefficients, and which of these are not zero, class by
class.  The rows are every fifth of the iris data, raw; lambda = 1 / (C n).  adelie fits the group
lasso (its loss is divided by the number of classes, so its lambda is, too); it needs ipython.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.glmnet_fits import fit_path
from benchmarks.objective import objective

PAGE = Path(__file__).parents[1] / "tests" / "glmnet_reference.json"
RATIOS = (1.0, 0.5, 0.1)
_N_LAMBDAS, _DECADES = 8, 2.0
_TIGHT = 1e-14


def thirty_irises() -> tuple[np.ndarray, np.ndarray]:
    """Return X (30, 4) and y (30,)."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return X[::5], y[::5]


def norms(W: np.ndarray, penalty: str) -> float:
    """Return the sum of the norms that `penalty` takes of W (p, K)."""
    return float(np.sum(np.linalg.norm(W, axis=1) if penalty == "group_lasso" else np.abs(W)))


def lambdas(X: np.ndarray, y: np.ndarray, penalty: str, l1_ratio: float) -> np.ndarray:
    """Return values that fall from half of where the first coefficient appears."""
    Y = np.eye(3)[y]
    slopes = X.T @ (Y - Y.mean(axis=0)) / len(y)
    lengths = np.linalg.norm(slopes, axis=1) if penalty == "group_lasso" else np.abs(slopes)
    return 0.5 * lengths.max() / l1_ratio * np.logspace(0.0, -_DECADES, _N_LAMBDAS)


def group_lasso(
    X: np.ndarray, y: np.ndarray, lambdas: np.ndarray, l1_ratio: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return W (L, p, K) and b (L, K), by adelie."""
    import adelie as ad

    state = ad.grpnet(
        np.asfortranarray(X), ad.glm.multinomial(np.eye(3)[y]), alpha=l1_ratio,
        penalty=np.ones(X.shape[1]), lmda_path=lambdas / 3.0, early_exit=False, adev_tol=1.0,
        tol=_TIGHT, irls_tol=_TIGHT, progress_bar=False,
    )  # fmt: skip
    return state.betas.toarray().reshape(len(lambdas), X.shape[1], 3), state.intercepts


def reference(penalty: str, l1_ratio: float) -> dict[str, Any]:
    """Return one entry of the page."""
    X, y = thirty_irises()
    values = lambdas(X, y, penalty, l1_ratio)
    if penalty == "group_lasso":
        W, b = group_lasso(X, y, values, l1_ratio)
    else:
        W, b = fit_path(X, y, values, l1_ratio, _TIGHT)
    F = [
        objective(X, y, *at, np.inf)
        + strength * (l1_ratio * norms(at[0], penalty) + (1 - l1_ratio) / 2 * np.sum(at[0] ** 2))
        for strength, *at in zip(values, W, b, strict=True)
    ]
    return {
        "penalty": penalty,
        "l1_ratio": l1_ratio,
        "lambdas": values.tolist(),
        "objectives": [float(f"{value:.15g}") for value in F],
        "used": ["".join("01"[int(value != 0.0)] for value in at.T.flat) for at in W],
    }


def main() -> int:
    """Write the page."""
    pages = [
        reference(penalty, l1_ratio)
        for penalty in ("elasticnet", "group_lasso")
        for l1_ratio in RATIOS
    ]
    PAGE.write_text(json.dumps(pages, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
