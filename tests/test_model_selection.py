"""C chosen by cross-validation: against loops by hand, scikit-learn's choice, and its checks."""

import re
import warnings
from inspect import signature

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_array_equal
from problems import data, uneven_weights
from sklearn.base import clone
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import brier_score_loss, get_scorer, log_loss, make_scorer
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import softmax_reg
from softmax_reg import CSVSource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg.model_selection import SoftmaxRegressionCV as SameClass
from softmax_reg.model_selection import cross_validation
from softmax_reg.model_selection.cross_validation import chosen

CS = (0.01, 0.1, 1.0, 10.0)


@parametrize_with_checks([SoftmaxRegressionCV(Cs=[0.1, 10.0], cv=3)])
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


def test_the_public_name_is_the_class():
    assert softmax_reg.SoftmaxRegressionCV is SameClass


@pytest.mark.parametrize("name", ["iris", "breast_cancer/std"])
def test_the_scores_are_those_of_a_loop_by_hand(name):
    X, y = data(name)
    folds = StratifiedKFold(4, shuffle=True, random_state=0)
    model = SoftmaxRegressionCV(Cs=CS, l1_ratios=(0.0, 0.5), cv=folds).fit(X, y)
    assert model.scores_.shape == (4, 2, 4)
    for i, l1_ratio in enumerate(model.l1_ratios_):
        for j, C in enumerate(model.Cs_):
            one = SoftmaxRegression(C=C, l1_ratio=l1_ratio)
            scores = cross_val_score(one, X, y, cv=folds, scoring="neg_log_loss")
            np.testing.assert_allclose(model.scores_[:, i, j], scores, atol=1e-5)
    means = model.scores_.mean(axis=0)
    i, j = np.unravel_index(means.argmax(), means.shape)
    assert (model.l1_ratio_, model.C_) == (model.l1_ratios_[i], model.Cs_[j])


def test_the_score_by_default_is_the_one_of_scikit_learn_also_where_it_clips():
    X, y = data("wine")  # raw: hardly penalised fits are sure of wrong classes
    weights = uneven_weights(len(y))
    for dtype in (np.float64, np.float32):
        rows = X.astype(dtype)
        own, theirs = (
            SoftmaxRegressionCV(Cs=[1.0, 1e3], cv=3, tol=1e-3, scoring=scoring).fit(
                rows, y, weights
            )
            for scoring in ("neg_log_loss", get_scorer("neg_log_loss"))
        )
        # Theirs goes by way of the probability, which rounds what is near 1.
        atol = 4.0 * np.finfo(dtype).eps
        np.testing.assert_allclose(own.scores_, theirs.scores_, rtol=1e-5, atol=atol)
    model = SoftmaxRegression(C=1e3, tol=1e-3).fit(X, y)
    model.coef_ = 1e3 * model.coef_
    model.intercept_ = np.array([1e4, 0.0, 0.0])
    expected = get_scorer("neg_log_loss")(model, X, y)
    assert cross_validation.neg_log_loss(model, X, y) == pytest.approx(expected, rel=1e-12)


