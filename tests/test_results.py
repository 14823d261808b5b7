"""A fitted model as tables: coefficients with names, the fit on one screen, a path."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.exceptions import NotFittedError

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg.functional import log_softmax


@pytest.mark.parametrize("make", [SoftmaxRegression, lambda: SoftmaxRegressionCV(Cs=2, cv=2)])
def test_coefficients_have_a_row_for_each_feature_and_a_column_for_each_class(make):
    X, y = load_wine(return_X_y=True, as_frame=True)
    model = make().fit(X, y)
    frame = model.coef_frame()
    assert_array_equal(frame.to_numpy(), model.coef_.T)
    assert frame.index.to_list() == X.columns.to_list()
    assert frame.columns.to_list() == [0, 1, 2]
    with_b = model.coef_frame(intercept=True)
    assert with_b.index[0] == "intercept"
    assert_array_equal(with_b.iloc[0], model.intercept_)
    with pytest.raises(NotFittedError):
        make().coef_frame()


def test_two_classes_have_two_columns_which_give_the_probabilities():
    X, y = load_breast_cancer(return_X_y=True)
    model = SoftmaxRegression().fit(X, y)
    frame = model.coef_frame(intercept=True)
    assert frame.index.to_list() == ["intercept", *(f"x{j}" for j in range(30))]
    scores = X @ frame.to_numpy()[1:] + frame.to_numpy()[0]
    assert_allclose(log_softmax(scores), model.predict_log_proba(X), rtol=1e-9)


@pytest.mark.parametrize("standardize", [False, True])
def test_coefficients_per_deviation_are_those_of_standardised_features(standardize):
    X, y = data("wine")
    model = SoftmaxRegression(standardize=standardize).fit(X, y)
    assert_allclose(model.coef_frame(units="deviation").T, model.coef_ * X.std(axis=0))
    sparse = model.sparsify().coef_frame(units="deviation")
    assert_allclose(sparse.T, model.densify().coef_ * X.std(axis=0))


def test_units_that_are_not_known_are_told():
    X, y = data("wine")
    model = SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="standardize=True"):
        model.coef_frame(units="deviation")
    with pytest.raises(ValueError, match="'raw' or 'deviation', got 'cm'"):
        model.coef_frame(units="cm")
    with pytest.raises(ValueError, match="own units"):
        SoftmaxRegression().fit(X, y).coef_frame(units="deviation", intercept=True)


def test_the_summary_says_what_was_fitted_and_how_well():
    X, y = data("wine")
    model = SoftmaxRegression(l1_ratio=1.0, C=0.1).fit(X, y)
    rows = model.summary(X, y).rows
    n_active = np.count_nonzero(model.coef_.any(axis=0))
    assert rows["rows"] == "178"
    assert rows["features"] == f"13, {n_active} with coefficients that are not 0"
    assert rows["penalty"] == "lasso, C = 0.1"
    shares = np.bincount(y) / len(y)
    null = -(shares * np.log(shares)).sum()
    assert_allclose(model.null_loss_, null)
    log_p = model.predict_log_proba(X)
    assert_allclose(model.loss_, -log_p[np.arange(len(y)), y].mean())
    assert rows["null model"].endswith(f"{100 * (1 - model.loss_ / null):.1f} % of it explained")
    assert rows["accuracy"] == f"{model.score(X, y):.4f}"
    assert rows["ended"] == model.stop_reason_
    assert model.stop_reason_.startswith("converged")
    text, html = repr(model.summary()), model.summary()._repr_html_()
    assert text.splitlines()[0] == "SoftmaxRegression"
    assert max(map(len, text.splitlines())) < 80
    assert "<table" in html
    assert "accuracy" not in text


@pytest.mark.parametrize(
    ("params", "penalty"),
    [
        ({"C": np.inf}, "none"),
        ({"penalty": "l1", "C": 2.0}, "lasso, C = 2"),
        ({"l1_ratio": 0.5}, "ridge and lasso, C = 1, l1_ratio = 0.5"),
        ({"penalty": "group_lasso", "l1_ratio": 1.0}, "group lasso, C = 1"),
        ({"standardize": True}, "ridge, C = 1, in units of deviations"),
    ],
)
def test_the_summary_names_the_penalty(params, penalty):
    X, y = data("overlapping")
    assert SoftmaxRegression(**params).fit(X, y).summary().rows["penalty"] == penalty


def test_the_summary_of_a_stream_and_of_a_loaded_model(tmp_path):
    X, y = data("wine")
    stream = SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2])
    assert stream.summary(X, y).rows["batches"] == "1"
    model = SoftmaxRegression(early_stopping=True, random_state=0).fit(X, y)
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert repr(loaded.summary()) == repr(model.summary())
    assert "held-out loss" in loaded.summary().rows


def test_a_path_prints_as_a_table():
    X, y = data("wine")
    path = softmax_path(X, y, Cs=40)
    frame = path.to_frame()
    assert_array_equal(frame["C"], path.Cs_)
    assert_array_equal(frame["features"], path.n_active_)
    lines = repr(path).splitlines()
    assert lines[0] == "SoftmaxPath of 40 values of C, l1_ratio 1, 13 features, 3 classes"
    assert lines[1].split() == [
        *("C", "features", "deviance", "explained", "objective", "iterations", "converged")
    ]
    assert len(lines) < 26  # the middle is left out
    assert path._repr_html_().count("<tr") < 26
