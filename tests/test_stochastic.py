"""Mini-batches, their search for a step, and the stochastic methods beside their formulas."""

import warnings
from itertools import islice

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from objectives import STOCHASTIC, objective_of, rows_and_labels, small_objective, somewhere
from scipy.optimize import minimize_scalar
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression
from softmax_reg.preconditioning.preconditioners import bound_map, full_map
from softmax_reg.preconditioning.problem import TransformedObjective
from softmax_reg.schedules import ReduceOnPlateau
from softmax_reg.solvers import SGD, SOLVERS, SVRG, Adam, Nesterov, minimize

each_stochastic = pytest.mark.parametrize("name", STOCHASTIC)
each_rate = pytest.mark.parametrize("learning_rate", ["auto", 0.01])


def epochs(solver, objective, n_epochs, seed=0):
    """Return the coefficients after each of the first epochs, in the features' own coordinates."""
    points = solver.points(objective, np.zeros(objective.size), np.random.default_rng(seed), {})
    return [point.w for point in islice(points, n_epochs)]


# Batches


@pytest.mark.parametrize("n_rows", [1, 7, 54, 100])
def test_the_batches_of_an_epoch_hold_every_row_with_a_weight_once(n_rows):
    objective = small_objective()
    drawn = [batch.sample for batch in objective.batches(n_rows, np.random.default_rng(3))]
    assert max(map(len, drawn)) <= n_rows
    together = np.concatenate(drawn)
    assert (np.sort(together) != together).any()
    assert_array_equal(np.sort(together), objective.active)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("conditioned", [False, True])
def test_the_change_of_a_batch_estimates_the_change_of_the_gradient(n_classes, conditioned):
    objective = small_objective(n_classes=n_classes)
    if conditioned:
        w = somewhere(objective)
        objective = TransformedObjective(objective, w, bound_map(objective))
    v, snapshot = (somewhere(objective, seed) for seed in (1, 2))
    control = objective.at(snapshot)
    changes = [objective.batch(np.array([i])).gradient(v, control) for i in objective.active]
    expected = objective.at(v).gradient - control.gradient
    assert_allclose(np.mean(changes, axis=0), expected, rtol=1e-9, atol=1e-12)
    nowhere = objective.batch(objective.active[:5]).gradient(snapshot, control)
    assert_allclose(nowhere, 0.0, atol=1e-13)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("size", "share"), [(0.0, 0.95), (0.5, 0.95), (5.0, 0.1)])
def test_the_step_that_a_batch_asks_for_descends_and_comes_close_to_the_best(
    n_classes, size, share
):
    objective = small_objective(n_classes=n_classes)
    w = somewhere(objective, size=size)
    batch = objective.batch(objective.active)
    gradient = batch.gradient(w)
    direction = -gradient
    t = batch.step_length(direction, float(gradient @ direction))
    along = lambda t: objective.at(w + t * direction).value  # noqa: E731
    best = minimize_scalar(along, bracket=(0.0, t), tol=1e-10).x
    # The bound is above the loss: its minimisers come up to the best step from below.
    assert 0.0 < t <= best * (1.0 + 1e-6)
    assert along(0.0) - along(t) >= share * (along(0.0) - along(best))


def test_a_direction_that_ascends_or_leads_nowhere_gets_no_step():
    objective = small_objective()
    batch = objective.batch(objective.active)
    gradient = batch.gradient(np.zeros(objective.size))
    assert batch.step_length(gradient, float(gradient @ gradient)) == 0.0
    assert batch.step_length(np.zeros_like(gradient), 0.0) == 0.0


@pytest.mark.parametrize("container", ["C", "csr"])
def test_a_batch_of_several_pieces_says_what_one_of_a_single_piece_does(container, monkeypatch):
    objective, w = small_objective(container=container), somewhere(small_objective())
    found = []
    for piece in (4 << 20, 200):
        monkeypatch.setattr("softmax_reg.dataset.row_blocks._TAKEN_BYTES", piece)
        batch = objective.batch(objective.active)
        gradient = batch.gradient(w)
        found.append((gradient, batch.step_length(-gradient, -float(gradient @ gradient))))
    assert_allclose(found[0][0], found[1][0], rtol=1e-12, atol=1e-15)
    assert_allclose(found[0][1], found[1][1], rtol=1e-12)


