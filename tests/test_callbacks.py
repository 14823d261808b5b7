"""Callbacks: when they stop, what they keep and print, in which order they are called."""

import io
import pickle
import re
import sys
import warnings
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from objectives import objective_of, rows_and_labels, small_objective, somewhere
from problems import data
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight

from softmax_reg import SoftmaxRegression
from softmax_reg._npz.storage import flatten, unflatten
from softmax_reg.callbacks import EarlyStopping, LossLogger, PrintProgress
from softmax_reg.callbacks.progress_line import RemainingTime
from softmax_reg.solvers import SOLVERS, minimize
from softmax_reg.solvers.events import Progress

each_solver = pytest.mark.parametrize("solver", SOLVERS)


def walk(callback, validation, ws, first=0):
    """Show a callback one point after another; return what it answered."""
    training = small_objective()
    return [
        callback(Progress(i, 100, training.at(w), 0.0, float(i), validation))
        for i, w in enumerate(ws, first)
    ]


def losses_of(values):
    """Return an objective of one feature and one row, and points w where it has these values."""
    objective = objective_of(np.ones((2, 1)), np.array([0, 1]), np.array([0.0, 1.0]), alpha=0.0,
                             fit_intercept=False)  # fmt: skip
    # log(1 + exp(-w)) = value
    return objective, [np.array([-np.log(np.expm1(value))]) for value in values]


# Early stopping


def test_early_stopping_stops_so_many_iterations_after_the_lowest_loss():
    objective, ws = losses_of([0.9, 0.5, 0.6, 0.4, 0.45, 0.41, 0.7, 0.3])
    stopping = EarlyStopping(n_iter_no_change=3)
    answers = walk(stopping, objective, ws[:7])
    assert [bool(answer) for answer in answers] == [False] * 6 + [True]
    assert stopping.best_iter == 3
    assert stopping.best_w is ws[3]
    assert_allclose(stopping.best_loss, 0.4, rtol=1e-12)


def test_early_stopping_keeps_the_first_of_equal_losses():
    objective, ws = losses_of([0.9, 0.5, 0.5, 0.5])
    stopping = EarlyStopping(n_iter_no_change=2)
    assert [bool(answer) for answer in walk(stopping, objective, ws)] == [0, 0, 0, 1]
    assert stopping.best_iter == 1


def test_a_loss_that_is_lower_by_too_little_is_kept_but_does_not_prolong_the_run():
    objective, ws = losses_of([0.9, 0.5, 0.49, 0.48, 0.47])
    stopping = EarlyStopping(n_iter_no_change=3, min_delta=0.1)
    assert [bool(answer) for answer in walk(stopping, objective, ws)] == [0, 0, 0, 0, 1]
    assert stopping.best_iter == 4


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.integers(1, 5))
def test_whatever_the_losses_the_lowest_is_kept_and_the_run_ends_when_it_should(losses, patience):
    stopping, held_out = EarlyStopping(patience), SimpleNamespace(loss=float)
    for i, loss in enumerate(losses):
        stops = stopping(Progress(i, 100, SimpleNamespace(w=loss), validation=held_out))
        assert stopping.best_iter == np.argmin(losses[: i + 1])
        assert stopping.best_loss == stopping.best_w == min(losses[: i + 1])
        assert stops == (i - stopping.best_iter >= patience)


def test_early_stopping_begins_anew_with_every_run():
    objective, ws = losses_of([0.9, 0.1, 0.2])
    stopping = EarlyStopping(n_iter_no_change=2)
    walk(stopping, objective, ws)
    assert walk(stopping, objective, [ws[0], ws[2]]) == [False, False]
    assert_allclose(stopping.best_loss, 0.2, rtol=1e-12)


def test_early_stopping_measures_other_rows_than_those_trained_on():
    X, codes, weights = rows_and_labels()
    training = objective_of(X[:40], codes[:40], weights[:40])
    validation = objective_of(X[40:], codes[40:], weights[40:], alpha=0.0)
    stopping = EarlyStopping(1000)
    result = minimize(
        SOLVERS["lbfgs"](), training, np.zeros(training.size), tol=1e-9, max_iter=100,
        rng=np.random.default_rng(0), callbacks=[stopping], validation=validation,
    )  # fmt: skip
    assert result.validation_curve.shape == result.loss_curve.shape
    assert_allclose(result.validation_curve[-1], validation.at(result.point.w).value, rtol=1e-12)
    assert_allclose(result.validation_curve.min(), stopping.best_loss, rtol=0.0)


