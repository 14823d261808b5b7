"""scikit-learn's own callbacks (1.9 and later) in a cross-validation: tasks, scores, stops."""

import re

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, uneven_weights
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegressionCV
from softmax_reg._compat import HAS_CALLBACKS

if not HAS_CALLBACKS:
    pytest.skip("version: scikit-learn has no callbacks before 1.9", allow_module_level=True)

from sklearn.callback import CallbackSupportMixin, ProgressBar, ScoringMonitor
from sklearn.callback._callback_context import CallbackContext

CS = (0.01, 0.1, 1.0)
NAMES = np.array(["low", "middle", "high"])
FITTED = ("scores_", "coefs_paths_", "n_iter_", "coef_", "intercept_", "C_", "l1_ratio_")
N_JOBS = pytest.mark.parametrize("jobs", [None, 2, "threading"])


class Recorder:
    """Notes what it is told; asks to stop, or fails, where the two functions of the task say so."""

    def __init__(self, stop=lambda task: False, fail=lambda task: False):
        self.told, self.stop, self.fail = [], stop, fail
        self.estimators, self.given, self.limits = [], [], []

    def setup(self, estimator, context):
        self.told.append("setup")

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(("begin", *place(context)))
        self.limits.append((context.task_name, context.max_subtasks))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.told.append(("end", *place(context)))
        if context.task_name == "C":
            self.estimators.append(fitted_estimator)
            self.given.append((X, y, metadata))
        if self.fail(place(context)):
            raise RuntimeError("the disk is full")
        return self.stop(place(context))


def place(context):
    """Return the name of a task and the numbers of those that it is in, and of itself."""
    numbers, above = [], context
    while above.parent is not None:
        numbers, above = [above.task_id, *numbers], above.parent
    return context.task_name, *numbers


def within(begun, inside):
    return [("begin", *begun), *inside, ("end", *begun)]


def tasks_of(n_fits, n_iter):
    """Return what is to be told of paths of so many fits, and of a refit of so many iterations."""
    told = []
    for i, n in enumerate(n_fits):
        fits = [event for j in range(n) for event in within(("C", i, j), [])]
        told += within(("path", i), fits)
    last = len(n_fits)
    if n_iter is not None:
        steps = [e for j in range(n_iter) for e in within(("iteration", last, j), [])]
        told += within(("refit", last), steps)
    return ["setup", *within(("fit",), told), "teardown"]


def fitted(jobs=None, callbacks=(), X_y=None, fit_params=None, **knobs):
    """Fit with a number of jobs, or with two by a backend of joblib."""
    model = SoftmaxRegressionCV(**({"Cs": CS, "cv": 3} | knobs)).set_callbacks(*callbacks)
    X_y, fit_params = X_y or data("wine/std"), fit_params or {}
    if isinstance(jobs, str):
        with joblib.parallel_config(jobs, n_jobs=2):
            return model.fit(*X_y, **fit_params)
    return model.set_params(n_jobs=jobs).fit(*X_y, **fit_params)


def test_there_is_a_task_for_each_path_each_C_and_each_iteration_of_the_refit():
    recorder = Recorder()
    fitted(callbacks=[recorder], l1_ratios=(0.0, 0.5), max_iter=321)
    n_iter = sum(event[:2] == ("end", "iteration") for event in recorder.told)
    assert n_iter > 1
    assert recorder.told == tasks_of([3] * 6, n_iter)
    assert dict(recorder.limits) == {"fit": 7, "path": 3, "C": 0, "refit": 321, "iteration": 0}


def test_without_refit_there_is_no_task_of_it():
    recorder = Recorder()
    fitted(callbacks=[recorder], refit=False)
    assert recorder.told == tasks_of([3] * 3, None)
    assert recorder.limits[0] == ("fit", 3)


