"""`standardize=True` is a pipeline with StandardScaler that leaves X as it is."""

import tracemalloc
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, uneven_weights
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from softmax_reg import (
    CSVSource,
    FunctionSource,
    NpySource,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    softmax_path,
)
from softmax_reg.callbacks import Checkpoint
from softmax_reg.dataset.deviations import deviations
from softmax_reg.model_selection import cross_validation
from softmax_reg.solvers import SOLVERS

TOL = 1e-12


def raw(name):
    """Return X, y of a data set as it is, with a constant column and one that lies far from 0."""
    X, y = data(name)
    far = 100.0 + 0.1 * np.random.default_rng(0).normal(size=len(X))
    return np.column_stack([X, np.full(len(X), 0.1), far]), y


def in_a_pipeline(X, y, weights=None, centred=True, **params):
    """Return StandardScaler and the model, fitted with the same weights."""
    pipeline = make_pipeline(StandardScaler(with_mean=centred), SoftmaxRegression(**params))
    given = {f"{name}__sample_weight": weights for name, _ in pipeline.steps}
    with np.errstate(invalid="ignore"):  # of a constant sparse column the variance may be -1e-17
        return pipeline.fit(X, y, **(given if weights is not None else {}))


def assert_same(model, pipeline, X, atol=1e-10):
    assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), atol=atol, rtol=0.0)
    assert_array_equal(model.coef_ == 0.0, pipeline[-1].coef_ == 0.0)


PENALTIES = {
    "ridge": {},
    "lasso": {"l1_ratio": 1.0, "C": 0.2},
    "elastic net": {"l1_ratio": 0.4, "C": 0.2},
    "group lasso": {"penalty": "group_lasso", "l1_ratio": 0.8, "C": 0.2},
    "factors": {"penalty_factor": np.linspace(0.2, 3.0, 15), "l1_ratio": 0.5},
    "no penalty for some": {"penalty_factor": np.r_[np.zeros(2), np.ones(13)], "C": 0.1},
}
CONTAINERS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}


@covering(
    name=["wine", "breast_cancer"],
    penalty=PENALTIES,
    container=CONTAINERS,
    weighted=[False, True],
    fit_intercept=[True, False],
)
def test_the_model_is_that_of_the_pipeline(name, penalty, container, weighted, fit_intercept):
    X, y = raw(name)
    X = X[:, [*range(13), -2, -1]]
    if container in (sp.csr_array, sp.csc_array) or not fit_intercept:
        X = X[:, :-1]  # what is not centred loses the digits of the last one
        if "penalty_factor" in penalty:
            penalty = penalty | {"penalty_factor": penalty["penalty_factor"][:-1]}
    X, weights = container(X), uneven_weights(len(y)) if weighted else None
    params = penalty | {"tol": TOL, "fit_intercept": fit_intercept}
    model = SoftmaxRegression(standardize=True, **params).fit(X, y, weights)
    centred = fit_intercept and not sp.issparse(X)
    pipeline = in_a_pipeline(X, y, weights, centred, **params)
    assert_same(model, pipeline, X)
    assert model.converged_
    assert_allclose(model.scale_, pipeline[0].scale_, rtol=1e-9)
    assert_allclose(model.coef_ * model.scale_, pipeline[-1].coef_, atol=1e-8)
    if "penalty_factor" not in penalty:
        gap = pipeline[-1].duality_gap(pipeline[0].transform(X), y, weights)
        assert_allclose(model.duality_gap(X, y, weights), gap, atol=1e-10)


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_finds_it(solver):
    X, y = raw("wine")
    params = {"solver": solver, "random_state": 0, "max_iter": 3000}
    model = SoftmaxRegression(standardize=True, **params).fit(X, y)
    pipeline = in_a_pipeline(X, y, tol=TOL)
    assert model.converged_
    assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), atol=1e-6)


