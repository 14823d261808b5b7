"""What a solver is: a generator of points.

The loop that runs it, `minimize`, owns everything else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.contract import Problem, ProblemPoint
from softmax_reg.schedules import Rates

__all__ = ["Constraints", "Solver", "State"]

State = dict[str, Any]
# Of each field what it may be, in the terms of scikit-learn's validation of parameters.
Constraints = dict[str, list[Any]]


class Solver(ABC):
    """A method: its fields are its hyper-parameters, `points` is the algorithm.

    Subclasses are dataclasses.  They never test a tolerance, print, warn or record.

    Attributes
    ----------
    name : str
        What users call it; "" for one that is given as an object only.
    when : str
        For which data it is the one to take, for the table in the documentation.
    constraints : dict of str to list
        What each field may be, in the terms of scikit-learn's parameter validation.
    needs_smooth : bool
        Whether the method needs a penalty without a norm that has kinks.
    uses_curvature : bool
        Whether it asks points for Hessian products, for which probabilities are worth keeping.
    is_stochastic : bool
        Whether it draws rows at random; the curvature of a sample will then do for coordinates.
    whole_hessian : bool
        Whether its coordinates are made from the whole Hessian, not from the blocks of the classes.
    separable : bool
        Whether it needs coordinates that mix no features, also where the penalty is smooth.
    hands_over : bool
        Whether Newton's method may take over in a long run: where nobody asked for this one.
    rate_is_of_gradients : bool
        Whether a learning rate multiplies gradients, so that curvature bounds it.
    first_stage, stage_growth : float
        The coordinates are made anew after `first_stage` points, then each time after
        `stage_growth` times as many.
    """

    name: ClassVar[str] = ""
    when: ClassVar[str] = ""
    constraints: ClassVar[Constraints] = {}
    needs_smooth: bool = False
    uses_curvature: bool = False
    is_stochastic: bool = False
    whole_hessian: bool = False
    separable: bool = False
    hands_over: bool = False
    rate_is_of_gradients: bool = True
    first_stage: float = 5
    stage_growth: float = 1.5

    @property
    def scores_memory(self) -> int:
        """Bytes that the scores and probabilities of a point may take.

        A method that asks for Hessian products uses them again and again.
        """
        return (512 if self.uses_curvature else 64) << 20

    @property
    def is_textbook(self) -> bool:
        """Whether the method follows a learning rate that the user chose, for as long as asked."""
        return bool(getattr(self, "learning_rate", "auto") != "auto")

    @property
    def is_conditioned(self) -> bool:
        """Whether the method runs in conditioned coordinates, or else in the features' own.

        A learning rate that the user chose is meant for the features as they are.
        """
        return not self.is_textbook

    def rates(self, state: State) -> Rates:
        """Return the learning rates that the user chose, one for each epoch."""
        return Rates(getattr(self, "learning_rate"), state)  # noqa: B009

    @abstractmethod
    def points(
        self, objective: Problem, w: NDArray, rng: np.random.Generator, state: State
    ) -> Iterator[ProblemPoint]:
        """Yield the point of each iterate; the first is the one after w.

        Parameters
        ----------
        objective : Problem
            Offers `at(w)`, `prox(w, step)`, `batches(size, rng)`; for working sets
            `differentiable_at`, `close_under_groups`, `face`, `hessian_cost` and
            `remove_class_shift`.
        w : ndarray of shape (objective.size,)
            Where to start; not to be written to.
        rng : Generator
            The only source of randomness.
        state : dict of str to ndarray, number or list of ndarray
            What the method remembers besides w: empty at first, to be read before the first point
            and brought up to date before each is yielded; what is stored is not to be written to
            later.  A method that keeps nothing there begins anew from w when a run is resumed.
        """

    def get_params(self, deep: bool = True) -> dict[str, object]:
        """Return the fields by name: what scikit-learn's `clone` and grid search ask for."""
        names: list[str] = [field.name for field in fields(self)] if is_dataclass(self) else []
        return {name: getattr(self, name) for name in names}

    def set_params(self, **params: object) -> Solver:
        """Set fields by name and return the solver itself."""
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {sorted(known)}."
                )
            setattr(self, name, value)
        return self
