"""BLAS has one thread during fits, in any threads and processes, and the caller's number after."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_limits

from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.blas_threads import Hold
from softmax_reg.dataset.sources import FunctionSource
from softmax_reg.solvers import SOLVERS


class Library:
    """A BLAS library with one number of threads for the process, 8 at first."""

    internal_api, threading_layer = "openblas", "pthreads"

    def __init__(self):
        self.num_threads = 8

    def set_num_threads(self, n):
        self.num_threads = n


class OpenMPLibrary:
    """A BLAS library with a number for each thread of the program, 8 at first."""

    internal_api, threading_layer = "openblas", "openmp"

    def __init__(self):
        self.of_thread = threading.local()

    @property
    def num_threads(self):
        return getattr(self.of_thread, "n", 8)

    def set_num_threads(self, n):
        self.of_thread.n = n


def entered(hold):
    """Let somebody in; return who."""
    hold.enter(who := object())
    return who


@pytest.fixture
def held():
    library = Library()
    return SimpleNamespace(blas=library, hold=Hold(library))


@pytest.mark.parametrize("last", [0, 1, 2])
def test_the_last_to_leave_sets_back_whatever_the_order(held, last):
    notes = [entered(held.hold) for _ in range(3)]
    for note in notes[:last] + notes[last + 1 :]:
        held.hold.leave(note)
        assert held.blas.num_threads == 1
        assert held.hold.limit() == 8
    held.hold.leave(notes[last])
    assert held.blas.num_threads == 8
    assert held.hold.limit() == 8


def test_a_number_that_somebody_else_has_set_meanwhile_stays(held):
    note = entered(held.hold)
    held.blas.num_threads = 3
    assert held.hold.limit() == 3
    held.hold.leave(note)
    assert held.blas.num_threads == 3


def test_a_limit_inside_a_longer_fit_is_obeyed_and_undone(held):
    outer = entered(held.hold)
    before, held.blas.num_threads = held.blas.num_threads, 3  # with threadpool_limits(3):
    assert held.hold.limit() == 3
    inner = entered(held.hold)
    assert held.blas.num_threads == 1
    assert held.hold.limit() == 3
    held.hold.leave(inner)
    assert held.blas.num_threads == 3
    held.blas.num_threads = before
    assert held.hold.limit() == 8
    held.hold.leave(outer)
    assert held.blas.num_threads == 8


def test_a_fit_that_outlives_one_from_before_a_new_limit_keeps_the_new_limit(held):
    first = entered(held.hold)
    held.blas.num_threads = 3  # for good
    second = entered(held.hold)
    held.hold.leave(first)
    assert held.blas.num_threads == 1
    held.hold.leave(second)
    assert held.blas.num_threads == 3


def test_who_was_interrupted_on_the_way_in_leaves_all_as_it_was(held):
    held.hold.leave(object())
    assert held.blas.num_threads == 8

    def interrupted(n):
        raise KeyboardInterrupt

    held.blas.set_num_threads = interrupted
    who = object()
    with pytest.raises(KeyboardInterrupt):
        held.hold.enter(who)
    held.hold.leave(who)
    assert held.blas.num_threads == 8
    assert held.hold.limit() == 8


def in_thread(function):
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_with_openmp_each_thread_is_held_and_set_back_by_itself():
    library = OpenMPLibrary()
    hold = Hold(library)
    note = entered(hold)

    def elsewhere():
        assert (library.num_threads, hold.limit()) == (8, 8)
        other = entered(hold)
        inside = library.num_threads, hold.limit()
        hold.leave(other)
        return inside, library.num_threads

    assert in_thread(elsewhere) == ((1, 8), 8)
    assert library.num_threads == 1
    hold.leave(note)
    assert library.num_threads == 8


def test_the_child_of_a_fork_keeps_the_limit_of_fits_in_threads_that_it_lacks(held):
    in_thread(lambda: entered(held.hold))
    held.hold.forget_other_threads()  # as in the child of a fork
    assert held.hold.limit() == 8
    note = entered(held.hold)
    assert held.blas.num_threads == 1
    held.hold.leave(note)
    assert held.blas.num_threads == 8


def test_the_child_of_a_fork_within_a_fit_goes_on_with_that_fit(held):
    in_thread(lambda: entered(held.hold))
    note = entered(held.hold)
    held.hold.forget_other_threads()
    assert held.hold.limit() == 8
    assert held.blas.num_threads == 1
    held.hold.leave(note)
    assert held.blas.num_threads == 8


COMMON = """
import os, sys, threading, time
import numpy as np, scipy.linalg
from threadpoolctl import threadpool_info, threadpool_limits
from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.blas_threads import n_threads_allowed
from softmax_reg.dataset.sources import FunctionSource

def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

if blas_threads() != {2}:
    print("a single core")
    sys.exit()
