"""Norms end to end: optima against saga and their own conditions, factors, groups, duality."""

import warnings
from itertools import islice

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from objectives import HANDLES_L1, STOCHASTIC, small_objective, somewhere
from problems import all_scores, data, penalised_loss, uneven_weights
from scipy.special import softmax
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from softmax_reg import SoftmaxRegression
from softmax_reg.penalties import PENALTIES
from softmax_reg.preconditioning.choose import choose_preconditioner
from softmax_reg.preconditioning.problem import TransformedObjective
from softmax_reg.solvers.active_set_newton import support_step
from softmax_reg.solvers.nesterov import Nesterov
from softmax_reg.solvers.prox_newton_subproblem import minimise_model

ELASTIC = {"penalty": "elasticnet"}
if LogisticRegression().get_params().get("penalty") != "l2":
    ELASTIC = {}  # newer releases go by l1_ratio alone
DETERMINISTIC = [name for name in HANDLES_L1 if name not in STOCHASTIC]


def fitted(X, y, **parameters):
    return SoftmaxRegression(**{"tol": 1e-10, "max_iter": 5000} | parameters).fit(X, y)


def slopes(model, X, y):
    """Return the gradient of the loss, (n_features, n_rows), and of the intercept."""
    P = softmax(all_scores(X, model.coef_, model.intercept_), axis=1)
    R = (P - np.eye(P.shape[1])[y]) / len(y)
    R = R[:, P.shape[1] - len(model.coef_) :]
    return np.asarray(X).T @ R, R.sum(axis=0)


# Against saga


each_ratio = pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 0.9, 1.0])


def saga(C, l1_ratio, **parameters):
    common = {"solver": "saga", "tol": 1e-10, "max_iter": 100_000, "random_state": 0}
    return LogisticRegression(C=C, l1_ratio=l1_ratio, **ELASTIC, **common | parameters)


@pytest.mark.slow
@each_ratio
@pytest.mark.parametrize(
    ("name", "C"),
    [
        ("iris", 0.3),
        ("iris/std", 0.3),
        ("wine/std", 0.1),
        ("breast_cancer/std", 0.05),
        ("digits/std", 0.004),
    ],
)
def test_the_optimum_is_that_of_saga_with_the_same_zeros(name, C, l1_ratio):
    X, y = data(name)
    theirs, ours = saga(C, l1_ratio).fit(X, y), fitted(X, y, C=C, l1_ratio=l1_ratio)
    value, best = (penalised_loss(X, y, m.coef_, m.intercept_, C, l1_ratio) for m in (ours, theirs))
    assert value == pytest.approx(best, rel=1e-8)
    assert_array_equal(ours.coef_ == 0.0, theirs.coef_ == 0.0)
    assert (ours.coef_ == 0.0).any() or l1_ratio == 0.1


@pytest.mark.slow
@each_ratio
@pytest.mark.parametrize(
    ("name", "C", "passes"),
    [("wine", 0.1, 1000), ("breast_cancer", 0.05, 500), ("digits", 0.003, 100)],
)
def test_where_saga_cannot_arrive_it_stays_at_the_optimum_and_no_zero_can_be_another(
    name, C, passes, l1_ratio
):
    X, y = data(name)
    ours = fitted(X, y, C=C, l1_ratio=l1_ratio)
    theirs = saga(C, l1_ratio, max_iter=passes, warm_start=True)
    theirs.coef_, theirs.intercept_ = ours.coef_.copy(), ours.intercept_.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(X, y)
    value, nearby = (
        penalised_loss(X, y, m.coef_, m.intercept_, C, l1_ratio) for m in (ours, theirs)
    )
    assert value <= nearby * (1.0 + 1e-12)
    assert value == pytest.approx(nearby, rel=1e-7)
    assert_array_equal(ours.coef_ == 0.0, theirs.coef_ == 0.0)
    assert ours.duality_gap(X, y) <= 1e-8 * value
    # All optima have one gradient, and where it is below the threshold the coefficient is zero.
    zero, threshold = ours.coef_.T == 0.0, l1_ratio / (C * len(y))
    assert zero.any()
    assert np.abs(slopes(ours, X, y)[0][zero]).max() < 0.9999 * threshold


