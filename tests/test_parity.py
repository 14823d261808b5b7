"""Every solver reaches the optimum that LogisticRegression, and a Newton method, agree on."""

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose
from objectives import DETERMINISTIC, HANDLES_L1, STOCHASTIC
from problems import (
    LOADERS,
    all_scores,
    centred,
    data,
    newton,
    optimum,
    penalised_loss,
    relative_error,
    uneven_weights,
)
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from softmax_reg import SoftmaxRegression

EVERY_SET = [name + scaling for name in LOADERS for scaling in ("", "/std")]
SMALL_SETS = [name for name in EVERY_SET if not name.startswith("digits")]
CONTAINERS = {"csr": sp.csr_array, "csc": sp.csc_array, "csr-matrix": sp.csr_matrix}

each_deterministic_solver = pytest.mark.parametrize("solver", DETERMINISTIC)
each_stochastic_solver = pytest.mark.parametrize("solver", STOCHASTIC)
INTERCEPT = {"intercept": True, "none": False}


def slow(*parameters):
    """Return parameters that are left to the full set."""
    return [
        pytest.param(*(each if isinstance(each, tuple) else [each]), marks=pytest.mark.slow)
        for each in parameters
    ]


def fitted(solver, X, y, sample_weight=None, *, tol=1e-10, **params):
    return SoftmaxRegression(solver=solver, tol=tol, max_iter=10_000, random_state=0, **params).fit(
        X, y, sample_weight
    )


def assert_optimal(model, X, y, best, *, sample_weight=None, objective=1e-9, coefficients=1e-4):
    value = penalised_loss(X, y, model.coef_, model.intercept_, model.C, 0.0, sample_weight)
    assert value <= best.value * (1.0 + objective)
    assert relative_error(model, best) < coefficients
    assert model.converged_


def assert_nearly_optimal(model, X, y, best, sample_weight=None):
    value = penalised_loss(X, y, model.coef_, model.intercept_, model.C, 0.0, sample_weight)
    assert value <= best.value * (1.0 + 1e-3)


@pytest.mark.parametrize("name", EVERY_SET)
@each_deterministic_solver
def test_every_set_is_fitted_to_the_optimum_as_it_is_and_standardised(name, solver):
    X, y = data(name)
    assert_optimal(fitted(solver, X, y), X, y, optimum(name))


@covering(name=SMALL_SETS, C=[1e-3, 1e3], fit_intercept=INTERCEPT, solver=DETERMINISTIC)
def test_a_strong_and_a_weak_penalty_are_fitted_to_the_optimum(name, C, fit_intercept, solver):
    X, y = data(name)
    model = fitted(solver, X, y, C=C, fit_intercept=fit_intercept)
    assert_optimal(model, X, y, optimum(name, C, fit_intercept))
    if not fit_intercept:
        assert not model.intercept_.any()


@pytest.mark.slow
@covering(name=["digits/third", "digits/std"], C=[1e-3, 1e3], solver=DETERMINISTIC)
def test_digits_are_fitted_to_the_optimum_under_a_strong_and_a_weak_penalty(name, C, solver):
    X, y = data(name)
    # At C = 1e3 the loss is some 1e-3: what is left of it must be small beside that.
    assert_optimal(fitted(solver, X, y, C=C, tol=1e-12), X, y, optimum(name, C))


@covering(name=["overlapping", "overlapping/two"], fit_intercept=INTERCEPT, solver=DETERMINISTIC)
def test_without_a_penalty_the_maximum_of_the_likelihood_is_found(name, fit_intercept, solver):
    X, y = data(name)
    model = fitted(solver, X, y, C=np.inf, fit_intercept=fit_intercept)
    assert_optimal(model, X, y, optimum(name, np.inf, fit_intercept))


@pytest.mark.parametrize("name", EVERY_SET)
def test_the_default_estimator_converges_on_every_set_within_1e_6(name):
    X, y = data(name)
    assert_optimal(SoftmaxRegression().fit(X, y), X, y, optimum(name), objective=1e-6)


