"""A class without weight stays in `classes_`, has the probability 0, and changes nothing else."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS, DETERMINISTIC, HANDLES_L1, STOCHASTIC, objective_of
from problems import data
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold, StratifiedKFold

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg.dataset.left_out import as_start, averaged, expanded, is_left_out
from softmax_reg.dataset.sources import FunctionSource

LABELS = np.array(["a", "b", "c", "d"])


def four_classes(n=80, missing=1, dtype=np.float64, seed=0):
    """Return X, labels, and weights that are 0 for one class."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 5)) * [1.0, 0.1, 3.0, 10.0, 1.0] + [0.0, 1.0, 5.0, 0.0, -2.0]
    X[rng.random(X.shape) < 0.2] = 0.0
    codes = rng.permutation(np.arange(n) % 4)
    X[:, 0] += codes
    weights = np.where(codes == missing, 0.0, rng.uniform(0.5, 3.0, n))
    return X.astype(dtype), LABELS[codes], weights


X, Y, S = four_classes()
OTHERS = S > 0.0


def assert_left_out(model, X, missing=1):
    """Assert that one class has the probability 0 everywhere, and that all numbers are finite."""
    assert_array_equal(model.classes_, LABELS)
    coef = model.coef_.toarray() if sp.issparse(model.coef_) else model.coef_
    for attribute in (coef, model.intercept_, model.predict_log_proba(X)):
        assert np.isfinite(attribute).all()
    assert_array_equal(model.predict_proba(X)[:, missing], 0.0)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-6)
    assert LABELS[missing] not in model.predict(X)


# The fit


@pytest.mark.parametrize("container", ["C", "csr", "csc"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_the_fit_is_that_of_the_other_classes(solver, fit_intercept, container):
    made = CONTAINERS[container]
    model = SoftmaxRegression(solver=solver, fit_intercept=fit_intercept, max_iter=20_000)
    model.fit(made(X), Y, S)
    assert model.converged_
    assert_left_out(model, X)
    alone = SoftmaxRegression(fit_intercept=fit_intercept).fit(X[OTHERS], Y[OTHERS], S[OTHERS])
    kept = [0, 2, 3]
    assert_allclose(model.predict_proba(X)[:, kept], alone.predict_proba(X), atol=1e-6)
    assert_allclose(model.coef_[kept], alone.coef_, atol=1e-5)
    assert_allclose(model.loss_curve_[-1], alone.loss_curve_[-1], rtol=1e-9)
    assert_array_equal(model.coef_[1], 0.0)


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_stochastic_solver_leaves_it_out_too(solver):
    options = {"solver": solver, "random_state": 0, "max_iter": 300, "tol": 1e-3}
    model, alone = SoftmaxRegression(**options), SoftmaxRegression(**options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, Y, S)
        alone.fit(X[OTHERS], Y[OTHERS], S[OTHERS])
    assert_left_out(model, X)
    assert_allclose(model.predict_proba(X)[:, [0, 2, 3]], alone.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("solver", HANDLES_L1)
@pytest.mark.parametrize("penalty", ["elasticnet", "group_lasso"])
def test_it_has_no_coefficients_under_a_norm_and_no_row_is_predicted_as_it(solver, penalty):
    model = SoftmaxRegression(
        solver=solver, penalty=penalty, l1_ratio=0.7, C=0.5, random_state=0, max_iter=20_000
    ).fit(X, Y, S)
    assert model.converged_
    wild = np.vstack([X, 1e12 * np.eye(5), -1e12 * np.ones((1, 5))])
    assert_left_out(model, wild)
    assert_array_equal(model.coef_[1], 0.0)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.6])
@pytest.mark.parametrize("missing", [[1], [0], [3], [0, 1]])
def test_what_is_found_minimises_the_objective_over_all_classes(missing, l1_ratio):
    _, codes = np.unique(Y, return_inverse=True)
    weights = np.where(np.isin(codes, missing), 0.0, 1.0)
    model = SoftmaxRegression(l1_ratio=l1_ratio).fit(X, Y, weights)
    F = objective_of(X, codes, weights, alpha=1.0 / weights.sum(), l1_ratio=l1_ratio)
    point = F.at(F.pack(np.ascontiguousarray(model.coef_.T), model.intercept_))
    assert point.optimality < 1e-7
    assert_allclose(point.value, model.loss_curve_[-1], rtol=1e-12)


def test_two_classes_of_three_have_a_row_each_as_in_scikit_learn():
    X, y = data("iris")
    weights = (y != 1).astype(float)
    model = SoftmaxRegression().fit(X, y, weights)
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y, weights)
    assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=1e-5)
    assert_allclose(model.coef_[[0, 2]], theirs.coef_[[0, 2]], atol=1e-4)


