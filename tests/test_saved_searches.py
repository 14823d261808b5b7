"""Searches and penalty factors by name come back from files as they were."""

import json
import os

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import StratifiedKFold

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg._npz import storage

X, Y = data("iris")
NAMES = ["length", "width", "l2", "w2"]
FRAME = pd.DataFrame(X, columns=NAMES)


def assert_same_value(got, value):
    assert type(got) is type(value)
    if isinstance(value, dict):
        assert [*got] == [*value]
        for key in value:
            assert_same_value(got[key], value[key])
    elif isinstance(value, np.ndarray):
        assert got.dtype == value.dtype
        assert_array_equal(got, value)


def search(**params):
    return SoftmaxRegressionCV(**{"Cs": [0.1, 1.0], "cv": 2, "tol": 1e-3} | params)


@pytest.mark.parametrize("use_legacy_attributes", [False, True])
@pytest.mark.parametrize("l1_ratios", [None, (0.0, 1.0)])
@pytest.mark.parametrize(
    ("n_classes", "others"),
    [
        (3, {"standardize": True}),
        (2, {"fit_intercept": False}),
        (3, {"refit": False, "callbacks": lambda p: p.step.C == 0.1 and p.fold == 1}),
    ],
    ids=["three", "two", "unfinished"],
)
def test_a_search_comes_back_as_it_was(
    use_legacy_attributes, l1_ratios, n_classes, others, tmp_path
):
    kept = n_classes > Y
    layout = {"use_legacy_attributes": use_legacy_attributes, "l1_ratios": l1_ratios}
    model = search(**layout, **others).fit(FRAME[kept].astype(np.float32), Y[kept])
    model.save(tmp_path / "search.npz")
    other = SoftmaxRegressionCV.load(tmp_path / "search.npz")
    assert vars(other).keys() == vars(model).keys()
    for name, value in vars(model).items():
        if name != "callbacks":
            assert_same_value(getattr(other, name), value)
    assert_array_equal(other.predict_proba(FRAME), model.predict_proba(FRAME))
    assert other.score(FRAME[kept], Y[kept]) == model.score(FRAME[kept], Y[kept])


def test_a_search_without_a_fit_or_with_what_no_file_holds_is_not_saved(tmp_path):
    path = tmp_path / "search.npz"
    with pytest.raises(NotFittedError):
        search().save(path)
    model = search(cv=StratifiedKFold(2)).fit(X, Y)
    with pytest.raises(TypeError, match=r"cv cannot be saved.*model.set_params\(cv=None\)"):
        model.save(path)
    assert not os.listdir(tmp_path)
    model.set_params(cv=None).save(path)
    assert SoftmaxRegressionCV.load(path).C_ == model.C_


def test_a_file_of_the_other_class_says_which(tmp_path):
    search().fit(X, Y).save(tmp_path / "search.npz")
    with pytest.raises(ValueError, match="holds a SoftmaxRegressionCV, not a SoftmaxRegression"):
        SoftmaxRegression.load(tmp_path / "search.npz")


def reshaped(name, change):
    def changed(header, arrays):
        arrays[name] = change(arrays[name])

    return changed


