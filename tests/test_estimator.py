"""SoftmaxRegression as users meet it: labels, containers, attributes, searches, early stopping."""

import inspect
import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS, DETERMINISTIC, STOCHASTIC
from problems import all_scores, data, penalised_loss, uneven_weights
from scipy.special import log_softmax
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import LBFGS, SOLVERS, GradientDescent, Solver

each_solver = pytest.mark.parametrize("solver", ["auto", *SOLVERS])


class Spy(GradientDescent):
    """A few steps of gradient descent that keep the objective they were given for the test."""

    seen = None

    def __init__(self, learning_rate=1e-3):
        super().__init__(learning_rate)

    def points(self, objective, w, rng, state):
        Spy.seen = objective
        return super().points(objective, w, rng, state)


def spied(X, y, sample_weight=None, **params):
    """Return the objective that a fit hands to its solver, and the fitted estimator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = SoftmaxRegression(solver=Spy(), **{"max_iter": 3, **params})
        model.fit(X, y, sample_weight)
    objective, Spy.seen = Spy.seen, None
    return objective, model


# Labels

LABELS = {
    "strings": ["setosa", "versicolor", "virginica"],
    "unsorted-strings": ["b", "c", "a"],
    "negative": [-7, 0, 12],
    "descending": [30, 20, 10],
    "floats": [2.0, -1.0, 7.0],
    "uint8": np.array([200, 3, 100], dtype=np.uint8),
    "objects": np.array(["x", "zz", "y"], dtype=object),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@each_solver
def test_labels_of_any_kind_come_back_from_predict(labels, solver):
    X, codes = data("iris/std")
    y = np.asarray(labels)[codes]
    params = {"solver": solver, "tol": 1e-6, "random_state": 0}
    model = SoftmaxRegression(**params).fit(X, y)
    assert_array_equal(model.classes_, np.unique(y))
    assert model.predict(X).dtype == model.classes_.dtype
    assert np.mean(model.predict(X) == y) > 0.95
    plain = SoftmaxRegression(**params).fit(X, codes)
    order = np.argsort(np.asarray(labels).astype(y.dtype))
    assert_allclose(model.predict_proba(X), plain.predict_proba(X)[:, order], atol=1e-4)


@pytest.mark.parametrize("labels", [[True, False], [1, -1], ["yes", "no"], [0.0, 0.5 + 0.5]])
def test_two_classes_of_any_kind_come_back_from_predict(labels):
    X, codes = data("breast_cancer/std")
    y = np.array(labels)[codes]
    model = SoftmaxRegression().fit(X, y)
    assert_array_equal(model.classes_, np.sort(labels))
    assert model.predict(X).dtype == y.dtype
    assert np.mean(model.predict(X) == y) > 0.97
    positive = model.decision_function(X) > 0
    assert_array_equal(model.predict(X)[positive], np.full(positive.sum(), model.classes_[1]))


@pytest.mark.parametrize("ordered", [False, True])
def test_pandas_categories_are_labels(ordered):
    X, codes = data("iris")
    categories = ["tall", "small", "medium", "never seen"]
    y = pd.Series(pd.Categorical.from_codes(codes, categories, ordered=ordered), index=codes)
    model = SoftmaxRegression().fit(X, y)
    assert_array_equal(model.classes_, ["medium", "small", "tall"])
    assert np.mean(model.predict(X) == np.asarray(y)) > 0.95


def test_a_list_of_lists_and_a_list_of_labels_will_do():
    X, y = data("iris")
    model = SoftmaxRegression().fit(X.tolist(), y.tolist(), np.ones(len(y)).tolist())
    assert_array_equal(model.predict(X.tolist()), SoftmaxRegression().fit(X, y).predict(X))


# Containers of X


def test_the_names_of_a_frames_columns_are_kept_and_checked():
    X, y = data("iris")
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = SoftmaxRegression().fit(frame, y)
    assert_array_equal(model.feature_names_in_, ["a", "b", "c", "d"])
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_, rtol=1e-9)
    for wrong in (frame[["b", "a", "c", "d"]], frame.rename(columns={"a": "z"})):
        with pytest.raises(ValueError, match="feature names"):
            model.predict(wrong)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_reach_the_solver_without_a_copy(container, dtype):
    X, y = data("digits")
    X = CONTAINERS[container](X.astype(dtype))
    objective, model = spied(X, y)
    seen = objective.data.X
    assert seen.dtype == model.coef_.dtype == dtype
    if sp.issparse(X):
        assert seen.format == X.format
        assert np.shares_memory(seen.data, X.data)
        assert np.shares_memory(seen.indices, X.indices)
    else:
        assert np.shares_memory(seen, X)
        assert seen.strides == X.strides


def test_a_slice_of_an_array_reaches_the_solver_without_a_copy():
    X, y = data("digits")
    wide = np.hstack([X, X])
    for view in (wide[:, :64], wide[:, ::2], wide[::-1]):
        objective, _ = spied(view, y)
        assert np.shares_memory(objective.data.X, wide)


@pytest.mark.parametrize("order", ["C", "F"])
@each_solver
def test_read_only_memory_maps_are_fitted_in_place(tmp_path, order, solver):
    X, y = data("wine/std")
    arrays = []
    for name, array in {"X": X, "y": y, "s": np.ones(len(y))}.items():
        np.save(tmp_path / f"{name}.npy", np.asarray(array, order=order))
        arrays.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    model = SoftmaxRegression(solver=solver, tol=1e-5, random_state=0).fit(*arrays)
    assert_allclose(
        model.coef_,
        SoftmaxRegression(solver=solver, tol=1e-5, random_state=0).fit(X, y).coef_,
        rtol=1e-3,
        atol=1e-3,
    )
    objective, _ = spied(*arrays)
    assert np.shares_memory(objective.data.X, arrays[0])


@pytest.mark.parametrize("container", CONTAINERS)
@each_solver
def test_rows_labels_and_weights_are_never_written_to(container, solver):
    X, y = data("wine/std")
    X, y, s = CONTAINERS[container](X), y.copy(), uneven_weights(len(y)) + 0.5
    arrays = [X] if isinstance(X, np.ndarray) else [X.data, X.indices, X.indptr]
    copies = [array.copy() for array in (*arrays, y, s)]
    for array in (*arrays, y, s):
        array.flags.writeable = False
    model = SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).fit(X, y, s)
    _ = model.predict(X), model.predict_log_proba(X), model.score(X, y)
    for array, copy in zip((*arrays, y, s), copies, strict=True):
        assert_array_equal(array, copy)


@pytest.fixture(scope="module")
def many_rows():
    """Return X of 77 MB, and labels: 70000 rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(70_000, 137))
    return X, (X[:, 0] + rng.normal(size=len(X)) > 0.3) + (X[:, 1] > 1.0)


