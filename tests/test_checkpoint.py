"""Fits that are killed and resumed end where those end that were not; files are whole, always."""

import errno
import json
import os
import pickle
import signal
import subprocess
import sys
import time
import warnings
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from killed import data, fit_or_resume
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_limits

from softmax_reg import SoftmaxRegression
from softmax_reg._npz import storage
from softmax_reg.callbacks import Checkpoint, EarlyStopping, LossLogger
from softmax_reg.schedules import InverseScaling
from softmax_reg.solvers import SOLVERS, GradientDescent, Solver

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
    others = params.pop("callbacks", [])
    again = deepcopy(others)  # of another process, which remembers nothing
    callbacks = [*others, Checkpoint(path, every=every), crash_at(at)]
    with pytest.raises(Crash):
        SoftmaxRegression(callbacks=callbacks, **params).fit(X, y, **(fit or {}))
    with pytest.warns(UserWarning, match="had the callbacks .*crash_at.*a file makes none"):
        model = SoftmaxRegression.resume(path)
    return model.set_params(callbacks=[*again, *model.callbacks])


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


def wait(seconds, path):
    """Wait until there is such a file, but no longer than this."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not path.exists():
        time.sleep(0.001)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="platform: needs fork and SIGKILL")
@pytest.mark.parametrize(
    "solver",
    [
        pytest.param(name, marks=[] if name in ("lbfgs", "sgd") else pytest.mark.slow)
        for name in SOLVERS
    ],
)
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
        delays.append(rng.uniform(0.0, 0.06) if len(delays) < 8 else 300.0)
        child = forks(path=str(path), done=str(done), **job)
        if len(delays) % 2 == 0:  # the others may fall before there is any checkpoint
            wait(300.0, path)
        wait(delays[-1], done)
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        assert len(delays) < 10 or done.exists(), "a fit died or does not end"
        if path.exists():
            storage.read(path)  # whole, whenever it is looked at
    assert_same_fit(SoftmaxRegression.load(done), expected)


# Died of an error, in this process


@dataclass
class Forgetful(GradientDescent):
    """A method that keeps no state: resumed, it begins anew from the last point."""

    def points(self, objective, w, rng, state):
        yield from super().points(objective, w, rng, {})


CASES = {
    "l1": {"solver": "nesterov", "l1_ratio": 0.5, "C": 0.1, "max_iter": 40},
    "early stopping": {"solver": "lbfgs", "early_stopping": True, "random_state": 0},
    "early stopping of the user's": {
        "solver": "lbfgs", "callbacks": [EarlyStopping(5, min_delta=1e-3)], "random_state": 0,
    },
    "rate": {"solver": "sgd", "learning_rate": 1e-6, "random_state": 0, "max_iter": 20},
    "schedule": {"solver": "nesterov", "learning_rate": InverseScaling(1e-6), "max_iter": 20},
    "solver object": {"solver": SOLVERS["lbfgs"](memory=3)},
    "no intercept": {"solver": "gd", "fit_intercept": False, "max_iter": 30},
    "weights of classes": {"solver": "newton-cg", "class_weight": {"a": 2.0, "b": 0.5}, "tol": 0.0},
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("container", [np.asarray, np.float32, sp.csr_array])
def test_a_fit_that_died_goes_on_as_if_it_had_not(tmp_path, case, container):
    X, y = data()
    X, params = container(X), CASES[case]
    expected = whole(tmp_path / "whole.npz", X, y, **params)
    model = crashed(tmp_path / "died.npz", X, y, at=5, **params).fit(X, y)
    assert_same_fit(model, expected)
    assert not hasattr(model, "_resumed")
    if hasattr(expected, "best_iter_"):
        assert_same_fit(model, expected, ["best_iter_", "validation_loss_curve_"])


@pytest.mark.parametrize("every", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5))])
@each_solver
def test_where_the_checkpoint_falls_does_not_matter(tmp_path, solver, every):
    X, y = data()
    params = {"solver": solver, "max_iter": 12, "random_state": 1, "tol": 0.0}
    expected = whole(tmp_path / "whole.npz", X, y, every=every, **params)
    for at in (1, 2, 5, 7):
        model = crashed(tmp_path / "died.npz", X, y, every=every, at=at, **params).fit(X, y)
        assert_same_fit(model, expected)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg"])
def test_fewer_rows_than_columns_go_on_in_the_span_of_the_rows(tmp_path, solver):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(24, 60)), np.arange(24) % 3
    expected = whole(tmp_path / "whole.npz", X, y, solver=solver, every=2)
    model = crashed(tmp_path / "died.npz", X, y, solver=solver, every=2, at=3).fit(X, y)
    assert_same_fit(model, expected)


@each_solver
def test_points_that_keep_no_scores_go_on_too(tmp_path, monkeypatch, solver):
    monkeypatch.setattr(Solver, "scores_memory", 0)
    X, y = data()
    params = {"solver": solver, "random_state": 0, "max_iter": 12}
    expected = whole(tmp_path / "whole.npz", X, y, **params)
    assert_same_fit(crashed(tmp_path / "died.npz", X, y, at=4, **params).fit(X, y), expected)


@pytest.mark.slow
@each_solver
def test_two_threads_go_on_as_two_threads_would_have(tmp_path, solver):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(12_000, 20))
    y = (X[:, :3] + rng.gumbel(size=(12_000, 3))).argmax(axis=1)
    params = {"solver": solver, "random_state": 0, "max_iter": 5, "tol": 0.0}
    with threadpool_limits(2):
        expected = whole(tmp_path / "whole.npz", X, y, every=2, **params)
        model = crashed(tmp_path / "died.npz", X, y, every=2, at=3, **params)
        assert_same_fit(model.fit(X, y), expected)


def test_rows_that_the_user_held_out_are_given_again(tmp_path):
    X, y = data()
    fit = {"X_val": X[::3], "y_val": y[::3]}
    expected = whole(tmp_path / "whole.npz", X, y, fit=fit)
    model = crashed(tmp_path / "died.npz", X, y, fit=fit)
    with pytest.raises(ValueError, match=r"X_val and y_val .* then they were given"):
        model.fit(X, y)
    assert_same_fit(model.fit(X, y, **fit), expected, [*FITTED, "validation_loss_curve_"])


def test_a_method_that_keeps_no_state_begins_anew_in_the_run_that_goes_on_too(tmp_path):
    X, y = data()
    params = {"solver": Forgetful(), "max_iter": 20}
    expected = whole(tmp_path / "whole.npz", X, y, **params)
    callbacks = [Checkpoint(tmp_path / "died.npz", every=3), crash_at(8)]
    with pytest.raises(Crash):
        SoftmaxRegression(callbacks=callbacks, **params).fit(X, y)
    with pytest.raises(ValueError, match=r"could not hold solver: Forgetful.*solver=\.\.\."):
        SoftmaxRegression.resume(tmp_path / "died.npz", callbacks=None)
    model = SoftmaxRegression.resume(
        tmp_path / "died.npz",
        solver=Forgetful(),
        callbacks=Checkpoint(tmp_path / "died.npz", every=3),
    )
    assert_same_fit(model.fit(X, y), expected, FITTED[:-1])


def test_without_a_seed_the_shuffling_goes_on_too(tmp_path):
    X, y = data()
    params = {"solver": "sgd", "random_state": None, "early_stopping": True, "max_iter": 20}
    model = crashed(tmp_path / "died.npz", X, y, **params)
    again = SoftmaxRegression.resume(tmp_path / "died.npz", callbacks=Checkpoint(tmp_path / "b", 3))
    before = model.loss_curve_
    assert_same_fit(model.fit(X, y), again.fit(X, y))
    assert_array_equal(model.loss_curve_[: len(before)], before)


def test_a_resumed_model_predicts_at_once_with_the_coefficients_of_the_checkpoint(tmp_path):
    X, y = data()
    model = crashed(tmp_path / "died.npz", X, y, every=3, at=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = whole(tmp_path / "six.npz", X, y, max_iter=6)
    assert model.n_iter_[0] == 6
    assert_array_equal(model.predict_proba(X), expected.predict_proba(X))
    assert_array_equal(model.loss_curve_, expected.loss_curve_)


def test_a_fit_that_reached_max_iter_goes_on_under_a_higher_one(tmp_path):
    X, y = data()
    whole(tmp_path / "short.npz", X, y, solver="gd", max_iter=12)
    model = SoftmaxRegression.resume(tmp_path / "short.npz", max_iter=30).fit(X, y)
    assert_same_fit(model, whole(tmp_path / "long.npz", X, y, solver="gd", max_iter=30))


@each_solver
def test_a_fit_that_was_done_is_done_at_once(tmp_path, solver):
    X, y = data()
    expected = whole(tmp_path / "done.npz", X, y, every=1, solver=solver, random_state=0, tol=1e-4)
    model = SoftmaxRegression.resume(tmp_path / "done.npz")
    assert_same_fit(model.fit(X, y), expected)


@pytest.mark.parametrize("held_out", [False, True])
def test_a_logger_has_the_record_of_a_fit_that_was_done(tmp_path, held_out):
    X, y = data()
    fit = {"X_val": X[::3], "y_val": y[::3]} if held_out else {}
    logger = LossLogger()
    whole(tmp_path / "done.npz", X, y, every=1, callbacks=[logger], fit=fit)
    again = SoftmaxRegression.resume(tmp_path / "done.npz", callbacks=LossLogger())
    model = again.fit(X, y, **fit)
    assert model.callbacks[0].rows == logger.rows
    assert len(logger.rows) == model.n_iter_[0] + 1
    assert ("validation_loss" in logger.rows[0]) == held_out
    pd.testing.assert_frame_equal(model.callbacks[0].to_frame(), logger.to_frame())


def test_a_logger_goes_on_with_its_file(tmp_path):
    X, y = data()
    logger = LossLogger(tmp_path / "log.csv")
    model = crashed(tmp_path / "died.npz", X, y, callbacks=[logger], at=8).fit(X, y)
    assert_array_equal(model.callbacks[0].to_frame()["loss"], model.loss_curve_)
    lines = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [int(line.split(",")[0]) for line in lines] == list(range(model.n_iter_[0] + 1))
    assert [float(line.split(",")[1]) for line in lines] == model.loss_curve_.tolist()


# Refused


def other_data():
    X, y = data()
    changed = X.copy()
    changed[0, 0] += 1e-9
    shuffled = y.copy()
    shuffled[:2] = shuffled[1::-1] if y[0] != y[1] else np.setdiff1d("abc", y[0])
    return {
        "shape of X": (X[:-1], y[:-1], None),
        "dtype of X": (X.astype(np.float32), y, None),
        "format of X": (sp.csr_array(X), y, None),
        "rows of X": (changed, y, None),
        "labels": (X, np.roll(y, 1), None),
        "classes": (X, np.char.upper(y), None),
        "weights": (X, y, np.linspace(1.0, 2.0, len(y))),
    }


@pytest.mark.parametrize("what", other_data())
def test_other_data_are_refused_and_the_right_ones_still_work(tmp_path, what):
    X, y = data()
    model = crashed(tmp_path / "died.npz", X, y)
    before = dict(vars(model))
    with pytest.raises(ValueError, match=f"needs the data of its checkpoint.*the {what}"):
        model.fit(*other_data()[what])
    assert vars(model) == before
    assert_same_fit(model.fit(X, y), whole(tmp_path / "whole.npz", X, y))


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize(
    ("what", "change"),
    {
        "shape of X": lambda X, y: (X[1:], y[1:], None),
        "rows of X": lambda X, y: (X + 1e-9, y, None),
        "labels": lambda X, y: (X, np.roll(y, 1), None),
        "weights": lambda X, y: (X, y, np.linspace(1.0, 2.0, len(y))),
    }.items(),
)
def test_other_rows_held_out_are_refused(tmp_path, what, change, early_stopping):
    X, y = data()
    fit = {"X_val": X[::3], "y_val": y[::3]}
    model = crashed(tmp_path / "died.npz", X, y, at=5, fit=fit, early_stopping=early_stopping)
    names = ("X_val", "y_val", "sample_weight_val")
    with pytest.raises(ValueError, match=rf"checkpoint.*the {what} \(held out\)"):
        model.fit(X, y, **dict(zip(names, change(X[::3], y[::3]), strict=True)))
    model.fit(X, y, **fit)


def test_data_differ_where_sparse_rows_do(tmp_path):
    X, y = data()
    X = sp.csc_array(np.where(np.abs(X) > 0.5, X, 0.0))
    model = crashed(tmp_path / "died.npz", X, y)
    Z = X.copy()
    Z.data[0] *= 2.0
    with pytest.raises(ValueError, match="the rows of X"):
        model.fit(Z, y)
    assert_same_fit(model.fit(X, y), whole(tmp_path / "whole.npz", X, y))


@pytest.mark.parametrize("params", [{"C": 2.0}, {"solver": "gd"}, {"solver": Forgetful()}])
def test_other_parameters_are_refused(tmp_path, params):
    X, y = data()
    model = crashed(tmp_path / "died.npz", X, y).set_params(**params)
    with pytest.raises(ValueError, match=f"parameters of its checkpoint: {next(iter(params))} was"):
        model.fit(X, y)


@pytest.mark.parametrize("wrong", [{"every": 0}, {"seconds": 0.0}])
def test_an_interval_that_is_none_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        Checkpoint("x", **wrong)


def test_what_a_solver_remembers_has_to_be_numbers(tmp_path):
    class Odd(GradientDescent):
        def points(self, objective, w, rng, state):
            state["odd"] = object()
            yield from super().points(objective, w, rng, {})

    X, y = data()
    with pytest.raises(TypeError, match=r"memory/odd is of type object.*without pickle"):
        whole(tmp_path / "odd.npz", X, y, solver=Odd())


# When, and what if the disk is full


def iterations_written(monkeypatch):
    """Return a list that fills with the iterations at which a file is written."""
    written, write = [], storage.write

    def spy(path, header, arrays):
        written.append(len(arrays["run/losses"]) - 1)
        write(path, header, arrays)

    monkeypatch.setattr(storage, "write", spy)
    return written


def test_every_says_at_which_iterations_a_file_is_written(tmp_path, monkeypatch):
    written = iterations_written(monkeypatch)
    whole(tmp_path / "x.npz", *data(), every=4, solver="gd", max_iter=14)
    assert written == [0, 4, 8, 12]


def test_seconds_say_how_long_after_the_last_write_the_next_one_comes(tmp_path, monkeypatch):
    clock, written = [0.0], iterations_written(monkeypatch)
    monkeypatch.setattr("softmax_reg.callbacks.checkpoint.monotonic", lambda: clock[0])

    def tick(progress):
        clock[0] += 1.0

    callbacks = [tick, Checkpoint(tmp_path / "x.npz", seconds=4.5)]
    SoftmaxRegression(solver="gd", max_iter=14, callbacks=callbacks).fit(*data())
    assert written == [0, 5, 10]


def full_disk(monkeypatch, from_call):
    """Let the disk be full from this call of fsync on; a write makes two."""
    calls, fsync = [], os.fsync

    def fail(descriptor):
        calls.append(descriptor)
        if len(calls) >= from_call:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fail)


def test_a_disk_that_is_full_costs_the_checkpoint_and_not_the_fit(tmp_path, monkeypatch):
    X, y = data()
    expected = whole(tmp_path / "whole.npz", X, y, solver="gd", max_iter=10)
    full_disk(monkeypatch, from_call=5)  # the third write: at iteration 6
    with pytest.warns(RuntimeWarning, match="iteration [69] could not be written.*No space left"):
        model = whole(tmp_path / "died.npz", X, y, solver="gd", max_iter=10)
    monkeypatch.undo()
    assert_same_fit(model, expected)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["died.npz", "whole.npz"]
    resumed = SoftmaxRegression.resume(tmp_path / "died.npz")
    assert resumed.n_iter_[0] == 3
    assert_same_fit(resumed.fit(X, y), expected)


def test_a_path_that_cannot_be_written_to_is_told_before_the_first_iteration(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        whole(tmp_path / "missing" / "x.npz", *data())


def test_a_fit_with_a_checkpoint_is_the_fit_without_but_for_rounding(tmp_path):
    X, y = data()
    for solver in SOLVERS:
        params = {"solver": solver, "random_state": 0}
        model = whole(tmp_path / "x.npz", X, y, every=1, **params)
        np.testing.assert_allclose(
            model.loss_curve_[-1], SoftmaxRegression(**params).fit(X, y).loss_curve_[-1], rtol=1e-6
        )


# As a parameter


def test_the_parameter_itself_is_not_changed_by_a_fit(tmp_path):
    checkpoint = Checkpoint(tmp_path / "x.npz", every=2)
    before = dict(vars(checkpoint))
    SoftmaxRegression(callbacks=checkpoint).fit(*data())
    assert vars(checkpoint) == before
    assert repr(checkpoint) == f"Checkpoint({str(tmp_path / 'x.npz')!r}, every=2)"
    assert repr(Checkpoint("x", seconds=3.0)) == "Checkpoint('x', seconds=3.0)"


def test_it_survives_clone_pickle_and_a_grid_search(tmp_path):
    model = SoftmaxRegression(callbacks=[Checkpoint(tmp_path / "x.npz")])
    assert clone(model).callbacks[0].path == tmp_path / "x.npz"
    search = GridSearchCV(model, {"C": [0.1, 1.0]}, cv=2).fit(*data())
    resumed = SoftmaxRegression.resume(tmp_path / "x.npz")
    assert resumed.C == search.best_params_["C"]  # the refit wrote last
    again = pickle.loads(pickle.dumps(resumed))
    assert_same_fit(again.fit(*data()), search.best_estimator_)


def test_a_clone_of_a_resumed_model_begins_at_the_start(tmp_path):
    X, y = data()
    model = crashed(tmp_path / "died.npz", X, y)
    X = X[:100]  # refused, were it not for the clone
    assert clone(model).set_params(callbacks=None).fit(X, y[:100]).converged_
