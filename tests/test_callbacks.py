"""Callbacks: when they stop, what they keep and print, in which order they are called."""

import io
import pickle
import re
from copy import deepcopy
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

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import EarlyStopping, LossLogger, PrintProgress
from softmax_reg.persistence.storage import flatten, unflatten
from softmax_reg.progress import TimeLeft
from softmax_reg.solvers import SOLVERS, minimize
from softmax_reg.solvers.watching import Progress

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
    shown = "callbacks=[LossLogger(), EarlyStopping(7, min_delta=0.0), PrintProgress(2)]"
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


@pytest.mark.parametrize(
    ("verbose", "printed"), [(1, [0, 1, 2, 5, 10, 20, 50, 100, 120]), (2, list(range(121)))]
)
def test_a_log_gets_lines_at_round_numbers_or_always_and_the_last(verbose, printed):
    printer = PrintProgress(verbose, io.StringIO())
    text, point = show(printer, [0.01 * i for i in range(121)])
    lines = text.splitlines()
    assert iterations(lines) == printed
    assert "\r" not in text
    match = re.search(r"loss\s+(\S+)\s+optimality\s+(\S+)", lines[0])
    assert_allclose([float(match[1]), float(match[2])], [point.value, point.optimality], rtol=0.05)


def test_a_log_gets_a_line_at_least_every_ten_seconds():
    text, _ = show(PrintProgress(1, io.StringIO()), [3.0 * i for i in range(31)])
    assert iterations(text.splitlines()) == [0, 1, 2, 5, 9, 10, 14, 18, 20, 24, 28, 30]


@pytest.mark.parametrize("stream", [Terminal, Notebook])
def test_where_a_line_can_be_rewritten_it_is_ten_times_a_second_at_most(stream):
    seconds = [0.03 * i for i in range(101)]
    text, _ = show(PrintProgress(1, stream()), seconds)
    assert text.count("\n") == 1
    assert text.endswith("\n")
    first, *shown = text[:-1].split("\r")
    assert first == ""
    assert iterations(shown) == [*range(0, 101, 4), 100]  # a tenth of a second is 4 points
    # Each covers what the one before left on the line, and none is wider than the terminal.
    assert all(len(b) >= len(a.rstrip()) for a, b in pairwise(shown))
    assert max(map(len, shown)) < 80


def test_every_iteration_keeps_its_line_on_a_terminal_too_if_asked():
    text, _ = show(PrintProgress(2, Terminal()), [0.01 * i for i in range(30)])
    assert iterations(text.splitlines()) == list(range(30))
    assert "\r" not in text


def test_the_line_ends_even_if_the_fit_fails():
    def fail(progress):
        if progress.n_iter == 2:
            raise RuntimeError

    stream = Terminal()
    with pytest.raises(RuntimeError):
        SoftmaxRegression(callbacks=[PrintProgress(file=stream), fail]).fit(*data("iris"))
    assert stream.getvalue().endswith("\n")
    assert iterations(stream.getvalue().strip().split("\r"))[-1] == 2


def test_rows_per_second_counts_each_row_as_often_as_it_is_read():
    objective = small_objective()
    for i in range(5):
        _ = objective.at(somewhere(objective, seed=i)).value
    stream = io.StringIO()
    point = objective.at(somewhere(objective))
    _ = point.optimality  # its gradient takes a pass, and the scale of the features another one
    n_read = objective.rows.n_read
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
    for n_iter in (998, 999):
        printer(Progress(n_iter, 2000, point, 1e-9, 3.0 * n_iter, validation))
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


def after(optimalities, pace=0.5, max_iter=1000, tol=1e-8):
    """Return the time left as judged after points of these optimalities, one each `pace`."""
    left = TimeLeft()
    for i, optimality in enumerate(optimalities):
        progress = Progress(i, max_iter, SimpleNamespace(optimality=optimality), tol, pace * i)
        left.see(progress)
    return left, progress


def test_the_time_until_tol_follows_from_how_fast_the_optimality_falls():
    left, progress = after(10.0 ** -np.arange(0, 6, 0.5))  # 1e-5.5 after 11 points; 5 more to go
    assert_allclose(left.until_tol(progress), 5 * 0.5, rtol=1e-9)
    assert left.text(progress) == "~2.5 s left"


def test_ups_and_downs_do_not_matter_but_how_low_it_got():
    steady = 10.0 ** -np.arange(0, 6, 0.5)
    uneven = steady.copy()
    uneven[[3, 7]] *= 50.0
    left, progress = after(uneven)
    assert_allclose(left.until_tol(progress), 5 * 0.5, rtol=1e-9)


def test_the_limit_is_named_where_it_comes_sooner():
    left, progress = after(10.0 ** -np.arange(0, 6, 0.5), max_iter=13)
    assert left.text(progress) == "<1 s left"


@pytest.mark.parametrize("optimalities", [[1.0] * 12, [1.0, 0.5], 1.0 + np.arange(12)])
def test_only_the_limit_is_known_while_the_optimality_does_not_fall(optimalities):
    left, progress = after(optimalities, max_iter=100)
    assert left.until_tol(progress) is None
    rest = 0.5 * (100 - progress.n_iter)
    assert_allclose(left.until_max_iter(progress), rest)
    assert left.text(progress).startswith("<")


def test_nothing_is_claimed_at_the_start_nor_at_the_end():
    left, progress = after([1.0])
    assert left.text(progress) == "time left ?"
    left, progress = after([1.0, 0.5, 1e-9])
    assert left.text(progress) == ""
    left, progress = after([1.0, 0.5, 0.2], max_iter=2)
    assert left.text(progress) == ""
