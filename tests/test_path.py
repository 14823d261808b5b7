"""The path: its first C, against separate fits, screening that changes nothing, and odd input."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose
from problems import (
    all_scores,
    centred,
    data,
    optimum,
    penalised_loss,
    relative_error,
    uneven_weights,
)
from scipy.optimize import minimize
from scipy.special import logsumexp
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from softmax_reg import (
    CSVSource,
    FunctionSource,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    softmax_path,
)
from softmax_reg.callbacks import EarlyStopping, LossLogger, PrintProgress
from softmax_reg.model_selection import warm_starts


def wide(n=40, p=300, K=3, seed=0):
    """More features than rows, a few of which matter."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-1.0, 1.0, p)
    scores = X[:, :K] / X[:, :K].std(axis=0) * 2.0
    return X, np.argmax(scores + rng.gumbel(size=scores.shape), axis=1)


def largest_slope(X, y, s, l1_ratio=1.0):
    """Return S max |X'(P - Y)| / l1_ratio at the intercepts alone, worked out from the formula."""
    Y = np.eye(y.max() + 1)[y]
    R = (s @ Y / s.sum() - Y) * s[:, np.newaxis]
    slopes = X.T @ R
    return np.abs(slopes[:, 1:] if Y.shape[1] == 2 else slopes).max() / l1_ratio


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "wine/std"])
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_the_first_C_is_the_one_of_the_formula(name, l1_ratio):
    X, y = data(name)
    s = uneven_weights(len(y))
    path = softmax_path(X, y, Cs=2, eps=0.9, l1_ratio=l1_ratio, sample_weight=s)
    assert path.Cs_[0] == pytest.approx(1.0 / largest_slope(X, y, s, l1_ratio), rel=1e-9)


@pytest.mark.parametrize("name", ["iris", "breast_cancer/std"])
def test_at_the_first_C_all_coefficients_are_zero_and_just_above_it_one_is_not(name):
    X, y = data(name)
    smallest = softmax_path(X, y, Cs=1).Cs_[0]
    path = softmax_path(X, y, Cs=[0.999 * smallest, smallest, 1.001 * smallest])
    assert path.degrees_of_freedom_[:2].tolist() == [0, 0]
    assert path.n_active_[2] == 1
    assert path.deviance_explained_[:2] == pytest.approx([0.0, 0.0], abs=1e-14)
    # The same holds for a fit that does not know of the path.
    below, above = (SoftmaxRegression(C=f * smallest, l1_ratio=1.0).fit(X, y) for f in (0.99, 1.01))
    assert not below.coef_.any()
    assert above.coef_.any()


