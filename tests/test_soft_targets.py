"""Shares and counts of the classes, smoothed labels and offsets: `fit_proba`, `fit_counts`."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import FunctionSource, SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg.callbacks import Checkpoint
from softmax_reg.dataset.class_shares import class_shares
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.targets import Labels
from softmax_reg.functional import cross_entropy, cross_entropy_gradient, log_softmax
from softmax_reg.solvers import SOLVERS

# Of one problem in two forms; the sums are taken in another order.
EQUAL = 1e-12
DETERMINISTIC = sorted(set(SOLVERS) - {"sgd", "adam", "svrg"})


def problem(n_classes=3, n=60, p=4, zeros=True, seed=0):
    """Return X of several scales, shares, some of them 0 and some rows certain, and weights."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** np.linspace(-2, 2, p)
    Y = rng.dirichlet(np.ones(n_classes), size=n)
    if zeros:
        Y[: n // 4] = np.eye(n_classes)[rng.integers(n_classes, size=n // 4)]
        Y[n // 4 : n // 2, 0] = 0.0
        Y /= Y.sum(axis=1, keepdims=True)
    weights = rng.uniform(0.2, 3.0, n)
    weights[::9] = 0.0
    return X, Y, weights


def expanded(X, Y, weights=None):
    """Return rows with one class each, and their weights."""
    n, K = Y.shape
    weights = np.ones(n) if weights is None else weights
    rows, codes = np.repeat(np.arange(n), K), np.tile(np.arange(K), n)
    return X[rows], codes, (weights[:, np.newaxis] * Y).ravel()


def assert_same_fit(model, other, rtol=EQUAL):
    scale = max(abs(other.coef_).max(axis=0, keepdims=True).max(), 1e-300)
    assert_array_equal(model.classes_, other.classes_)
    assert_allclose(model.coef_, other.coef_, atol=rtol * scale, rtol=rtol)
    assert_allclose(model.intercept_, other.intercept_, atol=rtol, rtol=rtol)
    assert_allclose(model.loss_, other.loss_, rtol=rtol)
    assert_allclose(model.null_loss_, other.null_loss_, rtol=rtol)


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_shares_are_rows_with_one_class_each(solver, n_classes):
    X, Y, weights = problem(n_classes)
    model = SoftmaxRegression(solver=solver).fit_proba(X, Y, weights)
    rows, codes, of_rows = expanded(X, Y, weights)
    other = SoftmaxRegression(solver=solver).fit(rows, codes, of_rows)
    assert model.converged_
    assert other.converged_
    # What ends a run is how much of F is left, of which the entropy of Y is no part.
    assert_same_fit(model, other, EQUAL if model.n_iter_ == other.n_iter_ else 1e-7)


@pytest.mark.parametrize("solver", ["sgd", "adam", "svrg"])
def test_stochastic_solvers_find_the_same_optimum(solver):
    X, Y, weights = problem()
    best = SoftmaxRegression(tol=1e-11).fit_proba(X, Y, weights)
    model = SoftmaxRegression(solver=solver, random_state=0).fit_proba(X, Y, weights)
    assert model.converged_
    assert model.loss_curve_[-1] - best.loss_curve_[-1] <= 1e-6 * model.loss_curve_[-1]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "parameters",
    [
        {"C": np.inf},
        {"l1_ratio": 1.0, "C": 0.5},
        {"l1_ratio": 0.5, "C": 2.0},
        {"penalty": "group_lasso", "l1_ratio": 1.0},
        {"standardize": True},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {0: 3.0, 1: 0.5}},
        {"label_smoothing": 0.2},
        {"label_smoothing": 0.3, "class_weight": {0: 3.0, 1: 0.5}},
    ],
    ids=str,
)
def test_every_penalty_and_weight_means_what_it_does_for_rows(parameters, n_classes):
    X, Y, weights = problem(n_classes)
    if isinstance(parameters.get("class_weight"), dict):
        more = dict.fromkeys(range(2, n_classes), 1.0)
        parameters = parameters | {"class_weight": parameters["class_weight"] | more}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of LogisticRegression's words
        model = SoftmaxRegression(tol=1e-11, **parameters).fit_proba(X, Y, weights)
        rows, codes, of_rows = expanded(X, Y, weights)
        other = SoftmaxRegression(tol=1e-11, **parameters).fit(rows, codes, of_rows)
    assert model.converged_
    assert_same_fit(model, other, 1e-9)
    assert_allclose(model.loss_curve_[-1], other.loss_curve_[-1], rtol=EQUAL)


