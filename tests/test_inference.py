"""Standard errors, tests and marginal effects against their definitions, for all kinds of data."""

import pickle
import tracemalloc
from dataclasses import FrozenInstanceError

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from inference_oracle import (
    average_effects,
    covariance,
    derivatives,
    design,
    probabilities,
    scores_and_information,
)
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, uneven_weights
from scipy.special import softmax
from scipy.stats import chi2, norm

from softmax_reg import FunctionSource, NpySource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg.inference import covariance as covariance_module

X, Y = data("overlapping")
X2, Y2 = data("overlapping/two")
TABLES = {"three": (X, Y), "two": (X2, Y2)}
GROUPS = np.arange(len(Y)) * 7 % 23
KINDS = ["nonrobust", "HC0", "HC1", "cluster"]


def fitted(X, y, weights=None, **params):
    return SoftmaxRegression(C=np.inf, **{"tol": 1e-13} | params).fit(X, y, weights)


def inference(X, y, weights=None, *, params=None, **options):
    return fitted(X, y, weights, **params or {}).inference(X, y, weights, **options)


def options_of(kind, n=150):
    groups = np.arange(n) * 7 % 23 if kind == "cluster" else None
    return {"cov_type": kind, "groups": groups}


# Covariances


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TABLES)
def test_a_covariance_is_that_of_its_definition(name, kind, fit_intercept):
    X, y = TABLES[name]
    X = (X - X.mean(axis=0)) / X.std(axis=0) + 0.3  # for the plain formula
    model, options = fitted(X, y, fit_intercept=fit_intercept), options_of(kind, len(y))
    found = model.inference(X, y, **options)
    P = probabilities(X, model)
    wanted = covariance(X, y, P, kind=kind, groups=options["groups"], fit_intercept=fit_intercept)
    assert_allclose(found.cov, wanted, rtol=1e-8, atol=1e-10 * np.abs(wanted).max())
    assert_allclose(found.se, np.sqrt(np.diag(wanted)), rtol=1e-10)
    coef = model.coef_ if len(model.classes_) == 2 else model.coef_[1:] - model.coef_[0]
    assert_allclose(found.coef.to_numpy().reshape(coef.shape[0], -1)[:, int(fit_intercept) :], coef)


CONTAINERS = {
    "frame": lambda X: pd.DataFrame(X, columns=["a", "b", "c", "d"]),
    "fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_matrix,
    "source": lambda X: FunctionSource(lambda: iter([(X[:70], Y[:70]), (X[70:], Y[70:])])),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same(container, kind):
    wanted = inference(X, Y, **options_of(kind))
    given = CONTAINERS[container](X)
    y = None if container == "source" else Y
    model = fitted(given, y)
    before = X.copy()
    found = model.inference(given, y, **options_of(kind))
    assert_allclose(found.coef, wanted.coef, rtol=1e-8)
    assert_allclose(found.cov, wanted.cov, rtol=1e-7, atol=1e-8 * np.abs(wanted.cov).max().max())
    effects, others = found.marginal_effects(), wanted.marginal_effects()
    assert_allclose(effects.effect, others.effect, rtol=1e-7, atol=1e-10)
    assert_allclose(effects.se, others.se, rtol=1e-7)
    assert_allclose(found.loglik, wanted.loglik, rtol=1e-12)
    assert_array_equal(X, before)
    names = ["a", "b", "c", "d"] if container == "frame" else ["x0", "x1", "x2", "x3"]
    assert found.terms == ["intercept", *names]
    assert list(found.coef.index[:5]) == [(1, term) for term in found.terms]


def test_many_blocks_in_threads_and_clusters_in_parts_give_the_same(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 4))
    y = rng.integers(0, 3, 40_000)
    groups = rng.integers(0, 5_000, 40_000).astype(str)
    model = fitted(X, y)
    P = probabilities(X, model)
    whole = model.inference(X, y, cov_type="cluster", groups=groups)
    monkeypatch.setattr(covariance_module, "_CLUSTER_BYTES", 8 * 10 * 700)
    parts = model.inference(X, y, cov_type="cluster", groups=groups)
    assert whole.n_groups == parts.n_groups == len(np.unique(groups))
    assert_allclose(parts.cov, whole.cov, rtol=1e-10, atol=1e-20)
    A, R = design(X), P[:, 1:] - np.eye(3)[y][:, 1:]
    U = (R[:, :, np.newaxis] * A[:, np.newaxis, :]).reshape(len(y), -1)
    sums = pd.DataFrame(U).groupby(groups).sum().to_numpy()
    inverse = model.inference(X, y).cov.to_numpy()
    G = len(sums)
    wanted = G / (G - 1) * inverse @ sums.T @ sums @ inverse
    assert_allclose(whole.cov, wanted, rtol=1e-8, atol=1e-10 * np.abs(wanted).max())
    assert_allclose(
        model.inference(X, y, cov_type="HC0").cov,
        inverse @ U.T @ U @ inverse,
        rtol=1e-8,
        atol=1e-10 * np.abs(wanted).max(),
    )