# Optimality, by the conditions of each norm


@covering(
    solver=["auto", *DETERMINISTIC], l1_ratio=[0.5, 1.0], name=["iris/std", "breast_cancer/std"]
)
def test_a_group_lasso_is_fitted_to_its_optimality_conditions(name, l1_ratio, solver):
    X, y = data(name)
    factor = np.linspace(0.5, 4.0, X.shape[1])
    model = fitted(
        X, y, C=0.05, l1_ratio=l1_ratio, penalty="group_lasso", penalty_factor=factor,
        solver=solver, tol=1e-8, max_iter=20_000,
    )  # fmt: skip
    G, g = slopes(model, X, y)
    W, alpha = model.coef_.T, factor / (0.05 * len(y))
    lengths = np.linalg.norm(W, axis=1)
    G += ((1.0 - l1_ratio) * alpha)[:, np.newaxis] * W
    used = lengths > 0.0
    assert used.any()
    assert not used.all()
    inward = (alpha * l1_ratio)[used, np.newaxis] * W[used] / lengths[used, np.newaxis]
    assert_allclose(G[used], -inward, atol=1e-7)
    assert (np.linalg.norm(G[~used], axis=1) <= (alpha * l1_ratio)[~used] + 1e-7).all()
    assert_allclose(g, 0.0, atol=1e-7)


def test_a_group_lasso_selects_whole_features_and_a_lasso_single_coefficients():
    X, y = data("digits/std")
    zero = fitted(X, y, C=0.01, l1_ratio=1.0, penalty="group_lasso", tol=1e-7).coef_ == 0.0
    assert_array_equal(zero.all(axis=0), zero.any(axis=0))
    assert 3 < zero.all(axis=0).sum() < 64
    zero = fitted(X, y, C=0.01, l1_ratio=1.0, tol=1e-7).coef_ == 0.0
    assert zero.all(axis=0).sum() < zero.any(axis=0).sum()


def test_with_two_classes_the_group_lasso_is_the_lasso():
    X, y = data("breast_cancer/std")
    group, lasso = (
        fitted(X, y, C=0.1, l1_ratio=0.8, penalty=penalty)
        for penalty in ("group_lasso", "elasticnet")
    )
    assert_allclose(group.coef_, lasso.coef_, atol=1e-8)


def test_a_group_lasso_without_a_norm_is_refused():
    X, y = data("iris")
    with pytest.raises(ValueError, match=r"l1_ratio=0.*select nothing.*l1_ratio=1"):
        SoftmaxRegression(penalty="group_lasso").fit(X, y)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_a_solver_that_cannot_do_a_group_lasso_names_those_that_can(solver):
    X, y = data("iris")
    model = SoftmaxRegression(penalty="group_lasso", l1_ratio=1.0, solver=solver)
    with pytest.raises(ValueError, match=r"'group_lasso'.*'nesterov', 'prox-newton'"):
        model.fit(X, y)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_sparse_rows_give_the_same_coefficients(penalty):
    X, y = data("wine/std")
    parameters = {"C": 0.2, "l1_ratio": 0.7, "penalty": penalty}
    dense, sparse = (fitted(rows, y, **parameters) for rows in (X, sp.csr_array(X)))
    assert_allclose(sparse.coef_, dense.coef_, atol=1e-9)
    assert_array_equal(sparse.coef_ == 0.0, dense.coef_ == 0.0)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_float32_stays_float32_and_lands_where_float64_does(penalty):
    X, y = data("wine/std")
    parameters = {"C": 0.2, "l1_ratio": 0.7, "penalty": penalty, "tol": 1e-4}
    factor = np.linspace(0.5, 2.0, X.shape[1])
    single, double = (
        fitted(rows, y, penalty_factor=factor, **parameters) for rows in (X.astype(np.float32), X)
    )
    assert single.coef_.dtype == np.float32
    assert_allclose(single.coef_, double.coef_, atol=2e-3)


