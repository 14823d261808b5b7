"""From the rows of a fit to its `Inference`: the covariance, once the fit is fit for one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.inference.covariance import ScoredRows, Spread, inverse
from softmax_reg.inference.fitted_rows import FittedRows
from softmax_reg.inference.inference import Inference
from softmax_reg.inference.requirements import check_fit, check_penalty, check_rank, check_step

__all__ = ["infer"]


def infer(fitted: FittedRows, spread: Spread, base: Any, penalised: str | None) -> Inference:
    """Return the estimates of a fit; `SoftmaxRegression.inference` documents the arguments."""
    check_penalty(fitted, penalised)
    if penalised and spread.cov_type != "nonrobust":
        raise ValueError(
            f"penalised='laplace' gives the covariance of a posterior, but the weights or cov_type "
            f"ask for {spread.cov_type!r}. Leave cov_type out, with weights that are numbers of "
            "rows and class_weight=None; or use bootstrap(model, X, y)."
        )
    n_obs, terms = round(spread.counts.sum()), fitted.terms
    df = (len(fitted.classes) - 1) * len(terms)
    with fitted.data.running():
        check_fit(fitted, df, n_obs)
        if not fitted.is_penalised:
            check_rank(fitted)
        cov = _covariance(fitted, spread)
        loglik, loglik_null = fitted.loglik, fitted.loglik_null
    if base is None and fitted.units.reference is not None:
        base = fitted.classes[0]
    found = Inference(
        classes=fitted.classes,
        terms=terms,
        base=None,
        cov_type="laplace" if penalised else spread.cov_type,
        n_obs=n_obs,
        n_groups=spread.n_groups,
        df=df,
        loglik=loglik,
        loglik_null=loglik_null,
        _theta=fitted.units.of_w(fitted.point.w),
        _cov=fitted.units.expanded(cov),
        _spread=spread,
        _fitted=fitted,
    )
    return found if base is None else found.with_base(base)


def _covariance(fitted: FittedRows, spread: Spread) -> NDArray[np.float64]:
    """Return the covariance of the part of theta that moves."""
    units, point = fitted.units, fitted.point
    order = np.ix_(units.order, units.order)
    information = point.hessian_block(units.index, units.mean, units.scale)[order]
    information *= fitted.data.total_weight
    if units.reference is None:
        information = _held(information, fitted)
    cov = inverse(information)
    if cov is None:
        raise ValueError(
            "The information about the coefficients is singular, as where the features nearly "
            "separate some classes: standard errors would be rounding. Leave features out, merge "
            "rare classes, or use a finite C and inference(..., penalised='laplace')."
        )
    check_step(fitted, cov)
    if spread.cov_type == "nonrobust":
        return cov
    rows = ScoredRows(fitted.data, units.model, point.w, units.along, point.kept)
    return cov @ rows.spread(spread)[order] @ cov * spread.factor(len(cov))


def _held(information: NDArray, fitted: FittedRows) -> NDArray[np.float64]:
    """Return the information with some about shifts of all classes, of which there is none.

    That of an unpenalised term by the same number for all classes changes nothing that is reported.
    """
    K, q = len(fitted.classes), fitted.units.n_terms
    held = information.reshape(K, q, K, q).copy()
    for term in np.flatnonzero(fitted.is_shift_free):
        of_term = held[:, term, :, term]
        of_term += np.trace(of_term) / K**2
    return held.reshape(K * q, K * q)
