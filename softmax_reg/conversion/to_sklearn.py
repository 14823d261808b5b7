"""A fitted model as a `LogisticRegression`, for tools that know scikit-learn's class alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import LogisticRegression, logistic_regression
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.drop_in import meant

__all__ = ["ToSklearnMixin", "check_no_offset"]


class ToSklearnMixin:
    """Adds `to_sklearn` to what has `coef_`, `intercept_` and `classes_`."""

    n_features_in_: int
    n_iter_: NDArray[np.int32]

    def to_sklearn(self) -> LogisticRegression:
        """Return a fitted `LogisticRegression` with the same predictions.

        For tools that know scikit-learn's class and not this one: shap's `LinearExplainer`,
        MLflow's `mlflow.sklearn`, and writers of PMML, such as sklearn2pmml.

        Returns
        -------
        model : sklearn.linear_model.LogisticRegression
            With copies of `classes_`, `coef_`, `intercept_`, `n_iter_` (after a search the most
            iterations of a fit), `n_features_in_` and `feature_names_in_`.  Its parameters `C`,
            `l1_ratio`, `fit_intercept`, `class_weight`, `random_state` and `warm_start` mean what
            they mean here, the others are its defaults; with an L1 norm its solver is "saga".

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If it was fitted with an offset, which `LogisticRegression` does not know.

        Notes
        -----
        Fitted again it is another model where `LogisticRegression` has no word for what was asked
        of this one: the group lasso, `penalty_factor`, `standardize`, `label_smoothing`.  After
        `fit` with a source that encodes text it takes the encoded features.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_iris(return_X_y=True)
        >>> model = SoftmaxRegression().fit(X, y)
        >>> bool((model.to_sklearn().predict(X) == model.predict(X)).all())
        True
        """
        ours = fitted(self)
        check_no_offset(self, "scikit-learn's LogisticRegression")
        C, l1_ratio = self._C_and_l1_ratio()
        parameters = {
            name: getattr(self, name)
            for name in ("fit_intercept", "class_weight", "random_state", "warm_start")
            if hasattr(self, name)
        }
        model = logistic_regression(C, l1_ratio, **parameters)
        for name in ("classes_", "coef_", "intercept_", "feature_names_in_"):
            if hasattr(ours, name):
                setattr(model, name, getattr(ours, name).copy())
        model.n_features_in_ = self.n_features_in_
        model.n_iter_ = np.array([np.max(ours.n_iter_)], dtype=np.int32)
        return model

    def _C_and_l1_ratio(self) -> tuple[float, float]:
        """Return those of the coefficients, in the words of this package."""
        if hasattr(self, "C_"):  # chosen by a search
            found: tuple[Any, Any] = self.C_, self.l1_ratio_  # type: ignore[attr-defined]
        else:
            parameters = meant(self)
            found = parameters["C"], parameters["l1_ratio"]
        C, l1_ratio = (float(np.ravel(value)[0]) for value in found)
        return C, l1_ratio


def check_no_offset(model: Any, where: str) -> None:
    """Raise ValueError if the scores of a fitted model need an offset."""
    if getattr(model, "has_offset_", False):
        raise ValueError(
            f"The model was fitted with an offset, and {where} would predict without one. If that "
            "is what is wanted, set model.has_offset_ = False first."
        )
