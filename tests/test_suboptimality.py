"""The bounds on how far F is above its minimum: never too small, and small where a fit is right."""

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose
from objectives import CONTAINERS, dataset_of, rows_and_labels, small_objective
from optimum80 import Problem80, needs_80_bits
from problems import data

from softmax_reg.functional import softmax_in_place
from softmax_reg.objective.coefficients import coefficients
from softmax_reg.objective.hessian_block import variances
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.suboptimality import (
    REACH,
    newton_excess,
    score_spread,
    smallest_subgradient,
    suboptimality,
)
from softmax_reg.penalties import ElasticNet, GroupLasso
from softmax_reg.solvers import minimize
from softmax_reg.solvers.restarts import finisher_of

ALPHA = 0.01
PENALTIES = {
    "ridge": lambda factor: ElasticNet(ALPHA, 0.0, factor),
    "elastic net": lambda factor: ElasticNet(ALPHA, 0.4, factor),
    "lasso": lambda factor: ElasticNet(ALPHA, 1.0, factor),
    "group lasso": lambda factor: GroupLasso(ALPHA, 1.0, factor),
    "group lasso and ridge": lambda factor: GroupLasso(ALPHA, 0.5, factor),
}
FACTORS = {"even": None, "some free": np.array([0.0, 2.0, 0.5, 0.0, 1.0])}
# Classes that there are, and those that have rows with a weight.
CLASSES = {"two": (2, 2), "three": (3, 3), "two of three": (3, 2)}
# What the sums of a hundred rounded terms may be off by.
ROUNDING = 1e-14


def objective_with(penalty, factor="even", classes="three", container="C", fit_intercept=True):
    n_labels, n_present = CLASSES[classes]
    X, codes, weights = rows_and_labels(n_classes=n_labels)
    present = None
    if n_present < n_labels:
        weights[codes == 1] = 0.0
        present = np.array([0, 2])
    data = dataset_of(CONTAINERS[container](X), codes, weights, n_labels, present=present)
    return Objective(data, PENALTIES[penalty](FACTORS[factor]), fit_intercept)


def minimum(objective):
    """Return the point that the solvers of the package take for the optimum."""
    rng, w = np.random.default_rng(0), np.zeros(objective.size)
    solver = finisher_of(objective)
    result = minimize(solver, objective, w, tol=1e-12, max_iter=500, rng=rng, warn=False)
    return result.point


def points_around(objective, best, seed=0):
    """Yield points nearer and nearer to the optimum, and others with coefficients at zero."""
    rng = np.random.default_rng(seed)
    scale = np.append(np.repeat(objective.scale, objective.n_outputs), np.ones(objective.size))
    for size in [3.0, 0.5, 0.1, 1e-2, 1e-4]:
        step = size * rng.normal(size=objective.size) / scale[: objective.size]
        yield objective.at(best.w + step)
        yield objective.at(best.w * (1.0 + size))
        moved = best.w + step
        moved[(best.w == 0.0) | (rng.random(objective.size) < 0.2)] = 0.0
        yield objective.at(moved)
    yield objective.at(np.zeros(objective.size))


of_every_kind = covering(
    penalty=list(PENALTIES),
    factor=list(FACTORS),
    classes=list(CLASSES),
    container=["C", "csr"],
    fit_intercept=[True, False],
)


@pytest.mark.slow
@of_every_kind
def test_the_bound_is_at_least_the_excess_anywhere(
    penalty, factor, classes, container, fit_intercept
):
    objective = objective_with(penalty, factor, classes, container, fit_intercept)
    best = minimum(objective)
    for point in points_around(objective, best):
        for enough in (0.0, 1e-4 * point.value):
            bound = suboptimality(objective, point, enough, n_passes=np.inf)
            excess = point.value - best.value
            assert bound.excess >= excess - ROUNDING
            assert bound.excess <= point.value
            assert bound.is_best
            assert np.isnan(bound.gap) or bound.gap >= excess - ROUNDING


@of_every_kind
def test_the_bound_is_small_at_the_optimum(penalty, factor, classes, container, fit_intercept):
    objective = objective_with(penalty, factor, classes, container, fit_intercept)
    best = minimum(objective)
    assert suboptimality(objective, best, 1e-9 * best.value, np.inf).excess <= 1e-9 * best.value


