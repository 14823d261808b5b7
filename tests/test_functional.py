"""The mathematics of scores against known values, central differences, oracles and odd inputs."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from softmax_reg.functional import (
    cross_entropy,
    cross_entropy_gradient,
    cross_entropy_hessian_product,
    log_softmax,
    sigmoid,
    softmax,
    softmax_jacobian,
    softmax_vjp,
)

pytestmark = pytest.mark.filterwarnings("error")

LARGEST = np.finfo(np.float64).max
SCORES = np.array([[0.3, -1.2, 2.0], [5.0, 5.0, -5.0], [0.0, 0.1, -0.1], [-40.0, 1.0, 3.0]])
LABELS = np.array([2, 0, 1, 1])
ROWS = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]])
WEIGHTS = np.array([1.0, 0.0, 2.5, 0.3])

# Every shape, dtype and size that a caller may come with: up to 200 numbers, K from 1 to 6.
shapes = hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=6).filter(
    lambda s: s[-1] > 0
)
extremes = st.sampled_from(
    [0.0, -0.0, 1e-308, 5e-324, 1e308, -1e308, LARGEST, -LARGEST, 745.2, -745.2]
)


def floats(width: int, finite: bool) -> st.SearchStrategy[float]:
    anything = st.floats(width=width, allow_nan=False, allow_infinity=not finite)
    moderate = st.floats(-30, 30, width=width)
    return anything | moderate | (extremes if width == 64 else st.nothing())


@st.composite
def score_arrays(draw: st.DrawFn, finite: bool = True) -> np.ndarray:
    """Scores of any shape, width and memory layout."""
    width = draw(st.sampled_from([64, 32]))
    dtype = np.dtype(f"f{width // 8}")
    scores = draw(hnp.arrays(dtype, draw(shapes), elements=floats(width, finite)))
    layout = draw(st.sampled_from(["C", "F", "reversed", "strided", "read-only"]))
    if layout == "F":
        return np.asfortranarray(scores)
    if layout == "reversed":
        return scores[..., ::-1]
    if layout == "strided":
        return np.repeat(scores, 2, axis=-1)[..., ::2]
    scores.flags.writeable = layout != "read-only"
    return scores


def central_difference(function: Any, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the derivatives of a function with respect to each entry of `at`, last axes first."""
    columns = []
    for index in np.ndindex(at.shape):
        ahead, behind = at.copy(), at.copy()
        ahead[index] += step
        behind[index] -= step
        columns.append((np.asarray(function(ahead)) - np.asarray(function(behind))) / (2 * step))
    return np.stack(columns, axis=-1).reshape(*np.shape(columns[0]), *at.shape)


class TestKnownValues:
    def test_softmax_of_1_2_3(self) -> None:
        assert_allclose(softmax([1, 2, 3]), [0.09003057, 0.24472847, 0.66524096], atol=5e-9)

    def test_jacobian_at_1_2_3(self) -> None:
        expected = [
            [0.08192507, -0.02203304, -0.05989202],
            [-0.02203304, 0.18483645, -0.1628034],
            [-0.05989202, -0.1628034, 0.22269543],
        ]
        assert_allclose(softmax_jacobian([1, 2, 3]), expected, atol=5e-9)

    def test_cross_entropy_of_equal_scores_is_the_logarithm_of_the_number_of_classes(self) -> None:
        assert cross_entropy(np.zeros((4, 7)), [0, 3, 6, 6]) == pytest.approx(
            math.log(7), rel=1e-15
        )

    def test_sigmoid_at_0_is_a_half(self) -> None:
        assert sigmoid(0) == 0.5

    def test_a_tiny_loss_keeps_its_digits(self) -> None:
        assert cross_entropy([0.0, -40.0], 0) == pytest.approx(math.exp(-40), rel=1e-14)

    def test_a_loss_of_zero_is_not_negative_zero(self) -> None:
        assert math.copysign(1, cross_entropy([[3.0]], [0])) == 1


