"""The methods that have a name: a new one is a file beside this one, and a line here."""

from softmax_reg.solvers.adam import Adam as Adam
from softmax_reg.solvers.gradient_descent import GradientDescent as GradientDescent
from softmax_reg.solvers.lbfgs import LBFGS as LBFGS
from softmax_reg.solvers.nesterov import Nesterov as Nesterov
from softmax_reg.solvers.newton_cg import NewtonCG as NewtonCG
from softmax_reg.solvers.newton_cholesky import NewtonCholesky as NewtonCholesky
from softmax_reg.solvers.prox_newton import ProxNewton as ProxNewton
from softmax_reg.solvers.sgd import SGD as SGD
from softmax_reg.solvers.svrg import SVRG as SVRG