@pytest.mark.parametrize("wrong", [{"n_iter_no_change": 0}, {"min_delta": -1.0}])
def test_early_stopping_refuses_what_makes_no_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        EarlyStopping(**wrong)


def test_early_stopping_without_held_out_rows_says_what_is_missing():
    with pytest.raises(ValueError, match="X_val"):
        walk(EarlyStopping(), None, [somewhere(small_objective())])


def test_an_object_stops_like_the_parameter_does():
    X, y = data("digits")
    knobs = {"random_state": 0, "C": 100.0}
    plain = SoftmaxRegression(early_stopping=True, n_iter_no_change=4, **knobs).fit(X, y)
    stopping = EarlyStopping(4)
    model = SoftmaxRegression(callbacks=stopping, **knobs).fit(X, y)
    assert_array_equal(model.coef_, plain.coef_)
    assert model.best_iter_ == plain.best_iter_ == stopping.best_iter
    # Where both are given the object decides.
    both = SoftmaxRegression(early_stopping=True, callbacks=[stopping], **knobs).fit(X, y)
    assert both.n_iter_ == plain.n_iter_


def test_two_that_stop_early_are_refused():
    with pytest.raises(ValueError, match="2 EarlyStopping"):
        SoftmaxRegression(callbacks=[EarlyStopping(), EarlyStopping()]).fit(*data("iris"))


# The record


def read(path):
    """Return the table in a CSV file, every number exactly as it was written."""
    frame = pd.read_csv(path, dtype=str)
    return frame.astype({name: int if name == "iteration" else float for name in frame})


@each_solver
def test_a_logger_records_every_iteration_of_every_solver(solver, tmp_path):
    X, y = data("wine")
    logger = LossLogger(tmp_path / "log.csv")
    model = SoftmaxRegression(
        solver=solver, tol=1e-3, early_stopping=True, n_iter_no_change=1000, random_state=0,
        callbacks=[logger],
    ).fit(X, y)  # fmt: skip
    frame = logger.to_frame()
    assert_array_equal(frame["iteration"], np.arange(model.n_iter_[0] + 1))
    assert_array_equal(frame["loss"], model.loss_curve_)
    assert_array_equal(frame["validation_loss"], model.validation_loss_curve_)
    assert frame["seconds"].is_monotonic_increasing
    if model.converged_:
        assert frame["optimality"].iloc[-1] == model.optimality_
    pd.testing.assert_frame_equal(read(tmp_path / "log.csv"), frame, check_exact=True)


def test_a_new_fit_starts_a_new_record(tmp_path):
    X, y = data("iris")
    logger = LossLogger(tmp_path / "log.csv")
    model = SoftmaxRegression(callbacks=logger, max_iter=3, tol=0.3)
    for _ in range(2):
        model.fit(X, y)
        assert len(logger.to_frame()) == model.n_iter_[0] + 1
        assert len(pd.read_csv(tmp_path / "log.csv")) == model.n_iter_[0] + 1


def test_every_row_is_in_the_file_before_the_next_iteration(tmp_path):
    path, seen = tmp_path / "log.csv", []
    SoftmaxRegression(
        callbacks=[LossLogger(path), lambda progress: seen.append(len(pd.read_csv(path)))]
    ).fit(*data("iris"))
    assert seen == list(range(1, len(seen) + 1))


@pytest.mark.parametrize("tail", ["", "4,0.1", "4,0.1,0.2,0.3\n5,0.1,0.2,0.3\n6,0"])
@pytest.mark.parametrize("same_process", [True, False])
def test_a_run_that_is_resumed_goes_on_with_the_record(tmp_path, tail, same_process):
    path = tmp_path / "log.csv"
    ws = [np.full(small_objective().size, 0.1 * i) for i in range(7)]
    whole = LossLogger()
    walk(whole, None, ws)
    logger = LossLogger(path)
    walk(logger, None, ws[:4])
    with path.open("a") as file:  # what was written after the point that the run goes on from
        file.write(tail)
    logger.finish()
    if not same_process:
        state, logger = flatten(logger.get_state()), LossLogger(path)
        logger.set_state(unflatten(state))
    walk(logger, None, ws[4:], first=4)
    pd.testing.assert_frame_equal(logger.to_frame(), whole.to_frame())
    pd.testing.assert_frame_equal(read(path), whole.to_frame(), check_exact=True)


