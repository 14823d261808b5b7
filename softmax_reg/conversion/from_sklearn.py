"""Models of this package with the parameters and the coefficients of scikit-learn's."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import LogisticRegression, LogisticRegressionCV
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.drop_in import lay_out, meant, scoring_meant

__all__ = ["FromLogisticRegression", "FromLogisticRegressionCV"]

# Words that mean the same in both packages; `penalty` is among them where it is given.
_OF_ANY = ("fit_intercept", "class_weight", "random_state")
_OF_ONE = ("penalty", "C", "l1_ratio", *_OF_ANY, "warm_start")
_OF_SEARCH = ("penalty", "Cs", "l1_ratios", *_OF_ANY, "cv", "n_jobs", "refit")
_PLACEHOLDERS = ("deprecated", "warn")
_ONE_AGAINST_THE_REST = ("liblinear", "ovr")


class FromLogisticRegression:
    """Adds `from_sklearn` to `SoftmaxRegression`."""

    @classmethod
    def from_sklearn(cls, model: LogisticRegression) -> Self:
        """Return a model with the parameters and the coefficients of a `LogisticRegression`.

        It predicts the same, and can be saved without pickle, explained, and trained on: with
        `warm_start=True` the next `fit` starts from these coefficients.

        Parameters
        ----------
        model : sklearn.linear_model.LogisticRegression
            Fitted; it is not changed.

        Returns
        -------
        model : SoftmaxRegression
            With `C`, `l1_ratio`, `penalty` where it was given, `fit_intercept`, `class_weight`,
            `random_state` and `warm_start`, which mean the same here, and with copies of
            `classes_`, `coef_` and `intercept_` in their dtype, `n_iter_`, and the names of the
            features.  `solver`, `tol` and `max_iter` mean something else, and are the defaults.
            There is no `loss_curve_`, and `converged_` is not known.

        Raises
        ------
        TypeError
            If it is no `LogisticRegression`; of a pipeline give the last step.
        ValueError
            If its scores are no softmax over all classes: more than two classes with
            solver="liblinear" or multi_class="ovr"; or two with multi_class="multinomial".
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegression
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> theirs = LogisticRegression(C=10.0, max_iter=1000).fit(X, y)
        >>> ours = SoftmaxRegression.from_sklearn(theirs).set_params(warm_start=True)
        >>> ours.C, bool((ours.predict(X) == theirs.predict(X)).all())
        (10.0, True)
        >>> ours.fit(X, y).converged_
        True
        """
        name = cls.__name__
        if isinstance(model, LogisticRegressionCV):
            raise TypeError(
                f"{name}.from_sklearn takes a LogisticRegression, got a LogisticRegressionCV. "
                f"Write {name}CV.from_sklearn(model)."
            )
        model = _checked(model, LogisticRegression, name)
        ours = cls(**_parameters(model, _OF_ONE))
        vars(ours).update(_coefficients(model))
        n_iter = np.array([np.max(model.n_iter_)], dtype=np.int32)
        of_fit = {"n_iter_": n_iter, "solver_": model.solver}
        vars(ours).update(of_fit | {"stop_reason_": "fitted by scikit-learn's LogisticRegression"})
        return ours


class FromLogisticRegressionCV:
    """Adds `from_sklearn` to `SoftmaxRegressionCV`."""

    @classmethod
    def from_sklearn(cls, model: LogisticRegressionCV) -> Self:
        """Return a search with the parameters and the results of a `LogisticRegressionCV`.

        Parameters
        ----------
        model : sklearn.linear_model.LogisticRegressionCV
            Fitted; it is not changed.

        Returns
        -------
        model : SoftmaxRegressionCV
            With `Cs`, `l1_ratios`, `penalty` where it was given, `fit_intercept`, `class_weight`,
            `cv`, `scoring`, `n_jobs`, `refit` and `random_state`, and with copies of all that the
            fit has found, in the layout of this class unless `use_legacy_attributes` is True.

        Raises
        ------
        TypeError
            If it is no `LogisticRegressionCV`; of a pipeline give the last step.
        ValueError
            If its scores are no softmax over all classes: more than two classes with
            solver="liblinear" or multi_class="ovr"; or two with multi_class="multinomial".
        NotFittedError
            If it is not fitted.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.linear_model import LogisticRegressionCV
        >>> from softmax_reg import SoftmaxRegressionCV
        >>> X, y = load_iris(return_X_y=True)
        >>> X = X - X.mean(axis=0)
        >>> parameters = {"Cs": [0.1, 1.0], "l1_ratios": (0.0,), "scoring": "neg_log_loss"}
        >>> theirs = LogisticRegressionCV(**parameters, use_legacy_attributes=False).fit(X, y)
        >>> ours = SoftmaxRegressionCV.from_sklearn(theirs)
        >>> ours.C_, ours.scores_.shape
        (1.0, (5, 1, 2))
        """
        name = cls.__name__
        if type(model) is LogisticRegression:
            raise TypeError(
                f"{name}.from_sklearn takes a LogisticRegressionCV, got a LogisticRegression. "
                f"Write {name.removesuffix('CV')}.from_sklearn(model)."
            )
        model = _checked(model, LogisticRegressionCV, name)
        parameters = _parameters(model, _OF_SEARCH) | {"scoring": scoring_meant(model.scoring)}
        ours: Any = cls(**parameters)
        vars(ours).update(_coefficients(model) | _searched(model, meant(ours)["l1_ratios"]))
        if getattr(model, "use_legacy_attributes", False) is True:
            ours.use_legacy_attributes = True
            lay_out(ours)
        return ours


def _checked(model: Any, kind: type[Any], ours: str) -> Any:
    """Return a fitted model of that kind, whose scores are a softmax, with arrays of NumPy."""
    if not isinstance(model, kind):
        last = " Give the last step: pipeline[-1]." if hasattr(model, "steps") else ""
        last = " Give its best_estimator_." if hasattr(model, "best_estimator_") else last
        raise TypeError(
            f"{ours}.from_sklearn takes a {kind.__name__}, got a {type(model).__name__}.{last}"
        )
    model = fitted(model)
    n_classes, scheme = len(model.classes_), getattr(model, "multi_class", "auto")
    words = {"solver": model.solver, "multi_class": scheme}
    of_one = [f"{name}={word!r}" for name, word in words.items() if word in _ONE_AGAINST_THE_REST]
    if of_one and n_classes > 2:
        raise ValueError(
            f"{of_one[0]} has fitted a model of each of {n_classes} classes against the rest, "
            f"whose scores are no softmax. Fit {ours}() in its place."
        )
    if scheme == "multinomial" and n_classes == 2:
        raise ValueError(
            "multi_class='multinomial' with two classes doubles the scores in predict_proba, so "
            f"its coefficients and its C mean something else here. Fit {ours}() in its place, or "
            "leave multi_class out there."
        )
    return model


def _parameters(model: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the parameters that mean the same here, without the placeholders of defaults."""
    given = {name: getattr(model, name) for name in names}
    return {
        name: value
        for name, value in given.items()
        if not (isinstance(value, str) and value in _PLACEHOLDERS)
    }


