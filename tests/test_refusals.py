"""A refusal names the column, shows a value and gives the line that mends it; that line works."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from problems import data
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from softmax_reg import FunctionSource, SoftmaxRegression, SoftmaxRegressionCV, softmax_path

X, Y = data("iris")
FRAME = pd.DataFrame(X, columns=["length", "width", "l2", "w2"])
CITY = np.array(["Rome", "Bern"])[Y % 2]
DAYS = pd.date_range("2024-03-01", periods=150)
LINES = {
    "make_pipeline": make_pipeline,
    "make_column_transformer": make_column_transformer,
    "OneHotEncoder": OneHotEncoder,
    "SimpleImputer": SimpleImputer,
    "SoftmaxRegression": lambda: SoftmaxRegression(tol=1e-3),
    "pandas": pd,
}


def refused(call):
    with pytest.raises((TypeError, ValueError)) as error:
        call()
    return str(error.value)


def with_gaps(value=np.nan, rows=(3, 7)):
    changed = np.array(X)
    changed[list(rows), 1] = value
    return changed


def objects(*values):
    return np.resize(np.array(values, dtype=object), 150)


COLUMNS = {
    "text": (CITY, "holds text, such as 'Rome' in row 0. Encode it: "),
    "category": (pd.Categorical(CITY), "holds text, such as 'Rome'"),
    "intervals": (pd.cut(X[:, 0], 3), "holds objects that are no numbers, such as Interval"),
    "mixed": (objects(1, "x"), "holds text beside numbers, such as 'x' in row 1"),
    "comma": (objects("1,5", "2"), "such as '1,5' in row 0. Its decimal mark is a comma"),
    "dates": (DAYS, "holds dates, such as 2024-03-01 00:00:00 in row 0. Make numbers of them"),
    "dates with a zone": (DAYS.tz_localize("UTC"), r"such as 2024-03-01 00:00:00\+00:00 in"),
    "days": (objects(date(2024, 3, 1)), "dates, such as 2024-03-01 in row 0"),
    "durations": (DAYS - DAYS[0], "durations, such as 0 days 00:00:00 in row 0"),
    "periods": (DAYS.to_period("M"), "periods of time, such as 2024-03 in row 0"),
    "lists": (pd.Series([[1, 2]] * 150), r"no numbers, such as \[1, 2\] in row 0"),
    "missing integer": (pd.array([1, None] * 75, dtype="Int64"), "X contains NaN in column 'new'"),
    "missing boolean": (objects(True, None), "NaN in column 'new', the first in row 1, 75 values"),
    "infinite": (np.where(Y == 1, np.inf, 0.0), "infinity in column 'new', the first in row 50"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_a_column_of_a_frame_that_holds_no_numbers_is_named(case):
    column, message = COLUMNS[case]
    told = refused(lambda: SoftmaxRegression().fit(FRAME.assign(new=column), Y))
    assert re.search(message, told), told
    assert "'new'" in told
    assert len(told) < 500


def line_in(told):
    return eval(re.search(r": (\w+\(.*\))\.$", told, re.MULTILINE).group(1), LINES)


@pytest.mark.parametrize(
    "X",
    [
        FRAME.assign(city=CITY, kind=pd.Categorical(CITY)),
        FRAME.assign(length=with_gaps()[:, 1]),
        FRAME.assign(city=np.where(Y == 1, None, CITY)),
        np.column_stack([X.astype(object), CITY]),
        with_gaps(),
        sp.csr_array(with_gaps()),
    ],
    ids=["text", "missing", "missing text", "array of objects", "array", "sparse"],
)
def test_the_line_in_the_message_mends_it(X):
    told = refused(lambda: SoftmaxRegression().fit(X, Y))
    assert line_in(told).fit(X, Y).score(X, Y) > 0.9


def test_of_all_faults_all_columns_are_named_each_kind_in_a_line():
    frame = FRAME.assign(a=CITY, b=CITY, day=DAYS, gap=np.nan)
    told = refused(lambda: SoftmaxRegression().fit(frame, Y)).splitlines()
    assert [re.match(r"(Column|Columns|Input X).*?'(\w+)'", line).group(2) for line in told] == [
        "a",
        "day",
        "gap",
    ]
    assert "Columns 'a', 'b' of X hold text" in told[0]


def test_a_column_is_found_by_its_place_where_names_are_there_twice():
    frame = pd.DataFrame(np.column_stack([X.astype(object), CITY]), columns=list("aabbb"))
    assert "Column 'b' of X holds text" in refused(lambda: SoftmaxRegression().fit(frame, Y))


class Polar:
    """A frame that is none of pandas: names, columns by name, and an array."""

    columns = ("length", "city")
    shape = (150, 2)

    def __getitem__(self, name):
        return CITY if name == "city" else X[:, 0]

    def __array__(self, dtype=None, copy=None):
        return np.column_stack([X[:, 0].astype(object), CITY]).astype(dtype)


def test_the_columns_of_other_frames_are_named_too():
    assert "Column 'city' of X holds text" in refused(lambda: SoftmaxRegression().fit(Polar(), Y))


FITTED = SoftmaxRegression(tol=1e-3).fit(FRAME, Y)
TEXT = FRAME.assign(width=CITY)
GAPS = FRAME.assign(width=with_gaps()[:, 1])
CALLS = {
    "predict": lambda X: FITTED.predict(X),
    "predict_proba": lambda X: FITTED.predict_proba(X),
    "score": lambda X: FITTED.score(X, Y),
    "partial_fit": lambda X: SoftmaxRegression().partial_fit(X, Y, classes=[0, 1, 2]),
    "search": lambda X: SoftmaxRegressionCV().fit(X, Y),
    "path": lambda X: softmax_path(X, Y),
    "held out": lambda X: SoftmaxRegression().fit(FRAME, Y, X_val=X, y_val=Y),
    "source": lambda X: SoftmaxRegression().fit(FunctionSource(lambda: [(FRAME, Y), (X, Y)])),
    "duality_gap": lambda X: FITTED.duality_gap(X, Y),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_column_is_named_wherever_rows_are_given(call):
    assert "Column 'width' of X holds text, such as 'Rome'" in refused(lambda: CALLS[call](TEXT))
    assert "NaN in column 'width', the first in row 3" in refused(lambda: CALLS[call](GAPS))


def test_rows_beside_others_are_to_be_numbers_as_those_are():
    assert "as in the rows of the fit" in refused(lambda: FITTED.predict(TEXT))
    told = refused(lambda: CALLS["source"](TEXT))
    assert "where the batches are made" in told
    assert "make_pipeline" not in told


SHAPES = {
    "none": (lambda: SoftmaxRegression().fit(None, Y), "X is None"),
    "dict": (lambda: SoftmaxRegression().fit({"a": X[:, 0]}, Y), r"Give pandas.DataFrame\(X\)"),
    "ragged": (lambda: SoftmaxRegression().fit([[1, 2], [3]], [0, 1]), "row 1 has 1"),
    "one row": (lambda: FITTED.predict([1.0, 2.0]), r"\[X\] if it is one row"),
    "a column": (
        lambda: SoftmaxRegression().fit(FRAME["length"], Y),
        r"Reshape your data: X.to_frame\(\) if it is one feature",
    ),
    "swapped": (lambda: SoftmaxRegression().fit(Y, X), "have X and y changed places"),
    "no columns": (lambda: SoftmaxRegression().fit(FRAME[[]], Y), r"X has 0 feature\(s\)"),
    "lengths": (lambda: SoftmaxRegression().fit(X, Y[1:]), "X has 150 rows, y has 149 labels"),
    "complex": (lambda: SoftmaxRegression().fit(X + 1j, Y), r"hstack\(\[X.real, X.imag\]\)"),
}


@pytest.mark.parametrize("case", SHAPES)
@pytest.mark.filterwarnings("ignore:.*valid feature names")
def test_what_is_no_table_is_told_in_a_line(case):
    call, message = SHAPES[case]
    told = refused(call)
    assert re.search(message, told), told
    assert len(told) < 300


LABELS = {
    "half stars": (Y / 2, r"such as 0.5, 3 different ones in 150.*\[str\(label\) for label in y\]"),
    "a quantity": (X[:, 0] + 0.01, "use a regressor, or cut it: pandas.cut"),
    "bins": (pd.cut(X[:, 0], 3), r"type Interval, such as Interval\(.*str\(label\)"),
    "periods": (DAYS.to_period("M"), "type Period, such as Period"),
    "moments": (DAYS.floor("30D").tz_localize("UTC"), "type Timestamp"),
    "numbers as objects": (Y.astype(object), r"\[int\(label\) for label in y\]"),
    "gaps": (np.where(Y == 1, np.nan, Y), "50 of 150 labels are missing, the first in row 50"),
    "gaps in text": (pd.Series(CITY).where(Y != 1), "50 of 150 labels are missing"),
    "gaps in categories": (pd.Series(pd.Categorical(CITY)).where(Y != 1), "50 of 150 labels"),
    "infinite": (np.where(Y == 1, np.inf, Y), "y contains infinity, in row 50"),
    "several types": (objects(1, "a"), "several types, int, str"),
    "complex": (Y + 1j, "Complex data not supported: y holds"),
}


@pytest.mark.parametrize("case", LABELS)
@pytest.mark.parametrize("model", [SoftmaxRegression, SoftmaxRegressionCV, None])
def test_labels_that_are_no_classes_are_told_with_what_to_do(case, model):
    y, message = LABELS[case]
    told = refused(lambda: softmax_path(X, y) if model is None else model().fit(X, y))
    assert re.search(message, told), told
    assert len(told) < 500


@pytest.mark.parametrize("case", ["half stars", "bins", "periods", "moments", "several types"])
def test_labels_made_text_as_told_are_fitted(case):
    y, _ = LABELS[case]
    model = SoftmaxRegression(max_iter=20, tol=1e-3).fit(X, [str(label) for label in y])
    assert set(model.predict(X)) <= {str(label) for label in y}


def test_classes_of_a_stream_are_told_as_labels_are():
    half = [0, 0.5, 1.0]
    told = refused(lambda: SoftmaxRegression().partial_fit(X, Y / 2, classes=half))
    assert "[str(label) for label in classes]" in told


WEIGHTS = {
    "nan": (np.where(Y == 1, np.nan, 1.0), "sample_weight contains NaN: nan in row 50, 50 in all"),
    "negative": (np.where(Y == 1, -1.0, 1.0), "-1.0 in row 50"),
    "short": (np.ones(3), r"shape \(3,\), but X has 150 rows"),
    "column": (np.ones((150, 1)), r"sample_weight.ravel\(\)"),
    "balanced": ("balanced", "class_weight='balanced'"),
    "dict": ({0: 2.0}, r"class_weight=\{0: 2.0\}"),
    "text": (["a"] * 150, "must hold numbers"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_a_weight_that_cannot_be_used_is_shown_with_its_row(case):
    weights, message = WEIGHTS[case]
    assert re.search(message, refused(lambda: SoftmaxRegression().fit(X, Y, weights)))


@pytest.mark.parametrize("fit", ["fit", "partial_fit", "search", "path"])
def test_a_class_weight_for_what_is_no_class_names_the_key(fit):
    y, given = np.array(["a", "b", "c"])[Y], {"a": 2.0, "klass_9": 1.0}
    told = refused(
        {
            "fit": lambda: SoftmaxRegression(class_weight=given).fit(X, y),
            "partial_fit": lambda: SoftmaxRegression(class_weight=given).partial_fit(
                X, y, classes=["a", "b", "c"]
            ),
            "search": lambda: SoftmaxRegressionCV(class_weight=given).fit(X, y),
            "path": lambda: softmax_path(X, y, class_weight=given),
        }[fit]
    )
    assert "class_weight has the key 'klass_9', but the classes are ['a', 'b', 'c']" in told


def test_a_class_weight_may_leave_classes_out_or_have_some_that_a_fold_lacks():
    assert SoftmaxRegression(class_weight={0: 2.0}, tol=1e-3).fit(X, Y).converged_
    of_all = SoftmaxRegression(class_weight={0: 2.0, 1: 1.0, 2: 1.0}, tol=1e-3)
    assert of_all.fit(X[Y < 2], Y[Y < 2]).converged_
    told = refused(lambda: SoftmaxRegression(class_weight={0: "x"}).fit(X, Y))
    assert "gives the class 0 the weight 'x'" in told
