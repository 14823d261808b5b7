"""`partial_fit`: what users see of a stream, and what they may do wrong."""

import copy
import pickle
import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from problems import data
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import Checkpoint


def stream(model, X, y, size, classes=None, weights=None):
    """Give a model all rows in batches."""
    classes = np.unique(y) if classes is None else classes
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        s = None if weights is None else weights[part]
        model.partial_fit(X[part], y[part], classes=classes, sample_weight=s)
    return model


def shuffled(name, seed=0):
    X, y = data(name)
    order = np.random.default_rng(seed).permutation(len(y))
    return X[order], y[order]


def state_of(model):
    """Return everything that is fitted, for a bitwise comparison."""
    return pickle.dumps(
        (model.coef_, model.intercept_, list(model.loss_curve_), model.n_iter_)
    ), model._online.to_arrays()


def assert_same(one, two):
    assert one[0] == two[0]
    assert one[1].keys() == two[1].keys()
    for name, array in one[1].items():
        np.testing.assert_array_equal(array, two[1][name])


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer, load_digits, load_wine])
@pytest.mark.parametrize("size", [32, 100])
def test_one_pass_comes_near_the_trained_model_on_rows_held_out(load, size):
    X, y = load(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, stratify=y)
    ours = stream(SoftmaxRegression(), X, y, size)
    trained = SoftmaxRegression().fit(X, y)
    loss = log_loss(y_test, ours.predict_proba(X_test))
    assert loss < 1.15 * log_loss(y_test, trained.predict_proba(X_test))


@pytest.mark.slow
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_stream_far_longer_than_the_window_comes_to_the_trained_model(n_classes):
    rng = np.random.default_rng(0)
    units = np.array([1e-3, 1.0, 1e3, 30.0, 1.0, 7.0, 0.2, 1.0])
    U = rng.normal(size=(60_000, 8))
    X, scores = (U + rng.uniform(-5.0, 5.0, 8)) * units, U @ rng.normal(size=(8, n_classes))
    y = np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)
    model = stream(SoftmaxRegression(), X[:50_000], y[:50_000], 500)
    trained = SoftmaxRegression().fit(X[:50_000], y[:50_000])
    assert len(model._online.solved[0]) < 20_000
    loss = log_loss(y[50_000:], model.predict_proba(X[50_000:]))
    assert loss < 1.005 * log_loss(y[50_000:], trained.predict_proba(X[50_000:]))


def test_the_attributes_are_those_of_the_stream():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X, y, 40)
    assert model.n_samples_seen_ == len(y)
    assert model.n_iter_.tolist() == [4]
    assert model.solver_ == "online-newton"
    assert model.n_features_in_ == 4
    assert model.coef_.shape == (3, 4)
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert len(model.loss_curve_) == 4
    assert model.loss_curve_[0] == pytest.approx(np.log(3.0))


def test_the_loss_curve_holds_the_loss_of_each_batch_before_it_was_learned():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X[:100], y[:100], 25)
    s = np.linspace(0.5, 2.0, 50)
    expected = log_loss(y[100:], model.predict_proba(X[100:]), sample_weight=s)
    model.partial_fit(X[100:], y[100:], sample_weight=s)
    assert model.loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


def test_labels_may_be_strings_and_a_batch_need_not_hold_all_of_them():
    X, y = shuffled("overlapping")
    names = np.array(["ant", "bee", "cat"])
    model = stream(SoftmaxRegression(), X, names[y], 1, classes=["cat", "bee", "ant"])
    numbers = stream(SoftmaxRegression(), X, y, 1)
    np.testing.assert_array_equal(model.coef_, numbers.coef_)
    assert set(model.predict(X)) <= set(names)


def test_two_classes_have_one_row_of_coefficients():
    X, y = shuffled("overlapping/two")
    model = stream(SoftmaxRegression(), X, y, 30)
    assert model.coef_.shape == (1, 3)
    trained = SoftmaxRegression().fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), trained.predict_proba(X), atol=0.02)


def test_without_intercept_there_is_none():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(fit_intercept=False), X, y, 30)
    assert not model.intercept_.any()
    trained = SoftmaxRegression(fit_intercept=False).fit(X, y)
    ours, theirs = (log_loss(y, m.predict_proba(X)) for m in (model, trained))
    assert ours == pytest.approx(theirs, rel=0.01)