@covering(penalty=["ridge", "elastic net"], classes=list(CLASSES), fit_intercept=[True, False])
def test_newtons_test_is_within_a_factor_of_two_near_the_optimum(penalty, classes, fit_intercept):
    # r' H^-1 r is twice the decrease of the quadratic model, which near the optimum is F itself.
    objective = objective_with(penalty, "even", classes, "C", fit_intercept)
    best, rng = minimum(objective), np.random.default_rng(1)
    step = 1e-3 * rng.normal(size=objective.size)
    step[best.w == 0.0] = 0.0
    point = objective.at(best.w + step)
    bound = newton_excess(objective, point, [objective.data.sample], 0.0)
    assert point.value - best.value <= bound <= 2.2 * (point.value - best.value)


@needs_80_bits
@covering(classes=["two", "three"], l1_ratio=[0.0, 0.4, 1.0], fit_intercept=[True, False])
def test_the_bound_holds_against_an_optimum_in_80_bits(classes, l1_ratio, fit_intercept):
    X, codes, weights = rows_and_labels(n_classes=CLASSES[classes][0])
    C = 1.0 / (ALPHA * weights.sum())
    exact = Problem80(X, codes, weights, C, l1_ratio, fit_intercept)
    names = {0.0: "ridge", 0.4: "elastic net", 1.0: "lasso"}
    objective = objective_with(names[l1_ratio], "even", classes, "C", fit_intercept)
    best = minimum(objective)
    lowest = exact.lowest(*coefficients(objective, best.w))
    assert_allclose(best.value, float(lowest), rtol=1e-11)
    for point in points_around(objective, best):
        value = exact.value(*coefficients(objective, point.w))
        assert_allclose(point.value, float(value), rtol=1e-12)
        bound = suboptimality(objective, point, 0.0, np.inf).excess
        assert bound >= value - lowest - ROUNDING


@covering(
    n_kept=[8, 15, 30, 54],
    penalty=["ridge", "elastic net", "group lasso"],
    fit_intercept=[True, False],
)
def test_the_curvature_of_some_rows_bounds_the_excess_too(n_kept, penalty, fit_intercept):
    # H of fewer rows is smaller, and r' H^-1 r larger.
    objective = objective_with(penalty, "even", "three", "C", fit_intercept)
    best, bounds = minimum(objective), []
    for point in points_around(objective, best):
        some = objective.data.sample[:n_kept]
        bound = newton_excess(objective, point, [some], 0.0)
        assert bound >= point.value - best.value - ROUNDING
        bounds.append(bound / point.value)
    assert min(bounds) <= 1e-6  # and says something


def with_a_wild_entry(exponent, row=127):
    """Return 150 rows of breast cancer, one entry so many deviations from the others."""
    X, y = data("breast_cancer")
    X, y = X[:150, :12].copy(), y[:150]
    X[row, 2] = 10.0**exponent * X[:, 2].std()
    return X, y


def wild_objective(X, y, C=1.0):
    return Objective(dataset_of(X, y), ElasticNet(1.0 / (C * len(y)), 0.0))


def stuck(objective, wild):
    """Return where a method ends for which the wild feature hides all others: it stays at zero."""
    others = np.delete(np.arange(objective.n_features), wild)
    part = objective.with_features(others)
    best, w = minimum(part), np.zeros(objective.size)
    W, b = objective.unpack(w)
    W[others], b[...] = part.unpack(best.w)
    return objective.at(w)


@needs_80_bits
@pytest.mark.parametrize("exponent", [2, 4, 6, 8, 10, 12])
def test_one_wild_entry_does_not_make_a_wrong_point_look_right(exponent):
    X, y = with_a_wild_entry(exponent)
    objective = wild_objective(X, y)
    exact = Problem80(X, y, np.ones(len(y)))
    point = stuck(objective, 2)
    coef, b = coefficients(objective, point.w)
    coef[:, 2] = 0.0
    lowest = exact.lowest(coef, b)
    rng = np.random.default_rng(exponent)
    for size in (0.0, 1e-3, 0.1, 1.0):
        step = size * rng.normal(size=objective.size) / np.append(X.std(axis=0), 1.0)
        moved = objective.at(point.w * (1.0 - size) + size * step)
        excess = exact.value(*coefficients(objective, moved.w)) - lowest
        bound = suboptimality(objective, moved, 1e-6 * moved.value, np.inf).excess
        assert bound >= excess - 1e-9 * moved.value


