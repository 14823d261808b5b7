"""Every penalty: its smooth part by central differences, its proximal point by comparison."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from objectives import slope_by_differences

from softmax_reg.penalties import PENALTIES, ElasticNet, Penalty

FACTOR = np.array([1.0, 0.0, 2.5, 0.3, 1.0, 4.0])
SCALE = np.array([1.0, 3.0, 0.5, 4.0, 0.2, 1.0])
# For every subclass a few instances for 6 features; a new penalty adds its own here.
EXAMPLES = {
    kind: [
        kind(0.0),
        kind(0.7),
        kind(0.7, l1_ratio=0.4),
        kind(2.0, l1_ratio=1.0),
        kind(0.7, 0.0, FACTOR),
        kind(0.7, 0.4, FACTOR),
        kind(2.0, 1.0, FACTOR),
        kind(2.0, 1.0, 0.0 * FACTOR),
        kind(0.7, 0.4, scale=SCALE),
        kind(2.0, 1.0, FACTOR, SCALE),
    ]
    for kind in PENALTIES.values()
}
STEPS = [1e-3, 0.5, 10.0, np.geomspace(0.01, 5.0, 6)[:, np.newaxis]]

each_penalty = pytest.mark.parametrize(
    "penalty", [example for examples in EXAMPLES.values() for example in examples], ids=str
)


def somewhere(seed=0):
    """Return coefficients of 6 features and 3 rows, some zero."""
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(6, 3))
    W[rng.random(W.shape) < 0.3] = 0.0
    return W


def rest(penalty, W):
    """Return the part of the value that is not smooth."""
    return penalty.value(W) - 0.5 * np.sum(penalty.curvature * W**2)


def test_every_penalty_has_examples_here():
    assert set(Penalty.__subclasses__()) == set(EXAMPLES) == set(PENALTIES.values())


@each_penalty
def test_the_gradient_is_that_of_the_smooth_part(penalty):
    W, D = somewhere(), somewhere(1)
    numeric = slope_by_differences(lambda t: 0.5 * np.sum(penalty.curvature * (W + t * D) ** 2))
    assert_allclose(np.vdot(penalty.gradient(W), D), numeric, rtol=1e-9, atol=1e-12)
    assert penalty.gradient(W).shape == W.shape


@each_penalty
def test_where_no_coefficient_is_zero_the_value_has_the_slope_of_both_parts(penalty):
    W, D = somewhere() + 3.0, somewhere(1)
    numeric = slope_by_differences(lambda t: penalty.value(W + t * D))
    rests = slope_by_differences(lambda t: rest(penalty, W + t * D))
    assert_allclose(np.vdot(penalty.gradient(W), D) + rests, numeric, rtol=1e-8, atol=1e-11)


@each_penalty
def test_the_curvature_is_the_second_derivative_of_the_smooth_part(penalty):
    W, D = somewhere(), somewhere(1)
    numeric = slope_by_differences(lambda t: penalty.gradient(W + t * D))
    assert_allclose(penalty.curvature * D, numeric, rtol=1e-9, atol=1e-12)


@each_penalty
@pytest.mark.parametrize("step", STEPS)
def test_no_point_is_better_than_the_proximal_point(penalty, step):
    rng = np.random.default_rng(0)
    W = somewhere()
    best = penalty.prox(W, step)

    def cost(V):
        return rest(penalty, V) + np.sum((V - W) ** 2 / (2.0 * step))

    for size in (1e-6, 1e-3, 0.1, 1.0):
        for _ in range(50):
            other = best + size * rng.normal(size=W.shape) * (rng.random(W.shape) < 0.3)
            assert cost(best) <= cost(other) + 1e-14
    assert cost(best) <= min(cost(W), cost(np.zeros_like(W))) + 1e-14


@each_penalty
def test_the_proximal_point_is_the_identity_exactly_if_the_penalty_is_smooth(penalty):
    W = somewhere()
    assert penalty.is_smooth == np.array_equal(penalty.prox(W, 0.3), W)
    assert penalty.is_smooth == (rest(penalty, W) < 1e-15)


@each_penalty
def test_nothing_costs_nothing_and_a_penalty_is_convex(penalty):
    assert penalty.value(np.zeros((6, 3))) == 0.0
    W, V = somewhere(), somewhere(1)
    assert penalty.value((W + V) / 2) <= (penalty.value(W) + penalty.value(V)) / 2 + 1e-15
    assert isinstance(penalty.value(W), float)


@each_penalty
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_is_kept_and_nothing_is_written_to(penalty, dtype):
    W = somewhere().astype(dtype)
    W.flags.writeable = False
    assert penalty.gradient(W).dtype == dtype
    assert penalty.prox(W, 0.3).dtype == dtype


@each_penalty
def test_a_step_for_each_coefficient_serves_where_the_classes_are_not_coupled(penalty):
    if penalty.couples_classes:
        return
    W, step = somewhere(), np.geomspace(0.01, 5.0, 18).reshape(6, 3)
    moved = penalty.prox(W, step)
    for k in range(3):
        assert_array_equal(moved[:, k : k + 1], penalty.prox(W[:, k : k + 1], step[:, k : k + 1]))


@each_penalty
def test_the_rest_has_on_the_support_the_gradient_and_the_curvature_that_are_told(penalty):
    W, D = somewhere(), somewhere(1)
    support = penalty.differentiable_at(W)
    assert (support | (W == 0.0)).all()
    assert_array_equal(penalty.nonsmooth_gradient(W)[~support], 0.0)
    D = np.where(support, D, 0.0)
    numeric = slope_by_differences(lambda t: rest(penalty, W + t * D))
    assert_allclose(np.vdot(penalty.nonsmooth_gradient(W), D), numeric, rtol=1e-8, atol=1e-9)
    numeric = slope_by_differences(lambda t: penalty.nonsmooth_gradient(W + t * D))
    curvature = penalty.nonsmooth_hessian(W)
    bent = np.zeros_like(W) if curvature is None else np.einsum("jkl,jl->jk", curvature, D)
    assert_allclose(bent, numeric, rtol=1e-7, atol=1e-9)


@each_penalty
def test_the_dual_norm_tells_whether_nothing_else_is_better_than_zero(penalty):
    U = somewhere(2)
    norm = penalty.dual_norm(U)
    if not 0.0 < norm < np.inf:
        assert penalty.is_smooth or np.any(FACTOR == 0.0)
        return
    zero = np.zeros_like(U)
    for share, is_best in ((0.999, True), (1.001, False)):
        slope = share / norm * U
        assert np.array_equal(penalty.prox(slope, 1.0), zero) == is_best


@each_penalty
def test_the_conjugate_is_the_most_that_a_slope_can_gain(penalty):
    # Fenchel and Young: h*(U) >= <U, V> - h(V), with equality at some V.
    U, rng = somewhere(2), np.random.default_rng(3)
    share, value = penalty.conjugate(U)
    assert 0.0 <= share <= 1.0
    for size in (0.1, 1.0, 10.0):
        for _ in range(50):
            V = size * rng.normal(size=U.shape)
            assert value >= share * np.vdot(U, V) - penalty.value(V) - 1e-12
    curvature = np.broadcast_to(penalty.curvature, (6, 1))
    bent = curvature[:, 0] > 0.0
    # argmax: V = prox of U / curvature, for h = curvature/2 V^2 + rest is a prox problem itself.
    step = np.where(curvature > 0.0, 1.0 / np.where(bent[:, np.newaxis], curvature, 1.0), 1.0)
    best = np.where(bent[:, np.newaxis], penalty.prox(share * U * step, step), 0.0)
    assert_allclose(share * np.vdot(U, best) - penalty.value(best), value, rtol=1e-12, atol=1e-12)


@each_penalty
def test_a_larger_share_of_a_slope_would_have_no_finite_conjugate(penalty):
    U = somewhere(2)
    share, _ = penalty.conjugate(U)
    hard = np.broadcast_to(penalty.curvature, U.shape) == 0.0
    if share < 1.0:
        # Along V the gain grows without end.
        V = np.where(hard, (1.01 * share + 1e-6) * U, 0.0)
        moved = penalty.prox(V, 1.0)
        assert np.abs(moved).max() > 0.0
    elif hard.any():
        assert_allclose(penalty.prox(np.where(hard, U, 0.0), 1.0 + 1e-9)[hard], 0.0, atol=1e-12)


@pytest.mark.parametrize("kind", EXAMPLES)
@given(data=st.data())
def test_every_prox_is_the_minimiser_of_its_definition(kind, data):
    numbers = st.floats(-50, 50).map(lambda x: round(x, 3))
    W = np.array(data.draw(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3)))
    factor = np.array(data.draw(st.tuples(*[st.floats(0, 5)] * len(W))))
    penalty = kind(data.draw(st.floats(1e-3, 20)), data.draw(st.floats(0, 1)), factor)
    step = data.draw(st.floats(1e-3, 20))
    best = penalty.prox(W, step)

    def cost(V):
        return rest(penalty, V) + np.sum((V - W) ** 2) / (2.0 * step)

    # The cost is convex with curvature 1 / step: a point no worse than its neighbours along the
    # axes, along itself and towards W and 0 is within reach of the minimiser.
    scale = np.abs(W).max() + 1.0
    directions = [*np.eye(W.size).reshape(-1, *W.shape), W, best, W - best, best - W]
    for direction in directions:
        for t in (-1e-3, 1e-3, -0.1, 0.1):
            assert cost(best) <= cost(best + t * direction) + 1e-11 * scale**2 * (1 + 1 / step)


@given(w=st.floats(-100, 100), step=st.floats(1e-6, 1e3), alpha=st.floats(1e-6, 1e3))
def test_soft_thresholding_moves_towards_zero_and_not_past_it(w, step, alpha):
    W = np.array([[w]])
    moved = ElasticNet(alpha, 1.0).prox(W, step)
    assert_allclose(moved, np.sign(w) * max(abs(w) - step * alpha, 0.0), rtol=1e-12, atol=1e-300)


def test_small_coefficients_become_exactly_zero():
    W = np.array([[0.2, -0.2, 0.0, 5.0]])
    moved = ElasticNet(1.0, 1.0).prox(W, 0.5)
    assert_array_equal(moved == 0.0, [[True, True, True, False]])


def test_without_strength_even_coefficients_whose_square_overflows_cost_nothing():
    W = np.array([[1e30]], dtype=np.float32)
    with np.errstate(over="raise", invalid="raise"):
        assert ElasticNet(0.0).value(W) == 0.0


def test_a_penalty_has_six_methods_and_two_properties_to_offer():
    offered = [getattr(Penalty, name) for name in Penalty.__abstractmethods__]
    assert sum(isinstance(one, property) for one in offered) == 2
    assert len(offered) == 8