def test_no_array_is_as_large_as_all_scores_of_all_rows():
    rng = np.random.default_rng(0)
    n, p, K = 60_000, 30, 5
    X, y, groups = rng.normal(size=(n, p)), rng.integers(0, K, n), rng.integers(0, n // 10, n)
    model = SoftmaxRegression(C=np.inf).fit(X, y)
    tracemalloc.start()
    try:
        found = model.inference(X, y, cov_type="cluster", groups=groups)
        found.marginal_effects()
        model.inference(X, y, cov_type="HC0").score_test(rng.normal(size=(n, 1)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * 8 * n * p * K


def test_a_float32_table_has_errors_in_float64_to_the_digits_of_its_coefficients():
    single = X.astype(np.float32)
    found = SoftmaxRegression(C=np.inf).fit(single, Y).inference(single, Y)
    wanted = inference(single.astype(np.float64), Y)
    assert found.cov.to_numpy().dtype == np.float64
    assert_allclose(found.se, wanted.se, rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("power", [-8, -4, 4, 8])
def test_features_in_other_units_have_the_same_errors_in_these(power, kind):
    units = 10.0 ** (power * np.array([1.0, -1.0, 0.5, 1.0]))
    there = inference(X, Y, **options_of(kind))
    here = inference(X * units, Y, **options_of(kind))
    factors = np.tile(np.append(1.0, units), 2)
    assert_allclose(here.se * factors, there.se, rtol=1e-10)
    assert_allclose(here.summary()["z"], there.summary()["z"], rtol=1e-8)
    effects, others = here.marginal_effects(), there.marginal_effects()
    assert_allclose(effects.se.to_numpy() * np.tile(units, 3), others.se, rtol=1e-10)


@pytest.mark.parametrize("power", [-24, 27])
def test_powers_of_two_change_no_digit_of_the_errors(power):
    model = fitted(X, Y)
    there = model.inference(X, Y)
    scaled = fitted(X, Y)
    scaled.coef_ = model.coef_ / 2.0**power
    here = scaled.inference(X * 2.0**power, Y)
    factors = np.tile(np.append(1.0, np.full(4, 2.0**power)), 2)
    assert_allclose(here.se * factors, there.se, rtol=1e-13)


def test_a_large_mean_takes_no_digits_of_the_errors_of_slopes():
    far = X + np.array([1e6, 0.0, 0.0, -1e5])
    assert_allclose(
        inference(far, Y).se.unstack()[["x0", "x1", "x2", "x3"]],
        inference(X, Y).se.unstack()[["x0", "x1", "x2", "x3"]],
        rtol=1e-7,
    )


# The class that others are compared with


@pytest.mark.parametrize("kind", KINDS)
def test_another_base_is_another_view_of_the_same(kind):
    labels = np.array(["north", "east", "south"])[Y]
    first = inference(X, labels, **options_of(kind))
    assert first.base == "east"
    assert_array_equal(first.classes, ["east", "north", "south"])
    other = first.with_base("south")
    asked = inference(X, labels, base="south", **options_of(kind))
    assert_allclose(other.cov, asked.cov, rtol=1e-12)
    assert_allclose(other.coef["east"], -first.coef["south"], rtol=1e-12)
    assert_allclose(other.se["east"], first.se["south"], rtol=1e-12)
    assert_allclose(other.coef["north"], first.coef["north"] - first.coef["south"], rtol=1e-9)
    back = other.with_base("east")
    assert_allclose(back.cov, first.cov, rtol=1e-12)
    assert_allclose(
        first.wald_test(["x0", "x2"]).statistic, other.wald_test(["x0", "x2"]).statistic, rtol=1e-9
    )
    assert_array_equal(first.marginal_effects().se, other.marginal_effects().se)
    assert first.summary().index.unique("class").tolist() == ["north", "south"]


def test_the_order_of_the_classes_changes_nothing():
    found, other = inference(X, Y, base=2), inference(X, 2 - Y, base=0)
    assert_allclose(found.se[0], other.se[2], rtol=1e-10)
    assert_allclose(found.coef[1], other.coef[1], rtol=1e-9)


def test_two_classes_from_either_side_differ_in_sign():
    found = inference(X2, Y2)
    other = found.with_base(1)
    assert_allclose(other.coef[0], -found.coef[1])
    assert_allclose(other.cov, found.cov)


# Weights


@pytest.mark.parametrize("kind", KINDS)
def test_frequency_weights_are_repeated_rows(kind):
    counts = np.random.default_rng(3).integers(0, 4, len(Y))
    options = options_of(kind)
    found = inference(X, Y, counts, **options)
    groups = None if options["groups"] is None else np.repeat(options["groups"], counts)
    X_all, y_all = np.repeat(X, counts, axis=0), np.repeat(Y, counts)
    wanted = inference(X_all, y_all, cov_type=kind, groups=groups)
    assert found.n_obs == wanted.n_obs == counts.sum()
    assert_allclose(found.cov, wanted.cov, rtol=1e-7, atol=1e-9 * np.abs(wanted.cov).max().max())
    for name in ("loglik", "loglik_null", "aic", "bic", "pseudo_r2", "pseudo_r2_adjusted"):
        assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-10)
    for at in ("average", "mean", "median"):
        effects, others = found.marginal_effects(at), wanted.marginal_effects(at)
        assert_allclose(effects.effect, others.effect, rtol=1e-7, atol=1e-10)
        assert_allclose(effects.se, others.se, rtol=1e-7)
    more = np.random.default_rng(4).normal(size=(len(Y), 2))
    assert_allclose(
        found.score_test(more).statistic,
        wanted.score_test(np.repeat(more, counts, axis=0)).statistic,
        rtol=1e-6,
    )


def test_sampling_weights_have_robust_errors_whatever_their_scale():
    weights = uneven_weights(len(Y))
    model = fitted(X, Y, weights)
    found = model.inference(X, Y, weights, weights_are="sampling")
    P = probabilities(X, model)
    has_weight = (weights > 0.0).astype(float)
    for kind in ("HC0", "HC1", "cluster"):
        given = model.inference(X, Y, weights, weights_are="sampling", **options_of(kind))
        wanted = covariance(
            X, Y, P, weights=weights, counts=has_weight, kind=kind, groups=GROUPS
        )  # fmt: skip
        if kind == "cluster":  # of a group whose rows have no weight there is nothing
            G = len(np.unique(GROUPS[weights > 0]))
            everyone = len(np.unique(GROUPS))
            wanted *= G / (G - 1) / (everyone / (everyone - 1))
        assert_allclose(given.se, np.sqrt(np.diag(wanted)), rtol=1e-6)
    assert found.cov_type == "HC1"
    assert found.n_obs == has_weight.sum()
    scaled = fitted(X, Y, 1e3 * weights).inference(X, Y, 1e3 * weights, weights_are="sampling")
    assert_allclose(scaled.se, found.se, rtol=1e-7)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 2.0, 1: 0.5}])
