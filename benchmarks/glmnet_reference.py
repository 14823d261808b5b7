"""Optima on thirty irises by glmnet and adelie, for the tests to compare a path with.

    pip install python-glmnet adelie ipython
    python -m benchmarks.glmnet_reference

Writes tests/glmnet_reference.json: for each penalty and l1_ratio the lambdas, the objectives F,
computed by the harness from the rivals' coefficients, and which of these are not zero, class by
class.  The rows are every fifth of the iris data, raw.  adelie, which needs ipython, fits the group
lasso.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.objective import objective
from benchmarks.path_rivals import adelie_path, glmnet_path, largest_lambda

PAGE = Path(__file__).parents[1] / "tests" / "glmnet_reference.json"
RATIOS = (1.0, 0.5, 0.1)
_N_LAMBDAS, _TIGHT = 8, 1e-14


def thirty_irises() -> tuple[np.ndarray, np.ndarray]:
    """Return X (30, 4) and y (30,)."""
    from sklearn.datasets import load_iris

    X, y = load_iris(return_X_y=True)
    return X[::5], y[::5]


def reference(penalty: str, l1_ratio: float) -> dict[str, Any]:
    """Return one entry of the page."""
    X, y = thirty_irises()
    values = 0.5 * largest_lambda(X, y, l1_ratio, penalty) * np.logspace(0.0, -2.0, _N_LAMBDAS)
    fit_path = adelie_path if penalty == "group_lasso" else glmnet_path
    W, b = fit_path(X, y, values, l1_ratio, _TIGHT)
    lengths = np.linalg.norm(W, axis=2) if penalty == "group_lasso" else np.abs(W).sum(axis=2)
    size = l1_ratio * lengths.sum(axis=1) + (1.0 - l1_ratio) / 2.0 * np.sum(W**2, axis=(1, 2))
    F = values * size + [objective(X, y, *fit, np.inf) for fit in zip(W, b, strict=True)]
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
