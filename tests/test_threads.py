"""Threads that the system does not give: the same fit, by the caller alone."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from softmax_reg import FunctionSource, SoftmaxRegression
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.threads import threads


@pytest.fixture
def start_only(monkeypatch):
    """Return a function that lets so many more threads start."""
    start, left = threading.Thread.start, []

    def limited(thread):
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    def limit(n_threads):
        left[:] = [None] * n_threads
        monkeypatch.setattr(threading.Thread, "start", limited)

    return limit


@pytest.mark.parametrize("given", [0, 1, 2])
def test_all_threads_start_or_none_is_used_and_none_outlives_the_block(start_only, given):
    before = threading.active_count()
    start_only(given)
    with threads(2, "test") as pool:
        assert (pool is None) == (given < 2)
        if pool is not None:
            assert list(pool.map(abs, [-1, -2, -3])) == [1, 2, 3]
    assert threading.active_count() == before


def test_the_first_error_of_a_block_without_threads_is_the_callers(start_only):
    start_only(0)
    with pytest.raises(RuntimeError, match="of my own"), threads(1, "test"):
        raise RuntimeError("of my own")


@pytest.mark.parametrize("given", [0, 1])
def test_sums_have_the_same_bits_without_threads(start_only, given):
    X = np.random.default_rng(0).normal(size=(90_000, 5))
    rows = RowBlocks(X, 3, n_threads=3)
    assert rows.n_threads == 3
    with rows.running():
        (expected,) = rows.reduce(lambda block, part: (block.T @ block,))
    start_only(given)
    with rows.running():
        (sums,) = rows.reduce(lambda block, part: (block.T @ block,))
    assert_array_equal(sums, expected)


def test_a_source_is_fitted_without_a_thread_that_reads_ahead(start_only):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), rng.integers(3, size=300)
    source = FunctionSource(lambda: zip(np.split(X, 3), np.split(y, 3), strict=True))
    expected = SoftmaxRegression().fit(source)
    start_only(0)
    model = SoftmaxRegression().fit(source)
    assert_array_equal(model.coef_, expected.coef_)
    with pytest.raises(ValueError, match="features"):
        SoftmaxRegression().fit(FunctionSource(lambda: iter([(X, y), (X[:, :2], y)])))
