"""Error messages show values as Python has them, and name integers that no float can hold."""

import re

import numpy as np
import pandas as pd
import pytest
from problems import data

from softmax_reg import (
    FunctionSource,
    LossCurveDisplay,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    softmax_path,
)
from softmax_reg._checks.shown import shown
from softmax_reg.callbacks import EarlyStopping
from softmax_reg.schedules import Cosine
from softmax_reg.solvers import GradientDescent

X, Y = data("iris")
TEXT = np.array(["a", "b", "c"])[Y]
OBJECTS = np.array([np.str_(label) for label in TEXT], dtype=object)
FITTED = SoftmaxRegression(tol=1e-3).fit(X, OBJECTS)


def with_class(label, weight):
    return np.where(label == Y, weight, 1.0)


def source(*batches):
    return FunctionSource(lambda: list(batches))


def why_not_there(model, method):
    try:
        getattr(model, method)
    except AttributeError as error:
        raise error.__cause__ from None


MESSAGES = {
    "shown": lambda: (_ for _ in ()).throw(ValueError(shown([np.float64(0), {"a": np.str_("b")}]))),
    "one class": lambda: SoftmaxRegression().fit(X, np.zeros(150)),
    "one class, text": lambda: SoftmaxRegression().fit(X, OBJECTS[:1].repeat(150)),
    "class without weight": lambda: SoftmaxRegression().fit(X, OBJECTS, (Y == 0).astype(float)),
    "class_weight": lambda: SoftmaxRegression(class_weight={0: np.float64(-1)}).fit(X, Y),
    "class_weight, unknown": lambda: SoftmaxRegression(class_weight={np.int64(7): 1.0}).fit(X, Y),
    "penalty_factor": lambda: SoftmaxRegression(penalty_factor=[np.float64(-1)] * 4).fit(X, Y),
    "penalty_factor, text": lambda: SoftmaxRegression(penalty_factor=[np.str_("x")] * 4).fit(X, Y),
    "C": lambda: SoftmaxRegression(C=np.float64(-1)).fit(X, Y),
    "max_iter": lambda: SoftmaxRegression(max_iter=np.int64(-2)).fit(X, Y),
    "a solver": lambda: SoftmaxRegression(solver=GradientDescent(learning_rate=np.float64(-1))).fit(
        X, Y
    ),
    "a callback": lambda: EarlyStopping(np.int64(0)),
    "callbacks": lambda: SoftmaxRegression(callbacks=[np.float64(3)]).fit(X, Y),
    "callbacks of a path": lambda: softmax_path(X, Y, callbacks=[EarlyStopping(np.int64(3))]),
    "Cs": lambda: softmax_path(X, Y, Cs=np.float64(3)),
    "Cs, empty": lambda: softmax_path(X, Y, Cs=[[np.float64(3)]]),
    "l1_ratios": lambda: SoftmaxRegressionCV(l1_ratios=[np.float64(3)]).fit(X, Y),
    "y_val": lambda: SoftmaxRegression().fit(X, OBJECTS, X_val=X, y_val=np.full(150, np.str_("q"))),
    "schedule": lambda: Cosine(0.1, np.int64(-1))(0),
    "rate": lambda: SoftmaxRegression(solver="gd", learning_rate=lambda t: np.float64(-1)).fit(
        X, Y
    ),
    "partial_fit": lambda: SoftmaxRegression().partial_fit(X, OBJECTS, classes=[np.str_("a"), "b"]),
    "partial_fit, penalty": lambda: why_not_there(
        SoftmaxRegression(penalty_factor=[np.float64(1)] * 4), "partial_fit"
    ),
    "duality_gap": lambda: FITTED.duality_gap(X[:100], OBJECTS[:100]),
    "warm_start": lambda: (
        SoftmaxRegression(tol=1e-3, warm_start=True).fit(X, OBJECTS).fit(X[:100], OBJECTS[:100])
    ),
    "relative_to": lambda: LossCurveDisplay.from_estimator(FITTED, relative_to=np.float64("nan")),
    "labels of two kinds": lambda: SoftmaxRegression().fit(source((X, Y), (X, OBJECTS))),
    "a weight": lambda: SoftmaxRegression().fit(source((X, Y, with_class(1, np.nan)))),
    "real labels": lambda: SoftmaxRegression().fit(source((X, Y + 0.5))),
    "a column": lambda: SoftmaxRegression().fit(
        source((pd.DataFrame(np.where(X == X[3], np.nan, X), columns=np.arange(4)), Y))
    ),
}


