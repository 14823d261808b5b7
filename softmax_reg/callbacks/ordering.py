"""The callbacks of a fit as a list, in the order in which they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from softmax_reg._checks.shown import shown
from softmax_reg.callbacks.early_stopping import EarlyStopping
from softmax_reg.callbacks.print_progress import PrintProgress

__all__ = ["as_list", "ordered", "sorted_callbacks"]

_OTHERS = 3  # the place of callables that say nothing of their own


def as_list(given: Any, told: str) -> list[Callable[..., Any]]:
    """Return the callbacks that a user gave as a list.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
    told : str
        What they are called with, for the error.

    Raises
    ------
    TypeError
        If one cannot be called.
    """
    callbacks = list(given) if isinstance(given, list | tuple) else [given]
    callbacks = [] if given is None else callbacks
    for callback in callbacks:
        if not callable(callback) or isinstance(callback, type):
            remedy = (
                "scikit-learn's callbacks are set by set_callbacks(...)"
                if hasattr(callback, "on_fit_task_end")
                else f"give an instance or a function that takes {told}"
            )
            raise TypeError(f"callbacks holds {shown(callback)}, which cannot be called: {remedy}.")
    return callbacks


def sorted_callbacks(
    given: Any, verbose: int, n_iter_no_change: int | None
) -> tuple[list[Callable[..., Any]], EarlyStopping | None]:
    """Return the callbacks of a fit in the order of their calls, and that which stops it early.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
        The user's.
    verbose : int
        Adds lines of progress if positive.
    n_iter_no_change : int or None
        Adds early stopping, unless it is among those given; None adds none.

    Raises
    ------
    TypeError
        If one cannot be called.
    ValueError
        If two of them stop early.
    """
    callbacks = as_list(given, "a Progress")
    stopping = [callback for callback in callbacks if isinstance(callback, EarlyStopping)]
    if len(stopping) > 1:
        raise ValueError(f"callbacks holds {len(stopping)} EarlyStopping; only one can decide.")
    for stale in stopping:
        stale.reset()  # lest a run that ends before its first point keeps the best of another
    if not stopping and n_iter_no_change is not None:
        stopping = [EarlyStopping(n_iter_no_change)]
        callbacks += stopping
    if verbose:
        callbacks = [PrintProgress(verbose), *callbacks]
    return ordered(callbacks), stopping[0] if stopping else None


def ordered(callbacks: list[Callable[..., Any]]) -> list[Callable[..., Any]]:
    """Return callbacks in the order of their calls: as given, but for those that have a place."""
    return sorted(callbacks, key=lambda callback: getattr(callback, "order", _OTHERS))