class TestIdentities:
    def test_jacobian_rows_sum_to_zero(self) -> None:
        assert_allclose(softmax_jacobian(SCORES).sum(axis=-1), 0, atol=1e-15)

    def test_jacobian_is_symmetric_and_positive_semi_definite(self) -> None:
        J = softmax_jacobian(SCORES)
        assert_array_equal(J, J.swapaxes(-1, -2))
        assert np.linalg.eigvalsh(J).min() > -1e-15

    def test_softmax_does_not_see_a_shift_of_each_row(self) -> None:
        shift = np.array([[1e3], [-1e3], [0.5], [7.0]])
        assert_allclose(softmax(SCORES + shift), softmax(SCORES), rtol=1e-12)

    def test_two_classes_are_the_sigmoid_of_the_difference(self) -> None:
        scores = np.linspace(-40, 40, 60).reshape(30, 2)
        assert_allclose(softmax(scores)[:, 1], sigmoid(scores[:, 1] - scores[:, 0]), rtol=1e-14)

    def test_sigmoid_of_x_and_of_minus_x_sum_to_one(self) -> None:
        x = np.linspace(-800, 800, 101)
        assert_allclose(sigmoid(x) + sigmoid(-x), 1, rtol=1e-15)

    def test_vjp_multiplies_by_the_jacobian(self) -> None:
        v = np.random.default_rng(0).normal(size=SCORES.shape)
        expected = np.einsum("ijk,ik->ij", softmax_jacobian(SCORES), v)
        assert_allclose(softmax_vjp(SCORES, v), expected, atol=1e-15)

    def test_vjp_of_the_unit_vectors_is_the_jacobian(self) -> None:
        J = softmax_vjp(SCORES[:, np.newaxis, :], np.eye(3))
        assert_allclose(J, softmax_jacobian(SCORES), atol=1e-15)

    def test_labels_and_one_hot_rows_give_the_same(self) -> None:
        one_hot = np.eye(3)[LABELS]
        for function in (cross_entropy, cross_entropy_gradient):
            by_labels = function(SCORES, LABELS, sample_weight=WEIGHTS, label_smoothing=0.1)
            by_rows = function(SCORES, one_hot, sample_weight=WEIGHTS, label_smoothing=0.1)
            assert_array_equal(by_labels, by_rows)

    def test_the_cross_entropy_is_the_formula(self) -> None:
        log_proba = np.log(softmax(SCORES))
        expected = -np.sum(WEIGHTS[:, None] * ROWS * log_proba) / WEIGHTS.sum()
        assert cross_entropy(SCORES, ROWS, sample_weight=WEIGHTS) == pytest.approx(
            expected, rel=1e-14
        )

    def test_a_weight_of_two_equals_two_rows(self) -> None:
        twice = np.repeat(np.arange(4), [1, 2, 1, 1])
        for function in (
            cross_entropy,
            lambda *a, **k: cross_entropy_gradient(*a, **k).sum(axis=0),
        ):
            weighted = function(SCORES, LABELS, sample_weight=[1, 2, 1, 1])
            assert_allclose(weighted, function(SCORES[twice], LABELS[twice]), rtol=1e-14)

    def test_label_smoothing_is_a_mixture_with_the_uniform_distribution(self) -> None:
        uniform = np.full_like(SCORES, 1 / 3)
        expected = 0.7 * cross_entropy(SCORES, LABELS) + 0.3 * cross_entropy(SCORES, uniform)
        smooth = cross_entropy(SCORES, LABELS, label_smoothing=0.3)
        assert smooth == pytest.approx(expected, rel=1e-14)

    def test_the_hessian_does_not_move_a_shift_of_each_row(self) -> None:
        assert_allclose(cross_entropy_hessian_product(SCORES, np.ones_like(SCORES)), 0, atol=1e-15)


