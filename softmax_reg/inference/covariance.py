"""Covariances of the coefficients: from the information, from the scores, from those of clusters.

With the information I = S times the Hessian of F, and the scores u_i of the rows,

    nonrobust   I^-1
    HC0         I^-1 (sum u u') I^-1       HC1   that times n / (n - parameters)
    cluster     the same with the sums of u over each cluster, times G / (G - 1)

H. White (1982), "Maximum likelihood estimation of misspecified models", Econometrica 50, 1-25;
K.-Y. Liang and S. L. Zeger (1986), "Longitudinal data analysis using generalized linear models",
Biometrika 73, 13-22.  The factor of clusters is that of Stata's `mlogit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.row_blocks import BLOCK_BYTES, Sums
from softmax_reg.inference.row_sums import cluster_sums, score_products, widened
from softmax_reg.objective.hessian_block import Coordinates, hessian_block
from softmax_reg.objective.linear_model import LinearModel

__all__ = ["COV_TYPES", "ScoredRows", "Spread", "inverse"]

COV_TYPES = ("nonrobust", "HC0", "HC1", "cluster")
# The sums of so many clusters are in memory at a time.
_CLUSTER_BYTES = 16 << 20


@dataclass(frozen=True)
class Spread:
    """How the scores of the rows spread: what a robust covariance is made of.

    Parameters
    ----------
    cov_type : {"nonrobust", "HC0", "HC1", "cluster"}
    counts : ndarray of shape (n_samples,), float64
        How many rows each row stands for.
    groups : ndarray of shape (n_samples,), intp, or None
        The number of each row's cluster, counted from 0; -1 for a row without weight.
    n_groups : int
        0 without clusters.
    """

    cov_type: str
    counts: NDArray[np.float64]
    groups: NDArray[np.intp] | None = None
    n_groups: int = 0

    def factor(self, n_parameters: int) -> float:
        """Return what multiplies the covariance of a small sample."""
        if self.cov_type == "cluster":
            return self.n_groups / (self.n_groups - 1.0)
        n = float(self.counts.sum())
        return n / (n - n_parameters) if self.cov_type == "HC1" else 1.0


def inverse(information: NDArray) -> NDArray[np.float64] | None:
    """Return the inverse of a positive definite matrix, or None if rounding hides that it is one.

    Rows and columns are divided by the roots of the diagonal first.
    """
    d = np.sqrt(np.diag(information))
    if not (np.isfinite(d).all() and (d > 0.0).all()):
        return None
    correlation = information / d / d[:, np.newaxis]
    factor, failed = scipy.linalg.lapack.dpotrf(correlation, lower=1)
    if failed:
        return None
    norm = float(np.abs(correlation).sum(axis=0).max())
    reciprocal_condition, _ = scipy.linalg.lapack.dpocon(factor, norm, uplo="L")
    if reciprocal_condition < len(d) * np.finfo(np.float64).eps:
        return None
    found: NDArray = scipy.linalg.cho_solve((factor, True), np.eye(len(d)))
    return 0.5 * (found + found.T) / d / d[:, np.newaxis]


@dataclass(frozen=True)
class ScoredRows:
    """Rows at some coefficients, and the coordinates along which they are looked at.

    Parameters
    ----------
    data : Dataset
    model : LinearModel
    w : ndarray of shape (model.size,)
    along : Coordinates
    kept : dict of str to ndarray
        What blocks bring, such as probabilities that are known.
    more : ndarray or CSR array of shape (n_samples, n_more), or None
        Further features of the rows, the last ones of the model.
    """

    data: Dataset
    model: LinearModel
    w: NDArray
    along: Coordinates
    kept: dict[str, NDArray]
    more: Any = None

    def information(self) -> NDArray[np.float64]:
        """Return S times the Hessian of the loss, shape (m, m)."""
        return self._sum(hessian_block)[0] * self.data.total_weight

    def score(self) -> NDArray[np.float64]:
        """Return sum u, shape (m,)."""
        one = np.zeros(self.data.shape[0], dtype=np.intp)
        (U,) = self._sum(partial(cluster_sums, groups=range(1)), 1, groups=one)
        return U[0] * self.data.total_weight

    def spread(self, spread: Spread) -> NDArray[np.float64]:
        """Return sum u u' over the rows, or over their clusters, shape (m, m)."""
        S, m = self.data.total_weight, len(self.along.column)
        if spread.groups is None:
            return S**2 * self._sum(score_products, counts=spread.counts)[0]
        total, together = np.zeros((m, m)), max(_CLUSTER_BYTES // (8 * m), 1)
        for start in range(0, spread.n_groups, together):
            some = range(start, min(start + together, spread.n_groups))
            (U,) = self._sum(partial(cluster_sums, groups=some), len(some), groups=spread.groups)
            total += U.T @ U
        return S**2 * total

    def _sum(self, visit: Callable[..., Sums], n_rows: int | None = None, **kept: NDArray) -> Sums:
        """Return the sums of what `visit` makes of the blocks: matrices of m columns."""
        m = len(self.along.column)
        # Adding up the matrices is to cost little beside making them.
        block_bytes = max(BLOCK_BYTES, 4 * m * (m if n_rows is None else n_rows))
        visit, kept = partial(visit, self.model, self.w, self.along), self.kept | kept
        if self.more is not None:
            visit, kept = partial(widened, visit), kept | {"more": self.more}
        return self.data.reduce(visit, kept, block_bytes)
