"""The methods, each in a file of its own, and the loop that runs them."""

from softmax_reg.solvers.adam import Adam
from softmax_reg.solvers.endings import Result
from softmax_reg.solvers.events import Callback, Progress
from softmax_reg.solvers.gradient_descent import GradientDescent
from softmax_reg.solvers.lbfgs import LBFGS
from softmax_reg.solvers.minimize import minimize
from softmax_reg.solvers.nesterov import Nesterov
from softmax_reg.solvers.newton_cg import NewtonCG
from softmax_reg.solvers.newton_cholesky import NewtonCholesky
from softmax_reg.solvers.prox_newton import ProxNewton
from softmax_reg.solvers.registry import SOLVERS, make_solver, warn_of_unused
from softmax_reg.solvers.sgd import SGD
from softmax_reg.solvers.solver import Solver, State
from softmax_reg.solvers.svrg import SVRG

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "SVRG",
    "Adam",
    "Callback",
    "GradientDescent",
    "Nesterov",
    "NewtonCG",
    "NewtonCholesky",
    "Progress",
    "ProxNewton",
    "Result",
    "Solver",
    "State",
    "make_solver",
    "minimize",
    "warn_of_unused",
]