def test_class_weights_have_robust_errors_and_effects_of_the_population(class_weight):
    keep = np.flatnonzero((Y < 2) | (np.arange(len(Y)) % 2 == 0))
    X_some, y = X[keep], Y[keep]
    model = fitted(X_some, y, class_weight=class_weight)
    found = model.inference(X_some, y)
    assert found.cov_type == "HC1"
    of_class = {0: 2.0, 1: 0.5, 2: 1.0}
    if class_weight == "balanced":
        of_class = {k: len(y) / (3 * np.sum(y == k)) for k in range(3)}
    weights = np.array([of_class[k] for k in y])
    P = probabilities(X_some, model)
    wanted = covariance(X_some, y, P, weights=weights, kind="HC1")
    assert_allclose(found.se, np.sqrt(np.diag(wanted)), rtol=1e-6)
    theta = np.column_stack([model.intercept_, model.coef_])
    effects = average_effects(theta, X_some, np.ones(len(y)))
    assert_allclose(found.marginal_effects().effect, effects.ravel(), rtol=1e-7, atol=1e-12)


def test_a_class_without_weight_takes_no_part():
    labels = np.where(np.arange(len(Y)) % 30 == 0, 3, Y)
    weights = (labels < 3).astype(float)
    found = inference(X, labels, weights)
    wanted = inference(X[labels < 3], labels[labels < 3])
    assert_array_equal(found.classes, [0, 1, 2])
    assert_allclose(found.cov, wanted.cov, rtol=1e-7, atol=1e-12)
    assert_allclose(found.marginal_effects().se, wanted.marginal_effects().se, rtol=1e-7)
    only_two = (labels < 2).astype(float)
    pair = inference(X, labels, only_two, base=1)
    wanted = inference(X[labels < 2], labels[labels < 2], base=1)
    assert_allclose(pair.cov, wanted.cov, rtol=1e-7, atol=1e-12)
    assert_array_equal(pair.classes, [0, 1])