@pytest.mark.parametrize("name", ["iris/std", "breast_cancer/std"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_the_path_equals_separate_fits(name, l1_ratio):
    X, y = data(name)
    s = uneven_weights(len(y))
    path = softmax_path(X, y, Cs=6, eps=1e-2, l1_ratio=l1_ratio, sample_weight=s)
    for C, coef, intercept, value in zip(
        path.Cs_, path.coefs_, path.intercepts_, path.objective_, strict=True
    ):
        model = SoftmaxRegression(C=C, l1_ratio=l1_ratio).fit(X, y, s)
        np.testing.assert_allclose(coef, model.coef_, atol=2e-4)
        # A shift of all intercepts changes no probability, and nothing penalises it.
        ours, theirs = (centred(coef, b)[1] for b in (intercept, model.intercept_))
        np.testing.assert_allclose(ours, theirs, atol=2e-4)
        assert value == pytest.approx(model.loss_curve_[-1], rel=1e-10)
        assert value == pytest.approx(
            penalised_loss(X, y, coef, intercept, C, l1_ratio, s), rel=1e-12
        )
    assert path.converged_.all()


def test_a_ridge_path_goes_through_the_optimum():
    X, y = data("wine")
    path = softmax_path(X, y, Cs=[1e-3, 1.0, 0.1], l1_ratio=0.0)
    assert path.Cs_.tolist() == [1e-3, 0.1, 1.0]
    last = type("Fit", (), {"coef_": path.coefs_[-1], "intercept_": path.intercepts_[-1]})
    assert relative_error(last, optimum("wine")) < 1e-4


def objective_on_30_irises(C, X, y):
    """Return the lasso's minimum, found by SciPy over positive and negative parts: no package."""
    n, p, K = *X.shape, 3

    def value(v):
        V, b = v[: 2 * p * K].reshape(2, p, K), v[2 * p * K :]
        Z = X @ (V[0] - V[1]) + b
        P = np.exp(Z - logsumexp(Z, axis=1, keepdims=True))
        R = (P - np.eye(K)[y]) / n
        F = np.mean(logsumexp(Z, axis=1) - Z[np.arange(n), y]) + v[: 2 * p * K].sum() / (C * n)
        G = X.T @ R
        slopes = np.stack([G, -G]) + 1.0 / (C * n)
        return F, np.concatenate([slopes.ravel(), R.sum(axis=0)])

    bounds = [(0.0, None)] * (2 * p * K) + [(None, None)] * K
    v = np.zeros(2 * p * K + K)
    for _ in range(10):  # its line search gives up now and then: go on with a fresh memory
        found = minimize(
            value, v, jac=True, method="L-BFGS-B", bounds=bounds,
            options={"maxiter": 20_000, "maxfun": 40_000, "ftol": 1e-16, "gtol": 1e-11},
        )  # fmt: skip
        v = found.x
    return found.fun


def test_the_objective_on_30_irises_is_that_of_an_independent_method():
    X, y = (part[::5] for part in data("iris"))
    path = softmax_path(X, y, Cs=8, eps=1e-2)
    expected = [objective_on_30_irises(C, X, y) for C in path.Cs_]
    np.testing.assert_allclose(path.objective_, expected, rtol=1e-7)
    assert np.all(path.objective_ <= np.array(expected) + 1e-9)


def test_saga_run_to_the_end_finds_the_same_optimum_and_the_same_zeros():
    X, y = data("iris/std")
    path = softmax_path(X, y, Cs=[0.05, 1.0], l1_ratio=1.0)
    for C, coef, intercept in zip(path.Cs_, path.coefs_, path.intercepts_, strict=True):
        saga = LogisticRegression(C=C, l1_ratio=1.0, solver="saga", tol=1e-12, max_iter=100_000)
        if "penalty" in saga.get_params() and saga.penalty == "l2":  # scikit-learn before 1.8
            saga.set_params(penalty="l1", l1_ratio=None)
        saga.fit(X, y)
        np.testing.assert_array_equal(coef == 0.0, np.abs(saga.coef_) < 1e-9)
        ours, theirs = (
            penalised_loss(X, y, *fit, C, 1.0)
            for fit in ((coef, intercept), (saga.coef_, saga.intercept_))
        )
        assert ours == pytest.approx(theirs, rel=1e-8)


def test_more_features_become_active_and_more_is_explained_as_C_grows():
    X, y = data("wine/std")
    path = softmax_path(X, y, Cs=12)
    assert np.all(np.diff(path.deviance_) < 0.0)
    assert path.n_active_[0] == 0 < path.n_active_[-1]
    assert np.all(path.degrees_of_freedom_ >= path.n_active_)
    Z = all_scores(X, path.coefs_[-1], path.intercepts_[-1])
    deviance = 2.0 * np.sum(logsumexp(Z, axis=1) - Z[np.arange(len(Z)), y])
    assert path.deviance_[-1] == pytest.approx(deviance, rel=1e-10)
    shares = np.bincount(y) / len(y)
    assert path.null_deviance_ == pytest.approx(-2.0 * np.log(shares[y]).sum(), rel=1e-12)


def test_screening_changes_nothing_but_the_work(monkeypatch):
    X, y = wide()
    n_features = []
    with_features = warm_starts.Objective.with_features

    def recorded(self, kept):
        n_features.append(len(kept))
        return with_features(self, kept)

    monkeypatch.setattr(warm_starts.Objective, "with_features", recorded)
    screened = softmax_path(X, y, Cs=10)
    assert n_features
    assert max(n_features) < X.shape[1]
    monkeypatch.setattr(warm_starts, "_FEW_FEATURES", 10**9)
    whole = softmax_path(X, y, Cs=10)
    np.testing.assert_allclose(screened.objective_, whole.objective_, rtol=1e-9)
    np.testing.assert_array_equal(screened.coefs_ != 0.0, whole.coefs_ != 0.0)


def test_a_rule_that_sets_too_much_aside_is_put_right(monkeypatch):
    X, y = wide()
    expected = softmax_path(X, y, Cs=5, eps=0.1)

    def far_too_strict(objective, last):
        if last is None or not objective.unpack(last.w)[0].any():
            return None
        return np.flatnonzero(objective.unpack(last.w)[0].any(axis=1))[:1]

    monkeypatch.setattr(warm_starts, "_kept", far_too_strict)
    path = softmax_path(X, y, Cs=5, eps=0.1)
    np.testing.assert_allclose(path.objective_, expected.objective_, rtol=1e-9)


def test_the_group_lasso_lets_features_in_for_all_classes_together():
    X, y = data("wine/std")
    path = softmax_path(X, y, Cs=8, eps=1e-2, penalty="group_lasso")
    used = path.coefs_ != 0.0
    assert np.array_equal(used.any(axis=1), used.all(axis=1))
    assert path.n_active_[0] == 0 < path.n_active_[1]
    Y = np.eye(3)[y]
    lengths = np.linalg.norm(X.T @ (Y.mean(axis=0) - Y), axis=1)
    assert path.Cs_[0] == pytest.approx(1.0 / lengths.max(), rel=1e-9)
    one = SoftmaxRegression(C=path.Cs_[4], l1_ratio=1.0, penalty="group_lasso").fit(X, y)
    assert path.objective_[4] == pytest.approx(one.loss_curve_[-1], rel=1e-9)


def test_features_without_a_penalty_are_active_from_the_beginning():
    X, y = data("breast_cancer/std")
    factor = np.ones(X.shape[1])
    factor[[1, 4]], factor[7] = 0.0, 2.5
    path = softmax_path(X, y, Cs=6, eps=1e-2, penalty_factor=factor)
    assert np.flatnonzero(path.coefs_[0, 0]).tolist() == [1, 4]
    assert path.n_active_[1] > 2
    # With those two alone, no slope of the others is beyond the penalty, and one is at it.
    null = SoftmaxRegression(C=np.inf, tol=1e-10).fit(X[:, [1, 4]], y)
    slopes = np.abs(X.T @ (null.predict_proba(X[:, [1, 4]])[:, 1] - y))
    held = factor > 0.0
    assert path.Cs_[0] == pytest.approx(1.0 / (slopes[held] / factor[held]).max(), rel=1e-6)
    one = SoftmaxRegression(C=path.Cs_[3], l1_ratio=1.0, penalty_factor=factor).fit(X, y)
    assert path.objective_[3] == pytest.approx(one.loss_curve_[-1], rel=1e-9)


def test_factors_are_screened_with_their_features():
    X, y = wide()
    factor = np.random.default_rng(1).uniform(0.5, 2.0, X.shape[1])
    scaled = softmax_path(X / factor, y, Cs=5)
    path = softmax_path(X, y, Cs=5, penalty_factor=factor)
    np.testing.assert_allclose(path.Cs_, scaled.Cs_, rtol=1e-9)
    np.testing.assert_allclose(path.objective_, scaled.objective_, rtol=1e-9)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array])