def test_each_C_offers_its_model_and_the_rows_it_was_trained_on():
    X, y = data("wine")
    frame, labels = pd.DataFrame(X).add_prefix("x"), NAMES[y]
    weights, recorder = uneven_weights(len(y)), Recorder()
    folds = StratifiedKFold(2)
    # From the largest C to the smallest: paths go the other way.
    model = fitted(
        callbacks=[recorder], X_y=(frame, labels), fit_params={"sample_weight": weights},
        Cs=CS[::-1], cv=folds, tol=1e-3,
    )  # fmt: skip
    trains = [train for train, _ in folds.split(X, y) for _ in CS]
    assert len(recorder.estimators) == len(trains)
    given = zip(recorder.estimators, recorder.given, trains, strict=True)
    for n, (estimator, (rows, targets, metadata), train) in enumerate(given):
        fold, j = divmod(n, 3)
        assert_array_equal(rows, X[train])
        assert_array_equal(targets, labels[train])
        assert_array_equal(metadata["sample_weight"], weights[train])
        assert_array_equal(estimator.coef_, model.coefs_paths_[fold, 0, 2 - j, :, :-1])
        assert_array_equal(estimator.intercept_, model.coefs_paths_[fold, 0, 2 - j, :, -1])
        assert set(estimator.predict(rows)) == set(NAMES)
    assert model.feature_names_in_ is not None


@pytest.mark.slow
@N_JOBS
def test_the_scoring_monitor_scores_every_fit_in_any_process(jobs):
    X, y = data("wine/std")
    folds = StratifiedKFold(3)
    monitor = ScoringMonitor(scoring="neg_log_loss")
    model = fitted(jobs, [monitor], l1_ratios=(0.0, 0.5), cv=folds)
    frame = monitor.get_logs().data_as_pandas.set_index("task_id_path")["neg_log_loss"]
    for fold, (train, _) in enumerate(folds.split(X, y)):
        for i in range(2):
            for j in range(3):
                flat = model.coefs_paths_[fold, i, j]
                one = clone(model)
                one.classes_, one.n_features_in_ = model.classes_, model.n_features_in_
                one.coef_, one.intercept_ = flat[:, :-1], flat[:, -1]
                expected = -log_loss(y[train], one.predict_proba(X[train]))
                assert_allclose(frame[0, 2 * fold + i, j], expected, rtol=1e-6)
    expected = -log_loss(y, model.predict_proba(X))
    steps = [place for place in frame.index if len(place) == 3 and place[1] == 6]
    assert len(steps) > 1
    for last in ((0,), (0, 6), steps[-1]):
        assert_allclose(frame[last], expected, rtol=1e-6)


@N_JOBS
def test_a_request_to_stop_ends_the_path_it_was_told_of(jobs):
    class Stopping(Recorder):
        """Local, so that it goes to other processes by its value."""

    whole = fitted()
    stops = [("C", 1, 1), ("C", 2, 0)]
    recorder = Stopping(lambda task: task in stops)
    ended = fitted(jobs, [recorder])
    done = np.array([[[1, 1, 1]], [[1, 1, 0]], [[1, 0, 0]]], dtype=bool)
    assert_array_equal(np.isnan(ended.scores_), ~done)
    assert_array_equal(ended.scores_[done], whole.scores_[done])
    assert_array_equal(ended.n_iter_, np.where(done, whole.n_iter_, 0))
    assert ended.C_ == CS[0]
    if jobs is None:
        n_iter = sum(event[:2] == ("end", "iteration") for event in recorder.told)
        assert recorder.told == tasks_of([3, 2, 1], n_iter)


def test_a_request_to_stop_at_an_iteration_ends_the_refit_without_a_warning():
    recorder = Recorder(lambda task: task == ("iteration", 3, 1))
    model, whole = fitted(callbacks=[recorder]), fitted()
    assert recorder.told == tasks_of([3] * 3, 2)
    assert_array_equal(model.scores_, whole.scores_)
    assert np.abs(model.coef_ - whole.coef_).max() > 1e-6


def test_after_a_whole_path_it_is_too_late_to_stop():
    recorder = Recorder(lambda task: task[0] in ("path", "refit", "fit"))
    model, whole = fitted(callbacks=[recorder]), fitted()
    for name in FITTED:
        assert_array_equal(getattr(model, name), getattr(whole, name))


