"""Where no optimum exists, for classes can be separated, that is said by name; where one does, not.

The oracle is the linear program over all rows and all directions, as in Konis (2007).
"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from objectives import dataset_of
from problems import data
from scipy.optimize import linprog
from sklearn.exceptions import ConvergenceWarning

import softmax_reg.objective.separability
from softmax_reg import SoftmaxRegression
from softmax_reg.objective.dual import proved_by_products
from softmax_reg.objective.margins import Margins
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.separability import Existence, existence_of_optimum
from softmax_reg.penalties import ElasticNet
from softmax_reg.solvers import promise

CONTAINERS = {"dense": np.asarray, "csr": sp.csr_array, "csc": sp.csc_array}


def touching():
    """Return one feature that separates two classes but for the rows at zero, which are of both."""
    x = np.repeat([-1.0, 0.0, 1.0], [20, 10, 20])[:, np.newaxis]
    return x, np.repeat([0, 0, 1, 1], [20, 5, 5, 20])


def is_separated(X, y, weights=None, free=slice(None), fit_intercept=True):
    """Return whether some directions lower no margin and raise one, from the whole program.

    Each margin counts up to 1, and directions may be scaled: the maximum is 0 or at least 1.
    """
    rows = np.ones(len(y), bool) if weights is None else np.asarray(weights) > 0.0
    X, y = np.asarray(X, np.float64)[rows][:, free], np.unique(y[rows], return_inverse=True)[1]
    K = y.max() + 1
    if fit_intercept:
        X = np.column_stack([X - X.mean(axis=0), np.ones(len(y))])
    scale = np.sqrt(np.mean(X**2, axis=0))
    X = X[:, scale > 0.0] / scale[scale > 0.0]
    i, k = np.nonzero(np.arange(K) != y[:, np.newaxis])
    signs = np.eye(K)[k] - np.eye(K)[y[i]]
    normals = (X[i][:, :, np.newaxis] * signs[:, np.newaxis]).reshape(len(i), -1)
    free_ones, ones = [(None, None)] * normals.shape[1], [(0.0, 1.0)] * len(i)
    program = linprog(
        np.r_[np.zeros(normals.shape[1]), -np.ones(len(i))],
        A_ub=np.hstack([normals, np.eye(len(i))]),
        b_ub=np.zeros(len(i)),
        bounds=free_ones + ones,
        method="highs",
    )
    assert program.status == 0
    assert -program.fun < 1e-3 or -program.fun > 0.5
    return -program.fun > 0.5


def fitted(X, y, weights=None, **parameters):
    """Return whether a fit says that there is no optimum; it may not say that it does not know."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = SoftmaxRegression(**{"C": np.inf, **parameters}).fit(X, y, weights)
    messages = [str(warning.message) for warning in caught]
    assert not any("not found out" in message for message in messages)
    separable = any("linearly separable" in message for message in messages)
    assert not (separable and model.converged_)
    return separable


SEPARABLE = {"completely": "wine/std", "one class from the others": "iris"}


@pytest.mark.parametrize("solver", ["auto", "newton-cholesky", "gd"])
@pytest.mark.parametrize("name", SEPARABLE.values(), ids=SEPARABLE.keys())
def test_separable_classes_are_named(name, solver):
    X, y = data(name)
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        model = SoftmaxRegression(C=np.inf, solver=solver).fit(X, y)
    assert not model.converged_
    assert np.isfinite(model.coef_).all()


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, sp.csc_array])
def test_two_classes_that_touch_are_named(container):
    X, y = touching()
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        SoftmaxRegression(C=np.inf).fit(container(X), y)


def test_rows_without_a_weight_do_not_keep_classes_together():
    X, y = touching()
    weights = (X[:, 0] != 0.0).astype(float)
    with pytest.warns(ConvergenceWarning, match="linearly separable"):
        SoftmaxRegression(C=np.inf).fit(X, y, weights)