def test_sparse_and_dense_rows_give_the_same_path(make):
    X, y = wide()
    X = np.where(np.abs(X) > 1.0, X, 0.0)
    dense = softmax_path(X, y, Cs=6)
    sparse = softmax_path(make(X), y, Cs=6)
    np.testing.assert_allclose(sparse.objective_, dense.objective_, rtol=1e-9)
    np.testing.assert_allclose(sparse.Cs_, dense.Cs_, rtol=1e-12)


def test_float32_stays_float32_and_X_is_not_written_to():
    X, y = wide()
    X32 = X.astype(np.float32)
    X32.flags.writeable = False
    path = softmax_path(X32, y, Cs=5, tol=1e-4)
    assert path.coefs_.dtype == path.intercepts_.dtype == np.float32
    assert path.Cs_.dtype == np.float64
    np.testing.assert_allclose(path.objective_, softmax_path(X, y, Cs=5).objective_, rtol=1e-4)


def test_weights_count_as_rows():
    X, y = data("iris")
    rng = np.random.default_rng(0)
    times = rng.integers(1, 4, len(y))
    weighted = softmax_path(X, y, Cs=4, sample_weight=times)
    repeated = softmax_path(np.repeat(X, times, axis=0), np.repeat(y, times), Cs=4)
    np.testing.assert_allclose(weighted.Cs_, repeated.Cs_, rtol=1e-10)
    np.testing.assert_allclose(weighted.objective_, repeated.objective_, rtol=1e-9)
    np.testing.assert_allclose(weighted.deviance_, repeated.deviance_, rtol=1e-6)


