"""What callbacks of a path and of a cross-validation are told: `PathProgress`, of a `PathPoint`."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import NDArray

__all__ = ["PathPoint", "PathProgress"]


@dataclass(frozen=True)
class PathPoint:
    """The optimum at one C.

    Attributes
    ----------
    C : float
    coef : ndarray of shape (n_outputs, n_features), dtype of X
    intercept : ndarray of shape (n_outputs,), dtype of X
    value : float
        F, as `SoftmaxRegression` states it.
    deviance : float
        -2 sum_i s_i log P_i[y_i], over the rows of the fit.
    optimality : float
        As `SoftmaxRegression.optimality_`.
    n_iter : int
    converged : bool
    stopped : str
        What ended the fit.
    scale : ndarray of shape (n_features,), float64, or None
        The deviations of the features, if they are the units of the penalty.
    """

    C: float
    coef: NDArray
    intercept: NDArray
    value: float
    deviance: float
    optimality: float
    n_iter: int
    converged: bool
    stopped: str
    scale: NDArray | None = None


@dataclass(frozen=True)
class PathProgress:
    """What a callback is told of each fit of a path.

    Attributes
    ----------
    step : PathPoint
        The optimum: its `C`, `coef`, `intercept`, `value`, `deviance`, `optimality`, `n_iter` and
        `converged`.  The arrays are read-only.
    number : int
        Which C of the path it is, from 1 for the smallest.
    n_Cs : int
        How many the path has.
    l1_ratio : float
        Share of the L1 norm in the penalty.
    n_done : int
        Fits done so far, or not needed any more, in all paths together.
    n_fits : int
        How many there are.
    seconds : float
        Since the first of them began.
    fold : int or None
        The number of the fold, from 1; None for a fit to all rows.
    n_folds : int or None
        How many there are; None for a path over all rows.
    score : float or None
        On the rows that the fold leaves out.
    """

    step: PathPoint
    number: int
    n_Cs: int
    l1_ratio: float
    n_done: int
    n_fits: int
    seconds: float
    fold: int | None = None
    n_folds: int | None = None
    score: float | None = None