def _coefficients(model: Any) -> dict[str, Any]:
    """Return copies of what predictions need; the intercept is an array in any case."""
    coef = model.coef_.copy()
    intercept = np.zeros(coef.shape[0], coef.dtype) + model.intercept_
    found = {"classes_": model.classes_.copy(), "coef_": coef}
    found |= {"intercept_": intercept.astype(coef.dtype), "n_features_in_": model.n_features_in_}
    if hasattr(model, "feature_names_in_"):
        found["feature_names_in_"] = model.feature_names_in_.copy()
    return found


def _searched(model: Any, ratios: Any) -> dict[str, Any]:
    """Return what a search has found, with the axes (fold, l1_ratio, C, ...).

    Parameters
    ----------
    model : LogisticRegressionCV
    ratios : sequence of float
        The values of l1_ratio that its parameters mean.
    """
    scores, coefs, n_iter = model.scores_, model.coefs_paths_, model.n_iter_
    if isinstance(scores, dict):  # by class, with axes (fold, C) or (fold, C, l1_ratio)
        scores = next(iter(scores.values()))
        by_ratio = _with_one_ratio if scores.ndim == 2 else _ratio_before_C
        scores, n_iter = by_ratio(scores), by_ratio(n_iter[0])
        coefs = np.stack([by_ratio(path) for path in coefs.values()], axis=-2)
    tried = [ratios[0] if ratio is None else ratio for ratio in np.ravel(model.l1_ratios_)]
    chosen = np.ravel(model.l1_ratio_)[0]
    return {
        "Cs_": np.array(model.Cs_, dtype=np.float64),
        "l1_ratios_": np.array(tried or ratios, dtype=np.float64),
        "C_": float(np.ravel(model.C_)[0]),
        "l1_ratio_": float(ratios[0] if chosen is None else chosen),
        "scores_": np.array(scores, dtype=np.float64),
        "coefs_paths_": np.array(coefs),
        "n_iter_": np.array(n_iter, dtype=np.int32),
    }


def _with_one_ratio(of_fits: NDArray) -> NDArray:
    return of_fits[:, np.newaxis]


def _ratio_before_C(of_fits: NDArray) -> NDArray:
    return of_fits.swapaxes(1, 2)
