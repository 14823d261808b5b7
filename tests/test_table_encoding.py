"""A file with text and empty fields: fitted as scikit-learn's encoders would have it, and kept."""

import re

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from softmax_reg import CSVSource, NpySource, ParquetSource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg._npz.checks import Damaged
from softmax_reg.callbacks import Checkpoint
from softmax_reg.dataset.table_encoding import TableEncoding

NUMBERS, TEXTS = ["age", "pay"], ["city", "zip"]


def people(n=120, seed=0):
    """Return a table with text, codes with zeros in front, empty fields, and labels."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Rome", "Oslo", "Ulm; old", 'the "Bonn"'], n).astype(object),
            "age": rng.integers(18, 80, n).astype(float),
            "zip": rng.choice(["007", "7", "1200"], n).astype(object),
            "pay": rng.normal(2000.0, 500.0, n),
        }
    )
    score = frame.age / 20 + (frame.city == "Rome") + rng.normal(size=n)
    frame["label"] = np.select([score > 3.5, score > 2.2], ["yes", "perhaps"], "no")
    frame.loc[::7, "age"], frame.loc[3::11, "city"] = np.nan, np.nan
    return frame


def written(folder, frame, name="t.csv"):
    frame.to_csv(folder / name, sep=";", index=False)
    return folder / name


def source_of(path, **knobs):
    given = {"sep": ";", "categories": TEXTS, "missing": "mean", "chunksize": 50}
    return CSVSource(path, target="label", **(given | knobs))


def encoders(**categories):
    """Return scikit-learn's encoders of the same columns, in the same order."""
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False, **categories)
    parts = [("numbers", SimpleImputer(), NUMBERS), ("texts", one_hot, TEXTS)]
    return ColumnTransformer(parts, verbose_feature_names_out=False)


def test_a_table_with_text_and_empty_fields_is_fitted_as_by_the_encoders_of_scikit_learn(tmp_path):
    frame = people()
    model = SoftmaxRegression().fit(source_of(written(tmp_path, frame)))
    pipeline = make_pipeline(encoders(), SoftmaxRegression()).fit(frame, frame.label)
    names = pipeline[0].get_feature_names_out()
    assert_array_equal(model.feature_names_in_, names)
    assert {"city_Rome", "city_nan", "zip_007"} < set(names)
    assert_allclose(model.coef_, pipeline[-1].coef_, atol=1e-9)

    new = people(50, seed=1).drop(columns="label")
    new.loc[5, "city"], new.loc[6, "zip"] = "Paris", np.nan  # known to neither
    expected = pipeline.predict_proba(new)
    others = new[["pay", "zip", "age", "city"]].assign(more="text")
    path = written(tmp_path, others, "new.csv")
    for X in (new, others, CSVSource(path, target=None, sep=";", chunksize=7)):
        assert_allclose(model.predict_proba(X), expected, atol=1e-9)
        assert_array_equal(model.predict(X), pipeline.predict(new))
    assert model.score(source_of(tmp_path / "t.csv")) == pipeline.score(frame, frame.label)
    plain = CSVSource(tmp_path / "t.csv", target="label", sep=";")
    assert model.score(plain) == model.score(frame, frame.label)


@pytest.mark.slow
def test_columns_that_are_encoded_already_are_not_encoded_again(tmp_path):
    frame = people()
    model = SoftmaxRegression(tol=1e-3).fit(source_of(written(tmp_path, frame)))
    encoded = model.encoding_.transform(frame)
    assert list(encoded.columns) == model.feature_names_in_.tolist()
    assert_array_equal(model.predict_proba(encoded), model.predict_proba(frame))
    with pytest.warns(UserWarning, match="valid feature names"):
        assert_array_equal(model.predict(encoded.to_numpy()), model.predict(frame))


@pytest.mark.slow
def test_many_categories_are_kept_sparse(tmp_path):
    rng = np.random.default_rng(0)
    n = 300
    frame = pd.DataFrame(
        {"id": rng.choice([f"v{i}" for i in range(60)], n), "x": rng.normal(size=n)}
    )
    frame["label"] = np.where(frame["id"] < "v3", "a", "b")
    path = written(tmp_path, frame)
    source = source_of(path, categories=["id"])
    batch, _ = next(iter(source))
    assert sp.issparse(batch)
    assert batch.nnz <= 2 * 50
    model = SoftmaxRegression().fit(source, X_val=source)
    assert list(model.feature_names_in_[:2]) == ["x", "id_v0"]
    assert_array_equal(model.predict(frame), model.predict(source))
    assert model.score(source) == model.score(frame, frame.label) > 0.8
    assert 0.0 <= model.duality_gap(source) < 1e-6
    in_memory = SoftmaxRegression().fit(model.encoding_.transform(frame), frame.label)
    assert_allclose(model.coef_, in_memory.coef_, atol=1e-8)