def test_the_names_of_a_frame_and_the_labels_are_kept():
    X, y = data("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    path = softmax_path(frame, np.array(["x", "y", "z"])[y], Cs=3)
    assert path.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert path.classes_.tolist() == ["x", "y", "z"]
    assert softmax_path(X, y, Cs=3).feature_names_in_ is None


def test_without_intercept_the_intercepts_are_zero():
    X, y = data("iris")
    path = softmax_path(X, y, Cs=4, fit_intercept=False)
    assert not path.intercepts_.any()
    assert not path.coefs_[0].any()
    assert path.coefs_[1].any()


def test_a_path_that_is_cut_short_says_so_once():
    X, y = data("wine/std")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = softmax_path(X, y, Cs=5, max_iter=1)
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert caught[0].filename == __file__
    assert f"{np.count_nonzero(~path.converged_)} of 5 fits" in str(caught[0].message)
    assert path.converged_[0]
    assert not path.converged_[-1]


@pytest.mark.parametrize(("verbose", "shown"), [(1, [1, 2, 5, 6]), (2, [1, 2, 4, 6])])
def test_a_log_gets_ever_fewer_lines_or_every_so_many_th(capsys, verbose, shown):
    X, y = data("iris")
    path = softmax_path(X, y, Cs=6, eps=0.1, verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"fit {n}/6" for n in shown]
    for line, n in zip(lines, shown, strict=True):
        assert f"C {path.Cs_[n - 1]:.4g}" in line
        assert re.search(r"active features +(\d+)", line)[1] == str(path.n_active_[n - 1])


def test_each_C_is_told_of_where_it_stands():
    X, y = data("iris")
    told = []
    path = softmax_path(X, y, Cs=4, l1_ratio=0.5, callbacks=told.append)
    assert [(p.number, p.n_done) for p in told] == [(n, n) for n in (1, 2, 3, 4)]
    assert {(p.n_Cs, p.n_fits, p.l1_ratio) for p in told} == {(4, 4, 0.5)}
    assert {(p.fold, p.n_folds, p.score) for p in told} == {(None, None, None)}
    assert 0.0 < told[0].seconds <= told[1].seconds <= told[3].seconds
    for i, p in enumerate(told):
        assert p.step.C == path.Cs_[i]
        assert p.step.value == path.objective_[i]
        np.testing.assert_array_equal(p.step.coef, path.coefs_[i])
        np.testing.assert_array_equal(p.step.intercept, path.intercepts_[i])


def test_a_callback_ends_the_path_where_it_says_so():
    X, y = data("wine/std")
    whole = softmax_path(X, y, Cs=20)
    told = []
    ended = softmax_path(
        X, y, Cs=20, callbacks=[lambda p: p.step.coef.any(axis=0).sum() >= 5, told.append]
    )
    n = int(np.flatnonzero(whole.n_active_ >= 5)[0]) + 1
    assert 1 < n < 20
    assert len(told) == len(ended.Cs_) == n
    for name in ("Cs_", "coefs_", "objective_", "n_iter_"):
        np.testing.assert_array_equal(getattr(ended, name), getattr(whole, name)[:n])


def test_the_end_of_a_path_is_told_however_it_ends():
    class StatefulCallback:
        def __init__(self, fail_after):
            self.fail_after, self.ended = fail_after, 0

        def __call__(self, progress):
            if progress.number == self.fail_after:
                raise RuntimeError("the disk is full")

        def finish(self):
            self.ended += 1

    X, y = data("iris")
    softmax_path(X, y, Cs=3, callbacks=(well := StatefulCallback(None)))
    with pytest.raises(RuntimeError, match="the disk is full"):
        softmax_path(X, y, Cs=3, callbacks=(badly := StatefulCallback(2)))
    assert (well.ended, badly.ended) == (1, 1)


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([print, "log"], "'log', which cannot be called.*takes a PathProgress"),
        (EarlyStopping(), "EarlyStopping.*iterations of one fit.*SoftmaxRegression"),
        ([PrintProgress()], "PrintProgress.*`verbose`"),
        (LossLogger, "LossLogger.*an instance"),
    ],
)
def test_a_callback_that_cannot_be_used_is_named(callbacks, message):
    with pytest.raises(TypeError, match=message):
        softmax_path(*data("iris"), callbacks=callbacks)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"Cs": []}, "not empty"),
        ({"Cs": [1.0, -2.0]}, "positive and finite, got -2"),
        ({"Cs": [1.0, np.inf]}, "SoftmaxRegression"),
        ({"Cs": 0}, "Cs"),
        ({"l1_ratio": 1.5}, "l1_ratio"),
        ({"eps": 1.0}, "eps"),
        ({"solver": "lbfgs"}, "cannot handle"),
        ({"penalty": "l0"}, "penalty"),
        ({"penalty": "group_lasso", "l1_ratio": 0.0}, "group_lasso"),
        ({"penalty_factor": [1.0]}, "penalty_factor"),
        ({"tol": -1.0}, "tol"),
        ({"callbacks": 3}, "callbacks"),
    ],
)
def test_what_cannot_be_used_is_named(knobs, message):
    X, y = data("iris")
    with pytest.raises(ValueError, match=message):
        softmax_path(X, y, **knobs)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        {"l1_ratio": 0.0, "class_weight": {0: 2.0, 1: 1.0, 2: 0.5}},
        {"l1_ratio": 0.3, "standardize": True},
        {"l1_ratio": 1.0, "penalty": "group_lasso"},
    ],
)
def test_the_path_of_a_source_is_that_of_its_rows(knobs):
    X, y = load_wine(return_X_y=True, as_frame=True)
    weights = np.linspace(0.5, 2.0, len(y))
    parts = [slice(start, start + 50) for start in range(0, len(y), 50)]
    source = FunctionSource(lambda: ((X[part], y[part], weights[part]) for part in parts))
    expected = softmax_path(X, y, Cs=6, sample_weight=weights, **knobs)
    path = softmax_path(source, Cs=6, **knobs)
    assert_allclose(path.Cs_, expected.Cs_, rtol=1e-12)
    assert_allclose(path.objective_, expected.objective_, rtol=1e-9)
    assert_allclose(path.coefs_, expected.coefs_, rtol=1e-5, atol=1e-8)
    assert path.feature_names_in_.tolist() == list(X.columns)