@pytest.mark.parametrize("C", [1e-4, 1.0])
def test_more_features_than_rows_are_no_obstacle(C):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 500)), np.arange(40) % 3
    X[:, 0] += y
    model = fitted(X, y, C=C, l1_ratio=1.0)
    assert model.converged_
    assert model.duality_gap(X, y) <= 1e-6
    assert np.count_nonzero(model.coef_.any(axis=0)) <= 40
    assert (C == 1.0) == model.coef_.any()


# Factors


@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_factor_equals_a_feature_divided_by_it_under_a_pure_norm(penalty):
    X, y = data("wine/std")
    factor = np.geomspace(0.3, 3.0, X.shape[1])
    parameters = {"C": 0.2, "l1_ratio": 1.0, "penalty": penalty}
    weighted = fitted(X, y, penalty_factor=factor, **parameters)
    scaled = fitted(X / factor, y, **parameters)
    assert_allclose(weighted.coef_ * factor, scaled.coef_, atol=1e-7)


@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cholesky", "gd", "newton-cg"])
def test_a_factor_equals_a_feature_divided_by_its_root_under_a_ridge(solver):
    X, y = data("wine/std")
    factor = np.geomspace(0.3, 3.0, X.shape[1])
    weighted = fitted(X, y, penalty_factor=factor, solver=solver, tol=1e-9)
    scaled = fitted(X / np.sqrt(factor), y, tol=1e-9)
    assert_allclose(weighted.coef_ * np.sqrt(factor), scaled.coef_, atol=1e-6)


def test_wide_data_under_a_ridge_with_factors_reach_the_optimum():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 90)), np.arange(30) % 3
    factor = np.geomspace(0.3, 3.0, 90)
    weighted, scaled = fitted(X, y, penalty_factor=factor), fitted(X / np.sqrt(factor), y)
    assert_allclose(weighted.coef_ * np.sqrt(factor), scaled.coef_, atol=1e-7)


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_the_strength_and_the_factors_are_one_product(penalty, l1_ratio):
    X, y = data("iris/std")
    parameters = {"l1_ratio": l1_ratio, "penalty": penalty}
    one = fitted(X, y, C=0.5, penalty_factor=np.full(4, 4.0), **parameters)
    other = fitted(X, y, C=0.125, **parameters)
    assert_allclose(one.coef_, other.coef_, atol=1e-8)


@pytest.mark.parametrize("solver", DETERMINISTIC)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_a_feature_with_factor_zero_is_in_the_model_and_has_no_slope(penalty, solver):
    X, y = data("overlapping")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = fitted(
        X, y, C=0.01, l1_ratio=1.0, penalty=penalty, penalty_factor=[1.0, 1.0, 0.0, 1.0],
        solver=solver, tol=1e-8, max_iter=20_000,
    )  # fmt: skip
    assert model.coef_[:, 2].all()
    assert not model.coef_[:, [1, 3]].any()
    assert_allclose(slopes(model, X, y)[0][2], 0.0, atol=1e-7)


def test_all_factors_zero_is_no_penalty():
    X, y = data("overlapping")
    free = fitted(X, y, penalty_factor=np.zeros(4), l1_ratio=0.7)
    assert_allclose(free.coef_, fitted(X, y, C=np.inf).coef_, rtol=1e-6)
    assert free.solver_ == "lbfgs"


@pytest.mark.parametrize(
    ("factor", "message"),
    [
        ([1.0, 2.0], r"each of the 4 features.*\(2,\)"),
        ([1.0, 1.0, -2.0, 1.0], "got -2.0 for feature 2"),
        ([1.0, np.nan, 1.0, 1.0], "got nan for feature 1"),
        ([1.0, 1.0, 1.0, np.inf], "got inf for feature 3.*leave out"),
        ([[1.0] * 4], "each of the 4 features"),
        (["a", "b", "c", "d"], "must hold numbers"),
    ],
)
def test_wrong_factors_are_named_with_the_remedy(factor, message):
    X, y = data("iris")
    model = SoftmaxRegression(penalty_factor=factor)
    with pytest.raises(ValueError, match=message):
        model.fit(X, y)
    assert not hasattr(model, "coef_")


