"""`converged_` is a promise: what a fit says of itself, whatever ended it."""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from covering import covering
from numpy.testing import assert_allclose, assert_array_equal
from optimum80 import Problem80, needs_80_bits
from problems import data, optimum, penalised_loss
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path


def fitted(X, y, sample_weight=None, **parameters):
    """Return the fit, and the warnings as text; none but of convergence."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = SoftmaxRegression(**parameters).fit(X, y, sample_weight)
    assert all(warning.category is ConvergenceWarning for warning in told)
    return model, [str(warning.message) for warning in told]


def excess_of(model, X, y, **parameters):
    """Return how far F at the coefficients is above the lowest found in 80-bit floats, and that."""
    X = X.toarray() if sp.issparse(X) else X
    codes = np.unique(y, return_inverse=True)[1]
    exact = Problem80(X, codes, np.ones(len(codes)), **parameters)
    lowest = exact.lowest(model.coef_, model.intercept_)
    return float(exact.value(model.coef_, model.intercept_) - lowest), float(lowest)


def assert_kept(model, told, X, y, share=1e-6, **parameters):
    """Assert that what a fit says of itself is true."""
    excess, lowest = excess_of(model, X, y, **parameters)
    assert model.converged_ == (not told)
    assert excess <= model.suboptimality_ + 1e-2 * share * lowest
    if model.converged_:
        assert excess <= share * max(lowest, 1e-6)
    else:
        assert model.suboptimality_ > share * max(lowest, 1e-6)


def assert_right(model, told, X, y, share=1e-6, **parameters):
    """Assert that a fit is at its optimum and says so."""
    assert not told
    assert_kept(model, told, X, y, share, **parameters)


def small_table(seed=0, n=54, p=5, n_classes=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    codes = (2.0 * X @ rng.normal(size=(p, n_classes)) + rng.gumbel(size=(n, n_classes))).argmax(1)
    codes[:n_classes] = np.arange(n_classes)
    return X, codes


def table_far_from_zero(offset):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 3))
    y = (X @ [1.0, -2.0, 0.5] + rng.logistic(size=80) > 0.0).astype(int)
    return X + offset, y


# What ended the fit


@pytest.mark.slow
@needs_80_bits
@pytest.mark.parametrize("max_iter", [1, 10, 100])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.97])
def test_a_fit_that_max_iter_ends_tells_how_far_the_loss_can_still_fall(l1_ratio, max_iter):
    X, y = small_table()
    X[17, 2] = 5e7
    parameters = {"C": 338.3, "l1_ratio": l1_ratio}
    model, told = fitted(X, y, max_iter=max_iter, **parameters)
    assert_kept(model, told, X, y, **parameters)


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_a_fit_at_max_iter_that_is_near_its_optimum_has_converged(name):
    X, y = data(name)
    best = optimum(name).value
    whole = SoftmaxRegression(tol=1e-14).fit(X, y).loss_curve_
    enough = np.flatnonzero(whole <= best * (1.0 + 1e-8))[0]
    short = int(np.flatnonzero(whole > best * (1.0 + 1e-4))[-1])
    model, told = fitted(X, y, max_iter=int(enough), tol=1e-14)
    assert not told
    assert model.converged_ is True
    assert model.n_iter_[0] == enough
    model, told = fitted(X, y, max_iter=max(short, 1), tol=1e-14)
    assert model.converged_ is False
    assert model.suboptimality_ >= model.loss_curve_[-1] - best
    assert f"it reached max_iter={max(short, 1)}" in told[0]


def test_the_warning_says_how_far_above_its_minimum_the_objective_is():
    X, y = data("digits/third")
    best = optimum("digits/third").value
    seen = set()
    for max_iter in (1, 5, 10, 20, 30, 40):
        model, told = fitted(X, y, max_iter=max_iter, solver="lbfgs")
        if not told:
            continue
        (text,), F = told, model.loss_curve_[-1]
        found = re.search(r"The objective is (.*) its minimum\.", text)[1]
        if found == "an unknown amount above":
            assert model.suboptimality_ >= F
            seen.add("unknown")
        elif found.endswith("times"):
            times = float(found.removeprefix("at most ").removesuffix(" times"))
            seen.add("times")
            assert 2.0 <= times
            assert times * 1.06 >= F / best
        else:
            percent = float(found.removeprefix("at most ").removesuffix(" % above"))
            assert_allclose(
                percent, 100.0 * model.suboptimality_ / (F - model.suboptimality_), rtol=0.06
            )
            assert percent * 1.06 >= 100.0 * (F / best - 1.0)
            seen.add("percent")
        assert f"{model.optimality_:.2e}" in text
    assert "percent" in seen


@pytest.mark.parametrize("last", [0, 1, 4, 8])
def test_a_callback_that_stops_early_is_not_warned_about_and_not_believed(last):
    X, y = data("wine")
    best = optimum("wine").value
    model, told = fitted(X, y, callbacks=lambda progress: progress.n_iter >= last, tol=1e-14)
    assert not told
    assert model.n_iter_[0] == last
    excess = model.loss_curve_[-1] - best
    assert model.converged_ == (model.suboptimality_ <= 1e-6 * model.loss_curve_[-1])
    assert excess <= model.suboptimality_ + 1e-14
    assert model.converged_ == (excess <= 1e-6 * best) or excess < 1e-6 * best


def test_a_callback_that_stops_at_the_optimum_leaves_a_fit_that_has_converged():
    X, y = data("wine")
    best = optimum("wine").value
    model, told = fitted(
        X, y, callbacks=lambda progress: progress.point.value <= best * (1.0 + 1e-9), tol=1e-14
    )
    assert not told
    assert model.converged_ is True


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_a_callback_that_stops_at_the_start_is_no_error(l1_ratio, fit_intercept):
    X, y = data("iris")
    parameters = {"l1_ratio": l1_ratio, "fit_intercept": fit_intercept}
    model, told = fitted(X, y, callbacks=lambda progress: True, **parameters)
    assert not told
    assert model.converged_ is False
    assert model.loss_curve_[0] >= model.suboptimality_ > 0.1


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "prox-newton"])
def test_a_tol_above_1e_7_is_taken_at_its_word(solver, tol):
    X, y = data("digits/third")
    model, told = fitted(X, y, tol=tol, solver=solver)
    assert not told
    assert model.converged_ is True
    assert model.optimality_ <= tol
    assert model.loss_curve_[-1] - optimum("digits/third").value <= model.suboptimality_ + 1e-14


def test_a_loose_tol_that_max_iter_cut_off_is_warned_about():
    X, y = data("digits/third")
    model, told = fitted(X, y, tol=1e-6, max_iter=3)
    assert len(told) == 1
    assert model.converged_ is False


# Kinds of tables


@pytest.mark.slow
@needs_80_bits
@pytest.mark.parametrize("exponent", [3, 5, 7, 8, 10, 12])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_one_wild_entry_of_breast_cancer_is_fitted_right(l1_ratio, exponent):
    X, y = data("breast_cancer")
    X, y = X[:150, :12].copy(), y[:150]
    X[127, 2] = 10.0**exponent * X[:, 2].std()
    model, told = fitted(X, y, l1_ratio=l1_ratio)
    assert_right(model, told, X, y, l1_ratio=l1_ratio)


def test_breast_cancer_with_one_entry_of_1e8_deviations_reaches_the_value_that_is_known():
    X, y = data("breast_cancer")
    X, y = X[:150, :12].copy(), y[:150]
    X[127, 2] = 1e8 * X[:, 2].std()
    model, told = fitted(X, y)
    assert not told
    assert penalised_loss(X, y, model.coef_, model.intercept_) < 0.23465  # 0.2604 is no optimum


@pytest.mark.slow
@needs_80_bits
@covering(
    place=[(0, 0), (70, 1), (141, 2), (149, 3)],
    value=[-999.0, 1e7, 1e9, 1e12],
    l1_ratio=[0.0, 1.0],
)
def test_an_error_code_in_iris_is_fitted_right(l1_ratio, value, place):
    X, y = (np.array(part) for part in data("iris"))
    X[place] = value
    model, told = fitted(X, y, l1_ratio=l1_ratio)
    assert_right(model, told, X, y, l1_ratio=l1_ratio)
    assert model.n_iter_[0] <= 250


@pytest.mark.slow
@needs_80_bits
@pytest.mark.parametrize("exponent", [5.5, 5.9])
def test_a_lasso_with_one_wild_entry_is_fitted_right(exponent):
    for seed in range(3):
        X, y = small_table(seed, n=40, p=4, n_classes=3)
        X[5, 1] = 10.0**exponent
        model, told = fitted(X, y, l1_ratio=1.0, C=10.0)
        assert_right(model, told, X, y, l1_ratio=1.0, C=10.0)


@needs_80_bits
@pytest.mark.parametrize("seed", range(6))
def test_float32_rows_far_from_zero_are_fitted_as_float32_can(seed):
    rng = np.random.default_rng(seed)
    n_classes = 8 if seed % 2 else 3
    X = np.exp(rng.normal(size=(43, 5)))
    y = np.append(np.arange(n_classes), rng.integers(0, n_classes, size=43 - n_classes))
    X = (X + 10.0 ** rng.uniform(3, 5, size=5)).astype(np.float32)
    model, told = fitted(X, y)
    assert model.coef_.dtype == np.float32
    assert_kept(model, told, X, y, share=1e-4)


def test_coefficients_that_float32_cannot_hold_are_warned_about():
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60, 3)) + 1e6).astype(np.float32)
    y = (X[:, 0] > 1e6).astype(int)
    model, told = fitted(X, y, C=1e4)
    assert model.converged_ is False
    assert "too few digits in float32: give X as float64" in told[0]
    model, told = fitted(X.astype(np.float64), y, C=1e4)
    assert model.converged_ is True


@needs_80_bits
@pytest.mark.parametrize("offset", [1e3, 1e6, 8.4e6, 1e7, 1e9])
@pytest.mark.parametrize("container", [sp.csr_array, sp.csc_array, sp.csr_matrix])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_sparse_column_far_from_zero_is_fitted_as_the_dense_one(n_classes, container, offset):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = (X[:, 0] + rng.normal(size=60) > 0.0).astype(int) + (n_classes == 3) * (X[:, 1] > 1.0)
    X = X + offset
    dense, told = fitted(X, y)
    assert not told
    sparse, told = fitted(container(X), y)
    assert not told
    assert_allclose(sparse.loss_curve_[-1], dense.loss_curve_[-1], rtol=1e-6)
    assert_right(sparse, told, X, y)


@needs_80_bits
@pytest.mark.parametrize("offset", [1e3, 1e6, 1e8])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_columns_far_from_zero_are_fitted_without_a_warning(l1_ratio, offset):
    X, y = table_far_from_zero(offset)
    model, told = fitted(X, y, l1_ratio=l1_ratio)
    assert_right(model, told, X, y, l1_ratio=l1_ratio)


@needs_80_bits
@pytest.mark.parametrize("offset", [1e10, 1e12])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_where_float64_has_too_few_digits_for_the_promise_the_bound_says_so(l1_ratio, offset):
    # Scores of 1e12 have rounding errors of 1e-4.
    X, y = table_far_from_zero(offset)
    model, told = fitted(X, y, l1_ratio=l1_ratio)
    assert_kept(model, told, X, y, l1_ratio=l1_ratio)
    excess, lowest = excess_of(model, X, y, l1_ratio=l1_ratio)
    assert excess <= 1e-4 * lowest


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_tiny_lasso_fits_do_not_crawl(l1_ratio):
    X, y = (np.array(part) for part in data("iris"))
    X[141, 2] = 1.76e7
    model, told = fitted(X, y, l1_ratio=l1_ratio)
    assert not told
    assert model.n_iter_[0] <= 150
    last = model.loss_curve_[-10:]
    assert np.ptp(last[-2:]) <= 1e-6 * last[-1]


@needs_80_bits
@pytest.mark.parametrize("C", [1e6, 1e9, 1e12])
@pytest.mark.parametrize("seed", range(4))
def test_a_loss_below_1e_6_is_right_to_1e_12_absolutely_and_probabilities_to_1e_8(seed, C):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(25, 6)) * 10.0 ** rng.uniform(-3, 3, size=6)
    y = (X / X.std(axis=0) @ rng.normal(size=(6, 3))).argmax(axis=1)
    model, told = fitted(X, y, C=C)
    assert_right(model, told, X, y, C=C)
    exact = Problem80(X, y, np.ones(25), C=C)
    coef, b = exact.outside(exact.descend(exact.inside(model.coef_, model.intercept_))[1])
    Z = X.astype(np.longdouble) @ coef.T + b
    P = np.exp(Z - Z.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    atol = 1e-8 if model.loss_curve_[-1] < 1e-6 else 1e-6
    assert_allclose(model.predict_proba(X), P.astype(np.float64), rtol=0.0, atol=atol)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("factor", [1e140, 1e150, 1e153, 1e155, 1e160, 1e300])
def test_numbers_near_the_largest_are_fitted_right_or_refused_clearly(factor, l1_ratio):
    X, y = data("iris")
    X = np.array(X)
    if factor > 1e152:
        with pytest.raises(ValueError, match="too large to be squared and summed up"):
            SoftmaxRegression(l1_ratio=l1_ratio).fit(X * factor, y)
        return
    model, told = fitted(X * factor, y, l1_ratio=l1_ratio)
    # In such units the penalty is next to nothing: the classes but one are all but separable.
    assert model.converged_ == (not told)
    probabilities = model.predict_proba(X * factor)
    assert np.isfinite(probabilities).all()
    if model.converged_:
        assert (model.predict(X * factor) == y).mean() >= 0.97
        unscaled = SoftmaxRegression(C=1e12).fit(X, y)
        assert model.loss_curve_[-1] <= unscaled.loss_curve_[-1] * (1.0 + 1e-6)


# Elsewhere in the package


def test_a_warm_start_goes_on_until_the_promise_is_kept():
    X, y = data("wine")
    model = SoftmaxRegression(warm_start=True, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="its minimum"):
        model.fit(X, y)
    assert model.converged_ is False
    first = model.loss_curve_
    model.set_params(max_iter=1000).fit(X, y)
    assert model.converged_ is True
    assert_array_equal(model.loss_curve_[:3], first)
    assert_allclose(model.loss_curve_[-1], optimum("wine").value, rtol=1e-6)
    n_iter = model.n_iter_[0]
    model.fit(X, y)  # at the optimum there is nothing to be done, which is no failure
    assert model.converged_ is True
    assert model.n_iter_[0] <= n_iter + 2


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_a_path_keeps_the_promise_at_every_C(l1_ratio):
    X, y = data("breast_cancer")
    X, y = X[:150, :12].copy(), y[:150]
    X[127, 2] = 1e8 * X[:, 2].std()
    path = softmax_path(X, y, Cs=[1e-2, 1.0, 1e2], l1_ratio=l1_ratio)
    for i, C in enumerate(path.Cs_):
        alone = SoftmaxRegression(C=C, l1_ratio=l1_ratio).fit(X, y)
        assert alone.converged_
        assert path.converged_[i]
        F = penalised_loss(X, y, path.coefs_[i], path.intercepts_[i], C, l1_ratio)
        assert_allclose(F, alone.loss_curve_[-1], rtol=2e-6)


def test_a_path_cut_off_says_which_fits_have_not_converged():
    X, y = data("wine")
    with pytest.warns(ConvergenceWarning, match="fits did not converge"):
        path = softmax_path(X, y, Cs=[1e-2, 1.0, 1e4], max_iter=2)
    for i, C in enumerate(path.Cs_):
        best = SoftmaxRegression(C=C).fit(X, y).loss_curve_[-1]
        F = penalised_loss(X, y, path.coefs_[i], path.intercepts_[i], C)
        assert not path.converged_[i] or F <= best * (1.0 + 2e-6)
    assert not path.converged_.all()


def test_cross_validation_keeps_the_promise():
    X, y = (np.array(part) for part in data("iris"))
    X[141, 2] = 1e9
    model = SoftmaxRegressionCV(Cs=[1e-2, 1.0], cv=3).fit(X, y)
    alone = SoftmaxRegression(C=model.C_).fit(X, y)
    F = penalised_loss(X, y, model.coef_, model.intercept_, model.C_)
    assert_allclose(F, alone.loss_curve_[-1], rtol=2e-6)
    with pytest.warns(ConvergenceWarning, match="did not converge"):
        SoftmaxRegressionCV(Cs=[1e-2, 1.0], cv=3, max_iter=2).fit(X, y)


def test_the_gap_that_is_published_is_the_one_that_is_asked_for():
    X, y = data("wine/std")
    model = SoftmaxRegression().fit(X, y)
    assert_allclose(model.duality_gap_, model.duality_gap(X, y), rtol=1e-3, atol=1e-14)
    assert model.suboptimality_ <= model.duality_gap_
    assert np.isnan(SoftmaxRegression(C=np.inf).fit(*data("overlapping")).duality_gap_)


@pytest.mark.parametrize("rank", [1, 2])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_few_rows_with_dependent_columns_are_fitted_without_a_penalty(n_classes, rank):
    rng = np.random.default_rng(rank)
    few = rng.normal(size=(30, rank))
    X = few @ rng.normal(size=(rank, 80))
    y = np.arange(30) % n_classes
    wide, narrow = (SoftmaxRegression(C=np.inf).fit(rows, y) for rows in (X, few))
    assert wide.converged_
    assert_allclose(wide.loss_, narrow.loss_, rtol=1e-9)
    assert_allclose(wide.predict_proba(X), narrow.predict_proba(few), atol=1e-6)
    # A ridge needs fewer dimensions, and is followed by none.
    search = SoftmaxRegressionCV(Cs=[1.0, np.inf], cv=[(np.arange(30), np.arange(30))])
    search.fit(X, y)
    assert search.C_ == np.inf
    assert_allclose(search.predict_proba(X), wide.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("constant", [0.0, 3.0])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", ["auto", "lbfgs", "newton-cg", "nesterov", "gd", "svrg"])
def test_a_constant_column_among_many_is_nothing_to_the_fit(solver, fit_intercept, constant):
    # From 256 columns on the matrices of the coordinates are kept in float32.
    rng = np.random.default_rng(0)
    X = rng.normal(size=(900, 280)) + 0.5
    y = (X[:, :3] @ rng.normal(size=(3, 3)) + rng.gumbel(size=(900, 3))).argmax(axis=1)
    with_constant = np.insert(X, 7, constant, axis=1)
    parameters = {"solver": solver, "fit_intercept": fit_intercept, "random_state": 0, "C": 0.1}
    model = SoftmaxRegression(**parameters).fit(with_constant, y)
    assert model.converged_
    if fit_intercept or constant == 0.0:
        other = SoftmaxRegression(**parameters).fit(X, y)
        assert_allclose(model.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-6)
        assert not model.coef_[:, 7].any()


@pytest.mark.parametrize("container", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("C", [1.0, 1e3])
def test_words_that_no_row_has_are_nothing_to_the_fit(C, dtype, container):
    rng = np.random.default_rng(1)
    X = rng.poisson(0.05, size=(700, 300)).astype(dtype)
    X[:, 200:220] = 0.0
    y = (X[:, :3] @ rng.normal(size=(3, 3)) + rng.gumbel(size=(700, 3))).argmax(axis=1)
    model = SoftmaxRegression(C=C).fit(container(X), y)
    other = SoftmaxRegression(C=C).fit(np.delete(X, np.s_[200:220], axis=1), y)
    assert model.converged_
    assert_allclose(model.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-5)