@pytest.mark.slow
@pytest.mark.parametrize("solver", [s for s in SOLVERS if not SOLVERS[s].uses_curvature])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_first_order_fit_takes_little_memory_beyond_the_rows(many_rows, solver, order):
    X, y = many_rows
    X = np.asarray(X, order=order)
    model = SoftmaxRegression(solver=solver, max_iter=4, random_state=0)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 << 20, f"{peak / 2**20:.0f} MiB beyond the rows"


# The whole Hessian of so many coefficients would not fit, dense rows or not.
@pytest.mark.slow
@pytest.mark.parametrize("solver", ["auto", *(s for s in SOLVERS if s != "newton-cholesky")])
@pytest.mark.parametrize("container", ["csr", "csc"])
def test_wide_sparse_rows_are_never_made_dense(solver, container):
    n, p = 300, 60_000  # dense they would take 144 MB
    rng = np.random.default_rng(0)
    columns = np.concatenate([rng.choice(p, 20, replace=False) for _ in range(n)])
    rows = np.repeat(np.arange(n), 20)
    X = sp.csr_array((rng.random(len(rows)) + 0.1, (rows, columns)), shape=(n, p))
    y = np.arange(n) % 3
    model = SoftmaxRegression(solver=solver, max_iter=3, random_state=0)
    tracemalloc.start()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(CONTAINERS[container](X), y)
        model.predict_proba(CONTAINERS[container](X))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6, f"{peak / 1e6:.0f} MB"


def test_integers_and_booleans_are_taken_as_float64():
    X, y = data("digits")
    expected = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression().fit(X.astype(np.uint8), y)
    assert model.coef_.dtype == np.float64
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.predict_proba(X.astype(np.int16)), expected.predict_proba(X))
    assert SoftmaxRegression().fit(X > 8, y).score(X > 8, y) > 0.95


@each_solver
def test_float32_is_kept_in_every_result(solver):
    X, y = data("iris")
    X = X.astype(np.float32)
    for rows in (X, sp.csr_array(X)):
        model = SoftmaxRegression(solver=solver, tol=1e-4, random_state=0).fit(rows, y)
        assert model.coef_.dtype == model.intercept_.dtype == np.float32
        for result in (model.predict_proba, model.predict_log_proba, model.decision_function):
            assert result(rows).dtype == np.float32
        assert model.predict(rows).dtype == y.dtype


