"""Every row is visited once, by as many threads as the caller allows, and never copied."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from joblib import cpu_count
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS
from problems import data
from threadpoolctl import threadpool_info, threadpool_limits

from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.blas_threads import n_threads_allowed
from softmax_reg.dataset.row_blocks import RowBlocks

each_container = pytest.mark.parametrize("container", CONTAINERS)


def large_rows(container="C", n=50_000, p=30):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, p))
    X[rng.random(X.shape) < 0.5] = 0.0
    return CONTAINERS[container](X)


def blas_threads():
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@each_container
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_every_row_is_visited_once_and_blocks_match_their_slices(container, n_threads):
    X = large_rows(container)
    rows = RowBlocks(X, 3, n_threads=n_threads)
    seen = np.zeros(len(rows.X.toarray()) if sp.issparse(X) else len(X), dtype=int)

    def visit(block, part):
        seen[part] += 1
        assert_array_equal(block.sum(axis=0), X[part].sum(axis=0))
        return np.asarray(block.sum(axis=0)).ravel(), np.array([block.shape[0]])

    with rows.running():
        total, count = rows.reduce(visit)
    assert (seen == 1).all()
    assert_array_equal(count, [50_000])
    assert_allclose(total, np.asarray(X.sum(axis=0)).ravel(), rtol=1e-9)


@pytest.mark.parametrize("container", ["C", "fortran"])
def test_dense_blocks_are_views(container):
    X = large_rows(container)

    def visit(block, part):
        assert np.shares_memory(block, X)
        return (np.zeros(1),)

    RowBlocks(X, 3, n_threads=1).reduce(visit)


def test_sparse_blocks_share_the_rows_memory():
    X = large_rows("csr")

    def visit(block, part):
        assert np.shares_memory(block.data, X.data)
        return (np.zeros(1),)

    RowBlocks(X, 3, n_threads=2).reduce(visit)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_sums_are_added_in_the_order_of_the_rows_whatever_the_timing(n_threads):
    X = large_rows()
    rows = RowBlocks(X, 3, n_threads=n_threads)
    with rows.running():
        runs = [rows.reduce(lambda block, part: (block.sum(axis=0),))[0] for _ in range(20)]
    for run in runs[1:]:
        assert_array_equal(run, runs[0])


def test_an_error_in_a_thread_reaches_the_caller():
    rows, before = RowBlocks(large_rows(), 3, n_threads=2), threading.active_count()

    def visit(block, part):
        if part.stop == 50_000:
            raise ZeroDivisionError
        return (np.zeros(1),)

    with rows.running(), pytest.raises(ZeroDivisionError):
        rows.reduce(visit)
    assert threading.active_count() == before


def test_small_problems_are_left_to_one_thread():
    with threadpool_limits(2):
        assert RowBlocks(large_rows(n=100), 3).n_threads == 1


@pytest.mark.parametrize("limit", [1, 2])
def test_the_callers_limit_on_threads_is_obeyed(limit):
    X = large_rows()
    with threadpool_limits(limit):
        assert n_threads_allowed() == limit
        assert RowBlocks(X, 3).n_threads == limit


@pytest.mark.parametrize("n_threads", [1, 2])
def test_blas_is_held_to_one_thread_while_running_and_released_after(n_threads):
    rows = RowBlocks(large_rows(), 3, n_threads=n_threads)
    with threadpool_limits(2):
        outside = blas_threads()
        with rows.running():
            assert set(blas_threads()) == {1}
        assert blas_threads() == outside
        with pytest.raises(ZeroDivisionError), rows.running():
            raise ZeroDivisionError
        assert blas_threads() == outside


# In a process of its own: the session holds a limit, and the thread that does may alone change it.
FROM_ANY_THREAD = """
import sys
from concurrent.futures import ThreadPoolExecutor
import numpy as np, scipy.linalg
from threadpoolctl import threadpool_info
from softmax_reg.dataset.row_blocks import RowBlocks

