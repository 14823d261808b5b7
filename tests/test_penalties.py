"""Every penalty: its smooth part by central differences, its proximal point by comparison."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from objectives import slope_by_differences

from softmax_reg.penalties import ElasticNet, Penalty

# For every subclass a few instances; a new penalty adds its own here.
EXAMPLES = {
    ElasticNet: [
        ElasticNet(0.0),
        ElasticNet(0.7),
        ElasticNet(0.7, l1_ratio=0.4),
        ElasticNet(2.0, l1_ratio=1.0),
    ]
}

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
    return penalty.value(W) - 0.5 * penalty.curvature * np.sum(W**2)


def test_every_penalty_has_examples_here():
    assert set(Penalty.__subclasses__()) == set(EXAMPLES)


@each_penalty
def test_the_gradient_is_that_of_the_smooth_part(penalty):
    W, D = somewhere(), somewhere(1)
    numeric = slope_by_differences(lambda t: 0.5 * penalty.curvature * np.sum((W + t * D) ** 2))
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
@pytest.mark.parametrize("step", [1e-3, 0.5, 10.0, np.geomspace(0.01, 5.0, 6)[:, np.newaxis]])
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