# The duality gap


@pytest.mark.parametrize("penalty", PENALTIES)
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("factor", [None, [1.0, 0.0, 2.0, 0.5]])
def test_the_gap_bounds_an_early_stop_and_closes_at_the_optimum(penalty, l1_ratio, factor):
    X, y = data("overlapping")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    parameters = {"l1_ratio": l1_ratio, "penalty": penalty, "penalty_factor": factor, "C": 0.5}
    best, early = fitted(X, y, **parameters), fitted(X, y, **parameters | {"tol": 1e-2})
    excess = early.loss_curve_[-1] - best.loss_curve_[-1]
    assert early.duality_gap(X, y) >= excess - 1e-13
    assert best.duality_gap(X, y) <= 1e-7


# The proximal Newton method, its parts


@covering(
    fit_intercept=[True, False],
    n_classes=[2, 3],
    container=["C", "csr", "csc"],
    conditioned=[True, False],
)
def test_the_hessian_block_is_that_of_the_hessian_products(
    n_classes, fit_intercept, container, conditioned
):
    objective = small_objective(
        n_classes=n_classes, fit_intercept=fit_intercept, container=container, l1_ratio=0.5
    )
    w = somewhere(objective)
    if conditioned:
        change, _ = choose_preconditioner(objective, objective.at(w), safe=False, whole=False)
        objective = TransformedObjective(objective, w, change)
    point = objective.at(somewhere(objective.objective if conditioned else objective))
    index = np.flatnonzero(np.arange(objective.size) % 3 != 1)
    block = point.hessian_block(index)
    for i, column in zip(index, block.T, strict=True):
        product = point.hessian_product(np.eye(objective.size)[i])
        assert_allclose(column, product[index], rtol=1e-9, atol=1e-9 * np.abs(block).max())


@given(
    seed=st.integers(0, 1000),
    rank=st.integers(1, 12),
    alpha=st.floats(0.01, 3.0),
    kind=st.sampled_from(sorted(PENALTIES)),
)
def test_the_model_is_minimised_also_where_its_hessian_is_singular(seed, rank, alpha, kind):
    rng = np.random.default_rng(seed)
    objective = small_objective(l1_ratio=1.0)
    objective.penalty = PENALTIES[kind](alpha, 1.0, rng.uniform(0.2, 2.0, 5))
    index = np.arange(15)
    face = objective.face(index)
    A = rng.normal(size=(rank, 15))
    H = A.T @ A / rank
    g = H @ rng.normal(size=15)  # in the range of H: the model has a minimiser
    x0 = np.zeros(15)

    def cost(x):
        return g @ (x - x0) + 0.5 * (x - x0) @ H @ (x - x0) + face.nonsmooth_value(x)

    x = x0
    # Each call is only as exact as its start is near, and where H has rank 1 it may be far.
    for _ in range(60):
        x = x - x0 + x0
        found = minimise_model(face, g + H @ (x - x0), H, x)
        assert cost(found) <= cost(x) + 1e-12
        x = found
    step = 1.0 / np.linalg.norm(H, 2)
    residual = x - face.prox(x - step * (g + H @ (x - x0)), step)
    assert np.abs(residual).max() <= 1e-6 * (1.0 + np.abs(x).max())


@pytest.mark.parametrize("kind", PENALTIES)
@pytest.mark.parametrize("l1_ratio", [0.0, 0.3, 1.0])
def test_settling_shifts_each_feature_to_the_least_penalty_and_leaves_the_loss(kind, l1_ratio):
    objective = small_objective(n_classes=4, l1_ratio=0.5)
    objective.penalty = PENALTIES[kind](0.4, l1_ratio, np.linspace(0.5, 2.0, 5))
    w = somewhere(objective)
    settled = objective.remove_class_shift(w)
    W, b = objective.unpack(settled)
    for shift in (-0.3, -1e-4, 1e-4, 0.3):
        assert objective.penalty.value(W) <= objective.penalty.value(W + shift) + 1e-12
    before, after = (
        objective.at(v).value - objective.penalty.value(objective.unpack(v)[0])
        for v in (w, settled)
    )
    assert after == pytest.approx(before, rel=1e-12)
    given = objective.unpack(w)[1]
    assert_allclose(b, given - given.mean(), atol=1e-15)