@pytest.mark.parametrize("name", [*SMALL_SETS, *slow("digits", "digits/std")])
@each_stochastic_solver
def test_a_stochastic_solver_comes_within_1e_3_of_the_optimum(name, solver):
    X, y = data(name)
    assert_nearly_optimal(fitted(solver, X, y, tol=1e-5), X, y, optimum(name))


@pytest.mark.parametrize(
    ("name", "C", "fit_intercept"),
    [
        ("wine", 1e-3, True),
        ("wine/std", 1e3, True),
        ("breast_cancer", 1e3, False),
        ("iris", 1e-3, False),
        *slow(("digits/third/std", 1e-3, True)),
        ("overlapping", np.inf, True),
        ("overlapping/two", np.inf, True),
    ],
)
@each_stochastic_solver
def test_a_stochastic_solver_comes_close_for_any_penalty(name, C, fit_intercept, solver):
    X, y = data(name)
    model = fitted(solver, X, y, C=C, fit_intercept=fit_intercept, tol=1e-6)
    assert_nearly_optimal(model, X, y, optimum(name, C, fit_intercept))


@covering(
    name=["iris/std", "wine/std", "breast_cancer/std", "digits/std"],
    C=[1e-3, 1.0],
    fit_intercept=INTERCEPT,
)
def test_logistic_regression_agrees_where_it_converges(name, C, fit_intercept):
    X, y = data(name)
    theirs = LogisticRegression(
        C=C, fit_intercept=fit_intercept, solver="newton-cholesky", tol=1e-12, max_iter=200
    ).fit(X, y)
    ours = fitted("auto", X, y, C=C, fit_intercept=fit_intercept)
    for mine, other in zip(
        centred(ours.coef_, ours.intercept_), centred(theirs.coef_, theirs.intercept_), strict=True
    ):
        assert_allclose(mine, other, rtol=1e-5, atol=1e-8)
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == theirs.intercept_.shape
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-5, atol=1e-10)
    assert_allclose(np.asarray(ours.decision_function(X)).shape, theirs.decision_function(X).shape)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))


@pytest.mark.parametrize("name", ["overlapping", "overlapping/two"])
def test_logistic_regression_without_a_penalty_agrees(name):
    X, y = data(name)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    theirs = LogisticRegression(C=np.inf, solver="lbfgs", tol=1e-8, max_iter=1000).fit(X, y)
    ours = fitted("auto", X, y, C=np.inf)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


WEIGHTINGS = {
    "sample-weight": (None, True),
    "balanced": ("balanced", False),
    "dict": ({0: 0.3, 1: 5.0}, False),
    "balanced-sample-weight": ("balanced", True),
    "dict-sample-weight": ({1: 7.5}, True),
}


def effective_weights(y, class_weight, sample_weight):
    """Return s = sample_weight * class_weight, as the documentation defines them."""
    s = np.ones(len(y)) if sample_weight is None else sample_weight
    if class_weight == "balanced":
        totals = np.array([s[y == k].sum() for k in np.unique(y)])
        return s * (s.sum() / (len(totals) * totals))[y]
    return s * np.array([(class_weight or {}).get(k, 1.0) for k in y])


@covering(name=["iris", "wine/std", "breast_cancer"], weighting=WEIGHTINGS, solver=DETERMINISTIC)
def test_weights_of_classes_and_samples_enter_the_optimum(name, weighting, solver):
    (class_weight, weighted), (X, y) = weighting, data(name)
    sample_weight = uneven_weights(len(y)) if weighted else None
    s = effective_weights(y, class_weight, sample_weight)
    model = fitted(solver, X, y, sample_weight, class_weight=class_weight)
    assert_optimal(model, X, y, newton(X, y, sample_weight=s), sample_weight=s)


@pytest.mark.parametrize(("class_weight", "weighted"), WEIGHTINGS.values(), ids=list(WEIGHTINGS))
@each_stochastic_solver
def test_a_stochastic_solver_heeds_weights(class_weight, weighted, solver):
    X, y = data("wine")
    sample_weight = uneven_weights(len(y)) if weighted else None
    s = effective_weights(y, class_weight, sample_weight)
    model = fitted(solver, X, y, sample_weight, class_weight=class_weight, tol=1e-6)
    assert_nearly_optimal(model, X, y, newton(X, y, sample_weight=s), s)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.3, 2: 5.0}], ids=["balanced", "dict"])
