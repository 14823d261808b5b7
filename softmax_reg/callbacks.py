"""What watches a run: early stopping, a record of the losses, lines of progress.

A callback is called with a `Progress` for every point, the starting point too; True means stop,
whatever else it returns means nothing.  All are called, always, in this order: printers, loggers,
early stopping, then the user's own.
"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import Interval, validate_parameter_constraints
from softmax_reg.loss_logger import LossLogger
from softmax_reg.persistence.checkpoint import Checkpoint
from softmax_reg.progress import PrintProgress
from softmax_reg.solvers.events import Callback, Progress
from softmax_reg.solvers.parameter_constraints import COUNT

if TYPE_CHECKING:
    pass

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LossLogger",
    "PrintProgress",
    "Progress",
]

_ALLOWED = {"n_iter_no_change": COUNT, "min_delta": [Interval(Real, 0, None, closed="left")]}
_OTHERS = 3  # the place of callables that say nothing of their own


class EarlyStopping:
    """Stops when the loss on held-out rows has not reached a new low for some iterations.

    The fit then keeps the iterate with the lowest held-out loss.  Criterion UP of L. Prechelt
    (1998), "Early stopping - but when?".  The estimator's `early_stopping=True` makes one; given
    in `callbacks` it takes the place of that one.

    Parameters
    ----------
    n_iter_no_change : int, default=10
        So many iterations without a new low end the run.
    min_delta : float, default=0.0
        How far a loss has to be below the last new low to be one.

    Attributes
    ----------
    best_iter : int
        The iteration with the lowest held-out loss.
    best_loss : float
        That loss.
    best_w : ndarray or None
        The coefficients there, as the objective lays them out.

    Raises
    ------
    ValueError
        If a parameter is out of range; when called, if no rows are held out.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from softmax_reg import SoftmaxRegression
    >>> from softmax_reg.callbacks import EarlyStopping
    >>> stopping = EarlyStopping(n_iter_no_change=3, min_delta=1e-3)
    >>> model = SoftmaxRegression(callbacks=stopping, random_state=0)
    >>> model = model.fit(*load_digits(return_X_y=True))
    >>> bool(model.best_iter_ == stopping.best_iter <= model.n_iter_[0])
    True
    """

    order: ClassVar[int] = 2

    @property
    def reason(self) -> str:
        """Why it asks to stop."""
        return (
            f"the held-out loss had no new low for {self.n_iter_no_change} iterations; the best, "
            f"{self.best_loss:.6g}, was at iteration {self.best_iter}"
        )

    def __init__(self, n_iter_no_change: int = 10, min_delta: float = 0.0) -> None:
        given = {"n_iter_no_change": n_iter_no_change, "min_delta": min_delta}
        validate_parameter_constraints(_ALLOWED, given, type(self).__name__)
        self.n_iter_no_change, self.min_delta = n_iter_no_change, min_delta
        self.reset()

    def __repr__(self) -> str:
        return f"EarlyStopping({self.n_iter_no_change}, min_delta={self.min_delta})"

    def reset(self) -> None:
        """Forget the last run."""
        self.best_iter, self.best_loss = 0, float("inf")
        self.best_w: NDArray | None = None
        self._low, self._low_iter = float("inf"), 0

    def __call__(self, progress: Progress) -> bool:
        """Look at the held-out loss; return whether to stop."""
        loss = progress.validation_loss
        if loss is None:
            raise ValueError(
                "EarlyStopping needs rows that are held out, and this run has none. Give `fit` "
                "X_val and y_val, or let the estimator hold rows out."
            )
        if progress.n_iter == 0:
            self.reset()
        if loss < self.best_loss:
            self.best_loss, self.best_iter = loss, progress.n_iter
            self.best_w = progress.point.w
        if loss < self._low - self.min_delta:
            self._low, self._low_iter = loss, progress.n_iter
        return progress.n_iter - self._low_iter >= self.n_iter_no_change

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed run has to know."""
        names = ("best_iter", "best_loss", "best_w", "_low", "_low_iter")
        return {name: getattr(self, name) for name in names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.best_iter, self.best_loss = int(state["best_iter"]), float(state["best_loss"])
        self._low_iter, self._low = int(state["_low_iter"]), float(state["_low"])
        self.best_w = state.get("best_w")


def listed(given: Any, told: str) -> list[Callable[..., Any]]:
    """Return the callbacks that a user gave as a list.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
    told : str
        What they are called with, for the error.

    Raises
    ------
    TypeError
        If one cannot be called.
    """
    callbacks = list(given) if isinstance(given, list | tuple) else [given]
    callbacks = [] if given is None else callbacks
    for callback in callbacks:
        if not callable(callback) or isinstance(callback, type):
            remedy = (
                "scikit-learn's callbacks are set by set_callbacks(...)"
                if hasattr(callback, "on_fit_task_end")
                else f"give an instance or a function that takes {told}"
            )
            raise TypeError(f"callbacks holds {shown(callback)}, which cannot be called: {remedy}.")
    return callbacks


def in_order(
    given: Any, verbose: int, n_iter_no_change: int | None
) -> tuple[list[Callable[..., Any]], EarlyStopping | None]:
    """Return the callbacks of a fit in the order of their calls, and that which stops it early.

    Parameters
    ----------
    given : callable, list or tuple of callables, or None
        The user's.
    verbose : int
        Adds lines of progress if positive.
    n_iter_no_change : int or None
        Adds early stopping, unless it is among those given; None adds none.

    Raises
    ------
    TypeError
        If one cannot be called.
    ValueError
        If two of them stop early.
    """
    callbacks = listed(given, "a Progress")
    stopping = [callback for callback in callbacks if isinstance(callback, EarlyStopping)]
    if len(stopping) > 1:
        raise ValueError(f"callbacks holds {len(stopping)} EarlyStopping; only one can decide.")
    for stale in stopping:
        stale.reset()  # lest a run that ends before its first point keeps the best of another
    if not stopping and n_iter_no_change is not None:
        stopping = [EarlyStopping(n_iter_no_change)]
        callbacks += stopping
    if verbose:
        callbacks = [PrintProgress(verbose), *callbacks]
    callbacks.sort(key=lambda callback: getattr(callback, "order", _OTHERS))
    return callbacks, stopping[0] if stopping else None
