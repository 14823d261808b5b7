"""Whatever takes X takes a source: predictions, scores, held-out rows, cross-validation."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, uneven_weights
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import ShuffleSplit, StratifiedKFold
from test_sources import Batches

from softmax_reg import CSVSource, FunctionSource, NpySource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg.dataset import validation_set as held_out_rows

CS = [0.01, 1.0, 100.0]
METHODS = ["predict", "predict_proba", "predict_log_proba", "decision_function"]


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("method", METHODS)
def test_predictions_of_a_source_are_those_of_its_rows(name, method):
    X, y = data(name)
    model = SoftmaxRegression().fit(X, y)
    source = Batches(X, y, sizes=(40, 1, 7))
    found = getattr(model, method)(source)
    assert_allclose(found, getattr(model, method)(X), rtol=1e-10) if found.dtype.kind == "f" else (
        assert_array_equal(found, getattr(model, method)(X))
    )
    assert source.n_passes == 1
    unlabelled = FunctionSource(
        lambda: [(sp.csr_array(X[:50]), None), (sp.csr_array(X[50:]), None)]
    )
    assert len(getattr(model, method)(unlabelled)) == len(y)


def test_predictions_of_sources_work_where_coefficients_are_sparse_and_in_the_other_class():
    X, y = data("wine")
    model = SoftmaxRegressionCV(Cs=[0.1], l1_ratios=(1.0,), cv=2, tol=1e-4).fit(X, y)
    assert_array_equal(model.predict(Batches(X, y)), model.predict(X))
    sparse = SoftmaxRegression().fit(X, y).sparsify()
    assert_array_equal(sparse.predict(Batches(X, y)), sparse.predict(X))


@pytest.mark.parametrize("is_weighted", [False, True])
def test_the_score_of_a_source_is_that_of_its_rows(is_weighted):
    X, y = data("wine")
    weights = [uneven_weights(len(y))] if is_weighted else []
    model = SoftmaxRegression(C=1e-4).fit(X, y)
    expected = accuracy_score(y, model.predict(X), sample_weight=weights[0] if weights else None)
    assert expected < 0.99
    assert model.score(Batches(X, y, *weights)) == pytest.approx(expected)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "roc_auc_ovr"])
def test_the_score_of_a_cross_validated_model_is_that_of_the_rows(scoring):
    X, y = data("wine")
    weights = uneven_weights(len(y))
    model = SoftmaxRegressionCV(Cs=[1e-3], cv=2, scoring=scoring, tol=1e-4).fit(X, y)
    found = model.score(Batches(X, y, weights))
    assert found == pytest.approx(model.score(X, y, sample_weight=weights))
    if scoring == "neg_log_loss":
        proba = model.predict_proba(X)
        assert found == pytest.approx(-log_loss(y, proba, sample_weight=weights))


@pytest.mark.parametrize("held_bytes", [0, 16 << 20])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_held_out_rows_of_a_source_are_those_of_arrays(monkeypatch, held_bytes, is_streamed):
    monkeypatch.setattr(held_out_rows, "_HELD_BYTES", held_bytes)
    X, y = data("wine")
    weights = uneven_weights(len(y))
    training = (slice(None, None, 2), slice(1, None, 2))[0]
    rows = X[training], y[training]
    others = X[1::2], y[1::2], weights[1::2]
    knobs = {"class_weight": "balanced", "early_stopping": True, "tol": 1e-4}
    model = SoftmaxRegression(**knobs).fit(
        *rows, X_val=others[0], y_val=others[1], sample_weight_val=others[2]
    )
    given = (Batches(*rows),) if is_streamed else rows
    source = Batches(*others)
    streamed = SoftmaxRegression(**knobs).fit(*given, X_val=source)
    curve = model.validation_loss_curve_
    assert_allclose(streamed.validation_loss_curve_[:10], curve[:10], rtol=1e-6)
    assert_allclose(streamed.validation_loss_curve_.min(), curve.min(), rtol=1e-6)
    # The first pass and, of rows that are held, one more; of others one for each loss.
    n_losses = len(streamed.validation_loss_curve_)
    assert source.n_passes == (2 if held_bytes else 1 + n_losses)


def test_balanced_weights_of_held_out_rows_count_the_weights_of_a_source():
    X, y = data("wine")
    weights = uneven_weights(len(y))
    knobs = {"class_weight": "balanced", "max_iter": 3, "tol": 0.1}
    in_memory = SoftmaxRegression(**knobs).fit(X, y, weights, X_val=X, y_val=y)
    streamed = SoftmaxRegression(**knobs).fit(Batches(X, y, weights), X_val=X, y_val=y)
    assert_allclose(streamed.validation_loss_curve_[0], in_memory.validation_loss_curve_[0])
    assert_allclose(streamed.loss_curve_[0], in_memory.loss_curve_[0])


FOLDS = {
    "ridge": {},
    "two classes": {"name": "breast_cancer"},
    "lasso": {"l1_ratios": (1.0,)},
    "two shares": {"l1_ratios": (0.0, 0.5), "selection": "one_standard_error"},
    "group lasso": {"l1_ratios": (1.0,), "penalty": "group_lasso"},
    "balanced": {"class_weight": "balanced"},
    "accuracy": {"scoring": "accuracy"},
    "several jobs": {"n_jobs": 2},
    "standardize": {"standardize": True, "l1_ratios": (0.5,)},
    "no refit": {"refit": False},
    "repeated rows": {"cv": ShuffleSplit(3, train_size=0.5, test_size=0.5, random_state=0)},
    "shuffled": {"cv": StratifiedKFold(3, shuffle=True, random_state=0)},
}


@pytest.mark.parametrize(
    ("case", "is_weighted"),
    [
        pytest.param(case, w, marks=[pytest.mark.slow] * ((case, w) != ("balanced", True)))
        for case in FOLDS
        for w in (False, True)
    ],
)
def test_cross_validation_of_a_source_is_that_of_its_rows(case, is_weighted):
    knobs = {"Cs": CS, "cv": 3, **FOLDS[case]}
    X, y = data(f"{knobs.pop('name', 'wine')}/std")
    weights = [uneven_weights(len(y))] if is_weighted else []
    in_memory = SoftmaxRegressionCV(**knobs).fit(X, y, *weights)
    streamed = SoftmaxRegressionCV(**knobs).fit(Batches(X, y, *weights, sizes=(40, 1, 7)))
    assert_allclose(streamed.scores_, in_memory.scores_, rtol=1e-6)
    assert (streamed.C_, streamed.l1_ratio_) == (in_memory.C_, in_memory.l1_ratio_)
    assert_allclose(streamed.coef_, in_memory.coef_, atol=1e-5)
    assert_allclose(streamed.coefs_paths_, in_memory.coefs_paths_, atol=1e-4)
    assert_array_equal(streamed.classes_, in_memory.classes_)


def test_the_folds_of_a_source_hold_no_copy_of_its_rows():
    X, y = data("wine")
    source = Batches(X, y)
    told = []
    model = SoftmaxRegressionCV(Cs=[1.0], cv=2, tol=1e-2, callbacks=told.append).fit(source)
    assert source.n_passes > 2 * len(told)
    assert model.n_features_in_ == 13


WITHOUT_LABELS = FunctionSource(lambda: [(data("wine")[0], None)])
MISTAKES = {
    "labels": (lambda m, s: m.score(s, data("wine")[1]), "brings its own labels"),
    "none": (lambda m, s: m.score(WITHOUT_LABELS), "has no labels"),
    "fit": (lambda m, s: m.fit(WITHOUT_LABELS), "has no labels"),
    "arrays": (lambda m, s: m.score(data("wine")[0]), "score needs the labels"),
    "width": (lambda m, s: m.predict(Batches(data("iris")[0], data("iris")[1])), "4 features"),
    "weights": (lambda m, s: m.score(Batches(*s.arrays, -np.ones(178))), "not negative, got -1"),
    "nothing": (lambda m, s: m.predict(FunctionSource(list)), "gave no batches"),
    "a str": (lambda m, s: m.fit("t.csv"), r"fit\(CSVSource\('t.csv', target='the column of"),
    "a path": (lambda m, s: m.fit(Path("t.pq"), [0, 1]), r"fit\(ParquetSource\('t.pq', target="),
    "predict": (lambda m, s: m.predict("t.csv"), r"predict\(CSVSource\('t.csv', target=None\)\)"),
    "score": (lambda m, s: m.score("t.csv"), "CSVSource"),
    "folder": (lambda m, s: m.fit(Path()), r"fit\(NpySource\('.'\)\)"),
}


@pytest.mark.parametrize("kind", [SoftmaxRegression, SoftmaxRegressionCV])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_told_and_leave_the_model_as_it_is(kind, mistake):
    X, y = data("wine")
    knobs = {"Cs": [1e-3], "cv": 2} if kind is SoftmaxRegressionCV else {"C": 1e-3}
    model = kind(tol=0.1, **knobs).fit(X, y)
    before = dict(vars(model))
    do, told = MISTAKES[mistake]
    with pytest.raises(ValueError, match=told):
        do(model, Batches(X, y))
    assert vars(model) == before


HELD_OUT = {
    "labels": ({"y_val": [0, 1]}, "brings its own labels"),
    "unknown": ({"X_val": Batches(data("wine")[0], data("wine")[1] + 1)}, "labels that y does not"),
    "width": ({"X_val": Batches(*data("iris"))}, "cannot be used beside X and y.*4 features"),
    "no labels": ({"X_val": WITHOUT_LABELS}, "has no labels"),
    "no weight": ({"X_val": Batches(*data("wine"), np.zeros(178))}, "sum to zero"),
}


@pytest.mark.parametrize("case", HELD_OUT)
def test_held_out_rows_of_a_source_that_cannot_be_used_are_told(case):
    X, y = data("wine")
    more, told = HELD_OUT[case]
    with pytest.raises(ValueError, match=told):
        SoftmaxRegression().fit(X, y, **({"X_val": Batches(X, y)} | more))


def test_weights_of_a_source_that_are_all_zero_cannot_score():
    X, y = data("wine")
    model = SoftmaxRegression(tol=0.1).fit(X, y)
    with pytest.raises(ValueError, match="sum to zero"):
        model.score(Batches(X, y, np.zeros(len(y))))


def test_files_are_fitted_validated_scored_and_predicted(tmp_path):
    X, y = data("wine")
    names = [f"x{j}" for j in range(13)]
    frame = pd.DataFrame(X, columns=names).assign(label=np.array(list("abc"))[y])
    frame[::2].to_csv(tmp_path / "train.csv", index=False)
    frame[1::2].to_csv(tmp_path / "valid.csv", index=False)
    train = CSVSource(tmp_path / "train.csv", target="label", chunksize=30)
    valid = CSVSource(tmp_path / "valid.csv", target="label", chunksize=50)
    model = SoftmaxRegression(early_stopping=True).fit(train, X_val=valid)
    expected = model.predict_proba(frame[1::2][names])
    # The column of the labels is in the file, but no feature of the model.
    assert_allclose(
        model.predict_proba(CSVSource(tmp_path / "valid.csv", target=None)), expected, rtol=1e-9
    )
    assert model.score(valid) == model.score(frame[1::2][names], frame.label[1::2]) > 0.9
    shuffled = frame[1::2][names[::-1]].assign(more="text")
    shuffled.to_csv(tmp_path / "new.csv", index=False)
    new = CSVSource(tmp_path / "new.csv", target=None)
    assert_allclose(model.predict_proba(new), expected, rtol=1e-9)
    chosen = CSVSource(tmp_path / "new.csv", target=None, columns=names[::-1])
    with pytest.raises(ValueError, match="feature names"):
        model.predict(chosen)
    folder = NpySource.write(tmp_path / "npy", train)
    assert SoftmaxRegression().fit(folder).score(folder) > 0.9