class TestDerivatives:
    @pytest.mark.parametrize("scores", [[0.4, -0.3], [1.0, 2.0, 3.0], [3.0, 0.0, 0.5, -2.0]])
    def test_jacobian_is_the_derivative_of_softmax(self, scores: list[float]) -> None:
        numeric = central_difference(softmax, np.array(scores))
        assert_allclose(softmax_jacobian(scores), numeric, atol=1e-10)

    @pytest.mark.parametrize("n_classes", [2, 3])
    @pytest.mark.parametrize("targets", ["labels", "rows"])
    @pytest.mark.parametrize("smoothing", [0.0, 0.2])
    @pytest.mark.parametrize("weights", [None, WEIGHTS])
    def test_gradient_is_the_derivative_of_cross_entropy(
        self, n_classes: int, targets: str, smoothing: float, weights: np.ndarray | None
    ) -> None:
        rng = np.random.default_rng(n_classes)
        scores = rng.normal(size=(4, n_classes))
        y: Any = rng.integers(n_classes, size=4)
        if targets == "rows":
            y = rng.dirichlet(np.ones(n_classes), size=4)
        options: Any = {"sample_weight": weights, "label_smoothing": smoothing}
        numeric = central_difference(lambda z: cross_entropy(z, y, **options), scores)
        assert_allclose(cross_entropy_gradient(scores, y, **options), numeric, atol=1e-10)

    @pytest.mark.parametrize("n_classes", [2, 3])
    @pytest.mark.parametrize("weights", [None, WEIGHTS])
    def test_hessian_product_is_the_derivative_of_the_gradient(
        self, n_classes: int, weights: np.ndarray | None
    ) -> None:
        rng = np.random.default_rng(n_classes)
        scores, v = rng.normal(size=(2, 4, n_classes))
        y = rng.integers(n_classes, size=4)

        def gradient_along(step: np.ndarray) -> np.ndarray:
            return cross_entropy_gradient(scores + step * v, y, sample_weight=weights)

        numeric = central_difference(gradient_along, np.zeros(()))
        product = cross_entropy_hessian_product(scores, v, sample_weight=weights)
        assert_allclose(product, numeric, atol=1e-10)


