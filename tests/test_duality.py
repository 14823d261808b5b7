"""The certificate: an upper bound on how far a fit is above the minimum, wherever the fit stops."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from problems import data, uneven_weights
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from softmax_reg import SoftmaxRegression

# What the sums of thousands of rounded terms may be off by.
ROUNDING = 1e-13


def fitted(X, y, weights=None, **parameters):
    return SoftmaxRegression(tol=1e-11, max_iter=20000, **parameters).fit(X, y, weights)


@covering(
    tol=[1e-2, 1e-4, 1e-6],
    solver=["gd", "lbfgs", "newton-cholesky"],
    name=["iris", "wine", "breast_cancer", "digits"],
)
def test_the_gap_bounds_the_true_excess_of_an_early_stop(name, solver, tol):
    X, y = data(name)
    best = fitted(X, y).loss_curve_[-1]
    early = SoftmaxRegression(solver=solver, tol=tol).fit(X, y)
    assert early.duality_gap(X, y) >= early.loss_curve_[-1] - best - ROUNDING


@covering(
    fit_intercept=[True, False],
    C=[1e-2, 1.0, 1e2],
    name=["iris", "wine/std", "breast_cancer/std"],
)
def test_the_gap_closes_at_the_optimum(name, C, fit_intercept):
    X, y = data(name)
    weights = uneven_weights(len(y))
    model = fitted(X, y, weights, C=C, fit_intercept=fit_intercept, class_weight="balanced")
    assert model.duality_gap(X, y, weights) <= 1e-9 * model.loss_curve_[0]


@pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("name", ["iris/std", "breast_cancer/std"])
def test_the_gap_bounds_and_closes_under_an_l1_norm(name, l1_ratio):
    X, y = data(name)
    model = fitted(X, y, l1_ratio=l1_ratio, C=0.5)
    early = SoftmaxRegression(l1_ratio=l1_ratio, C=0.5, tol=1e-3).fit(X, y)
    excess = early.loss_curve_[-1] - model.loss_curve_[-1]
    assert early.duality_gap(X, y) >= excess - ROUNDING
    # A lasso's dual point is scaled to be feasible, which costs the root of the usual accuracy.
    assert model.duality_gap(X, y) <= (1e-5 if l1_ratio == 1.0 else 1e-9)


def test_the_gap_bounds_the_excess_of_a_fit_by_scikit_learn():
    X, y = data("wine/std")
    model = fitted(X, y)
    best = model.loss_curve_[-1]
    other = LogisticRegression(tol=1e-2).fit(X, y)
    model.coef_, model.intercept_ = other.coef_, other.intercept_
    proba = other.predict_proba(X)[np.arange(len(y)), y]
    loss = -np.log(proba).mean() + 0.5 * np.sum(other.coef_**2) / len(y)
    assert model.duality_gap(X, y) >= loss - best > 0.0


def test_sparse_rows_have_the_same_gap():
    X, y = data("wine/std")
    early = SoftmaxRegression(tol=1e-3).fit(X, y)
    dense, sparse = early.duality_gap(X, y), early.duality_gap(sp.csr_array(X), y)
    assert sparse == pytest.approx(dense, rel=1e-9)
    assert early.sparsify().duality_gap(X, y) == pytest.approx(dense, rel=1e-9)


def test_without_a_penalty_there_is_no_gap_to_compute():
    X, y = data("overlapping")
    with pytest.raises(ValueError, match="finite value"):
        SoftmaxRegression(C=np.inf).fit(X, y).duality_gap(X, y)


def test_labels_of_another_data_set_are_refused():
    X, y = data("wine")
    with pytest.raises(ValueError, match="Give the data of the fit"):
        SoftmaxRegression().fit(X, y).duality_gap(X, y + 1)


@pytest.mark.parametrize("C", [1e8, 1e100])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_the_gap_is_never_more_than_the_objective(C, shift):
    X, y = load_iris(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = SoftmaxRegression(C=C, l1_ratio=0.5, max_iter=50).fit(X + shift, y)
    assert 0.0 <= model.duality_gap(X + shift, y) <= model.loss_curve_[-1] * (1.0 + 1e-9)