rng = np.random.default_rng(0)
X = rng.normal(size=(20_000, 20))
y = (X[:, :3] + rng.normal(size=(20_000, 3))).argmax(axis=1)
"""

# Fits with a pool of threads, without one, and with a thread that reads batches ahead go on in the
# parent at every fork.
FORKS = """
def batches():
    return ((X[start : start + 500], y[start : start + 500]) for start in range(0, 2000, 500))

data = [(X[:100], y[:100]), (X, y), (FunctionSource(batches),)]
alone = [SoftmaxRegression(tol=1e-6).fit(*given).coef_ for given in data]
over = threading.Event()

def again_and_again(*given):
    while not over.is_set():
        SoftmaxRegression(tol=1e-6).fit(*given)

threads = [threading.Thread(target=again_and_again, args=given) for given in data]
for thread in threads:
    thread.start()
failed = []
for number in range(8):
    time.sleep(0.013 * number)
    if not (child := os.fork()):
        status = 1
        try:
            assert n_threads_allowed() == 2, n_threads_allowed()
            for given, coef in zip(data, alone):
                again = SoftmaxRegression(tol=1e-6).fit(*given)
                np.testing.assert_allclose(again.coef_, coef, rtol=1e-6, atol=1e-9)
            assert blas_threads() == {2}, blas_threads()
            status = 0
        finally:
            os._exit(status)
    deadline = time.monotonic() + 60
    while not (found := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    if not found[0]:
        os.kill(child, 9)
        os.waitpid(child, 0)
    if found != (child, 0):
        failed.append(found)
over.set()
for thread in threads:
    thread.join()
assert not failed, failed
assert blas_threads() == {2}, blas_threads()
"""

# The child goes on with the fit of its parent, whose threads it does not have.
FORK_IN_A_CALLBACK = """
children = []

def fork(progress):
    if progress.n_iter == 1:
        children.append(os.fork())

model = SoftmaxRegression(tol=1e-6, callbacks=fork).fit(X, y)
assert blas_threads() == {2}, blas_threads()
plain = SoftmaxRegression(tol=1e-6).fit(X, y)
np.testing.assert_allclose(model.coef_, plain.coef_, rtol=1e-6, atol=1e-9)
if children[0]:
    found = os.waitpid(children[0], 0)
    assert found == (children[0], 0), found
"""

LIMITS = """
inside, entered, left = threading.Event(), threading.Event(), threading.Event()

def wait_for_a_limit(progress):
    if progress.n_iter == 1:
        inside.set()
        assert (entered if sys.argv[1] == "outlives" else left).wait(30)

fit = threading.Thread(target=SoftmaxRegression(tol=1e-2, callbacks=wait_for_a_limit).fit,
                       args=(X, y))
fit.start()
assert inside.wait(30)
assert n_threads_allowed() == 2
with threadpool_limits(3):
    assert n_threads_allowed() == 3
    SoftmaxRegression(tol=1e-2).fit(X, y)
    assert blas_threads() == {3}, blas_threads()
    if sys.argv[1] == "outlives":
        entered.set()
        fit.join()
        assert blas_threads() == {3}, "the limit was lifted by the end of another fit"
left.set()
fit.join()
if sys.argv[1] == "ends within":
    assert blas_threads() == {2}, blas_threads()
"""


def run(script, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    command = [sys.executable, "-c", COMMON + script, *arguments]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@pytest.mark.slow
@needs_fork
def test_the_child_of_a_fork_during_fits_in_other_threads_fits_as_ever():
    run(FORKS)


@pytest.mark.slow
@needs_fork
def test_the_child_of_a_fork_in_a_callback_goes_on_with_the_fit():
    run(FORK_IN_A_CALLBACK)


@pytest.mark.slow
@pytest.mark.parametrize("which", ["outlives", "ends within"])
def test_limits_of_the_caller_that_overlap_with_a_fit_are_kept(which):
    run(LIMITS, which)


@pytest.mark.slow
@pytest.mark.parametrize("solver", SOLVERS)
def test_fits_in_threads_read_their_batches_at_the_same_time(solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(90, 4))
    y = (X[:, :3] + rng.normal(size=(90, 3))).argmax(axis=1)
    everybody = threading.Barrier(4, timeout=60)  # broken if a fit waits for another

    def batches():
        for rows in np.split(np.arange(90), 3):
            everybody.wait()
            yield X[rows], y[rows]

    knobs = {"solver": solver, "random_state": 0, "tol": 1e-2, "max_iter": 500}
    models = [SoftmaxRegression(**knobs) for _ in range(4)]
    errors = []

    def fit(model):
        try:
            model.fit(FunctionSource(batches))
        except BaseException as error:
            errors.append(error)
            everybody.abort()

    threads = [threading.Thread(target=fit, args=(model,)) for model in models]
    with threadpool_limits(2):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not errors
    for model in models[1:]:
        assert_array_equal(model.coef_, models[0].coef_)