@pytest.mark.slow
@needs_80_bits
@pytest.mark.parametrize("place", [(0, 0), (70, 1), (141, 2), (149, 3)])
def test_an_error_code_in_iris_does_not_make_a_wrong_point_look_right(place):
    X, y = (np.array(part) for part in data("iris"))
    X[place] = 1e12
    objective = wild_objective(X, y)
    exact = Problem80(X, y, np.ones(len(y)))
    point = stuck(objective, place[1])
    excess = exact.value(*coefficients(objective, point.w)) - exact.lowest(
        *coefficients(objective, point.w)
    )
    bound = suboptimality(objective, point, 1e-6 * point.value, np.inf).excess
    assert bound >= excess - 1e-9 * point.value


@pytest.mark.parametrize("weight", [1e-14, 1e-12, 1e-10])
def test_a_row_whose_scores_newtons_step_changes_too_much_counts_as_its_tangent(weight):
    X, codes, _ = rows_and_labels()
    far, far_codes = np.vstack([X, 1e6 * X[3]]), np.append(codes, codes[3])
    weights = np.append(np.ones(60), weight)
    objective = Objective(dataset_of(far, far_codes, weights), ElasticNet(ALPHA, 0.0))
    best = minimum(objective)
    step = 1e-5 * np.random.default_rng(0).normal(size=objective.size)
    spread = score_spread(objective, step)
    assert spread[:60].max() < 1e-2
    assert spread[60] > REACH  # F is not quadratic so far in this row
    point = objective.at(best.w + step)
    excess = point.value - best.value
    bound = newton_excess(objective, point, [objective.data.sample], 0.0)
    assert excess <= bound
    if weight < 1e-10:  # else the row's slope is more than the others' curvature can bear
        assert bound <= 2.2 * excess


@pytest.mark.parametrize("C", [1e2, 1e4])
@pytest.mark.parametrize("least", [0.0, 1e-9, 1e-6])
def test_without_impossible_classes_the_bound_holds(C, least):
    X, y = data("iris")
    objective = wild_objective(X, y, C)
    best = minimum(objective)
    for t in (0.9, 0.999, 1.0 - 1e-6, 1.0):
        point = objective.at(t * best.w)
        bound = newton_excess(objective, point, [objective.data.sample], 4.0 * 3.0 * least)
        assert bound >= point.value - best.value - ROUNDING
    assert bound <= 1e-5 * max(best.value, 1e-2)


def test_nothing_is_known_but_f_itself_where_the_curvature_vanishes():
    X, y = data("iris")
    objective = wild_objective(X, y, C=1e9)
    W = np.zeros((4, 3))
    W[:, 1] = 1e6  # every row is certain, two thirds of them wrongly
    point = objective.at(objective.pack(W, np.zeros(3)))
    bound = suboptimality(objective, point, 1e-6 * point.value, np.inf)
    assert bound.excess >= point.value - minimum(objective).value
    assert bound.excess <= point.value


def test_without_a_penalty_there_is_no_gap_but_newtons_test():
    X, y = data("overlapping")
    objective = Objective(dataset_of(X, y), ElasticNet(0.0, 0.0))
    best = minimum(objective)
    found = suboptimality(objective, best, 1e-6 * best.value, np.inf)
    assert np.isnan(found.gap)
    assert found.excess <= 1e-9 * best.value
    for point in points_around(objective, best):
        bound = suboptimality(objective, point, 0.0, np.inf)
        assert bound.excess >= point.value - best.value - ROUNDING


@pytest.mark.parametrize("penalty", ["lasso", "elastic net", "group lasso"])
def test_where_all_coefficients_are_zero_and_none_is_free_there_is_a_bound(penalty):
    objective = objective_with(penalty, fit_intercept=False)
    point = objective.at(np.zeros(objective.size))
    bound = suboptimality(objective, point, 1e-6 * point.value, np.inf)
    assert point.value - minimum(objective).value <= bound.excess <= point.value


