"""A change of variables is linear, its adjoint exact, and it does what it says."""

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose
from objectives import (
    CONTAINERS,
    DETERMINISTIC,
    dataset_of,
    objective_of,
    rows_and_labels,
    slope_by_differences,
    small_objective,
    somewhere,
)
from problems import data, newton, penalised_loss

from softmax_reg import SoftmaxRegression
from softmax_reg.objective.hessian import class_variances, gram, gram_cost
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet
from softmax_reg.preconditioning.choose import choose_preconditioner
from softmax_reg.preconditioning.linear_maps import DiagonalMap, MatrixMap
from softmax_reg.preconditioning.preconditioners import (
    bound_map,
    curvature_map,
    diagonal_bound_map,
    diagonal_map,
    full_map,
)
from softmax_reg.preconditioning.problem import TransformedObjective

MAPS = {
    "bound": lambda objective, point: bound_map(objective),
    "diagonal-bound": lambda objective, point: diagonal_bound_map(objective),
    "diagonal": diagonal_map,
    "curvature-per-class": lambda objective, point: curvature_map(objective, point, True),
    "curvature-mean": lambda objective, point: curvature_map(objective, point, False),
    "full": full_map,
    "first-choice": lambda objective, point: choose_preconditioner(objective, point, True, False)[
        0
    ],
    "next-choice": lambda objective, point: choose_preconditioner(objective, point, False, False)[
        0
    ],
    "whole-choice": lambda objective, point: choose_preconditioner(objective, point, False, True)[
        0
    ],
}
KINDS = {
    "K=2": {"n_classes": 2},
    "K=3": {},
    "no-intercept": {"fit_intercept": False},
    "K=2-no-intercept": {"n_classes": 2, "fit_intercept": False},
    "csr": {"container": "csr"},
    "csc": {"container": "csc"},
    "fortran": {"container": "fortran"},
    "recomputed": {"memory": 0},
    "no-penalty": {"alpha": 0.0},
}

each_map = pytest.mark.parametrize("make", MAPS.values(), ids=MAPS)
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def wide_objective(**options):
    """Return an objective of 12 rows and 40 features, which lie in a space of 12 dimensions."""
    return objective_of(*rows_and_labels(n_samples=12, n_features=40), **options)


def conditioned(objective, make, seed=5):
    """Return the objective in coordinates around a random point."""
    origin = somewhere(objective, seed=seed, size=0.2)
    point = objective.at(origin)
    _ = point.value  # as the loop asks for it before
    return TransformedObjective(objective, origin, make(objective, point))


def vectors(local, n=2, size=0.3):
    rng = np.random.default_rng(9)
    return [(size * rng.normal(size=local.size)).astype(local.dtype) for _ in range(n)]


def hessian(local, v):
    point = local.at(v)
    return np.column_stack([point.hessian_product(e) for e in np.eye(local.size)])


@each_map
@each_kind
def test_the_adjoint_is_exact(make, kind):
    objective = small_objective(**kind)
    change = conditioned(objective, make).transform
    rng = np.random.default_rng(0)
    for _ in range(5):
        v, g = rng.normal(size=change.size), rng.normal(size=objective.size)
        forward, adjoint = change.forward(v), change.adjoint(g)
        size = np.linalg.norm(forward) * np.linalg.norm(g)
        assert abs(np.vdot(forward, g) - np.vdot(v, adjoint)) <= 1e-13 * size
        assert forward.shape == (objective.size,)
        assert adjoint.shape == (change.size,)


@each_map
@each_kind
def test_a_change_of_variables_is_linear(make, kind):
    change = conditioned(small_objective(**kind), make).transform
    rng = np.random.default_rng(0)
    v, u = rng.normal(size=(2, change.size))
    expected = 2.0 * change.forward(v) - 3.0 * change.forward(u)
    assert_allclose(change.forward(2.0 * v - 3.0 * u), expected, rtol=1e-9, atol=1e-11)


@each_map
@each_kind
def test_value_gradient_and_hessian_are_those_of_the_composition(make, kind):
    local = conditioned(small_objective(**kind), make)
    v, d = vectors(local)
    point = local.at(v)
    direct = local.objective.at(local.origin + local.transform.forward(v))
    assert_allclose(point.value, direct.value, rtol=1e-14)
    assert_allclose(
        point.gradient, local.transform.adjoint(direct.gradient), rtol=1e-12, atol=1e-15
    )
    expected = local.transform.adjoint(direct.hessian_product(local.transform.forward(d)))
    assert_allclose(point.hessian_product(d), expected, rtol=1e-11, atol=1e-14)
    numeric = slope_by_differences(lambda t: local.at(v + t * d).value)
    assert_allclose(np.vdot(point.gradient, d), numeric, rtol=1e-7, atol=1e-9)
    numeric = slope_by_differences(lambda t: local.at(v + t * d).gradient)
    assert_allclose(point.hessian_product(d), numeric, rtol=1e-6, atol=1e-8)


