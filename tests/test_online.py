"""The stream's state: its parts against dense formulas, its minimum against the batch optimum."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from objectives import dataset_of
from problems import data, penalised_loss

from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.dataset import small_dataset
from softmax_reg.functional import log_softmax, softmax
from softmax_reg.penalties import ElasticNet
from softmax_reg.preconditioning.problem import Transformed
from softmax_reg.streaming import online_newton
from softmax_reg.streaming.hessian_storage import Diagonal, Shared, Whole, curvature_for
from softmax_reg.streaming.laplace_objective import (
    LaplaceApproximation,
    Past,
    Standardisation,
    StandardisedObjective,
)
from softmax_reg.streaming.online_newton import OnlineNewton
from softmax_reg.streaming.sums import Pull, Sum
from softmax_reg.streaming.window import LabelledRows, join, push

KINDS = [Whole, Shared, Diagonal]
each_kind = pytest.mark.parametrize("kind", KINDS)


def small_problem(n_classes, kind, seed=0):
    """Return an objective of ten rows, with a past and a pull in other coordinates, and a point."""
    rng = np.random.default_rng(seed)
    n_rows = 1 if n_classes == 2 else n_classes
    X = rng.normal(size=(10, 3)) * [1.0, 20.0, 0.1] + [0.0, 50.0, 1.0]
    codes, s = rng.integers(n_classes, size=10), rng.uniform(0.5, 2.0, 10)
    frame = Standardisation(X.mean(axis=0) + 0.1, 1.3 * X.std(axis=0))
    objective = StandardisedObjective(
        frame, dataset_of(X, codes, s, n_classes), ElasticNet(0.1), True
    )
    w = rng.normal(size=objective.size) / 20.0
    curvature = kind()
    H = 3.0 * curvature.hessian(objective, objective.at(w))
    centre, slope = rng.normal(size=(2, 4, n_rows))
    past = LaplaceApproximation(
        3.0, centre, slope - slope.mean(axis=1, keepdims=True), H, ridge=0.2
    )
    change = curvature.change(objective, curvature.factor(objective, objective.at(w), past))
    total = objective.data.total_weight + past.weight + 1.5
    rows_and_past = Sum(objective, objective.data.total_weight, Past(objective, past), 1.0)
    held = Sum(Transformed(rows_and_past, w, change), 1.0, Pull(1.5), total)
    return objective, held, rng.normal(size=objective.size) / 10.0, rng


@each_kind
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_gradient_and_curvature_of_a_sum_are_its_derivatives(n_classes, kind):
    _, held, v, rng = small_problem(n_classes, kind)
    point, d, h = held.at(v), rng.normal(size=v.size), 1e-5
    ahead, behind = held.at(v + h * d), held.at(v - h * d)
    slope = (ahead.value - behind.value) / (2.0 * h)
    assert slope == pytest.approx(float(point.gradient @ d), rel=1e-6)
    bend = (ahead.gradient - behind.gradient) / (2.0 * h)
    np.testing.assert_allclose(point.hessian_product(d), bend, rtol=1e-5, atol=1e-7)


@each_kind
def test_a_line_gives_the_values_and_slopes_of_the_points_on_it(kind):
    _, held, v, rng = small_problem(3, kind)
    point, d = held.at(v), rng.normal(size=v.size)
    line = point.line(d)
    for t in (0.0, 0.3, 1.0):
        there = held.at(v + t * d)
        assert line.at(t).value == pytest.approx(there.value, rel=1e-12)
        assert line.slope(line.at(t)) == pytest.approx(float(there.gradient @ d), rel=1e-9)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_hessians_are_those_of_dense_formulas(n_classes):
    objective = small_problem(n_classes, Whole)[0]
    n_rows = 1 if n_classes == 2 else n_classes
    point = objective.at(np.linspace(-0.02, 0.02, objective.size))
    A = (objective.data.X - objective.frame.mean) / objective.frame.scale
    A = np.hstack([A, np.ones((10, 1))])
    P = softmax(objective.model.linear(objective.data.X, point.w))
    P, s = P[:, n_classes - n_rows :], objective.data.weights / objective.data.weights.sum()
    q = P * (1.0 - P)
    centre = np.eye(n_rows) - (1.0 / n_rows if n_rows > 1 else 0.0)
    between = np.einsum("i,ij,jk->ijk", s, P, np.eye(n_rows)) - np.einsum("i,ij,ik->ijk", s, P, P)
    whole = np.einsum("ijk,ia,ib->ajbk", between, A, A).reshape(4 * n_rows, 4 * n_rows)
    # What is added for coefficients that are equal for all classes is not looked at.
    T = np.kron(np.eye(4), centre)
    np.testing.assert_allclose(T @ Whole().hessian(objective, point) @ T, T @ whole @ T, atol=1e-12)
    shared = np.einsum("i,ia,ib->ab", s * q.mean(axis=1), A, A)
    np.testing.assert_allclose(Shared().hessian(objective, point), shared, atol=1e-12)
    diagonal = np.einsum("i,ik,ia->ak", s, q, A**2)
    np.testing.assert_allclose(Diagonal().hessian(objective, point), diagonal.ravel(), atol=1e-12)


@each_kind
@pytest.mark.parametrize("n_rows", [1, 3, 4])
def test_a_quadratic_in_other_units_has_the_same_values(kind, n_rows):
    rng, n = np.random.default_rng(1), 4
    sizes = {Whole: (n * n_rows,) * 2, Shared: (n, n), Diagonal: (n * n_rows,)}
    H = rng.normal(size=sizes[kind])
    H = H @ H.T if H.ndim == 2 else H**2
    centre, slope, U = rng.normal(size=(3, n, n_rows))
    old, ratio = LaplaceApproximation(1.0, centre, slope, H), rng.uniform(0.1, 10.0, n)
    new = old.rescaled(ratio)
    assert new.value(ratio[:, np.newaxis] * U) == pytest.approx(old.value(U), rel=1e-12)
    both = old.plus(2.0, U, slope, H)
    assert both.value(centre) - both.value(U) == pytest.approx(
        old.value(centre) - old.value(U) + LaplaceApproximation(2.0, U, slope, H).value(centre)
    )


def test_the_richest_curvature_that_fits_is_kept():
    assert isinstance(curvature_for(17, 26), Whole)
    assert isinstance(curvature_for(785, 10), Shared)
    assert isinstance(curvature_for(20_000, 20), Diagonal)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_batches_that_pile_up_keep_their_order_in_few_parts(lengths):
    edges = np.cumsum([0, *lengths])
    batches = ()
    for start, stop in pairwise(edges):
        rows = np.arange(start, stop)
        batches = push(batches, LabelledRows(rows[:, np.newaxis] * 1.0, rows, np.ones(len(rows))))
    np.testing.assert_array_equal(join(batches).codes, np.arange(edges[-1]))
    np.testing.assert_array_equal(join(batches).X[:, 0], np.arange(edges[-1]))
    assert len(batches) <= 1 + np.log2(edges[-1])


def learn_all(state, X, codes, size, passes=1, weights=None):
    s = np.ones(len(codes)) if weights is None else weights
    for _ in range(passes):
        for start in range(0, len(codes), size):
            part = slice(start, start + size)
            classes = np.arange(state.n_classes)
            state = state.learn(small_dataset(X[part], classes, codes[part], s[part]))
    return state


def excess_loss(state, X, y, n_repeats=1):
    """Return F of a state over F of the trained model, less 1, on all rows so often."""
    W, b = state.coefficients
    model = SoftmaxRegression().fit(X, y, np.full(len(y), float(n_repeats)))
    weight = np.full(len(y), float(n_repeats))
    here = penalised_loss(X, y, W.T, b, sample_weight=weight)
    return here / penalised_loss(X, y, model.coef_, model.intercept_, sample_weight=weight) - 1.0


@pytest.mark.parametrize("name", ["overlapping", "overlapping/two"])
def test_while_all_rows_are_in_the_window_the_minimum_is_that_of_the_batch_fit(name, monkeypatch):
    monkeypatch.setattr(online_newton, "_GAP", 1e-12)
    monkeypatch.setattr(online_newton, "_FLOOR", 1e-9)
    monkeypatch.setattr(online_newton, "_GROWTH", 0.0)
    monkeypatch.setattr(online_newton, "_MAX_NEWTON", 50)
    X, y = data(name)
    state = learn_all(OnlineNewton.empty(X.shape[1], len(np.unique(y))), X, y, 50)
    W, b = state.coefficients
    model = SoftmaxRegression(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(W.T, model.coef_, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(b, model.intercept_, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@each_kind
def test_many_passes_through_a_small_window_come_to_the_batch_optimum(kind, monkeypatch):
    monkeypatch.setattr(online_newton, "_WINDOW_SIZE", 200)
    monkeypatch.setattr(online_newton, "curvature_for", lambda n, n_rows: kind())
    X, y = data("overlapping")
    order = np.random.default_rng(0).permutation(len(y))
    empty = OnlineNewton.empty(4, 3)
    early = excess_loss(learn_all(empty, X[order], y[order], 10), X, y)
    late = excess_loss(learn_all(empty, X[order], y[order], 10, passes=20), X, y, 20)
    assert late < 0.01
    assert late < max(early, 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 64, 1797])
def test_the_size_of_the_batches_hardly_matters(size):
    X, y = data("digits")
    order = np.random.default_rng(3).permutation(len(y))
    train, test = order[:600], order[600:]
    state = learn_all(OnlineNewton.empty(64, 10), X[train], y[train], size)
    trained = SoftmaxRegression().fit(X[train], y[train])
    log_proba = trained.predict_log_proba(X[test])
    reference = -log_proba[np.arange(len(test)), y[test]].mean()
    assert state.mean_loss(dataset_of(X[test], y[test], n_classes=10)) < 1.25 * reference


def test_the_memory_does_not_grow_with_the_rows(monkeypatch):
    monkeypatch.setattr(online_newton, "_WINDOW_SIZE", 1000)
    X, y = data("overlapping")
    state, sizes = OnlineNewton.empty(4, 3), []
    for _ in range(30):
        state = learn_all(state, X, y, 40)
        arrays = state.to_arrays().values()
        sizes.append(sum(np.asarray(array).size for array in arrays))
    assert max(sizes[10:]) <= 2 * max(sizes[:10])


@pytest.mark.parametrize("factor", [1e6, 1e-6, 1e9])
def test_a_feature_that_jumps_in_scale_leaves_everything_finite(factor):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), rng.integers(3, size=400)
    X[:, 0] += y
    state = learn_all(OnlineNewton.empty(3, 3), X, y, 20)
    with np.errstate(all="ignore"):
        state = learn_all(state, X * [1.0, factor, 1.0], y, 20)
    assert np.isfinite(state.w).all()
    loss = state.mean_loss(dataset_of(X * [1.0, factor, 1.0], y))
    assert loss < np.log(3.0)
    state = learn_all(state, X * [1.0, 1e60, 1.0], y, 20)
    assert np.isfinite(state.w).all()


def test_rows_of_one_class_first_do_no_harm():
    X, y = data("overlapping")
    state = learn_all(OnlineNewton.empty(4, 3), X, y, 1)  # its rows are sorted by class
    assert np.abs(state.w).max() < 1e3
    assert excess_loss(state, X, y) < 0.05


@pytest.mark.slow
@each_kind
def test_a_state_goes_through_arrays_and_learns_on_bit_for_bit(kind, monkeypatch):
    monkeypatch.setattr(online_newton, "curvature_for", lambda n, n_rows: kind())
    monkeypatch.setattr(online_newton, "_WINDOW_SIZE", 300)
    X, y = data("overlapping")
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    for rows in (5, 101):
        state = learn_all(OnlineNewton.empty(4, 3), X[:rows], y[:rows], 4)
        arrays = state.to_arrays()
        assert all(isinstance(array, np.ndarray) for array in arrays.values())
        assert not any(array.dtype.hasobject for array in arrays.values())
        again = OnlineNewton.from_arrays(arrays)
        for size in (3, 9):
            one, two = learn_all(state, X, y, size), learn_all(again, X, y, size)
            np.testing.assert_array_equal(one.w, two.w)


def test_nothing_that_a_state_holds_is_written_to_when_it_learns():
    X, y = data("overlapping")
    state = learn_all(OnlineNewton.empty(4, 3), X, y, 7)
    before = {name: array.copy() for name, array in state.to_arrays().items()}
    learn_all(state, X, y, 7)
    for name, array in state.to_arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_csr_rows_give_the_updates_of_dense_ones():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) * (rng.random((300, 5)) < 0.3)
    y = rng.integers(3, size=300)
    dense = learn_all(OnlineNewton.empty(5, 3), X, y, 30)
    sparse = learn_all(OnlineNewton.empty(5, 3), sp.csr_matrix(X), y, 30)
    np.testing.assert_allclose(dense.w, sparse.w, rtol=1e-9, atol=1e-12)


def test_a_number_too_large_to_be_squared_is_refused():
    X, y = np.array([[1.0], [1e200]]), np.array([0, 1])
    with pytest.raises(ValueError, match="too large to be squared"):
        OnlineNewton.empty(1, 2).learn(dataset_of(X, y))


def test_log_softmax_agrees_with_the_loss_of_a_state():
    X, y = data("overlapping")
    state = learn_all(OnlineNewton.empty(4, 3), X, y, 50)
    W, b = state.coefficients
    s = np.linspace(1.0, 2.0, len(y))
    losses = -log_softmax(X @ W + b)[np.arange(len(y)), y]
    assert state.mean_loss(dataset_of(X, y, s)) == pytest.approx(
        np.average(losses, weights=s), rel=1e-12
    )