# Numbers of the likelihood, and tests


def test_the_numbers_of_the_fit_are_those_of_their_formulas():
    model = fitted(X, Y)
    found = model.inference(X, Y)
    loglik = np.log(probabilities(X, model)[np.arange(len(Y)), Y]).sum()
    n, k = len(Y), 10
    assert_allclose(found.loglik, loglik)
    assert_allclose(found.loglik_null, -n * np.log(3))
    assert (found.n_obs, found.df) == (n, k)
    assert_allclose(found.aic, 2 * k - 2 * loglik)
    assert_allclose(found.bic, k * np.log(n) - 2 * loglik)
    assert_allclose(found.pseudo_r2, 1 - loglik / (-n * np.log(3)))
    assert_allclose(found.pseudo_r2_adjusted, 1 - (loglik - k) / (-n * np.log(3)))
    test = found.lr_test()
    assert_allclose(test.statistic, 2 * (loglik + n * np.log(3)))
    assert (test.df, test.p) == (8, chi2.sf(test.statistic, 8))


def test_a_model_without_intercept_has_equal_probabilities_as_its_null_model():
    uneven = np.where(np.arange(len(Y)) % 4 == 0, 0, Y)
    found = inference(X, uneven, params={"fit_intercept": False})
    assert_allclose(found.loglik_null, -len(Y) * np.log(3))
    assert found.lr_test().df == found.df == 8
    assert found.terms == ["x0", "x1", "x2", "x3"]
    assert_allclose(found.deviations, X.std(axis=0))


def test_intervals_and_risk_ratios_are_those_of_the_normal_distribution():
    found = inference(X, Y)
    table = found.summary(0.9)
    reach = norm.ppf(0.95)
    assert list(table) == ["coef", "se", "z", "p", "lower", "upper"]
    assert_allclose(table["lower"], found.coef - reach * found.se)
    assert_allclose(table["z"], found.coef / found.se)
    assert_allclose(table["p"], 2 * norm.sf(np.abs(found.coef / found.se)))
    limits = found.conf_int(0.9)
    assert_allclose(limits["upper"], table["upper"])
    ratios = found.relative_risk_ratios(0.9)
    assert list(ratios) == ["rrr", "lower", "upper"]
    assert_allclose(ratios["rrr"], np.exp(found.coef))
    assert_allclose(ratios["lower"], np.exp(limits["lower"]))


def test_a_wald_test_is_the_quadratic_form():
    found = inference(X, Y)
    places = [1, 3, 6, 8]  # x0 and x2 of both classes
    coef, cov = found.coef.to_numpy()[places], found.cov.to_numpy()[np.ix_(places, places)]
    test = found.wald_test(["x0", "x2"])
    assert_allclose(test.statistic, coef @ np.linalg.solve(cov, coef), rtol=1e-8)
    assert (test.df, test.p) == (4, chi2.sf(test.statistic, 4))
    R = np.zeros((1, 10))
    R[0, 1], R[0, 6] = 1.0, -1.0  # x0 has the same effect on both classes
    test = found.wald_test(R)
    variance = (R @ found.cov.to_numpy() @ R.T).item()
    assert_allclose(test.statistic, (R @ found.coef.to_numpy()).item() ** 2 / variance, rtol=1e-9)
    assert_allclose(found.wald_test(R[0]).statistic, test.statistic)
    one = inference(X2, Y2)
    assert_allclose(one.wald_test("x1").statistic, one.summary()["z"][1, "x1"] ** 2)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("sparse", [False, True])
