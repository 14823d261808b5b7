"""How often a fit of ours visits the rows of X: every visit counts, whatever it is for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np


class Passes:
    """The rows visited so far, in full passes over X."""

    def __init__(self, n_rows: int) -> None:
        self.n_rows, self.visited = n_rows, 0

    def __float__(self) -> float:
        return self.visited / self.n_rows


@contextmanager
def counted(n_rows: int) -> Iterator[Passes]:
    """Count what is read through `RowBlocks`: evaluations, batches, moments and Gram matrices."""
    from softmax_reg.dataset.row_blocks import RowBlocks

    passes, reduce, take = Passes(n_rows), RowBlocks.reduce, RowBlocks.take

    def counting_reduce(rows: RowBlocks, *arguments: Any, **options: Any) -> Any:
        passes.visited += rows.shape[0]
        return reduce(rows, *arguments, **options)

    def counting_take(rows: RowBlocks, chosen: np.ndarray) -> Any:
        passes.visited += len(chosen)
        return take(rows, chosen)

    with (
        patch.object(RowBlocks, "reduce", counting_reduce),
        patch.object(RowBlocks, "take", counting_take),
    ):
        yield passes