@pytest.mark.parametrize("task", [("C", 1, 1), ("path", 2), ("iteration", 3, 1), ("fit",)])
@pytest.mark.parametrize("jobs", [None, "threading"])
def test_an_error_in_a_callback_tears_down_and_leaves_the_estimator_as_it_was(task, jobs):
    recorder = Recorder(fail=lambda told: told == task)
    model = SoftmaxRegressionCV(Cs=2, cv=2).fit(*data("iris"))
    model.set_params(Cs=CS, cv=3).set_callbacks(recorder)
    before = dict(vars(model))
    with (
        joblib.parallel_config("threading", n_jobs=2 if jobs else 1),
        pytest.raises(RuntimeError, match="the disk is full"),
    ):
        model.fit(*data("wine/std"))
    assert recorder.told.count("teardown") == 1
    assert vars(model) == before


def test_parameters_that_cannot_be_used_are_named_before_anybody_is_told():
    recorder = Recorder()
    with pytest.raises(ValueError, match="l1_ratios"):
        fitted(callbacks=[recorder], l1_ratios=[2.0])
    assert not recorder.told


def test_a_fit_leaves_nothing_of_its_tasks_behind():
    before = set(vars(fitted()))
    assert set(vars(fitted(callbacks=[Recorder()]))) == before | {"_skl_callbacks"}


def test_nobody_is_told_and_no_task_made_where_nobody_watches(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError

    monkeypatch.setattr(CallbackContext, "subcontext", fail)
    assert fitted().C_ in CS


@N_JOBS
def test_the_fit_is_the_same_with_callbacks_as_without(jobs):
    plain, watched = fitted(), fitted(jobs, [ScoringMonitor(scoring="accuracy")])
    for name in FITTED:
        assert_array_equal(getattr(watched, name), getattr(plain, name))


def test_callbacks_of_both_kinds_are_told_and_either_may_end_a_path():
    recorder, told = Recorder(lambda task: task == ("C", 0, 1)), []
    model = SoftmaxRegressionCV(
        Cs=CS, cv=3, callbacks=lambda p: told.append(p) or (p.fold == 3 and p.number == 2)
    )
    model.set_callbacks(recorder).fit(*data("wine/std"))
    n_iter = sum(event[:2] == ("end", "iteration") for event in recorder.told)
    assert recorder.told == tasks_of([2, 3, 2], n_iter)
    assert [(p.fold, p.number) for p in told][:-1] == [
        (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 2)
    ]  # fmt: skip


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_a_progress_bar_shows_every_path(n_jobs, capsys):
    pytest.importorskip("rich")
    fitted(n_jobs, [ProgressBar()])
    printed = capsys.readouterr().out
    for name in ("fit ", "path #0", "path #1", "path #2", "refit #3"):
        assert printed.count(f"SoftmaxRegressionCV - {name}") == 1
    assert re.findall(r"(\d+)%", printed) == ["100"] * 5


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_it_reports_inside_a_grid_search_over_pipelines(n_jobs, capsys):
    pytest.importorskip("rich")
    monitor = ScoringMonitor(scoring="accuracy")
    step = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3).set_callbacks(monitor)
    grid = {"softmaxregressioncv__fit_intercept": [False, True]}
    search = GridSearchCV(make_pipeline(StandardScaler(), step), grid, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*data("iris"))
    printed = capsys.readouterr().out
    assert printed.count("SoftmaxRegressionCV - fit") == 5
    assert len(re.findall(r"SoftmaxRegressionCV - path #\d", printed)) == 5 * 3
    assert set(re.findall(r"(\d+)%", printed)) == {"100"}
    frame = monitor.get_logs().data_as_pandas
    fits = frame[frame["task_name"] == "C"].groupby("parent_task_id_path")["task_id"].count()
    assert fits.tolist() == [2] * 15


def test_the_estimator_says_that_it_takes_callbacks():
    model = SoftmaxRegressionCV().set_callbacks(Recorder())
    assert isinstance(model, CallbackSupportMixin)
    with pytest.raises(TypeError, match="FitCallback"):
        model.set_callbacks(lambda progress: None)


def test_an_error_in_another_process_tears_down_here():
    recorder = Recorder(fail=lambda told: told == ("C", 1, 1))
    model = SoftmaxRegressionCV(Cs=CS, cv=3, n_jobs=2).set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.fit(*data("wine/std"))
    assert recorder.told == ["setup", ("begin", "fit"), "teardown"]
    assert vars(model) == before