WRONG = {
    "scores_": reshaped("scores_", lambda a: a.ravel()),
    "Cs_": reshaped("Cs_", lambda a: -a),
    "l1_ratios_": reshaped("l1_ratios_", lambda a: a + 2),
    "coefs_paths_": reshaped("coefs_paths_", lambda a: a[..., :2]),
    "n_iter_": reshaped("n_iter_", lambda a: a[:1]),
    "C_": lambda header, arrays: header["plain"].update(C_="1"),
    "l1_ratio_": lambda header, arrays: header["plain"].update(l1_ratio_=7.0),
    "scores_ is missing": lambda header, arrays: arrays.pop("scores_"),
    "loss_curve_": lambda header, arrays: arrays.update(loss_curve_=np.zeros(3)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_search_whose_attributes_do_not_fit_is_damaged(name, tmp_path):
    path = tmp_path / "search.npz"
    search().fit(X, Y).save(path)
    header, arrays = storage.read(path)
    WRONG[name](header, arrays)
    storage.write(path, header, arrays)
    with pytest.raises(ValueError, match=f"is damaged: .*{name}"):
        SoftmaxRegressionCV.load(path)


def test_a_saved_model_is_arrays_that_numpy_reads(tmp_path):
    model = SoftmaxRegression(tol=1e-3).fit(X, Y)
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as file:
        assert {"coef_", "intercept_", "classes_", "loss_curve_", "header"} <= {*file}
        assert_array_equal(file["coef_"], model.coef_)
        assert_array_equal(file["classes_"], model.classes_)
        assert json.loads(file["header"].tobytes())["params"]["tol"] == 1e-3


FACTORS = pd.Series([0.5, 5.0, 1.0, 2.0], index=["w2", "width", "length", "l2"])
IN_ORDER = [1.0, 5.0, 2.0, 0.5]


def test_factors_of_a_series_go_by_the_names_of_the_columns():
    of_names = {"penalty_factor": FACTORS}
    of_places = {"penalty_factor": IN_ORDER}
    fits = [SoftmaxRegression(**given).fit(FRAME, Y) for given in (of_names, of_places)]
    assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert fits[0].duality_gap(FRAME, Y) == fits[1].duality_gap(FRAME, Y)
    paths = [softmax_path(FRAME, Y, Cs=3, **given).coefs_ for given in (of_names, of_places)]
    assert_array_equal(*paths)
    searches = [search(**given).fit(FRAME, Y).coef_ for given in (of_names, of_places)]
    assert_array_equal(*searches)
    refit = fits[0].set_params(penalty_factor=FACTORS.rename({"w2": "new"}))
    renamed = FRAME.rename(columns={"w2": "new"})
    of_names = refit.fit(renamed, Y).coef_
    assert_array_equal(of_names, fits[1].fit(renamed, Y).coef_)


@pytest.mark.parametrize("given", [IN_ORDER, tuple(IN_ORDER), np.array(IN_ORDER), "series"])
def test_factors_without_names_go_by_place_and_are_saved(given, tmp_path):
    given = pd.Series(IN_ORDER) if isinstance(given, str) else given
    model = SoftmaxRegression(penalty_factor=given).fit(FRAME, Y)
    assert_allclose(
        model.coef_, SoftmaxRegression(penalty_factor=IN_ORDER).fit(X, Y).coef_, rtol=1e-12
    )
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz").penalty_factor
    assert type(loaded) is type(given)
    assert_array_equal(loaded, given)


def test_factors_with_names_are_saved_with_them(tmp_path):
    model = SoftmaxRegression(penalty_factor=FACTORS).fit(FRAME, Y)
    model.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    pd.testing.assert_series_equal(loaded.penalty_factor, FACTORS, check_index_type=False)
    assert_array_equal(loaded.fit(FRAME, Y).coef_, model.coef_)


REFUSED = {
    "no names in X": (FACTORS, X, "X has no names to match them"),
    "a name too few": (FACTORS[1:], FRAME, r"lacks \['w2'\].*reindex\(X.columns"),
    "a name too many": (pd.concat([FACTORS, pd.Series({"q": 1.0})]), FRAME, r"these: \['q'\]"),
    "a name twice": (pd.concat([FACTORS, FACTORS[:1]]), FRAME, "has more than these"),
    "a dict": ({"w2": 0.0}, FRAME, r"pandas.Series\(penalty_factor\).reindex"),
    "a frame": (FACTORS.to_frame("f"), FRAME, r"penalty_factor\['f'\]"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_factors_that_do_not_match_the_columns_are_refused(case):
    factors, X, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        SoftmaxRegression(penalty_factor=factors).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        search(penalty_factor=factors).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        softmax_path(X, Y, penalty_factor=factors)
