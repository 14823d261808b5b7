"""What an error leaves of an estimator: what it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["unchanged_if_it_fails"]


@contextmanager
def unchanged_if_it_fails(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back if an error ends the block."""
    before = estimator.__dict__.copy()
    try:
        yield
    except BaseException:
        estimator.__dict__.clear()
        estimator.__dict__.update(before)
        raise