# What is recorded


@covering(solver=["auto", *SOLVERS], name=["iris", "breast_cancer"], fit_intercept=[True, False])
def test_the_loss_curve_is_the_penalised_objective_from_start_to_end(solver, name, fit_intercept):
    X, y = data(name)
    s = uneven_weights(len(y))
    model = SoftmaxRegression(
        C=0.5, solver=solver, tol=1e-4, fit_intercept=fit_intercept, random_state=0
    ).fit(X, y, s)
    curve = model.loss_curve_
    assert curve.dtype == np.float64
    assert curve.shape == (model.n_iter_[0] + 1,)
    assert_allclose(curve[0], np.log(len(model.classes_)), rtol=1e-14)
    F = penalised_loss(X, y, model.coef_, model.intercept_, 0.5, 0.0, s)
    assert_allclose(curve[-1], F, rtol=1e-12)
    assert curve[-1] < curve[0]


@pytest.mark.parametrize("learning_rate", [1e-3, lambda t: 1e-3 / (1 + t)])
@pytest.mark.parametrize("solver", ["gd", "nesterov", "sgd"])
def test_the_loss_curve_of_a_given_learning_rate_is_the_objective_too(solver, learning_rate):
    X, y = data("iris")
    batches = {"batch_size": 10} if solver in STOCHASTIC else {}
    model = SoftmaxRegression(
        solver=solver, learning_rate=learning_rate, max_iter=20, random_state=0, **batches
    )
    model.fit(X, y)
    assert model.n_iter_[0] == 20
    F = penalised_loss(X, y, model.coef_, model.intercept_)
    assert_allclose(model.loss_curve_[-1], F, rtol=1e-12)
    assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_gradient_descent_at_a_given_rate_is_the_textbook_formula():
    X, y = data("iris")
    rate, steps = 0.02, 5
    model = SoftmaxRegression(solver="gd", learning_rate=rate, max_iter=steps).fit(X, y)
    W, b, Y = np.zeros((4, 3)), np.zeros(3), np.eye(3)[y]
    for _ in range(steps):
        P = np.exp(log_softmax(X @ W + b, axis=1))
        R = (P - Y) / len(X)
        W, b = W - rate * (X.T @ R + W / len(X)), b - rate * R.sum(axis=0)
    assert_allclose(model.coef_, W.T, rtol=1e-12)
    assert_allclose(model.intercept_, b, rtol=1e-11)


def test_the_loss_curve_under_an_l1_norm_counts_the_norm():
    X, y = data("wine/std")
    model = SoftmaxRegression(C=0.2, l1_ratio=0.7).fit(X, y)
    F = penalised_loss(X, y, model.coef_, model.intercept_, 0.2, 0.7)
    assert_allclose(model.loss_curve_[-1], F, rtol=1e-12)


@each_solver
def test_attributes_say_what_was_run_and_how_it_ended(solver):
    X, y = data("iris/std")
    model = SoftmaxRegression(solver=solver, tol=1e-5, random_state=0).fit(X, y)
    assert model.solver_ in SOLVERS
    if solver != "auto":
        assert model.solver_ == solver
    assert model.converged_ is True
    assert 0.0 <= model.optimality_ <= 1e-5
    assert model.n_iter_.shape == (1,)
    assert model.n_iter_.dtype == np.int32
    assert model.n_features_in_ == 4
    assert not hasattr(model, "validation_loss_curve_")
    assert not hasattr(model, "best_iter_")


def test_auto_is_deterministic_and_documented():
    for params in ({}, {"l1_ratio": 0.5}, {"C": np.inf}):
        X, y = data("overlapping")
        chosen = {SoftmaxRegression(**params).fit(X, y).solver_ for _ in range(2)}
        assert len(chosen) == 1


@each_solver
def test_stopping_short_warns_with_the_optimality_the_limit_and_a_remedy(solver):
    X, y = data("digits")
    model = SoftmaxRegression(solver=solver, max_iter=2, tol=1e-14, random_state=0)
    with pytest.warns(ConvergenceWarning) as record:
        model.fit(X, y)
    (warning,) = record
    text = str(warning.message)
    assert f"{model.optimality_:.2e}" in text
    assert "max_iter=2" in text
    assert "tol=" in text
    assert "Raise max_iter" in text
    assert warning.filename == __file__, "the warning should point at the caller of fit"
    assert model.converged_ is False
    assert model.n_iter_[0] == 2
    assert np.isfinite(model.predict_proba(X)).all()


