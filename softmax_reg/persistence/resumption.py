"""What ties a fit to the file of its checkpoints, and a resumed fit to the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.checks import shown
from softmax_reg.callbacks.checkpoint import Checkpoint
from softmax_reg.callbacks.ordering import as_list
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.objective.point import Point
from softmax_reg.persistence.attributes import describe
from softmax_reg.persistence.fingerprint import differences, fingerprint
from softmax_reg.persistence.parameters import encode
from softmax_reg.persistence.runs import is_made_of_numbers
from softmax_reg.solvers.run_state import RunState

__all__ = ["ResumableFit"]

# What does not change the path of the iterates, only where it ends and what is told of it; the
# seed and the starting point are those of the checkpoint.
_FREE = {"callbacks", "max_iter", "n_iter_no_change", "tol", "verbose"}
_FREE |= {"random_state", "warm_start"}
_FREE |= {"dual", "intercept_scaling", "multi_class", "n_jobs"}  # they have no effect
_INTERVALS = ("every", "seconds")


class ResumableFit:
    """One call of `fit`: from the start, or from where a checkpoint was written.

    Parameters
    ----------
    estimator : Persistent
    seed : int
        Of the random numbers of a fit from the start.

    Attributes
    ----------
    seed : int
        Of the random numbers of this one.

    Raises
    ------
    ValueError
        If a parameter is not what it was when the checkpoint was written.
    TypeError
        If a callback cannot be called.
    OSError
        If the folder that a callback is to write to is missing.
    """

    def __init__(self, estimator: Any, seed: int) -> None:
        self._estimator = estimator
        self._resumed = getattr(estimator, "_resumed", None)
        self.seed = seed
        for callback in as_list(estimator.callbacks, "a Progress"):
            if hasattr(callback, "check_path"):
                callback.check_path()
        if self._resumed is not None:
            self.seed = self._resumed["seed"]
            self._check_params(self._resumed["params"])

    def _check_params(self, then: dict[str, Any]) -> None:
        for name, value in self._estimator.get_params(deep=False).items():
            if name in _FREE or name not in then:
                continue
            try:
                now = encode(value)
                is_same = now == then[name]
            except TypeError:
                now, is_same = value, False
            if not is_same:
                raise ValueError(
                    f"A resumed fit needs the parameters of its checkpoint: {name} was "
                    f"{shown(repr(then[name]), 200)}, now it is {now!r}. Set it back, or fit a new "
                    "estimator."
                )

    def run(self, data: Dataset, held_out: Dataset | None) -> RunState | None:
        """Return where to go on, or None to begin at the start.

        Parameters
        ----------
        data : Dataset
            Of this fit, with the weights of those that are held out.
        held_out : Dataset or None
            The rows on which the loss is recorded, if there are any.

        Raises
        ------
        ValueError
            If the data are not those of the checkpoint.
        """
        self._data = data, held_out
        if self._resumed is None:
            return None
        run = RunState.from_arrays(self._resumed["run"])
        if (held_out is None) == bool(run.held_out):
            raise ValueError(
                "A resumed fit needs X_val and y_val if the fit of its checkpoint had them, and "
                f"none if it had none: {'then' if held_out is None else 'now'} they were given."
            )
        if told := differences(self._resumed["data"], fingerprint(*self._data)):
            raise ValueError(
                f"A resumed fit needs the data of its checkpoint, but these differ in {told}. "
                "Give fit what it was given then, or fit a new estimator."
            )
        return run

    def bound(
        self,
        callbacks: Sequence[Any],
        attributes: Callable[[NDArray], dict[str, Any]],
        solver_name: str,
    ) -> list[Any]:
        """Return the callbacks, each `Checkpoint` as a copy that knows what to write.

        Parameters
        ----------
        callbacks : sequence of callables
        attributes : callable w -> dict
            The fitted attributes at w, by name.
        solver_name : str
        """
        if not any(isinstance(callback, Checkpoint) for callback in callbacks):
            return list(callbacks)
        data, estimator = fingerprint(*self._data), self._estimator
        seen = {
            name: getattr(estimator, name)
            for name in ("n_features_in_", "feature_names_in_", "encoding_")
            if hasattr(estimator, name)
        }

        def bind(own: Checkpoint) -> Checkpoint:
            # Told, for the user to give them again: no file makes a callback.
            others = [
                repr(other)
                for other in as_list(estimator.callbacks, "a Progress")
                if other is not own
            ]

            def describe_at(point: Point, run: dict[str, NDArray]) -> Any:
                for name, array in run.items():
                    if not is_made_of_numbers(name, array):
                        raise TypeError(
                            f"{name} holds {array.dtype.name}: what a solver or a callback "
                            "remembers has to be numbers."
                        )
                losses = run["losses"]
                fitted = {
                    **seen,
                    **attributes(point.w),
                    "n_iter_": np.array([len(losses) - 1], dtype=np.int32),
                    "loss_curve_": losses,
                    "optimality_": point.optimality,
                    "converged_": False,
                    "solver_": solver_name,
                }
                header, arrays = describe(estimator, fitted)
                header |= {"seed": self.seed, "data": data}
                header |= {"callbacks": [], "left_out": others}
                header["checkpoint"] = {name: encode(getattr(own, name)) for name in _INTERVALS}
                return header, arrays

            return own.bound(describe_at)

        return [bind(one) if isinstance(one, Checkpoint) else one for one in callbacks]