@covering(
    solver=["gd", "nesterov", "sgd", "adam", "svrg"],
    name=["wine", "breast_cancer"],
    l1_ratio=[0.0, 0.5],
    fit_intercept=[True, False],
)
@pytest.mark.filterwarnings("ignore::softmax_reg._compat.ConvergenceWarning")
def test_with_a_rate_of_the_users_each_step_is_that_of_the_pipeline(
    solver, name, l1_ratio, fit_intercept
):
    X, y = data(name)
    params = {"solver": solver, "learning_rate": 0.01, "max_iter": 12, "random_state": 0}
    params |= {"fit_intercept": fit_intercept}
    if not SOLVERS[solver].needs_smooth:
        params |= {"l1_ratio": l1_ratio}
    model = SoftmaxRegression(standardize=True, warm_start=True, **params)
    scaler = StandardScaler(with_mean=fit_intercept)
    pipeline = make_pipeline(scaler, SoftmaxRegression(warm_start=True, **params))
    for _ in range(2):  # the second time from where the first one ended
        model.fit(X, y)
        pipeline.fit(X, y)
        assert_allclose(model.loss_curve_, pipeline[-1].loss_curve_, rtol=1e-10)
        assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), atol=1e-10)


def test_float32_stays_and_is_as_good_as_its_pipeline():
    X, y = data("wine")
    X = X.astype(np.float32)
    model = SoftmaxRegression(standardize=True).fit(X, y)
    assert model.coef_.dtype == np.float32
    proba = in_a_pipeline(X, y).predict_proba(X)
    assert_allclose(model.predict_proba(X), proba, atol=1e-4)


@pytest.mark.parametrize("order", [1e20, 1e-20])
def test_units_near_the_ends_of_float32_change_nothing(order, monkeypatch):
    monkeypatch.setattr(
        "softmax_reg.dataset.row_blocks._SMALL_BYTES", 0
    )  # computed with in float32
    X, y = data("wine/std")
    units = np.float32(order) ** np.linspace(0.0, 1.0, X.shape[1], dtype=np.float32)
    for penalty, l1_ratio in (("elasticnet", 0.0), ("elasticnet", 0.3), ("group_lasso", 0.3)):
        params = {"tol": 1e-5, "penalty": penalty, "l1_ratio": l1_ratio}
        model = SoftmaxRegression(standardize=True, **params)
        proba = clone(model).fit(X.astype(np.float32), y).predict_proba(X)
        Z = X.astype(np.float32) * units
        assert_allclose(model.fit(Z, y).predict_proba(Z), proba, atol=2e-3)


def test_the_units_of_the_features_change_nothing():
    X, y = data("wine")
    units = 10.0 ** np.linspace(-30, 30, X.shape[1])
    for params in ({}, {"l1_ratio": 1.0, "C": 0.1}, {"l1_ratio": 0.5, "C": 0.1}):
        one, other = (SoftmaxRegression(standardize=True, tol=TOL, **params) for _ in range(2))
        proba = one.fit(X, y).predict_proba(X)
        assert_allclose(other.fit(X * units, y).predict_proba(X * units), proba, atol=1e-9)


SOURCES = {
    "function": lambda folder, X, y, s: FunctionSource(
        lambda: zip(*(np.array_split(part, 5) for part in (X, y, s)), strict=True)
    ),
    "sparse": lambda folder, X, y, s: FunctionSource(
        lambda: (
            (sp.csr_array(X[rows]), y[rows], s[rows])
            for rows in np.array_split(np.arange(len(y)), 4)
        )
    ),
    "npy": lambda folder, X, y, s: NpySource(folder),
    "csv": lambda folder, X, y, s: CSVSource(folder / "rows.csv", "label", chunksize=50),
}