def test_every_solver_that_says_it_converged_is_at_the_same_objective():
    # In scikit-learn tol means something else for each solver, and two such fits differ by 5 %.
    X, y = data("digits/std")
    values = {}
    for solver in DETERMINISTIC:
        model = SoftmaxRegression(solver=solver).fit(X, y)
        assert model.converged_
        values[solver] = penalised_loss(X, y, model.coef_, model.intercept_)
    assert max(values.values()) <= min(values.values()) * (1.0 + 1e-6), values


# Predictions


def test_log_probabilities_are_exact_where_their_exponentials_vanish():
    for name, K in (("iris/std", 3), ("breast_cancer/std", 2)):
        X, y = data(name)
        model = SoftmaxRegression(C=100.0).fit(X, y)
        far = 1e4 * X
        log_proba = model.predict_log_proba(far)
        assert log_proba.shape == (len(X), K)
        expected = log_softmax(all_scores(far, model.coef_, model.intercept_), axis=1)
        assert_allclose(log_proba, expected, rtol=1e-9, atol=1e-12)
        assert np.isfinite(log_proba).all()
        theirs = LogisticRegression().fit(X, y)
        theirs.coef_, theirs.intercept_ = model.coef_, model.intercept_
        with np.errstate(divide="ignore"):
            assert np.isneginf(theirs.predict_log_proba(far)).any()


@pytest.mark.parametrize("name", ["iris", "breast_cancer"])
def test_probabilities_sum_to_one_and_their_largest_is_the_prediction(name):
    X, y = data(name)
    model = SoftmaxRegression().fit(X, y)
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-14)
    assert_array_equal(model.classes_[proba.argmax(axis=1)], model.predict(X))
    assert_allclose(np.log(proba), model.predict_log_proba(X), rtol=1e-9, atol=1e-12)
    assert model.score(X, y) == np.mean(model.predict(X) == y)
    s = uneven_weights(len(y))
    assert_allclose(model.score(X, y, s), np.average(model.predict(X) == y, weights=s), rtol=1e-12)


@pytest.mark.parametrize("container", CONTAINERS)
def test_sparse_and_dense_rows_get_the_same_predictions(container):
    X, y = data("digits")
    model = SoftmaxRegression(max_iter=1000).fit(X, y)
    other = CONTAINERS[container](X)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        assert_allclose(
            getattr(model, method)(other), getattr(model, method)(X), rtol=1e-9, atol=1e-12
        )


@pytest.mark.parametrize(
    "method",
    ["predict", "predict_proba", "predict_log_proba", "decision_function", "sparsify", "densify"],
)
def test_methods_of_an_unfitted_estimator_ask_for_fit(method):
    arguments = () if method in ("sparsify", "densify") else ([[0.0, 1.0]],)
    with pytest.raises(NotFittedError, match="fit"):
        getattr(SoftmaxRegression(), method)(*arguments)


@pytest.mark.parametrize("name", ["wine/std", "breast_cancer/std"])
def test_sparsify_and_densify_keep_the_predictions(name):
    X, y = data(name)
    model = SoftmaxRegression(C=0.1, l1_ratio=1.0).fit(X, y)
    dense, proba = model.coef_.copy(), model.predict_proba(X)
    assert model.sparsify() is model
    assert sp.issparse(model.coef_)
    assert model.coef_.nnz == np.count_nonzero(dense) < dense.size
    assert_allclose(model.predict_proba(X), proba, rtol=1e-12)
    assert_allclose(model.predict_proba(sp.csr_array(X)), proba, rtol=1e-12)
    assert model.sparsify() is model
    assert model.densify() is model
    assert_array_equal(model.coef_, dense)
    assert model.densify() is model


# Randomness


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_seed_settles_every_bit_of_a_stochastic_fit(solver):
    X, y = data("wine")
    first, second, other = (
        SoftmaxRegression(solver=solver, tol=1e-4, random_state=seed).fit(X, y)
        for seed in (0, 0, 1)
    )
    assert_array_equal(first.coef_, second.coef_)
    assert_array_equal(first.loss_curve_, second.loss_curve_)
    assert (first.coef_ != other.coef_).any()
    again = clone(first).fit(X, y)
    assert_array_equal(first.coef_, again.coef_)


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_a_stochastic_fit_takes_the_same_steps_on_dense_and_sparse_rows(solver):
    X, y = data("wine")
    dense, sparse = (
        SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).fit(rows, y)
        for rows in (X, sp.csr_array(X))
    )
    assert_allclose(sparse.coef_, dense.coef_, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_a_deterministic_fit_does_not_depend_on_the_seed(solver):
    X, y = data("wine")
    first, second = (SoftmaxRegression(solver=solver, random_state=r).fit(X, y) for r in (0, 1))
    assert_array_equal(first.coef_, second.coef_)


@each_solver
def test_a_fit_leaves_numpys_global_generator_alone(solver):
    X, y = data("iris")
    before = np.random.get_state()  # noqa: NPY002
    SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).fit(X, y)
    after = np.random.get_state()  # noqa: NPY002
    assert_array_equal(before[1], after[1])
    assert before[2] == after[2]