def test_without_a_penalty_separable_classes_do_no_harm():
    X, y = shuffled("iris")
    model = stream(SoftmaxRegression(C=np.inf), X, y == 0, 10)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, y == 0) == 1.0


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csr_array, "memmap", "fortran"])
def test_what_holds_the_rows_makes_no_difference(make, tmp_path):
    X, y = shuffled("overlapping")
    if make == "memmap":
        other = np.memmap(tmp_path / "X", np.float64, "w+", shape=X.shape)
        other[:] = X
    else:
        other = np.asfortranarray(X) if make == "fortran" else make(X)
    one, two = (stream(SoftmaxRegression(), rows, y, 20) for rows in (X, other))
    np.testing.assert_allclose(one.coef_, two.coef_, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(one.intercept_, two.intercept_, rtol=1e-8, atol=1e-12)


def test_wide_rows_give_the_same_updates_dense_and_sparse():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2500)) * (rng.random((60, 2500)) < 0.02)
    y = rng.integers(4, size=60)
    one, two = (stream(SoftmaxRegression(), rows, y, 20) for rows in (X, sp.csr_matrix(X)))
    np.testing.assert_allclose(one.coef_, two.coef_, rtol=1e-8, atol=1e-12)


def test_float32_stays_float32():
    X, y = shuffled("overlapping")
    double = stream(SoftmaxRegression(), X, y, 30)
    single = stream(SoftmaxRegression(), X.astype(np.float32), y, 30)
    assert single.coef_.dtype == single.intercept_.dtype == np.float32
    assert single.predict_proba(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(
        single.predict_proba(X.astype(np.float32)), double.predict_proba(X), atol=1e-3
    )


def test_what_the_user_does_to_a_batch_afterwards_changes_nothing():
    X, y = shuffled("overlapping")
    one, two = SoftmaxRegression(), SoftmaxRegression()
    for start in range(0, 150, 10):
        batch, labels, s = X[start : start + 10].copy(), y[start : start + 10].copy(), np.ones(10)
        one.partial_fit(batch, labels, classes=[0, 1, 2], sample_weight=s)
        batch[:], labels[:], s[:] = np.nan, 0, -1.0
        two.partial_fit(X[start : start + 10], y[start : start + 10], classes=[0, 1, 2])
    np.testing.assert_array_equal(one.coef_, two.coef_)


# Weights.


@pytest.mark.parametrize("size", [3, 150])
def test_a_weight_of_two_equals_the_row_twice_in_the_same_batch(size):
    X, y = shuffled("overlapping")
    weights = np.tile([2, 1, 3], 50)
    weighted, repeated = SoftmaxRegression(), SoftmaxRegression()
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        s = weights[part]
        weighted.partial_fit(X[part], y[part], classes=[0, 1, 2], sample_weight=s)
        rows = np.repeat(np.arange(start, start + size), s)
        repeated.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-6, atol=1e-8)


def test_a_weight_of_zero_equals_no_row():
    X, y = shuffled("overlapping")
    s = np.tile([1.0, 0.0, 1.0], 50)
    with_zeros = stream(SoftmaxRegression(), X, y, 30, weights=s)
    without = stream(SoftmaxRegression(), X[s > 0], y[s > 0], 20)
    np.testing.assert_array_equal(with_zeros.coef_, without.coef_)
    assert with_zeros.n_samples_seen_ == 150


def test_class_weights_are_weights_of_rows():
    X, y = shuffled("overlapping")
    one = stream(SoftmaxRegression(class_weight={0: 3.0, 2: 0.5}), X, y, 30)
    two = stream(SoftmaxRegression(), X, y, 30, weights=np.array([3.0, 1.0, 0.5])[y])
    np.testing.assert_array_equal(one.coef_, two.coef_)


def test_growing_weights_make_old_rows_fade():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X, y, 10)
    turned = (y + 1) % 3
    even = stream(clone(model), X, y, 10)
    fading = stream(clone(model), X, y, 10)
    stream(even, X, turned, 10)
    stream(fading, X, turned, 10, weights=2.0 ** (np.arange(1, 151) / 40.0))
    faded, both = (log_loss(turned, m.predict_proba(X)) for m in (fading, even))
    assert faded < both - 0.02


