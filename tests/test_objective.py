"""The formula, its derivatives by central differences, and what an evaluation costs."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from objectives import (
    CONTAINERS,
    objective_of,
    rows_and_labels,
    slope_by_differences,
    small_objective,
    somewhere,
)
from problems import newton, penalised_loss

# Scores and probabilities of a point are kept if there is memory, else computed again.
MEMORIES = {"kept": 64 << 20, "recomputed": 0}

each_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3], ids="K={}".format)
with_and_without_intercept = pytest.mark.parametrize(
    "fit_intercept", [True, False], ids=["intercept", "none"]
)
each_container = pytest.mark.parametrize("container", CONTAINERS)
scores_kept_or_not = pytest.mark.parametrize("memory", MEMORIES.values(), ids=MEMORIES)
KINDS = {
    "n_classes": {"K=2": 2, "K=3": 3},
    "fit_intercept": {"intercept": True, "none": False},
    "container": list(CONTAINERS),
    "memory": MEMORIES,
}


def coefficients(objective, w):
    """Return W and b of w as scikit-learn keeps them."""
    W, b = objective.unpack(w)
    return W.T, b if objective.fit_intercept else np.zeros(objective.n_outputs)


@covering(**KINDS, l1_ratio=[0.0, 0.4])
def test_the_value_is_the_formula_of_the_readme(
    n_classes, fit_intercept, container, memory, l1_ratio
):
    X, codes, weights = rows_and_labels(n_classes=n_classes)
    objective = objective_of(
        X,
        codes,
        weights,
        l1_ratio=l1_ratio,
        fit_intercept=fit_intercept,
        container=container,
        memory=memory,
    )
    w = somewhere(objective)
    C = 1.0 / (0.03 * weights.sum())
    expected = penalised_loss(X, codes, *coefficients(objective, w), C, l1_ratio, weights)
    assert_allclose(objective.at(w).value, expected, rtol=1e-14)


@covering(**KINDS)
def test_the_gradient_agrees_with_central_differences(n_classes, fit_intercept, container, memory):
    objective = small_objective(
        n_classes, fit_intercept=fit_intercept, container=container, memory=memory
    )
    w = somewhere(objective)
    numeric = [
        slope_by_differences(lambda t, e=e: objective.at(w + t * e).value)
        for e in np.eye(objective.size)
    ]
    assert_allclose(objective.at(w).gradient, numeric, rtol=1e-8, atol=1e-10)


@covering(**KINDS)
def test_a_hessian_product_agrees_with_differences_of_gradients(
    n_classes, fit_intercept, container, memory
):
    objective = small_objective(
        n_classes, fit_intercept=fit_intercept, container=container, memory=memory
    )
    w, v = somewhere(objective), somewhere(objective, seed=2)
    point = objective.at(w)
    numeric = slope_by_differences(lambda t: objective.at(w + t * v).gradient)
    assert_allclose(point.hessian_product(v), numeric, rtol=1e-8, atol=1e-9)
    _ = point.value, point.gradient
    assert_allclose(point.hessian_product(v), numeric, rtol=1e-8, atol=1e-9)


@each_number_of_classes
def test_the_hessian_is_symmetric_and_not_negative(n_classes):
    objective = small_objective(n_classes)
    point = objective.at(somewhere(objective))
    H = np.column_stack([point.hessian_product(e) for e in np.eye(objective.size)])
    assert_allclose(H, H.T, rtol=1e-12, atol=1e-15)
    assert np.linalg.eigvalsh(H)[0] > -1e-14


def test_the_gradient_is_that_of_the_smooth_part_when_there_is_an_l1_norm():
    lasso = small_objective(alpha=0.1, l1_ratio=0.4)
    ridge = small_objective(alpha=0.06)
    w = somewhere(lasso)
    assert_allclose(lasso.at(w).gradient, ridge.at(w).gradient, rtol=1e-14)
    v = somewhere(lasso, seed=2)
    assert_allclose(lasso.at(w).hessian_product(v), ridge.at(w).hessian_product(v), rtol=1e-13)


@covering(**KINDS)
def test_the_points_of_a_line_are_those_reached_directly(
    n_classes, fit_intercept, container, memory
):
    objective = small_objective(
        n_classes, fit_intercept=fit_intercept, container=container, memory=memory
    )
    w, d = somewhere(objective), somewhere(objective, seed=3)
    line = objective.at(w).line(d)
    for t in (0.0, 0.3, 1.0, -2.0):
        point, direct = line.at(t), objective.at(w + t * d)
        assert_allclose(point.w, direct.w, rtol=1e-15)
        assert_allclose(point.value, direct.value, rtol=1e-13)
        assert_allclose(line.slope(point), np.vdot(direct.gradient, d), rtol=1e-11)
        assert_allclose(point.gradient, direct.gradient, rtol=1e-11, atol=1e-14)
        assert_allclose(point.hessian_product(d), direct.hessian_product(d), rtol=1e-11, atol=1e-14)
        assert_allclose(point.optimality, direct.optimality, rtol=1e-11)


@scores_kept_or_not
def test_the_slope_on_a_line_agrees_with_central_differences(memory):
    objective = small_objective(memory=memory)
    d = somewhere(objective, seed=3)
    line = objective.at(somewhere(objective)).line(d)
    numeric = slope_by_differences(lambda t: line.at(0.7 + t).value)
    assert_allclose(line.slope(line.at(0.7)), numeric, rtol=1e-8)


@scores_kept_or_not
def test_a_line_from_a_point_of_a_line_goes_on_from_there(memory):
    objective = small_objective(memory=memory)
    w, d, e = (somewhere(objective, seed=seed) for seed in (1, 3, 4))
    point = objective.at(w).line(d).at(0.5).line(e).at(0.25)
    direct = objective.at(w + 0.5 * d + 0.25 * e)
    assert_allclose(point.value, direct.value, rtol=1e-13)
    assert_allclose(point.gradient, direct.gradient, rtol=1e-11, atol=1e-14)


@each_number_of_classes
@with_and_without_intercept
def test_pack_and_unpack_are_inverse(n_classes, fit_intercept):
    objective = small_objective(n_classes, fit_intercept=fit_intercept)
    w = somewhere(objective)
    W, b = objective.unpack(w)
    assert W.shape == (5, 1 if n_classes == 2 else n_classes)
    assert b.shape == ((W.shape[1],) if fit_intercept else (0,))
    assert_array_equal(objective.pack(W, b), w)


@each_number_of_classes
@each_container
def test_the_mean_over_all_samples_of_one_row_with_a_weight_is_the_gradient(n_classes, container):
    objective = small_objective(n_classes, container=container)
    w = somewhere(objective)
    rows = objective.active  # those with a weight: 60 but for the rows whose weight is zero
    one_by_one = [objective.batch(rows[[i]]).gradient(w) for i in range(len(rows))]
    gradient = objective.at(w).gradient
    assert_allclose(np.mean(one_by_one, axis=0), gradient, rtol=1e-12, atol=1e-14)
    everything = objective.batch(np.random.default_rng(0).permutation(rows)).gradient(w)
    assert_allclose(everything, gradient, rtol=1e-12, atol=1e-14)


@each_number_of_classes
@each_container
def test_a_weight_of_two_is_two_rows_and_a_weight_of_zero_none(n_classes, container):
    X, codes, weights = rows_and_labels(n_classes=n_classes)
    counts = np.random.default_rng(5).integers(0, 4, len(X))
    weighted = objective_of(X, codes, weights * counts, container=container)
    repeated = objective_of(
        *(np.repeat(part, counts, axis=0) for part in (X, codes, weights)), container=container
    )
    w, v = somewhere(weighted), somewhere(weighted, seed=2)
    for quantity in ("value", "gradient", "optimality"):
        expected = getattr(repeated.at(w), quantity)
        assert_allclose(getattr(weighted.at(w), quantity), expected, rtol=1e-11, atol=1e-14)
    assert_allclose(
        weighted.at(w).hessian_product(v), repeated.at(w).hessian_product(v), rtol=1e-11, atol=1e-14
    )
    assert_allclose(weighted.scale, repeated.scale, rtol=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_optimality_is_zero_at_the_optimum_and_nowhere_else(l1_ratio):
    X, codes, weights = rows_and_labels()
    alpha = 0.03
    if l1_ratio:
        # So strong an L1 norm that all coefficients are zero: the intercepts are log frequencies.
        objective = objective_of(X, codes, weights, alpha=1e3, l1_ratio=l1_ratio)
        b = np.log(np.bincount(codes, weights=weights))
        best = objective.pack(np.zeros((5, 3)), b)
    else:
        objective = objective_of(X, codes, weights, alpha=alpha)
        found = newton(X, codes, 1.0 / (alpha * weights.sum()), sample_weight=weights)
        best = objective.pack(found.coef.T, found.intercept)
    assert objective.at(best).optimality < 1e-12
    for w in (somewhere(objective), best + 1e-3 * somewhere(objective)):
        assert objective.at(w).optimality > 1e-5


def test_optimality_does_not_depend_on_the_units_of_the_features():
    X, codes, weights = rows_and_labels()
    units = np.array([1e-6, 1.0, 1e3, 1e9, 7.0])
    plain = objective_of(X, codes, weights, alpha=0.0)
    scaled = objective_of(X * units, codes, weights, alpha=0.0)
    w = somewhere(plain)
    W, b = plain.unpack(w)
    other = scaled.pack(W / units[:, np.newaxis], b)
    assert_allclose(scaled.at(other).optimality, plain.at(w).optimality, rtol=1e-9)


def test_optimality_does_not_depend_on_where_the_features_have_their_zero():
    X, codes, weights = rows_and_labels()
    zero = np.array([5.0, -100.0, 0.0, 30.0, 1e3])
    plain = objective_of(X, codes, weights)
    shifted = objective_of(X + zero, codes, weights)
    w = somewhere(plain)
    W, b = plain.unpack(w)
    assert_allclose(
        shifted.at(shifted.pack(W, b - zero @ W)).optimality, plain.at(w).optimality, rtol=1e-9
    )


@pytest.mark.parametrize("container", ["C", "csr"])
def test_a_large_mean_leaves_the_scale_its_digits(container):
    X, codes, weights = rows_and_labels(n_samples=2000)
    X = np.random.default_rng(0).normal(size=X.shape) + np.array([0.0, 1.0, 1e2, 1e4, 1e6])
    objective = objective_of(X, codes, weights, alpha=0.0, container=container)
    s = weights / weights.sum()
    expected = np.sqrt(s @ (X - s @ X) ** 2)
    # Centring a sparse column would fill it: rounding is then relative to the mean, squared.
    digits = 1e-10 if container == "C" else np.array([1e-10, 1e-10, 1e-9, 1e-6, 1e-2])
    assert (np.abs(objective.scale / expected - 1.0) < digits).all()


@pytest.mark.parametrize("container", ["C", "csr"])
def test_a_constant_column_neither_counts_nor_hides_how_far_the_others_are(container):
    X, codes, weights = rows_and_labels()
    more = np.column_stack([X, np.full(len(X), 0.1), np.zeros(len(X)), np.full(len(X), 1e6)])
    plain = objective_of(X, codes, weights, container=container)
    padded = objective_of(more, codes, weights, container=container)
    w = somewhere(plain)
    W, b = plain.unpack(w)
    point = padded.at(padded.pack(np.vstack([W, np.zeros((3, 3))]), b))
    assert_allclose(point.value, plain.at(w).value, rtol=1e-12)
    assert_allclose(point.optimality, plain.at(w).optimality, rtol=1e-6)


@each_container
@with_and_without_intercept
def test_float32_stays_float32_and_agrees_with_float64(container, fit_intercept):
    options = {"container": container, "fit_intercept": fit_intercept}
    single = small_objective(dtype=np.float32, **options)
    double = small_objective(**options)
    w, v = somewhere(single), somewhere(single, seed=2)
    point, reference = single.at(w), double.at(w.astype(np.float64))
    assert point.gradient.dtype == point.hessian_product(v).dtype == np.float32
    assert point.line(v).at(0.5).w.dtype == np.float32
    assert_allclose(point.value, reference.value, rtol=1e-6)
    assert_allclose(point.gradient, reference.gradient, rtol=1e-4, atol=1e-6)
    assert_allclose(point.hessian_product(v), reference.hessian_product(v), rtol=1e-4, atol=1e-5)


@each_number_of_classes
@scores_kept_or_not
def test_huge_scores_neither_overflow_nor_give_nan(n_classes, memory):
    X, codes, weights = rows_and_labels(n_classes=n_classes)
    objective = objective_of(X, codes, weights, memory=memory)
    w = somewhere(objective, size=1e6)
    point, v = objective.at(w), somewhere(objective, seed=2)
    C = 1.0 / (0.03 * weights.sum())
    expected = penalised_loss(X, codes, *coefficients(objective, w), C, 0.0, weights)
    assert_allclose(point.value, expected, rtol=1e-12)
    assert np.isfinite(point.gradient).all()
    assert np.isfinite(point.hessian_product(v)).all()
    line = point.line(v)
    assert np.isfinite(line.slope(line.at(1e3)))


def test_nothing_that_is_given_is_written_to():
    X, codes, weights = rows_and_labels()
    for container in CONTAINERS:
        objective = objective_of(X, codes, weights, container=container)
        given = objective.data.X
        arrays = [given] if isinstance(given, np.ndarray) else [given.data, given.indices]
        w, v = somewhere(objective), somewhere(objective, seed=2)
        for array in [*arrays, objective.data.codes, objective.data.weights, w, v]:
            array.flags.writeable = False
        point = objective.at(w)
        _ = point.value, point.gradient, point.optimality, point.hessian_product(v)
        line = point.line(v)
        _ = line.slope(line.at(0.5)), objective.batch(np.arange(7)).gradient(w)
        _ = objective.prox(w, 0.1)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["C", "fortran", "csr"])
@pytest.mark.parametrize("n_threads", [1, 2])
@scores_kept_or_not
def test_a_thread_count_gives_the_same_bits_from_run_to_run(container, n_threads, memory):
    X, codes, weights = rows_and_labels(n_samples=40_000, n_features=20)
    results = []
    for _ in range(4):
        objective = objective_of(
            X, codes, weights, container=container, n_threads=n_threads, memory=memory
        )
        assert objective.data.rows.n_threads == n_threads
        w, v = somewhere(objective, size=0.1), somewhere(objective, seed=2)
        with objective.data.running():
            point = objective.at(w)
            found = [point.value, point.gradient, point.optimality, point.hessian_product(v)]
            line = point.line(v)
            results.append([*found, line.at(0.1).value, line.slope(line.at(0.1))])
    for other in results[1:]:
        for mine, same in zip(results[0], other, strict=True):
            assert_array_equal(mine, same)


@pytest.mark.parametrize("container", ["C", "fortran", "csr", "csc"])
@scores_kept_or_not
def test_two_threads_find_what_one_finds(container, memory):
    X, codes, weights = rows_and_labels(n_samples=40_000, n_features=20)
    results = []
    for n_threads in (1, 2):
        objective = objective_of(
            X, codes, weights, container=container, n_threads=n_threads, memory=memory
        )
        w, v = somewhere(objective, size=0.1), somewhere(objective, seed=2)
        with objective.data.running():
            point = objective.at(w)
            results.append([point.value, point.gradient, point.hessian_product(v)])
    for one, two in zip(*results, strict=True):
        assert_allclose(two, one, rtol=1e-10, atol=1e-13)


def test_wide_sparse_rows_are_never_made_dense():
    n, p = 400, 100_000  # dense it would take 320 MB
    rng = np.random.default_rng(0)
    columns = np.concatenate([rng.choice(p, 10, replace=False) for _ in range(n)])
    X = sp.csr_array((rng.random(10 * n), (np.repeat(np.arange(n), 10), columns)), shape=(n, p))
    codes = np.arange(n) % 3
    for container in ("csr", "csc"):
        objective = objective_of(X, codes, np.ones(n), container=container)
        w = somewhere(objective)
        tracemalloc.start()
        point = objective.at(w)
        _ = point.value, point.gradient, point.optimality, point.hessian_product(w)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 60e6, f"{container}: {peak / 1e6:.0f} MB"


@pytest.mark.slow
@pytest.mark.parametrize("container", ["C", "fortran"])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_pass_takes_little_memory_beyond_the_rows(container, n_threads):
    X, codes, weights = rows_and_labels(n_samples=100_000, n_features=50)  # 40 MB
    objective = objective_of(X, codes, weights, container=container, memory=0, n_threads=n_threads)
    w = somewhere(objective, size=0.1)
    tracemalloc.start()
    with objective.data.running():
        point = objective.at(w)
        _ = point.value, point.gradient, point.optimality
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8e6, f"{peak / 1e6:.1f} MB"


@each_number_of_classes
@each_container
def test_the_loss_alone_is_the_value_without_the_penalty_in_one_pass(n_classes, container):
    X, codes, weights = rows_and_labels(n_classes=n_classes)
    objective = objective_of(X, codes, weights, container=container)
    w = somewhere(objective)
    loss = objective.loss(w)
    assert objective.data.rows.n_read == len(X)
    expected = penalised_loss(X, codes, *coefficients(objective, w), np.inf, 0.0, weights)
    assert_allclose(loss, expected, rtol=1e-14)
