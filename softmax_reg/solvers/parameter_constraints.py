"""What hyper-parameters may be, once for the solvers and for the estimator that passes them on."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, Literal, TypeAlias

from softmax_reg._compat import HasMethods, Hidden, Interval, StrOptions

__all__ = [
    "BATCH_SIZE",
    "CALLBACKS",
    "COUNT",
    "LEARNING_RATE",
    "MOMENTUM",
    "POSITIVE",
    "SHARE",
    "BatchSize",
    "LearningRate",
    "SolverName",
]

# The names of solvers that editors offer, of all that are taken; the last three are scikit-learn's,
# for which "auto" is taken.
SolverName: TypeAlias = Literal[
    "auto",
    "adam",
    "gd",
    "lbfgs",
    "nesterov",
    "newton-cg",
    "newton-cholesky",
    "prox-newton",
    "sgd",
    "svrg",
    "liblinear",
    "sag",
    "saga",
]

# What a solver is given, once the constraints below hold.
LearningRate: TypeAlias = float | Callable[[float], float] | Literal["auto"]
BatchSize: TypeAlias = int | Literal["auto"]

COUNT: list[Any] = [Interval(Integral, 1, None, closed="left")]
LEARNING_RATE: list[Any] = [
    StrOptions({"auto"}),
    Interval(Real, 0, None, closed="neither"),
    callable,
]
BATCH_SIZE: list[Any] = [StrOptions({"auto"}), *COUNT]
POSITIVE: list[Any] = [Interval(Real, 0, None, closed="neither")]
SHARE: list[Any] = [Interval(Real, 0, 1, closed="left")]
MOMENTUM: list[Any] = [StrOptions({"auto"}), *SHARE]
# What follows scikit-learn's protocol is let through to an error that says where it belongs.
CALLBACKS: list[Any] = [callable, list, tuple, None, Hidden(HasMethods("on_fit_task_end"))]
