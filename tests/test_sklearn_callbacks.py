"""scikit-learn's own callbacks (1.9 and later): tasks, scores, the stop, and what comes before."""

import re

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, penalised_loss, uneven_weights
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression
from softmax_reg._compat import HAS_CALLBACKS
from softmax_reg.solvers import SOLVERS

if not HAS_CALLBACKS:

    def test_before_1_9_there_is_nothing_to_set_and_fits_work():
        model = SoftmaxRegression(max_iter=50).fit(*data("iris"))
        assert model.converged_
        assert not hasattr(model, "set_callbacks")

    pytest.skip("version: scikit-learn has no callbacks before 1.9", allow_module_level=True)

from sklearn.callback import CallbackSupportMixin, ProgressBar, ScoringMonitor

each_solver = pytest.mark.parametrize("solver", SOLVERS)


class Recorder:
    """Notes what it is told; `stop_after` and `fail_after` are iterations."""

    def __init__(self, stop_after=None, fail_after=None):
        self.told, self.stop_after, self.fail_after = [], stop_after, fail_after
        self.estimators, self.given = [], []

    def setup(self, estimator, context):
        self.told.append("setup")
        self.max_subtasks = context.max_subtasks

    def teardown(self, estimator, context):
        self.told.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.told.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.told.append(("end", context.task_name, context.task_id))
        if context.task_name == "iteration":
            self.estimators.append(fitted_estimator)
            self.given.append((X, y, metadata))
            if context.task_id + 1 == self.fail_after:
                raise RuntimeError("the disk is full")
        return context.task_name == "iteration" and context.task_id + 1 == self.stop_after


class OnlyTasks(Recorder):
    """Asks for nothing but to be told."""

    def on_fit_task_end(self, estimator, context):
        return super().on_fit_task_end(estimator, context)


def tasks_of(n_iter):
    """Return what is to be told of a fit of so many iterations."""
    steps = [(what, "iteration", i) for i in range(n_iter) for what in ("begin", "end")]
    return ["setup", ("begin", "fit", 0), *steps, ("end", "fit", 0), "teardown"]


@each_solver
def test_there_is_one_task_for_each_iteration_of_every_solver(solver):
    recorder = Recorder()
    model = SoftmaxRegression(solver=solver, tol=1e-3, max_iter=700, random_state=0)
    model.set_callbacks(recorder).fit(*data("wine"))
    assert recorder.told == tasks_of(model.n_iter_[0])
    assert recorder.max_subtasks == 700


@each_solver
def test_each_iteration_offers_an_estimator_as_if_the_fit_had_ended_there(solver):
    X, y = data("wine")
    names = np.array(["low", "middle", "high"])
    recorder = Recorder()
    model = SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).set_callbacks(recorder)
    model.fit(pd.DataFrame(X).add_prefix("x"), names[y])
    for fitted, F in zip(recorder.estimators, model.loss_curve_[1:], strict=True):
        assert_allclose(penalised_loss(X, y, *aligned(fitted, names)), F, rtol=1e-9)
    last, frame = recorder.estimators[-1], recorder.given[-1][0]
    assert_array_equal(last.predict_proba(frame), model.predict_proba(frame))
    assert last is not model


def aligned(model, names):
    order = np.argsort(np.argsort(names))
    return model.coef_[order], model.intercept_[order]


def test_callbacks_get_the_data_and_the_weights_that_the_user_gave():
    X, y = data("iris")
    weights = uneven_weights(len(y))
    recorder = Recorder()
    model = SoftmaxRegression().set_callbacks(recorder)
    model.fit(X, y, sample_weight=weights)
    assert all(given[0] is X and given[1] is y for given in recorder.given)
    assert all(given[2]["sample_weight"] is weights for given in recorder.given)


@each_solver
def test_a_request_to_stop_is_honoured_without_a_warning(solver):
    recorder = Recorder(stop_after=2)
    model = SoftmaxRegression(solver=solver, random_state=0).set_callbacks(recorder)
    model.fit(*data("digits"))
    assert model.n_iter_[0] == 2
    assert recorder.told == tasks_of(2)
    assert not model.converged_
    assert_array_equal(recorder.estimators[-1].coef_, model.coef_)


def test_other_callbacks_that_stop_leave_no_task_open():
    recorder = Recorder()
    model = SoftmaxRegression(callbacks=lambda p: p.n_iter == 3).set_callbacks(recorder)
    model.fit(*data("digits"))
    assert recorder.told == tasks_of(3)


def test_early_stopping_leaves_no_task_open_and_the_fit_ends_with_the_best_iterate():
    recorder = Recorder()
    model = SoftmaxRegression(early_stopping=True, random_state=0).set_callbacks(recorder)
    model.fit(*data("digits"))
    assert recorder.told == tasks_of(model.n_iter_[0])
    assert_array_equal(recorder.estimators[model.best_iter_ - 1].coef_, model.coef_)