def test_logistic_regression_weighs_classes_and_samples_alike(class_weight):
    X, y = data("wine/std")
    weights = uneven_weights(len(y))
    weights[weights == 0.0] = 0.5
    theirs = LogisticRegression(
        class_weight=class_weight, solver="newton-cholesky", tol=1e-12, max_iter=200
    )
    if class_weight == "balanced":  # scikit-learn counts rows there before 1.8, weights since
        weights = None
    theirs.fit(X, y, weights)
    ours = fitted("auto", X, y, weights, class_weight=class_weight)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6, atol=1e-10)


@covering(
    name=["wine", "breast_cancer/std"],
    container=CONTAINERS,
    fit_intercept=INTERCEPT,
    solver=DETERMINISTIC,
)
def test_sparse_rows_are_fitted_to_the_optimum(name, container, fit_intercept, solver):
    X, y = data(name)
    model = fitted(solver, container(X), y, fit_intercept=fit_intercept)
    assert_optimal(model, X, y, optimum(name, 1.0, fit_intercept))


@pytest.mark.slow
@pytest.mark.parametrize("container", CONTAINERS)
@each_deterministic_solver
def test_digits_as_sparse_rows_are_fitted_to_the_optimum(container, solver):
    X, y = data("digits/third")
    assert_optimal(fitted(solver, CONTAINERS[container](X), y), X, y, optimum("digits/third"))


@pytest.mark.parametrize("container", CONTAINERS)
@each_stochastic_solver
def test_a_stochastic_solver_takes_sparse_rows(container, solver):
    X, y = data("wine")
    model = fitted(solver, CONTAINERS[container](X), y, tol=1e-6)
    assert_nearly_optimal(model, X, y, optimum("wine"))


@pytest.mark.parametrize("name", [*SMALL_SETS, *slow("digits/third", "digits/third/std")])
@pytest.mark.parametrize("solver", [*DETERMINISTIC, *STOCHASTIC])
def test_float32_is_fitted_as_well_as_it_allows(name, solver):
    X, y = (np.asarray(part) for part in data(name))
    X = X.astype(np.float32)
    model = fitted(solver, X, y)
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    assert model.predict_proba(X).dtype == np.float32
    best = optimum(name)
    value = penalised_loss(X, y, model.coef_, model.intercept_)
    assert value <= best.value * (1.0 + (1e-3 if solver in STOCHASTIC else 1e-5))


# An L1 norm has a certificate of its own.


def distance_to_optimum_of_l1(X, y, model):
    """Return by how much the optimality conditions fail at most, in units of the L1 weight."""
    l1 = model.l1_ratio / (model.C * len(y))
    l2 = (1.0 - model.l1_ratio) / (model.C * len(y))
    P = softmax(all_scores(X, model.coef_, model.intercept_), axis=1)
    R = (P - np.eye(P.shape[1])[y]) / len(y)
    R = R[:, P.shape[1] - len(model.coef_) :]
    G, W = R.T @ X + l2 * model.coef_, model.coef_
    violation = np.where(W == 0.0, np.maximum(np.abs(G) - l1, 0.0), np.abs(G + l1 * np.sign(W)))
    return max(violation.max(), np.abs(R.sum(axis=0)).max()) / l1


@covering(
    name=["iris/std", "wine/std", "breast_cancer/std"],
    l1_ratio=[0.3, 1.0],
    C=[0.1, 1.0],
    solver=["auto", *(s for s in HANDLES_L1 if s not in STOCHASTIC)],
)
def test_an_l1_norm_is_fitted_to_its_optimality_conditions(name, l1_ratio, C, solver):
    X, y = data(name)
    model = fitted(solver, X, y, C=C, l1_ratio=l1_ratio)
    assert model.converged_
    assert distance_to_optimum_of_l1(X, y, model) < 1e-6
    if l1_ratio / C >= 3.0:
        assert (model.coef_ == 0.0).any()


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_an_l1_norm_is_fitted_on_features_as_they_are(name):
    X, y = data(name)
    model = fitted("auto", X, y, l1_ratio=0.5)
    assert model.converged_
    assert distance_to_optimum_of_l1(X, y, model) < 1e-4


