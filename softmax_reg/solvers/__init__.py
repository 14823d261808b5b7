"""The methods, each in a file of its own, and the loop that runs them."""

from softmax_reg.solvers.endings import Result
from softmax_reg.solvers.events import Callback, Progress
from softmax_reg.solvers.methods import *  # noqa: F403
from softmax_reg.solvers.minimize import minimize
from softmax_reg.solvers.registry import SOLVERS, make_solver, warn_of_unused
from softmax_reg.solvers.solver import Solver, State

__all__ = [
    "SOLVERS",
    "Callback",
    "Progress",
    "Result",
    "Solver",
    "State",
    "make_solver",
    "minimize",
    "warn_of_unused",
]
__all__ += [kind.__name__ for kind in SOLVERS.values()]