def test_a_score_test_is_that_of_its_definition(name, kind, sparse):
    X, y = TABLES[name]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    smaller = fitted(X[:, :2], y)
    options = options_of(kind, len(y))
    more = sp.csr_array(X[:, 2:]) if sparse else X[:, 2:]
    found = smaller.inference(X[:, :2], y, **options).score_test(more)
    P = probabilities(X[:, :2], smaller)
    K, n_new, q = P.shape[1], X.shape[1] - 2, X.shape[1] + 1
    U, information = scores_and_information(X, y, P, np.ones(len(y)), 0)
    new = np.concatenate([k * q + np.arange(3, q) for k in range(K - 1)])
    old = np.setdiff1d(np.arange((K - 1) * q), new)
    C = np.zeros((len(new), (K - 1) * q))
    C[:, old] = -information[np.ix_(new, old)] @ np.linalg.inv(information[np.ix_(old, old)])
    C[np.arange(len(new)), new] = 1.0
    if kind == "nonrobust":
        V = C @ information @ C.T
    else:
        groups = options["groups"]
        sums = U if groups is None else np.array([U[groups == g].sum(0) for g in range(23)])
        n, k = len(y), len(old)
        factor = {"HC0": 1.0, "HC1": n / (n - k), "cluster": 23 / 22}[kind]
        V = factor * C @ sums.T @ sums @ C.T
    total = C @ U.sum(axis=0)
    assert_allclose(found.statistic, total @ np.linalg.solve(V, total), rtol=1e-6)
    assert found.df == (K - 1) * n_new


def test_the_three_tests_agree_where_there_is_little_to_find():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(5000, 3))
    y = rng.integers(0, 3, 5000)
    larger, smaller = inference(X, y), inference(X[:, :1], y)
    tests = [larger.wald_test(["x1", "x2"]), larger.lr_test(smaller), smaller.lr_test(larger)]
    tests += [smaller.score_test(X[:, 1:])]
    assert {test.df for test in tests} == {4}
    assert_allclose([test.statistic for test in tests], tests[0].statistic, rtol=0.01)
    assert "x1, x2" in repr(tests[1])


def test_more_features_of_a_source_are_tested_as_well():
    source = FunctionSource(lambda: iter([(X[:70, :2], Y[:70]), (X[70:, :2], Y[70:])]))
    found = fitted(source, None).inference(source).score_test(X[:, 2:])
    wanted = inference(X[:, :2], Y).score_test(X[:, 2:])
    assert_allclose(found.statistic, wanted.statistic, rtol=1e-6)


# Marginal effects


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", TABLES)
def test_effects_and_their_errors_are_those_of_finite_differences(name, fit_intercept):
    X, y = TABLES[name]
    X = (X - X.mean(axis=0)) / X.std(axis=0) + 0.3
    found = inference(X, y, params={"fit_intercept": fit_intercept})
    K, first = len(found.classes), int(fit_intercept)
    q = X.shape[1] + first
    theta = np.vstack([np.zeros(q), found.coef.to_numpy().reshape(K - 1, q)])
    weights = np.ones(len(y))

    def effects_of(free):
        whole = np.vstack([np.zeros(q), free.reshape(K - 1, q)])
        return average_effects(whole, X, weights, fit_intercept)

    def mean_proba(shift):
        return softmax(design(X + shift, fit_intercept) @ theta.T, axis=1).mean(axis=0)

    effects = found.marginal_effects()
    by_feature = derivatives(mean_proba, np.zeros(X.shape[1]), 1e-3)
    assert_allclose(effects.effect.to_numpy().reshape(K, -1), by_feature, atol=1e-9)
    J = derivatives(effects_of, theta[1:].ravel(), 1e-3)
    cov = J @ found.cov.to_numpy() @ J.T
    assert_allclose(effects.cov, cov, rtol=1e-8, atol=1e-8 * np.abs(cov).max())
    assert_allclose(effects.se, np.sqrt(np.diag(cov)), rtol=1e-8)
    assert_allclose(effects.effect.groupby("term").sum(), 0.0, atol=1e-12)


