"""What a script for scikit-learn's `LogisticRegression` says, in the words of this package.

Parameters are kept as they were given.  `meant` translates them: "l1" and "l2" are ratios of the
elastic net, no penalty is an infinite C, and solvers that there are only there are "auto".  `tell`
says, once for each fit, what has no effect here, and refuses what cannot be meant.
"""

from __future__ import annotations

import warnings
from collections.abc import Container, Mapping
from inspect import signature
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import Hidden, Interval, StrOptions
from softmax_reg.penalties import PENALTIES
from softmax_reg.solvers import SOLVERS, Solver

__all__ = [
    "CONSTRAINTS",
    "WARN",
    "check_scheme",
    "laid_as_new",
    "lay_out",
    "meant",
    "scoring_meant",
    "tell",
]

_WORDS = {"penalty", "solver"}
_OURS, _L1_RATIOS = "elasticnet", {"l1": 1.0, "l2": 0.0}
_THEIR_SOLVERS = {"liblinear", "sag", "saga"}
# Placeholders that stand for a default in the signatures of scikit-learn 1.6 to 1.9.
_DEPRECATED, WARN = Hidden(StrOptions({"deprecated"})), Hidden(StrOptions({"warn"}))

CONSTRAINTS: dict[str, list[Any]] = {
    "penalty": [StrOptions({*PENALTIES, *_L1_RATIOS}), None, _DEPRECATED],
    "l1_ratio": [Interval(Real, 0, 1, closed="both"), None],
    "l1_ratios": ["array-like", None, WARN],
    "solver": [StrOptions({"auto", *SOLVERS}), Solver, Hidden(StrOptions(_THEIR_SOLVERS))],
    "max_iter": [Interval(Integral, 0, None, closed="left")],
    "dual": ["boolean"],
    "intercept_scaling": [Interval(Real, 0, None, closed="neither")],
    "n_jobs": [Integral, None],
    "multi_class": [StrOptions({"auto", "multinomial", "ovr"}), _DEPRECATED],
    "use_legacy_attributes": ["boolean", WARN],
}


