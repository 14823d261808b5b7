"""Callbacks of SoftmaxRegressionCV: what they are told, paths they end, lines of progress."""

import io
import pickle
import re
import threading
from itertools import pairwise

import joblib
import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from softmax_reg import CVDisplay, SoftmaxRegressionCV
from softmax_reg.callbacks import EarlyStopping, LossLogger, PrintProgress
from softmax_reg.callbacks.path_progress import PathPoint, PathProgress
from softmax_reg.model_selection import warm_starts
from softmax_reg.model_selection.cross_validation import chosen
from softmax_reg.model_selection.path_events import PrintPath

CS = (0.01, 0.1, 1.0, 10.0)
PROCESSES = [pytest.param(jobs, marks=pytest.mark.slow) for jobs in (2, "multiprocessing")]
N_JOBS = pytest.mark.parametrize("jobs", [None, "threading", *PROCESSES])
FITTED = ("scores_", "coefs_paths_", "n_iter_", "coef_", "intercept_", "C_", "l1_ratio_")


def fitted(jobs=None, **knobs):
    """Fit with a number of jobs, or with two by a backend of joblib."""
    model = SoftmaxRegressionCV(**({"Cs": CS, "cv": 3} | knobs))
    if isinstance(jobs, str):
        with joblib.parallel_config(jobs, n_jobs=2):
            return model.fit(*data("wine/std"))
    return model.set_params(n_jobs=jobs).fit(*data("wine/std"))


def after_falls(progress):
    """End the path of the second fold at its second C, that of the third at its third."""
    return progress.fold is not None and progress.fold > 1 and progress.number == progress.fold


@N_JOBS
def test_every_fit_is_told_of_in_the_order_of_the_folds(jobs):
    told = []
    model = fitted(jobs, l1_ratios=(0.0, 0.5), callbacks=told.append)
    *of_folds, last = told
    places = [(k, i, j) for k in range(3) for i in range(2) for j in range(4)]
    assert len(of_folds) == len(places)
    for p, (k, i, j) in zip(of_folds, places, strict=True):
        assert (p.fold, p.l1_ratio, p.number, p.step.C) == (k + 1, (0.0, 0.5)[i], j + 1, CS[j])
        assert p.score == model.scores_[k, i, j]
        assert p.step.n_iter == model.n_iter_[k, i, j]
        flat = np.column_stack([p.step.coef, p.step.intercept])
        assert_array_equal(flat, model.coefs_paths_[k, i, j])
    assert (last.fold, last.score, last.step.C) == (None, None, model.C_)
    assert last.number == CS.index(model.C_) + 1
    assert_array_equal(last.step.coef, model.coef_)
    assert {(p.n_Cs, p.n_folds, p.n_fits) for p in told} == {(4, 3, 25)}
    done = [p.n_done for p in told]
    # Several jobs tell of a path when all of it is done.
    whole = [n for n in range(4, 25, 4) for _ in range(4)]
    assert done == [*(range(1, 25) if jobs is None else whole), 25]
    assert all(a.seconds <= b.seconds for a, b in pairwise(told))


def test_a_single_job_tells_of_each_fit_before_the_next_begins(monkeypatch):
    begun, seen = [], []
    run = warm_starts.minimize
    monkeypatch.setattr(
        warm_starts, "minimize", lambda *args, **kw: begun.append(1) or run(*args, **kw)
    )
    fitted(callbacks=lambda progress: seen.append(len(begun)))
    assert seen == list(range(1, 14))


@N_JOBS
def test_a_path_ends_where_a_callback_says_so_and_at_the_same_C_for_any_number_of_jobs(jobs):
    whole, told = fitted(), []
    ended = fitted(jobs, callbacks=[after_falls, told.append])
    done = np.array([[[1, 1, 1, 1]], [[1, 1, 0, 0]], [[1, 1, 1, 0]]], dtype=bool)
    assert len(told) == done.sum() + 1
    assert_array_equal(np.isnan(ended.scores_), ~done)
    assert_array_equal(ended.scores_[done], whole.scores_[done])
    assert_array_equal(ended.coefs_paths_[done], whole.coefs_paths_[done])
    assert np.isnan(ended.coefs_paths_[~done]).all()
    assert_array_equal(ended.n_iter_, np.where(done, whole.n_iter_, 0))
    assert ended.n_iter_.dtype == np.int32
    scored_by_all = whole.scores_[:, 0, :2].mean(axis=0)
    assert ended.C_ == CS[scored_by_all.argmax()]
    assert told[-1].n_done == told[-1].n_fits == 13


