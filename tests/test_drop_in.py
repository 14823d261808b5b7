"""A script with `LogisticRegression` keeps running: its words, and the table of what to change."""

import inspect
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_wine, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV

from softmax_reg import CVDisplay, SoftmaxRegression, SoftmaxRegressionCV

ROOT = Path(__file__).parents[1]
X, Y = data("overlapping")
BINARY = (Y == 1).astype(int)
FEW = {"Cs": [0.1, 1.0], "cv": 3, "tol": 1e-4}


def optimum(**params):
    return SoftmaxRegression(**params).fit(X, Y).coef_


def told(call):
    """Return the warnings of a call as (category, message)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(one.category, str(one.message)) for one in caught]


# The rows of the table in README.md


def penalties_are_the_same():
    assert_array_equal(optimum(penalty="l1", C=0.1), optimum(l1_ratio=1.0, C=0.1))
    assert_array_equal(optimum(penalty="l2"), optimum())
    assert_array_equal(optimum(penalty=None), optimum(C=np.inf))
    assert_array_equal(SoftmaxRegression("l1").fit(X, Y).coef_, optimum(l1_ratio=1.0))


def their_solvers_are_auto():
    for solver in ("saga", "sag", "liblinear"):
        model = SoftmaxRegression(solver=solver, C=0.1)
        ((category, message),) = told(lambda model=model: model.fit(X, Y))
        assert category is FutureWarning
        assert message.endswith("Write SoftmaxRegression(...).")
        assert_array_equal(model.coef_, optimum(C=0.1))
        assert model.solver == clone(model).solver == solver
    theirs = LogisticRegression(solver="liblinear", tol=1e-10, C=0.1).fit(X + 3.0, BINARY)
    ours = SoftmaxRegression(C=0.1).fit(X + 3.0, BINARY)
    assert abs(theirs.intercept_[0]) < abs(ours.intercept_[0])


def shared_solvers_are_the_same():
    for solver in ("lbfgs", "newton-cg", "newton-cholesky"):
        model = SoftmaxRegression(solver=solver).fit(X, Y)
        assert model.solver_ == solver
        assert_allclose(model.coef_, optimum(), atol=1e-6)
        for kind in (SoftmaxRegression, LogisticRegression):
            with pytest.raises(ValueError, match=r"[Ss]olver"):
                kind(solver=solver, l1_ratio=0.5, **penalty_of(kind)).fit(X, Y)
    with pytest.raises(ValueError, match="Leave solver out"):
        SoftmaxRegression(solver="lbfgs", penalty="l1").fit(X, Y)


def penalty_of(kind):
    """Return what an elastic net needs besides l1_ratio: in 1.6 and 1.7 the penalty."""
    default = inspect.signature(kind).parameters["penalty"].default
    return {"penalty": "elasticnet"} if default == "l2" else {}


def jobs_and_scaling_have_no_effect():
    model = SoftmaxRegression(n_jobs=2, intercept_scaling=10.0)
    ((category, message),) = told(lambda: model.fit(X, Y))
    assert category is FutureWarning
    assert "'n_jobs' has no effect" in message
    assert "'intercept_scaling' has no effect" in message
    assert message.endswith("Write SoftmaxRegression().")
    assert_array_equal(model.coef_, optimum())
    search = SoftmaxRegressionCV(n_jobs=1, **FEW)
    assert told(lambda: search.fit(X, Y)) == []


def what_cannot_be_meant_is_an_error():
    with pytest.raises(ValueError, match="leave dual out"):
        SoftmaxRegression(dual=True).fit(X, Y)
    for kind in (SoftmaxRegression, SoftmaxRegressionCV):
        with pytest.raises(ValueError, match=r"OneVsRestClassifier\(SoftmaxRegression"):
            kind(multi_class="ovr").fit(X, Y)
    two = SoftmaxRegression(multi_class="ovr").fit(X, BINARY)
    assert_array_equal(two.coef_, SoftmaxRegression().fit(X, BINARY).coef_)


def a_tol_of_the_script_ends_the_fit_sooner():
    raw, y = load_breast_cancer(return_X_y=True)
    model = SoftmaxRegression().fit(raw, y)
    sooner = SoftmaxRegression(tol=1e-4).fit(raw, y)
    assert model.converged_
    assert sooner.n_iter_[0] < model.n_iter_[0]
    assert sooner.loss_curve_[-1] > model.loss_curve_[-1]


def iterations_are_others():
    theirs = LogisticRegression(max_iter=10_000).fit(X, Y)
    ours = SoftmaxRegression().fit(X, Y)
    assert ours.n_iter_.shape == theirs.n_iter_.shape == (1,)
    assert ours.n_iter_[0] != theirs.n_iter_[0]
    with pytest.warns(ConvergenceWarning, match="max_iter=0"):
        start = SoftmaxRegression(max_iter=0).fit(X, Y)
    assert not start.coef_.any()
    assert start.n_iter_[0] == 0


def warnings_have_the_same_category():
    raw, y = load_wine(return_X_y=True)
    for kind in (LogisticRegression, SoftmaxRegression):
        model = kind(max_iter=2)
        ((category, message),) = told(lambda model=model: model.fit(raw, y))
        assert category is ConvergenceWarning
        assert ("lbfgs failed to converge" in message) == (kind is LogisticRegression)


def negative_weights_are_an_error():
    weights = np.where(np.arange(len(Y)) == 0, -1.0, 1.0)
    LogisticRegression(max_iter=10_000).fit(X, Y, weights)
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        SoftmaxRegression().fit(X, Y, weights)


def the_threshold_is_found_with_the_penalty_l1():
    wine, y = load_wine(return_X_y=True)
    kept = {}
    for name, params in {"l1": {"penalty": "l1"}, "l1_ratio": {"l1_ratio": 1.0}}.items():
        model = SoftmaxRegression(C=0.02, **params)
        kept[name] = SelectFromModel(model).fit(wine, y).get_support()
        given = SelectFromModel(model, threshold=1e-5).fit(wine, y)
        used = (given.estimator_.coef_ != 0.0).any(axis=0)
        assert_array_equal(given.get_support(), used)
    assert_array_equal(kept["l1"], used)
    assert kept["l1_ratio"].sum() < used.sum()


def the_score_is_a_log_loss():
    ours = SoftmaxRegressionCV(**FEW).fit(X, Y)
    assert ours.score(X, Y) < 0.0
    assert_allclose(ours.score(X, Y), -log_loss(Y, ours.predict_proba(X)))
    accurate = SoftmaxRegressionCV(scoring="accuracy", **FEW).fit(X, Y)
    assert accurate.score(X, Y) == accuracy_score(Y, accurate.predict(X))
    as_there = SoftmaxRegressionCV(scoring=None, **FEW).fit(X, Y)
    assert as_there.score(X, Y) == accurate.score(X, Y)


def the_layout_is_the_new_one():
    for y in (BINARY, Y):
        names = [1] if y is BINARY else [0, 1, 2]
        new = SoftmaxRegressionCV(**FEW).fit(X, y)
        old = SoftmaxRegressionCV(use_legacy_attributes=True, **FEW).fit(X, y)
        assert isinstance(new.C_, float)
        assert new.scores_.shape == (3, 1, 2)
        assert_array_equal(old.C_, [new.C_] * len(names))
        assert_array_equal(old.l1_ratio_, [new.l1_ratio_] * len(names))
        assert list(old.scores_) == list(old.coefs_paths_) == names
        for row, name in enumerate(names):
            assert_array_equal(old.scores_[name], new.scores_[:, 0])
            assert_array_equal(old.coefs_paths_[name], new.coefs_paths_[:, 0, :, row])
        assert_array_equal(old.n_iter_, new.n_iter_[np.newaxis, :, 0])
        assert_array_equal(old.predict(X), new.predict(X))
        with pytest.raises(ValueError, match="use_legacy_attributes=False"):
            CVDisplay.from_estimator(old)


def a_fold_that_trains_on_one_class_is_named():
    folds = [(np.flatnonzero(Y == 0), np.flatnonzero(Y == 1)), (np.arange(60), np.arange(60))]
    with pytest.raises(ValueError, match="fold 1 of 2"):
        SoftmaxRegressionCV(cv=folds).fit(X, Y)


ROWS = {
    '`penalty="l1"`, `"l2"`, `None`': penalties_are_the_same,
    '`solver="saga"`, `"sag"`, `"liblinear"`': their_solvers_are_auto,
    '`solver="lbfgs"`, `"newton-cg"`, `"newton-cholesky"`': shared_solvers_are_the_same,
    "`n_jobs`, `intercept_scaling`": jobs_and_scaling_have_no_effect,
    '`dual=True`, `multi_class="ovr"`': what_cannot_be_meant_is_an_error,
    "`tol`": a_tol_of_the_script_ends_the_fit_sooner,
    "`max_iter`": iterations_are_others,
    "`filterwarnings` by message": warnings_have_the_same_category,
    "negative `sample_weight`": negative_weights_are_an_error,
    "`SelectFromModel`": the_threshold_is_found_with_the_penalty_l1,
    "`score` of the CV class": the_score_is_a_log_loss,
    "`C_[0]`, `scores_[1]` of the CV class": the_layout_is_the_new_one,
    "folds that train on one class": a_fold_that_trains_on_one_class_is_named,
}


def test_every_row_of_the_table_in_the_readme_has_a_test():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| In the script | Here |")
    end = next(i for i in range(start, len(lines)) if not lines[i].startswith("|"))
    named = [line.strip("|").split(" | ")[0].strip() for line in lines[start + 2 : end]]
    assert named == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_of_the_table_in_the_readme_is_so(row):
    ROWS[row]()


# What the table takes for granted


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(LogisticRegression, SoftmaxRegression), (LogisticRegressionCV, SoftmaxRegressionCV)],
)
def test_every_parameter_there_is_one_here_with_a_default_that_is_taken(theirs, ours):
    defaults = theirs().get_params()
    assert defaults.keys() <= ours().get_params().keys()
    model = ours(**(defaults | {"tol": 1e-4}))
    assert told(lambda: model.fit(X, Y)) == []
    assert model.get_params().items() >= (defaults | {"tol": 1e-4}).items()


@pytest.mark.parametrize(
    ("params", "told_of"),
    [
        ({"penalty": "l1", "l1_ratio": 0.5}, r"only used when penalty is 'elasticnet'"),
        ({"penalty": "l2", "l1_ratio": 1.0}, r"Inconsistent values: penalty=l2 with l1_ratio=1\.0"),
        ({"penalty": None, "C": 4.0}, r"Setting penalty=None will ignore the C"),
        ({"penalty": None, "l1_ratio": 0.5}, r"Setting penalty=None will ignore .*l1_ratio=0\.5"),
    ],
)
def test_what_a_penalty_leaves_without_effect_is_told(params, told_of):
    with pytest.warns(UserWarning, match=told_of):
        model = SoftmaxRegression(**params).fit(X, Y)
    assert_array_equal(model.coef_, optimum(penalty=params["penalty"]))


@pytest.mark.parametrize(
    "params", [{"penalty": "l1", "l1_ratio": 1}, {"penalty": "l2", "l1_ratio": None}]
)
def test_what_agrees_is_not_told(params):
    assert told(lambda: SoftmaxRegression(None, C=1, l1_ratio=0).fit(X, Y)) == []
    assert told(lambda: SoftmaxRegression(None, C=np.inf).fit(X, Y)) == []
    assert told(lambda: SoftmaxRegression(**params).fit(X, Y)) == []
    search = {"l1_ratios" if name == "l1_ratio" else name: v for name, v in params.items()}
    search["l1_ratios"] = search["l1_ratios"] and [search["l1_ratios"]]
    assert told(lambda: SoftmaxRegressionCV(**search, **FEW).fit(X, Y)) == []


def test_one_warning_gives_the_line_to_write():
    model = SoftmaxRegression(penalty="l1", solver="saga", n_jobs=-1)
    ((category, message),) = told(lambda: model.fit(X, Y))
    assert category is FutureWarning
    assert message.endswith("Write SoftmaxRegression(penalty='l1').")
    search = SoftmaxRegressionCV(penalty="l1", solver="saga", n_jobs=1, **FEW)
    ((_, message),) = told(lambda: search.fit(X, Y))
    assert message.endswith("Write SoftmaxRegressionCV(penalty='l1', ...).")
    assert search.l1_ratio_ == 1.0
    assert_array_equal(search.l1_ratios_, [1.0])


def test_all_fits_of_a_grid_search_tell_the_same_which_python_shows_once():
    search = GridSearchCV(SoftmaxRegression(solver="sag"), {"C": [0.1, 1.0], "tol": [1e-2, 1e-3]})
    assert len(set(told(lambda: search.fit(X, Y)))) == 1


def test_a_subclass_with_fewer_parameters_is_fitted_as_before():
    class Lasso(SoftmaxRegression):
        def __init__(self, C=1.0):
            super().__init__("l1", C=C, solver="saga")

    model = Lasso(C=0.1)
    ((_, message),) = told(lambda: model.fit(X, Y))
    assert message.endswith("Write Lasso(...).")
    assert_array_equal(model.coef_, optimum(C=0.1, l1_ratio=1.0))
    assert not hasattr(model, "partial_fit")


def test_the_first_batch_of_a_stream_tells_what_has_no_effect_the_later_ones_do_not():
    model = SoftmaxRegression(n_jobs=2)
    told_first = told(lambda: model.partial_fit(X[:50], Y[:50], classes=[0, 1, 2]))
    assert [category for category, _ in told_first] == [FutureWarning]
    assert told(lambda: model.partial_fit(X[50:], Y[50:])) == []
    for params in ({"dual": True}, {"multi_class": "ovr"}):
        other = SoftmaxRegression(**params)
        with pytest.raises(ValueError, match=next(iter(params))):
            other.partial_fit(X, Y, classes=[0, 1, 2])
        assert not hasattr(other, "classes_")


def test_a_search_takes_a_fit_without_a_penalty():
    rows, y = make_classification(
        200, 4, n_informative=4, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
    )
    search = SoftmaxRegressionCV(Cs=(np.inf,), cv=3).fit(rows, y)
    assert search.C_ == np.inf
    assert_array_equal(SoftmaxRegressionCV(penalty=None, cv=3).fit(rows, y).coef_, search.coef_)
    with pytest.warns(UserWarning, match="ignore the Cs .* but Cs=3 was"):
        SoftmaxRegressionCV(penalty=None, Cs=3, cv=3).fit(rows, y)
    assert_allclose(search.coef_, SoftmaxRegression(C=np.inf).fit(rows, y).coef_, atol=1e-5)
    with pytest.raises(ValueError, match="logarithmic axis"):
        CVDisplay.from_estimator(search)
    wine = load_wine(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="C=inf"):
        SoftmaxRegressionCV(Cs=(1.0, np.inf), cv=3).fit(*wine)


def test_a_certificate_needs_a_penalty_whatever_it_is_called():
    with pytest.raises(ValueError, match="C is inf"):
        SoftmaxRegression(penalty=None).fit(X, Y).duality_gap(X, Y)
    assert SoftmaxRegression(penalty="l1").fit(X, Y).duality_gap(X, Y) < 1e-6


def test_words_survive_saving_and_meant_values_guide_a_stream(tmp_path):
    with pytest.warns(FutureWarning):
        model = SoftmaxRegression(penalty="l1", solver="saga").fit(X, Y)
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert loaded.get_params() == model.get_params()
    assert not hasattr(loaded, "partial_fit")
    streamed = SoftmaxRegression(penalty="l2").partial_fit(X, Y, classes=[0, 1, 2])
    plain = SoftmaxRegression().partial_fit(X, Y, classes=[0, 1, 2])
    assert_array_equal(streamed.coef_, plain.coef_)
    assert hasattr(SoftmaxRegression(penalty=None, l1_ratio=0.5), "partial_fit")


def test_what_cannot_be_meant_leaves_the_estimator_as_it_was():
    model = SoftmaxRegression().fit(X, Y)
    before = model.coef_
    for params in ({"dual": True}, {"multi_class": "ovr"}):
        with pytest.raises(ValueError, match=next(iter(params))):
            model.set_params(**params).fit(X, Y)
        assert model.coef_ is before
        model.set_params(dual=False, multi_class="auto")
