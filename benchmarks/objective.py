r"""The harness's own objective, in float64: it shares no code with what it measures.

    F(W, b) = -(1/n) sum_i log P_i[y_i] + ||W||^2 / (2 C n),    P = softmax(X W + b)

With two classes and one column of coefficients the scores are (0, X W + b).
"""

from __future__ import annotations

from typing import Any

import numpy as np

_BLOCK_ROWS = 8192


def objective(X: Any, y: np.ndarray, W: np.ndarray, b: np.ndarray, C: float = 1.0) -> float:
    """Return F for rows X (n, p), dense or sparse, codes y (n,), W (p, r) and b (r,)."""
    n = X.shape[0]
    W, b = np.asarray(W, dtype=np.float64), np.asarray(b, dtype=np.float64)
    loss = 0.0
    for start in range(0, n, _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        scores = np.asarray(X[part] @ W, dtype=np.float64) + b
        if scores.shape[1] == 1:
            scores = np.hstack([np.zeros_like(scores), scores])
        chosen = np.take_along_axis(scores, y[part][:, np.newaxis], axis=1)
        # The scores relative to the right class: log P[y] = -log sum exp of them.
        scores -= chosen
        top = np.maximum(scores.max(axis=1), 0.0)
        loss += float(np.sum(top + np.log(np.exp(scores - top[:, np.newaxis]).sum(axis=1))))
    return (loss + float(np.sum(W * W)) / (2.0 * C)) / n
