"""What goes around a run that is to be resumed: who keeps where it stands, and who remembers what.

A run that has been handed out goes on from there as one that was read from a file does.
"""

from __future__ import annotations

from collections.abc import Sequence

from softmax_reg.objective.point import Point
from softmax_reg.solvers.events import CheckpointCallback, StatefulCallback
from softmax_reg.solvers.restarts import PreconditionedIterates
from softmax_reg.solvers.run_state import RunState

__all__ = ["Keeping", "is_kept"]


def is_kept(callbacks: Sequence[object]) -> bool:
    """Return whether one of the callbacks keeps where the run stands."""
    return any(isinstance(callback, CheckpointCallback) for callback in callbacks)


class Keeping:
    """The callbacks that keep where a run stands, or remember something, and that run.

    Parameters
    ----------
    walk : PreconditionedIterates
    callbacks : sequence of callables
        A `CheckpointCallback` is handed the run when it is due, a `StatefulCallback` what the run
        knows of it.
    """

    def __init__(self, walk: PreconditionedIterates, callbacks: Sequence[object]) -> None:
        self._walk = walk
        self._keepers = [
            callback for callback in callbacks if isinstance(callback, CheckpointCallback)
        ]
        self._watchers: dict[str, StatefulCallback] = {}
        for callback in callbacks:
            if isinstance(callback, StatefulCallback):
                kind = type(callback).__name__
                number = sum(name.startswith(f"{kind} ") for name in self._watchers)
                self._watchers[f"{kind} {number}"] = callback
        self._remind()

    def keep_if_due(self) -> Point:
        """Hand out where the run stands to the keepers that are due; return its last point."""
        due = [keeper for keeper in self._keepers if keeper.is_due]
        if due:
            run = self._walk.stand()
            run.watchers = {name: watcher.get_state() for name, watcher in self._watchers.items()}
            arrays = run.to_arrays()
            for keeper in due:
                keeper.keep(arrays, self._walk.point)
            self._walk.go_on(RunState.from_arrays(arrays))
            self._remind()
        return self._walk.point

    def _remind(self) -> None:
        for name, watcher in self._watchers.items():
            if name in self._walk.run.watchers:
                watcher.set_state(self._walk.run.watchers[name])
