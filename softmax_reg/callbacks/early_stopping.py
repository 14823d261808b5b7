"""`EarlyStopping`: the callback that ends a fit whose loss on held-out rows no longer falls."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

from numpy.typing import NDArray

from softmax_reg._compat import Interval, validate_parameter_constraints
from softmax_reg.solvers.events import Progress
from softmax_reg.solvers.parameter_constraints import COUNT

__all__ = ["EarlyStopping"]

_ALLOWED = {"n_iter_no_change": COUNT, "min_delta": [Interval(Real, 0, None, closed="left")]}


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
