"""Whether classes can be separated, so that without a penalty no optimum exists.

The loss has no minimiser when some V, u never lowers the score of a row's own class against
another, and raises one (Albert and Anderson 1984): the coefficients can grow along it for ever.
Whether such V, u exist is a linear program, with t >= 0 as much as 1 for each row and other class:

    maximise sum t_ik   subject to   (x_i V + u)[y_i] - (x_i V + u)[k] >= t_ik,   0 <= t_ik <= 1
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.optimize import linprog

from softmax_reg.conditioning import standardised
from softmax_reg.objective import Objective
from softmax_reg.points import Point

__all__ = ["has_no_optimum"]

# The linear program grows faster than the data: above so many entries only complete separation,
# which the last iterate shows by itself, is looked for.
_MAX_ENTRIES = 1_000_000
# A maximum below this is what the solver's tolerance leaves of zero.
_SOME = 1e-3


def has_no_optimum(objective: Objective, point: Point) -> bool:
    """Return whether the classes are separated, completely or, for small data, at least in part.

    Parameters
    ----------
    objective : Objective
        Without a penalty.
    point : Point
        The last iterate.

    References
    ----------
    A. Albert and J. Anderson (1984), "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1-10; K. Konis (2007), "Linear programming algorithms for
    detecting separated data in binary logistic regression models", section 4.2.
    """
    if point.separates_classes():
        return True
    n_entries = len(objective.active) * (objective.n_classes - 1) * 2 * objective.n_features
    return n_entries <= _MAX_ENTRIES and _separates_in_part(objective)


def _separates_in_part(objective: Objective) -> bool:
    A = _standardised_rows(objective)
    codes, K = objective.codes[objective.active], objective.n_classes
    p = A.shape[1]
    # A row for each sample and each other class: x (x) (e_k - e_y), which must not be positive.
    rows, others = np.nonzero(np.arange(K) != codes[:, np.newaxis])
    signs = np.zeros((len(rows), K))
    signs[np.arange(len(rows)), others] = 1.0
    signs[np.arange(len(rows)), codes[rows]] = -1.0
    margins = sp.csr_array((A[rows][:, :, np.newaxis] * signs[:, np.newaxis, :]).reshape(-1, p * K))
    program = linprog(
        c=np.r_[np.zeros(p * K), -np.ones(len(rows))],
        A_ub=sp.hstack([margins, sp.identity(len(rows))], format="csr"),
        b_ub=np.zeros(len(rows)),
        bounds=[(None, None)] * (p * K) + [(0.0, 1.0)] * len(rows),
        method="highs",
    )
    return bool(program.status == 0 and -program.fun > _SOME)


def _standardised_rows(objective: Objective) -> NDArray:
    """Return the rows that have a weight, dense, centred and scaled."""
    n_columns = objective.n_features + objective.fit_intercept
    dense = np.empty((objective.rows.shape[0], n_columns))

    def visit(X: Any, part: slice) -> tuple[NDArray]:
        for rows, A in standardised(objective, X):
            dense[part][rows] = A
        return (np.zeros(1),)

    objective.rows.reduce(visit)
    return dense[objective.active]
