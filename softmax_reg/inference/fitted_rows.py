"""The rows that a model was fitted to, at its coefficients: what all of inference starts from."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.dataset.rows import dense
from softmax_reg.dataset.validation import read_again
from softmax_reg.drop_in import meant
from softmax_reg.inference.parametrisation import Parametrisation
from softmax_reg.inference.results import feature_names
from softmax_reg.inference.row_sums import mean_proba
from softmax_reg.objective.coefficients import flat
from softmax_reg.objective.intercepts import null_loss
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.penalties import ElasticNet, Penalty

__all__ = ["FittedRows"]


@dataclass(frozen=True)
class FittedRows:
    """A fitted model on the rows of its fit.

    Attributes
    ----------
    model : estimator
        A copy, which a later fit does not change.
    objective : Objective
        In float64; X is where it was.
    point : Point
        The coefficients.
    """

    model: Any
    objective: Objective
    point: Point

    @classmethod
    def of(cls, model: Any, X: Any, y: Any, sample_weight: Any, offset: Any = None) -> FittedRows:
        """Return the rows with the coefficients of a fitted model.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If these cannot be the rows of the fit.
        """
        model = fitted(model)
        data = read_again(model, X, y, sample_weight, offset).in_float64()
        if data.smoothing:
            raise ValueError(
                f"label_smoothing={data.smoothing:g} makes a loss that is no likelihood, and so "
                "there are no standard errors. Fit with label_smoothing=0."
            )
        coef = dense(model.coef_)
        n_fitted = getattr(model, "n_samples_seen_", data.shape[0])
        if n_fitted != data.shape[0]:
            raise ValueError(
                f"X has {data.shape[0]} rows, but the model was fitted with {n_fitted}. Give the "
                "data of the fit: the standard errors are those of its coefficients."
            )
        objective = Objective(data, _penalty_of(model, data), bool(model.fit_intercept))
        w = flat(objective, coef.astype(np.float64), model.intercept_.astype(np.float64))
        return cls(copy(model), objective, objective.at(w))

    @property
    def dense_coef(self) -> NDArray:
        """`coef_`, also after `sparsify`."""
        return dense(self.model.coef_)

    @property
    def data(self) -> Dataset:
        """The rows."""
        return self.objective.data

    @property
    def classes(self) -> NDArray:
        """The labels of the classes that take part."""
        return self.data.classes[self.data.present]

    @property
    def terms(self) -> list[str]:
        """The names of the coefficients of a class, that of the intercept first."""
        return ["intercept", *self.features] if self.objective.fit_intercept else self.features

    @property
    def features(self) -> list[str]:
        """The names of the features."""
        return [str(name) for name in feature_names(self.model)]

    @property
    def is_penalised(self) -> bool:
        """Whether some coefficient has a penalty."""
        return not self.objective.penalty.unpenalised(self.objective.n_features).all()

    @property
    def is_shift_free(self) -> NDArray[np.bool_]:
        """The terms of which only differences between classes are known, for want of a penalty."""
        free = self.objective.penalty.unpenalised(self.objective.n_features)
        return np.append([True], free) if self.objective.fit_intercept else free

    @cached_property
    def units(self) -> Parametrisation:
        """Differences from the most frequent class; under a penalty every class by itself."""
        objective = self.objective
        reference: int | None = 0
        if objective.n_outputs > 1:
            reference = None
            if not self.is_penalised:
                reference = int(np.argmax(self.point.reduce(mean_proba)[0]))
        mean = objective.mean.astype(np.float64, copy=False)
        return Parametrisation(objective.model, mean, objective.scale, reference)

    @property
    def loglik(self) -> float:
        """The logarithm of the likelihood, without a penalty."""
        return -self.data.total_weight * float(self.point.loss)

    @property
    def loglik_null(self) -> float:
        """That of the intercepts alone; without intercept that of the offset, if any, alone."""
        objective = self.objective
        if objective.fit_intercept:
            return -self.data.total_weight * null_loss(self.data)
        return -self.data.total_weight * objective.at(np.zeros(objective.size)).loss


def _penalty_of(model: Any, data: Dataset) -> Penalty:
    """Return the penalty of the fit, without a norm if there is none at all."""
    if (chosen := getattr(model, "C_", None)) is not None:
        C = float(np.ravel(chosen)[0])
        if np.isfinite(C):
            raise ValueError(
                f"{type(model).__name__} chose C={C:.4g}: its fit is penalised, and so its "
                "coefficients have no standard errors, and the choice of C is not in them either. "
                "Fit SoftmaxRegression(C=np.inf), or SoftmaxRegression with this C, and then "
                "inference(..., penalised='laplace') or bootstrap(model, X, y)."
            )
        return ElasticNet(0.0)
    if np.isinf(float(meant(model)["C"])):
        return ElasticNet(0.0)
    penalty: Penalty = model._penalty(data)
    return penalty if not penalty.unpenalised(data.shape[1]).all() else ElasticNet(0.0)