def test_an_empty_record_is_an_empty_frame():
    assert LossLogger().to_frame().columns.to_list() == [
        "iteration", "loss", "optimality", "seconds",
    ]  # fmt: skip


def test_the_record_is_in_the_object_given_and_clones_have_their_own():
    X, y = data("iris")
    logger = LossLogger()
    model = SoftmaxRegression(callbacks=[logger])
    twin = clone(model).fit(X, y)
    assert logger.rows == []
    assert len(twin.callbacks[0].rows) == twin.n_iter_[0] + 1
    given = list(model.callbacks)
    model.fit(X, y)
    assert model.callbacks[0] is logger is given[0]
    assert len(logger.rows) == model.n_iter_[0] + 1


def test_a_grid_search_leaves_the_record_of_the_best_fit_in_the_best_estimator():
    X, y = data("iris")
    logger = LossLogger()
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegression(callbacks=[logger]))
    search = GridSearchCV(pipeline, {"softmaxregression__C": [0.1, 1.0]}, cv=2).fit(X, y)
    best = search.best_estimator_[-1]
    assert_array_equal(best.callbacks[0].to_frame()["loss"], best.loss_curve_)
    assert logger.rows == []


def test_callbacks_hold_no_rows_after_the_fit():
    X, y = data("digits")
    stopping, logger = EarlyStopping(), LossLogger()
    printer = PrintProgress(file=io.StringIO())
    SoftmaxRegression(callbacks=[stopping, logger, printer], random_state=0).fit(X, y)
    for callback in (stopping, logger, printer):
        assert not any(isinstance(value, Progress) for value in vars(callback).values())
    assert vars(stopping)["best_w"].size == 65 * 10


def test_an_estimator_with_callbacks_is_pickled_with_the_record_and_prints_itself():
    callbacks = [LossLogger(), EarlyStopping(7), PrintProgress(2, io.StringIO())]
    model = SoftmaxRegression(callbacks=callbacks, random_state=0).fit(*data("iris"))
    shown = "callbacks=[LossLogger(), EarlyStopping(7, min_delta=0.0), PrintProgress(every=2)]"
    assert shown in re.sub(r"\s+", " ", repr(model))
    model.callbacks[2].file = None
    again = pickle.loads(pickle.dumps(model))
    assert again.callbacks[0].rows == callbacks[0].rows
    assert again.callbacks[1].best_iter == model.best_iter_


# Order, stop, errors


def named(name, called, answer=None):
    def callback(progress):
        called.append((name, progress.n_iter))
        return answer

    return callback


class Spied:
    """A mixin that notes each call before it is made."""

    called: list

    def __call__(self, progress):
        self.called.append((type(self).__name__, progress.n_iter))
        return super().__call__(progress)


class Stopping(Spied, EarlyStopping):
    pass


class Logger(Spied, LossLogger):
    pass


class Printer(Spied, PrintProgress):
    pass


@each_solver
def test_all_are_called_at_every_point_printers_loggers_early_stopping_then_the_rest(solver):
    called = Spied.called = []
    model = SoftmaxRegression(
        solver=solver,
        tol=1e-2,
        random_state=0,
        callbacks=[
            named("first", called), Stopping(), named("second", called), Logger(),
            Printer(file=io.StringIO()),
        ],
    ).fit(*data("wine"))  # fmt: skip
    names = ["Printer", "Logger", "Stopping", "first", "second"]
    assert called == [(name, i) for i in range(model.n_iter_[0] + 1) for name in names]


@each_solver
@pytest.mark.parametrize("at", [0, 2])
def test_the_first_that_asks_stops_the_fit_without_a_warning_after_all_were_called(solver, at):
    called = []
    model = SoftmaxRegression(
        solver=solver,
        callbacks=[lambda p: p.n_iter == at, named("last", called, False)],
        random_state=0,
    ).fit(*data("digits"))
    assert model.n_iter_[0] == at
    assert called == [("last", i) for i in range(at + 1)]
    assert not model.converged_
    assert len(model.loss_curve_) == at + 1


