"""What hyper-parameters may be, once for the solvers and for the estimator that passes them on."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

from softmax_reg._compat import Interval, StrOptions

__all__ = ["BATCH_SIZE", "COUNT", "LEARNING_RATE", "MOMENTUM", "POSITIVE"]

COUNT: list[Any] = [Interval(Integral, 1, None, closed="left")]
LEARNING_RATE: list[Any] = [
    StrOptions({"auto"}),
    Interval(Real, 0, None, closed="neither"),
    callable,
]
BATCH_SIZE: list[Any] = [StrOptions({"auto"}), *COUNT]
POSITIVE: list[Any] = [Interval(Real, 0, None, closed="neither")]
MOMENTUM: list[Any] = [Interval(Real, 0, 1, closed="left")]
