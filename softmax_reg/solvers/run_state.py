"""Where a run stands: all that it needs to go on, in another process too.

What only saves work, points with their scores and the maps of coordinates, is not in it: it is
computed again from `RunState`, and both the run that was written to a file and the one read from it
go on from there in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.storage import flatten, unflatten

__all__ = ["RunState"]


@dataclass
class RunState:
    """Where a run stands.

    Attributes
    ----------
    w, best : ndarray of shape (size,)
        The last point, and the lowest of those before it.
    start : ndarray of shape (size,)
        The point for which the coordinates of the stage were made.
    length : float
        Of how many points the stage is to be; `limit` is what the cost of the coordinates made
        of it, infinite before they are made.
    safe, exhausted : bool
        Whether the coordinates are those of the bound; whether the solver had no more points in
        the stage before.
    n_points : int
        How many points the stage has had.
    v : ndarray or None
        The last of them in its coordinates.
    memory : dict of str to ndarray, number or list of ndarray
        What the solver remembers besides v.
    losses, held_out : list of float
        Of all points; `held_out` those on rows that are held out, if there are any.
    lowest, smallest : float
        The lowest loss and the smallest optimality before the last point.
    idle : int
        For how many points neither has reached a new low.
    finishing : bool
        Whether Newton's method goes on where the solver could not be shown to be done.
    decrease : float
        About how much lower than the last point the minimum is, or under a norm what the last step
        brought; 0 where nothing tells, infinite before the first step.
    rng : str
        The state of the bit generator, as JSON.
    seed : int
        Of the sample of rows that the coordinates of a stochastic solver are made from.
    watchers : dict of str to dict
        What callbacks remember, by their names.
    """

    w: NDArray
    best: NDArray
    start: NDArray
    length: float
    limit: float = np.inf
    safe: bool = True
    exhausted: bool = False
    n_points: int = 0
    v: NDArray | None = None
    memory: dict[str, object] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    held_out: list[float] = field(default_factory=list)
    lowest: float = np.inf
    smallest: float = np.inf
    idle: int = 0
    finishing: bool = False
    decrease: float = 0.0
    rng: str = ""
    seed: int = 0
    watchers: dict[str, dict[str, object]] = field(default_factory=dict)

    def to_arrays(self) -> dict[str, NDArray]:
        """Return everything as arrays by name."""
        return flatten({item.name: getattr(self, item.name) for item in fields(self)})

    @classmethod
    def near_optimum(cls, w: NDArray, length: float, safe: bool) -> RunState:
        """Return a run from a point that the optimum is near to.

        How far the loss can fall is to be seen before it may end, and unless it is to be `safe` the
        curvature at w serves as coordinates from the start, in place of the bound.
        """
        return cls(w=w, best=w, start=w, length=length, safe=safe, decrease=np.inf)

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray]) -> RunState:
        """Return the run that `to_arrays` was called of."""
        run = cls(**unflatten(arrays))
        run.losses, run.held_out = list(run.losses), list(run.held_out)
        return run

    def finish(self, length: float) -> None:
        """Begin the stage of the method that finishes at the last point."""
        self.next_stage(1.0, exhausted=False)
        self.finishing, self.length, self.idle = True, length, 0

    def next_stage(self, growth: float, exhausted: bool) -> None:
        """Begin a stage at the last point."""
        self.start, self.v, self.n_points, self.memory = self.w, None, 0, {}
        # Curvature that has all but vanished asks for steps without end: back to the bound then.
        self.safe, self.exhausted = exhausted and not self.safe, exhausted
        self.length, self.limit = self.length * growth, np.inf
