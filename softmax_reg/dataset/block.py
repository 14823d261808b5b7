"""Some rows with all that belongs to them: what a pass over the rows is given.

A pass is a function of one `Block` that returns a tuple of arrays, to be added up over the blocks.
A block brings all that belongs to its rows, so that a pass needs nothing else that is as long as
the data.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.row_blocks import Sums
from softmax_reg.dataset.rows import Matrix
from softmax_reg.dataset.targets import Labels, Targets

__all__ = ["Block", "Pass"]


class Block(NamedTuple):
    """Some rows, and all that belongs to them.

    Attributes
    ----------
    X : ndarray, CSR or CSC array of shape (n, n_features)
    targets : Targets
        Of these rows, among the classes that take part.
    weights : ndarray of shape (n,)
        s, at least 0.
    shares : ndarray of shape (n, 1)
        s / S, S the sum over all rows of the data.
    kept : dict of str to ndarray of length n
        What is kept of these rows, by name; a pass may write to it.
    offset : ndarray of shape (n, n_outputs) or None, default=None
        What is added to the scores that have coefficients.
    """

    X: Matrix
    targets: Targets
    weights: NDArray
    shares: NDArray
    kept: dict[str, NDArray]
    offset: NDArray | None = None

    def part(self, rows: slice | NDArray[np.intp]) -> Block:
        """Return some rows of the block."""
        kept = {name: array[rows] for name, array in self.kept.items()}
        of_rows = self.targets[rows], self.weights[rows], self.shares[rows]
        offset = None if self.offset is None else self.offset[rows]
        return Block(self.X[rows], *of_rows, kept, offset)

    def expanded(self) -> Block:
        """Return rows with one class each that say the same: itself, if they have one."""
        if isinstance(self.targets, Labels):
            return self
        rows, targets, times = self.targets.expanded()
        part, dtype = self.part(rows), self.weights.dtype
        weights, shares = part.weights * times, part.shares * times[:, np.newaxis]
        return part._replace(
            targets=targets, weights=weights.astype(dtype), shares=shares.astype(dtype)
        )


Pass: TypeAlias = Callable[[Block], Sums]
