"""What callbacks are told of a stream: each batch, before and after it was learned."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from softmax_reg.callbacks import EarlyStopping, PrintProgress
from softmax_reg.callbacks.checkpoint import Checkpoint
from softmax_reg.callbacks.ordering import as_list, ordered
from softmax_reg.solvers.events import ask

__all__ = ["BatchProgress", "BatchWatch", "warn_of_unused"]

# Of `fit` only; `max_iter` and `tol` are set by so many that nobody wants to hear of them.
_OF_FIT = ("solver", "learning_rate", "batch_size", "momentum", "early_stopping")


@dataclass(frozen=True)
class BatchProgress:
    """What a callback is told of each batch that `partial_fit` has learned.

    It has the names of `Progress`; what only an optimum has is nan or None.

    Attributes
    ----------
    n_iter : int
        Batches since the last `fit`, this one too.
    loss, accuracy : float
        Of this batch before it was learned: the mean loss without a penalty, and the share of its
        rows, by weight, whose class was the most probable.
    coef, intercept : ndarray
        After it was learned.
    seconds : float
        That it took.
    n_read : int
        Rows of the batch.
    """

    n_iter: int
    loss: float
    accuracy: float
    coef: NDArray
    intercept: NDArray
    seconds: float
    n_read: int

    unit: ClassVar[str] = "batch"
    max_iter: ClassVar[None] = None
    tol: ClassVar[float] = 0.0
    optimality: ClassVar[float] = float("nan")
    validation: ClassVar[None] = None
    validation_loss: ClassVar[None] = None
    validation_accuracy: ClassVar[None] = None
    does_all: ClassVar[bool] = False


class BatchWatch:
    """The callbacks of a stream, for one batch.

    Parameters
    ----------
    callbacks : callable, list of callables or None
        The user's; those that stop a fit early have nothing to do here.
    verbose : int
        Lines for batches 1, 2, 5, 10, ..., or for every so-many-th.

    Raises
    ------
    TypeError
        If one cannot be called.
    """

    def __init__(self, callbacks: Any, verbose: int) -> None:
        given = [one for one in as_list(callbacks, "a Progress") if not _stops(one)]
        for callback in given:
            if hasattr(callback, "check_path"):
                callback.check_path()
        self._files = [callback for callback in given if isinstance(callback, Checkpoint)]
        self._callbacks = ordered(given)
        self._verbose = verbose

    def __bool__(self) -> bool:
        return bool(self._callbacks or self._verbose)

    def tell(self, progress: BatchProgress) -> None:
        """Call all of them; there is nothing that they could stop."""
        if self._verbose:
            printer = PrintProgress(self._verbose, columns=_COLUMNS)
            printer.go_on_from(progress.n_iter - 1)
            printer(progress)  # type: ignore[arg-type]
        ask(self._callbacks, progress)

    def keep(self, save: Callable[[Any], None]) -> None:
        """Write the model to the files of the checkpoints that are due."""
        for checkpoint in self._files:
            if checkpoint.is_due:
                checkpoint.keep_model(save)


_COLUMNS = ("iteration", "loss", "accuracy", "rate", "seconds")


def _stops(callback: Any) -> bool:
    return isinstance(callback, EarlyStopping)


def warn_of_unused(
    parameters: Mapping[str, Any], defaults: Mapping[str, Any], callbacks: Any, stacklevel: int
) -> None:
    """Warn of parameters that were given and that a stream has no use for.

    Parameters
    ----------
    parameters, defaults : mapping
        The parameters of the estimator, and those it has when nothing is given.
    callbacks : callable, list of callables or None
    stacklevel : int
        As for `warnings.warn`, counted from the caller.
    """
    given = [
        f"{name}={parameters[name]!r}" for name in _OF_FIT if not _equal(parameters, defaults, name)
    ]
    given += [repr(one) for one in as_list(callbacks, "a Progress") if _stops(one)]
    if given:
        warnings.warn(
            f"partial_fit has a method of its own and makes no use of {', '.join(given)}. Leave "
            "that out, or use fit.",
            UserWarning,
            stacklevel=stacklevel + 1,
        )


def _equal(parameters: Mapping[str, Any], defaults: Mapping[str, Any], name: str) -> bool:
    return bool(np.all(parameters[name] == defaults[name]))