def test_a_callback_is_told_where_the_run_is():
    seen = []
    model = SoftmaxRegression(callbacks=seen.append, max_iter=500, tol=1e-5).fit(*data("wine"))
    assert [p.n_iter for p in seen] == list(range(model.n_iter_[0] + 1))
    assert {p.max_iter for p in seen} == {500}
    assert {p.tol for p in seen} == {1e-5}
    assert_array_equal([p.point.value for p in seen], model.loss_curve_)
    assert all(p.validation_loss is None for p in seen)
    seconds = [p.seconds for p in seen]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0.0


def test_an_error_in_a_callback_is_raised_and_leaves_the_estimator_as_it_was():
    def fail(progress):
        if progress.n_iter == 3:
            raise RuntimeError("the disk is full")

    X, y = data("iris")
    model = SoftmaxRegression().fit(X, y)
    before = dict(vars(model.set_params(callbacks=fail)))
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.fit(*data("wine"))
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_ctrl_c_in_a_callback_keeps_the_point_it_was_told_of(early_stopping):
    def interrupt(progress):
        if progress.n_iter == 3:
            raise KeyboardInterrupt

    model = SoftmaxRegression(
        callbacks=interrupt, early_stopping=early_stopping, random_state=0
    )  # fmt: skip
    with pytest.warns(UserWarning, match="interrupted after 3 iterations"):
        model.fit(*data("digits"))
    assert model.n_iter_[0] == 3
    assert len(model.loss_curve_) == 4
    if early_stopping:
        assert len(model.validation_loss_curve_) == 4
        assert model.best_iter_ == np.argmin(model.validation_loss_curve_)


def test_ctrl_c_before_early_stopping_saw_a_point_keeps_nothing_of_the_last_fit():
    class Interrupted(LossLogger):
        def __call__(self, progress):
            raise KeyboardInterrupt

    stopping = EarlyStopping()
    model = SoftmaxRegression(callbacks=[stopping], random_state=0).fit(*data("digits"))
    model.set_params(callbacks=[stopping, Interrupted()])
    with pytest.warns(UserWarning, match="interrupted after 0 iterations"):
        model.fit(*data("iris"))
    assert model.best_iter_ == 0
    assert_array_equal(model.coef_, np.zeros((3, 4)))


@pytest.mark.parametrize("how", ["tol", "callback", "error", "interrupt", "max_iter"])
def test_a_callback_hears_of_every_iteration_that_begins_and_once_of_the_end(how):
    heard = []

    class Listener:
        def __call__(self, progress):
            heard.append(progress.n_iter)
            if progress.n_iter == 2 and how == "error":
                raise RuntimeError
            if progress.n_iter == 2 and how == "interrupt":
                raise KeyboardInterrupt
            return progress.n_iter == 2 and how == "callback"

        def before_iteration(self):
            heard.append("begin")

        def finish(self):
            heard.append("end")

    model = SoftmaxRegression(
        callbacks=Listener(), max_iter=2 if how == "max_iter" else 100, tol=1e-4
    )
    try:
        model.fit(*data("iris"))
    except (RuntimeError, UserWarning):  # the warning of a limit is an error here
        pass
    n_iter = max(i for i in heard if isinstance(i, int))
    assert n_iter == 2 or how == "tol"
    expected = [0] + [part for i in range(1, n_iter + 1) for part in ("begin", i)]
    assert heard == [*expected, "end"]


@pytest.mark.parametrize("wrong", [[3], [LossLogger], ["log"]])
def test_what_cannot_be_called_is_refused_by_name(wrong):
    with pytest.raises(TypeError, match=re.escape(repr(wrong[0]))):
        SoftmaxRegression(callbacks=wrong).fit(*data("iris"))


@pytest.mark.parametrize("given", [lambda theirs: theirs, lambda theirs: [theirs]])
def test_a_callback_for_scikit_learns_protocol_is_sent_there(given):
    theirs = SimpleNamespace(on_fit_task_end=print)
    with pytest.raises(TypeError, match="set_callbacks"):
        SoftmaxRegression(callbacks=given(theirs)).fit(*data("iris"))


# Lines of progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Notebook(io.StringIO):
    """Like the stream of a kernel, which is no terminal."""


Notebook.__module__ = "ipykernel.iostream"