@pytest.mark.parametrize("name", TABLES)
def test_a_change_from_one_value_to_another_has_the_error_of_finite_differences(name):
    X, y = TABLES[name]
    found = inference(X, y)
    K, q = len(found.classes), X.shape[1] + 1
    start, end = X.copy(), X.copy()
    start[:, 1], end[:, 1] = 95.0, 130.0

    def change(free):
        theta = np.vstack([np.zeros(q), free.reshape(K - 1, q)])
        P, Q = (softmax(design(Z) @ theta.T, axis=1) for Z in (start, end))
        return (Q - P).mean(axis=0)

    effects = found.marginal_effects(discrete={"x1": (95, 130)})
    J = derivatives(change, found.coef.to_numpy(), 1e-4)
    cov = J @ found.cov.to_numpy() @ J.T
    assert_allclose(effects.effect.xs("x1", level="term"), change(found.coef.to_numpy()), rtol=1e-8)
    assert_allclose(effects.se.xs("x1", level="term"), np.sqrt(np.diag(cov)), rtol=1e-6)
    others = found.marginal_effects()
    assert_allclose(effects.effect.xs("x0", level="term"), others.effect.xs("x0", level="term"))
    assert "x1: 95 to 130" in repr(effects)


def test_effects_at_the_mean_the_median_and_at_given_rows_are_those_of_one_row():
    found = inference(X, Y)
    for at, row in (("mean", X.mean(axis=0)), ("median", np.median(X, axis=0))):
        there, here = found.marginal_effects(at), found.marginal_effects([row])
        assert_allclose(there.effect, here.effect, rtol=1e-10)
        assert_allclose(there.se, here.se, rtol=1e-10)
    of_sparse = inference(sp.csr_array(X), Y).marginal_effects("median")
    assert_allclose(of_sparse.se, found.marginal_effects("median").se, rtol=1e-6)
    rows = [found.marginal_effects(X[[i]]).effect for i in range(3)]
    assert_allclose(found.marginal_effects(X[:3]).effect, np.mean(rows, axis=0), rtol=1e-10)
    whole = found.marginal_effects(X)
    assert_allclose(whole.se, found.marginal_effects().se, rtol=1e-10)
    without = inference(X, Y, params={"fit_intercept": False})
    assert_allclose(
        without.marginal_effects("mean").se, without.marginal_effects([X.mean(axis=0)]).se
    )


def test_a_later_fit_of_the_model_does_not_change_what_was_found():
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = fitted(frame, Y)
    found = model.inference(frame, Y)
    before = found.marginal_effects("mean").effect
    model.fit(X2, Y2)
    assert_array_equal(
        found.marginal_effects(frame.iloc[:5]).effect.index.unique("term"), list("abcd")
    )
    assert_array_equal(found.marginal_effects("mean").effect, before)


# Penalised fits


@pytest.mark.parametrize("params", [{}, {"standardize": True}, {"penalty_factor": [1, 0, 2, 1]}])
@pytest.mark.parametrize("name", TABLES)
def test_the_posterior_under_a_ridge_is_the_inverse_of_its_curvature(name, params):
    X, y = TABLES[name]
    X = (X - X.mean(axis=0)) / X.std(axis=0) * [1.0, 2.0, 0.5, 1.0][: X.shape[1]]
    if "penalty_factor" in params:
        params = {"penalty_factor": params["penalty_factor"][: X.shape[1]]}
    model = SoftmaxRegression(C=0.3, tol=1e-13, **params).fit(X, y)
    found = model.inference(X, y, penalised="laplace")
    K, q = len(model.classes_), X.shape[1] + 1
    P, A = probabilities(X, model), design(X)
    H = np.zeros((K * q, K * q))
    for a, p in zip(A, P, strict=True):
        H += np.kron(np.diag(p) - np.outer(p, p), np.outer(a, a))
    ridge = np.append(0.0, np.asarray(params.get("penalty_factor", np.ones(q - 1)), float) / 0.3)
    if "standardize" in params:
        ridge[1:] *= X.var(axis=0)
    if K == 2:  # one vector has the ridge
        wanted = np.linalg.inv(H[q:, q:] + np.diag(ridge))
        assert found.base == 0
    else:
        wanted = np.linalg.pinv(H + np.diag(np.tile(ridge, K)), rcond=1e-11)
        assert found.base is None
        assert_allclose(found.coef.unstack().iloc[:, 1:].sum(), 0.0, atol=1e-7)
    assert_allclose(found.cov, wanted, rtol=1e-6, atol=1e-7 * np.abs(wanted).max())
    assert list(found.summary()) == ["coef", "posterior sd", "lower", "upper"]
    effects = found.marginal_effects()
    assert "p" not in effects.summary()
    assert_allclose(found.with_base(1).marginal_effects().se, effects.se, rtol=1e-9)
    assert "posterior" in repr(found)


