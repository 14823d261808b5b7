"""Models become those of scikit-learn and come from them, with the same predictions."""

import inspect
import json
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pages import README, fenced_blocks
from problems import data
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV

SEARCH = {"Cs": [0.01, 1.0], "cv": 3}
MAKERS = {
    "default": SoftmaxRegression,
    "no intercept": lambda: SoftmaxRegression(fit_intercept=False),
    "lasso": lambda: SoftmaxRegression(l1_ratio=1.0, C=0.1),
    "group lasso": lambda: SoftmaxRegression("group_lasso", l1_ratio=0.5),
    "no penalty": lambda: SoftmaxRegression(C=1e6, class_weight="balanced"),
    "search": lambda: SoftmaxRegressionCV(**SEARCH),
    "old layout": lambda: SoftmaxRegressionCV(use_legacy_attributes=True, **SEARCH),
}
HAS_PENALTY_WORD = inspect.signature(LogisticRegression).parameters["penalty"].default == "l2"
HAS_LAYOUTS = "use_legacy_attributes" in inspect.signature(LogisticRegressionCV).parameters


def assert_same(ours, theirs, X):
    """Both predict the same labels, and to 1e-15 the same probabilities (1e-6 in float32)."""
    assert_array_equal(ours.predict(X), theirs.predict(X))
    assert_array_equal(ours.decision_function(X), theirs.decision_function(X))
    proba, expected = ours.predict_proba(X), theirs.predict_proba(X)
    assert proba.dtype == expected.dtype
    assert_allclose(proba, expected, rtol=0, atol={8: 1e-15, 4: 1e-6}[proba.dtype.itemsize])


def elastic_net(l1_ratio):
    """Return the parameters of theirs that mean an elastic net."""
    return {"l1_ratio": l1_ratio, "solver": "saga"} | (
        {"penalty": "elasticnet"} if HAS_PENALTY_WORD else {}
    )