@pytest.mark.parametrize("kind", ["elasticnet", "group_lasso"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_steps_along_the_support_lead_to_where_its_slopes_vanish(l1_ratio, fit_intercept, kind):
    objective = small_objective(l1_ratio=l1_ratio, fit_intercept=fit_intercept)
    objective = objective.with_penalty(PENALTIES[kind](0.002, l1_ratio))
    rng, begin = np.random.default_rng(0), np.zeros(objective.size)
    point = next(islice(Nesterov().points(objective, begin, rng, {}), 20, None))
    point = objective.at(objective.remove_class_shift(point.w))
    zero, n_steps = objective.unpack(point.w)[0] == 0.0, 0
    while (new := support_step(objective, point, 25)) is not None and n_steps < 30:
        assert new.value <= point.value
        before, point, n_steps = zero, new, n_steps + 1
        zero = objective.unpack(point.w)[0] == 0.0
        assert zero[before & zero[:, :1]].all()  # a feature that is out stays out
    W, _ = objective.unpack(point.w)
    slope, of_b = objective.unpack(point.gradient)
    size = np.abs(W) if kind == "elasticnet" else np.linalg.norm(W, axis=1, keepdims=True)
    slope = slope + 0.002 * l1_ratio * W / np.where(size > 0.0, size, 1.0)
    assert np.count_nonzero(~zero) > 3
    assert np.abs(slope[~zero]).max() < 1e-6
    assert np.abs(of_b).max(initial=0.0) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("penalty", PENALTIES)
def test_where_a_hessian_does_not_pay_steps_along_the_support_save_most_of_the_passes(penalty):
    X, y = data("digits/std")
    rows = sp.csr_array(np.where(np.abs(X) > 1.5, X, 0.0))
    n_read, ends = {}, {}
    for solver in ("auto", "nesterov"):

        def note(progress, solver=solver):
            n_read[solver] = progress.point.objective.data.rows.n_read

        model = fitted(
            rows, y, C=1.0, l1_ratio=0.5, tol=1e-7, solver=solver, penalty=penalty, callbacks=note
        )
        ends[solver] = model.loss_curve_[-1]
        assert model.converged_
    assert ends["auto"] == pytest.approx(ends["nesterov"], rel=1e-9)
    assert n_read["auto"] < 0.6 * n_read["nesterov"]


def test_weights_classes_and_collinear_features_change_nothing():
    X, y = data("breast_cancer")
    X = np.hstack([X, X[:, :3], X[:, :1] + X[:, 1:2]])
    model = SoftmaxRegression(C=0.5, l1_ratio=1.0, class_weight="balanced")
    model.fit(X, y, uneven_weights(len(y)))
    assert model.converged_
    assert model.n_iter_[0] < 60


def test_units_in_which_squares_overflow_are_no_crash():
    X, y = load_wine(return_X_y=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = SoftmaxRegression(l1_ratio=1.0).fit((1e17 * X).astype(np.float32), y)
        except ValueError as error:
            assert "too large" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(model.coef_).all()


def test_on_few_sparse_rows_it_does_not_make_a_thousand_gradient_steps():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(69, 87)) * 10.0 ** rng.uniform(-2.0, 2.0, 87)
    X = sp.csr_array(X * (rng.random(X.shape) < 0.2))
    y = np.arange(69) % 4
    knobs = {"l1_ratio": 0.5, "penalty": "group_lasso", "fit_intercept": False, "tol": 1e-10}
    model = SoftmaxRegression(C=5.0, max_iter=100, **knobs).fit(X, y)
    assert model.n_iter_[0] < 50