def test_with_float32_all_numbers_are_finite():
    X, y, weights = four_classes(dtype=np.float32)
    model = SoftmaxRegression().fit(X, y, weights)
    assert model.intercept_.dtype == model.predict_log_proba(X).dtype == np.float32
    assert_left_out(model, X)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_it_does_not_count_as_separated_without_a_penalty(fit_intercept):
    rng = np.random.default_rng(1)
    X, y = rng.normal(size=(200, 2)), LABELS[rng.permutation(np.arange(200) % 4)]
    weights = (y != "b").astype(float)
    model = SoftmaxRegression(C=np.inf, fit_intercept=fit_intercept).fit(X, y, weights)
    assert model.converged_
    assert_left_out(model, X)
    X[y == "c"] = [30.0, 0.0]
    X[y != "c", 0] = 0.0
    model = SoftmaxRegression(C=np.inf, fit_intercept=fit_intercept)
    with pytest.warns(ConvergenceWarning, match="separable"):
        model.fit(X, y, weights)
    assert_left_out(model, X)


def test_more_features_than_rows_leave_it_out_too():
    rng = np.random.default_rng(2)
    X, y = rng.normal(size=(40, 100)), LABELS[np.arange(40) % 4]
    weights = (np.arange(40) % 4 < 2).astype(float)  # two of the four
    model = SoftmaxRegression().fit(X, y, weights)
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y, weights)
    assert_allclose(model.predict_proba(X), theirs.predict_proba(X), atol=2e-4)
    assert_array_equal(model.predict_proba(X)[:, 2:], 0.0)


# What the weights may be


def test_a_class_weight_of_0_is_a_weight_of_0_for_all_its_rows():
    y_weights = np.where(Y == "b", 0.0, 1.0)
    by_class = SoftmaxRegression(class_weight={"b": 0}).fit(X, Y)
    by_row = SoftmaxRegression().fit(X, Y, y_weights)
    assert_array_equal(by_class.coef_, by_row.coef_)
    assert_array_equal(by_class.intercept_, by_row.intercept_)


def test_balanced_gives_the_classes_that_have_a_weight_the_same_total():
    balanced = SoftmaxRegression(class_weight="balanced").fit(X, Y, S)
    alone = SoftmaxRegression(class_weight="balanced").fit(X[OTHERS], Y[OTHERS], S[OTHERS])
    assert_allclose(balanced.coef_[[0, 2, 3]], alone.coef_, atol=1e-7)


@pytest.mark.parametrize("with_class_weight", [False, True])
def test_the_weights_of_one_class_alone_are_refused(with_class_weight):
    weights, class_weight = (Y == "c").astype(float), None
    if with_class_weight:
        weights, class_weight = np.isin(Y, ["c", "d"]).astype(float), {"d": 0.0}
    model = SoftmaxRegression(class_weight=class_weight)
    with pytest.raises(ValueError, match=r"all classes but 'c' sum to zero.*at least 2 classes"):
        model.fit(X, Y, weights)
    assert not hasattr(model, "classes_")
    two = np.isin(Y, ["c", "d"])
    with pytest.raises(ValueError, match="all classes but 'c' sum to zero"):
        model.fit(X[two], Y[two], weights[two])


# scikit-learn's meta-estimators


def with_a_rare_class():
    X, y = data("iris")
    rows = np.r_[0:50, 50:52, 100:150]
    return X[rows], y[rows]


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 1.0}, {"fit_intercept": False}, {"C": 1e4}])
def test_bagging_fits_a_table_with_a_class_of_two_rows(options):
    X, y = with_a_rare_class()
    model = BaggingClassifier(SoftmaxRegression(**options), n_estimators=20, random_state=0)
    model.fit(X, y)
    without = [one for one in model.estimators_ if (one.predict_proba(X)[:, 1] == 0.0).all()]
    assert 0 < len(without) < 20
    proba = model.predict_proba(X)
    assert np.isfinite(model.predict_log_proba(X)).all()
    assert_allclose(proba.sum(axis=1), 1.0)
    assert (proba[y == 1, 1] > proba[y != 1, 1].mean()).all()


def test_bagging_is_near_that_of_logistic_regression():
    X, y = with_a_rare_class()
    ours = BaggingClassifier(SoftmaxRegression(), n_estimators=10, random_state=0).fit(X, y)
    theirs = LogisticRegression(tol=1e-8, max_iter=10_000)
    theirs = BaggingClassifier(theirs, n_estimators=10, random_state=0).fit(X, y)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-4)