def show(printer, seconds, n_iters=None, max_iter=200):
    """Show a printer points at these times, and the end; return what it printed."""
    objective = small_objective()
    point = objective.at(somewhere(objective))
    for n_iter, now in zip(n_iters or range(len(seconds)), seconds, strict=True):
        assert not printer(Progress(n_iter, max_iter, point, 1e-9, now))
    printer.finish()
    return printer.file.getvalue(), point


def iterations(lines):
    return [int(line.split()[1]) for line in lines]


ROUND = [0, 1, 2, 5, 10, 20, 50, 100]


@pytest.mark.parametrize(
    ("given", "printed"),
    [
        ({}, [*ROUND, 120]),
        ({"verbose": 2}, list(range(0, 121, 2))),
        ({"verbose": 50}, [0, 50, 100, 120]),
        ({"every": 1}, list(range(121))),
        ({"every": 7}, [*range(0, 121, 7), 120]),
    ],
)
def test_a_log_gets_lines_at_round_numbers_or_every_so_many_and_the_last(given, printed):
    printer = PrintProgress(file=io.StringIO(), **given)
    text, point = show(printer, [0.01 * i for i in range(121)])
    lines = text.splitlines()
    assert iterations(lines) == printed
    assert "\r" not in text
    match = re.search(r"loss\s+(\S+)\s+optimality\s+(\S+)", lines[0])
    assert_allclose([float(match[1]), float(match[2])], [point.value, point.optimality], rtol=0.05)


def test_a_log_gets_a_line_at_least_every_ten_seconds():
    text, _ = show(PrintProgress(1, io.StringIO()), [3.0 * i for i in range(31)])
    assert iterations(text.splitlines()) == [0, 1, 2, 5, 9, 10, 14, 18, 20, 24, 28, 30]


def test_on_a_terminal_round_numbers_stay_and_a_line_below_is_rewritten_now_and_then():
    text, _ = show(PrintProgress(1, Terminal()), [0.03 * i for i in range(101)])
    assert text.endswith("\n")
    writes = [line.split("\r")[1:] for line in text.split("\n")[:-1]]
    assert iterations([shown[-1] for shown in writes]) == ROUND  # what is left to be seen
    # A tenth of a second is 4 points; a line that stays counts as well.
    assert iterations(writes[-1]) == [*range(54, 100, 4), 100]
    # Each covers what the one before left on the line, and none is wider than the terminal.
    for shown in writes:
        assert all(len(b) >= len(a.rstrip()) for a, b in pairwise(shown))
        assert max(map(len, shown)) < 80


class Display:
    """The display of IPython: one output, which is replaced."""

    def __init__(self):
        self.outputs = []

    def display(self, data, raw, display_id):
        assert raw
        assert display_id is True
        self.outputs.append(data["text/plain"])
        return self

    def update(self, data, raw):
        assert raw
        self.outputs[-1] = data["text/plain"]


def test_a_notebook_has_one_output_which_is_replaced(monkeypatch):
    shown = Display()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(display=shown))
    monkeypatch.setitem(sys.modules, "IPython.display", shown)
    printer = PrintProgress(1, Notebook())
    text, _ = show(printer, [0.03 * i for i in range(101)])
    assert text == ""
    (output,) = shown.outputs
    assert iterations(output.splitlines()) == ROUND
    SoftmaxRegression(callbacks=printer).fit(*data("iris"))
    assert shown.outputs[1].splitlines()[-1].startswith("converged: optimality")


def test_a_fit_of_a_tenth_of_a_second_shows_the_loss_fall():
    stream = Terminal()
    model = SoftmaxRegression(callbacks=PrintProgress(file=stream)).fit(*data("wine"))
    lines = [line.split("\r")[-1] for line in stream.getvalue().split("\n")[:-1]]
    losses = [float(re.search(r"loss (\S+)", line)[1]) for line in lines[:-1]]
    assert losses == sorted(losses, reverse=True)
    assert iterations(lines[:-1])[:4] == [0, 1, 2, 5]
    assert lines[-1].startswith(f"converged: optimality {model.optimality_:.1e}")