def test_a_path_of_encoded_columns_has_their_names(tmp_path):
    X, y = load_wine(return_X_y=True, as_frame=True)
    X = X.assign(vineyard=np.where(np.arange(len(y)) % 3, "north", "south"), wine=y)
    X.to_csv(tmp_path / "wine.csv", index=False)
    source = CSVSource(tmp_path / "wine.csv", target="wine", categories=["vineyard"])
    path = softmax_path(source, Cs=2)
    assert {"vineyard_north", "vineyard_south"} <= set(path.feature_names_in_)


def test_what_a_path_needs_of_its_rows_is_said():
    X, y = load_wine(return_X_y=True, as_frame=True)
    with pytest.raises(ValueError, match=r"y is None, .* softmax_path\(X, y\)"):
        softmax_path(X)
    with pytest.raises(ValueError, match="Column 'grape' of X holds text") as refused:
        softmax_path(X.assign(grape="red"), y)
    assert "_Reader" not in str(refused.value)
    with pytest.raises(ValueError, match="leave y and sample_weight out"):
        softmax_path(FunctionSource(lambda: iter([(X, y)])), y)


def test_features_that_say_nothing_have_no_path():
    X, y = np.ones((30, 2)), np.arange(30) % 3
    with pytest.raises(ValueError, match="No feature with a penalty says anything"):
        softmax_path(X, y)
    X, y = data("iris")
    with pytest.raises(ValueError, match="No feature with a penalty says anything"):
        softmax_path(X, y, penalty_factor=np.zeros(4))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["elasticnet", "group_lasso"])
def test_features_with_a_penalty_are_exactly_zero_at_the_first_C_beside_free_ones(seed, name):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(80, 90))
    y = (X[:, :3] + rng.normal(size=(80, 3))).argmax(axis=1)
    factor = np.ones(90)
    factor[[5, 70]] = 0.0
    path = softmax_path(X, y, Cs=2, l1_ratio=0.5, penalty=name, penalty_factor=factor)
    assert path.n_active_[0] == 2
    assert path.converged_[0]


def test_ctrl_c_ends_the_path_and_keeps_what_was_found(monkeypatch):
    X, y = data("iris")
    run = warm_starts.minimize
    calls = []

    def interrupted(solver, objective, w, **settings):
        calls.append(1)
        if len(calls) < 3:
            return run(solver, objective, w, **settings)

        def stop(progress):
            if progress.n_iter == 1:
                raise KeyboardInterrupt

        return run(solver, objective, w, **(settings | {"callbacks": [stop]}))

    monkeypatch.setattr(warm_starts, "minimize", interrupted)
    with pytest.warns(ConvergenceWarning, match="1 of 3 fits"):
        path = softmax_path(X, y, Cs=6)
    assert len(path.Cs_) == len(path.coefs_) == 3


