"""Without a penalty, classes that can be separated have no optimum, and that is said by name."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from problems import data
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression


def touching():
    """Return one feature that separates two classes but for the rows at zero, which are of both."""
    x = np.repeat([-1.0, 0.0, 1.0], [20, 10, 20])[:, np.newaxis]
    return x, np.repeat([0, 0, 1, 1], [20, 5, 5, 20])


SEPARABLE = {"completely": "wine/std", "one class from the others": "iris"}


@pytest.mark.parametrize("solver", ["auto", "newton-cholesky", "gd"])
@pytest.mark.parametrize("name", SEPARABLE.values(), ids=SEPARABLE.keys())
def test_separable_classes_are_named(name, solver):
    X, y = data(name)
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        model = SoftmaxRegression(C=np.inf, solver=solver).fit(X, y)
    assert not model.converged_
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
def test_two_classes_that_touch_are_named(container):
    X, y = touching()
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        SoftmaxRegression(C=np.inf).fit(container(X), y)


def test_rows_without_a_weight_do_not_keep_classes_together():
    X, y = touching()
    weights = (X[:, 0] != 0.0).astype(float)
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        SoftmaxRegression(C=np.inf).fit(X, y, weights)


@pytest.mark.parametrize("name", ["overlapping", "overlapping/two"])
def test_classes_that_overlap_have_an_optimum(name):
    X, y = data(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SoftmaxRegression(C=np.inf).fit(X, y).converged_


def test_a_penalty_makes_separable_classes_an_ordinary_problem():
    assert SoftmaxRegression(C=1e3).fit(*data("iris")).converged_