# After `fit`, and before it.


@pytest.mark.parametrize("name", ["overlapping", "overlapping/two", "digits"])
@pytest.mark.parametrize("size", [1, 20])
def test_one_later_batch_does_not_throw_the_fit_away(name, size):
    X, y = shuffled(name)
    half = len(y) // 2
    model = SoftmaxRegression(C=0.01).fit(X[:half], y[:half])
    before = log_loss(y[half:], model.predict_proba(X[half:]), labels=model.classes_)
    model.partial_fit(X[half : half + size], y[half : half + size])
    after = log_loss(y[half:], model.predict_proba(X[half:]), labels=model.classes_)
    assert after < 1.05 * before
    assert model.n_samples_seen_ == half + size
    assert not hasattr(model, "optimality_")


def test_rows_after_a_fit_are_learned_as_well_as_those_of_the_fit():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression().fit(X[:50], y[:50]), X[50:], y[50:], 10)
    trained = SoftmaxRegression().fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < 1.01 * log_loss(y, trained.predict_proba(X))


def test_a_fit_begins_anew():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X, 2 - y, 30).fit(X, y)
    np.testing.assert_array_equal(model.coef_, SoftmaxRegression().fit(X, y).coef_)
    assert model.n_samples_seen_ == len(y)
    assert len(model.loss_curve_) == model.n_iter_[0] + 1


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_copies_and_pickles_learn_on_alike_each_by_itself_and_clones_start_anew(copied):
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X[:75], y[:75], 15)
    again = copied(model)
    before = copy.deepcopy(state_of(model))
    stream(again, X[75:], y[75:], 15)
    assert_same(state_of(model), before)
    stream(model, X[75:], y[75:], 15)
    assert_array_equal(model.coef_, again.coef_)
    assert model.loss_curve_ == again.loss_curve_
    assert not hasattr(clone(model), "coef_")


# What can go wrong.


def the_bad_batches():
    X, y = (part[:20].copy() for part in shuffled("overlapping"))
    nan, infinite, large = X.copy(), X.copy(), X.copy()
    nan[3, 1], infinite[0, 0], large[7, 2] = np.nan, np.inf, 1e200
    negative, endless = np.ones(20), np.ones(20)
    negative[4], endless[4] = -1.0, np.inf
    too_much = {"sample_weight": np.full(20, 1e308)}
    return {
        "nan": (nan, y, {}, "NaN"),
        "infinite": (infinite, y, {}, "infinity"),
        "large": (large, y, {}, "too large to be squared"),
        "new class": (X, np.where(y == 0, 7, y), {}, re.escape("`y` has also [7]")),
        "narrow": (X[:, :3], y, {}, "3 features, but SoftmaxRegression is expecting 4"),
        "empty": (X[:0], y[:0], {}, "0 sample"),
        "lengths": (X, y[:10], {}, "inconsistent numbers of samples"),
        "weight": (X, y, {"sample_weight": negative}, "Negative values in data"),
        "infinite weight": (X, y, {"sample_weight": endless}, "infinity"),
        "no weight": (X, y, {"sample_weight": np.zeros(20)}, "zero"),
        "weights beyond measure": (X, y, too_much, "sample weights sum to inf"),
        "classes": (X, y, {"classes": [0, 1]}, "is not the same as on last call to partial_fit"),
        "continuous": (X, y + 0.5, {}, "Unknown label type"),
        "no label": (X, np.append(y[1:], [None]), {}, "y contains NaN or None: 1 of"),
    }


@pytest.mark.parametrize("kind", sorted(the_bad_batches()))
@pytest.mark.parametrize("begin", ["partial_fit", "fit"])
def test_a_bad_batch_is_refused_and_leaves_the_model_bitwise_as_it_was(kind, begin):
    X, y = shuffled("overlapping")
    bad_X, bad_y, rest, message = the_bad_batches()[kind]
    models = [SoftmaxRegression(), SoftmaxRegression()]
    for model in models:
        stream(model, X[:60], y[:60], 15) if begin == "partial_fit" else model.fit(X[:60], y[:60])
    before = {name: pickle.dumps(value) for name, value in vars(models[0]).items()}
    with pytest.raises(ValueError, match=message):
        models[0].partial_fit(bad_X, bad_y, **rest)
    assert {name: pickle.dumps(value) for name, value in vars(models[0]).items()} == before
    for model in models:
        stream(model, X[60:], y[60:], 7)
    assert_same(*map(state_of, models))