def test_boosting_fits_a_table_with_a_class_of_two_rows():
    X, y = with_a_rare_class()
    model = AdaBoostClassifier(SoftmaxRegression(), n_estimators=20, random_state=0).fit(X, y)
    assert np.isfinite(model.predict_proba(X)).all()
    assert model.score(X, y) > 0.95


# What comes after the fit


def test_a_warm_start_learns_a_class_that_the_last_fit_left_out():
    model = SoftmaxRegression(warm_start=True).fit(X, Y, S)
    model.fit(X, Y)
    fresh = SoftmaxRegression().fit(X, Y)
    assert_allclose(model.coef_, fresh.coef_, atol=1e-6)
    assert model.loss_curve_[0] < np.log(4.0) + 1.0
    model.fit(X, Y, S)
    assert_left_out(model, X)
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, Y, S).coef_, atol=1e-6)
    n_iter = model.n_iter_[0]
    assert model.fit(X, Y, S).n_iter_[0] <= n_iter + 1


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_partial_fit_learns_a_class_that_the_fit_left_out(fit_intercept):
    rng = np.random.default_rng(3)
    X, codes = rng.normal(size=(4000, 5)), np.arange(4000) % 4
    X[np.arange(4000), codes] += 2.0
    y = LABELS[codes]
    first = slice(0, 1000)
    model = SoftmaxRegression(fit_intercept=fit_intercept)
    model.fit(X[first], y[first], (y[first] != "b").astype(float))
    for start in range(1000, 4000, 100):
        rows = slice(start, start + 100)
        model.partial_fit(X[rows], y[rows])
    assert np.isfinite(model.loss_curve_).all()
    known = SoftmaxRegression(fit_intercept=fit_intercept)
    known.fit(X, y, np.where((y == "b") & (np.arange(4000) < 1000), 0.0, 1.0))
    assert model.score(X, y) > known.score(X, y) - 0.02
    assert_allclose(model.predict_proba(X).mean(axis=0), known.predict_proba(X).mean(axis=0),
                    atol=0.03)  # fmt: skip


def test_a_saved_model_is_the_same_and_can_go_on(tmp_path):
    model = SoftmaxRegression().fit(X, Y, S)
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert_array_equal(loaded.predict_log_proba(X), model.predict_log_proba(X))
    assert_left_out(loaded.sparsify(), X)
    again, loaded = model.partial_fit(X, Y), loaded.densify().partial_fit(X, Y)
    assert_array_equal(again.coef_, loaded.coef_)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_the_duality_gap_certifies_the_fit(l1_ratio):
    model = SoftmaxRegression(l1_ratio=l1_ratio).fit(X, Y, S)
    assert 0.0 <= model.duality_gap(X, Y, S) < 1e-6
    with pytest.raises(ValueError, match=r"with a weight are \['a', 'b'.*\['a', 'c', 'd'\].*Give"):
        model.duality_gap(X, Y)


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_held_out_rows_are_of_the_other_classes(l1_ratio):
    model = SoftmaxRegression(early_stopping=True, random_state=0, l1_ratio=l1_ratio)
    model.fit(X, Y, S)
    assert np.isfinite(model.validation_loss_curve_).all()
    assert_left_out(model, X)


def test_rows_of_the_user_whose_class_has_no_weight_in_the_training_are_refused():
    model = SoftmaxRegression()
    with pytest.raises(ValueError, match=r"X_val.*without any in the training: \['b'\].*infinite"):
        model.fit(X, Y, S, X_val=X, y_val=Y)
    model.fit(X, Y, S, X_val=X, y_val=Y, sample_weight_val=S)
    assert_allclose(model.validation_loss_curve_[0], np.log(3.0))
    assert np.isfinite(model.validation_loss_curve_).all()
    model = SoftmaxRegression(class_weight={"b": 0.0}).fit(X, Y, X_val=X, y_val=Y)
    assert np.isfinite(model.validation_loss_curve_).all()
    with pytest.raises(ValueError, match=r"weights of the rows of X_val.*all zero"):
        model.fit(X, Y, X_val=X[Y == "b"], y_val=Y[Y == "b"])


def test_a_source_may_leave_a_class_without_weight():
    def batches():
        for rows in np.split(np.arange(80), 4):
            yield X[rows], Y[rows], S[rows]

    model = SoftmaxRegression().fit(FunctionSource(batches))
    assert_left_out(model, X)
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, Y, S).coef_, atol=1e-6)