class TestLimits:
    inf = math.inf

    @pytest.mark.parametrize(
        ("scores", "limit"),
        [
            ([inf, 0.0], [1.0, 0.0]),
            ([-inf, 0.0], [0.0, 1.0]),
            ([inf, -inf], [1.0, 0.0]),
            ([inf, inf, 0.0, -inf], [0.5, 0.5, 0.0, 0.0]),
            ([-inf, -inf], [0.5, 0.5]),
            ([-inf, 1.0, 1.0], [0.0, 0.5, 0.5]),
            ([1e308, -1e308], [1.0, 0.0]),
            ([LARGEST, LARGEST], [0.5, 0.5]),
            ([inf], [1.0]),
            ([-inf], [1.0]),
        ],
    )
    def test_infinite_and_huge_scores_give_the_limit(
        self, scores: list[float], limit: list[float]
    ) -> None:
        assert_array_equal(softmax(scores), limit)
        assert_allclose(np.exp(log_softmax(scores)), limit, rtol=1e-15)

    def test_the_log_probability_of_an_infinitely_worse_class_is_minus_infinity(self) -> None:
        assert_array_equal(log_softmax([0.0, -math.inf]), [0.0, -math.inf])
        assert_array_equal(log_softmax([math.inf, 0.0]), [0.0, -math.inf])

    def test_a_difference_beyond_the_largest_float_stays_at_the_largest_float(self) -> None:
        assert_array_equal(log_softmax([LARGEST, -LARGEST]), [0.0, -LARGEST])
        tiny = np.finfo(np.float32).max
        assert_array_equal(log_softmax(np.array([tiny, -tiny])), np.array([0.0, -tiny]))

    def test_a_nan_stays_in_its_row(self) -> None:
        scores = [[math.nan, 1.0, math.inf], [1.0, 2.0, 3.0]]
        for function in (softmax, log_softmax, softmax_jacobian):
            result = function(scores)
            assert np.isnan(result[0]).all()
            assert_array_equal(result[1], function(scores[1]))
        assert math.isnan(cross_entropy(scores, [0, 0]))

    def test_a_row_of_weight_zero_counts_for_nothing_whatever_its_scores(self) -> None:
        for odd in (math.nan, math.inf, -math.inf):
            scores, weights = [[odd, 0.0], [0.0, 0.0]], [0.0, 2.0]
            assert cross_entropy(scores, [0, 0], sample_weight=weights) == pytest.approx(
                math.log(2)
            )
            gradient = cross_entropy_gradient(scores, [0, 0], sample_weight=weights)
            assert_array_equal(gradient, [[0, 0], [-0.5, 0.5]])

    def test_zero_times_the_logarithm_of_zero_is_zero(self) -> None:
        assert cross_entropy([0.0, -math.inf], 0) == 0.0
        assert cross_entropy([0.0, -math.inf], [1.0, 0.0]) == 0.0

    def test_an_impossible_target_costs_infinitely_much(self) -> None:
        assert cross_entropy([0.0, -math.inf], 1) == math.inf
        assert cross_entropy([0.0, -math.inf], 0, label_smoothing=0.1) == math.inf
        assert_array_equal(cross_entropy_gradient([0.0, -math.inf], 1), [1.0, -1.0])

    def test_the_mean_of_huge_losses_does_not_overflow(self) -> None:
        scores = np.full((3, 3), -1e308)
        scores[:, 2] = 1e308
        assert cross_entropy(scores, [[0.3, 0.7, 0.0]] * 3) == pytest.approx(LARGEST)

    def test_huge_weights_do_not_overflow(self) -> None:
        assert cross_entropy([[0.0, 0.0]] * 2, [0, 1], sample_weight=[1e308] * 2) == pytest.approx(
            math.log(2)
        )

    def test_tiny_weights_do_not_vanish(self) -> None:
        assert cross_entropy([[0.0, 0.0]] * 2, [0, 1], sample_weight=[5e-324] * 2) == pytest.approx(
            math.log(2)
        )

    def test_huge_vectors_do_not_overflow(self) -> None:
        product = softmax_vjp(np.log([0.9, 0.1]), [LARGEST, -LARGEST])
        assert_allclose(product, [0.18 * LARGEST, -0.18 * LARGEST], rtol=1e-12)
        assert_array_equal(softmax_vjp([0.0, 0.0], [LARGEST, LARGEST]), [0.0, 0.0])

    def test_sigmoid_has_its_limits(self) -> None:
        assert_array_equal(sigmoid([-math.inf, math.inf, -1e308, 1e308]), [0, 1, 0, 1])
        assert np.isnan(sigmoid(math.nan))

    def test_sigmoid_keeps_its_relative_accuracy_far_to_the_left(self) -> None:
        assert float(sigmoid(-700)) == pytest.approx(math.exp(-700), rel=1e-13)