def test_ctrl_c_between_two_fits_keeps_what_was_found_too():
    X, y = data("iris")

    def interrupt(progress):
        if progress.number == 3:
            raise KeyboardInterrupt

    path = softmax_path(X, y, Cs=6, callbacks=interrupt)
    assert len(path.Cs_) == len(path.coefs_) == 3
    assert path.converged_.all()


def test_values_of_C_at_the_end_of_what_floats_hold_are_fitted():
    X, y = data("iris")
    path = softmax_path(X, y, Cs=[1e-306, 1.0, 1e307])
    assert path.n_active_[0] == 0
    np.testing.assert_allclose(path.objective_[1], softmax_path(X, y, Cs=[1.0]).objective_)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_callback_cannot_change_what_is_kept(n_jobs):
    X, y = data("iris")

    def overwrite(progress):
        progress.step.coef[...] = 0.0

    with pytest.raises(ValueError, match="read-only"):
        softmax_path(X, y, Cs=3, callbacks=overwrite)
    with pytest.raises(ValueError, match="read-only"):
        SoftmaxRegressionCV(Cs=[1.0], cv=2, callbacks=overwrite, n_jobs=n_jobs).fit(X, y)


@pytest.mark.parametrize("n_features", [4, 400])
def test_a_path_in_float32_converges(n_features):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, n_features)).astype(np.float32), np.arange(60) % 3
    path = softmax_path(X, y, Cs=8, l1_ratio=0.5)
    assert path.converged_.all()
    assert path.optimality_.max() < 2e-6


# What a point of the path owes to the one before


def test_a_start_that_looks_optimal_within_tol_is_not_taken_for_the_optimum():
    X, y = data("digits")
    Cs = np.logspace(-1.0, 3.0, 9)
    loose, exact = (softmax_path(X, y, Cs=Cs, l1_ratio=0.0, tol=tol) for tol in (1e-4, 1e-9))
    assert loose.converged_.all()
    assert (loose.objective_ / exact.objective_ - 1.0).max() < 0.05
    assert loose.n_iter_.all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "wine", "breast_cancer"])
def test_a_ridge_path_takes_half_the_iterations_of_fits_by_themselves(name):
    X, y = data(name)
    Cs = np.logspace(-2.0, 1.0, 13)
    alone = [SoftmaxRegression(C=C).fit(X, y).n_iter_[0] for C in Cs[1:]]
    assert softmax_path(X, y, Cs=Cs, l1_ratio=0.0).n_iter_[1:].sum() < 0.6 * sum(alone)


def test_the_curvature_of_a_start_far_from_the_optimum_does_not_end_a_fit_early():
    X, y = data("wine")
    loose, exact = (
        softmax_path(X, y, Cs=[1e-6, 1e6], l1_ratio=0.0, tol=tol) for tol in (1e-6, 1e-11)
    )
    np.testing.assert_allclose(loose.objective_, exact.objective_, rtol=1e-3)


def test_a_fine_ridge_path_begins_each_fit_where_the_last_two_point_to():
    X, y = data("digits")
    Cs = np.logspace(-3.0, 1.0, 25)
    path = softmax_path(X, y, Cs=Cs, l1_ratio=0.0, tol=1e-6)
    # Coarse steps cannot be foretold so well: they take nearly three times as many iterations.
    coarse = softmax_path(X, y, Cs=Cs[::4], l1_ratio=0.0, tol=1e-6)
    assert path.n_iter_[2:].mean() < 0.6 * coarse.n_iter_[1:].mean()


@pytest.mark.parametrize("penalty", ["elasticnet", "group_lasso"])
def test_close_to_separation_a_small_gradient_does_not_end_a_fit_under_a_norm(penalty):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 6))
    y = X[:, :3].argmax(axis=1)
    loose, exact = (
        softmax_path(X, y, Cs=np.logspace(-1.0, 9.0, 11), penalty=penalty, tol=tol)
        for tol in (1e-5, 1e-11)  # near what rounding allows
    )
    np.testing.assert_allclose(loose.objective_, exact.objective_, rtol=1e-3)