@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, np.asfortranarray])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_container_and_precision(container, dtype):
    X, Y, weights = problem()
    X = X.astype(dtype)
    model = SoftmaxRegression().fit_proba(container(X), Y, weights)
    other = SoftmaxRegression().fit_proba(X, Y, weights)
    assert model.coef_.dtype == dtype
    assert_allclose(model.coef_, other.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shares_that_are_certain_are_labels(n_classes):
    X, _, weights = problem(n_classes)
    y = np.random.default_rng(1).integers(n_classes, size=len(X))
    by_label = SoftmaxRegression().fit(X, y, weights)
    by_share = SoftmaxRegression().fit_proba(X, np.eye(n_classes)[y], weights)
    assert_same_fit(by_share, by_label)
    assert_array_equal(by_share.loss_curve_.shape, by_label.loss_curve_.shape)


# Food of 219 alligators: A. Agresti (2002), "Categorical Data Analysis", 2nd edition, table 7.1.
FOOD = ["fish", "invertebrate", "reptile", "bird", "other"]
LAKES = ["Hancock", "Oklawaha", "Trafford", "George"]
ALLIGATORS = np.array(
    [
        [[7, 1, 0, 0, 5], [4, 0, 0, 1, 2], [16, 3, 2, 2, 3], [3, 0, 1, 2, 3]],
        [[2, 2, 0, 0, 1], [13, 7, 6, 0, 0], [3, 9, 1, 0, 2], [0, 1, 0, 1, 0]],
        [[3, 7, 1, 0, 1], [8, 6, 6, 3, 5], [2, 4, 1, 1, 4], [0, 1, 0, 0, 0]],
        [[13, 10, 0, 2, 2], [9, 0, 0, 1, 2], [3, 9, 1, 0, 1], [8, 1, 0, 0, 1]],
    ]
)
# Table 7.3, beside fish: intercept, length at most 2.3 m, Hancock, Oklawaha, Trafford.
PRINTED = {
    "invertebrate": [-1.55, 1.46, -1.66, 0.94, 1.12],
    "reptile": [-3.31, -0.35, 1.24, 2.46, 2.94],
    "bird": [-2.09, -0.63, 0.70, -0.65, 1.09],
    "other": [-1.90, 0.33, 0.83, 0.01, 1.52],
}


def test_the_alligators_of_agresti_have_the_printed_coefficients_and_deviance():
    lakes = np.repeat(np.eye(4)[:, :3], 4, axis=0)
    X = np.column_stack([np.tile([1.0, 0.0], 8), lakes])
    counts = pd.DataFrame(ALLIGATORS.reshape(16, 5), columns=FOOD)
    model = SoftmaxRegression(C=np.inf).fit_counts(X, counts)
    assert_array_equal(model.classes_, sorted(FOOD))
    W = np.column_stack([model.intercept_, model.coef_])
    fish = list(model.classes_).index("fish")
    for label, printed in PRINTED.items():
        own = W[list(model.classes_).index(label)] - W[fish]
        assert_allclose(own, printed, atol=0.5001e-2)
    assert_allclose(2 * 219 * model.loss_, 540.0803, atol=0.5e-4)  # as multinom of R prints it
    proba = model.predict_proba(X)[:, [list(model.classes_).index(food) for food in FOOD]]
    N = counts.to_numpy()
    seen = N > 0
    fitted = N.sum(axis=1, keepdims=True) * proba
    G2 = 2.0 * np.sum(N[seen] * np.log(N[seen] / fitted[seen]))
    assert_allclose(G2, 52.5, atol=0.05)  # table 7.2, lake and size


@pytest.mark.parametrize("n_classes", [2, 3])
def test_counts_are_rows(n_classes):
    rng = np.random.default_rng(3)
    X, N = rng.normal(size=(30, 3)), rng.integers(0, 5, size=(30, n_classes))
    N[4] = 0
    model = SoftmaxRegression().fit_counts(X, N)
    rows = np.repeat(np.repeat(np.arange(30), n_classes), N.ravel())
    codes = np.repeat(np.tile(np.arange(n_classes), 30), N.ravel())
    other = SoftmaxRegression().fit(X[rows], codes)
    assert_same_fit(model, other, EQUAL if model.n_iter_ == other.n_iter_ else 1e-7)
    assert_same_fit(SoftmaxRegression().fit_counts(X, sp.csr_array(N)), model)


def test_a_teacher_that_is_a_softmax_is_found_and_its_entropy_is_no_part_of_what_is_left():
    X, Y, _ = problem(zeros=False)
    teacher = SoftmaxRegression().fit_proba(X, Y)
    soft = teacher.predict_proba(X)
    pupil = SoftmaxRegression(C=np.inf).fit_proba(X, soft)
    assert pupil.converged_
    assert_allclose(pupil.predict_proba(X), soft, atol=1e-7)
    entropy = cross_entropy(np.log(soft), soft)
    assert_allclose(pupil.loss_, entropy, rtol=1e-13)
    assert pupil.suboptimality_ <= 1e-11
    assert_allclose(
        SoftmaxRegression(max_iter=0, tol=None).fit_proba(X, Y).suboptimality_, 0, atol=1
    )


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.7])
def test_the_gap_bounds_how_far_f_is_above_its_minimum(l1_ratio, C, n_classes, with_offset):
    X, Y, weights = problem(n_classes)
    offset = np.random.default_rng(2).normal(size=Y.shape) * 3.0 if with_offset else None
    parameters = {"C": C, "l1_ratio": l1_ratio}
    best = SoftmaxRegression(tol=1e-12, **parameters)
    best.fit_proba(X, Y, weights, offset=offset)
    for max_iter in (1, 3, 8):
        model = SoftmaxRegression(max_iter=max_iter, tol=None, **parameters)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit_proba(X, Y, weights, offset=offset)
        above = model.loss_curve_[-1] - best.loss_curve_[-1]
        gap = model.duality_gap(X, Y, weights, offset=offset)
        assert gap >= above - 1e-13
    gap = best.duality_gap(X, Y, weights, offset=offset)
    assert 0.0 <= gap <= 1e-9
    assert best.converged_