def meant(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator in the words of this package.

    Parameters
    ----------
    estimator : estimator
        With an `l1_ratio` or, of a search, `l1_ratios`; its parameters as `CONSTRAINTS` allows.

    Returns
    -------
    ours : dict
        With a `penalty` in `PENALTIES`, a `solver` that `make_solver` knows, and numbers for `C`
        and `l1_ratio` or `l1_ratios`.
    """
    params = _given(estimator)
    ours, penalty, name = dict(params), params["penalty"], _name_of_ratio(params)
    given = 0.0 if _is_default(params[name]) else params[name]
    ratio = _L1_RATIOS.get(penalty, given)
    ours[name] = (ratio,) if name == "l1_ratios" and np.ndim(ratio) == 0 else ratio
    if penalty is None:
        ours |= {"C": np.inf} if "C" in params else {"Cs": (np.inf,)}
    ours["penalty"] = penalty if penalty in PENALTIES else _OURS
    ours["solver"] = "auto" if _is_theirs(params["solver"]) else params["solver"]
    return ours


def tell(estimator: Any, stacklevel: int) -> None:
    """Warn of what has no effect in this package, and refuse what cannot be meant.

    Parameters
    ----------
    estimator : estimator
        With parameters that `CONSTRAINTS` allows.
    stacklevel : int
        As for `warnings.warn`, seen from the caller.

    Raises
    ------
    ValueError
        If the dual problem is asked for.

    Warns
    -----
    UserWarning
        If a norm is given twice, or with no penalty.
    FutureWarning
        If a parameter of `LogisticRegression` has no effect; the message has the line to write.
    """
    params, kind = _given(estimator), type(estimator).__name__
    if params["dual"]:
        raise ValueError(
            f"dual=True cannot be meant here: {kind} supports only dual=False. The dual of the "
            "ridge penalty has the same optimum, so leave dual out."
        )
    if told := _contradiction(params):
        warnings.warn(told, UserWarning, stacklevel=stacklevel + 1)
    if idle := _idle(params):
        warnings.warn(
            f"Words of scikit-learn's LogisticRegression: {'; '.join(idle.values())}. "
            f"Write {kind}({_arguments(estimator, leave_out=idle)}).",
            FutureWarning,
            stacklevel=stacklevel + 1,
        )


def check_scheme(multi_class: str, classes: NDArray) -> None:
    """Raise ValueError if one model for each class is asked for, and there are more than two."""
    if multi_class == "ovr" and len(classes) > 2:
        raise ValueError(
            f"multi_class='ovr' asks for a model of each class against the rest, but this is one "
            f"softmax over all {len(classes)} classes. Leave multi_class out, or write "
            "sklearn.multiclass.OneVsRestClassifier(SoftmaxRegression(...))."
        )


def scoring_meant(scoring: Any) -> Any:
    """Return the score that `scoring` means: None, and a default of scikit-learn's, is accuracy."""
    return "accuracy" if scoring is None or scoring == "warn" else scoring


def lay_out(search: Any) -> None:
    """Give the fitted attributes of a search the layout that `use_legacy_attributes` asks for.

    In the old one `C_` and `l1_ratio_` are repeated for each row of the coefficients, `scores_` and
    `coefs_paths_` are dicts by class, with axes (fold, C, l1_ratio), and `n_iter_` has an axis in
    front.  Without `l1_ratios` their axis is left out.
    """
    if search.use_legacy_attributes in (False, "warn"):
        return
    names = (search.classes_ if len(search.classes_) > 2 else search.classes_[1:]).tolist()

    def by_C(of_fits: NDArray) -> NDArray:
        return of_fits[:, 0] if _is_default(search.l1_ratios) else of_fits.swapaxes(1, 2)

    scores, coefs = by_C(search.scores_), by_C(search.coefs_paths_)
    search.C_ = np.full(len(names), search.C_)
    search.l1_ratio_ = np.full(len(names), search.l1_ratio_)
    search.scores_ = {name: scores.copy() for name in names}
    search.coefs_paths_ = {name: coefs[..., row, :].copy() for row, name in enumerate(names)}
    search.n_iter_ = by_C(search.n_iter_)[np.newaxis]


def laid_as_new(search: Any, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes of a search as they were before `lay_out`."""
    if search.use_legacy_attributes in (False, "warn"):
        return attributes

    def by_ratio(of_fits: NDArray) -> NDArray:
        has_ratios = not _is_default(search.l1_ratios)
        return of_fits.swapaxes(1, 2) if has_ratios else of_fits[:, np.newaxis]

    scores, coefs = attributes["scores_"], attributes["coefs_paths_"]
    return attributes | {
        "C_": float(attributes["C_"][0]),
        "l1_ratio_": float(attributes["l1_ratio_"][0]),
        "scores_": by_ratio(next(iter(scores.values()))),
        "coefs_paths_": by_ratio(np.stack([*coefs.values()], axis=-2)),
        "n_iter_": by_ratio(attributes["n_iter_"][0]),
    }


def _given(estimator: Any) -> dict[str, Any]:
    """Return the parameters as given, those too that a subclass sets itself."""
    return {name: getattr(estimator, name) for name in estimator._parameter_constraints}


def _arguments(estimator: Any, leave_out: Container[str]) -> str:
    """Return the arguments to write, the same in all fits of a search: Python tells it once then.

    It leaves out what differs from fit to fit there, such as C.
    """
    defaults = {name: one.default for name, one in signature(type(estimator)).parameters.items()}
    given = [
        name
        for name, value in estimator.get_params(deep=False).items()
        if name not in leave_out and shown(value) != shown(defaults[name])
    ]
    words = [f"{name}={shown(getattr(estimator, name))}" for name in given if name in _WORDS]
    return ", ".join(words + ["..."] * (len(words) < len(given)))


def _name_of_ratio(params: Mapping[str, Any]) -> str:
    return "l1_ratio" if "l1_ratio" in params else "l1_ratios"


def _is_default(ratio: Any) -> bool:
    return ratio is None or isinstance(ratio, str)


def _is_one_of(value: Any, values: tuple[float, ...]) -> bool:
    return value is None or (np.ndim(value) == 0 and value in values)


def _is_theirs(solver: Any) -> bool:
    return isinstance(solver, str) and solver in _THEIR_SOLVERS


def _contradiction(params: Mapping[str, Any]) -> str:
    """Return in words what is given besides a penalty that leaves it without effect, or ""."""
    name, penalty = _name_of_ratio(params), params["penalty"]
    if penalty is None:
        agree = {"C": (1.0, np.inf), name: (0.0,)} if "C" in params else {"Cs": (10,), name: ()}
        ignored = [one for one, values in agree.items() if not _is_one_of(params[one], values)]
        told = " and ".join(f"{one}={shown(params[one])}" for one in ignored)
        return told and (
            f"Setting penalty=None will ignore the {' and '.join(agree)} parameters, but {told} "
            "was given. Leave it out, or leave penalty out."
        )
    if penalty not in _L1_RATIOS or _is_default(params[name]):
        return ""
    ratios = np.atleast_1d(np.asarray(params[name], dtype=np.float64))
    if np.isin(ratios, (0.0, _L1_RATIOS[penalty])).all():  # 0 may be no more than the default
        return ""
    return (
        f"Inconsistent values: penalty={penalty} with {name}={shown(params[name])}. The {name} "
        f"parameter is only used when penalty is 'elasticnet'. Got (penalty={penalty}). Leave one "
        "of the two out."
    )


def _idle(params: Mapping[str, Any]) -> dict[str, str]:
    """Return what has no effect, by parameter, in words."""
    told: dict[str, str] = {}
    if _is_theirs(params["solver"]):
        is_other = params["solver"] == "liblinear"
        told["solver"] = f"solver={params['solver']!r} is solver='auto' here, which " + (
            "unlike it does not penalise the intercept" if is_other else "finds the same optimum"
        )
    if "C" in params and params["n_jobs"] is not None:  # the folds of a search are jobs
        told["n_jobs"] = (
            f"'n_jobs' has no effect, got n_jobs={params['n_jobs']}: a fit uses the cores that "
            "it may use"
        )
    if params["intercept_scaling"] != 1:
        told["intercept_scaling"] = (
            f"'intercept_scaling' has no effect, got {shown(params['intercept_scaling'])}: the "
            "intercept is not penalised"
        )
    return told