def test_the_output_that_scikit_learn_is_set_to_does_not_matter(tmp_path):
    source = source_of(written(tmp_path, people()))
    with sklearn.config_context(transform_output="pandas"):
        batch, _ = next(iter(source))
    assert_array_equal(batch, next(iter(source))[0])


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_the_source_is_that_of_the_features(tmp_path, dtype):
    source = source_of(written(tmp_path, people()), dtype=dtype)
    assert {kind.name for kind in next(iter(source))[0].dtypes} == {dtype}
    assert SoftmaxRegression(tol=1e-2).fit(source).coef_.dtype == dtype


@pytest.mark.slow
def test_a_parquet_file_is_encoded_as_a_csv_file(tmp_path):
    pytest.importorskip("pyarrow")
    frame = people()
    frame["zip"] = frame["zip"].astype("category")
    frame["pay"] = pd.array(frame["pay"].round(), dtype="Int64")
    frame.loc[4, "pay"] = pd.NA
    frame.to_parquet(tmp_path / "p")
    knobs = {"categories": TEXTS, "missing": "mean"}
    model = SoftmaxRegression().fit(ParquetSource(tmp_path / "p", "label", chunksize=30, **knobs))
    from_csv = SoftmaxRegression().fit(source_of(written(tmp_path, frame)))
    assert_array_equal(model.feature_names_in_, from_csv.feature_names_in_)
    assert_allclose(model.coef_, from_csv.coef_, atol=1e-9)
    proba = model.predict_proba(ParquetSource(tmp_path / "p", target=None))
    assert_allclose(model.predict_proba(frame), proba)


@pytest.mark.parametrize(
    "knobs",
    [
        {},
        pytest.param({"missing": 0.0}, marks=pytest.mark.slow),
        pytest.param({"categories": ["zip"], "columns": ["zip", "pay"]}, marks=pytest.mark.slow),
        pytest.param({"categories": None, "columns": ["age", "pay"]}, marks=pytest.mark.slow),
    ],
)
def test_the_encoding_is_saved_with_the_model_without_pickle(tmp_path, knobs):
    frame = people()
    path = written(tmp_path, frame)
    model = SoftmaxRegression(tol=1e-2).fit(source_of(path, **knobs))
    model.save(tmp_path / "model.npz")
    again = SoftmaxRegression.load(tmp_path / "model.npz")
    assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
    new = CSVSource(path, target=None, sep=";")
    assert_array_equal(again.predict_proba(new), model.predict_proba(new))
    assert_array_equal(again.encoding_.feature_names, model.encoding_.feature_names)


@pytest.mark.slow
def test_a_fit_that_is_resumed_keeps_its_encoding(tmp_path):
    frame, file = people(), tmp_path / "fit.npz"
    source = source_of(written(tmp_path, frame))
    whole = SoftmaxRegression(solver="lbfgs").fit(source)
    with pytest.warns(UserWarning, match="max_iter=3"):
        SoftmaxRegression(solver="lbfgs", max_iter=3, callbacks=Checkpoint(file)).fit(source)
    half = SoftmaxRegression.resume(file, max_iter=1000)
    assert len(half.predict(frame)) == len(frame)
    assert_array_equal(half.fit(source).coef_, whole.coef_)