def test_the_model_is_fitted_again_on_all_rows():
    X, y = data("wine")
    model = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    whole = SoftmaxRegression(C=model.C_).fit(X, y)
    np.testing.assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert model.score(X, y) == pytest.approx(-log_loss(y, whole.predict_proba(X)), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris/std", "wine/std", "breast_cancer/std"])
def test_LogisticRegressionCV_chooses_the_same(name):
    X, y = data(name)
    Cs = np.logspace(-3.0, 1.0, 5)
    model = SoftmaxRegressionCV(Cs=Cs).fit(X, y)
    rival = LogisticRegressionCV(Cs=Cs, scoring="neg_log_loss", tol=1e-9, max_iter=5000)
    newer = {"use_legacy_attributes": False, "l1_ratios": (0.0,)}
    new = set(newer) <= set(rival.get_params())
    rival.set_params(**(newer if new else {})).fit(X, y)
    assert model.C_ == np.ravel(rival.C_)[0]
    np.testing.assert_allclose(model.coef_, rival.coef_, atol=1e-4)
    np.testing.assert_allclose(model.intercept_, rival.intercept_, atol=1e-4)
    np.testing.assert_allclose(model.predict_proba(X), rival.predict_proba(X), atol=1e-5)
    if new:  # the layout of scikit-learn 1.10
        np.testing.assert_allclose(model.scores_, rival.scores_, atol=1e-5)
        assert model.coefs_paths_.shape == rival.coefs_paths_.shape
        np.testing.assert_allclose(model.coefs_paths_, rival.coefs_paths_, atol=1e-3)
        assert model.n_iter_.shape == rival.n_iter_.shape
        assert type(model.C_) is type(rival.C_)
        assert type(model.l1_ratio_) is type(rival.l1_ratio_)


def test_without_refit_the_folds_own_choices_are_averaged():
    X, y = data("wine/std")
    model = SoftmaxRegressionCV(Cs=CS, l1_ratios=(0.0, 1.0), refit=False).fit(X, y)
    best = [np.unravel_index(scores.argmax(), scores.shape) for scores in model.scores_]
    assert model.C_ == pytest.approx(np.mean([CS[j] for _, j in best]))
    assert model.l1_ratio_ == pytest.approx(np.mean([(0.0, 1.0)[i] for i, _ in best]))
    mean = np.mean([model.coefs_paths_[f, i, j] for f, (i, j) in enumerate(best)], axis=0)
    np.testing.assert_allclose(model.coef_, mean[:, :-1], rtol=1e-12)
    np.testing.assert_allclose(model.intercept_, mean[:, -1], rtol=1e-12)


def test_the_order_of_the_values_does_not_matter():
    X, y = data("iris")
    rising = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    falling = SoftmaxRegressionCV(Cs=CS[::-1]).fit(X, y)
    assert falling.Cs_.tolist() == list(CS[::-1])
    np.testing.assert_array_equal(falling.scores_, rising.scores_[:, :, ::-1])
    np.testing.assert_array_equal(falling.coefs_paths_, rising.coefs_paths_[:, :, ::-1])
    assert falling.C_ == rising.C_


def test_a_number_of_values_makes_the_grid_of_LogisticRegressionCV():
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=3).fit(X, y)
    np.testing.assert_allclose(model.Cs_, [1e-4, 1.0, 1e4])


def test_one_standard_error_takes_the_smallest_C_that_is_not_clearly_worse():
    scores = np.array([[[-3.0, -1.20, -1.1, -1.0]], [[-5.0, -1.35, -1.3, -1.2]]])
    # Means -4, -1.275, -1.2, -1.1; the best has the standard error 0.1.
    assert chosen(scores, np.array(CS), "best") == (0, 3)
    assert chosen(scores, np.array(CS), "one_standard_error") == (0, 2)
    back = slice(None, None, -1)
    assert chosen(scores[:, :, back], np.array(CS)[back], "one_standard_error") == (0, 1)
    assert chosen(scores[:1], np.array(CS), "one_standard_error") == (0, 3)


def test_one_standard_error_is_not_above_the_best():
    X, y = data("breast_cancer/std")
    best, simple = (
        SoftmaxRegressionCV(Cs=np.logspace(-2.0, 1.0, 10), selection=selection).fit(X, y)
        for selection in ("best", "one_standard_error")
    )
    assert simple.C_ < best.C_
    means = best.scores_.mean(axis=0)[0]
    error = best.scores_[:, 0, means.argmax()].std(ddof=1) / np.sqrt(5)
    within = means >= means.max() - error
    assert simple.C_ == simple.Cs_[within].min()


def test_of_equal_scores_the_first_C_counts():
    assert chosen(np.zeros((3, 2, 4)), np.array(CS), "best") == (0, 0)


@pytest.mark.slow
def test_two_processes_find_the_same():
    X, y = data("iris")
    one = SoftmaxRegressionCV(Cs=CS, l1_ratios=(0.0, 1.0)).fit(X, y)
    two = SoftmaxRegressionCV(Cs=CS, l1_ratios=(0.0, 1.0), n_jobs=2).fit(X, y)
    np.testing.assert_array_equal(two.scores_, one.scores_)
    np.testing.assert_array_equal(two.coef_, one.coef_)


def test_two_threads_find_the_same():
    X, y = data("iris")
    one = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    with joblib.parallel_config("threading", n_jobs=2):
        two = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    np.testing.assert_array_equal(two.scores_, one.scores_)