def test_a_random_state_object_is_used_and_advanced():
    X, y = data("iris")
    state = np.random.RandomState(0)
    model = SoftmaxRegression(solver="sgd", tol=1e-3, random_state=state)
    first = model.fit(X, y).coef_
    assert (model.fit(X, y).coef_ != first).any()


# Parameters, copies and searches


def test_parameters_are_only_assigned_and_fit_does_not_change_them():
    X, y = data("iris")
    solver, class_weight = LBFGS(memory=7), {0: 2.0}
    model = SoftmaxRegression(solver=solver, class_weight=class_weight, C=2)
    before = model.get_params()
    model.fit(X, y)
    assert model.get_params() == before
    assert model.solver is solver
    assert solver == LBFGS(memory=7)
    assert model.class_weight is class_weight
    assert class_weight == {0: 2.0}


def test_every_parameter_is_keyword_only_but_the_first_of_logistic_regression():
    penalty, *others = inspect.signature(SoftmaxRegression).parameters.values()
    assert penalty.name == "penalty"
    assert penalty.kind is penalty.POSITIONAL_OR_KEYWORD
    assert all(p.kind is p.KEYWORD_ONLY for p in others)
    with pytest.raises(TypeError):
        SoftmaxRegression("l1", 1.0)


@pytest.mark.parametrize("kind", SOLVERS.values(), ids=SOLVERS)
def test_a_solver_may_be_an_object_and_survives_clone_and_pickle(kind):
    X, y = data("iris/std")
    model = SoftmaxRegression(solver=kind(), tol=1e-4, random_state=0)
    copy = clone(model)
    assert copy.solver is not model.solver
    assert copy.solver == model.solver
    model.fit(X, y)
    assert SOLVERS[model.solver_] is kind
    name = model.solver_
    by_name = SoftmaxRegression(solver=name, tol=1e-4, random_state=0).fit(X, y)
    assert_array_equal(copy.fit(X, y).coef_, model.coef_)
    assert_array_equal(by_name.coef_, model.coef_)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert loaded.solver == model.solver


def test_the_fields_of_a_solver_object_can_be_set_by_name():
    model = SoftmaxRegression(solver=LBFGS())
    model.set_params(solver__memory=4)
    assert model.solver.memory == 4
    assert model.get_params()["solver__memory"] == 4
    with pytest.raises(ValueError, match=r"rank.*memory"):
        model.set_params(solver__rank=4)


def test_a_grid_search_reaches_into_a_solver_object():
    X, y = data("iris/std")
    model = SoftmaxRegression(solver=LBFGS(memory=11))
    search = GridSearchCV(model, {"solver__memory": [2, 5], "C": [0.01, 1.0]}, cv=3).fit(X, y)
    assert {p["solver__memory"] for p in search.cv_results_["params"]} == {2, 5}
    assert search.best_params_["C"] == 1.0
    assert model.solver.memory == 11


@pytest.mark.slow
def test_a_grid_search_tries_penalties_and_solvers_in_parallel():
    X, y = data("iris")
    grid = {"C": [0.1, 1.0], "solver": ["auto", *DETERMINISTIC[1:], LBFGS(memory=3)]}
    search = GridSearchCV(SoftmaxRegression(), grid, cv=3, n_jobs=2, error_score="raise")
    search.fit(X, y)
    by_C = {C: [] for C in grid["C"]}
    for params, score in zip(
        search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True
    ):
        by_C[params["C"]].append(score)
    for scores in by_C.values():
        assert_allclose(scores, scores[0], rtol=1e-12)


def test_a_pipeline_with_a_frame_is_cross_validated():
    X, y = data("wine")
    frame = pd.DataFrame(X, columns=[f"column {i}" for i in range(X.shape[1])])
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression())
    assert cross_val_score(pipeline, frame, y, cv=3).mean() > 0.95
    pipeline.fit(frame, y, softmaxregression__sample_weight=np.ones(len(y)))
    assert pickle.loads(pickle.dumps(pipeline)).score(frame, y) == pipeline.score(frame, y)