@each_map
@each_kind
def test_a_line_in_the_new_variables_is_a_line(make, kind):
    local = conditioned(small_objective(**kind), make)
    v, d = vectors(local)
    line = local.at(v).line(d)
    for t in (0.0, 0.5, 2.0):
        point, direct = line.at(t), local.at(v + t * d)
        assert_allclose(point.w, direct.w, rtol=1e-14)
        assert_allclose(point.value, direct.value, rtol=1e-12)
        assert_allclose(point.gradient, direct.gradient, rtol=1e-9, atol=1e-12)
        assert_allclose(line.slope(point), np.vdot(direct.gradient, d), rtol=1e-9, atol=1e-12)


@each_map
def test_the_gradient_of_samples_has_the_gradient_as_its_mean(make):
    local = conditioned(small_objective(), make)
    (v,) = vectors(local, 1)
    rows = np.flatnonzero(local.objective.data.weights)
    mean = np.mean([local.batch(np.array([i])).gradient(v) for i in rows], axis=0)
    assert_allclose(mean, local.at(v).gradient, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("kind", [KINDS["K=2"], KINDS["K=3"], KINDS["csr"]], ids=["2", "3", "csr"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@each_map
def test_the_dtype_of_the_rows_is_kept(make, kind, dtype):
    local = conditioned(small_objective(dtype=dtype, **kind), make)
    v, d = vectors(local)
    point = local.at(v)
    for array in (
        local.transform.forward(v),
        point.inner.w,
        point.gradient,
        point.hessian_product(d),
    ):
        assert array.dtype == dtype
    assert local.batch(np.arange(5)).gradient(v).dtype == dtype


@each_kind
def test_the_bound_of_boehning_holds_everywhere(kind):
    objective = small_objective(**kind)
    local = conditioned(objective, MAPS["bound"])
    for size in (0.0, 0.3, 3.0, 30.0):
        (v,) = vectors(local, 1, size)
        assert np.linalg.eigvalsh(hessian(local, v))[-1] <= 1.0 + 1e-9
    point = local.at(np.zeros(local.size))
    for _ in range(20):  # so a gradient step of length 1 descends, and enough
        new = local.at(point.w - point.gradient)
        assert new.value <= point.value - 0.5 * np.vdot(point.gradient, point.gradient) + 1e-14
        point = new


@each_kind
def test_in_the_coordinates_of_the_whole_hessian_it_is_the_identity_where_it_was_taken(kind):
    local = conditioned(small_objective(**kind), MAPS["full"])
    eigenvalues = np.linalg.eigvalsh(hessian(local, np.zeros(local.size)))
    # A shift of all classes changes nothing: no curvature there.
    flat = np.abs(eigenvalues) < 1e-8
    assert flat.sum() == (0 if local.n_outputs == 1 else local.size // local.n_outputs)
    assert_allclose(eigenvalues[~flat], 1.0, rtol=1e-6)


@pytest.mark.parametrize("name", ["curvature-per-class", "full"])
def test_the_curvature_makes_saturated_collinear_problems_well_conditioned(name):
    X, codes, weights = rows_and_labels(n_samples=300, n_features=4)
    X = np.column_stack([X, X @ [1.0, 1.0, 0.0, 0.0] + 1e-3 * X[:, 2]]) * [1, 1e4, 1e-4, 1, 10]
    objective = objective_of(X, codes, weights, alpha=1e-6)

    def condition(make):
        eigenvalues = np.linalg.eigvalsh(hessian(conditioned(objective, make), np.zeros(18)))
        flat, eigenvalues = eigenvalues[:6], eigenvalues[6:]  # all classes of a coefficient shift
        assert np.abs(flat).max() < 1e-6 * eigenvalues[-1]
        return eigenvalues[-1] / eigenvalues[0]

    w = somewhere(objective, seed=5, size=0.2)
    H = np.column_stack([objective.at(w).hessian_product(e) for e in np.eye(objective.size)])
    as_it_is = np.linalg.cond(H + 1e-12 * np.eye(len(H)))
    assert condition(MAPS[name]) < 1e3 < 1e8 < as_it_is


@pytest.mark.parametrize("name", ["diagonal", "diagonal-bound", "first-choice", "next-choice"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_proximal_point_in_new_variables_cannot_be_bettered(name, fit_intercept):
    objective = small_objective(alpha=0.2, l1_ratio=0.7, fit_intercept=fit_intercept)
    local = conditioned(objective, MAPS[name])
    (v0,) = vectors(local, 1)
    step = 0.8
    best = local.prox(v0, step)

    def cost(v):
        W, _ = objective.unpack(local.origin + local.transform.forward(v))
        return 0.14 * np.abs(W).sum() + np.sum((v - v0) ** 2) / (2.0 * step)

    rng = np.random.default_rng(0)
    for size in (1e-5, 1e-2, 0.3):
        for _ in range(100):
            other = best + size * rng.normal(size=best.shape) * (rng.random(best.shape) < 0.3)
            assert cost(best) <= cost(other) + 1e-13


@covering(n_classes=[2, 3], fit_intercept=[True, False], container=CONTAINERS)
def test_more_features_than_rows_lose_nothing_in_the_span_of_the_rows(
    n_classes, fit_intercept, container
):
    X, codes, weights = rows_and_labels(n_samples=24, n_features=90, n_classes=n_classes)
    best = newton(X, codes, 1.0, fit_intercept, weights)
    for solver in DETERMINISTIC:
        model = SoftmaxRegression(solver=solver, fit_intercept=fit_intercept, tol=1e-10)
        model.fit(container(X), codes, weights)
        value = penalised_loss(X, codes, model.coef_, model.intercept_, 1.0, 0.0, weights)
        assert value <= best.value * (1.0 + 1e-9), solver
        assert_allclose(model.coef_, best.coef, atol=1e-5 * np.abs(best.coef).max())


def test_a_warm_start_from_outside_the_span_of_the_rows_is_pulled_into_it():
    first = rows_and_labels(n_samples=24, n_features=90)
    second = rows_and_labels(n_samples=24, n_features=90, seed=1)
    model = SoftmaxRegression(warm_start=True).fit(*first).fit(*second)
    cold = SoftmaxRegression().fit(*second)
    assert model.converged_
    assert_allclose(model.coef_, cold.coef_, atol=1e-5 * np.abs(cold.coef_).max())


def test_wide_rows_agree_with_their_composition_too():
    for options in ({}, {"fit_intercept": False}, {"dtype": np.float32}):
        objective = wide_objective(**options)
        for make in (MAPS["first-choice"], MAPS["next-choice"]):
            local = conditioned(objective, make)
            v, d = vectors(local)
            w = local.origin + local.transform.forward(v)
            assert_allclose(local.at(v).value, objective.at(w).value, rtol=1e-5)
            rtol = 1e-3 if objective.dtype == np.float32 else 1e-10
            assert_allclose(
                np.vdot(local.at(v).gradient, d),
                np.vdot(objective.at(w).gradient, local.transform.forward(d)),
                rtol=rtol,
            )


@pytest.mark.parametrize("solver", DETERMINISTIC)
@pytest.mark.parametrize("name", ["overlapping", "overlapping/two"])
def test_no_solver_sees_the_units_of_the_features(name, solver):
    X, y = data(name)
    units = np.geomspace(1e-4, 1e5, X.shape[1])
    plain, scaled = (
        SoftmaxRegression(C=np.inf, solver=solver, tol=1e-6).fit(rows, y) for rows in (X, X * units)
    )
    n = min(len(plain.loss_curve_), len(scaled.loss_curve_))
    assert abs(len(plain.loss_curve_) - len(scaled.loss_curve_)) <= 1
    assert_allclose(scaled.loss_curve_[:n], plain.loss_curve_[:n], rtol=1e-6)
    assert_allclose(scaled.coef_ * units, plain.coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_no_solver_sees_where_the_features_have_their_zero(solver):
    X, y = data("iris")
    plain, shifted = (
        SoftmaxRegression(solver=solver, tol=1e-6).fit(rows, y)
        for rows in (X, X + np.array([100.0, -50.0, 0.0, 7.0]))
    )
    n = min(len(plain.loss_curve_), len(shifted.loss_curve_))
    assert_allclose(shifted.loss_curve_[:n], plain.loss_curve_[:n], rtol=1e-5)
    assert_allclose(shifted.coef_, plain.coef_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("mean", [1e2, 1e5, 1e8])
@pytest.mark.parametrize("make", ["bound", "curvature-per-class", "curvature-mean", "full"])
def test_without_an_intercept_a_large_mean_hides_no_curvature(make, mean):
    X, codes, weights = rows_and_labels(n_classes=2)
    X += mean
    objective = objective_of(X, codes, weights, fit_intercept=False)
    change = conditioned_at_zero(objective, MAPS[make])
    T = np.column_stack([change.forward(e) for e in np.eye(change.size)]).astype(np.longdouble)
    half = X.astype(np.longdouble) * np.sqrt(0.25 * weights / weights.sum())[:, np.newaxis] @ T
    H = half.T @ half + objective.penalty.curvature * (T.T @ T)
    assert_allclose(H.astype(float), np.eye(len(H)), atol=1e-15 * mean + 1e-10)


def conditioned_at_zero(objective, make):
    """Return coordinates around w = 0, where the Hessian is the bound of Boehning (1992)."""
    origin = np.zeros(objective.size)
    point = objective.at(origin)
    _ = point.value
    return TransformedObjective(objective, origin, make(objective, point)).transform


@pytest.mark.parametrize("offset", [1e6, 1e8, 1e9])
@pytest.mark.parametrize("seed", range(3))
def test_without_an_intercept_a_large_offset_is_no_obstacle(offset, seed):
    X, y = data("iris")
    order = np.random.default_rng(seed).permutation(len(y))
    # Coefficients of features that are far from zero sum to nearly zero, and what is left of their
    # sum times the offset is an intercept.
    contrasts = np.linalg.svd(np.ones((1, X.shape[1])))[2][1:].T
    expected = SoftmaxRegression().fit(X @ contrasts, y)
    model = SoftmaxRegression(fit_intercept=False).fit((X + offset)[order], y[order])
    assert model.converged_
    assert model.n_iter_ <= 30
    assert_allclose(model.loss_curve_[-1], expected.loss_curve_[-1], rtol=1e-6)
    assert_allclose(model.coef_, expected.coef_ @ contrasts.T, atol=1e-4)


def test_factors_of_many_features_far_from_zero_keep_their_digits():
    # So many that factors would else be kept in float32.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 270))
    y = (X[:, :9] @ rng.normal(size=(9, 3)) + rng.gumbel(size=(600, 3))).argmax(axis=1)
    near, far = (SoftmaxRegression(fit_intercept=False).fit(X + off, y) for off in (1e4, 1e8))
    assert near.converged_
    assert far.converged_
    assert far.n_iter_ <= 1.5 * near.n_iter_
    assert_allclose(far.loss_, near.loss_, rtol=1e-6)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_sparse_products_make_the_gram_matrix_of_dense_ones(n_classes, container, fit_intercept):
    rng = np.random.default_rng(0)
    X = (rng.random((800, 300)) < 0.01) * rng.normal(size=(800, 300))
    X[:, 5], X[:, 7] = 0.0, 1e-3
    codes = rng.integers(n_classes, size=800)
    grams = []
    for rows in (X, container(X)):
        data = dataset_of(rows, codes)
        objective = Objective(data, ElasticNet(1e-3), fit_intercept)
        point = objective.at(0.1 * np.ones(objective.size))
        weigh = class_variances(point, slice(0, n_classes))
        grams.append(gram(objective, weigh, None, point))
        assert (gram_cost(data.X) < 800 * 300**2) == (rows is not X)
    assert_allclose(grams[1], grams[0], rtol=1e-9, atol=1e-12)


def test_beside_a_pass_over_sparse_rows_a_matrix_waits_until_it_pays():
    rng = np.random.default_rng(0)
    X = sp.csr_array(sp.random(2000, 900, density=0.004, random_state=0))
    objective = Objective(dataset_of(X, rng.integers(4, size=2000)), ElasticNet(1e-3))
    point = objective.at(np.zeros(objective.size))
    for n_before, kind in [(0.0, DiagonalMap), (1e6, MatrixMap)]:
        change, _ = choose_preconditioner(objective, point, False, False, n_before=n_before)
        assert type(change) is kind
    dense = Objective(dataset_of(X.toarray(), objective.data.codes), ElasticNet(1e-3))
    change, _ = choose_preconditioner(
        dense, dense.at(point.w), safe=False, whole=False, n_before=0.0
    )
    assert type(change) is MatrixMap