@pytest.mark.parametrize(
    ("source", "class_weight"), [*((source, None) for source in SOURCES), ("function", "balanced")]
)
def test_a_source_gives_what_its_rows_give(tmp_path, source, class_weight):
    X, y = data("wine")
    s = uneven_weights(len(y))
    s[: len(y) // 5] = 0.0  # the first batches have no weight
    s = np.ones(len(y)) if source == "csv" else s
    for name, array in {"X": X, "y": y, "w": s}.items():
        np.save(tmp_path / f"{name}_1.npy", array)
    pd.DataFrame(X).assign(label=y).to_csv(tmp_path / "rows.csv", index=False)
    rows = SOURCES[source](tmp_path, X, y, s)
    model = SoftmaxRegression(standardize=True, class_weight=class_weight, tol=TOL)
    proba = clone(model).fit(X, y, s).predict_proba(X)
    model.fit(rows)
    assert_allclose(model.duality_gap(rows), 0.0, atol=1e-10)
    model.__dict__.pop("feature_names_in_", None)
    assert_allclose(model.predict_proba(X), proba, atol=1e-10)


def test_a_mapped_file_is_read_as_it_is(tmp_path):
    X, y = data("wine")
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    model = SoftmaxRegression(standardize=True, tol=TOL).fit(mapped, y)
    assert_same(model, in_a_pipeline(X, y, tol=TOL), X)


def test_the_weights_of_classes_do_not_change_the_units():
    X, y = data("wine")
    params = {"class_weight": {0: 5.0, 1: 0.2}, "tol": TOL}
    model = SoftmaxRegression(standardize=True, **params).fit(X, y)
    assert_same(model, in_a_pipeline(X, y, **params), X)
    assert_allclose(model.scale_, X.std(axis=0), rtol=1e-12)


def test_rows_held_out_count_for_the_units_and_those_of_the_user_do_not():
    X, y = data("wine")
    held_out = SoftmaxRegression(standardize=True, early_stopping=True, random_state=0).fit(X, y)
    assert_allclose(held_out.scale_, X.std(axis=0), rtol=1e-12)
    with pytest.warns(UserWarning, match="X_val is not of the kind of X"):
        given = SoftmaxRegression(standardize=True).fit(X, y, X_val=100.0 * X, y_val=y)
    assert_allclose(given.scale_, X.std(axis=0), rtol=1e-12)


@covering(
    l1_ratio=[0.0, 0.5, 1.0],
    penalty=["elasticnet", "group_lasso"],
    weighted=[False, True],
    given=[False, True],
)
def test_the_path_is_that_of_standardised_features(l1_ratio, penalty, weighted, given):
    X, y = data("wine")
    weights = uneven_weights(len(y)) if weighted else None
    Z = StandardScaler().fit(X, sample_weight=weights).transform(X)
    penalty = "elasticnet" if l1_ratio == 0.0 else penalty
    params = {"l1_ratio": l1_ratio, "penalty": penalty, "sample_weight": weights, "tol": TOL}
    params |= {"Cs": [0.003, 0.1, 2.0] if given else 6}
    path, other = softmax_path(X, y, standardize=True, **params), softmax_path(Z, y, **params)
    assert_allclose(path.Cs_, other.Cs_, rtol=1e-12)
    assert_allclose(path.coefs_ * path.scale_, other.coefs_, atol=1e-9)
    assert_array_equal(path.coefs_ == 0.0, other.coefs_ == 0.0)
    assert_allclose(path.objective_, other.objective_, rtol=1e-12)
    assert other.scale_ is None


@pytest.mark.parametrize("copied", [0, 64 << 20])
@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_cross_validation_has_the_units_of_each_folds_training_rows(monkeypatch, copied, n_jobs):
    monkeypatch.setattr(cross_validation, "_COPIED_BYTES", copied)
    X, y = data("wine")
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    params = {"Cs": [0.01, 1.0], "l1_ratios": (0.0, 1.0), "cv": cv, "tol": TOL, "n_jobs": n_jobs}
    model = SoftmaxRegressionCV(standardize=True, **params).fit(X, y)
    grid = {"softmaxregression__l1_ratio": [0.0, 1.0], "softmaxregression__C": [0.01, 1.0]}
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression(tol=TOL))
    search = GridSearchCV(pipeline, grid, cv=cv, scoring="neg_log_loss").fit(X, y)
    # C varies slowest there.
    scores = [search.cv_results_[f"split{fold}_test_score"].reshape(2, 2).T for fold in range(3)]
    assert_allclose(model.scores_, scores, rtol=1e-9)
    assert_same(model, search.best_estimator_, X)
    assert_allclose(model.scale_, X.std(axis=0), rtol=1e-12)
    assert not hasattr(model.set_params(refit=False).fit(X, y), "scale_")