def test_rows_too_many_to_copy_are_left_out_by_their_weights(monkeypatch):
    X, y = data("iris")
    weights = uneven_weights(len(y))
    copied = SoftmaxRegressionCV(Cs=CS).fit(X, y, weights)
    monkeypatch.setattr(cross_validation, "_COPIED_BYTES", 0)
    weighted = SoftmaxRegressionCV(Cs=CS).fit(X, y, weights)
    np.testing.assert_allclose(weighted.scores_, copied.scores_, atol=1e-6)
    # A row that a fold trains on twice counts twice.
    twice = [(np.r_[np.arange(0, 150, 2), np.arange(0, 150, 4)], np.arange(1, 150, 2))]
    weighted = SoftmaxRegressionCV(Cs=CS, cv=twice).fit(X, y)
    monkeypatch.undo()
    copied = SoftmaxRegressionCV(Cs=CS, cv=twice).fit(X, y)
    np.testing.assert_allclose(weighted.scores_, copied.scores_, atol=1e-6)


def test_sparse_and_dense_rows_give_the_same_scores():
    X, y = data("digits")
    X, y = X[::6], y[::6]
    dense = SoftmaxRegressionCV(Cs=[1e-3, 0.1], cv=3).fit(X, y)
    for make in (sp.csr_matrix, sp.csc_matrix):
        sparse = SoftmaxRegressionCV(Cs=[1e-3, 0.1], cv=3).fit(make(X), y)
        np.testing.assert_allclose(sparse.scores_, dense.scores_, atol=1e-5)
        assert sparse.C_ == dense.C_


def test_float32_stays_float32():
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=CS).fit(X.astype(np.float32), y)
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    assert model.coefs_paths_.dtype == np.float32
    assert model.scores_.dtype == np.float64
    assert model.predict_proba(X.astype(np.float32)).dtype == np.float32


def test_the_names_of_a_frame_are_kept_and_asked_for():
    X, y = data("iris")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = SoftmaxRegressionCV(Cs=CS).fit(frame, pd.Series(np.array(["x", "y", "z"])[y]))
    assert model.feature_names_in_.tolist() == list("abcd")
    assert set(model.predict(frame)) == {"x", "y", "z"}
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("badc")])


def test_it_works_as_the_last_step_of_a_pipeline():
    X, y = data("wine")
    pipeline = make_pipeline(StandardScaler(), SoftmaxRegressionCV(Cs=CS)).fit(X, y)
    assert clone(pipeline).fit(X, y)[-1].C_ == pipeline[-1].C_
    assert pipeline.score(X, y) > -0.1


def test_weights_enter_the_fits_and_the_scores():
    X, y = data("iris")
    rng = np.random.default_rng(0)
    times = rng.integers(1, 4, len(y))
    rows = np.repeat(np.arange(len(y)), times)
    folds = list(StratifiedKFold(3, shuffle=True, random_state=0).split(X, y))
    repeated_folds = [
        (np.flatnonzero(np.isin(rows, train)), np.flatnonzero(np.isin(rows, test)))
        for train, test in folds
    ]
    weighted = SoftmaxRegressionCV(Cs=CS, cv=folds).fit(X, y, times)
    repeated = SoftmaxRegressionCV(Cs=CS, cv=repeated_folds).fit(X[rows], y[rows])
    np.testing.assert_allclose(weighted.scores_, repeated.scores_, atol=1e-6)
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=1e-3)
    assert weighted.score(X, y, sample_weight=times) == pytest.approx(
        repeated.score(X[rows], y[rows]), rel=1e-4
    )


def test_the_group_lasso_and_factors_reach_every_fit():
    X, y = data("wine/std")
    factor = np.r_[0.0, np.ones(12)]
    model = SoftmaxRegressionCV(
        Cs=[0.02, 0.1], l1_ratios=[1.0], penalty="group_lasso", penalty_factor=factor, cv=3
    ).fit(X, y)
    used = model.coefs_paths_[..., :-1] != 0.0
    assert np.array_equal(used.any(axis=-2), used.all(axis=-2))
    assert used[..., 0].all()
    assert not used.all()


def test_balanced_weights_are_those_of_all_rows():
    X, y = data("iris")
    X, y = X[20:], y[20:]
    per_class = len(y) / (3 * np.bincount(y))
    named = SoftmaxRegressionCV(Cs=CS, class_weight=dict(enumerate(per_class))).fit(X, y)
    balanced = SoftmaxRegressionCV(Cs=CS, class_weight="balanced").fit(X, y)
    np.testing.assert_array_equal(balanced.scores_, named.scores_)


