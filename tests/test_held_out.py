"""Rows of the user's own to measure the loss on: what is recorded, kept, weighted and refused."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS
from problems import data, penalised_loss, uneven_weights
from scipy.special import logsumexp
from sklearn.base import clone
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import SOLVERS

each_solver = pytest.mark.parametrize("solver", SOLVERS)


def split(name="digits", seed=0):
    """Return X, y to train on and X, y to measure on."""
    X, X_val, y, y_val = train_test_split(
        *data(name), test_size=0.3, stratify=data(name)[1], random_state=seed
    )
    return X, y, X_val, y_val


def mean_loss(model, X, y, weights=None):
    """Return the weighted mean of -log P[y], by the formula; classes missing in y are no matter."""
    Z = model.decision_function(np.asarray(X))
    Z = np.column_stack([np.zeros(len(Z)), Z]) if Z.ndim == 1 else Z
    codes = np.searchsorted(model.classes_, y)
    losses = logsumexp(Z, axis=1) - Z[np.arange(len(Z)), codes]
    return np.average(losses, weights=weights)


@each_solver
@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_every_solver_stops_on_the_users_rows_and_keeps_the_best_iterate(solver, name):
    X, y, X_val, y_val = split(name)
    model = SoftmaxRegression(
        solver=solver, C=1e4, early_stopping=True, n_iter_no_change=3, tol=0.0, random_state=0
    ).fit(X, y, X_val=X_val, y_val=y_val)
    curve = model.validation_loss_curve_
    assert curve.shape == model.loss_curve_.shape == (model.n_iter_[0] + 1,)
    assert model.best_iter_ == np.argmin(curve) == model.n_iter_[0] - 3
    assert_allclose(mean_loss(model, X_val, y_val), curve[model.best_iter_], rtol=1e-9)
    # All rows of X are trained on.
    F = penalised_loss(X, y, model.coef_, model.intercept_, 1e4)
    assert_allclose(model.loss_curve_[model.best_iter_], F, rtol=1e-9)


@each_solver
def test_without_early_stopping_the_loss_is_recorded_and_nothing_else_changes(solver):
    X, y, X_val, y_val = split("wine")
    model = SoftmaxRegression(solver=solver, random_state=0, tol=1e-6)
    plain = clone(model).fit(X, y)
    model.fit(X, y, X_val=X_val, y_val=y_val)
    assert_array_equal(model.coef_, plain.coef_)
    assert_array_equal(model.loss_curve_, plain.loss_curve_)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_)
    assert_allclose(model.validation_loss_curve_[-1], mean_loss(model, X_val, y_val), rtol=1e-9)
    assert not hasattr(model, "best_iter_")
    assert not hasattr(model.fit(X, y), "validation_loss_curve_")


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 3.0, 2: 0.5}])
def test_weights_count_as_they_do_in_training(class_weight):
    X, y, X_val, y_val = split("wine")
    s, s_val = uneven_weights(len(y)), uneven_weights(len(y_val), seed=1)
    model = SoftmaxRegression(class_weight=class_weight)
    model.fit(X, y, s, X_val=X_val, y_val=y_val, sample_weight_val=s_val)
    totals = np.bincount(y, weights=s)
    factors = {
        "None": np.ones(3),
        "balanced": totals.sum() / (3 * totals),  # by the rows trained on, not by the others
        "dict": np.array([3.0, 1.0, 0.5]),
    }["dict" if isinstance(class_weight, dict) else str(class_weight)]
    expected = mean_loss(model, X_val, y_val, s_val * factors[y_val])
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


def test_a_weight_of_two_equals_two_rows():
    X, y, X_val, y_val = split("iris")
    twice = SoftmaxRegression().fit(
        X, y, X_val=np.vstack([X_val, X_val[:9]]), y_val=np.append(y_val, y_val[:9])
    )
    weights = 1.0 + (np.arange(len(y_val)) < 9)
    model = SoftmaxRegression().fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    assert_allclose(model.validation_loss_curve_, twice.validation_loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("container", [*CONTAINERS, "float32", "list"])
def test_the_container_of_the_rows_does_not_matter(container):
    X, y, X_val, y_val = split("wine")
    kind = {"float32": np.float32, "list": np.ndarray.tolist, **CONTAINERS}[container]
    expected = SoftmaxRegression().fit(X, y, X_val=X_val, y_val=y_val).validation_loss_curve_
    model = SoftmaxRegression().fit(X, y, X_val=kind(X_val), y_val=list(y_val))
    rtol = 1e-4 if container == "float32" else 1e-9
    assert_allclose(model.validation_loss_curve_, expected, rtol=rtol)


def test_float32_rows_are_trained_on_in_float32_whatever_the_others_are():
    X, y, X_val, y_val = split("iris")
    model = SoftmaxRegression(early_stopping=True)
    model.fit(X.astype(np.float32), y, X_val=X_val, y_val=y_val)
    assert model.coef_.dtype == np.float32


def test_the_rows_are_neither_changed_nor_is_a_sparse_one_made_dense():
    X, y, X_val, y_val = split("iris")
    given = sp.csr_array(X_val)
    parts = [part.copy() for part in (given.data, given.indices, given.indptr, y_val)]
    SoftmaxRegression(early_stopping=True).fit(X, y, X_val=given, y_val=y_val)
    for part, kept in zip((given.data, given.indices, given.indptr, y_val), parts, strict=True):
        assert_array_equal(part, kept)


def test_labels_may_be_strings_and_some_classes_may_be_missing():
    X, y, X_val, y_val = split("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    some = y_val > 0
    model = SoftmaxRegression().fit(X, names[y], X_val=X_val[some], y_val=names[y_val[some]])
    expected = mean_loss(model, X_val[some], names[y_val[some]])
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


def test_columns_are_checked_by_name():
    X, y, X_val, y_val = split("iris")
    names = ["a", "b", "c", "d"]
    frame, frame_val = pd.DataFrame(X, columns=names), pd.DataFrame(X_val, columns=names)
    model = SoftmaxRegression().fit(frame, y, X_val=frame_val, y_val=y_val)
    assert len(model.validation_loss_curve_) == model.n_iter_[0] + 1
    with pytest.raises(ValueError, match=r"cannot be used beside X and y: .*names"):
        model.fit(frame, y, X_val=frame_val[names[::-1]], y_val=y_val)


X, Y, X_VAL, Y_VAL = split("iris")
BAD = {
    "no labels": ({"X_val": X_VAL}, "X_val was given without y_val"),
    "no rows": ({"y_val": Y_VAL}, "y_val was given without X_val"),
    "only weights": ({"sample_weight_val": Y_VAL}, "sample_weight_val was given without"),
    "another width": ({"X_val": X_VAL[:, :3], "y_val": Y_VAL}, "beside X and y: .*3 features"),
    "another length": ({"X_val": X_VAL, "y_val": Y_VAL[1:]}, "beside X and y: .*inconsistent"),
    "NaN": ({"X_val": X_VAL * np.nan, "y_val": Y_VAL}, "beside X and y: .*NaN"),
    "one dimension": ({"X_val": X_VAL[0], "y_val": Y_VAL}, "beside X and y: .*2D"),
    "none at all": ({"X_val": X_VAL[:0], "y_val": Y_VAL[:0]}, "beside X and y: .*0 sample"),
    "continuous labels": (
        {"X_val": X_VAL[:2], "y_val": [0.5, 1]}, r"labels that y does not: \[0.5\]",
    ),
    "new labels": ({"X_val": X_VAL[:3], "y_val": [2, 4, 3]}, r"labels that y does not: \[4, 3\]"),
    "text for numbers": (
        {"X_val": X_VAL[:3], "y_val": ["1", "0", "1"]}, r"labels that y does not: \['1', '0'\]",
    ),
    "a mixture": (
        {"X_val": X_VAL[:3], "y_val": np.array(["1", 2, 0], dtype=object)},
        r"labels that y does not: \['1'\]",
    ),
    "negative weights": (
        {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": -np.ones(45)},
        "sample_weight_val cannot be used: .*[Nn]egative",
    ),
    "weights of zero": (
        {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.zeros(45)}, "sums to zero",
    ),
    "weights beyond measure": (
        {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.full(45, 1e308)},
        "sample_weight_val cannot be used: .*sum to inf",
    ),
    "too few weights": (
        {"X_val": X_VAL, "y_val": Y_VAL, "sample_weight_val": np.ones(3)},
        "sample_weight_val cannot be used: .*shape",
    ),
    "values beyond measure": ({"X_val": X_VAL * 2e307, "y_val": Y_VAL}, "held-out rows is"),
}  # fmt: skip


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_refused_and_the_estimator_stays_as_it_was(
    given, message, early_stopping
):
    model = SoftmaxRegression(early_stopping=early_stopping, random_state=0).fit(X, Y)
    before = dict(vars(model))
    with np.errstate(over="ignore"), pytest.raises(ValueError, match=message):
        model.fit(X, Y, **given)
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


# In pipelines


def test_a_pipeline_passes_the_rows_on():
    scaler = StandardScaler().fit(X)
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression(early_stopping=True))
    pipeline.fit(
        X, Y, softmaxregression__X_val=scaler.transform(X_VAL), softmaxregression__y_val=Y_VAL
    )
    model = SoftmaxRegression(early_stopping=True)
    model.fit(scaler.transform(X), Y, X_val=scaler.transform(X_VAL), y_val=Y_VAL)
    assert_array_equal(pipeline[-1].coef_, model.coef_)


def test_a_pipeline_with_metadata_routing_transforms_the_rows_on_their_way():
    with sklearn.config_context(enable_metadata_routing=True):
        model = SoftmaxRegression(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), model, transform_input=["X_val"])
        pipeline.fit(X, Y, X_val=X_VAL, y_val=Y_VAL)
    scaler = StandardScaler().fit(X)
    alone = SoftmaxRegression(early_stopping=True)
    alone.fit(scaler.transform(X), Y, X_val=scaler.transform(X_VAL), y_val=Y_VAL)
    assert_array_equal(pipeline[-1].coef_, alone.coef_)