def test_contrasts_of_a_posterior_are_those_of_its_coefficients():
    model = SoftmaxRegression(C=1.0, tol=1e-12).fit(X, Y)
    whole = model.inference(X, Y, penalised="laplace")
    found = model.inference(X, Y, penalised="laplace", base=2)
    coef, cov = whole.coef.unstack(), whole.cov
    assert_allclose(found.coef[0]["x1"], coef["x1"][0] - coef["x1"][2])
    a, c = (0, "x1"), (2, "x1")
    variance = cov.loc[a, a] + cov.loc[c, c] - 2 * cov.loc[a, c]
    assert_allclose(found.se[0]["x1"] ** 2, variance, rtol=1e-8)


def test_a_search_that_chose_no_penalty_has_errors():
    search = SoftmaxRegressionCV(Cs=[np.inf], cv=3, tol=1e-12).fit(X, Y)
    assert_allclose(search.inference(X, Y).se, inference(X, Y).se, rtol=1e-6)


# How it looks


def test_the_table_prints_the_facts_of_the_fit_on_top_and_is_a_data_frame():
    found = inference(pd.DataFrame(X, columns=list("abcd")), np.array(["u", "v", "w"])[Y])
    table = found.summary()
    assert isinstance(table, pd.DataFrame)
    assert type(table[["coef"]]) is pd.DataFrame
    text = repr(found)
    for words in ("rows", "150", "against u", "log-likelihood", "LR test", "pseudo R2", "AIC, BIC"):
        assert words in text.partition("coef ")[0]
    assert text == repr(table) == repr(pickle.loads(pickle.dumps(found)))
    assert repr(pickle.loads(pickle.dumps(table))) == text
    assert table._repr_html_().count("<table") == found._repr_html_().count("<table") == 2
    assert "<0.001" in repr(inference(X[:, :1], Y).summary())
    assert "&lt;0.001" in inference(X[:, :1], Y)._repr_html_()
    clustered = inference(X, Y, **options_of("cluster"))
    assert "23 clusters" in repr(clustered)
    with pytest.raises(AttributeError):
        found.df = 3


def test_a_file_of_rows_is_read_as_often_as_needed(tmp_path):
    source = NpySource.write(
        tmp_path / "rows", FunctionSource(lambda: iter([(X[:80], Y[:80]), (X[80:], Y[80:])]))
    )
    found = fitted(source, None).inference(source, cov_type="HC1")
    assert_allclose(found.se, inference(X, Y, cov_type="HC1").se, rtol=1e-6)


@pytest.mark.slow
def test_intervals_of_95_percent_hold_the_truth_in_95_percent_of_the_draws():
    rng = np.random.default_rng(5)
    theta = np.array([[0.0, 0.0, 0.0], [0.3, 0.8, -0.4], [-0.5, 0.2, 0.6]])
    hits = {kind: [] for kind in ("nonrobust", "HC0", "HC1")}
    for _ in range(500):
        X = rng.normal(size=(600, 2))
        P = softmax(design(X) @ theta.T, axis=1)
        y = (P.cumsum(axis=1) > rng.random((600, 1))).argmax(axis=1)
        model = SoftmaxRegression(C=np.inf).fit(X, y)
        for kind, found in hits.items():
            limits = model.inference(X, y, cov_type=kind).conf_int().to_numpy()
            truth = theta[1:].ravel()
            found.append((limits[:, 0] <= truth) & (truth <= limits[:, 1]))
    for kind, found in hits.items():
        assert abs(np.mean(found) - 0.95) <= 0.02, kind


def test_results_cannot_be_changed():
    results = inference(X, Y), inference(X, Y).marginal_effects()
    for result in results:
        with pytest.raises(FrozenInstanceError):
            result.level = 0.5
