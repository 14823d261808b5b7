"""What `converged` promises: F is within a small share of itself of its minimum.

With soft targets that is F less their entropy, which no model goes below.

The share is 1e-6, 1e-4 for float32; below a loss of 1e-6 it is that share of 1e-6.  Certified where
the duality gap is as small, or else tested by a Newton step.  Who asks for less by a `tol` above
1e-7 is taken at their word: it is kept where the run ends by `tol`.
"""

from __future__ import annotations

import numpy as np

from softmax_reg.objective.coefficients import as_given
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.objective.separability import Existence, existence_of_optimum
from softmax_reg.objective.suboptimality import Suboptimality, suboptimality
from softmax_reg.solvers.restarts import PreconditionedIterates

__all__ = ["Promise"]

_SHARE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-4}
_OF_TOL = 10.0
# What is asked for beside what is promised, for a bound is rounded, too.
_MARGIN = 0.5
# Losses below it have lost so many digits that a share of them means nothing.
_LEAST_LOSS = 1e-6
# The Hessian of all coefficients may cost a few passes and this share of those of the run, and no
# more than so many where the run is in doubt.
_LITTLE, _CHEAP, _DEAR = 2.0, 0.2, 2000.0


class Promise:
    """Whether a point is as near the minimum as is promised.

    Parameters
    ----------
    objective : Objective
    tol : float
        The caller's.

    Attributes
    ----------
    bound : Suboptimality
        What is known of the point that was asked about last.
    is_loose : bool
        Whether `tol` asks for less.
    lost : float
        By how much F rose when the coefficients were rounded to the dtype of X.
    """

    def __init__(self, objective: Objective, tol: float) -> None:
        self.objective = objective
        self.share = _SHARE[np.dtype(objective.data.rows.origin.dtype)]
        self.is_loose = _OF_TOL * tol > self.share
        self.bound, self.lost = Suboptimality(np.inf, np.nan, False), 0.0
        self._point: Point | None = None
        self._existence: Existence | None = None

    def enough(self, point: Point) -> float:
        """Return by how much F may be above its minimum at a point."""
        return _MARGIN * self.share * max(point.reducible, _LEAST_LOSS)

    def holds(self, walk: PreconditionedIterates, point: Point, in_doubt: bool = True) -> bool:
        """Return whether F at a point of a walk is certified or tested to be near its minimum.

        A run that is `in_doubt` may take a while to find out.
        """
        if self._point is not point:
            self._point, self.bound = point, self._look(walk, point, in_doubt)
        return self.bound.excess <= self.enough(point)

    def existence(self, point: Point) -> Existence:
        """Return whether there is a minimum; asked for once, the nearer to it the cheaper."""
        if self._existence is None:
            self._existence = existence_of_optimum(self.objective, point)
        return self._existence

    def holds_as_given(self, walk: PreconditionedIterates, point: Point) -> bool:
        """Return the same of the coefficients in the dtype of X, which `bound` then tells of."""
        self.holds(walk, point, in_doubt=False)
        given = as_given(self.objective, point.w)
        if given.dtype != point.w.dtype:
            rounded = self.objective.at(given.astype(point.w.dtype)).value
            self.lost = max(rounded - point.value, 0.0)
            self.bound = self.bound._replace(excess=self.bound.excess + self.lost)
        return self.bound.excess <= self.enough(point)

    def _look(self, walk: PreconditionedIterates, point: Point, in_doubt: bool) -> Suboptimality:
        enough, n_iter = self.enough(point), len(walk.run.losses)
        bound = suboptimality(self.objective, point, enough, _LITTLE + _CHEAP * n_iter)
        if not bound.is_best:
            bound = bound._replace(excess=min(bound.excess, walk.excess(point)))
            if bound.excess > enough and in_doubt and walk.can_finish:
                bound = suboptimality(self.objective, point, enough, _DEAR, bound.gap)
        return bound