@pytest.mark.parametrize("name", ["overlapping", "overlapping/two"])
def test_classes_that_overlap_have_an_optimum(name):
    X, y = data(name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert SoftmaxRegression(C=np.inf).fit(X, y).converged_


def test_a_penalty_makes_separable_classes_an_ordinary_problem():
    assert SoftmaxRegression(C=1e3).fit(*data("iris")).converged_


def small_table(rng):
    """Return a small table of integers, where ties make quasi-separation frequent, and weights."""
    n, p, K = rng.choice([8, 20, 40, 100]), rng.integers(1, 5), rng.choice([2, 3, 3, 5])
    X = rng.integers(-2, 3, (n, p)) if rng.random() < 0.5 else rng.random((n, p)) < 0.2
    X = X.astype(np.float64)
    scores = X @ rng.normal(size=(p, K)) * rng.choice([0.0, 1.0, 5.0])
    y = (scores + rng.gumbel(size=(n, K)) * rng.choice([0.0, 1.0])).argmax(axis=1)
    if rng.random() < 0.3 and (y != y[0]).any():
        rare = rng.choice(np.flatnonzero(y != y[0]), 3)
        X = np.column_stack([X, np.isin(np.arange(n), rare)])
    if rng.random() < 0.3:
        X = np.column_stack([X, X.sum(axis=1), np.full(n, 3.0)])  # collinear, constant
    weights = np.ones(n) if rng.random() < 0.7 else rng.choice([0.0, 1.0, 2.5], n)
    if len(np.unique(y[weights > 0.0])) < len(np.unique(y)):
        weights[:] = 1.0
    return X, y, weights


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(40, 240, 40))]
)
def test_on_small_tables_the_answer_is_that_of_the_whole_program(first):
    for seed in range(first, first + 40):
        rng = np.random.default_rng(seed)
        X, y, weights = small_table(rng)
        if len(np.unique(y)) < 2:
            continue
        container = CONTAINERS[rng.choice(list(CONTAINERS))]
        fit_intercept, max_iter = bool(rng.random() < 0.7), int(rng.choice([5, 1000, 1000]))
        expected = is_separated(X, y, weights, fit_intercept=fit_intercept)
        got = fitted(container(X), y, weights, fit_intercept=fit_intercept, max_iter=max_iter)
        assert got == expected, f"seed {seed}"


def test_units_and_origins_of_the_features_change_no_answer():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y, weights = small_table(rng)
        if len(np.unique(y)) < 2:
            continue
        expected = is_separated(X, y, weights)
        moved = (X + rng.integers(-1000, 1000, X.shape[1])) * 10.0 ** rng.integers(
            -6, 7, X.shape[1]
        )
        assert fitted(moved, y, weights) == expected, f"seed {seed}"
        shifted = (X + rng.integers(-100, 100, X.shape[1])).astype(np.float32)
        assert fitted(shifted, y, weights) == expected, f"seed {seed}, float32"


@pytest.mark.slow
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_only_features_without_a_penalty_can_separate(l1_ratio):
    told = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, y, weights = small_table(rng)
        if len(np.unique(y)) < 2:
            continue
        factors = rng.choice([0.0, 1.0], X.shape[1])
        if not (factors == 0.0).any():
            continue
        expected = is_separated(X, y, weights, free=factors == 0.0)
        named = {"penalty_factor": factors, "l1_ratio": l1_ratio, "max_iter": 50}
        got = fitted(X, y, weights, C=1.0, **named)
        assert got == expected, f"seed {seed}"
        told += expected
    assert told > 3


def large_table(kind, n, p=12, K=3, seed=0):
    rng = np.random.default_rng(seed)
    X, W = rng.normal(size=(n, p)), rng.normal(size=(p, K))
    noise = 1.5 * rng.gumbel(size=(n, K))
    y = (X @ W + noise).argmax(axis=1)
    if kind == "all classes":
        y = (X @ W).argmax(axis=1)
    elif kind == "one class":
        rest = 1 + (X @ W + noise)[:, 1:].argmax(axis=1)
        y = np.where(X @ W[:, 0] > 1.0, 0, rest)
    elif kind != "none":
        count = 3 if kind == "three rows" else max(n // 1000, 3)
        X[:, -1] = 0.0
        X[rng.choice(np.flatnonzero(y != 2), count, replace=False), -1] = 1.0
    return X, y


KINDS = ["none", "all classes", "one class", "three rows", "a thousandth of the rows"]


@pytest.fixture
def no_program(monkeypatch):
    """Let the linear program fail the test: the certificates are to be enough."""

    def fail(*arguments, **named):
        raise AssertionError("the linear program was run")

    monkeypatch.setattr(softmax_reg.objective.separability, "separating_program", fail)


@pytest.mark.usefixtures("no_program")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n", "container"),
    [
        *[(100, "dense"), (1000, "csr"), (1000, "csc"), (20_000, "dense")],
        pytest.param(100_000, "dense", marks=pytest.mark.slow),
    ],
)
def test_at_every_size_it_is_told_without_a_linear_program(n, kind, container):
    X, y = large_table(kind, n)
    assert fitted(CONTAINERS[container](X), y) == (kind != "none")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_in_both_precisions_with_and_without_intercept(kind, fit_intercept, dtype):
    X, y = large_table(kind, 2000)
    if kind == "one class" and not fit_intercept:
        X = np.column_stack([X, np.ones(len(y))])
    assert fitted(X.astype(dtype), y, fit_intercept=fit_intercept) == (kind != "none")


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_told_with_many_classes(kind):
    X, y = large_table(kind, 1000, p=4, K=12)
    assert fitted(X, y) == (kind != "none")