def test_one_number_is_the_weight_of_every_row():
    X, y = data("wine")
    model = SoftmaxRegression(standardize=True).fit(X, y, 2.0)
    assert_allclose(model.scale_, X.std(axis=0), rtol=1e-12)


def test_weights_reach_the_units_of_the_folds():
    X, y = data("wine")
    s = np.random.default_rng(0).integers(1, 4, len(y))
    folds = [(np.arange(0, len(y), 2), np.arange(1, len(y), 2))]
    repeated = np.repeat(np.arange(len(y)), s)
    at = [np.flatnonzero(repeated % 2 == side) for side in (0, 1)]
    params = {"Cs": [0.1], "standardize": True, "tol": TOL}
    weighted = SoftmaxRegressionCV(cv=folds, **params).fit(X, y, s.tolist())
    rows = SoftmaxRegressionCV(cv=[at], **params).fit(X[repeated], y[repeated])
    assert_allclose(weighted.coefs_paths_, rows.coefs_paths_, rtol=1e-8)
    assert_allclose(weighted.scale_, rows.scale_, rtol=1e-12)


@pytest.mark.parametrize("solver", ["auto", "gd", "newton-cg"])
def test_fewer_rows_than_features_need_no_more_steps_than_in_the_pipeline(solver):
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(40, 4))
    X = hidden @ rng.normal(size=(4, 500)) + 0.3 * rng.normal(size=(40, 500))
    X *= np.exp(2.0 * rng.normal(size=500))
    y = np.argmax(hidden[:, :3] + rng.normal(size=(40, 3)), axis=1)
    factor = rng.uniform(0.5, 2.0, 500)
    for params in ({}, {"penalty_factor": factor}):
        model = SoftmaxRegression(standardize=True, solver=solver, **params).fit(X, y)
        pipeline = in_a_pipeline(X, y, solver=solver, **params)
        assert model.n_iter_[0] <= 1.2 * pipeline[-1].n_iter_[0] + 2
        assert_allclose(model.predict_proba(X), pipeline.predict_proba(X), atol=1e-6)
        # From outside of where the optimum can be.
        model.set_params(warm_start=True)
        model.coef_ = model.coef_ + 0.1 * rng.normal(size=model.coef_.shape) / model.scale_
        assert_allclose(model.fit(X, y).predict_proba(X), pipeline.predict_proba(X), atol=1e-6)


def test_a_path_finds_the_span_of_the_rows_once(monkeypatch):
    rng, calls, qr = np.random.default_rng(0), [], np.linalg.qr
    monkeypatch.setattr(np.linalg, "qr", lambda A: calls.append(A.shape) or qr(A))
    X, y = rng.normal(size=(30, 200)) * np.exp(rng.normal(size=200)), np.arange(30) % 3
    path = softmax_path(X, y, Cs=[0.001, 0.03, 1.0, 30.0], l1_ratio=0.0, standardize=True)
    assert calls == [(200, 30)]
    assert path.converged_.all()


