"""The registry of solvers: a new method is one file and one line here."""

from softmax_reg.solvers.base import Result, Solver, minimize
from softmax_reg.solvers.gd import GradientDescent
from softmax_reg.solvers.lbfgs import LBFGS
from softmax_reg.solvers.nesterov import Nesterov
from softmax_reg.solvers.newton_cg import NewtonCG
from softmax_reg.solvers.newton_cholesky import NewtonCholesky
from softmax_reg.solvers.sgd import SGD

__all__ = [
    "LBFGS",
    "SGD",
    "SOLVERS",
    "GradientDescent",
    "Nesterov",
    "NewtonCG",
    "NewtonCholesky",
    "Result",
    "Solver",
    "minimize",
]

SOLVERS: dict[str, type[Solver]] = {
    "gd": GradientDescent,
    "nesterov": Nesterov,
    "sgd": SGD,
    "lbfgs": LBFGS,
    "newton-cg": NewtonCG,
    "newton-cholesky": NewtonCholesky,
}