def test_a_hessian_that_costs_too_much_is_not_made():
    objective = small_objective()
    point = objective.at(np.zeros(objective.size))
    cheap = suboptimality(objective, point, 1e-9, n_passes=0.0)
    assert not cheap.is_best
    assert cheap.excess == min(cheap.gap, point.value)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_float32_points_are_looked_at_in_float64(n_classes):
    objective = small_objective(n_classes, dtype=np.float32)
    best = minimum(objective.in_float64())
    point = objective.at(best.w.astype(np.float32))
    exact = objective.in_float64().at(point.w.astype(np.float64))
    bound = suboptimality(objective, point, 1e-4 * point.value, np.inf).excess
    assert bound >= exact.value - best.value - ROUNDING
    assert bound <= 1e-4 * point.value


# The parts


def test_the_smallest_subgradient_is_that_of_the_definition():
    objective = objective_with("elastic net", "some free")
    best = minimum(objective)
    w = best.w.copy()
    w[np.random.default_rng(0).random(len(w)) < 0.3] = 0.0
    point = objective.at(w)
    W, _ = objective.unpack(w)
    G, of_b = objective.unpack(point.gradient)
    norm = 0.4 * ALPHA * np.broadcast_to(FACTORS["some free"][:, np.newaxis], G.shape)
    shrunk = np.sign(G) * np.maximum(abs(G) - norm, 0.0)
    expected = np.where(W != 0.0, G + norm * np.sign(W), shrunk)
    r, moving = smallest_subgradient(objective, w, point.gradient)
    assert_allclose(r, np.append(expected.ravel(), of_b), rtol=1e-13, atol=1e-16)
    assert np.array_equal(moving[: W.size], ((W != 0.0) | (expected != 0.0)).ravel() | is_free(G))
    assert moving[W.size :].all()


def is_free(G):
    """Return where the norm costs nothing: F is smooth there at 0, too."""
    return np.repeat(FACTORS["some free"] == 0.0, G.shape[1])


@pytest.mark.parametrize("container", ["C", "csr"])
def test_the_spread_of_a_step_is_what_it_changes_scores_by_beside_one_another(container):
    objective = small_objective(container=container)
    step = np.random.default_rng(0).normal(size=objective.size)
    X, (V, u) = objective.data.X, objective.unpack(step)
    X = X.toarray() if sp.issparse(X) else X
    assert_allclose(score_spread(objective, step), np.ptp(X @ V + u, axis=1), rtol=1e-12)
    assert REACH < 1.0


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("distance", [1.0, 10.0, 36.0, 50.0, 300.0, 700.0])
def test_variances_are_exact_where_a_class_is_certain(n_classes, distance):
    Z = np.random.default_rng(0).normal(size=(20, n_classes))
    Z[np.arange(20), np.arange(20) % n_classes] += distance
    P, _ = softmax_in_place(Z.copy())
    E = np.exp(Z.astype(np.longdouble) - Z.max(axis=1, keepdims=True).astype(np.longdouble))
    expected = np.empty(E.shape, np.longdouble)
    for k in range(n_classes):
        rest = np.delete(E, k, axis=1).sum(axis=1)
        expected[:, k] = E[:, k] * rest / E.sum(axis=1) ** 2
    # Up to 0.999 or so 1 - p itself will do: it is off by eps.
    assert_allclose(variances(P), expected.astype(np.float64), rtol=1e-12)
    assert (variances(P) > 0.0).all()


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("distance", [1.0, 36.0, 50.0, 700.0])
def test_residuals_keep_their_digits_where_the_own_class_is_certain(n_classes, distance):
    objective = small_objective(n_classes)
    own = np.arange(60), objective.data.codes
    Z = np.random.default_rng(0).normal(size=(60, n_classes))
    Z[own] += distance
    P, _ = softmax_in_place(Z.copy())
    E = np.exp(Z.astype(np.longdouble) - Z.max(axis=1, keepdims=True).astype(np.longdouble))
    E[own] = 0.0
    rest = E.sum(axis=1) / np.exp(Z - Z.max(axis=1, keepdims=True)).sum(axis=1)
    shares = objective.data.weights / objective.data.weights.sum()
    ((_, block),) = objective.data.take(np.arange(60))
    residuals = objective.model.residuals(P.copy(order="F"), block)
    assert_allclose(residuals[own], -(shares * rest).astype(np.float64), rtol=1e-13)
    assert_allclose(residuals.sum(axis=1), 0.0, atol=1e-15 * abs(residuals).max())