# The textbook


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_takes_the_steps_of_sutskever_et_al(nesterov):
    objective, rate, share = small_objective(), 0.01, 0.8
    solver = SGD(learning_rate=rate, batch_size=20, momentum=share, nesterov=nesterov)
    found = epochs(solver, objective, 3)
    rng, w = np.random.default_rng(0), np.zeros(objective.size)
    velocity = np.zeros_like(w)
    for expected in found:
        for batch in objective.batches(20, rng):
            ahead = w + share * velocity if nesterov else w
            velocity = share * velocity - rate * batch.gradient(ahead)
            w = w + velocity
        assert_allclose(w, expected, rtol=1e-12, atol=1e-15)


def test_adam_takes_the_steps_of_kingma_and_ba():
    objective, rate, beta1, beta2, epsilon = small_objective(), 0.02, 0.8, 0.95, 1e-3
    solver = Adam(rate, batch_size=15, beta1=beta1, beta2=beta2, epsilon=epsilon)
    found = epochs(solver, objective, 3)
    rng, w, m, v, t = np.random.default_rng(0), np.zeros(objective.size), 0.0, 0.0, 0
    for expected in found:
        for batch in objective.batches(15, rng):
            t, g = t + 1, batch.gradient(w)
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
            w = w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + epsilon)
        assert_allclose(w, expected, rtol=1e-10, atol=1e-14)


def test_svrg_takes_the_steps_of_johnson_and_zhang():
    objective, rate = small_objective(), 0.02
    found = epochs(SVRG(learning_rate=rate, batch_size=10), objective, 3)
    rng, w = np.random.default_rng(0), np.zeros(objective.size)
    for expected in found:
        snapshot, whole = w, objective.at(w).gradient
        for batch in objective.batches(10, rng):
            w = w - rate * (batch.gradient(w) - batch.gradient(snapshot) + whole)
        assert_allclose(w, expected, rtol=1e-10, atol=1e-14)


def run(solver, objective, **options):
    options = {"tol": 1e-8, "max_iter": 2000} | options
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        rng = np.random.default_rng(0)
        return minimize(solver, objective, np.zeros(objective.size), rng=rng, **options)


def scaled_objective(**options):
    X, codes, weights = rows_and_labels(n_samples=300)
    return objective_of(X / X.std(axis=0), codes, weights, **options)


def test_a_constant_rate_takes_svrg_to_the_optimum_and_leaves_sgd_at_its_noise():
    objective = scaled_objective()
    best = run(Nesterov(), objective, tol=1e-11).point.value
    rate = {"learning_rate": 0.1, "batch_size": 10}
    exact = run(SVRG(**rate), objective, max_iter=200).point.value
    noisy = run(SGD(**rate, momentum=0.0), objective, max_iter=200).point.value
    assert exact - best < 1e-12
    assert noisy - best > 1e-5


def test_svrg_with_an_l1_norm_finds_what_is_zero():
    objective = scaled_objective(alpha=0.1, l1_ratio=0.8)
    found = run(SVRG(learning_rate=0.1, batch_size=10), objective)
    reference = run(Nesterov(), objective, tol=1e-10)
    assert found.converged
    W, W_reference = (objective.unpack(result.point.w)[0] for result in (found, reference))
    assert_array_equal(W == 0.0, W_reference == 0.0)
    assert (W == 0.0).any()


# Without a learning rate