class TestTypesAndShapes:
    @pytest.mark.parametrize(
        ("dtype", "kept"),
        [
            (np.float64, np.float64),
            (np.float32, np.float32),
            (np.float16, np.float32),
            (np.longdouble, np.longdouble),
            (">f4", np.float32),
            (np.int64, np.float64),
            (np.uint8, np.float64),
            (bool, np.float64),
        ],
    )
    def test_floats_are_kept_and_integers_become_float64(self, dtype: Any, kept: Any) -> None:
        scores = np.array([[0, 1, 1], [1, 0, 0]], dtype=dtype)
        results = [
            softmax(scores),
            log_softmax(scores),
            softmax_jacobian(scores),
            softmax_vjp(scores, scores),
            sigmoid(scores),
            sigmoid(scores[0, 0]),
            cross_entropy_gradient(scores, [0, 1], sample_weight=[1.0, 3.0], label_smoothing=0.1),
            cross_entropy_hessian_product(scores, scores, sample_weight=[1.0, 3.0]),
        ]
        assert [result.dtype for result in results] == [np.dtype(kept)] * len(results)
        assert type(cross_entropy(scores, [0, 1])) is float

    @pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 5, 3), (0, 3), (2, 0, 3), (4, 1)])
    def test_any_leading_shape_is_kept(self, shape: tuple[int, ...]) -> None:
        scores = np.zeros(shape)
        assert softmax(scores).shape == shape
        assert log_softmax(scores).shape == shape
        assert softmax_jacobian(scores).shape == (*shape, shape[-1])
        assert softmax_vjp(scores, scores).shape == shape
        assert sigmoid(scores).shape == shape
        if scores.size:
            labels = np.zeros(shape[:-1], dtype=int)
            assert cross_entropy(scores, labels) == pytest.approx(math.log(shape[-1]))
            assert cross_entropy_gradient(scores, labels).shape == shape
            assert cross_entropy_hessian_product(scores, scores).shape == shape

    @pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.intp, bool])
    def test_labels_may_be_of_any_integer_type(self, dtype: Any) -> None:
        labels = np.array([1, 0, 1, 1]).astype(dtype)
        assert cross_entropy(SCORES, labels) == cross_entropy(SCORES, [1, 0, 1, 1])

    def test_float32_targets_are_distributions_up_to_their_own_rounding(self) -> None:
        rows = np.full((4, 3), 1 / 3, dtype=np.float32)
        assert cross_entropy(np.zeros((4, 3)), rows) == pytest.approx(math.log(3), rel=1e-6)

    def test_float16_scores_are_summed_in_float32(self) -> None:
        scores = np.zeros(5000, dtype=np.float16)
        assert_allclose(softmax(scores).sum(), 1, rtol=1e-6)

    def test_data_frames_are_taken(self) -> None:
        frame = pd.DataFrame(SCORES)
        labels = pd.Series(LABELS)
        assert_array_equal(softmax(frame), softmax(SCORES))
        assert cross_entropy(frame, labels) == cross_entropy(SCORES, LABELS)

    def test_no_argument_is_written_to(self) -> None:
        arguments = [a.copy() for a in (SCORES, LABELS, ROWS, WEIGHTS)]
        arguments[0][0, 0] = math.inf
        for array in arguments:
            array.flags.writeable = False
        scores, labels, rows, weights = arguments
        for targets in (labels, rows):
            cross_entropy(scores, targets, sample_weight=weights, label_smoothing=0.1)
            cross_entropy_gradient(scores, targets, sample_weight=weights, label_smoothing=0.1)
        cross_entropy_hessian_product(scores, rows, sample_weight=weights)
        softmax_vjp(scores, rows)
        softmax_jacobian(scores)
        sigmoid(scores)