@pytest.mark.parametrize("n_classes", [2, 3])
def test_smoothed_labels_are_shares(n_classes):
    X, _, weights = problem(n_classes)
    y = np.random.default_rng(1).integers(n_classes, size=len(X))
    Y = 0.9 * np.eye(n_classes)[y] + 0.1 / n_classes
    smooth = SoftmaxRegression(label_smoothing=0.1).fit(X, y, weights)
    shares = SoftmaxRegression().fit_proba(X, Y, weights)
    assert_same_fit(smooth, shares)
    scores = smooth.decision_function(X)
    scores = np.column_stack([0.0 * scores, scores]) if n_classes == 2 else scores
    told = cross_entropy(scores, y, sample_weight=weights, label_smoothing=0.1)
    assert_allclose(smooth.loss_, told, rtol=1e-12)
    assert smooth.duality_gap(X, y, weights) <= 1e-8


def test_smoothing_lets_separated_classes_have_an_optimum():
    X, y = np.array([[-2.0], [-1.0], [1.0], [2.0]]), [0, 0, 1, 1]
    model = SoftmaxRegression(C=np.inf, label_smoothing=0.1).fit(X, y)
    assert model.converged_
    assert_allclose(X.T @ (model.predict_proba(X)[:, 1] - [0.05, 0.05, 0.95, 0.95]), 0.0, atol=1e-8)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(
    ("Y", "exists"),
    [
        ([[1, 0], [1, 0], [0, 1], [0, 1]], False),
        ([[1, 0], [0.5, 0.5], [0, 1], [0, 1]], False),  # quasi-complete
        ([[1, 0], [0.2, 0.8], [0.7, 0.3], [0, 1]], True),
        ([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.2, 0.8]], True),
    ],
)
def test_shares_of_0_may_separate_and_others_may_not(Y, exists, wide):
    X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    if wide:  # more columns than rows: seen in the span of the rows
        X = np.column_stack([X] * 12) * np.linspace(1.0, 2.0, 12)
    model = SoftmaxRegression(C=np.inf, max_iter=200)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit_proba(X, Y)
    other = SoftmaxRegression(C=np.inf, max_iter=200)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other.fit(*expanded(X, np.asarray(Y, dtype=float)))
    assert model.converged_ == other.converged_ == exists
    assert any("separable" in str(one.message) for one in told) == (not exists)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_a_constant_offset_is_undone_by_the_intercept(solver, n_classes):
    X, Y, weights = problem(n_classes)
    shift = np.linspace(-3.0, 2.0, n_classes)
    plain = SoftmaxRegression(solver=solver, tol=1e-11).fit_proba(X, Y, weights)
    offset = np.tile(shift, (len(X), 1)) + np.arange(len(X))[:, np.newaxis]  # rows do not count
    model = SoftmaxRegression(solver=solver, tol=1e-11)
    model.fit_proba(X, Y, weights, offset=offset)
    assert_allclose(model.coef_, plain.coef_, rtol=1e-7, atol=1e-9)
    shifted = plain.intercept_ - (shift[1:] - shift[:1] if n_classes == 2 else shift)
    assert_allclose(np.diff(model.intercept_), np.diff(shifted), atol=1e-8)
    assert_allclose(model.predict_proba(X, offset), plain.predict_proba(X), atol=1e-9)
    assert_allclose(model.null_loss_, plain.null_loss_, rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("C", [1.0, np.inf])
def test_an_offset_is_a_feature_whose_coefficients_are_known(C, n_classes):
    X, Y, weights = problem(n_classes)
    full = SoftmaxRegression(C=np.inf, tol=1e-11).fit_proba(X, Y, weights)
    part = X[:, [-1]] * full.coef_[:, -1]
    offset = part[:, 0] if n_classes == 2 else part
    model = SoftmaxRegression(C=C, tol=1e-11).fit_proba(X[:, :-1], Y, weights, offset=offset)
    if np.isinf(C):
        assert_allclose(model.coef_, full.coef_[:, :-1], rtol=1e-7)
        assert_allclose(model.predict_proba(X[:, :-1], offset), full.predict_proba(X), atol=1e-9)
    # The gradient of F at the solution, by the functions for scores.
    scores = model.decision_function(X[:, :-1], offset)
    scores = np.column_stack([0.0 * scores, scores]) if n_classes == 2 else scores
    slope = cross_entropy_gradient(scores, Y, sample_weight=weights)[:, -len(model.coef_) :]
    slopes = X[:, :-1].T @ slope + model.coef_.T / (C * weights.sum())
    assert_allclose(slopes / X[:, :-1].std(axis=0)[:, np.newaxis], 0.0, atol=1e-9)
    assert_allclose(slope.sum(axis=0), 0.0, atol=1e-9)


@pytest.mark.parametrize("size", [1.0, 30.0, 1e3])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_null_model_has_the_offset_too(n_classes, size):
    X, Y, weights = problem(n_classes)
    offset = size * np.random.default_rng(5).normal(size=Y.shape)
    model = SoftmaxRegression().fit_proba(X, Y, weights, offset=offset)
    alone = SoftmaxRegression(C=np.inf, tol=1e-12)
    alone.fit_proba(np.zeros((len(X), 1)), Y, weights, offset=offset)
    assert_allclose(model.null_loss_, alone.loss_, rtol=1e-10)
    assert model.loss_ < model.null_loss_


def test_rows_of_one_class_alone_keep_their_offset():
    # Where the other class is certain, only they have curvature.
    offset = np.array([[0.1], [0.2], [0.3], [0.4]])
    targets = Labels(np.array([0, 0, 1, 1]), 2)
    data = Dataset.of(np.ones((4, 1)), np.arange(2), targets, np.ones(4), offset=offset)
    seen = data.with_weights(np.array([0.0, 0.0, 1.0, 1.0]))
    assert_array_equal(seen.whole().offset, offset)


def test_two_classes_take_one_offset_or_two():
    X, Y, weights = problem(2)
    M = np.random.default_rng(0).normal(size=(len(X), 2))
    one = SoftmaxRegression().fit_proba(X, Y, weights, offset=M[:, 1] - M[:, 0])
    two = SoftmaxRegression().fit_proba(X, Y, weights, offset=M)
    assert_allclose(one.coef_, two.coef_, rtol=1e-9)
    proba = one.predict_proba(X, offset=M)
    assert_allclose(proba, one.predict_proba(X, offset=M[:, 1] - M[:, 0]), rtol=1e-12)


def test_predictions_of_a_fit_with_an_offset_ask_for_one(tmp_path):
    X, Y, weights = problem(3)
    M = np.random.default_rng(0).normal(size=Y.shape)
    y = Y.argmax(axis=1)
    model = SoftmaxRegression().fit(X, y, weights, offset=M)
    assert model.has_offset_
    model.save(tmp_path / "model.npz")
    for one in (
        model,
        SoftmaxRegression.load(tmp_path / "model.npz"),
        pickle.loads(pickle.dumps(model)),
    ):
        for method in (
            one.predict,
            one.predict_proba,
            one.predict_log_proba,
            one.decision_function,
        ):
            with pytest.raises(ValueError, match="offset=0"):
                method(X)
        with pytest.raises(ValueError, match="offset=0"):
            one.score(X, y)
        assert_allclose(one.decision_function(X, 0), X @ one.coef_.T + one.intercept_, rtol=1e-12)
        assert_allclose(
            one.decision_function(X, M), X @ one.coef_.T + one.intercept_ + M, rtol=1e-12
        )
        assert_array_equal(one.predict(X, M), one.decision_function(X, M).argmax(axis=1))
        assert one.score(X, y, offset=M) == np.mean(one.predict(X, M) == y)
    with pytest.raises(ValueError, match="fitted with an offset"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="would predict without one"):
        model.to_sklearn()
    plain = model.fit(X, y)
    assert not plain.has_offset_
    assert not model.fit(X, y, offset=0).has_offset_
    plain.predict(X)


def test_a_source_takes_offsets_and_smoothing():
    X, Y, weights = problem(3)
    y, M = Y.argmax(axis=1), np.random.default_rng(0).normal(size=Y.shape)

    def batches():
        for start in range(0, len(X), 17):
            part = slice(start, start + 17)
            yield X[part], y[part], weights[part]

    source = FunctionSource(batches)
    parameters = {"label_smoothing": 0.1, "random_state": 0}
    model = SoftmaxRegression(**parameters).fit(source, offset=M)
    other = SoftmaxRegression(**parameters).fit(X, y, weights, offset=M)
    assert_allclose(model.coef_, other.coef_, rtol=1e-7)
    assert_allclose(model.predict_proba(source, M), other.predict_proba(X, M), atol=1e-8)
    frame = pd.DataFrame(M)
    assert_allclose(model.predict_proba(source, frame), other.predict_proba(X, M), atol=1e-8)
    assert_allclose(model.score(source, offset=M), other.score(X, y, weights, offset=M))
    for wrong in (M[:-1], np.vstack([M, M[:3]])):
        with pytest.raises(ValueError, match="offset has"):
            model.predict(source, wrong)
    with pytest.raises(ValueError, match="FunctionSource brings labels"):
        SoftmaxRegression().fit_proba(source, Y)


def test_columns_are_named_by_the_classes():
    X, Y, _ = problem(3)
    frame = pd.DataFrame(Y, columns=["c", "a", "b"])
    model = SoftmaxRegression().fit_proba(X, frame)
    assert_array_equal(model.classes_, ["a", "b", "c"])
    by_hand = SoftmaxRegression().fit_proba(X, Y[:, [1, 2, 0]], classes=["a", "b", "c"])
    assert_array_equal(model.coef_, by_hand.coef_)
    M = pd.DataFrame(np.random.default_rng(0).normal(size=Y.shape), columns=["b", "c", "a"])
    with_frame = SoftmaxRegression().fit_proba(X, frame, offset=M)
    with_array = SoftmaxRegression().fit_proba(X, frame, offset=M[["a", "b", "c"]].to_numpy())
    assert_array_equal(with_frame.coef_, with_array.coef_)
    assert_array_equal(
        with_frame.predict_proba(X, M), with_array.predict_proba(X, M[["a", "b", "c"]].to_numpy())
    )
    with pytest.raises(ValueError, match="named after it"):
        SoftmaxRegression().fit_proba(X, frame, offset=M.set_axis(["a", "b", "d"], axis=1))


@pytest.mark.parametrize("n_classes", [3, 4])
def test_a_class_without_any_share_stays_out(n_classes):
    X, Y, weights = problem(n_classes)
    wide = np.insert(Y, 1, 0.0, axis=1)
    M = np.random.default_rng(0).normal(size=wide.shape)
    for e in (0.0, 0.1):
        model = SoftmaxRegression(label_smoothing=e).fit_proba(X, wide, weights, offset=M)
        other = SoftmaxRegression(label_smoothing=e)
        other.fit_proba(X, Y, weights, offset=np.delete(M, 1, axis=1))
        assert_array_equal(model.predict_proba(X, M)[:, 1], 0.0)
        assert_allclose(np.delete(model.coef_, 1, axis=0), other.coef_, rtol=1e-9)
        assert_allclose(model.loss_, other.loss_, rtol=1e-12)


def test_held_out_rows_have_shares_and_offsets_and_are_not_smoothed():
    X, Y, weights = problem(3, n=200)
    M = np.random.default_rng(0).normal(size=Y.shape)
    parameters = {"early_stopping": True, "random_state": 0, "label_smoothing": 0.2}
    model = SoftmaxRegression(**parameters).fit_proba(X, Y, weights, offset=M)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_)
    train, val = slice(0, 150), slice(150, 200)
    given = {"X_val": X[val], "y_val": Y[val], "sample_weight_val": weights[val]}
    model = SoftmaxRegression(label_smoothing=0.2, class_weight="balanced")
    model.fit_proba(X[train], Y[train], weights[train], offset=M[train], offset_val=M[val], **given)
    s, t = weights[train, np.newaxis] * Y[train], weights[val, np.newaxis] * Y[val]
    t = t * (s.sum() / (3 * s.sum(axis=0)))
    scores = model.decision_function(X[val], M[val])
    told = -np.sum(t * log_softmax(scores)) / t.sum()
    assert_allclose(model.validation_loss_curve_[-1], told, rtol=1e-9)
    with pytest.raises(ValueError, match="offset_val=0"):
        model.fit_proba(X[train], Y[train], offset=M[train], **given)
    with pytest.raises(ValueError, match="offset_val was given without"):
        model.fit_proba(X[train], Y[train], offset=M[train], offset_val=M[val])
    labels = given | {"y_val": Y[val].argmax(axis=1)}
    model.fit_proba(X[train], Y[train], **labels)
    model.fit(X[train], Y[train].argmax(axis=1), **given)