def test_groups_reach_the_splitter_and_weights_what_asks_for_them():
    X, y = data("iris")
    groups, weights = np.arange(len(y)) % 10, uneven_weights(len(y))
    seen = []

    def recorded(y_true, y_pred, sample_weight=None):
        seen.append(sample_weight)
        return float(np.mean(y_true == y_pred))

    with sklearn.config_context(enable_metadata_routing=True):
        scorer = make_scorer(recorded).set_score_request(sample_weight=True)
        model = SoftmaxRegressionCV(Cs=CS, cv=GroupKFold(5), scoring=scorer)
        model.fit(X, y, sample_weight=weights, groups=groups)
        model.score(X, y, sample_weight=weights)
        plain = make_scorer(recorded).set_score_request(sample_weight=False)
        unweighted = SoftmaxRegressionCV(Cs=CS, cv=GroupKFold(5), scoring=plain)
        unweighted.fit(X, y, sample_weight=weights, groups=groups)
    assert [len(s) for s in seen[:21]] == [30] * 20 + [150]
    assert seen[21:] == [None] * 20
    folds = list(GroupKFold(5).split(X, y, groups))
    by_hand = SoftmaxRegressionCV(Cs=CS, cv=folds).fit(X, y, weights)
    np.testing.assert_allclose(model.coefs_paths_, by_hand.coefs_paths_)


def test_without_routing_extra_metadata_are_refused():
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=CS, cv=GroupKFold(5))
    with pytest.raises(ValueError, match="enable_metadata_routing"):
        model.fit(X, y, groups=np.arange(len(y)) % 10)
    assert not hasattr(model, "n_features_in_")


def test_a_fold_without_a_class_is_named():
    X, y = data("iris")
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    model = SoftmaxRegressionCV(Cs=CS, cv=KFold(3))
    with pytest.warns(UserWarning, match=r"fold 1 none of 'setosa'; fold 2.*Use stratified"):
        model.fit(X, labels)
    assert np.isfinite(model.scores_).all()
    weights = np.where(np.arange(150) < 100, 0.0, 1.0)
    weights[[0, 99]] = 1.0  # all that class 1 has is in one fold
    with pytest.warns(UserWarning, match="no training row, with a weight, of a class: fold 1 none"):
        model = SoftmaxRegressionCV(Cs=CS).fit(X, y, weights)
    assert np.isfinite(model.scores_).all()


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc_ovr", None])
def test_a_fold_that_scores_rows_of_some_classes_only_is_scored(scoring):
    X, y = data("iris")
    # Fold 1 leaves out rows of two classes; the model knows three.
    test = np.r_[0:10, 60:70]
    folds = [(np.setdiff1d(np.arange(150), test), test)]
    if scoring == "roc_auc_ovr":
        folds = list(StratifiedKFold(3).split(X, y))  # not defined for two of three classes
    model = SoftmaxRegressionCV(Cs=CS, cv=folds, scoring=scoring).fit(X, y)
    last = SoftmaxRegression(C=10.0).fit(X[folds[0][0]], y[folds[0][0]])
    if scoring == "neg_log_loss":
        expected = -log_loss(y[test], last.predict_proba(X[test]), labels=[0, 1, 2])
    else:
        expected = get_scorer(scoring or "accuracy")(last, X[folds[0][1]], y[folds[0][1]])
    assert model.scores_[0, 0, -1] == pytest.approx(expected, rel=1e-4)


def test_two_classes_by_name_with_one_of_them_in_the_scored_rows():
    X, y = data("breast_cancer/std")
    labels = np.array(["benign", "malignant"])[y]
    test = np.flatnonzero(y == 1)[:20]
    folds = [(np.setdiff1d(np.arange(len(y)), test), test)]
    names = ["neg_log_loss"]
    if "labels" in signature(brier_score_loss).parameters:  # scikit-learn 1.7 and later
        names.append("neg_brier_score")
    for scoring in names:
        model = SoftmaxRegressionCV(Cs=CS, cv=folds, scoring=scoring).fit(X, labels)
        assert np.isfinite(model.scores_).all()


def test_fits_that_do_not_converge_are_told_of_once():
    X, y = data("wine/std")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        SoftmaxRegressionCV(Cs=CS, max_iter=1).fit(X, y)
    assert [w.category for w in caught] == [ConvergenceWarning]
    assert caught[0].filename == __file__
    assert "of 21 fits" in str(caught[0].message)


