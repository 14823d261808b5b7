"""The weighted mean and variance of each feature keep their digits, whatever the mean is."""

import numpy as np
import pytest
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS, dataset_of, rows_and_labels
from optimum80 import needs_80_bits

from softmax_reg.dataset.moments import Moments
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6)) * np.geomspace(1e-3, 1e3, 6) + [0.0, 1.0, -5.0, 0.0, 1e3, 7.0]
X[RNG.random(X.shape) < 0.3] = 0.0
X[:, 3] = 2.0
WEIGHTS = np.where(RNG.random(200) < 0.1, 0.0, RNG.uniform(0.1, 3.0, 200))


def moments_of(rows, container="C", **options):
    data = dataset_of(CONTAINERS[container](rows), np.arange(200) % 3, WEIGHTS, n_threads=None)
    return Moments(data, **options)


def in_80_bits(rows):
    X, s = rows.astype(np.longdouble), WEIGHTS.astype(np.longdouble) / np.sum(WEIGHTS)
    mean = s @ X
    return mean.astype(float), (s @ (X - mean) ** 2).astype(float), (s @ X**2).astype(float)


@needs_80_bits
@pytest.mark.parametrize("container", ["C", "fortran", "csr", "csc"])
@pytest.mark.parametrize("offset", [0.0, 1e7])
def test_they_are_those_of_two_passes_in_80_bits(container, offset):
    mean, variance, square = in_80_bits(X + offset)
    found = moments_of(X + offset, container)
    assert_allclose(found.mean, mean, rtol=1e-13)
    assert_allclose(found.variance, variance, rtol=1e-8 if offset else 1e-12, atol=1e-18)
    assert found.variance[3] == 0.0  # a constant column, exactly
    from_zero = moments_of(X + offset, container, from_zero=True)
    assert_array_equal(from_zero.mean, np.zeros(6))
    assert_allclose(from_zero.variance, square, rtol=1e-13)


def test_a_large_mean_hides_the_variance_from_zero_alone():
    spread = X[:, [0, 1, 2, 4, 5]]
    assert not moments_of(spread, from_zero=True).hides_variance
    assert moments_of(spread + 1e7, from_zero=True).hides_variance
    assert not moments_of(spread + 1e7).hides_variance
    assert not moments_of(spread + 1e7, "csr", from_zero=True).hides_variance
    assert not moments_of(np.zeros((200, 2)), from_zero=True).hides_variance
    # A column of ones in the place of an intercept has none that could be hidden.
    assert not moments_of(np.column_stack([spread, np.ones(200)]), from_zero=True).hides_variance


@pytest.mark.parametrize("from_zero", [False, True])
def test_those_of_some_features_are_theirs(from_zero):
    kept = np.array([4, 0])
    whole = moments_of(X, from_zero=from_zero)
    part = whole.of_features(kept, whole.data.columns(kept))
    assert_array_equal(part.mean, whole.mean[kept])
    assert_array_equal(part.variance, whole.variance[kept])
    assert part.hides_variance == whole.hides_variance


def test_squares_that_overflow_are_told_with_the_feature():
    with pytest.raises(ValueError, match="Feature 1 of X, counted from 0"):
        moments_of(np.column_stack([X[:, 0], X[:, 1] * 1e200]))


# Moments of sparse columns


@covering(
    mean=[0.0, 1.0, 1e3, 1e6, 8.4e6, 1e7, 1e9, 1e12],
    absent=[0.0, 0.3],
    container=["csr", "csc", "csr-matrix"],
    fit_intercept=[True, False],
)
def test_moments_of_sparse_columns_are_those_of_two_passes_in_80_bits(
    mean, absent, container, fit_intercept
):
    X, codes, weights = rows_and_labels(n_classes=3)
    rng = np.random.default_rng(0)
    X = rng.normal(size=X.shape) + mean
    X[rng.random(X.shape) < absent] = 0.0
    X[:, 4] = 7.0 * (mean or 1.0)  # constant
    penalty = ElasticNet(0.01, 0.0)
    data = dataset_of(CONTAINERS[container](X), codes, weights)
    objective = Objective(data, penalty, fit_intercept)
    A, s = X.astype(np.longdouble), weights.astype(np.longdouble) / weights.sum()
    centre = s @ A if fit_intercept else np.zeros(5, np.longdouble)
    expected = s @ (A - centre) ** 2
    if fit_intercept:
        assert_allclose(objective.mean, centre.astype(np.float64), rtol=1e-14, atol=1e-15)
        assert objective.is_constant.tolist() == [False] * 4 + [True]
        deviation = np.sqrt(objective.variance)
        # The mean is rounded, and so is what deviates from it.
        rounded = 1e-15 * abs(X).max()
        assert_allclose(deviation, np.sqrt(expected).astype(np.float64), rtol=1e-8, atol=rounded)
    else:
        assert_allclose(objective.variance, expected.astype(np.float64), rtol=1e-13)
        assert not objective.is_constant.any()