def test_a_fit_to_shares_is_resumed_and_other_shares_are_refused(tmp_path):

    X, Y, weights = problem(3)
    M = np.random.default_rng(0).normal(size=Y.shape)
    file = tmp_path / "run.npz"
    parameters = {"solver": "gd", "max_iter": 40, "tol": None}
    whole = SoftmaxRegression(**parameters).fit_proba(X, Y, weights, offset=M)
    stopped = SoftmaxRegression(
        **parameters,
        callbacks=[Checkpoint(file, every=1), lambda progress: progress.n_iter == 9],
    )
    stopped.fit_proba(X, Y, weights, offset=M)
    resumed = SoftmaxRegression.resume(file, callbacks=[lambda progress: None])
    with pytest.raises(ValueError, match="the labels"):
        SoftmaxRegression.resume(file, callbacks=[lambda progress: None]).fit_proba(
            X, Y[::-1], weights, offset=M
        )
    with pytest.raises(ValueError, match="the offset"):
        SoftmaxRegression.resume(file, callbacks=[lambda progress: None]).fit_proba(
            X, Y, weights, offset=M + 1e-9 * M
        )
    resumed.fit_proba(X, Y, weights, offset=M)
    assert_array_equal(resumed.coef_, whole.coef_)


def test_paths_and_searches():
    X, Y, weights = problem(3, n=150)
    M = np.random.default_rng(0).normal(size=Y.shape)
    path = softmax_path(X, proba=Y, sample_weight=weights, offset=M, Cs=5, label_smoothing=0.1)
    assert not path.coefs_[0].any()
    model = SoftmaxRegression(l1_ratio=1.0, C=path.Cs_[3], label_smoothing=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.fit_proba(X, Y, weights, offset=M)
    assert_allclose(path.coefs_[3], model.coef_, atol=1e-6)
    assert_allclose(path.null_deviance_, 2 * weights.sum() * model.null_loss_, rtol=1e-8)
    with pytest.raises(ValueError, match="Give one"):
        softmax_path(X, Y.argmax(axis=1), proba=Y)
    y = Y.argmax(axis=1)
    search = SoftmaxRegressionCV(label_smoothing=0.1, Cs=3, cv=3).fit(X, y)
    model = SoftmaxRegression(label_smoothing=0.1, C=search.C_).fit(X, y)
    assert_allclose(search.coef_, model.coef_, rtol=1e-5, atol=1e-7)
    with pytest.raises(TypeError, match="takes no offset"):
        search.fit(X, y, offset=M)


def test_offsets_are_routed_through_pipelines_and_searches():
    X, Y, _ = problem(3, n=90)
    y, M = Y.argmax(axis=1), np.random.default_rng(0).normal(size=Y.shape)
    model = SoftmaxRegression()
    with sklearn.config_context(enable_metadata_routing=True):
        asks = model.set_fit_request(offset=True).set_score_request(offset=True)
        asks = asks.set_predict_request(offset=True)
        pipeline = make_pipeline(StandardScaler(), asks).fit(X, y, offset=M)
        alone = SoftmaxRegression().fit(StandardScaler().fit_transform(X), y, offset=M)
        assert_allclose(pipeline[-1].coef_, alone.coef_)
        assert_array_equal(
            pipeline.predict(X, offset=M), alone.predict(StandardScaler().fit_transform(X), M)
        )
        search = GridSearchCV(asks, {"C": [0.1, 1.0]}, cv=3).fit(X, y, offset=M)
        assert search.best_score_ > 0.3


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"Y": np.full((60, 3), 0.5)}, "row 0, .*sums to 1.5"),
        ({"Y": -np.eye(3)[np.zeros(60, int)]}, "finite and not negative, but row 0"),
        ({"Y": np.full((60, 3), np.nan)}, "finite and not negative"),
        ({"Y": np.ones((60, 1))}, "at least 2 classes"),
        ({"Y": np.ones((59, 3)) / 3}, "a row for each of the 60 rows"),
        ({"Y": np.zeros(60, int)}, "Labels, one for each row, are for fit"),
        ({"Y": [["a", "b", "c"]] * 60}, "must hold numbers"),
        ({"classes": [1, 2]}, "names 2 classes"),
        ({"classes": [1, 2, 2]}, "must differ"),
        ({"Y": np.eye(3)[np.zeros(60, int)]}, "all classes but 0 sum to zero"),
        ({"offset": np.zeros(60)}, r"shape \(60, 3\)"),
        ({"offset": np.zeros((60, 2))}, r"shape \(60, 3\)"),
        ({"offset": np.full((60, 3), np.inf)}, "must be finite, but row 0"),
        ({"offset": "log"}, "must hold numbers"),
        ({"offset": 1.0}, r"shape \(60, 3\)"),
        ({"sample_weight": -np.ones(60)}, "Negative"),
    ],
)
def test_what_cannot_be_used_is_told_and_changes_nothing(change, match):
    X, Y, _ = problem(3)
    model = SoftmaxRegression().fit_proba(X, Y)
    before = model.__dict__.copy()
    given = {"X": X, "Y": Y} | change
    with pytest.raises(ValueError, match=match):
        model.fit_proba(given.pop("X"), given.pop("Y"), **given)
    assert model.__dict__ == before