@pytest.mark.slow
def test_progress_names_the_folds(capsys):
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=CS, cv=3, verbose=2).fit(X, y)
    *folds, last = capsys.readouterr().out.splitlines()
    assert [int(line[4:6]) for line in folds] == [1, 2, 4, 6, 8, 10, 12]
    for line in folds:
        n = int(line[4:6]) - 1
        fold, j = divmod(n, 4)
        score = model.scores_[fold, 0, j]
        start = (
            rf"fit +{n + 1}/13  fold {fold + 1}/3  l1_ratio 0.00  C {CS[j]:g} +score {score:.6f}"
        )
        assert re.match(start, line)
    assert last.startswith(f"fit 13/13  all rows  l1_ratio 0.00  C {model.C_:g}")
    assert "left" not in last
    SoftmaxRegressionCV(Cs=CS, cv=3, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line[4:6]) for line in lines] == [1, 2, 5, 10, 13]
    # Several jobs tell of the 4 fits of a path together: past 2 and 5, then past 10, then the last.
    SoftmaxRegressionCV(Cs=CS, cv=3, verbose=1, n_jobs=2).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert [int(line[4:6]) for line in lines] == [4, 8, 12, 13]


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"Cs": []}, "not empty"),
        ({"Cs": [0.0]}, "positive, got 0"),
        ({"l1_ratios": []}, "l1_ratios must be a list"),
        ({"l1_ratios": [0.5, 2.0]}, "l1_ratios must be a list"),
        ({"l1_ratios": 0.5}, "l1_ratios"),
        ({"selection": "median"}, "selection"),
        ({"selection": "one_standard_error", "refit": False}, "refit=False"),
        ({"scoring": "beauty"}, "scoring"),
        ({"callbacks": 3}, "callbacks"),
        ({"solver": "lbfgs", "l1_ratios": [1.0]}, "cannot handle"),
        ({"cv": [(np.arange(150), np.arange(0))]}, "leaves no row out"),
        ({"cv": iter([])}, "cv gave no folds"),
        ({"scoring": lambda *args, **kwargs: np.nan}, "score of fold 1 at C=.* is nan"),
    ],
)
def test_what_cannot_be_used_is_named_and_changes_nothing(knobs, message):
    X, y = data("iris")
    model = SoftmaxRegressionCV(Cs=CS).fit(X, y)
    before = model.__dict__.copy()
    model.set_params(**knobs)
    with pytest.raises(ValueError, match=message):
        model.fit(X[:, :3], y)
    assert {k: v for k, v in model.__dict__.items() if k not in knobs} == {
        k: v for k, v in before.items() if k not in knobs
    }


def test_every_fitted_attribute_is_documented_and_the_other_way_round(tmp_path):
    from test_docs import section

    X, y = data("iris")
    pd.DataFrame(X, columns=list("abcd")).assign(y=y).to_csv(tmp_path / "iris.csv", index=False)
    source = CSVSource(tmp_path / "iris.csv", "y", missing="mean")
    model = SoftmaxRegressionCV(Cs=[0.1], cv=2, tol=1e-3, standardize=True).fit(source)
    fitted = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    lines = section(type(model).__doc__, "Attributes")
    stated = {line.split(" : ")[0] for line in lines if " : " in line and line[0] != " "}
    assert stated == fitted


@pytest.mark.parametrize("copied", [0, 64 << 20])
def test_folds_may_be_masks(monkeypatch, copied):
    monkeypatch.setattr(cross_validation, "_COPIED_BYTES", copied)
    X, y = load_wine(return_X_y=True)
    train = np.arange(len(y)) % 5 > 0
    as_masks, as_numbers = (
        SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=[fold]).fit(X, y).scores_
        for fold in ((train, ~train), (np.flatnonzero(train), np.flatnonzero(~train)))
    )
    assert_array_equal(as_masks, as_numbers)


def test_a_fold_whose_rows_to_score_weigh_nothing_is_named():
    X, y = load_wine(return_X_y=True)
    fifth = np.arange(len(y)) % 5
    model = SoftmaxRegressionCV(Cs=3, cv=PredefinedSplit(fifth))
    with pytest.raises(ValueError, match="Fold 1 of 5 leaves no row out, with a weight"):
        model.fit(X, y, sample_weight=(fifth != 0).astype(float))


def test_rows_that_lack_classes_can_be_scored():
    X, y = load_iris(return_X_y=True)
    model = SoftmaxRegressionCV(Cs=2, cv=2).fit(X, y)
    rows = y == 1
    expected = -log_loss(y[rows], model.predict_proba(X[rows]), labels=[0, 1, 2])
    assert model.score(X[rows], y[rows]) == pytest.approx(expected)