@each_stochastic
def test_epochs_without_a_rate_converge_linearly(name):
    result = run(SOLVERS[name](), scaled_objective(alpha=1e-3))
    assert result.converged
    assert result.n_iter < 60
    gaps = result.loss_curve - result.loss_curve.min()
    assert gaps[result.n_iter // 2] < 1e-3 * gaps[0]


@each_stochastic
def test_a_few_epochs_are_enough_on_features_over_six_decades(name):
    X, codes, weights = rows_and_labels(n_samples=2000, n_features=8)
    objective = objective_of(X * np.logspace(-3, 3, 8), codes, weights, alpha=1e-6)
    best = run(Nesterov(), objective, tol=1e-9).point.value
    value = run(SOLVERS[name](), objective, max_iter=6).point.value
    assert value <= 1.01 * best


@each_stochastic
@pytest.mark.parametrize("batch_size", [1, 10**6])
def test_any_size_of_batch_descends_without_a_rate(name, batch_size):
    objective = small_objective(alpha=1e-3)
    curve = run(SOLVERS[name](batch_size=batch_size), objective, max_iter=15).loss_curve
    assert (np.diff(curve) <= 1e-14).all()
    assert curve[-1] < 0.9 * curve[0]


def test_the_curvature_of_a_sample_is_near_that_of_all_rows():
    X, codes, weights = rows_and_labels(n_samples=20_000, n_features=3)
    objective = objective_of(X, codes, weights)
    point = objective.at(somewhere(objective, size=0.1))
    change = full_map(objective, point, np.random.default_rng(0))
    local, rng = TransformedObjective(objective, point.w, change), np.random.default_rng(1)
    exact = full_map(objective, point)
    start = local.at(local.start)
    assert not np.array_equal(change.root, exact.root)
    for _ in range(5):
        v = change.adjoint(exact.adjoint(rng.normal(size=local.size)))  # no constant part
        ratio = float(v @ start.hessian_product(v)) / float(v @ v)
        assert 0.7 < ratio < 1.4


def test_new_coordinates_do_not_evaluate_their_origin_again():
    objective = small_objective()
    w = somewhere(objective).reshape(-1, 3)
    w = (w - w.mean(axis=1, keepdims=True)).ravel()
    point = objective.at(w)
    local = TransformedObjective(objective, w, bound_map(objective), point)
    assert local.at(local.start).inner is point
    assert local.at(local.start.copy()).inner is not point


# Where rows come from


@each_stochastic
@each_rate
def test_rows_on_disk_and_sparse_rows_make_the_same_steps(name, learning_rate, tmp_path):
    X, y, _ = rows_and_labels(n_samples=400)
    on_disk = np.memmap(tmp_path / "rows", dtype=X.dtype, mode="w+", shape=X.shape)
    on_disk[:] = X
    options = {"solver": SOLVERS[name](learning_rate=learning_rate), "max_iter": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        dense, disk, sparse = (
            SoftmaxRegression(**options, random_state=5).fit(rows, y)
            for rows in (X, on_disk, sp.csr_array(X))
        )
    assert_array_equal(disk.coef_, dense.coef_)
    assert_array_equal(disk.loss_curve_, dense.loss_curve_)
    assert_allclose(sparse.coef_, dense.coef_, rtol=1e-6, atol=1e-8)


# A schedule that sees the loss


@pytest.mark.parametrize("name", ["gd", "nesterov", *STOCHASTIC])
def test_a_plateau_reduces_the_rate_and_the_next_fit_starts_afresh(name):
    class Watched(ReduceOnPlateau):
        def observe(self, loss):
            super().observe(loss)
            seen.append((loss, self(0)))

    objective, schedule = small_objective(), Watched(0.02, patience=2, threshold=0.2)
    curves = []
    for _ in range(2):
        seen = []
        result = run(SOLVERS[name](learning_rate=schedule), objective, max_iter=20)
        curves.append(result.loss_curve)
        if name != "nesterov":  # whose schedule sees the points that it yields, too
            assert_allclose([loss for loss, _ in seen], result.loss_curve[:-1], rtol=1e-12)
        assert seen[0][1] == 0.02
        assert seen[-1][1] < 0.02
    assert_array_equal(*curves)
    assert schedule(0) == 0.02