def test_a_fitted_model_survives_pickling():
    X, y = data("wine")
    model = SoftmaxRegression(early_stopping=True, random_state=0).fit(X, y)
    loaded = pickle.loads(pickle.dumps(model))
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert_array_equal(loaded.loss_curve_, model.loss_curve_)
    assert len(pickle.dumps(model)) < 20_000, "the fitted model should not keep the rows"


def test_no_attribute_that_ends_in_an_underscore_is_computed_on_access():
    # scikit-learn's HTML display evaluates them all.
    for name, member in inspect.getmembers(SoftmaxRegression):
        costly = name.endswith("_") and not name.startswith("_") and isinstance(member, property)
        assert not costly, name
    X, y = data("iris")
    assert "SoftmaxRegression" in SoftmaxRegression().fit(X, y)._repr_html_()
    assert repr(SoftmaxRegression(C=3.0)) == "SoftmaxRegression(C=3.0)"


class PlainNewton(Solver):
    """Ten lines of a user: the Hessian column by column."""

    def __init__(self, ridge=1e-8):
        self.ridge = ridge

    def get_params(self, deep=True):
        return {"ridge": self.ridge}

    def points(self, objective, w, rng, state):
        point, identity = objective.at(w), np.eye(objective.size)
        while True:
            H = np.column_stack([point.hessian_product(e) for e in identity])
            step = np.linalg.solve(H + self.ridge * identity, point.gradient)
            point = objective.at(point.w - step)
            yield point


def test_a_solver_of_the_users_own_runs_as_an_object():
    X, y = data("iris/std")
    model = SoftmaxRegression(solver=PlainNewton()).fit(X, y)
    assert model.solver_ == "PlainNewton"
    assert model.converged_
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_, atol=1e-6)
    assert clone(model).solver.ridge == 1e-8


# Warm starts


@each_solver
def test_a_warm_start_goes_on_from_the_last_solution(solver):
    X, y = data("wine/std")
    model = SoftmaxRegression(solver=solver, tol=1e-5, warm_start=True, random_state=0).fit(X, y)
    curve = model.loss_curve_
    model.fit(X, y)
    assert_array_equal(model.loss_curve_, curve)  # there was nothing to be done
    model.set_params(C=1.1).fit(X, y)
    cold = SoftmaxRegression(C=1.1, solver=solver, tol=1e-5, random_state=0).fit(X, y)
    assert_array_equal(model.loss_curve_[: len(curve)], curve)
    assert model.n_iter_[0] == len(model.loss_curve_) - 1 < len(curve) + cold.n_iter_[0]
    assert_allclose(model.loss_curve_[-1], cold.loss_curve_[-1], rtol=1e-4)


def test_a_warm_start_after_sparsify_works():
    X, y = data("wine/std")
    model = SoftmaxRegression(C=0.1, l1_ratio=1.0, warm_start=True).fit(X, y).sparsify()
    curve = model.loss_curve_
    assert_array_equal(model.fit(X, y).loss_curve_, curve)
    assert isinstance(model.coef_, np.ndarray)


@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_a_warm_start_from_an_l1_solution_works_without_the_norm(solver):
    X, y = data("iris/std")
    model = SoftmaxRegression(C=0.1, l1_ratio=1.0, warm_start=True).fit(X, y)
    model.set_params(l1_ratio=0.0, solver=solver).fit(X, y)
    cold = SoftmaxRegression(C=0.1).fit(X, y)
    assert model.converged_
    assert_allclose(model.coef_, cold.coef_, atol=1e-5)


def test_a_warm_start_with_other_classes_or_features_says_what_does_not_fit():
    X, y = data("iris")
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    coef = model.coef_.copy()
    with pytest.raises(ValueError, match="warm_start=False"):
        model.fit(X, y + 1)
    with pytest.raises(ValueError, match="warm_start=False"):
        model.fit(X[:, :2], y)
    assert model.n_features_in_ == 4
    assert_array_equal(model.coef_, coef)


def test_without_a_warm_start_a_second_fit_is_a_fresh_one():
    X, y = data("iris")
    model = SoftmaxRegression().fit(*data("wine"))
    assert_array_equal(model.fit(X, y).coef_, SoftmaxRegression().fit(X, y).coef_)
    assert model.n_features_in_ == 4


# Early stopping


def early_stopped(name="digits", sample_weight=None, **params):
    """Return X, y, an estimator stopped early, its training weights and the held-out rows."""
    X, y = data(name)
    objective, model = spied(
        X, y, sample_weight, early_stopping=True, random_state=0, **{"max_iter": 200, **params}
    )
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    held_out = (objective.data.weights == 0.0) & (s > 0.0)
    return X, y, model, np.asarray(objective.data.weights), held_out


