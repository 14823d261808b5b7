"""One BLAS thread while anyone computes, and afterwards the caller's limit again.

Most BLAS libraries have one number of threads for the whole process, that of the last who set it,
be it a fit of ours in any thread or `threadpool_limits` of the caller.  So each `Hold` on a library
notes what it found there and undoes only what it did itself:

- the first to come notes the caller's limit and sets 1; whoever comes and finds 1 notes nothing;
- who leaves hands its note to one that came later and noted nothing, or else sets the library back;
- a number that somebody else has set meanwhile stays, and counts as the caller's limit.

Two things are out of our hands: a limit that is entered while a fit runs and left after it sets
what it found itself, 1; and a limit of 1 entered meanwhile looks like ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock, get_ident
from typing import Any

from threadpoolctl import ThreadpoolController

from softmax_reg._compat import set_blas_threads

__all__ = ["Hold", "blas_threads", "n_threads_allowed"]


@dataclass(eq=False)
class _Note:
    """Who computes, where, and how many threads it found, if it is the one to set them back."""

    who: object
    thread: int
    found: int | None


class Hold:
    """Holds one library to one thread while anyone is inside.

    Parameters
    ----------
    pool : LibController of threadpoolctl
    """

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        # An OpenBLAS of OpenMP has a number for each thread of the program, which sees no other.
        kind = pool.internal_api, getattr(pool, "threading_layer", "")
        self.each_thread = kind == ("openblas", "openmp")
        self._notes: list[_Note] = []  # in the order of coming
        # The caller's limit in the child of a fork, held by threads that are in the parent only.
        self._left: int | None = None

    def _visible(self) -> list[_Note]:
        here = get_ident()
        return [note for note in self._notes if note.thread == here or not self.each_thread]

    def limit(self) -> int:
        """Return the number of threads that the caller allows, also while anyone is inside."""
        now = int(self.pool.num_threads)
        found = [note.found for note in self._visible() if note.found is not None]
        if now == 1 and found:
            return found[-1]
        return self._left if now == 1 and self._left is not None else now

    def enter(self, who: object) -> None:
        """Set one thread, and note what to set back."""
        found: int | None = int(self.pool.num_threads)
        if found == 1:
            found = None if self._visible() else self._left or 1
        self._left = None
        self._notes.append(_Note(who, get_ident(), found))
        if found is not None:  # noted before it is done: Ctrl-C may come in between
            set_blas_threads(self.pool, 1)

    def leave(self, who: object) -> None:
        """Set back what was found, unless another is to do it or the number is not ours."""
        visible = self._visible()
        places = [place for place, note in enumerate(visible) if note.who is who]
        if not places:
            return  # it was interrupted before it came
        note, later = visible[places[0]], visible[places[0] + 1 :]
        self._notes.remove(note)
        if note.found is None:
            return
        if later:
            if later[0].found is None:  # else somebody else has set the number since
                later[0].found = note.found
        elif int(self.pool.num_threads) == 1:
            set_blas_threads(self.pool, note.found)

    def forget_other_threads(self) -> None:
        """Forget, in the child of a fork, those that compute in the parent only."""
        before = [note.found for note in self._visible() if note.found is not None]
        here = get_ident()
        self._notes = [note for note in self._notes if note.thread == here]
        if before and not any(note.found is not None for note in self._notes):
            if self._notes:
                self._notes[0].found = before[0]
            else:
                self._left = before[0]


class _BlasThreads:
    """The holds on all BLAS libraries of the process; the lock is for their bookkeeping alone."""

    def __init__(self) -> None:
        self._lock = RLock()  # of a thread, again and again: a signal may come while it is held
        self._known: list[Hold] | None = None
        if hasattr(os, "register_at_fork"):
            # The child of a fork has no other threads, one of which might have the lock there.
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._go_on_in_child,
            )

    def _holds(self) -> list[Hold]:
        if self._known is None:  # looking for the libraries takes milliseconds: once per process
            libraries = ThreadpoolController().select(user_api="blas").lib_controllers
            self._known = [Hold(library) for library in libraries]
        return self._known

    def _go_on_in_child(self) -> None:
        for hold in self._known or ():
            hold.forget_other_threads()
        self._lock.release()

    def allowed(self) -> int:
        """Return the limit that the caller set, also while anyone is inside."""
        with self._lock:
            return max((hold.limit() for hold in self._holds()), default=1)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold BLAS to one thread until the end of the block; blocks may overlap in threads."""
        block = object()
        try:
            with self._lock:
                for hold in self._holds():
                    hold.enter(block)
            yield
        finally:
            with self._lock:
                for hold in self._holds():
                    hold.leave(block)

    def hold_this_thread(self) -> None:
        """Set one BLAS thread for the calling thread alone, where each has its own number."""
        with self._lock:
            for hold in self._holds():
                if hold.each_thread:
                    set_blas_threads(hold.pool, 1)


blas_threads = _BlasThreads()


def n_threads_allowed() -> int:
    """Return how many threads the caller allows: the present limit of the BLAS libraries.

    `OMP_NUM_THREADS`, `threadpool_limits` and joblib's worker processes all set that limit.
    """
    return blas_threads.allowed()