def test_X_is_neither_copied_nor_written_to():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 40)) * 10.0 ** np.linspace(-3, 3, 40)
    y = (X @ (1.0 / 10.0 ** np.linspace(-3, 3, 40)) > rng.normal(size=60_000)).astype(int)
    X.flags.writeable = False
    for rows in (X, np.asfortranarray(X)):
        tracemalloc.start()
        try:
            model = SoftmaxRegression(standardize=True, tol=1e-3).fit(rows, y)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert model.converged_
        assert peak < 0.6 * X.nbytes, f"{peak / 2**20:.0f} MiB beside {X.nbytes / 2**20:.0f}"


# The deviations themselves.


def exact_deviations(X, weights):
    """Return them by the formula, in rational numbers."""
    found = []
    for column in np.asarray(X, dtype=np.float64).T:
        x, s = ([Fraction(v) for v in values.tolist()] for values in (column, weights))
        mean = sum(a * b for a, b in zip(s, x, strict=True)) / sum(s)
        square = sum(a * (b - mean) ** 2 for a, b in zip(s, x, strict=True)) / sum(s)
        found.append(float(square) ** 0.5)
    return np.array(found)


@pytest.mark.parametrize("container", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_deviations_keep_their_digits_far_from_zero(monkeypatch, container, dtype):
    monkeypatch.setattr("softmax_reg.dataset.deviations._BLOCK_BYTES", 8 * 5 * 60)  # five blocks
    rng = np.random.default_rng(0)
    spread = rng.normal(size=(300, 5))
    X = spread * [1.0, 1e-3, 1e4, 1e-30, 1.0] + [1e6, 0.5, -1e9, 0.0, 0.0]
    X[:, 4] *= rng.random(300) < 0.1
    X = X.astype(dtype)
    for weights in (np.ones(300), uneven_weights(300)):
        found = deviations(CONTAINERS[container](X), weights)
        assert found.dtype == np.float64
        assert_allclose(found, exact_deviations(X, weights), rtol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["C", "csr", "csc"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_deviations_take_no_copy_of_X(monkeypatch, container, dtype):
    monkeypatch.setattr("softmax_reg.dataset.deviations._BLOCK_BYTES", 1 << 16)
    X = sp.random(10_000, 300, density=0.2, random_state=0, dtype=dtype, format="csr")
    X = CONTAINERS[container](X.toarray() if container == "C" else X)
    deviations(X[:9])  # what the first call alone allocates
    tracemalloc.start()
    try:
        found = deviations(X, 3.0)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20, f"{peak / 2**20:.1f} MiB"
    columns = X.astype(np.float64) if container == "C" else X.astype(np.float64).toarray()
    assert_allclose(found, columns.std(axis=0), rtol=1e-5)


def test_what_is_constant_for_the_scaler_has_the_deviation_1():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [
            np.full(1000, 0.1),
            np.zeros(1000),
            1e9 + 1e-7 * rng.normal(size=1000),
            np.full(1000, 1e-200),
            rng.normal(size=1000),
        ]
    )
    for rows, centred in ((X, True), (sp.csr_array(X), False), (sp.csc_array(X), False)):
        scaler = StandardScaler(with_mean=centred).fit(rows)
        assert_allclose(deviations(rows), scaler.scale_, rtol=1e-12)
    assert_array_equal(deviations(X)[:4], 1.0)


def test_numbers_too_large_are_told_and_leave_the_model_as_it_was():
    X, y = data("iris")
    wild = np.column_stack([X, np.where(y == 1, 1e200, 0.0)])
    model = SoftmaxRegression(standardize=True)
    with pytest.raises(ValueError, match=r"Feature 4 of X.*too large.*Rescale"):
        model.fit(wild, y)
    assert not [name for name in vars(model) if name.endswith("_")]


# As a parameter.


def test_partial_fit_is_not_there_and_says_what_to_do():
    X, y = data("iris")
    model = SoftmaxRegression(standardize=True)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError) as told:
        model.partial_fit(X, y, classes=[0, 1, 2])
    assert "standardize=False" in str(told.value.__cause__)
    model.fit(X, y).set_params(standardize=False).partial_fit(X[:10], y[:10])


def test_the_units_go_with_the_model_and_leave_it_with_the_next_fit(tmp_path):
    X, y = data("iris")
    model = SoftmaxRegression(standardize=True).fit(X, y)
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert loaded.standardize is True
    assert_array_equal(loaded.scale_, model.scale_)
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    assert clone(model).get_params()["standardize"]
    assert not hasattr(model.set_params(standardize=False).fit(X, y), "scale_")


@pytest.mark.parametrize(
    ("solver", "params"),
    [
        ("nesterov", {"learning_rate": 0.05, "l1_ratio": 0.3}),
        ("sgd", {"learning_rate": 0.01}),
        ("svrg", {"learning_rate": 0.01}),
        ("lbfgs", {}),
    ],
)
@pytest.mark.filterwarnings("ignore::softmax_reg._compat.ConvergenceWarning")
def test_a_resumed_fit_ends_where_one_from_the_start_does(tmp_path, solver, params):
    X, y = data("wine")
    params = params | {"solver": solver, "standardize": True, "random_state": 0, "tol": 0.0}
    checkpoint = Checkpoint(tmp_path / "run.npz", every=3)
    whole = SoftmaxRegression(max_iter=20, callbacks=checkpoint, **params).fit(X, y)
    checkpoint = Checkpoint(tmp_path / "run.npz", every=3)
    SoftmaxRegression(max_iter=7, callbacks=checkpoint, **params).fit(X, y)
    resumed = SoftmaxRegression.resume(tmp_path / "run.npz")
    assert_array_equal(resumed.scale_, whole.scale_)
    with pytest.raises(ValueError, match="standardize was True, now it is False"):
        clone_of(resumed, standardize=False).fit(X, y)
    resumed.set_params(max_iter=20, callbacks=None).fit(X, y)
    assert_array_equal(resumed.coef_, whole.coef_)
    assert_array_equal(resumed.loss_curve_, whole.loss_curve_)


def clone_of(resumed, **params):
    """Return the same resumed model with other parameters."""
    other = clone(resumed).set_params(**params)
    other.__dict__.update({k: v for k, v in vars(resumed).items() if k not in other.get_params()})
    return other


def test_a_warm_start_begins_where_the_last_fit_ended():
    X, y = data("wine")
    model = SoftmaxRegression(standardize=True, warm_start=True).fit(X, y)
    n_iter = model.n_iter_[0]
    assert model.fit(X, y).n_iter_[0] <= n_iter + 1
    assert model.converged_


def test_a_source_is_read_once_more_for_the_deviations():
    X, y = data("wine")
    reads = []

    def batches():
        reads.append(1)
        yield X, y

    def stop(progress):
        return True

    for standardize in (False, True):
        reads.append(0)
        source = FunctionSource(batches)
        SoftmaxRegression(standardize=standardize, callbacks=stop).fit(source)
    plain, standardised = "".join(map(str, reads)).split("0")[1:]
    assert len(standardised) == len(plain) + 1


def test_without_standardize_nothing_is_computed(monkeypatch):
    def never(*args):
        raise AssertionError("the deviations were computed")

    monkeypatch.setattr("softmax_reg.estimator.deviations", never)
    monkeypatch.setattr("softmax_reg.model_selection.path_fits.deviations", never)
    X, y = data("iris")
    SoftmaxRegression().fit(X, y)
    softmax_path(X, y, Cs=2)


@pytest.mark.slow
@parametrize_with_checks([SoftmaxRegression(standardize=True)])
def test_scikit_learn_accepts_it(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([SoftmaxRegressionCV(standardize=True, Cs=[0.1, 1.0], cv=3)])
def test_scikit_learn_accepts_it_with_a_cross_validation(estimator, check):
    check(estimator)