def test_early_stopping_holds_out_rows_of_every_class_in_proportion():
    _, y, _, training, held_out = early_stopped(validation_fraction=0.2)
    assert_allclose(held_out.sum(), 0.2 * len(y), atol=1)
    assert_array_equal(training[~held_out], 1.0)
    for k in np.unique(y):
        assert_allclose(held_out[y == k].sum(), 0.2 * np.sum(y == k), atol=1.5)


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_keeps_the_iterate_with_the_lowest_held_out_loss(weighted):
    s = uneven_weights(1797) if weighted else np.ones(1797)
    X, y, model, training, held_out = early_stopped(sample_weight=s, max_iter=60)
    curve = model.validation_loss_curve_
    assert curve.shape == model.loss_curve_.shape == (model.n_iter_[0] + 1,)
    assert model.best_iter_ == np.argmin(curve)
    loss = penalised_loss(
        X[held_out], y[held_out], model.coef_, model.intercept_, np.inf, 0.0, s[held_out]
    )
    assert_allclose(curve[model.best_iter_], loss, rtol=1e-12)
    F = penalised_loss(X, y, model.coef_, model.intercept_, 1.0, 0.0, training)
    assert_allclose(model.loss_curve_[model.best_iter_], F, rtol=1e-12)
    if weighted:
        assert_array_equal(training[~held_out], s[~held_out])


@each_solver
def test_early_stopping_ends_without_a_warning_when_held_out_loss_rises(solver):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 60)), rng.integers(0, 3, 120)  # nothing to learn
    model = SoftmaxRegression(
        C=1e6, solver=solver, early_stopping=True, validation_fraction=0.3,
        n_iter_no_change=3, tol=0.0, random_state=0,
    ).fit(X, y)  # fmt: skip
    curve = model.validation_loss_curve_
    assert model.best_iter_ == np.argmin(curve)
    assert model.n_iter_[0] - model.best_iter_ == 3
    assert curve[-1] > curve[model.best_iter_]
    plain = SoftmaxRegression().fit(X, y)
    assert not hasattr(plain, "best_iter_")


def test_early_stopping_counts_no_rows_of_weight_zero():
    s = np.ones(150)
    s[::2] = 0.0
    _, _, _, training, held_out = early_stopped("iris", s, validation_fraction=0.2)
    assert held_out.sum() == 15
    assert not held_out[::2].any()
    assert not training[::2].any()


def test_a_seed_settles_which_rows_are_held_out():
    X, y = data("wine")
    first, second, other = (
        SoftmaxRegression(early_stopping=True, random_state=seed).fit(X, y).validation_loss_curve_
        for seed in (0, 0, 1)
    )
    assert_array_equal(first, second)
    assert first[-1] != other[-1]


def test_a_fit_without_early_stopping_drops_what_an_earlier_one_recorded():
    X, y = data("iris")
    model = SoftmaxRegression(early_stopping=True, random_state=0).fit(X, y)
    model.set_params(early_stopping=False).fit(X, y)
    assert not hasattr(model, "validation_loss_curve_")
    assert not hasattr(model, "best_iter_")


# Ctrl-C


def interrupted_after(kind, n_points):
    """Return a solver of this kind that is interrupted, as by Ctrl-C, after so many points."""

    class Interrupted(kind):
        def points(self, objective, w, rng, state):
            nonlocal n_points
            for point in super().points(objective, w, rng, state):
                if n_points == 0:
                    raise KeyboardInterrupt
                n_points -= 1
                yield point

    return Interrupted()


@pytest.mark.parametrize("kind", SOLVERS.values(), ids=SOLVERS)
@pytest.mark.parametrize("n_points", [0, 1, 3])
def test_an_interrupted_fit_keeps_its_last_iterate_and_warns(kind, n_points):
    X, y = data("digits")
    model = SoftmaxRegression(solver=interrupted_after(kind, n_points), random_state=0)
    with pytest.warns(ConvergenceWarning, match=f"interrupted after {n_points} iterations"):
        model.fit(X, y)
    assert model.n_iter_[0] == n_points
    assert len(model.loss_curve_) == n_points + 1
    assert model.converged_ is False
    F = penalised_loss(X, y, model.coef_, model.intercept_)
    assert_allclose(model.loss_curve_[-1], F, rtol=1e-12)
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)