def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

def entered():
    running = RowBlocks(np.ones((10, 2)), 3).running()
    running.__enter__()
    assert blas_threads() == {1}, "not held"
    return running

if blas_threads() != {2}:
    sys.exit()  # a single core
with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
    here = entered()
    here.__exit__(None, None, None)
    assert blas_threads() == {2}, "not released by the main thread"
    a, b = first.submit(entered).result(), second.submit(entered).result()
    first.submit(a.__exit__, None, None, None).result()
    assert blas_threads() == {1}, "released too early"
    second.submit(b.__exit__, None, None, None).result()
    assert blas_threads() == {2}, "not released by another thread"
    here = entered()
    here.__exit__(None, None, None)
    assert blas_threads() == {2}, "not released by the main thread again"
"""


@pytest.mark.slow
def test_blas_is_held_and_released_from_any_thread():
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    subprocess.run([sys.executable, "-c", FROM_ANY_THREAD], env=environment, check=True)


WORKERS = """
import numpy as np
from sklearn.model_selection import GridSearchCV
from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.blas_threads import n_threads_allowed

class Probe(SoftmaxRegression):
    def score(self, X, y):
        return n_threads_allowed()

X, y = np.random.default_rng(0).normal(size=(40, 2)), np.arange(40) % 2
search = GridSearchCV(Probe(), {"C": [0.5, 1.0]}, cv=2, n_jobs=2, refit=False).fit(X, y)
print(n_threads_allowed(), int(max(search.cv_results_["mean_test_score"])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("omp_threads", ["1", None])
def test_the_processes_of_a_grid_search_share_the_cores(omp_threads):
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    if omp_threads:
        environment["OMP_NUM_THREADS"] = omp_threads
    command = [sys.executable, "-c", WORKERS]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    here, in_a_worker = map(int, done.stdout.split())
    n_cores = 1 if omp_threads else cpu_count()
    assert here <= n_cores
    assert in_a_worker == max(here // 2, 1)


def test_no_thread_outlives_a_fit():
    before = threading.active_count()
    X = large_rows()
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
    with threadpool_limits(2):
        SoftmaxRegression(tol=1e-2).fit(X, y)
    assert threading.active_count() == before


def test_fits_in_several_threads_at_once_do_not_disturb_each_other():
    X, y = data("digits")
    alone = SoftmaxRegression(tol=1e-4).fit(X, y)
    with threadpool_limits(2):
        outside = blas_threads()
        with ThreadPoolExecutor(3) as pool:
            fits = [pool.submit(SoftmaxRegression(tol=1e-4).fit, X, y) for _ in range(6)]
        assert blas_threads() == outside
    for fit in fits:
        assert_allclose(fit.result().coef_, alone.coef_, rtol=1e-5, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["C", "csr"])
def test_a_fit_with_two_threads_has_the_same_bits_each_time(container):
    X = large_rows(container)
    scores = X[:, [0, 1, 2]].toarray() if sp.issparse(X) else X[:, :3]
    y = (scores + np.random.default_rng(1).normal(size=scores.shape)).argmax(axis=1)
    with threadpool_limits(2):
        first, second = (SoftmaxRegression(tol=1e-5).fit(X, y) for _ in range(2))
    assert_array_equal(first.coef_, second.coef_)
    assert_array_equal(first.loss_curve_, second.loss_curve_)
    one = SoftmaxRegression(tol=1e-5).fit(X, y)
    assert_allclose(one.coef_, first.coef_, rtol=1e-3, atol=1e-4)


@each_container
def test_rows_are_counted_each_time_they_are_read(container):
    rows = RowBlocks(large_rows(container, n=1000), 3)
    for _ in range(2):
        rows.reduce(lambda block, part: (np.zeros(1),))
    assert rows.n_read == 2000
    list(rows.take(np.arange(0, 1000, 8)))
    assert rows.n_read == 2125