@pytest.mark.parametrize(
    ("N", "match"),
    [
        (np.zeros((60, 3)), "zero everywhere"),
        (np.full((60, 3), 1e308), "too large"),
        (-np.ones((60, 3)), "not negative"),
    ],
)
def test_counts_that_cannot_be_used_are_told(N, match):
    with pytest.raises(ValueError, match=match):
        SoftmaxRegression().fit_counts(problem(3)[0], N)


def test_shares_and_counts_given_to_fit_are_told_where_to_go():
    X, Y, _ = problem(3)
    with pytest.raises(ValueError, match=r"fit_proba\(X, y\)"):
        SoftmaxRegression().fit(X, Y)
    with pytest.raises(ValueError, match=r"fit_counts\(X, y\)"):
        SoftmaxRegression().fit(X, (10 * Y).round())
    assert not hasattr(SoftmaxRegression(label_smoothing=0.1), "partial_fit")


def test_nothing_that_is_given_is_written_to():
    X, Y, weights = problem(3)
    M = np.random.default_rng(0).normal(size=Y.shape)
    before = [array.copy() for array in (X, Y, weights, M)]
    for array in (X, Y, weights, M):
        array.flags.writeable = False
    model = SoftmaxRegression(class_weight="balanced", label_smoothing=0.1)
    model.fit_proba(X, Y, weights, offset=M).predict_proba(X, M)
    model.fit_counts(X, Y, offset=M)
    for array, was in zip((X, Y, weights, M), before, strict=True):
        assert_array_equal(array, was)