def test_a_bad_first_batch_leaves_the_model_unfitted():
    X, y = shuffled("overlapping")
    model = SoftmaxRegression()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(np.full_like(X, np.nan), y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="at least 2 classes"):
        model.partial_fit(X, 0 * y, classes=[0])
    assert vars(model) == vars(SoftmaxRegression())


def test_balanced_class_weights_are_refused_for_no_one_knows_them_yet():
    X, y = shuffled("overlapping")
    with pytest.raises(ValueError, match="not supported for partial_fit"):
        SoftmaxRegression(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


def test_an_l1_norm_is_refused():
    X, y = shuffled("overlapping")
    model = SoftmaxRegression(l1_ratio=0.5)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="'partial_fit'") as error:
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert "l1_ratio is 0.5" in str(error.value.__cause__)
    assert hasattr(model.set_params(C=np.inf), "partial_fit")


def test_an_intercept_cannot_come_or_go_in_mid_stream():
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X, y, 50).set_params(fit_intercept=False)
    with pytest.raises(ValueError, match="fit_intercept was True"):
        model.partial_fit(X, y)


def test_names_of_features_are_checked_in_later_batches():
    X, y = shuffled("overlapping")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = SoftmaxRegression().partial_fit(frame, y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="feature names"):
        model.partial_fit(frame[list("abdc")], y)
    assert model.partial_fit(frame, y).n_samples_seen_ == 300


@pytest.mark.parametrize("size", [1, 10])
def test_a_change_of_units_in_mid_stream_stays_finite(size):
    X, y = shuffled("overlapping")
    model = stream(SoftmaxRegression(), X, y, size)
    stream(model, X * [1e7, 1.0, 1e-7, 1.0], y, size)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.loss_curve_).all()


@pytest.mark.parametrize("n_batches", [0, 1, 7])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
def test_a_stream_goes_on_from_a_file(tmp_path, n_batches, container):
    X, y = load_wine(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    first, rest = order[:60], np.array_split(order[60:], 12)
    model = SoftmaxRegression().fit(container(X[first]), y[first])
    for rows in rest[:n_batches]:
        model.partial_fit(container(X[rows]), y[rows])
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    for rows in rest[n_batches:]:
        model.partial_fit(container(X[rows]), y[rows])
        loaded.partial_fit(container(X[rows]), y[rows])
    assert_array_equal(loaded.coef_, model.coef_)
    assert_array_equal(loaded.intercept_, model.intercept_)
    assert loaded.n_samples_seen_ == model.n_samples_seen_ == len(y)
    assert_array_equal(loaded.loss_curve_, model.loss_curve_)


@pytest.mark.parametrize(
    "params", [{"penalty_factor": np.ones(13)}, {"penalty": "group_lasso", "C": np.inf}]
)
def test_penalties_that_a_stream_does_not_know_are_refused(params):
    X, y = load_wine(return_X_y=True)
    model = SoftmaxRegression(**params)
    with pytest.raises(AttributeError, match="'partial_fit'") as error:
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert "ridge penalty alone" in str(error.value.__cause__)
    assert not hasattr(model, "classes_")


def test_a_model_to_be_resumed_learns_no_batch_before(tmp_path):
    X, y = load_wine(return_X_y=True)
    SoftmaxRegression(callbacks=Checkpoint(tmp_path / "fit.npz", every=5)).fit(X, y)
    resumed = SoftmaxRegression.resume(tmp_path / "fit.npz")
    with pytest.raises(ValueError, match="call fit with its data first"):
        resumed.partial_fit(X[:5], y[:5])
    resumed.fit(X, y).partial_fit(X[:5], y[:5])


def test_a_last_batch_of_ordinary_rows_does_not_spoil_a_small_stream():
    X, y = shuffled("wine")
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(y))
        model = stream(SoftmaxRegression(), X[order[:150]], y[order[:150]], 50, np.unique(y))
        before = model.score(X, y)
        assert model.partial_fit(X[order[150:]], y[order[150:]]).score(X, y) > before - 0.02
