"""Threads where the system gives them; where it does not, the caller works alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

__all__ = ["threads"]


@contextmanager
def threads(
    n_threads: int, name: str, initializer: Callable[[], Any] | None = None
) -> Iterator[ThreadPoolExecutor | None]:
    """Start all threads of a pool at once; yield None if one of them cannot be started.

    A limit on memory may leave no room for the stack of a thread, and a limit on processes none for
    the thread.  A pool that starts its threads when work comes would raise in the middle of it.
    """
    with ThreadPoolExecutor(n_threads, name, initializer) as pool:
        yield pool if _all_start(pool, n_threads) else None


def _all_start(pool: ThreadPoolExecutor, n_threads: int) -> bool:
    all_there = Event()  # no thread is free for the next task, so each task starts a thread
    try:
        for _ in range(n_threads):
            pool.submit(all_there.wait)
    except RuntimeError:  # "can't start new thread"
        return False
    finally:
        all_there.set()
    return True
