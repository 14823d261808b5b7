"""The bootstrap: draws as weights, refits from the fit, and what they say of the coefficients."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, uneven_weights
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import FunctionSource, SoftmaxRegression, SoftmaxRegressionCV, bootstrap
from softmax_reg.inference.bootstrap import Refit

X, Y = data("overlapping")
X2, Y2 = data("overlapping/two")
GROUPS = np.arange(len(Y)) * 7 % 23


def draw_of(model, X, y, seed, **options):
    """Return the weights of the first draws, as they are given to a fit."""
    seen = []
    original = Refit._drawn

    def watched(self, data, rng):
        found = original(self, data, rng)
        seen.append(found.weights.copy())
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Refit, "_drawn", watched)
        result = bootstrap(model, X, y, n=3, random_state=seed, **options)
    return result, seen


@pytest.mark.parametrize(
    "params",
    [
        {"C": np.inf},
        {"C": 0.3},
        {"C": 0.3, "standardize": True},
        {"penalty": "l1", "C": 0.1},
        {"C": 1.0, "class_weight": "balanced"},
        {"C": np.inf, "fit_intercept": False},
    ],
)
@pytest.mark.parametrize("name", ["three", "two"])
def test_a_draw_is_a_fit_with_weights(name, params):
    X, y = {"three": (X_scaled(globals()["X"]), Y), "two": (X_scaled(X2), Y2)}[name]
    model = SoftmaxRegression(tol=1e-12, **params).fit(X, y)
    result, draws = draw_of(model, X, y, 0)
    factors = np.ones(len(model.classes_))
    for weights, theta in zip(draws, result.draws, strict=True):
        if "class_weight" not in params:
            assert weights.sum() == len(y)
            assert_array_equal(weights, np.round(weights))
            given = weights
        else:  # the same total for each class; divided out, they are counts again
            totals = np.bincount(y, weights)
            assert_allclose(totals, totals[0])
            continue
        refit = SoftmaxRegression(tol=1e-12, **params).fit(X, y, given * factors[y])
        coef = np.column_stack([refit.intercept_, refit.coef_])[:, int(not refit.fit_intercept) :]
        assert_allclose(theta[-len(coef) :], coef, rtol=1e-5, atol=1e-7)
    assert result.converged.all()


def X_scaled(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def test_intervals_are_percentiles_and_differences_those_of_the_draws():
    model = SoftmaxRegression(C=np.inf).fit(X, Y)
    result = bootstrap(model, X, Y, n=40, random_state=1)
    assert result.base == 0
    assert result.draws.shape == (40, 3, 5)
    table = result.summary(0.9)
    assert list(table) == ["coef", "sd", "not 0", "lower", "upper"]
    differences = (result.draws[:, 1:] - result.draws[:, :1]).reshape(40, -1)
    assert_allclose(table["lower"], np.quantile(differences, 0.05, axis=0))
    assert_allclose(table["upper"], np.quantile(differences, 0.95, axis=0))
    assert_allclose(table["sd"], differences.std(axis=0, ddof=1))
    assert_allclose(table["coef"], model.inference(X, Y).coef)
    limits = result.conf_int(0.9, base=2)
    assert_allclose(limits.loc[0, "lower"], -result.conf_int(0.9).loc[2, "upper"])
    # About as wide as by the covariance, for these rows are many for the coefficients.
    assert_allclose(table["sd"], model.inference(X, Y).se, rtol=0.6)
    assert "40 fits converged" in repr(result)
    assert result._repr_html_().count("<table") == 2


def test_the_draws_do_not_depend_on_the_number_of_jobs():
    model = SoftmaxRegression(C=1.0).fit(X, Y)
    one = bootstrap(model, X, Y, n=6, random_state=3)
    two = bootstrap(model, X, Y, n=6, random_state=3, n_jobs=2)
    assert_allclose(one.draws, two.draws, rtol=1e-12)
    again = bootstrap(model, X, Y, n=6, random_state=np.random.RandomState(3))
    assert_array_equal(one.draws, again.draws)
    assert not np.allclose(one.draws, bootstrap(model, X, Y, n=6, random_state=4).draws)


def test_whole_clusters_are_drawn():
    model = SoftmaxRegression(C=1.0).fit(X, Y)
    result, draws = draw_of(model, X, Y, 0, groups=GROUPS)
    for weights in draws:
        of_groups = pd.Series(weights).groupby(GROUPS)
        assert (of_groups.nunique() == 1).all()
        assert of_groups.first().sum() == 23
    assert result.n_groups == 23
    assert "23 clusters" in repr(result)


def test_frequency_weights_are_rows_to_be_drawn_and_sampling_weights_stay_with_the_rows():
    counts = np.random.default_rng(0).integers(0, 4, len(Y))
    model = SoftmaxRegression(C=1.0).fit(X, Y, counts)
    _, draws = draw_of(model, X, Y, 0, sample_weight=counts)
    assert all(weights.sum() == counts.sum() for weights in draws)
    assert all((weights[counts == 0] == 0).all() for weights in draws)
    weights = uneven_weights(len(Y))
    model = SoftmaxRegression(C=1.0).fit(X, Y, weights)
    _, draws = draw_of(model, X, Y, 0, sample_weight=weights, weights_are="sampling")
    for drawn in draws:
        times = drawn[weights > 0] / weights[weights > 0]
        assert_allclose(times, np.round(times), atol=1e-9)
        assert_allclose(times.sum(), np.count_nonzero(weights))
    with pytest.raises(ValueError, match="weights_are='sampling'"):
        bootstrap(model, X, Y, weights)


def test_a_class_that_vanishes_from_a_draw_stays_and_is_left_out_of_its_intervals():
    labels = np.where(np.arange(len(Y)) == 0, 3, Y)
    model = SoftmaxRegression(C=1.0).fit(X, labels)
    result = bootstrap(model, X, labels, n=30, random_state=0)
    is_absent = np.isnan(result.draws).all(axis=2)
    assert 0 < is_absent[:, 3].sum() < 30
    assert not is_absent[:, :3].any()
    assert_array_equal(result.classes, [0, 1, 2, 3])
    assert np.isfinite(result.summary()).all(axis=None)
    assert f"3 in {is_absent[:, 3].sum()}" in repr(result)
    assert np.isfinite(result.conf_int(base=3)).all(axis=None)


def test_a_lasso_is_told_by_how_often_it_selects_each_feature():
    rng = np.random.default_rng(2)
    wide = np.column_stack([X_scaled(X), rng.normal(size=(len(Y), 3))])
    names = [f"f{j}" for j in range(7)]
    table = pd.DataFrame(wide, columns=names)
    model = SoftmaxRegression(penalty="l1", C=0.1).fit(table, Y)
    result = bootstrap(model, table, Y, n=25, random_state=0)
    assert list(result.selected.index) == names
    assert result.selected["f0"] == 1.0
    assert result.selected[["f4", "f5", "f6"]].max() < 0.6
    share = (result.draws[:, :, 1:] != 0.0).any(axis=1).mean(axis=0)
    assert_array_equal(result.selected, share)


@pytest.mark.parametrize("container", ["csr", "source", "frame", "float32"])
def test_every_container_gives_the_same(container):
    X, model = X_scaled(globals()["X"]), SoftmaxRegression(C=0.5, tol=1e-12)
    wanted = bootstrap(model.fit(X, Y), X, Y, n=4, random_state=0)
    given, y = {
        "csr": (sp.csr_array(X), Y),
        "frame": (pd.DataFrame(X, columns=list("abcd")), Y),
        "float32": (X.astype(np.float32), Y),
        "source": (FunctionSource(lambda: iter([(X[:70], Y[:70]), (X[70:], Y[70:])])), None),
    }[container]
    found = bootstrap(model.fit(given, y), given, y, n=4, random_state=0)
    assert_allclose(found.draws, wanted.draws, atol=1e-4 if container == "float32" else 1e-8)


def test_the_model_is_left_as_it_was_and_its_callbacks_are_not_called():
    def callback(progress):
        calls.append(progress.n_iter)

    calls = []
    model = SoftmaxRegression(C=1.0, callbacks=callback, verbose=0).fit(X, Y)
    before, n_calls = dict(vars(model)), len(calls)
    bootstrap(model, X, Y, n=2, random_state=0)
    assert len(calls) == n_calls
    assert all(vars(model)[name] is value for name, value in before.items())
    assert model.callbacks is callback


def test_draws_that_are_separated_are_warned_of():
    few = np.r_[0:12, 50:62]
    X, y = X_scaled(globals()["X"])[few, :2], Y[few]
    model = SoftmaxRegression(C=np.inf).fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"\d+ of 60 fits.*use a finite C") as caught:
        result = bootstrap(model, X, y, n=60, random_state=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert f"{result.converged.sum()} fits converged" in repr(result)


def test_what_cannot_be_drawn_is_refused():
    model = SoftmaxRegression(C=1.0).fit(X, Y)
    with pytest.raises(NotFittedError):
        bootstrap(SoftmaxRegression(), X, Y)
    with pytest.raises(ValueError, match="n must be a whole number of draws, at least 2, got 1"):
        bootstrap(model, X, Y, n=1)
    with pytest.raises(ValueError, match="75 rows"):
        bootstrap(model, X[::2], Y[::2])
    with pytest.raises(ValueError, match="one entry for each of the 150 rows"):
        bootstrap(model, X, Y, groups=GROUPS[:4])
    with pytest.raises(TypeError, match=r"Fit SoftmaxRegression\(C=search.C_"):
        bootstrap(SoftmaxRegressionCV(Cs=2, cv=2).fit(X, Y), X, Y)
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression()).fit(X, Y)
    with pytest.raises(TypeError, match=r"Pipeline.*pipeline\[:-1\].transform\(X\)"):
        bootstrap(pipeline, X, Y)
    result = bootstrap(model, X, Y, n=2, random_state=0)
    with pytest.raises(ValueError, match="base must be one of the classes"):
        result.conf_int(base=7)
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        result.summary(95)
    rows = [0, 60]
    tiny = SoftmaxRegression(C=1.0).fit(X[rows], Y[rows])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Refit, "_weights", lambda self, rng: np.array([2.0, 0.0]))
        with pytest.raises(ValueError, match="100 draws in a row had rows of one class only"):
            bootstrap(tiny, X[rows], Y[rows], n=2)