def test_rows_of_shares_are_divided_by_their_sums():
    Y = np.full((4, 3), 1.0 / 3.0) + 1e-7
    _, targets = class_shares(Y, None, 4, np.float64)
    assert_allclose(targets.shares.sum(axis=1), 1.0, rtol=1e-15)


def test_what_belongs_to_the_fit_is_asked_for_again(tmp_path):
    X, Y, weights = problem(3)
    M = np.random.default_rng(0).normal(size=Y.shape)
    file = tmp_path / "run.npz"
    callbacks = [Checkpoint(file, every=1), lambda progress: progress.n_iter == 5]
    model = SoftmaxRegression(solver="gd", max_iter=30, tol=None, callbacks=callbacks)
    model.fit_proba(X, Y, weights, offset=M)
    with pytest.raises(ValueError, match="the offset"):
        SoftmaxRegression.resume(file, callbacks=[lambda progress: None]).fit_proba(X, Y, weights)
    with pytest.raises(ValueError, match="fitted with an offset"):
        model.duality_gap(X, Y, weights)


def test_batches_of_lists_are_predicted_with_an_offset():
    X, Y, _ = problem(3)
    y, M = Y.argmax(axis=1), np.random.default_rng(0).normal(size=Y.shape)
    source = FunctionSource(
        lambda: ((X[i : i + 25].tolist(), y[i : i + 25].tolist()) for i in range(0, len(X), 25))
    )
    model = SoftmaxRegression().fit(X, y, offset=M)
    assert_allclose(model.predict_proba(source, M), model.predict_proba(X, M), rtol=1e-12)


def test_what_all_classes_of_a_row_have_takes_no_digits():
    X, Y, weights = problem(3)
    M = np.random.default_rng(0).normal(size=Y.shape)
    plain = SoftmaxRegression().fit_proba(X, Y, weights, offset=M)
    far = SoftmaxRegression().fit_proba(X, Y, weights, offset=M + 1e8)
    assert far.converged_
    assert_allclose(far.coef_, plain.coef_, rtol=1e-5, atol=1e-8)


def test_columns_are_found_by_labels_of_any_kind():
    X, Y, _ = problem(2)
    M = pd.DataFrame(np.random.default_rng(0).normal(size=Y.shape), columns=[True, False])
    model = SoftmaxRegression().fit(X, Y[:, 1] > 0.5, offset=M)
    other = SoftmaxRegression().fit(X, Y[:, 1] > 0.5, offset=M.to_numpy()[:, ::-1])
    assert_array_equal(model.coef_, other.coef_)
    with pytest.raises(ValueError, match="one label each"):
        SoftmaxRegression().fit_proba(X, Y, classes=[("a", 1), ("b", 2)])