def test_the_columns_are_those_asked_for_in_that_order():
    stream = io.StringIO()
    columns = ("loss", "accuracy", "validation_loss", "validation_accuracy", "iteration")
    printer = PrintProgress(every=5, columns=columns, file=stream)
    seen = []
    model = SoftmaxRegression(callbacks=[printer, seen.append], max_iter=5, tol=None)
    X, y = data("wine")
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    first, last, why = stream.getvalue().splitlines()
    told = seen[5]
    assert last == (
        f"loss {told.loss:.8f}  accuracy {model.score(X[::2], y[::2]):.4f}  held-out "
        f"{told.validation_loss:.8f}  held-out accuracy {model.score(X[1::2], y[1::2]):.4f}  "
        "iteration    5"
    )
    assert first.endswith("iteration    0")
    assert why == "all 5 iterations done"
    for wrong in ("los", "point"):
        with pytest.raises(ValueError, match=f"'{wrong}', which is none of"):
            PrintProgress(columns=("loss", wrong))
    with pytest.raises(ValueError, match="at least 1, got 0"):
        PrintProgress(every=0)


def third(progress):
    return progress.n_iter == 3


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "converged: optimality .* tol 1.0e-08"),
        ({"max_iter": 3, "tol": None}, "all 3 iterations done"),
        (
            {"solver": "gd", "learning_rate": 50.0, "max_iter": 3},
            "all 3 iterations done, and the loss rose",
        ),
        ({"callbacks": third}, "stopped: third returned True"),
        (
            {"early_stopping": True, "n_iter_no_change": 2, "random_state": 0},
            "stopped: the held-out loss had no new low for 2 iterations; the best, .*, was at",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The loss rose")
def test_the_last_line_says_why_the_fit_ended(capsys, params, why):
    SoftmaxRegression(verbose=1, **params).fit(*data("wine"))
    assert re.match(why, capsys.readouterr().out.splitlines()[-1])


def test_an_interrupt_is_the_last_line(capsys):
    def interrupt(progress):
        if progress.n_iter == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        SoftmaxRegression(verbose=1, callbacks=interrupt).fit(*data("wine"))
    assert "interrupted after 2 iterations" in capsys.readouterr().out.splitlines()[-1]


# What a callback is told


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_a_callback_is_told_what_the_model_would_be(name):
    X, y = data(name)
    told = []
    model = SoftmaxRegression(callbacks=told.append, max_iter=6, tol=None, class_weight="balanced")
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    last = told[-1]
    assert_array_equal(last.coef, model.coef_)
    assert_array_equal(last.intercept, model.intercept_)
    assert_allclose([p.loss for p in told], model.loss_curve_, rtol=1e-15)
    assert_allclose([p.validation_loss for p in told], model.validation_loss_curve_, rtol=1e-15)
    assert last.optimality == model.optimality_
    for rows, accuracy in (
        (slice(0, None, 2), "accuracy"),
        (slice(1, None, 2), "validation_accuracy"),
    ):
        s = compute_sample_weight("balanced", y[::2])
        factor = dict(zip(y[::2].tolist(), s.tolist(), strict=True))
        weights = [factor[label] for label in y[rows].tolist()]
        expected = model.score(X[rows], y[rows], weights)
        assert_allclose(getattr(last, accuracy), expected, rtol=1e-12)
    assert repr(last).startswith(f"Progress(n_iter=6, max_iter=6, loss={last.loss:.6g}, valid")


def test_a_logger_records_accuracies_if_asked(tmp_path):
    X, y = data("wine")
    logger = LossLogger(tmp_path / "log.csv", accuracy=True)
    model = SoftmaxRegression(callbacks=logger)
    model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    frame = logger.to_frame()
    assert_allclose(frame["accuracy"].iloc[-1], model.score(X[::2], y[::2]))
    assert_allclose(frame["validation_accuracy"].iloc[-1], model.score(X[1::2], y[1::2]))
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "log.csv"), frame)
    model.fit(X, y)
    assert list(logger.to_frame().columns)[-1] == "accuracy"


def test_the_line_ends_even_if_the_fit_fails():
    def fail(progress):
        if progress.n_iter == 2:
            raise RuntimeError

    stream = Terminal()
    with pytest.raises(RuntimeError):
        SoftmaxRegression(callbacks=[PrintProgress(file=stream), fail]).fit(*data("iris"))
    assert stream.getvalue().endswith("\n")
    assert iterations(stream.getvalue().strip().split("\r")[1:])[-1] == 2