@pytest.mark.parametrize("kind", KINDS)
def test_the_certificate_costs_few_passes(kind):
    X, y = large_table(kind, 5000)
    n_read = []
    original = promise.existence_of_optimum

    def counted(objective, point):
        before = objective.data.rows.n_read
        answer = original(objective, point)
        n_read.append(objective.data.rows.n_read - before)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(promise, "existence_of_optimum", counted)
        fitted(X, y)
    assert n_read[0] <= 8 * len(y)


def objective_of(X, y, K=None):
    return Objective(dataset_of(X, y, n_classes=K, n_threads=None), ElasticNet(0.0))


def test_with_many_directions_products_prove_an_optimum_and_never_one_that_is_not_there():
    for kind in KINDS:
        X, y = large_table(kind, 1000, p=10, K=4)
        for C in [1e3, 1e6, 1e9]:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model = SoftmaxRegression(C=C).fit(X, y)
            objective = objective_of(X, y)
            point = objective.at(objective.pack(model.coef_.T.copy(), model.intercept_))
            assert proved_by_products(Margins(objective), point) == (kind == "none")


def test_products_decide_where_no_matrix_over_all_directions_fits(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 20))
    y = (0.3 * X @ rng.normal(size=(20, 8)) + rng.gumbel(size=(3000, 8))).argmax(axis=1)
    monkeypatch.setattr(softmax_reg.objective.margins, "_MATRIX_BYTES", 8 * 21 * 21)
    assert not Margins(objective_of(X, y)).fits
    assert not fitted(X, y)


def test_a_small_gradient_far_out_proves_no_optimum():
    X, y = touching()
    objective = objective_of(X, y)
    for size in [5.0, 20.0, 100.0, 700.0]:
        point = objective.at(np.array([size, 0.0]))
        assert existence_of_optimum(objective, point) is Existence.REFUTED


def test_far_from_the_optimum_it_is_found_to_exist_too():
    X, y = large_table("none", 300, p=3)
    objective, rng = objective_of(X, y), np.random.default_rng(1)
    for size in [0.0, 1.0, 30.0, 1000.0]:
        point = objective.at(size * rng.normal(size=objective.size))
        assert existence_of_optimum(objective, point) is Existence.PROVED


def test_a_class_without_rows_separates_nothing():
    X, y = large_table("none", 500, p=3)
    objective = objective_of(X, y, K=4)
    point = objective.at(np.zeros(objective.size))
    assert existence_of_optimum(objective, point) is Existence.PROVED


def test_more_features_than_rows_separate_unless_equal_rows_have_different_classes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 50)), np.arange(20) % 3
    assert fitted(X, y)
    twice = np.repeat(X, 3, axis=0)
    assert not fitted(twice, np.tile([0, 1, 2], 20))
    assert fitted(np.vstack([twice, X[:1] + 1.0]), np.append(np.tile([0, 1, 2], 20), 0))


def test_an_answer_that_is_not_known_is_a_warning_and_no_convergence(monkeypatch):
    monkeypatch.setattr(softmax_reg.objective.margins, "_MATRIX_BYTES", 100)
    X, y = data("overlapping")
    with pytest.warns(ConvergenceWarning, match="not found out whether an optimum exists"):
        model = SoftmaxRegression(C=np.inf).fit(X, y)
    assert not model.converged_


def test_directions_are_whitened_and_leave_out_what_says_nothing():
    X, y = large_table("none", 400, p=3)
    X = np.column_stack([1e6 + 1e-3 * X[:, 0], X[:, 1:], X[:, 1] - X[:, 2], np.full(len(y), 7.0)])
    margins = Margins(objective_of(X, y))
    assert (margins.rank, margins.size) == (4, 8)
    (G,) = margins.reduce(lambda T, y, s: (T.T @ T,))
    np.testing.assert_allclose(G / len(y), np.eye(4), atol=1e-6)


def test_a_sum_of_columns_in_float32_hides_no_rare_feature():
    rng = np.random.default_rng(0)
    for _ in range(10):
        X, y = rng.normal(size=(200, 2)), rng.integers(0, 4, 200)
        rare = np.isin(np.arange(200), rng.choice(np.flatnonzero(y != 0), 3, replace=False))
        X = np.column_stack([X, rare, X.sum(axis=1) + rare]).astype(np.float32)
        assert fitted(X, y)


def test_the_assembled_matrix_is_the_sum_over_rows_and_classes():
    X, y = large_table("none", 50, p=2, K=4)
    margins, rng = Margins(objective_of(X, y)), np.random.default_rng(0)

    def visit(T, y, s):
        weights = rng.random((len(y), 4))
        weights[np.arange(len(y)), y] = 0.0
        one_by_one = np.zeros((margins.size, margins.size))
        for k in range(4):
            N = margins.normals(T, y, np.full(len(y), k))
            one_by_one += N.T @ (weights[:, [k]] * N)
        return margins.grams(T, y, weights), one_by_one

    grams, expected = margins.reduce(visit)
    np.testing.assert_allclose(margins.assembled(grams), expected, atol=1e-10)