@pytest.mark.parametrize("name", ["iris/std", "wine/std", "breast_cancer"])
@pytest.mark.parametrize("solver", [s for s in HANDLES_L1 if s in STOCHASTIC])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_stochastic_solver_takes_an_l1_norm(name, solver):
    X, y = data(name)
    values = []
    for method in (solver, "auto"):
        model = fitted(method, X, y, C=0.1, l1_ratio=0.9, tol=1e-6)
        values.append(penalised_loss(X, y, model.coef_, model.intercept_, 0.1, 0.9))
    assert values[0] <= values[1] * (1.0 + 1e-3)


@pytest.mark.parametrize("name", ["iris/std", "wine/std"])
def test_saga_agrees_on_the_elastic_net(name):
    X, y = data(name)
    saga = {"solver": "saga", "tol": 1e-9, "max_iter": 100_000, "random_state": 0}
    theirs = LogisticRegression(C=0.3, l1_ratio=0.5, **saga, **elastic_net()).fit(X, y)
    ours = fitted("auto", X, y, C=0.3, l1_ratio=0.5)
    value, best = (
        penalised_loss(X, y, model.coef_, model.intercept_, 0.3, 0.5) for model in (ours, theirs)
    )
    assert value <= best * (1.0 + 1e-9)
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def elastic_net():
    """Return how this release of scikit-learn is asked for an elastic net."""
    default = LogisticRegression().get_params().get("penalty")
    return {"penalty": "elasticnet"} if default == "l2" else {}


# A weight counts rows.


@covering(
    name=["iris", "wine", "breast_cancer", "wine/std"],
    fit_intercept=INTERCEPT,
    solver=DETERMINISTIC,
)
def test_a_weight_of_two_equals_two_rows_and_zero_none(name, fit_intercept, solver):
    X, y = data(name)
    counts = np.random.default_rng(3).integers(0, 3, len(y))
    weighted, repeated = (
        fitted(solver, *rows, fit_intercept=fit_intercept)
        for rows in [(X, y, counts), (np.repeat(X, counts, axis=0), np.repeat(y, counts))]
    )
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7, atol=1e-7)
    assert_allclose(weighted.intercept_, repeated.intercept_, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("container", CONTAINERS)
@each_deterministic_solver
def test_a_weight_counts_sparse_rows_too(container, solver):
    X, y = data("wine/std")
    counts = np.random.default_rng(3).integers(0, 3, len(y))
    make = CONTAINERS[container]
    weighted, repeated = (
        fitted(solver, *rows)
        for rows in [
            (make(X), y, counts),
            (make(np.repeat(X, counts, axis=0)), np.repeat(y, counts)),
        ]
    )
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("solver", [s for s in HANDLES_L1 if s not in STOCHASTIC])
def test_a_weight_counts_rows_under_an_l1_norm(solver):
    X, y = data("wine/std")
    counts = np.random.default_rng(3).integers(0, 3, len(y))
    weighted, repeated = (
        fitted(solver, *rows, l1_ratio=0.5)
        for rows in [(X, y, counts), (np.repeat(X, counts, axis=0), np.repeat(y, counts))]
    )
    assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-7, atol=1e-7)


@each_deterministic_solver
def test_the_scale_of_all_weights_acts_like_C(solver):
    X, y = data("wine/std")
    heavy = fitted(solver, X, y, np.full(len(y), 5.0))
    strong = fitted(solver, X, y, C=5.0)
    assert_allclose(heavy.coef_, strong.coef_, rtol=1e-7, atol=1e-7)


def test_two_classes_are_fitted_as_one_vector_and_not_as_two_rows():
    # A free two-row softmax at C lands on the one-vector optimum at 2 C.
    X, y = data("breast_cancer/std")
    model = fitted("auto", X, y)
    assert model.coef_.shape == (1, X.shape[1])
    assert_optimal(model, X, y, optimum("breast_cancer/std"))
