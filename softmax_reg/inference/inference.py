"""`Inference`: estimates, and the tests and marginal effects that are made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from softmax_reg.inference.chi_squared import TestResult
from softmax_reg.inference.estimates import Estimates
from softmax_reg.inference.hypotheses import lr_test, score_test, wald_test
from softmax_reg.inference.marginal_effects import MarginalEffects, marginal_effects

__all__ = ["Inference"]


@dataclass(frozen=True, repr=False, eq=False)
class Inference(Estimates):
    """Coefficients with their covariance, as `SoftmaxRegression.inference` returns it.

    It refers to the rows that it was given, which marginal effects and score tests read again.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that take part: those with a weight.
    terms : list of str
        "intercept", if there is one, and the names of the features.
    base : label or None
        The class that the others are compared with; None where every class has coefficients of
        its own, as under a ridge with more than two classes.
    cov_type : {"nonrobust", "HC0", "HC1", "cluster", "laplace"}
    n_obs : int
        The number of rows with a weight; of frequency weights their sum.
    n_groups : int
        The number of clusters; 0 without.
    df : int
        The number of coefficients that are estimated, intercepts too.
    loglik, loglik_null : float
        The logarithm of the likelihood, and that of the model with intercepts alone; without an
        intercept that of equal probabilities.  In natural units, summed over the rows with their
        weights.
    coef, se : Series of shape (n,)
        The coefficients by class and term, and their standard errors.
    cov : DataFrame of shape (n, n)
        Their covariance.
    aic, bic, pseudo_r2, pseudo_r2_adjusted : float
        The criteria of Akaike and Schwarz, and McFadden's share of the null model's loglik.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import SoftmaxRegression
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> less, more = X[["ash", "magnesium"]], X[["ash", "magnesium", "malic_acid"]]
    >>> small = SoftmaxRegression(C=np.inf).fit(less, y).inference(less, y)
    >>> small.with_base(2).conf_int(0.9).round(3)
                     lower   upper
    class term
    0     intercept -6.882   0.507
          ash       -1.530   1.216
          magnesium  0.011   0.062
    1     intercept  5.143  12.804
          ash       -4.432  -1.532
          magnesium -0.044   0.011
    >>> round(float(small.relative_risk_ratios()["rrr"][1]["ash"]), 2)
    0.06
    >>> large = SoftmaxRegression(C=np.inf).fit(more, y).inference(more, y)
    >>> large.lr_test(small)
    Likelihood ratio test of malic_acid: chi2(2) = 48.2179, p < 0.0001
    >>> small.score_test(X[["malic_acid"]])
    Score test of malic_acid: chi2(2) = 47.7012, p < 0.0001
    >>> round(large.aic, 2)
    313.63
    """

    # Tests

    def wald_test(self, hypothesis: Any) -> TestResult:
        """Return the Wald test of coefficients being 0.

        Parameters
        ----------
        hypothesis : str, list of str, or array-like of shape (n_restrictions, n)
            Names of terms, whose coefficients are tested over all classes at once, the same for
            any `base`; or R, for R coef = 0.

        Returns
        -------
        test : TestResult
            With `statistic`, `df` and `p`.

        Raises
        ------
        ValueError
            If there is no such term, the restrictions depend on each other, or the fit is
            penalised.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_wine
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_wine(return_X_y=True, as_frame=True)
        >>> X = X[["ash", "magnesium"]]
        >>> SoftmaxRegression(C=np.inf).fit(X, y).inference(X, y).wald_test("magnesium")
        Wald test of magnesium: chi2(2) = 13.4407, p = 0.0012
        """
        self.require_errors("wald_test")
        return wald_test(self, hypothesis)

    def lr_test(self, other: Estimates | None = None) -> TestResult:
        """Return the likelihood ratio test of the smaller of two nested models.

        Parameters
        ----------
        other : Inference, default=None
            Of a model with fewer, or more, of the same features on the same rows; None means the
            model with intercepts alone, without intercept that of equal probabilities.

        Returns
        -------
        test : TestResult

        Raises
        ------
        ValueError
            If the models are not nested, the rows not the same as far as that shows, or there is
            no likelihood: a penalised fit, sampling or class weights.
        TypeError
            If `other` is no such result.
        """
        self.require_likelihood("lr_test")
        return lr_test(self, other)

    def score_test(self, X_more: Any) -> TestResult:
        """Return the score test of further features having no coefficients; nothing is fitted.

        Parameters
        ----------
        X_more : {array-like, sparse matrix} of shape (n_samples, n_more)
            Further features of the rows that were given to `inference`, in their order.

        Returns
        -------
        test : TestResult
            Of all of them together; with a robust covariance the generalised score test.

        Raises
        ------
        ValueError
            If they are constant, or combinations of the features, or the fit is penalised.
        """
        self.require_errors("score_test")
        return score_test(self, X_more)

    # Effects on probabilities

    def marginal_effects(
        self, at: Any = "average", *, discrete: Any = None, level: float = 0.95
    ) -> MarginalEffects:
        """Return how the probabilities of the classes change with each feature.

        Parameters
        ----------
        at : {"average", "mean", "median"} or array-like of shape (n, n_features), default="average"
            Average over the rows, each with the others of its features as they are; or at the means
            or medians of the features; or the average over other rows.  By sample weights.
        discrete : dict or list of str, default=None
            Features that change from one value to another: {"female": (0, 1)}, the effect being the
            difference of the probabilities; a list of names means from 0 to 1.
        level : float, default=0.95
            Of the intervals, between 0 and 1.

        Returns
        -------
        effects : MarginalEffects
            dP[class] / dx of each feature by class, which sum to 0 over the classes, with errors
            by the delta method.

        Raises
        ------
        ValueError
            If there is no such feature, or medians are asked of a source.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn.datasets import load_wine
        >>> from softmax_reg import SoftmaxRegression
        >>> X, y = load_wine(return_X_y=True, as_frame=True)
        >>> X = X[["ash", "magnesium"]]
        >>> effects = SoftmaxRegression(C=np.inf).fit(X, y).inference(X, y).marginal_effects()
        >>> effects.effect.unstack("term").round(4)
        term      ash  magnesium
        class
        0      0.2678     0.0088
        1     -0.5715    -0.0069
        2      0.3037    -0.0018
        """
        return marginal_effects(self, at, discrete, level)
