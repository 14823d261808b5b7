"""What cannot be fitted is refused and leaves the estimator as it was; odd input is fitted."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from objectives import DETERMINISTIC, HANDLES_L1
from problems import data, newton, penalised_loss
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import LBFGS, SOLVERS, GradientDescent


def assert_left_as_it_was(model, X, y, sample_weight=None, *, match):
    """The fit raises an error with this message and changes nothing, also of a fitted estimator."""
    for _ in range(2):
        before = dict(vars(model))
        arrays = {n: v.copy() for n, v in before.items() if isinstance(v, np.ndarray)}
        with pytest.raises((ValueError, TypeError), match=match):
            model.fit(X, y, sample_weight)
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())
        for name, array in arrays.items():
            assert_array_equal(vars(model)[name], array)
        # And now a fitted one, with other features and classes.
        params = model.get_params()
        model = SoftmaxRegression().fit(*data("wine/std"))
        model.set_params(**params)


X, Y = data("iris")


def with_one(array, value, index=(3, 1)):
    changed = np.array(array, dtype=np.result_type(array, value))
    changed[index[: changed.ndim]] = value
    return changed


CANNOT_BE_FITTED = {
    "nan-in-X": (with_one(X, np.nan), Y, None, "X contains NaN"),
    "inf-in-X": (with_one(X, np.inf), Y, None, "X contains infinity"),
    "nan-in-sparse-X": (sp.csr_array(with_one(X, np.nan)), Y, None, "X contains NaN"),
    "inf-in-csc-X": (sp.csc_array(with_one(X, np.inf)), Y, None, "X contains infinity"),
    "nan-in-float32-X": (with_one(X, np.nan).astype("f4"), Y, None, "X contains NaN"),
    "missing-in-frame": (pd.DataFrame(with_one(X, np.nan)), Y, None, "X contains NaN"),
    "complex-X": (X + 1j, Y, None, "[Cc]omplex"),
    "strings-in-X": (
        np.full((150, 2), "red"),
        Y,
        None,
        "Columns 0, 1 of X hold text, such as 'red' in row 0",
    ),
    "one-dimensional-X": (X[:, 0], Y, None, "Expected 2D array"),
    "three-dimensional-X": (X[:, :, np.newaxis], Y, None, "dim 3"),
    "no-rows": (X[:0], Y[:0], None, "0 sample"),
    "no-features": (X[:, :0], Y, None, "0 feature"),
    "y-missing": (X, None, None, "requires y to be passed"),
    "y-shorter": (X, Y[:-1], None, "inconsistent numbers of samples"),
    "y-longer": (X[:-1], Y, None, "inconsistent numbers of samples"),
    "y-of-two-columns": (X, np.column_stack([Y, Y]), None, "y should be a 1d array"),
    "y-continuous": (X, Y + X[:, 0], None, "[Uu]nknown label type.*continuous"),
    "y-nan": (X, with_one(Y, np.nan), None, "y contains NaN"),
    "y-none": (X, with_one(Y.astype(object), None), None, "y contains NaN or None: 1 of 150"),
    "y-mixed": (X, np.array([*Y[1:].tolist(), "a"], dtype=object), None, "several types, int, str"),
    "one-class": (X, np.full(150, "setosa"), None, "one class.*setosa"),
    "weights-nan": (X, Y, with_one(np.ones(150), np.nan), "sample_weight.* NaN"),
    "weights-inf": (X, Y, with_one(np.ones(150), np.inf), "sample_weight.* infinity"),
    "weights-negative": (X, Y, with_one(np.ones(150), -0.5), "[Nn]egative.*sample_weight"),
    "weights-shorter": (X, Y, np.ones(149), "sample_weight"),
    "weights-of-two-columns": (X, Y, np.ones((150, 2)), "[Ss]ample.weight"),
    "weights-all-zero": (X, Y, np.zeros(150), "zero"),
    "weights-of-all-classes-but-one-zero": (X, Y, (Y == 1).astype(float), "but 1 sum to zero"),
}


@pytest.mark.parametrize("case", CANNOT_BE_FITTED)
@pytest.mark.filterwarnings("ignore:.*complex.*")
def test_input_that_cannot_be_fitted_is_refused_in_the_users_terms(case):
    X, y, sample_weight, message = CANNOT_BE_FITTED[case]
    assert_left_as_it_was(SoftmaxRegression(), X, y, sample_weight, match=message)


@pytest.mark.parametrize("class_weight", [None, "balanced", {"versicolor": 3.0}])
def test_the_only_class_with_a_weight_is_named_whatever_the_class_weight(class_weight):
    y = np.array(["setosa", "versicolor", "virginica"])[Y]
    model = SoftmaxRegression(class_weight=class_weight)
    assert_left_as_it_was(model, X, y, (Y == 1).astype(float), match="but 'versicolor' sum to zero")


OUT_OF_RANGE = {
    "C": [0.0, -1.0, np.nan, "strong", None],
    "l1_ratio": [-0.1, 1.1, np.nan, "l1"],
    "penalty": ["l3", "none", 3],
    "penalty_factor": ["many", 3.0],
    "standardize": ["yes", None, 2],
    "fit_intercept": ["yes", None, 2],
    "class_weight": ["even", 3.0, [1.0, 2.0]],
    "label_smoothing": [-0.1, 1.0, 2.0, "some", None, np.nan],
    "solver": ["sagaa", "newton", None, 3, LBFGS],
    "learning_rate": [0.0, -0.1, "fast", None, np.nan],
    "batch_size": [0, -5, 1.5, "all", None],
    "momentum": [-0.1, 1.0, 2.0, None, "fast", np.nan],
    "max_iter": [-1, 1.5, "many", None],
    "tol": [-1e-3, "small", np.nan],
    "early_stopping": ["yes", None],
    "validation_fraction": [0.0, 1.0, -0.5, 2, "tenth"],
    "n_iter_no_change": [0, -3, 2.5, None],
    "warm_start": ["yes", None],
    "random_state": ["seed", -1, 1.5],
    "verbose": [-1, "loud"],
    "callbacks": [3, "log", {"on_end": print}],
    "dual": ["yes", None],
    "intercept_scaling": [0.0, -1.0, "large", None],
    "n_jobs": [1.5, "all"],
    "multi_class": ["one", None],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in OUT_OF_RANGE.items() for value in values]
)
def test_a_parameter_out_of_range_is_named_with_its_value(name, value):
    model = SoftmaxRegression(**{name: value})
    assert_left_as_it_was(model, X, Y, match=f"'{name}' parameter of SoftmaxRegression.*Got")


def test_every_parameter_has_been_tried_out_of_range():
    assert OUT_OF_RANGE.keys() == SoftmaxRegression().get_params().keys()


def test_an_unknown_solver_is_told_the_known_ones():
    with pytest.raises(ValueError, match="'solver'") as error:
        SoftmaxRegression(solver="sagaa").fit(X, Y)
    told = ", ".join(repr(name) for name in sorted(["auto", *SOLVERS]))
    assert f"{{{told}}}" in str(error.value)
    assert "'sagaa'" in str(error.value)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_the_weight_of_a_class_must_be_finite_and_not_negative(weight):
    model = SoftmaxRegression(class_weight={1: weight})
    assert_left_as_it_was(model, X, Y, match="class_weight.*positive")


def test_a_class_weight_for_an_unknown_label_is_refused():
    model = SoftmaxRegression(class_weight={0: 1.0, 1: 2.0, "virginica": 3.0})
    assert_left_as_it_was(model, X, Y, match="not in class_weight")
    model.set_params(class_weight={"virginica": 3.0})
    assert_left_as_it_was(model, X, Y, match="not in class_weight")


@pytest.mark.parametrize("solver", [s for s in SOLVERS if s not in HANDLES_L1])
@pytest.mark.parametrize("as_object", [False, True])
def test_a_solver_that_cannot_do_an_l1_norm_names_those_that_can(solver, as_object):
    model = SoftmaxRegression(solver=SOLVERS[solver]() if as_object else solver, l1_ratio=0.3)
    assert_left_as_it_was(model, X, Y, match=f"'{solver}'.*l1_ratio")
    with pytest.raises(ValueError, match="l1_ratio") as error:
        model.fit(X, Y)
    for name in HANDLES_L1:
        assert repr(name) in str(error.value)


@pytest.mark.parametrize("solver", ["gd", "nesterov", "sgd"])
@pytest.mark.parametrize("rate", [1e155, 1e300, lambda t: 1e305])
def test_a_learning_rate_that_makes_the_loss_infinite_names_the_epoch_and_the_remedy(solver, rate):
    model = SoftmaxRegression(solver=solver, learning_rate=rate, random_state=0)
    assert_left_as_it_was(
        model, X, Y, match=r"not finite after iteration \d+.*learning_rate.*learning_rate='auto'"
    )


def test_the_fields_of_a_solver_object_are_checked_too():
    assert_left_as_it_was(
        SoftmaxRegression(solver=GradientDescent(learning_rate=-1.0)), X, Y, match="learning_rate"
    )
    assert_left_as_it_was(SoftmaxRegression(solver=LBFGS(memory=0)), X, Y, match="memory")


@pytest.mark.parametrize(
    "method", ["predict", "predict_proba", "predict_log_proba", "decision_function"]
)
def test_prediction_refuses_what_it_cannot_use(method):
    model = SoftmaxRegression().fit(X, Y)
    before = dict(vars(model))
    predict = getattr(model, method)
    with pytest.raises(ValueError, match=r"3 features.* 4 features"):
        predict(X[:, :3])
    with pytest.raises(ValueError, match="NaN"):
        predict(with_one(X, np.nan))
    with pytest.raises(ValueError, match="Expected 2D array"):
        predict(X[0])
    with pytest.raises(ValueError, match="0 sample"):
        predict(X[:0])
    assert vars(model) == before


def test_early_stopping_with_too_few_rows_says_so():
    tiny = np.arange(6.0)[:, np.newaxis]
    assert_left_as_it_was(
        SoftmaxRegression(early_stopping=True), tiny, [0, 1, 2, 0, 1, 2], match="cannot hold out"
    )
    only_one = SoftmaxRegression(early_stopping=True)
    assert_left_as_it_was(only_one, X[49:], Y[49:], match="the smallest has 1 row")


def test_separable_rows_without_a_penalty_are_named_instead_of_running_away():
    model = SoftmaxRegression(C=np.inf)
    with pytest.warns(ConvergenceWarning, match="separa"):
        model.fit(*data("wine/std"))
    assert np.isfinite(model.coef_).all()
    assert model.score(*data("wine/std")) == 1.0


# Odd input that can be fitted

ODD = {
    "two-rows": ([[0.0], [1.0]], [0, 1]),
    "two-equal-rows": ([[1.0], [1.0]], [0, 1]),
    "all-zero": (np.zeros((6, 3)), [0, 1, 2, 0, 1, 2]),
    "all-constant": (np.full((6, 3), 7.0), [0, 1, 2, 0, 1, 2]),
    "constant-column": (np.column_stack([X, np.full(150, 1e6)]), Y),
    "duplicate-columns": (np.hstack([X, X, X]), Y),
    "collinear-columns": (np.column_stack([X, X @ [1.0, 2.0, 3.0, 4.0]]), Y),
    "one-hot-with-all-levels": (np.eye(5)[np.arange(60) % 5], np.arange(60) % 3),
    "wide": (np.random.default_rng(0).normal(size=(10, 300)), np.arange(10) % 3),
    "many-classes": (np.random.default_rng(0).normal(size=(80, 3)), np.arange(80) % 40),
    "as-many-classes-as-rows": (np.random.default_rng(0).normal(size=(8, 2)), np.arange(8)),
    "tiny-values": (X * 1e-150, Y),
    "huge-values": (X * 1e120, Y),
    "eight-decades": (X * [1e-4, 1.0, 1e4, 1e2], Y),
    "large-offset": (X + 1e8, Y),
    "heavily-imbalanced": (X[49:], np.r_[0, np.ones(100, dtype=int)]),
    "huge-outlier": (with_one(X, 1e4), Y),
}


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("fit_intercept", [True, False], ids=["intercept", "none"])
def test_odd_rows_are_fitted_by_the_default_without_a_warning(case, fit_intercept):
    X, y = (np.asarray(part) for part in ODD[case])
    model = SoftmaxRegression(fit_intercept=fit_intercept).fit(X, y)
    assert model.converged_
    assert_allclose(model.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    assert penalised_loss(X, y, model.coef_, model.intercept_) <= model.loss_curve_[0] + 1e-12


@pytest.mark.parametrize("case", [c for c in ODD if c not in ("tiny-values", "huge-values")])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky", "nesterov"])
def test_odd_rows_are_fitted_to_the_same_optimum_by_every_solver(case, solver):
    X, y = (np.asarray(part, dtype=np.float64) for part in ODD[case])
    reference = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression(solver=solver).fit(X, y)
    best = penalised_loss(X, y, reference.coef_, reference.intercept_)
    value = penalised_loss(X, y, model.coef_, model.intercept_)
    assert abs(value - best) <= 1e-6 * best


LIGHT_CLASSES = {
    "one-feature": (
        [[-39], [-267], [-139], [35], [251], [276], [99], [-101], [-228], [-185]],
        [3, 1, 1, 2, 2, 0, 0, 2, 2, 2],
        [1, 0, 1e-3, 0, 1, 1, 1e-3, 1e3, 1e-3, 1e3],
        1.0,
    ),
    "two-features": (
        [[6.0, 3.39], [-2.93, -6.0], [2.54, 6.24], [-1.01, 1.98], [3.0, 8.18], [-6.0, -4.69],
         [6.0, -0.75], [3.0, -4.78], [4.73, 6.0], [-6.0, -3.0], [-8.17, 3.0], [3.0, 6.0]],
        [0, 0, 0, 1, 2, 1, 0, 0, 2, 0, 1, 3],
        [1, 1e-3, 1, 1e-3, 0, 1, 1e-3, 1e-3, 1e-3, 1e-3, 1, 1],
        1e3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", LIGHT_CLASSES)
@pytest.mark.parametrize("solver", DETERMINISTIC)
def test_classes_of_little_weight_are_fitted_to_the_optimum(case, solver):
    X, y, weights, C = (np.array(part) for part in LIGHT_CLASSES[case])
    model = SoftmaxRegression(C=float(C), solver=solver).fit(X, y, weights)
    value = penalised_loss(X, y, model.coef_, model.intercept_, C, 0.0, weights)
    assert value <= newton(X, y, C, sample_weight=weights).value * (1.0 + 1e-6)
    assert model.converged_


SIZES = [0.0, 1e-150, 1e-20, 1e-5, 1.0, 3.0, 1e5, 1e20, 1e100, 1e150]


@st.composite
def odd_problems(draw, sizes=SIZES, offsets=(0.0, 0.0, 1.0, -1e3, 1e8)):
    """X of few rows whose columns are constant, repeated, tiny, huge or mixed, and their labels."""
    n, p = draw(st.integers(2, 12)), draw(st.integers(1, 5))
    entries = st.floats(-3, 3) | st.integers(-2, 2).map(float)
    X = draw(hnp.arrays(np.float64, (n, p), elements=entries))
    X = X * np.array([draw(st.sampled_from(sizes)) for _ in range(p)])
    X = X + np.array([draw(st.sampled_from(offsets)) for _ in range(p)])
    if draw(st.booleans()):
        X = np.hstack([X, X[:, :1]])
    y = draw(hnp.arrays(np.int64, n, elements=st.integers(0, draw(st.integers(1, 4)))))
    weights = draw(
        st.none()
        | hnp.arrays(np.float64, n, elements=st.sampled_from([0.0, 1e-8, 0.5, 1.0, 2.0, 1e6]))
    )
    if draw(st.integers(0, 2)) == 0:
        X = np.clip(X, -1e30, 1e30).astype(np.float32)
    container = draw(st.sampled_from([np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array]))
    return container(X), y, weights


# Squares of float32 that overflow, dense and sparse.
HUGE_FLOAT32 = np.full((5, 2), [1.0, -1e17], dtype=np.float32)
HUGE_FLOAT32[0], HUGE_FLOAT32[1:4, 0] = [3.0, 1e17], [2.4, 2.0, 2.2]
UNEVEN = np.array([1e-8, 1.0, 1e6, 1.0, 2.0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@example((np.array([[0.0, 1e100], [1e100, 1e100]]), np.array([1, 0]), None), 1e-10, True, "gd")
@example((HUGE_FLOAT32, np.array([0, 0, 0, 0, 1]), UNEVEN), np.inf, True, "auto")
@example((HUGE_FLOAT32, np.array([0, 0, 0, 0, 1]), None), 1e-10, True, "newton-cholesky")
@example((sp.csr_array(1e8 * HUGE_FLOAT32), np.array([0, 0, 0, 0, 1]), None), 1.0, False, "auto")
@given(
    problem=odd_problems(),
    C=st.sampled_from([1e-10, 1e-3, 1.0, 1e3, 1e10, np.inf]),
    fit_intercept=st.booleans(),
    solver=st.sampled_from(["auto", "auto", *SOLVERS]),
)
def test_a_fit_of_anything_is_valid_or_refused(problem, C, fit_intercept, solver):
    X, y, weights = problem
    model = SoftmaxRegression(
        C=C, fit_intercept=fit_intercept, solver=solver, max_iter=30, random_state=0
    )
    counts = np.bincount(y, weights)[np.unique(y)]
    if np.count_nonzero(counts) < 2:
        with pytest.raises(ValueError, match=r"one class|sum to zero|at least one non-zero"):
            model.fit(X, y, weights)
        return
    model.fit(X, y, weights)
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    assert np.isfinite(model.loss_curve_).all()
    proba = model.predict_proba(X)
    assert_allclose(proba.sum(axis=1), 1.0, rtol=1e-5)
    assert (proba >= 0.0).all()
    assert np.isin(model.predict(X), y).all()
    assert not np.isnan(model.predict_log_proba(X)).any()
    assert np.isfinite(model.optimality_)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@given(
    problem=odd_problems([0.0, 1e-20, 1e-5, 1.0, 3.0, 1e5], [0.0, 0.0, 1.0, -1e3]),
    C=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_the_default_finds_the_optimum_of_anything_of_moderate_size(problem, C):
    X, y, weights = problem
    X, y = X.astype(np.float64), np.concatenate([[0, 1], y[2:]])
    weights = np.ones(len(y)) if weights is None else np.clip(weights, 0.5, 2.0)
    best = newton(X.toarray() if sp.issparse(X) else X, y, C, sample_weight=weights)
    # Of a loss that all but vanishes, or hangs on one outlier, tol = 1e-8 leaves more than 1e-8.
    assume(best.value > 1e-4 and best.decrement <= 1e-13 * best.value)
    model = SoftmaxRegression(C=C).fit(X, y, weights)
    value = penalised_loss(X, y, model.coef_, model.intercept_, C, 0.0, weights)
    assert value <= best.value * (1.0 + 1e-4)


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("params", [{}, {"l1_ratio": 0.5}, {"fit_intercept": False}])
def test_a_feature_too_large_to_be_squared_is_named(container, params):
    X, y = (np.array(part) for part in data("iris"))
    X[7, 2] = 1e200
    with pytest.raises(ValueError, match=r"Feature 2 of X, counted from 0, .* Rescale it"):
        SoftmaxRegression(**params).fit(container(X), y)