def fitted(kind, X, y, **params):
    """Return theirs, which need not have converged, and may say that a word is old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(**params).fit(X, y)


# To scikit-learn


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("labels", [None, "text"])
def test_scikit_learns_class_predicts_the_same(name, maker, labels):
    X, y = data(name)
    y = np.array(["a", "b", "c"])[y] if labels else y
    model = MAKERS[maker]().fit(X, y)
    theirs = model.to_sklearn()
    assert type(theirs) is LogisticRegression
    assert_same(model, theirs, X)
    theirs.coef_[:] = 0.0
    assert model.coef_.any()


@pytest.mark.parametrize("maker", MAKERS)
def test_scikit_learns_class_has_all_the_attributes_that_its_fit_sets(maker):
    X, y = data("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    theirs = MAKERS[maker]().fit(frame, y).to_sklearn()
    expected = fitted(LogisticRegression, frame, y)
    assert vars(theirs).keys() == vars(expected).keys()
    for name, value in vars(expected).items():
        if name.endswith("_"):
            got = getattr(theirs, name)
            assert np.shape(got) == np.shape(value), name
            assert np.asarray(got).dtype == np.asarray(value).dtype, name


def test_float32_and_sparse_coefficients_stay_what_they_are():
    X, y = data("wine")
    model = SoftmaxRegression(l1_ratio=1.0).fit(X.astype(np.float32), y)
    assert model.to_sklearn().coef_.dtype == np.float32
    theirs = model.sparsify().to_sklearn()
    assert type(theirs.coef_) is type(model.coef_)
    assert_same(model, theirs, X)


@pytest.mark.parametrize(
    "params",
    [{}, {"C": 0.01}, {"C": np.inf}, {"l1_ratio": 0.5, "C": 0.1}, {"penalty": "l1", "C": 0.1}],
)
def test_fitted_again_it_is_the_same_model(params):
    X, y = data("overlapping")
    X = StandardScaler().fit_transform(X)
    model = SoftmaxRegression(class_weight={0: 2.0}, **params).fit(X, y)
    given = model.to_sklearn().get_params() | {"max_iter": 10_000, "tol": 1e-10}
    again = fitted(LogisticRegression, X, y, **given)
    assert_allclose(again.coef_, model.coef_, atol=1e-5)


def test_a_model_that_is_not_fitted_is_refused():
    for kind in (SoftmaxRegression, SoftmaxRegressionCV):
        with pytest.raises(NotFittedError):
            kind().to_sklearn()


# From scikit-learn


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_of_scikit_learn_predicts_the_same_here(name, fit_intercept, dtype, tmp_path):
    X, y = data(name)
    X, y = X.astype(dtype), np.array(["a", "b", "c"])[y]
    theirs = fitted(LogisticRegression, X, y, fit_intercept=fit_intercept)
    ours = SoftmaxRegression.from_sklearn(theirs)
    assert_same(ours, theirs, X)
    assert ours.coef_.dtype == ours.intercept_.dtype == theirs.coef_.dtype
    assert ours.coef_ is not theirs.coef_
    assert_same(ours.to_sklearn(), theirs, X)
    ours.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert_same(loaded, theirs, X)
    assert "scikit-learn" in repr(loaded.summary(X, y))


def test_words_that_mean_the_same_are_kept_and_no_others():
    X, y = data("iris")
    rest = {"fit_intercept": False, "class_weight": {0: 2.0}, "random_state": 3}
    given = elastic_net(0.25) | {"C": 0.5, "warm_start": True} | rest
    theirs = fitted(LogisticRegression, X, y, tol=1e-2, max_iter=7, **given)
    kept = SoftmaxRegression.from_sklearn(theirs).get_params()
    expected = SoftmaxRegression(C=0.5, l1_ratio=0.25, warm_start=True, **rest).get_params()
    assert kept == expected
    old = fitted(LogisticRegression, X, y, penalty="l1", solver="saga", max_iter=7)
    assert SoftmaxRegression.from_sklearn(old)._penalty_in_words() == "lasso, C = 1"
    none = fitted(LogisticRegression, X, y, penalty=None, max_iter=7)
    assert SoftmaxRegression.from_sklearn(none)._penalty_in_words() == "none"


def test_a_warm_start_goes_on_from_it():
    X, y = data("overlapping")
    theirs = LogisticRegression(tol=1e-9, max_iter=10_000).fit(X, y)
    ours = SoftmaxRegression.from_sklearn(theirs).set_params(warm_start=True)
    cold = SoftmaxRegression().fit(X, y)
    ours.fit(X, y)
    assert ours.converged_
    assert ours.loss_curve_[0] - cold.loss_curve_[-1] < 1e-8
    assert ours.n_iter_[0] < cold.n_iter_[0]
    assert_allclose(ours.coef_, cold.coef_, atol=1e-6)


def test_a_stream_goes_on_from_it_too():
    X, y = data("overlapping")
    ours = SoftmaxRegression.from_sklearn(LogisticRegression(max_iter=1000).fit(X, y))
    score = ours.score(X, y)
    assert ours.partial_fit(X, y).score(X, y) > score - 0.05


def test_names_of_features_come_with_it():
    X, y = data("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    ours = SoftmaxRegression.from_sklearn(fitted(LogisticRegression, frame, y))
    assert ours.coef_frame().index.to_list() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        ours.predict(frame[list("dcba")])


@pytest.mark.parametrize("l1_ratios", [None, (0.2, 1.0)])
@pytest.mark.parametrize("layout", [True, False] if HAS_LAYOUTS else [None])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_search_of_scikit_learn_is_one_here(l1_ratios, layout, n_classes, tmp_path):
    X, y = data("iris")
    y = np.array(["a", "b", "c"])[np.minimum(y, n_classes - 1)]
    of_layout = {} if layout is None else {"use_legacy_attributes": layout}
    net = {"l1_ratios": l1_ratios} | (elastic_net(0.5) if l1_ratios else {})
    net.pop("l1_ratio", None)
    search = {"Cs": [0.1, 1.0, 10.0], "cv": 3, "scoring": "neg_log_loss", "max_iter": 20}
    theirs = fitted(LogisticRegressionCV, X, y, **search, **net, **of_layout)
    ours = SoftmaxRegressionCV.from_sklearn(theirs)
    assert_same(ours, theirs, X)
    assert_same(ours.to_sklearn(), theirs, X)
    ours.save(tmp_path / "search.npz")
    assert_same(SoftmaxRegressionCV.load(tmp_path / "search.npz"), theirs, X)
    assert np.ravel(ours.C_)[0] == np.ravel(theirs.C_)[0]
    kept = {name: search[name] for name in ("Cs", "cv", "scoring")}
    word = {"penalty": "elasticnet"} if HAS_PENALTY_WORD and l1_ratios else {}
    word |= {"penalty": "l2"} if HAS_PENALTY_WORD and not l1_ratios else {}
    expected = SoftmaxRegressionCV(l1_ratios=l1_ratios, **kept, **word, **of_layout)
    assert ours.get_params() == expected.get_params()
    n_ratios = len(l1_ratios or [0.0])
    if layout is True:
        for name in ("scores_", "coefs_paths_"):
            for label, values in getattr(theirs, name).items():
                assert_array_equal(getattr(ours, name)[label], values)
        return
    n_outputs = 1 if n_classes == 2 else n_classes
    assert ours.scores_.shape == ours.n_iter_.shape == (3, n_ratios, 3)
    assert ours.coefs_paths_.shape == (3, n_ratios, 3, n_outputs, 5)
    where = np.unravel_index(ours.scores_.mean(axis=0).argmax(), (n_ratios, 3))
    assert (ours.l1_ratio_, ours.C_) == (ours.l1_ratios_[where[0]], ours.Cs_[where[1]])


def test_a_search_that_names_no_scoring_was_by_accuracy():
    X, y = data("iris")
    theirs = fitted(LogisticRegressionCV, X, y, Cs=2, cv=2, max_iter=20)
    ours = SoftmaxRegressionCV.from_sklearn(theirs)
    assert ours.scoring == "accuracy"
    assert ours.score(X, y) == theirs.score(X, y)


def one_against_the_rest(kind, name, value):
    """Return theirs with more than two classes, as scikit-learn 1.6 could fit it."""
    X, y = data("iris")
    model = fitted(kind, X, y, max_iter=20)
    setattr(model, name, value)
    return model


@pytest.mark.parametrize(("name", "value"), [("solver", "liblinear"), ("multi_class", "ovr")])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SoftmaxRegression, LogisticRegression),
        (SoftmaxRegressionCV, LogisticRegressionCV),
    ],
)
def test_one_class_against_the_rest_is_refused(ours, theirs, name, value):
    model = one_against_the_rest(theirs, name, value)
    with pytest.raises(ValueError, match=f"{name}='{value}' has fitted a model of each of 3"):
        ours.from_sklearn(model)


def test_two_classes_of_liblinear_are_taken_and_doubled_scores_are_not():
    X, y = data("breast_cancer")
    theirs = fitted(LogisticRegression, X, y, solver="liblinear")
    assert_same(SoftmaxRegression.from_sklearn(theirs), theirs, X)
    theirs.multi_class = "multinomial"
    with pytest.raises(ValueError, match="multi_class='multinomial' with two classes"):
        SoftmaxRegression.from_sklearn(theirs)


def test_what_is_no_such_model_is_told_what_to_give():
    X, y = data("iris")
    pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    for ours in (SoftmaxRegression, SoftmaxRegressionCV):
        with pytest.raises(TypeError, match=r"got a Pipeline. Give the last step: pipeline\[-1\]"):
            ours.from_sklearn(pipeline)
        with pytest.raises(TypeError, match=r"takes a LogisticRegression.*, got a SGDClassifier"):
            ours.from_sklearn(SGDClassifier(loss="log_loss"))
    search = GridSearchCV(LogisticRegression(max_iter=1000), {"C": [0.1]}, cv=2).fit(X, y)
    with pytest.raises(TypeError, match=r"got a GridSearchCV\. Give its best_estimator_"):
        SoftmaxRegression.from_sklearn(search)
    with pytest.raises(NotFittedError):
        SoftmaxRegression.from_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        SoftmaxRegressionCV.from_sklearn(LogisticRegressionCV())
    with pytest.raises(TypeError, match=r"Write SoftmaxRegressionCV.from_sklearn\(model\)"):
        SoftmaxRegression.from_sklearn(LogisticRegressionCV())
    with pytest.raises(TypeError, match=r"Write SoftmaxRegression.from_sklearn\(model\)"):
        SoftmaxRegressionCV.from_sklearn(LogisticRegression())


# To NumPy alone


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize(
    "labels",
    [[0, 1, 2], ["a", "b", "c"], np.array(["a", "bb", "c"], dtype=object), [-1.0, 0.0, 2.0]],
    ids=["integers", "text", "objects", "floats"],
)
@pytest.mark.parametrize("maker", MAKERS)
def test_the_lines_of_the_readme_predict_with_numpy_alone(name, labels, maker, tmp_path):
    X, y = data(name)
    model = MAKERS[maker]().fit(X, np.asarray(labels)[y])
    model.save(tmp_path / "model.npz")
    code = "\n".join(fenced_blocks(README, "python"))
    code = code[code.index("file, rows = np.load(") :]
    code = code[: code.index("labels = ")] + code[code.index("labels = ") :].partition("\n")[0]
    code = code.replace('"stream.npz"', repr(str(tmp_path / "model.npz")))
    code = code.replace("X_test.to_numpy()", "X_test")
    found = {"np": np, "json": json, "X_test": X}
    exec(code, found)
    assert_allclose(found["proba"], model.predict_proba(X), rtol=0, atol=1e-14)
    assert_array_equal(found["labels"], model.predict(X))