def test_paths_that_end_at_once_leave_the_smallest_C():
    model = fitted(Cs=CS[::-1], l1_ratios=(0.0, 0.5), callbacks=lambda progress: True)
    assert model.C_ == min(CS)
    assert_array_equal(np.isnan(model.scores_).all(axis=(0, 1)), [True, True, True, False])
    assert np.isfinite(model.coef_).all()


def test_without_refit_each_fold_chooses_among_what_it_has():
    whole, ended = fitted(refit=False), fitted(refit=False, callbacks=after_falls)
    last = (4, 2, 3)
    best = [whole.scores_[k, 0, :n].argmax() for k, n in enumerate(last)]
    assert ended.C_ == pytest.approx(np.mean([CS[j] for j in best]))
    mean = np.mean([whole.coefs_paths_[k, 0, j] for k, j in enumerate(best)], axis=0)
    assert_allclose(ended.coef_, mean[:, :-1])


def test_one_standard_error_counts_what_all_folds_score():
    scores = np.array([[[-3.0, -1.2, -1.1, -1.0]], [[-5.0, -1.35, -1.3, np.nan]]])
    assert chosen(scores, np.array(CS), "best") == (0, 2)
    assert chosen(scores, np.array(CS), "one_standard_error") == (0, 1)  # the error is 0.1


def test_a_display_draws_what_ended_paths_scored():
    model = fitted(callbacks=after_falls)
    display = CVDisplay.from_estimator(model, ax=Figure().subplots())
    assert_array_equal(np.isnan(display.means), [[False, False, True, True]])
    marked = [line for line in display.ax_.get_lines() if line.get_marker() == "*"]
    assert_allclose(marked[0].get_ydata(), display.means[0, CS.index(model.C_)])


class StatefulCallback:
    """Fails after so many calls; holds what cannot be sent to another process."""

    def __init__(self, fail_after=None):
        self.fail_after, self.calls, self.ended = fail_after, 0, 0
        self.lock = threading.Lock()

    def __call__(self, progress):
        self.calls += 1
        if self.calls == self.fail_after:
            raise RuntimeError("the disk is full")

    def finish(self):
        self.ended += 1


@N_JOBS
def test_what_watches_stays_here_and_changes_nothing(jobs):
    plain, watched = fitted(), fitted(jobs, callbacks=(watcher := StatefulCallback()))
    assert (watcher.calls, watcher.ended) == (13, 1)
    for name in FITTED:
        assert_array_equal(getattr(watched, name), getattr(plain, name))


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        ([print, 3], "3, which cannot be called.*takes a PathProgress"),
        (PrintProgress, "PrintProgress.*an instance"),
        ([EarlyStopping()], "EarlyStopping.*iterations of one fit.*SoftmaxRegression"),
        (LossLogger(), "LossLogger"),
    ],
)
def test_what_cannot_be_used_is_named_and_changes_nothing(callbacks, message):
    model = SoftmaxRegressionCV(Cs=2).fit(*data("iris"))
    before = dict(vars(model.set_params(callbacks=callbacks)))
    with pytest.raises(TypeError, match=message):
        model.fit(*data("wine"))
    assert vars(model) == before


def test_clones_have_copies_and_a_fitted_model_can_be_pickled():
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=2, cv=2, callbacks=[after_falls])
    other = clone(model).fit(X, y)
    assert other.callbacks == [after_falls]
    assert other.callbacks is not model.callbacks
    again = pickle.loads(pickle.dumps(other))
    assert_array_equal(again.predict_proba(X), other.predict_proba(X))


def test_folds_that_can_be_gone_through_once_do_for_several_jobs():
    X, y = data("wine/std")
    folds = StratifiedKFold(3)
    model = fitted(2, cv=folds.split(X, y))
    assert_array_equal(model.scores_, fitted(cv=folds).scores_)