def test_an_interrupted_iteration_is_a_task_that_ends_without_a_result():
    class Interrupted(SOLVERS["gd"]):
        def points(self, objective, w, rng, state):
            for i, point in enumerate(super().points(objective, w, rng, state)):
                if i == 2:
                    raise KeyboardInterrupt
                yield point

    recorder = Recorder()
    model = SoftmaxRegression(solver=Interrupted()).set_callbacks(recorder)
    with pytest.warns(ConvergenceWarning, match="interrupted after 2"):
        model.fit(*data("iris"))
    assert recorder.told == tasks_of(3)
    assert [fitted is None for fitted in recorder.estimators] == [False, False, True]


def test_an_error_in_a_callback_tears_down_and_leaves_the_estimator_as_it_was():
    recorder = Recorder(fail_after=2)
    model = SoftmaxRegression().fit(*data("iris")).set_callbacks(recorder)
    before = dict(vars(model))
    with pytest.raises(RuntimeError, match="the disk is full"):
        model.fit(*data("wine"))
    assert recorder.told[-1] == "teardown"
    assert recorder.told.count("teardown") == 1
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)


def test_a_fit_leaves_nothing_of_its_tasks_behind():
    model = SoftmaxRegression().set_callbacks(OnlyTasks())
    before = set(vars(model))
    fitted = set(vars(model.fit(*data("iris")))) - before - set(model._saved_parts)
    assert all(name.endswith("_") and not name.startswith("_") for name in fitted)


def test_no_estimator_is_made_unless_a_callback_asks_for_one(monkeypatch):
    made = []
    inner = SoftmaxRegression._attributes
    monkeypatch.setattr(
        SoftmaxRegression, "_attributes", lambda *args: made.append(1) or inner(*args)
    )
    model = SoftmaxRegression().set_callbacks(OnlyTasks()).fit(*data("iris"))
    assert model.n_iter_[0] > 1
    assert not made


def test_the_fit_is_the_same_with_callbacks_as_without():
    X, y = data("digits")
    plain = SoftmaxRegression().fit(X, y)
    watched = SoftmaxRegression().set_callbacks(Recorder()).fit(X, y)
    assert_array_equal(watched.coef_, plain.coef_)
    assert_array_equal(watched.loss_curve_, plain.loss_curve_)


# scikit-learn's own


@each_solver
def test_the_scoring_monitor_scores_every_iteration(solver):
    X, y = data("wine")
    monitor = ScoringMonitor(scoring=["accuracy", "neg_log_loss"])
    model = SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).set_callbacks(monitor)
    model.fit(X, y)
    frame = monitor.get_logs().data_as_pandas
    steps = frame[frame["task_name"] == "iteration"]
    assert_array_equal(steps["task_id"], np.arange(model.n_iter_[0]))
    assert_allclose(steps["accuracy"].iloc[-1], accuracy_score(y, model.predict(X)))
    expected = -log_loss(y, model.predict_proba(X))
    assert_allclose(steps["neg_log_loss"].iloc[-1], expected, rtol=1e-9)
    assert steps["neg_log_loss"].iloc[-1] > steps["neg_log_loss"].iloc[0]


def test_the_scoring_monitor_weights_rows_as_the_fit_does():
    X, y = data("wine")
    weights = uneven_weights(len(y))
    monitor = ScoringMonitor(scoring="accuracy")
    model = SoftmaxRegression().set_callbacks(monitor).fit(X, y, sample_weight=weights)
    last = monitor.get_logs().data[-1]
    assert_allclose(last["accuracy"], model.score(X, y, weights))


@pytest.mark.parametrize("n_jobs", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_progress_bar_and_scoring_monitor_work_inside_a_grid_search(n_jobs, capsys):
    pytest.importorskip("rich")
    X, y = data("iris")
    monitor = ScoringMonitor(scoring="accuracy")
    estimator = SoftmaxRegression(callbacks=[]).set_callbacks(monitor)
    pipeline = make_pipeline(StandardScaler(), estimator)
    search = GridSearchCV(pipeline, {"softmaxregression__C": [0.1, 1.0]}, cv=3, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    printed = capsys.readouterr().out
    assert printed.count("SoftmaxRegression - fit") == 2 * 3 + 1
    assert re.findall(r"(\d+)%", printed) == ["100"] * printed.count("%")
    frame = monitor.get_logs().data_as_pandas
    steps = frame[frame["task_name"] == "iteration"]
    fits = steps.groupby("parent_task_id_path")["task_id"].count()
    assert len(fits) == 2 * 3 + 1
    assert search.best_estimator_[-1].n_iter_[0] in set(fits)


def test_the_bar_of_a_fit_alone_ends_full(capsys):
    pytest.importorskip("rich")
    SoftmaxRegression().set_callbacks(ProgressBar()).fit(*data("iris"))
    assert "SoftmaxRegression - fit" in (out := capsys.readouterr().out)
    assert "100%" in out


def test_clones_share_the_callbacks_and_the_estimator_says_that_it_takes_them():
    recorder = Recorder()
    model = SoftmaxRegression().set_callbacks(recorder)
    assert isinstance(model, CallbackSupportMixin)
    clone(model).fit(*data("iris"))
    assert recorder.told[0] == "setup"
    with pytest.raises(TypeError, match="FitCallback"):
        model.set_callbacks(lambda progress: None)