# Paths and cross-validation


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_every_point_of_a_path_leaves_it_out(l1_ratio):
    path = softmax_path(X, Y, sample_weight=S, Cs=5, l1_ratio=l1_ratio)
    assert path.converged_.all()
    assert np.isfinite(path.objective_).all()
    assert np.isfinite(path.null_deviance_)
    assert_array_equal(path.coefs_[:, 1], 0.0)
    for C, coef, intercept in zip(path.Cs_, path.coefs_, path.intercepts_, strict=True):
        model = SoftmaxRegression(C=C, l1_ratio=l1_ratio).fit(X, Y, S)
        assert_allclose(coef, model.coef_, atol=1e-5)
        assert_array_equal(is_left_out(coef, intercept), [False, True, False, False])


def test_folds_that_lack_a_class_are_named_once_and_scored():
    X, y = with_a_rare_class()
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    model = SoftmaxRegressionCV(Cs=[0.1, 1.0, 10.0], cv=KFold(51))
    with pytest.warns(UserWarning, match="no training row") as caught:
        model.fit(X, labels)
    (warning,) = caught
    assert "Of 51 folds" in str(warning.message)
    assert "fold 26 none of 'versicolor'." in str(warning.message)
    assert warning.filename == __file__
    assert np.isfinite(model.scores_).all()
    assert_array_equal((model.coefs_paths_[:, 0, :, 1, :-1] == 0.0).all(axis=(1, 2)),
                       np.arange(1, 52) == 26)  # fmt: skip
    whole = SoftmaxRegression(C=model.C_).fit(X, labels)
    assert_allclose(model.coef_, whole.coef_, atol=1e-5)


def test_the_class_of_a_single_row_is_unknown_to_one_fold():
    X, y = with_a_rare_class()
    X, y = X[np.arange(len(y)) != 50], np.delete(y, 50)
    model = SoftmaxRegressionCV(Cs=[0.1, 1.0, 10.0], cv=3, refit=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    ours = [str(one.message) for one in caught if "no training row" in str(one.message)]
    assert len(ours) == 1
    assert "none of 1" in ours[0]
    assert np.isfinite(model.scores_).all()
    assert not is_left_out(model.coef_, model.intercept_).any()
    assert np.abs(model.intercept_).max() < 100.0


@pytest.mark.parametrize("rows_are_copied", [True, False])
@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_the_highest_label_may_be_the_one_that_is_missing(monkeypatch, rows_are_copied, n_jobs):
    if not rows_are_copied:
        monkeypatch.setattr("softmax_reg.model_selection.cross_validation._COPIED_BYTES", 0)
    X, y = with_a_rare_class()
    y = np.array([0, 2, 1])[y]
    folds = [(np.flatnonzero(y != 2), np.flatnonzero(y == 2)), *StratifiedKFold(2).split(X, y)]
    model = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=folds, n_jobs=n_jobs, l1_ratios=[0.0, 1.0])
    with pytest.warns(UserWarning, match="fold 1 none of 2"):
        model.fit(X, y)
    assert np.isfinite(model.scores_).all()
    assert_array_equal(model.coefs_paths_[0, :, :, 2, :-1], 0.0)
    assert model.predict_proba(X[y == 2])[:, 2].min() > 0.0


def test_a_class_without_any_weight_is_not_told_of_for_each_fold():
    model = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=4).fit(X, Y, S)
    assert np.isfinite(model.scores_).all()
    assert_left_out(model, X)


def test_a_fold_that_trains_on_one_class_only_is_refused():
    X, y = data("iris")
    folds = [(np.arange(0, 50), np.arange(50, 150))]
    with pytest.raises(ValueError, match=r"training rows of fold 1 of 1.*all classes but 0 sum to"):
        SoftmaxRegressionCV(Cs=[1.0], cv=folds).fit(X, y)


# The rows of coefficients


def test_coefficients_of_all_classes_are_told_from_those_of_the_classes_present():
    coef, intercept = expanded(np.ones((2, 3)), np.array([1.0, -3.0]), np.array([0, 2]), 4)
    assert_array_equal(is_left_out(coef, intercept), [False, True, False, True])
    coef, intercept = as_start(coef, intercept, lower_by=2.0)
    assert_array_equal(coef, np.ones((4, 3)))
    assert_array_equal(intercept, [1.0, -3.0, -3.0, -3.0])


def test_the_mean_of_fits_is_over_those_that_know_the_class():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(3, 4, 3))
    coef, intercept = expanded(rows[0, :2, :-1], rows[0, :2, -1], np.array([0, 1]), 4)
    rows[0] = np.column_stack([coef, intercept])
    for fit in (1, 2):
        rows[fit, 3] = rows[0, 3]
    mean = averaged(rows)
    assert_allclose(mean[0], rows[:, 0].mean(axis=0))
    assert_allclose(mean[2], rows[1:, 2].mean(axis=0))
    assert_array_equal(is_left_out(mean[:, :-1], mean[:, -1]), [False, False, False, True])
