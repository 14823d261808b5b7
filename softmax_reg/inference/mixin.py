"""`inference`: from a fitted model and its rows to estimates with standard errors."""

from __future__ import annotations

from typing import Any

from softmax_reg.inference.fitted_rows import FittedRows
from softmax_reg.inference.infer import infer
from softmax_reg.inference.inference import Inference
from softmax_reg.inference.requirements import checked_spread

__all__ = ["InferenceMixin"]


class InferenceMixin:
    """Adds `inference` to a fitted model."""

    def inference(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        offset: Any = None,
        base: Any = None,
        cov_type: str | None = None,
        groups: Any = None,
        weights_are: str = "frequency",
        penalised: str | None = None,
    ) -> Inference:
        """Return the coefficients with standard errors, tests and marginal effects.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            The data of the fit, which a model does not keep.
        y : array-like of shape (n_samples,), default=None
            The labels of the fit; None with a `BatchSource`.  After `fit_proba` the shares, without
            names in the order of `classes_`; after `fit_counts` the counts divided by the sums of
            the rows, which are then the weights.
        sample_weight : array-like of shape (n_samples,), default=None
            The weights given to `fit`.
        offset : array-like of shape (n_samples, n_classes), default=None
            The offset given to `fit`.
        base : label, default=None
            The class that the others are compared with; None means the first, as in R's
            `multinom` (Stata's `mlogit` takes the most frequent).  Of a penalised fit of more than
            two classes None means that every class has coefficients of its own.
        cov_type : {"nonrobust", "HC0", "HC1", "cluster"} or None, default=None
            "nonrobust" is the inverse of the information; "HC0" the sandwich, "HC1" that times
            n / (n - parameters); "cluster" takes the rows of a group for one observation, and
            multiplies by G / (G - 1).  None means "nonrobust", and "HC1" with sampling weights or a
            `class_weight`.
        groups : array-like of shape (n_samples,), default=None
            The cluster of each row, for "cluster".
        weights_are : {"frequency", "sampling"}, default="frequency"
            What `sample_weight` is: numbers of equal rows, whose sum is the number of rows; or how
            many of a population each row stands for, of which the scale does not matter.
        penalised : {"laplace"} or None, default=None
            "laplace" takes a ridge for a Gaussian prior and gives the normal approximation of the
            posterior at its mode, without p values.

        Returns
        -------
        inference : Inference
            Its `summary()` is a DataFrame that prints as the usual table; `wald_test`, `lr_test`,
            `score_test`, `marginal_effects`, `relative_risk_ratios` and `with_base` go on from it.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            If standard errors would mean nothing, with the way out: a penalised fit, one that did
            not converge or ended early, other data than those of the fit, classes that are
            separated, features that are constant or combinations of others, more coefficients than
            rows, or weights that are not what `weights_are` says.

        Warns
        -----
        UserWarning
            If it was not found out whether the classes are separated.

        Notes
        -----
        All is computed in float64, in blocks of rows, for features that are centred and scaled, so
        that errors in any units have as many digits.  Coefficients are those of the model.

        References
        ----------
        A. Agresti (2013), "Categorical Data Analysis", 3rd ed., section 8.1; H. White (1982),
        "Maximum likelihood estimation of misspecified models", Econometrica 50, 1-25; D. J. C.
        MacKay (1992), "The evidence framework applied to classification networks", Neural
        Computation 4, 720-736, for `penalised`.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_wine
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_wine(return_X_y=True, as_frame=True)
        >>> X = X[["ash", "magnesium"]]
        >>> model = SoftmaxRegression(C=np.inf).fit(X, y)
        >>> model.inference(X, y)
        Multinomial logistic regression
          rows            178
          classes         3: 0, 1, 2; against 0
          coefficients    6
          covariance      nonrobust
          log-likelihood  -172.9238
          null model      -193.3148
          pseudo R2       0.1055 (McFadden), 0.0744 adjusted
          LR test         chi2(4) = 40.7821, p < 0.0001
          AIC, BIC        357.85, 376.94
          intervals       95 %
        <BLANKLINE>
                            coef      se     z      p    lower     upper
        class term
        1     intercept    12.16   2.372  5.13 <0.001    7.512     16.81
              ash         -2.825  0.8451 -3.34 <0.001   -4.481    -1.168
              magnesium -0.05332 0.01513 -3.52 <0.001 -0.08298  -0.02366
        2     intercept    3.188   2.246  1.42  0.156   -1.215      7.59
              ash          0.157  0.8347  0.19  0.851   -1.479     1.793
              magnesium -0.03685 0.01558 -2.37  0.018 -0.06738 -0.006312
        """
        fitted = FittedRows.of(self, X, y, sample_weight, offset)
        spread = checked_spread(fitted, cov_type, groups, weights_are)
        return infer(fitted, spread, base, penalised)