@pytest.mark.parametrize("kind", MESSAGES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:.*feature names.*")
def test_no_message_shows_the_types_of_numpy(kind):
    with pytest.raises((ValueError, TypeError, AttributeError)) as error:
        MESSAGES[kind]()
    assert not re.search(r"np\.\w+\(|numpy\.\w+\(", str(error.value)), str(error.value)


def test_values_are_shown_as_python_has_them_and_in_one_line():
    assert shown([np.float64(0), np.str_("a"), np.True_]) == "[0.0, 'a', True]"
    assert shown(np.array([np.int64(2), "b"], dtype=object)) == "[2, 'b']"
    assert shown(EarlyStopping(np.int64(3))) == repr(EarlyStopping(3))
    assert len(shown("x" * 10_000)) < 150
    assert "too long" in shown(10**10_000)


BIG = 10**400


def with_big(values, index):
    changed = np.array(values, dtype=object)
    changed[index] = BIG
    return changed.tolist()


BIG_X, BIG_Y, BIG_WEIGHTS = with_big(X, (3, 1)), with_big(Y, 4), with_big(np.ones(150), 5)
IN_X = "X holds an integer of about 401 digits in row 3, column 1"
IN_FRAME = "X holds an integer of about 401 digits in column 'b', row 3"
IN_Y = "y holds an integer of about 401 digits in row 4"
IN_WEIGHTS = "sample_weight holds an integer of about 401 digits in row 5"
ENDLESS = {
    "X": (lambda: SoftmaxRegression().fit(BIG_X, Y), IN_X),
    "frame": (
        lambda: SoftmaxRegression().fit(
            pd.DataFrame(np.array(BIG_X, dtype=object), columns=list("abcd")), Y
        ),
        IN_FRAME,
    ),
    "y": (lambda: SoftmaxRegression().fit(X, BIG_Y), IN_Y),
    "weights": (lambda: SoftmaxRegression().fit(X, Y, BIG_WEIGHTS), IN_WEIGHTS),
    "predict": (lambda: FITTED.predict(BIG_X), IN_X),
    "score": (lambda: FITTED.score(BIG_X, TEXT), IN_X),
    "duality_gap": (lambda: FITTED.duality_gap(BIG_X, TEXT), IN_X),
    "X_val": (lambda: SoftmaxRegression().fit(X, Y, X_val=BIG_X, y_val=Y), IN_X),
    "y_val": (lambda: SoftmaxRegression().fit(X, Y, X_val=X, y_val=BIG_Y), "y_val holds labels"),
    "sample_weight_val": (
        lambda: SoftmaxRegression().fit(X, Y, X_val=X, y_val=Y, sample_weight_val=BIG_WEIGHTS),
        IN_WEIGHTS,
    ),
    "partial_fit": (lambda: SoftmaxRegression().partial_fit(BIG_X, Y, classes=[0, 1, 2]), IN_X),
    "partial_fit, y": (lambda: SoftmaxRegression().partial_fit(X, BIG_Y, classes=[0, 1, 2]), IN_Y),
    "partial_fit, weights": (
        lambda: SoftmaxRegression().partial_fit(X, Y, [0, 1, 2], BIG_WEIGHTS),
        IN_WEIGHTS,
    ),
    "path": (lambda: softmax_path(BIG_X, Y), IN_X),
    "path, y": (lambda: softmax_path(X, BIG_Y), IN_Y),
    "path, weights": (lambda: softmax_path(X, Y, sample_weight=BIG_WEIGHTS), IN_WEIGHTS),
    "CV": (lambda: SoftmaxRegressionCV().fit(BIG_X, Y), IN_X),
    "CV, y": (lambda: SoftmaxRegressionCV().fit(X, BIG_Y), IN_Y),
    "CV, weights": (
        lambda: SoftmaxRegressionCV().fit(X, Y, sample_weight=BIG_WEIGHTS),
        IN_WEIGHTS,
    ),
    "source": (lambda: SoftmaxRegression().fit(source((BIG_X, Y))), f"Batch 1 .*{IN_X}"),
    "source, y": (lambda: SoftmaxRegression().fit(source((X, BIG_Y))), f"Batch 1 .*{IN_Y}"),
    "source, weights": (
        lambda: SoftmaxRegression().fit(source((X, Y, BIG_WEIGHTS))),
        f"Batch 1 .*{IN_WEIGHTS}",
    ),
    "C": (lambda: SoftmaxRegression(C=BIG).fit(X, Y), "'C' parameter .* more than a float can"),
    "tol": (lambda: SoftmaxRegression(tol=BIG).fit(X, Y), "'tol' parameter"),
    "rate": (lambda: SoftmaxRegression(learning_rate=-BIG).fit(X, Y), "'learning_rate' param"),
    "penalty_factor": (
        lambda: SoftmaxRegression(penalty_factor=[1, 1, 1, BIG]).fit(X, Y),
        "'penalty_factor' parameter",
    ),
    "class_weight": (
        lambda: SoftmaxRegression(class_weight={0: BIG}).fit(X, Y),
        "'class_weight' parameter",
    ),
    "Cs": (lambda: softmax_path(X, Y, Cs=[1, BIG]), "'Cs' parameter"),
    "l1_ratios": (lambda: SoftmaxRegressionCV(l1_ratios=[BIG]).fit(X, Y), "'l1_ratios' parameter"),
}


@pytest.mark.parametrize("place", ENDLESS)
def test_an_integer_beyond_the_floats_is_named(place):
    call, message = ENDLESS[place]
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert len(str(error.value)) < 1000


def test_integers_beyond_int64_that_floats_hold_are_fitted():
    large = (X * 10**25).astype(object).tolist()
    large[0] = [int(value) for value in large[0]]
    assert SoftmaxRegression(tol=1e-3).fit(large, Y).converged_
