"""A learning rate that is given: the method of the textbooks, step by step, and what it tells."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import data

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg.functional import softmax
from softmax_reg.schedules import InverseScaling
from softmax_reg.solvers import SGD, SOLVERS

WITH_RATE = [name for name, kind in SOLVERS.items() if hasattr(kind(), "learning_rate")]
each_with_rate = pytest.mark.parametrize("solver", WITH_RATE)

# The example of many tutorials: three collinear features, four rows.
TUTORIAL = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [10.0, 11.0, 12.0]])
LABELS = np.array([0, 1, 2, 1])


def by_hand(X, y, rate, n_steps):
    """Return the coefficients and the losses of plain gradient descent, without a penalty."""
    W, b, Y, losses = np.zeros((X.shape[1], 3)), np.zeros(3), np.eye(3)[y], []
    for step in range(n_steps + 1):
        P = softmax(X @ W + b)
        losses.append(-np.mean(np.log(P[np.arange(len(y)), y])))
        if step < n_steps:
            R = (P - Y) / len(y)
            W, b = W - rate * X.T @ R, b - rate * R.sum(axis=0)
    return W, b, losses


@pytest.mark.parametrize("solver", ["gd", "sgd"])
def test_all_steps_of_the_tutorials_are_done_and_are_those_of_the_formula(solver):
    model = SoftmaxRegression(
        solver=solver, learning_rate=0.01, max_iter=1000, C=np.inf, random_state=0
    ).fit(TUTORIAL, LABELS)
    W, b, losses = by_hand(TUTORIAL, LABELS, 0.01, 1000)
    assert_array_equal(model.n_iter_, [1000])
    assert_allclose(model.loss_curve_, losses, rtol=1e-9)
    assert_allclose(model.coef_.T, W, atol=1e-9)
    assert_allclose(model.intercept_, b, atol=1e-9)
    assert losses[-1] < losses[0]


@each_with_rate
def test_all_iterations_are_done_without_a_warning_whatever_becomes_of_the_loss(solver):
    X, y = data("iris")
    for rate in (1e-9, 1e-3, InverseScaling(1e-3)):
        knobs = {"solver": solver, "learning_rate": rate, "max_iter": 60, "random_state": 0}
        for C in (1.0, np.inf):
            model = SoftmaxRegression(C=C, **knobs).fit(X, y)
            assert model.n_iter_[0] == 60
            assert not model.converged_


@each_with_rate
@pytest.mark.parametrize("rate", [100.0, 1e200, InverseScaling(100.0)])
@pytest.mark.parametrize("standardize", [False, True])
def test_a_loss_that_rises_is_told_with_a_rate_that_falls(solver, rate, standardize):
    X, y = data("wine")
    knobs = {"solver": solver, "standardize": standardize, "max_iter": 20, "random_state": 0}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            model = SoftmaxRegression(learning_rate=rate, **knobs).fit(X, y)
        except ValueError as error:  # it is beyond the floats
            message = str(error)
        else:
            (warning,) = told
            message = str(warning.message)
            first, last = model.loss_curve_[[0, -1]]
            assert f"rose from {first:.3g} to {last:.3g}" in message
    assert f"learning_rate={rate!r} is too large" in message
    better = float(re.search(r"Try ([^,]*),", message)[1])
    assert (better >= 1e-4) is standardize or solver == "adam"
    curve = SoftmaxRegression(learning_rate=better, **knobs).fit(X, y).loss_curve_
    assert curve[-1] < curve[10] < curve[0]


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_a_tol_all_iterations_are_done_and_nothing_is_warned_of(solver):
    X, y = data("iris/std")
    model = SoftmaxRegression(solver=solver, tol=None, max_iter=30, random_state=0).fit(X, y)
    # The working sets of "prox-newton" are empty at the optimum.
    assert model.n_iter_[0] == 30 or (solver == "prox-newton" and model.converged_)
    assert SoftmaxRegression(solver=solver, tol=None, max_iter=2, random_state=0).fit(X, y)


def test_momentum_is_none_by_default_where_a_rate_is_given():
    X, y = data("iris")
    knobs = {"solver": "sgd", "learning_rate": 1e-3, "max_iter": 5, "random_state": 0}
    plain = SoftmaxRegression(**knobs).fit(X, y)
    assert_array_equal(plain.coef_, SoftmaxRegression(momentum=0.0, **knobs).fit(X, y).coef_)
    assert (plain.coef_ != SoftmaxRegression(momentum=0.9, **knobs).fit(X, y).coef_).all()


UNUSED = {
    "auto": {"learning_rate": 0.1, "batch_size": 10, "momentum": 0.5},
    "lbfgs": {"learning_rate": 0.1},
    "gd": {"batch_size": 10, "momentum": 0.5},
    "adam": {"momentum": 0.5},
    "object": {"learning_rate": 0.1, "batch_size": 10, "momentum": 0.5},
}


@pytest.mark.parametrize("solver", UNUSED)
def test_a_parameter_that_the_solver_does_not_use_is_named(solver):
    X, y = data("iris/std")
    named = SGD() if solver == "object" else solver
    for name, value in UNUSED[solver].items():
        model = SoftmaxRegression(solver=named, random_state=0, tol=1e-3, **{name: value})
        with pytest.warns(UserWarning, match=f"{name}={value} has no effect") as told:
            model.fit(X, y)
        assert len(told) == 1
        assert told[0].filename == __file__


def test_one_hot_labels_are_refused_with_the_line_to_write():
    X, y = data("iris")
    Y = np.eye(3, dtype=int)[y]
    frame = pd.get_dummies(pd.Series(np.array(["a", "b", "c"])[y]))
    lines = [
        (Y, "fit(X, y.argmax(axis=1))"),
        (sp.csr_array(Y), "fit(X, y.argmax(axis=1))"),
        (Y.tolist(), "fit(X, np.asarray(y).argmax(axis=1))"),
        (frame, "fit(X, y.idxmax(axis=1))"),
    ]
    fits = [
        SoftmaxRegression().fit,
        lambda X, y: SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2]),
        SoftmaxRegressionCV().fit,
        softmax_path,
    ]
    for one_hot, line in lines:
        for fit in fits:
            with pytest.raises(ValueError, match=re.escape(line)):
                fit(X, one_hot)
    assert_array_equal(SoftmaxRegression().fit(X, frame.idxmax(axis=1)).classes_, ["a", "b", "c"])


@pytest.mark.parametrize("early_stopping", [False, True])
def test_under_a_warm_start_the_curves_go_on(early_stopping):
    X, y = data("iris")
    knobs = {"solver": "gd", "learning_rate": 1e-3, "early_stopping": early_stopping}
    whole = SoftmaxRegression(max_iter=40, random_state=0, **knobs).fit(X, y)
    parts = SoftmaxRegression(max_iter=20, warm_start=True, random_state=0, **knobs)
    parts.fit(X, y).fit(X, y)
    assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert_array_equal(parts.n_iter_, whole.n_iter_)
    if early_stopping:
        assert_allclose(parts.validation_loss_curve_, whole.validation_loss_curve_, rtol=1e-12)
        assert parts.best_iter_ == whole.best_iter_ == 40
