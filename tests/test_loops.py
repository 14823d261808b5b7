"""Every loop ends: whatever the numbers are, within a bound that stands in the code."""

import ast
import warnings

import numpy as np
import pytest
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from objectives import HANDLES_L1
from problems import data
from sklearn.exceptions import ConvergenceWarning
from test_layers import PACKAGE

from softmax_reg import SoftmaxRegression
from softmax_reg.preconditioning.cholesky import cholesky_with_jitter
from softmax_reg.solvers import SOLVERS
from softmax_reg.solvers.backtracking import backtrack

FUNCTIONS = {
    f"{path.stem}.{node.name}": node
    for path in PACKAGE.rglob("*.py")
    for node in ast.walk(ast.parse(path.read_text("utf-8")))
    if isinstance(node, ast.FunctionDef)
}
# The `while` loops that yield nothing, by what bounds them.  Any other is to be a `for`.
BOUNDED = {
    "minimize": "by max_iter, which each round comes nearer to",
    "push": "by the batches in the window, one of which each round takes away",
    "from_arrays": "by the arrays in the state, one of which at least each round takes",
}


def loops_of(function):
    return [node for node in ast.walk(function) if isinstance(node, ast.While)]


def yields(loop):
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(loop))


def test_a_while_loop_yields_to_a_caller_who_counts_or_is_known_to_be_bounded():
    found = {
        name.partition(".")[2]
        for name, function in FUNCTIONS.items()
        for loop in loops_of(function)
        if not yields(loop)
    }
    assert found == set(BOUNDED)


def test_no_iterator_without_end_is_looped_over():
    endless = {"count", "cycle", "repeat"}
    for name, function in FUNCTIONS.items():
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        assert not endless & {ast.unparse(call.func).removeprefix("itertools.") for call in calls}
        assert not [c for c in calls if ast.unparse(c.func) == "iter" and len(c.args) == 2], name


# The factor of a matrix that is nearly positive semi-definite


def nearly_definite():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(3, 6))
    return {
        "rank-3": A.T @ A,
        "of-ones": np.ones((6, 6)),
        "one-entry": np.diag([1.0, 0.0, 0.0, 0.0]),
        "a-little-negative": A.T @ A - 1e-10 * np.eye(6),
        "of-all-scales": np.diag(10.0 ** np.arange(-30.0, 30.0, 5.0)),
    }


@covering(
    name=list(nearly_definite()),
    scale=[1e-300, 1e-150, 1e-42, 1e-20, 1.0, 1e20, 1e150],
    dtype=[np.float32, np.float64],
)
def test_a_cholesky_factor_is_found_at_any_scale(name, scale, dtype):
    B = scale * nearly_definite()[name]
    L = cholesky_with_jitter(B, dtype)
    assert np.isfinite(L).all()
    assert (np.diag(L) > 0.0).all()
    assert np.isfinite(np.linalg.inv(L)).all()
    assert_array_equal(np.triu(L, 1), 0.0)
    if scale > 1e-30:
        n, eps = len(B), np.finfo(dtype).eps
        assert_allclose(L @ L.T, B, rtol=1e-6, atol=float(100.0 * n * eps * np.trace(B)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_matrix_that_nothing_makes_definite_is_factored_by_its_diagonal(dtype):
    B = np.array([[4.0, 1e13], [1e13, 9.0]])
    assert_array_equal(cholesky_with_jitter(B, dtype), np.diag([2.0, 3.0]))
    B[0, 0] = -1.0
    L = cholesky_with_jitter(B, dtype)
    assert 0.0 < L[0, 0] < 1e-6
    assert L[1, 1] == 3.0


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e307])
def test_a_matrix_that_is_not_finite_or_about_to_overflow_is_refused(value):
    with pytest.raises(ValueError, match="The curvature is not finite: a feature is too large"):
        cholesky_with_jitter(np.array([[value, value], [value, value]]), np.float64)


# The step that is halved


class Flat:
    """A point without slope, of an objective that is not a number anywhere else."""

    w, gradient, value, rounding = np.zeros(2), np.zeros(2), 1.0, 1e-16

    def prox(self, w, rate):
        return w

    def at(self, w):
        other = Flat()
        other.w, other.gradient, other.value = w, np.full(2, np.nan), np.nan
        return other


@pytest.mark.parametrize("rate", [1e-300, 1.0, 1e300, np.inf])
def test_the_halving_of_a_step_ends_at_the_point_itself(rate):
    start = Flat()
    point, rate = backtrack(start, start, rate)
    assert point is start
    assert rate < 1e-100


# Fits of thirty irises in any units

# In powers of the largest number of each dtype's range, about; squares overflow from a half on.
EXPONENTS = [-1.0, -0.75, -0.5, -0.25, -0.1, 0.0, 0.1, 0.25, 0.4, 0.49, 0.51, 0.6, 0.8, 1.0]
LARGEST = {"float32": 38.0, "float64": 307.0}
SOLVERS_AND_NORMS = {
    **{solver: (solver, 0.0) for solver in ("auto", *SOLVERS)},
    **{f"{solver}-l1": (solver, 0.7) for solver in ("auto", *HANDLES_L1)},
}
MAX_ITER = 25


@covering(exponent=EXPONENTS, dtype=list(LARGEST), method=SOLVERS_AND_NORMS)
def test_a_fit_in_any_units_ends_with_finite_coefficients_or_a_clear_error(exponent, dtype, method):
    X, y = (part[::5] for part in data("iris"))
    with np.errstate(over="ignore", under="ignore"):
        X = (X * 10.0 ** (exponent * LARGEST[dtype])).astype(dtype)
    solver, l1_ratio = method
    model = SoftmaxRegression(solver=solver, l1_ratio=l1_ratio, max_iter=MAX_ITER, random_state=0)
    refusal = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        warnings.simplefilter("always", ConvergenceWarning)
        try:
            model.fit(X, y)
        except ValueError as error:
            refusal = str(error)
    if refusal is not None:
        assert exponent > 0.45  # what can be squared is fitted
        assert "too large" in refusal
        assert not hasattr(model, "coef_")
        return
    assert np.isfinite(model.coef_).all()
    assert np.isfinite(model.intercept_).all()
    assert np.isfinite(model.loss_curve_).all()
    assert np.isfinite(model.optimality_)
    assert model.loss_curve_[-1] <= model.loss_curve_[0]
    assert model.n_iter_[0] <= MAX_ITER
    assert model.converged_ == (not caught)