@pytest.mark.parametrize(
    ("backend", "fail_after"),
    [("loky", 2), ("multiprocessing", 2), ("threading", 2), ("threading", 13), ("none", 2)],
)
def test_an_error_in_a_callback_leaves_the_estimator_as_it_was(backend, fail_after):
    watcher = StatefulCallback(fail_after)
    model = SoftmaxRegressionCV(Cs=2, cv=2).fit(*data("iris"))
    model.set_params(Cs=CS, cv=3, callbacks=watcher)
    before = dict(vars(model))
    backend, n_jobs = ("threading", 1) if backend == "none" else (backend, 2)
    with (
        joblib.parallel_config(backend, n_jobs=n_jobs),
        pytest.raises(RuntimeError, match="the disk is full"),
    ):
        model.fit(*data("wine/std"))
    assert (watcher.calls, watcher.ended) == (fail_after, 1)
    assert vars(model) == before


def test_an_error_in_a_path_leaves_the_estimator_as_it_was_too():
    watcher, model = StatefulCallback(), SoftmaxRegressionCV(Cs=CS, cv=3)
    before = dict(vars(model.set_params(callbacks=watcher, scoring=lambda *args: np.inf)))
    with (
        joblib.parallel_config("threading", n_jobs=2),
        pytest.raises(ValueError, match=r"score of fold \d at C=0.01 is inf"),
    ):
        model.fit(*data("wine/std"))
    assert (watcher.calls, watcher.ended) == (0, 1)
    assert vars(model) == before


# Lines of progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def told_at(n_done, seconds, n_fits=21, **where):
    step = PathPoint(0.1, np.eye(3, 5), np.zeros(3), 0.5, 20.0, 1e-9, 12, True, "tol")
    known = {"number": 1, "n_Cs": 10, "l1_ratio": 0.5, "n_fits": n_fits}
    return PathProgress(step, n_done=n_done, seconds=seconds, **(known | where))


def lines_after(times, verbose=1, stream=io.StringIO, **where):
    """Return what is printed of fits at these times, {n_done: seconds}."""
    printer = PrintPath(verbose, stream())
    for n_done, seconds in times:
        printer(told_at(n_done, seconds, **where))
    printer.finish()
    return re.split("[\r\n]+", printer.file.getvalue().strip())


def test_a_line_says_where_the_fit_stands():
    (line,) = lines_after([(5, 2.0)], fold=1, n_folds=2, score=-0.25)
    where = "fit  5/21  fold 1/2  l1_ratio 0.50  C 0.1        score -0.250000"
    assert line.startswith(where)
    assert "active features    3" in line
    assert "optimality 1.0e-09  iterations  12  2 s" in line
    (line,) = lines_after([(21, 2.0)], n_folds=2)
    assert "all rows" in line
    assert "score" not in line
    (line,) = lines_after([(21, 2.0)])
    assert line.startswith("fit 21/21  C 0.1")


def test_the_time_left_goes_by_the_fits_done_in_the_second_half():
    steady = lines_after([(n, 0.5 * n) for n in range(1, 15)], verbose=2)
    assert "left" not in steady[1]  # two fits say nothing
    assert "~4.5 s left" in next(line for line in steady if line.startswith("fit 12/21"))


def test_several_jobs_tell_of_many_fits_at_a_time():
    burst = [(10, 4.0)] * 10 + [(20, 4.1)] * 10
    lines = lines_after(burst)
    assert [int(line[4:6]) for line in lines] == [10, 20]


def test_on_a_terminal_a_line_below_those_that_stay_is_kept_up_to_date():
    times = [(n, 0.06 * n) for n in range(1, 22)]
    printer = PrintPath(1, Terminal())
    for n_done, seconds in times:
        printer(told_at(n_done, seconds, fold=2, n_folds=3, score=-0.25))
    printer.finish()
    writes = [line.split("\r")[1:] for line in printer.file.getvalue().split("\n")[:-1]]
    assert [int(shown[-1][4:6]) for shown in writes] == [1, 2, 5, 10, 20, 21]
    assert [int(line[4:6]) for line in writes[4]] == [12, 14, 16, 18, 20]
    for shown in writes:
        assert all(len(b) >= len(a.rstrip()) for a, b in pairwise(shown))
        assert max(map(len, shown)) < 80
    assert "left" in writes[4][-1]
    assert "left" not in writes[-1][-1]


def test_the_line_ends_even_if_a_callback_fails(monkeypatch):
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    with pytest.raises(RuntimeError, match="the disk is full"):
        fitted(verbose=1, callbacks=StatefulCallback(3))
    text = terminal.getvalue()
    assert text.endswith("\n")
    assert text.split("\r")[-1].startswith("fit  3/13  fold 1/3")