def test_an_interrupted_fit_that_stops_early_keeps_the_best_iterate():
    X, y = data("digits")
    model = SoftmaxRegression(
        solver=interrupted_after(LBFGS, 4), early_stopping=True, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="interrupted"):
        model.fit(X, y)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == 5
    assert model.best_iter_ == np.argmin(model.validation_loss_curve_)


def test_an_interrupt_before_the_first_point_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y)
    before = dict(vars(model))

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("softmax_reg.estimator.minimize", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data("wine"))
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


# Progress on the terminal


def test_verbose_prints_ever_fewer_lines_or_every_so_many_th(capsys):
    X, y = data("digits")
    n_iter = SoftmaxRegression(solver="gd", verbose=1).fit(X, y).n_iter_[0]
    lines = capsys.readouterr().out.splitlines()
    wanted = [i for i in (0, 1, 2, 5, 10, 20, 50, 100, 200, 500) if i < n_iter] + [n_iter]
    assert [int(line.split()[1]) for line in lines[:-1]] == wanted
    n_iter = SoftmaxRegression(solver="gd", verbose=10).fit(X, y).n_iter_[0]
    lines = capsys.readouterr().out.splitlines()[:-1]
    wanted = sorted({*range(0, n_iter, 10), n_iter})
    assert [int(line.split()[1]) for line in lines] == wanted
    SoftmaxRegression(solver="gd").fit(X, y)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_array])
def test_split_entries_of_a_sparse_matrix_are_added_up(kind):
    whole = sp.coo_array(([1.0, 1.0, 2.0], ([0, 1, 1], [0, 0, 1])), shape=(2, 2))
    split = sp.csr_array(([0.5, 0.5, 1.0, 2.0], [0, 0, 0, 1], [0, 2, 4]), shape=(2, 2))
    kept = split.data.copy()
    y = [0, 1]
    expected = SoftmaxRegression().fit(whole.toarray(), y)
    model = SoftmaxRegression().fit(kind(split) if kind is sp.csr_array else split.tocsc(), y)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-7)
    assert_array_equal(split.data, kept)


def test_a_warm_start_forgets_what_a_column_said_that_is_now_constant():
    X, y = data("iris")
    said = np.column_stack([X, y == 1])
    silent = np.column_stack([X, np.ones(len(X))])
    model = SoftmaxRegression(warm_start=True).fit(said, y).fit(silent, y)
    fresh = SoftmaxRegression().fit(silent, y)
    assert_allclose(model.loss_curve_[-1], fresh.loss_curve_[-1], rtol=1e-9)
    assert_array_equal(model.coef_[:, -1], 0.0)


def test_with_early_stopping_converged_speaks_of_the_iterate_that_is_kept():
    X, y = data("iris")
    model = SoftmaxRegression(early_stopping=True, random_state=0).fit(X, y)
    assert model.converged_ == (model.optimality_ <= 1e-8)


@pytest.mark.parametrize("weight", [1e308, 1e-320])
def test_weights_whose_sum_is_no_number_are_refused(weight):
    X, y = data("iris")
    with pytest.raises(ValueError, match="sample weights sum to"):
        SoftmaxRegression().fit(X, y, np.full(len(y), weight))


def test_float32_weights_may_sum_to_more_than_a_float32():
    X, y = data("iris")
    weights = np.full(len(y), 1e37)
    model = SoftmaxRegression(C=1.0 / 1e37).fit(X.astype(np.float32), y, weights)
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["csr", "csc"])
def test_a_sparse_matrix_with_few_columns_is_never_dense_as_a_whole(kind):
    X = sp.random(20000, 300, density=0.01, random_state=0, format=kind)
    y = (np.asarray(X.sum(axis=1)).ravel() > 1.5).astype(int)
    tracemalloc.start()
    try:
        SoftmaxRegression(tol=1e-2).fit(X, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * 8 * X.shape[0] * X.shape[1]


@pytest.mark.parametrize("C", [1.0, 1e4])
@pytest.mark.parametrize("solver", ["auto", "nesterov", "newton-cg"])
def test_the_default_comes_close_to_the_optimum_however_small_the_loss_is(C, solver):
    # More features than rows: the classes are separable, and F* is 1e-5 to 1e-9.
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 200)) * 10.0 ** rng.uniform(0.0, 3.0, 200), np.arange(30) % 3
    best = SoftmaxRegression(C=C, tol=1e-12).fit(X, y)
    model = SoftmaxRegression(C=C, solver=solver).fit(X, y)
    assert model.converged_
    assert model.loss_curve_[-1] < best.loss_curve_[-1] * (1.0 + 1e-6)