DAMAGE = {
    "a part is missing": lambda a: a.pop("fill"),
    "no text": lambda a: a.update(numbers=np.zeros(2)),
    "counts": lambda a: a.update(counts=a["counts"] + 1),
    "negative counts": lambda a: a.update(counts=np.array([len(a["categories"]) + 1, -1])),
    "huge counts": lambda a: a.update(counts=np.array([2**62, 2**62])),
    "no fill": lambda a: a.update(fill=a["fill"][:1]),
    "not finite": lambda a: a.update(fill=a["fill"] * np.nan),
    "twice": lambda a: a.update(columns=np.array(["zip", "zip"])),
    "in both": lambda a: a.update(columns=np.array(["zip", "age"])),
    "category twice": lambda a: a.update(categories=np.full_like(a["categories"], "x")),
    "dtype": lambda a: a.update(like=np.empty(0, int)),
    "flag": lambda a: a.update(is_filled=np.array([True])),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_an_encoding_that_is_damaged_is_not_read(damage):
    known = {"city": np.array(["Oslo", np.nan], dtype=object), "zip": ["1", "7"]}
    arrays = TableEncoding(("age", "pay"), known, [40.0, 2.0]).to_arrays()
    assert TableEncoding.from_arrays(dict(arrays)).n_features == 6
    DAMAGE[damage](arrays)
    with pytest.raises(Damaged):
        TableEncoding.from_arrays(arrays)


def test_a_model_with_an_encoding_of_another_width_is_not_saved(tmp_path):
    model = SoftmaxRegression(tol=1e-2).fit(source_of(written(tmp_path, people())))
    model.encoding_ = TableEncoding(("age",), {})
    with pytest.raises(ValueError, match="encoding_ is of another n_features"):
        model.save(tmp_path / "model.npz")


@pytest.mark.slow
def test_all_columns_of_text_are_encoded_on_demand_and_categories_can_be_given(tmp_path):
    path = written(tmp_path, people())
    auto = SoftmaxRegression(tol=1e-2).fit(source_of(path, categories="auto"))
    assert list(auto.encoding_.categories) == ["city"]  # zip looks like numbers
    given = {"city": ["Rome", "Oslo"], "zip": [7, "1200"]}
    model = SoftmaxRegression(tol=1e-2).fit(source_of(path, categories=given))
    names = ["age", "pay", "city_Rome", "city_Oslo", "zip_7", "zip_1200"]
    assert model.feature_names_in_.tolist() == names


@pytest.mark.slow
def test_codes_are_the_text_of_the_file_and_whole_numbers_have_no_point(tmp_path):
    path = written(tmp_path, people())
    model = SoftmaxRegression(tol=1e-2).fit(source_of(path))
    assert {"zip_007", "zip_7", "zip_1200"} < set(model.feature_names_in_)
    row = people().iloc[[0]]
    as_text, as_number, as_float = (row.assign(zip=z) for z in ("7", 7, 7.0))
    expected = model.predict_proba(as_text)
    assert_array_equal(model.predict_proba(as_number), expected)
    assert_array_equal(model.predict_proba(as_float), expected)
    assert (model.predict_proba(row.assign(zip="007")) != expected).any()


@pytest.mark.slow
def test_what_the_user_says_of_a_column_comes_first(tmp_path):
    path = written(tmp_path, people())
    for options in ({"dtype": str}, {"dtype": {"zip": "Int64"}}, {"converters": {"zip": int}}):
        model = SoftmaxRegression(tol=1e-2).fit(
            source_of(path, categories=TEXTS, options=options, missing=0.0)
        )
        assert ("zip_007" in model.feature_names_in_) == (options == {"dtype": str})


@pytest.mark.slow
def test_a_later_fit_without_an_encoding_forgets_it(tmp_path):
    frame = people()
    source = source_of(written(tmp_path, frame))
    model = SoftmaxRegression(tol=1e-2).fit(source)
    other = source_of(tmp_path / "t.csv", columns=["pay"], categories=None, missing=None)
    assert not hasattr(model.fit(other), "encoding_")
    assert hasattr(model.fit(source), "encoding_")
    assert not hasattr(model.fit(frame[["pay"]], frame.label), "encoding_")
    with pytest.raises(ValueError, match="fitted on numbers as they are"):
        model.predict(source)


@pytest.mark.slow
def test_cross_validation_streams_and_npy_files_take_an_encoded_source(tmp_path):
    frame = people()
    source = source_of(written(tmp_path, frame))
    model = SoftmaxRegressionCV(Cs=[0.1], cv=2, tol=1e-3).fit(source)
    assert_allclose(model.score(source), model.score(frame, frame.label))
    single = SoftmaxRegression(tol=1e-3).fit(source)
    single.partial_fit(frame, frame.label)
    assert single.score(frame, frame.label) > 0.5
    X, _ = next(iter(NpySource.write(tmp_path / "npy", source)))
    assert_allclose(X, single.encoding_.transform(frame)[:50])


MISTAKES = {
    "a name": ({"categories": "city"}, r"categories=\['city'\]"),
    "a number": ({"categories": 3}, "a list of columns or a dict, got 3"),
    "no feature": ({"categories": ["town"]}, "'town', which is no feature"),
    "the target": ({"categories": ["label"]}, "'label', which is no feature"),
    "a word": ({"categories": {"city": "Rome"}}, "a list of categories, got 'Rome'"),
    "twice": ({"categories": {"city": ["Rome", "Rome"]}}, "each category once"),
    "empty": ({"categories": {"city": []}}, "at least one"),
    "median": ({"missing": "median"}, "'mean', a number, or None"),
    "infinity": ({"missing": np.inf}, "'mean', a number, or None"),
    "a flag": ({"missing": True}, "'mean', a number, or None"),
    "left out": ({"categories": ["city"], "columns": ["city", "zip", "label"]}, "as features and"),
    "separator": ({"sep": None}, r"Give sep=';'\."),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_parameters_that_cannot_be_used_are_told_at_once(tmp_path, mistake):
    path, (knobs, told) = written(tmp_path, people()), MISTAKES[mistake]
    with pytest.raises(ValueError, match=told):
        source_of(path, **knobs)


FAULTS = {
    "text": ({"categories": ["zip"]}, "'city' of .* holds '", r"categories=\['city'\]"),
    "empty": ({"missing": None}, "Input X contains NaN", "missing='mean'"),
    "question mark": ({"change": {"pay": "?"}}, "holds '[?]' in line", "na_values.*missing='mean'"),
    "no number": ({"change": {"pay": None}}, "'pay' holds no number", "columns="),
    "infinity": ({"change": {"pay": np.inf}}, "'pay' holds infinity in line 2", "no mean"),
    "names": ({"change": {"city_Rome": 1.0}}, "the name 'city_Rome'", "Rename"),
    "late text": ({"categories": "auto", "late": ["pay"]}, "'pay' .* 'much' in line 118", "'pay'"),
    "ids": (
        {"categories": ["pay", *TEXTS], "most": 60},
        "'pay' holds more than 60 categories",
        "columns=",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_in_a_table_is_told_with_its_remedy(tmp_path, monkeypatch, fault):
    knobs, told, remedy = FAULTS[fault]
    frame, knobs = people().assign(**knobs.get("change", {})), dict(knobs)
    for late in knobs.pop("late", []):
        frame[late] = frame[late].astype(object)
        frame.loc[len(frame) - 4, late] = "much"
    most = knobs.pop("most", 10_000)
    monkeypatch.setattr("softmax_reg.dataset.table_statistics._MOST_CATEGORIES", most)
    knobs.pop("change", None)
    source = source_of(written(tmp_path, frame), **knobs)
    with pytest.raises(ValueError, match=told) as error:
        SoftmaxRegression().fit(source)
    assert re.search(remedy, str(error.value))


def test_tables_that_do_not_go_with_the_model_are_told(tmp_path):
    frame = people()
    path = written(tmp_path, frame)
    model = SoftmaxRegression(tol=1e-2).fit(source_of(path))
    with pytest.raises(ValueError, match=r"lacks the columns \['pay', 'city'\]"):
        model.predict(frame[["age", "zip"]])
    with pytest.raises(ValueError, match=r"Column 'age' of X cannot be used.*'old'"):
        model.predict(frame.assign(age="old"))
    lacking = CSVSource(written(tmp_path, frame[["age"]], "new.csv"), target=None, sep=";")
    with pytest.raises(ValueError, match="found no column 'pay', 'city', 'zip'"):
        model.predict(lacking)
    with pytest.raises(ValueError, match="has no labels"):
        model.score(CSVSource(path, target=None, sep=";"))
    unlabelled = written(tmp_path, frame.drop(columns="label"), "unlabelled.csv")
    with pytest.raises(ValueError, match=r"no column 'label'.*target=None"):
        source_of(unlabelled)
    numbered = CSVSource(
        path, target=4, options={"header": None, "skiprows": 1}, sep=";", categories=[0]
    )
    with pytest.raises(ValueError, match="columns that have text as names"):
        model.fit(numbered)
