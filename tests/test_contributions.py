"""Contributions add up to the scores, whatever X is, and compare with the mean of the rows."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression

from softmax_reg import FunctionSource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg.inference import contributions

MAKERS = {
    "model": SoftmaxRegression,
    "weighted": lambda: SoftmaxRegression(class_weight={0: 3.0}),
    "no intercept": lambda: SoftmaxRegression(fit_intercept=False),
    "lasso": lambda: SoftmaxRegression(l1_ratio=1.0, C=0.1, standardize=True),
    "search": lambda: SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3),
}


def centred_scores(model, X):
    scores = model.decision_function(X)
    return scores if scores.ndim == 1 else scores - scores.mean(axis=1, keepdims=True)


def assert_adds_up(model, X, rtol=1e-13, **given):
    parts, base = model.contributions(X, return_base=True, **given)
    n_rows, n_features = X.shape
    n_classes = len(model.classes_)
    outputs = () if n_classes == 2 else (n_classes,)
    assert parts.shape == (n_rows, n_features, *outputs)
    assert np.shape(base) == outputs
    size = np.abs(parts).sum(axis=1).max() + np.abs(base).max()
    assert_allclose(parts.sum(axis=1) + base, centred_scores(model, X), rtol=0, atol=rtol * size)
    if outputs:
        assert_allclose(parts.sum(axis=2), 0.0, atol=rtol * size)
    return parts, base


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "digits"])
@pytest.mark.parametrize("maker", MAKERS)
def test_they_and_the_base_are_the_scores(name, maker):
    X, y = (part[::3] for part in data(name))
    model = MAKERS[maker]().fit(X, y)
    parts, base = assert_adds_up(model, X)
    if maker != "weighted":
        middle = X.mean(axis=0) if model.fit_intercept else np.zeros(X.shape[1])
        given = assert_adds_up(model, X, about=middle)
        assert_allclose(parts, given[0], atol=1e-12 * np.abs(parts).max())
        assert_allclose(base, given[1], atol=1e-12 * np.abs(base).max())


def test_at_the_weighted_mean_nothing_contributes():
    X, y = data("wine")
    weights = np.random.default_rng(0).integers(0, 4, size=len(y)).astype(float)
    model = SoftmaxRegression().fit(X, y, weights)
    mean = np.average(X, axis=0, weights=weights)[np.newaxis]
    size = np.abs(model.contributions(X)).max()
    assert_allclose(model.contributions(mean), 0.0, atol=1e-12 * size)


def test_they_are_the_shapley_values_of_independent_features():
    """By the definition: the mean over all orders of what a feature adds, about the mean row."""
    from itertools import permutations

    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y)
    row, mean = X[70], X.mean(axis=0)
    values, orders = np.zeros((4, 3)), list(permutations(range(4)))
    for order in orders:
        now = mean.copy()
        before = centred_scores(model, now[np.newaxis])[0]
        for j in order:
            now[j] = row[j]
            after = centred_scores(model, now[np.newaxis])[0]
            values[j] += (after - before) / len(orders)
            before = after
    assert_allclose(model.contributions(row[np.newaxis])[0], values, atol=1e-13)


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix, sp.coo_array])
@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_sparse_rows_are_made_dense_a_few_at_a_time(monkeypatch, kind, name):
    monkeypatch.setattr(contributions, "BATCH_BYTES", 1000)
    X, y = data(name)
    model = SoftmaxRegression().fit(X, y)
    rows, made = kind(X), []
    before = rows.copy()
    for family in (sp.csr_array, sp.csr_matrix):

        def noted(self, toarray=family.toarray):
            made.append(self.shape[0])
            return toarray(self)

        monkeypatch.setattr(family, "toarray", noted)
    assert_array_equal(model.contributions(rows), model.contributions(X))
    assert sum(made) == len(y)
    assert max(made) == 1000 // (8 * X.shape[1])
    monkeypatch.undo()
    assert (rows != before).nnz == 0
    assert_adds_up(SoftmaxRegression().fit(rows, y), X)


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_of_a_frame_they_have_names(name):
    X, y = data(name)
    frame = pd.DataFrame(X, index=np.arange(len(y)) + 7, columns=[f"f{j}" for j in range(len(X.T))])
    labels = np.array(["a", "b", "c"])[y]
    model = SoftmaxRegression().fit(frame, labels)
    parts = model.contributions(frame)
    assert parts.index.equals(frame.index)
    bare = model.contributions(FunctionSource(lambda: [(frame[:50], None), (frame[50:], None)]))
    if name == "wine":
        assert parts.columns.names == ["class", "feature"]
        for k, label in enumerate("abc"):
            assert_array_equal(parts[label], bare[:, :, k])
            assert parts[label].columns.to_list() == frame.columns.to_list()
    else:
        assert parts.columns.to_list() == frame.columns.to_list()
        assert_array_equal(parts, bare)


def test_float32_stays_float32():
    X, y = data("wine")
    X = X.astype(np.float32)
    model = SoftmaxRegression().fit(X, y)
    assert model.coef_.dtype == np.float32
    parts, _ = assert_adds_up(model, X, rtol=1e-6)
    assert parts.dtype == np.float32
    assert SoftmaxRegression().fit(X.astype(float), y).contributions(X).dtype == np.float64


def test_one_feature_and_a_sparse_model():
    X, y = data("iris")
    assert_adds_up(SoftmaxRegression().fit(X[:, :1], y), X[:, :1])
    model = SoftmaxRegression(l1_ratio=1.0, C=0.1).fit(X, y)
    parts = model.contributions(X)
    assert_array_equal(model.sparsify().contributions(X), parts)


def test_a_class_without_weight_takes_no_part():
    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y, np.where(y == 1, 0.0, 1.0))
    parts, base = model.contributions(X, return_base=True)
    assert_array_equal(parts[:, :, 1], 0.0)
    assert_allclose(parts[:, :, 0], -parts[:, :, 2])
    scores = model.decision_function(X)[:, [0, 2]]
    scores -= scores.mean(axis=1, keepdims=True)
    assert_allclose(parts[:, :, [0, 2]].sum(axis=1) + base[[0, 2]], scores, atol=1e-12)
    assert base[1] < -1e29


def test_a_loaded_model_knows_the_means(tmp_path):
    X, y = data("wine")
    for make in (MAKERS["model"], MAKERS["search"]):
        model = make().fit(X, y)
        model.save(tmp_path / "model.npz")
        again = type(model).load(tmp_path / "model.npz")
        assert_array_equal(again.contributions(X), model.contributions(X))


def test_a_search_knows_the_deviations_too():
    X, y = data("wine")
    model = MAKERS["search"]().fit(X, y)
    assert_allclose(model.coef_frame(units="deviation").T, model.coef_ * X.std(axis=0))


def test_means_that_are_not_known_are_told():
    X, y = data("iris")
    unknown = [
        SoftmaxRegression().partial_fit(X, y, classes=[0, 1, 2]),
        SoftmaxRegression().fit(X, y).partial_fit(X, y),
        SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3).fit(X, y).set_params(refit=False).fit(X, y),
        SoftmaxRegression.from_sklearn(LogisticRegression(max_iter=1000).fit(X, y)),
    ]
    for model in unknown:
        with pytest.raises(ValueError, match=r"about=X\.mean\(axis=0\)"):
            model.contributions(X)
        assert_adds_up(model, X, about=X.mean(axis=0))


@pytest.mark.parametrize(
    ("about", "message"),
    [
        ([1.0, 2.0], r"one number for each of 4 features, got the shape \(2,\)"),
        ([[1.0, np.nan, 0.0, 0.0]], "must be finite, got nan"),
        (["a", "b", "c", "d"], "must hold numbers"),
        (3.0, r"got the shape \(\)"),
    ],
)
def test_a_middle_that_cannot_be_used_is_refused(about, message):
    X, y = data("iris")
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(tol=1e-3).fit(X, y).contributions(X, about=about)


def test_rows_that_cannot_be_used_are_refused():
    X, y = data("iris")
    with pytest.raises(NotFittedError):
        SoftmaxRegression().contributions(X)
    model = SoftmaxRegression(tol=1e-3).fit(X, y)
    for rows in (X[:, :2], X[0], np.where(X == X[3], np.nan, X), "rows.csv"):
        with pytest.raises(ValueError, match=r"feature|2D|NaN|name of a file"):
            model.contributions(rows)
