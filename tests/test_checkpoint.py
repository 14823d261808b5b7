"""Fits that are killed and resumed end where those end that were not; files are whole, always."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from killed import fit_or_resume
from numpy.testing import assert_array_equal

from softmax_reg import SoftmaxRegression, storage
from softmax_reg.callbacks import Checkpoint
from softmax_reg.solvers import SOLVERS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

each_solver = pytest.mark.parametrize("solver", SOLVERS)
FITTED = ("coef_", "intercept_", "loss_curve_", "n_iter_", "optimality_", "converged_", "solver_")


class Crash(Exception):
    """What a fit dies of."""


def crash_at(n_iter):
    """Return a callback that raises at this iteration, after the checkpoint was told of it."""

    def crash(progress):
        if progress.n_iter == n_iter:
            raise Crash

    return crash


def crashed(path, X, y, *, every=3, at=8, fit=None, **params):
    """Leave a checkpoint of a fit that died."""
    callbacks = [*params.pop("callbacks", []), Checkpoint(path, every=every), crash_at(at)]
    with pytest.raises(Crash):
        SoftmaxRegression(callbacks=callbacks, **params).fit(X, y, **(fit or {}))
    with pytest.warns(UserWarning, match="could not hold the callbacks .*crash_at"):
        return SoftmaxRegression.resume(path)


def whole(path, X, y, *, every=3, fit=None, **params):
    """Return a fit with a checkpoint that nothing interrupted."""
    callbacks = [*params.pop("callbacks", []), Checkpoint(path, every=every)]
    return SoftmaxRegression(callbacks=callbacks, **params).fit(X, y, **(fit or {}))


def assert_same_fit(model, other, names=FITTED):
    for name in names:
        assert_array_equal(getattr(model, name), getattr(other, name), err_msg=name)


# Killed


@pytest.fixture(scope="module")
def forks():
    """Return a function that starts a fit and returns its process id."""
    root = Path(__file__).parents[1]
    path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("killed.py"))],
        env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout.readline() == "ready\n"

    def start(**arguments):
        server.stdin.write(json.dumps(arguments) + "\n")
        server.stdin.flush()
        return int(server.stdout.readline())

    yield start
    server.stdin.close()
    server.wait(timeout=60)
    server.stdout.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL")
@each_solver
def test_a_fit_that_is_killed_again_and_again_ends_where_one_ends_that_is_not(
    forks, tmp_path, solver
):
    params = {"solver": solver, "max_iter": 40, "random_state": 0}
    job = {"every": 2, "params": params}
    fit_or_resume(tmp_path / "whole.npz", tmp_path / "expected.npz", pause=False, **job)
    expected = SoftmaxRegression.load(tmp_path / "expected.npz")
    path, done = tmp_path / "killed.npz", tmp_path / "done.npz"
    rng, delays = np.random.default_rng(), []
    while not done.exists():
        # After eight kills it may end.
        delays.append(rng.uniform(0.0, 0.06) if len(delays) < 8 else 60.0)
        child = forks(path=str(path), done=str(done), **job)
        deadline = time.monotonic() + delays[-1]
        while time.monotonic() < deadline and not done.exists():
            time.sleep(0.001)
        if not done.exists():
            assert len(delays) < 12, "a fit does not end"
            os.kill(child, signal.SIGKILL)
        if path.exists():
            storage.read(path)  # whole, whenever it is looked at
    assert_same_fit(SoftmaxRegression.load(done), expected)
