"""Passes over the rows that inference needs besides those of the objective.

With a_i the features of a row, centred and scaled, with a 1, and r_i = s_i (p_i - y_i) / S, the
score of a row, minus S times the gradient of its log-likelihood, is r_i (x) a_i.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.rows import Matrix
from softmax_reg.objective.hessian_block import Coordinates
from softmax_reg.objective.linear_model import LinearModel

__all__ = ["cluster_sums", "mean_proba", "parts_of", "score_products", "shares_of", "widened"]

# What of the products below may be in memory at a time, in each thread.
_PART_BYTES = 4 << 20


def parts_of(n_rows: int, n_numbers: int) -> Iterator[slice]:
    """Yield parts of a block of so many numbers a row, each of bounded size."""
    together = max(_PART_BYTES // (8 * n_numbers), 16)
    for start in range(0, n_rows, together):
        yield slice(start, min(start + together, n_rows))


def shares_of(block: Block) -> NDArray:
    """Return s / S, shape (rows, 1): the weights of a Gram matrix."""
    return block.shares


def mean_proba(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    """Return the share of a block in the mean probabilities, shape (n_classes,)."""
    P, _ = model.softmax(w, block)
    return ((P * block.shares).sum(axis=0, dtype=np.float64),)


def _residuals(model: LinearModel, w: NDArray, block: Block) -> NDArray:
    P, _ = model.softmax(w, block)
    return model.residuals(P.copy(order="F"), block)[:, model.free]


def score_products(
    model: LinearModel, w: NDArray, along: Coordinates, block: Block
) -> tuple[NDArray[np.float64]]:
    """Return the sum of u u' / f over the rows of a block, u their scores, shape (m, m).

    f are the `counts` that come with the block: a row of count f stands for f rows of score u / f.
    """
    m, R = len(along.column), _residuals(model, w, block)
    total, counts = np.zeros((m, m)), block.kept["counts"]
    R = R * np.sqrt(np.divide(1.0, counts, out=np.zeros(len(R)), where=counts > 0.0))[:, np.newaxis]
    # Adding up matrices of m^2 entries is to cost little beside making them.
    for rows in parts_of(len(R), max(m + len(along.features) + 1, 1)):
        U = np.ascontiguousarray(along.dense(block.X[rows]).T)[along.column]
        U *= R[rows].T[along.row]
        total += U @ U.T
    return (total,)


def cluster_sums(
    model: LinearModel, w: NDArray, along: Coordinates, block: Block, groups: range
) -> tuple[NDArray[np.float64]]:
    """Return the sums of the scores of a block by group, for some groups, (len(groups), m).

    The number of each row's group comes with the block, as `groups`.
    """
    total = np.zeros((len(groups), len(along.column)))
    code = block.kept["groups"] - groups.start
    chosen = np.flatnonzero((code >= 0) & (code < len(groups)))
    if not len(chosen):
        return (total,)
    R = _residuals(model, w, block)
    of_output = [np.flatnonzero(along.row == k) for k in range(model.n_outputs)]
    for part in parts_of(len(chosen), len(along.features) + 1):
        rows = part if len(chosen) == len(R) else chosen[part]  # a slice copies nothing
        A = along.dense(block.X[rows])
        places = code[rows], np.arange(len(A))
        for k, mine in enumerate(of_output):
            if len(mine):
                weighted = sp.csr_array((R[rows, k], places), shape=(len(groups), len(A)))
                total[:, mine] += weighted @ A[:, along.column[mine]]
    return (total,)


def widened(visit: Callable[[Block], tuple[NDArray, ...]], block: Block) -> tuple[NDArray, ...]:
    """Return what `visit` does of a block whose rows have `more` features, which come with it."""
    n_features = block.X.shape[1] + block.kept["more"].shape[1]
    total: tuple[NDArray, ...] = ()
    for rows in parts_of(block.X.shape[0], n_features):
        part = block.part(rows)
        kept = {name: array for name, array in part.kept.items() if name != "more"}
        wide = part._replace(X=_beside(part.X, part.kept["more"]), kept=kept)
        new = visit(wide)
        total = tuple(a + b for a, b in zip(total, new, strict=True)) if total else new
    return total


def _beside(X: Matrix, more: Matrix) -> Matrix:
    if isinstance(X, np.ndarray) and isinstance(more, np.ndarray):
        return np.hstack([X, more])
    return sp.hstack([X, more], format="csr")