class TestErrors:
    @pytest.mark.parametrize("function", [softmax, log_softmax, softmax_jacobian])
    @pytest.mark.parametrize("scores", [3.0, [], np.zeros((4, 0))])
    def test_scores_without_classes_are_refused(self, function: Any, scores: Any) -> None:
        with pytest.raises(ValueError, match=r"shape \(\.\.\., K\) with K at least 1"):
            function(scores)

    @pytest.mark.parametrize("scores", [[1j, 0], ["a", "b"], [None, 1], np.array([10**400, 1])])
    def test_scores_that_are_no_real_numbers_are_refused(self, scores: Any) -> None:
        for function in (softmax, sigmoid):
            with pytest.raises(TypeError, match="real numbers, got dtype"):
                function(scores)

    @pytest.mark.parametrize(
        ("targets", "error", "message"),
        [
            ([0, 1, 2, 3], ValueError, "from 0 to 2, got 3"),
            ([0, 1, 2, -1], ValueError, "from 0 to 2, got -1"),
            (np.array([0, 1, 2, 2**64 - 1], dtype=np.uint64), ValueError, f"got {2**64 - 1}"),
            ([0.0, 1.0, 2.0, 0.0], TypeError, r"got dtype float64.*np\.unique"),
            (["a", "b", "c", "a"], TypeError, r"got dtype <U1"),
            ([0, 1], ValueError, r"labels of shape \(4,\) or rows .* got shape \(2,\)"),
            ([[0], [1], [2], [0]], ValueError, r"got shape \(4, 1\)"),
            (2 * ROWS, ValueError, r"sum to one, got row \[0\.4 0\.6 1\. \]"),
            (ROWS - [0.5, 0.0, -0.5], ValueError, "non-negative"),
            (ROWS * math.nan, ValueError, "got row .*nan"),
            (np.full((4, 3), LARGEST), ValueError, "sum to one"),
            (ROWS * 1j, TypeError, "targets must hold real numbers"),
        ],
    )
    def test_wrong_targets_are_named(self, targets: Any, error: Any, message: str) -> None:
        for function in (cross_entropy, cross_entropy_gradient):
            with pytest.raises(error, match=message):
                function(SCORES, targets)

    @pytest.mark.parametrize(
        ("weights", "error", "message"),
        [
            ([1, 1, -2, 1], ValueError, r"not negative, got -2\.0"),
            ([1, math.nan, 1, 1], ValueError, "finite and not negative, got nan"),
            ([1, math.inf, 1, 1], ValueError, "finite and not negative, got inf"),
            ([0, 0, 0, 0], ValueError, "positive weight, got none"),
            ([1, 1], ValueError, r"shape \(4,\) of the rows of scores, got \(2,\)"),
            (1.0, ValueError, r"got \(\)"),
            (["a"] * 4, TypeError, "sample_weight must hold real numbers"),
        ],
    )
    def test_wrong_weights_are_named(self, weights: Any, error: Any, message: str) -> None:
        for function in (cross_entropy, cross_entropy_gradient):
            with pytest.raises(error, match=message):
                function(SCORES, LABELS, sample_weight=weights)
        with pytest.raises(error, match=message):
            cross_entropy_hessian_product(SCORES, SCORES, sample_weight=weights)

    @pytest.mark.parametrize("smoothing", [-0.1, 1.5, math.nan])
    def test_label_smoothing_out_of_range_is_refused(self, smoothing: float) -> None:
        with pytest.raises(ValueError, match=f"between 0 and 1, got {smoothing}"):
            cross_entropy(SCORES, LABELS, label_smoothing=smoothing)

    @pytest.mark.parametrize("vectors", [1.0, [1.0, 2.0], np.ones((3, 4))])
    def test_vectors_of_another_length_are_refused(self, vectors: Any) -> None:
        with pytest.raises(ValueError, match=r"vectors must have shape \(\.\.\., 3\)"):
            softmax_vjp(SCORES, vectors)

    @pytest.mark.parametrize("odd", [math.nan, math.inf])
    def test_vectors_that_are_not_finite_are_refused(self, odd: float) -> None:
        with pytest.raises(ValueError, match="vectors must be finite"):
            cross_entropy_hessian_product(SCORES, np.full(3, odd))

    def test_the_mean_of_no_rows_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one row"):
            cross_entropy(np.zeros((0, 3)), [])