def test_rows_per_second_counts_each_row_as_often_as_it_is_read():
    objective = small_objective()
    for i in range(5):
        _ = objective.at(somewhere(objective, seed=i)).value
    stream = io.StringIO()
    point = objective.at(somewhere(objective))
    _ = point.optimality  # its gradient takes a pass, and the scale of the features another one
    n_read = objective.data.rows.n_read
    assert n_read == 7 * 60
    PrintProgress(1, stream)(Progress(0, 10, point, 1e-9, 0.5))
    assert f" {n_read / 0.5:.0f} rows/s" in stream.getvalue()


def test_the_held_out_loss_is_shown_if_there_is_one():
    validation = small_objective(seed=3, alpha=0.0)
    point = small_objective().at(somewhere(validation))
    stream = io.StringIO()
    PrintProgress(1, stream)(Progress(0, 10, point, 1e-9, 0.5, validation))
    shown = float(re.search(r"held-out (\S+)", stream.getvalue())[1])
    assert_allclose(shown, validation.loss(point.w), rtol=1e-7)


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("held_out", [False, True])
def test_on_a_narrow_terminal_the_time_left_goes_last(monkeypatch, columns, held_out):
    monkeypatch.setenv("COLUMNS", str(columns))
    validation = small_objective(seed=3, alpha=0.0) if held_out else None
    objective = small_objective()
    point = objective.at(somewhere(objective))
    stream = Terminal()
    printer = PrintProgress(1, stream)
    for n_iter in range(101, 110):
        seconds = 3.0 * (n_iter - 100)
        printer(Progress(n_iter, 2000, point, 0.0, seconds, validation, does_all=True))
    line = stream.getvalue().split("\r")[-1]
    assert len(line.rstrip()) <= columns - 1
    assert ("rows/s" in line) == (columns >= 80 + 40 * held_out)
    assert ("left" in line) == (columns >= 80)
    assert ("held-out" in line) == held_out


def test_a_printer_can_be_copied_and_writes_to_the_same_stream():
    stream = io.StringIO()
    printer = PrintProgress(2, stream)
    assert deepcopy(printer).file is stream
    clone(SoftmaxRegression(callbacks=[printer])).fit(*data("iris"))
    assert stream.getvalue()


# Time left


def after(times, limit=100):
    """Return the time left as known after so many steps at these times."""
    pace = RemainingTime()
    for n, seconds in enumerate(times):
        pace.note(n, seconds)
        pace.expect(pace.until(limit))
    return pace.known


def test_the_time_left_goes_by_the_pace_of_the_second_half():
    assert_allclose(after(0.5 * np.arange(21)), 0.5 * 80)
    slow_start = np.append(0.0, 5.0 + 0.5 * np.arange(60))
    assert_allclose(after(slow_start), 0.5 * 40, rtol=0.1)


@pytest.mark.parametrize("times", [[0.0], [0.0, 1.0, 2.0], np.geomspace(1.0, 1e3, 20)])
def test_the_time_left_is_not_told_before_estimates_agree(times):
    assert after(times) is None


@pytest.mark.parametrize("growth", [0.9, 1.0, 1.05, 1.2])
def test_what_is_told_is_within_a_factor_of_two_where_the_pace_drifts(growth):
    durations = 0.1 * growth ** (np.arange(100) / 20)
    times = np.append(0.0, np.cumsum(durations))
    told = [(n, after(times[:n])) for n in range(1, 100)]
    shares = [left / (times[-1] - times[n - 1]) for n, left in told if left is not None]
    assert shares
    assert 0.5 <= min(shares) <= max(shares) <= 2.0


def test_the_time_left_is_told_only_where_all_iterations_are_wanted():
    knobs = {"solver": "gd", "max_iter": 30}
    for params, is_told in (({}, False), ({"tol": None}, True), ({"learning_rate": 1e-6}, True)):
        seen = []
        model = SoftmaxRegression(callbacks=seen.append, **knobs, **params)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(*data("wine"))
        stream = io.StringIO()
        printer = PrintProgress(every=1, file=stream)
        for progress in seen:
            printer(replace(progress, seconds=0.1 * progress.n_iter))
        assert ("~0.5 s left" in stream.getvalue()) is is_told
        assert ("left" in stream.getvalue()) is is_told
