"""Learning-rate schedules: functions of the epoch t = 0, 1, 2, ... that return the rate.

A solver accepts a float, which means `Constant`, or any object of a class below.  One that has a
method `observe(loss)` is told the loss at the beginning of each epoch, before it is asked.
A new schedule is one subclass of `Schedule`; the common tests find it by `__subclasses__()`.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from softmax_reg._checks.shown import shown

__all__ = [
    "Constant",
    "Cosine",
    "InverseScaling",
    "Rates",
    "ReduceOnPlateau",
    "Schedule",
    "Step",
    "WarmUp",
]


class Schedule(ABC):
    """A positive learning rate for every epoch."""

    @abstractmethod
    def __call__(self, t: float) -> float:
        """Return the rate at epoch t (a fraction of an epoch is allowed)."""


def _epochs(schedule: Schedule, name: str) -> float:
    """Return how many epochs a schedule has under this name.

    Raises
    ------
    ValueError
        If it is not positive.
    """
    value = getattr(schedule, name)
    if not (isinstance(value, Real) and float(value) > 0.0):
        raise ValueError(
            f"{name} of {type(schedule).__name__} must be a positive number of epochs, "
            f"got {shown(value)}."
        )
    return float(value)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same rate always.

    >>> Constant(0.1)(7)
    0.1
    """

    rate: float

    def __call__(self, t: float) -> float:
        return self.rate


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """rate / (1 + t)^power: Robbins and Monro (1951) for power in (1/2, 1].

    >>> InverseScaling(0.1, power=0.5)(3)
    0.05
    """

    rate: float
    power: float = 0.5

    def __call__(self, t: float) -> float:
        return self.rate / (1.0 + t) ** self.power


@dataclass(frozen=True)
class Step(Schedule):
    """The rate is multiplied by `factor` every `every` epochs.

    >>> Step(0.1, factor=0.5, every=10)(20)
    0.025
    """

    rate: float
    factor: float = 0.5
    every: int = 10

    def __call__(self, t: float) -> float:
        return self.rate * self.factor ** (t // _epochs(self, "every"))


@dataclass(frozen=True)
class Cosine(Schedule):
    """From `rate` down to `floor` along half a cosine of `period` epochs, then `floor`.

    Loshchilov and Hutter (2017), "SGDR", eq. 5, without restarts.

    >>> round(Cosine(0.1, period=10)(5), 12)
    0.05
    """

    rate: float
    period: int = 50
    floor: float = 0.0

    def __call__(self, t: float) -> float:
        phase = math.pi * min(t / _epochs(self, "period"), 1.0)
        return self.floor + 0.5 * (self.rate - self.floor) * (1.0 + math.cos(phase))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A schedule whose rate grows linearly from 0 over the first `epochs` epochs.

    Goyal et al. (2017), "Accurate, large minibatch SGD", section 2.2.

    >>> WarmUp(Constant(0.1), epochs=4)(0)
    0.025
    >>> WarmUp(Constant(0.1), epochs=4)(9)
    0.1
    """

    after: Schedule
    epochs: int = 5

    def observe(self, loss: float) -> None:
        """Tell the schedule, if it wants to know, the loss at the beginning of an epoch."""
        if hasattr(self.after, "observe"):
            self.after.observe(loss)

    def __call__(self, t: float) -> float:
        return self.after(t) * min((t + 1.0) / _epochs(self, "epochs"), 1.0)


@dataclass
class ReduceOnPlateau(Schedule):
    """The rate is multiplied by `factor` when the loss has not fallen enough for some epochs.

    As PyTorch's `ReduceLROnPlateau`: a loss counts as lower if it is below the lowest so far by
    more than its share `threshold`.

    Parameters
    ----------
    rate : float
        The rate to begin with.
    factor : float, default=0.5
    patience : int, default=5
        Epochs in a row without a lower loss, after which the rate is reduced.
    threshold : float, default=1e-4
    floor : float, default=0.0
        The rate is never reduced below it.

    Examples
    --------
    >>> schedule = ReduceOnPlateau(0.1, patience=2)
    >>> for loss in (3.0, 2.0, 2.0, 2.0):
    ...     schedule.observe(loss)
    >>> schedule(4)
    0.05
    """

    rate: float
    factor: float = 0.5
    patience: int = 5
    threshold: float = 1e-4
    floor: float = 0.0
    _lowest: float = field(default=math.inf, init=False, repr=False, compare=False)
    _waited: int = field(default=0, init=False, repr=False, compare=False)
    _reductions: int = field(default=0, init=False, repr=False, compare=False)

    def observe(self, loss: float) -> None:
        """Take note of the loss at the beginning of an epoch."""
        patience = _epochs(self, "patience")
        if loss < self._lowest - self.threshold * abs(self._lowest) or math.isinf(self._lowest):
            self._lowest, self._waited = loss, 0
            return
        self._waited += 1
        if self._waited >= patience:
            self._reductions, self._waited = self._reductions + 1, 0

    def __call__(self, t: float) -> float:
        return max(self.rate * self.factor**self._reductions, self.floor)


class Rates:
    """The rates of a run, epoch by epoch, which a file can be asked to remember.

    Parameters
    ----------
    schedule : float or callable t -> rate
        One that looks at the losses, with a method `observe(loss)`, is copied: the next run has to
        start afresh.
    memory : dict
        Empty at the start of a run; what it holds later is enough to go on with.
    """

    def __init__(self, schedule: float | Callable[[float], float], memory: dict[str, Any]) -> None:
        self.observes = hasattr(schedule, "observe")
        self.schedule: Any = schedule if callable(schedule) else Constant(float(schedule))
        if self.observes:
            self.schedule = copy.deepcopy(schedule)
        self.memory = memory
        memory.setdefault("t", 0)
        memory["losses"] = list(memory.get("losses", ()))
        for loss in memory["losses"] if self.observes else ():
            self.schedule.observe(loss)

    def next(self, point: Any) -> float:
        """Return the rate of the epoch that begins at a point.

        Raises
        ------
        ValueError
            If the schedule does not return a finite number of at least 0.
        """
        if self.observes:
            self.memory["losses"].append(point.value)
            self.schedule.observe(point.value)
        t = self.memory["t"]
        self.memory["t"] = t + 1
        rate = self.schedule(t)
        if not (isinstance(rate, Real) and 0.0 <= float(rate) < math.inf):
            raise ValueError(
                f"learning_rate returned {shown(rate)} for t={t}; it must return a number of at "
                "least 0."
            )
        return float(rate)