class TestAnyInput:
    """A thousand odd arrays: every shape, width and layout; huge, tiny, equal and infinite."""

    @given(score_arrays(finite=False))
    def test_rows_of_probabilities_are_distributions(self, scores: np.ndarray) -> None:
        proba = softmax(scores)
        assert proba.shape == scores.shape
        assert proba.dtype == scores.dtype
        assert (proba >= 0).all()
        tolerance = 8 * np.finfo(scores.dtype).eps
        assert_allclose(proba.sum(axis=-1), 1, rtol=tolerance)

    @given(score_arrays(finite=False))
    def test_log_probabilities_agree_with_probabilities(self, scores: np.ndarray) -> None:
        log_proba = log_softmax(scores)
        assert log_proba.dtype == scores.dtype
        assert (log_proba <= 0).all()
        # exp turns a rounding of log p into |log p| roundings of p.
        tolerance = 200 * np.finfo(scores.dtype).eps
        floor = 10 * np.finfo(scores.dtype).tiny
        assert_allclose(np.exp(log_proba), softmax(scores), rtol=tolerance, atol=floor)

    @given(score_arrays())
    def test_finite_scores_have_finite_log_probabilities(self, scores: np.ndarray) -> None:
        assert np.isfinite(log_softmax(scores)).all()

    @given(score_arrays(finite=False))
    def test_a_larger_score_never_has_a_smaller_probability(self, scores: np.ndarray) -> None:
        order = np.argsort(scores, axis=-1)
        proba = np.take_along_axis(softmax(scores), order, axis=-1)
        # exp of two neighbouring numbers may be rounded the wrong way round.
        assert (proba[..., 1:] >= proba[..., :-1] * (1 - 4 * np.finfo(scores.dtype).eps)).all()
        log_proba = np.take_along_axis(log_softmax(scores), order, axis=-1)
        assert (log_proba[..., 1:] >= log_proba[..., :-1]).all()

    @given(score_arrays(finite=False))
    def test_the_memory_layout_does_not_matter(self, scores: np.ndarray) -> None:
        tolerance = 8 * np.finfo(scores.dtype).eps
        assert_allclose(softmax(scores), softmax(scores.copy(order="C")), rtol=tolerance)

    @given(score_arrays(finite=False))
    def test_jacobian_rows_sum_to_zero(self, scores: np.ndarray) -> None:
        jacobian = softmax_jacobian(scores)
        assert_allclose(jacobian.sum(axis=-1), 0, atol=8 * np.finfo(scores.dtype).eps)

    @given(score_arrays(), st.data())
    def test_products_of_finite_vectors_are_finite(
        self, scores: np.ndarray, data: st.DataObject
    ) -> None:
        vectors = data.draw(hnp.arrays(np.float64, scores.shape, elements=floats(64, finite=True)))
        product = softmax_vjp(scores, vectors)
        assert np.isfinite(product).all()
        if scores.size:
            weighted = cross_entropy_hessian_product(scores, vectors)
            assert np.isfinite(weighted).all()

    @given(score_arrays(), st.data())
    def test_loss_and_gradient_of_finite_scores_are_finite(
        self, scores: np.ndarray, data: st.DataObject
    ) -> None:
        if not scores.size:
            return
        *leading, n_classes = scores.shape
        labels = data.draw(hnp.arrays(np.intp, leading, elements=st.integers(0, n_classes - 1)))
        weights = data.draw(hnp.arrays(np.float64, leading, elements=st.floats(0, LARGEST)))
        if not weights.any():
            weights[...] = 1.0
        smoothing = data.draw(st.sampled_from([0.0, 0.1, 1.0]))
        options: Any = {"sample_weight": weights, "label_smoothing": smoothing}
        loss = cross_entropy(scores, labels, **options)
        assert math.isfinite(loss)
        assert loss >= 0
        gradient = cross_entropy_gradient(scores, labels, **options)
        assert gradient.dtype == scores.dtype
        assert (np.abs(gradient) <= 1).all()
        assert_allclose(gradient.sum(axis=-1), 0, atol=8 * np.finfo(scores.dtype).eps)

    @given(hnp.arrays(np.float64, shapes, elements=floats(64, finite=False)))
    def test_the_sigmoid_is_the_softmax_of_two_classes(self, x: np.ndarray) -> None:
        two = np.stack([np.zeros_like(x), x], axis=-1)
        assert_allclose(sigmoid(x), softmax(two)[..., 1], rtol=1e-15, atol=1e-323)

    @given(score_arrays())
    def test_the_cross_entropy_is_not_below_the_entropy_of_the_targets(
        self, scores: np.ndarray
    ) -> None:
        if not scores.size:
            return
        targets = softmax(np.flip(scores, axis=-1)).astype(np.float64)
        targets /= targets.sum(axis=-1, keepdims=True)
        terms = targets * np.log(targets, where=targets > 0, out=np.zeros_like(targets))
        entropy = -terms.sum(axis=-1).mean()
        tolerance = 1e-5 if scores.dtype == np.float32 else 1e-12
        assert cross_entropy(scores, targets) >= entropy * (1 - tolerance) - tolerance
