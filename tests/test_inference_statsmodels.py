"""The same numbers as statsmodels, where it is installed; and where it is wrong, which."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import data

from softmax_reg import SoftmaxRegression

sm = pytest.importorskip("statsmodels.api", reason="statsmodels is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")


def elections():
    table = sm.datasets.anes96.load_pandas()
    return table.exog.to_numpy(), table.endog.to_numpy(dtype=int)


def overlapping():
    X, y = data("overlapping")
    return (X - X.mean(axis=0)) / X.std(axis=0), y


TABLES = {"elections": elections, "overlapping": overlapping}


def both(name, cov_type="nonrobust", groups=None):
    X, y = TABLES[name]()
    keywords = None if groups is None else {"groups": groups(len(y)), "use_correction": False}
    theirs = sm.MNLogit(y, sm.add_constant(X)).fit(
        *(None, "newton"), maxiter=100, tol=1e-14, disp=0, cov_type=cov_type, cov_kwds=keywords
    )
    model = SoftmaxRegression(C=np.inf, tol=1e-13).fit(X, y)
    return theirs, model.inference(
        X, y, cov_type=cov_type, groups=None if groups is None else groups(len(y))
    )


def assert_same_cov(ours, theirs, factor=1.0):
    wanted = factor * np.asarray(theirs.cov_params())
    scale = np.sqrt(np.outer(np.diag(wanted), np.diag(wanted)))
    assert_allclose(ours.cov.to_numpy() / scale, wanted / scale, atol=1e-8)


@pytest.mark.parametrize("name", TABLES)
def test_coefficients_errors_and_numbers_of_the_fit_are_those_of_statsmodels(name):
    theirs, ours = both(name)
    assert_allclose(ours.coef, np.ravel(theirs.params, order="F"), rtol=1e-8, atol=1e-10)
    assert_allclose(ours.se, np.ravel(theirs.bse, order="F"), rtol=1e-9)
    assert_same_cov(ours, theirs)
    for name_of_ours, name_of_theirs in {"loglik": "llf", "aic": "aic", "bic": "bic"}.items():
        assert_allclose(getattr(ours, name_of_ours), getattr(theirs, name_of_theirs), rtol=1e-10)
    assert_allclose(ours.pseudo_r2, theirs.prsquared, rtol=1e-6)  # their null model is iterated


@pytest.mark.parametrize("name", TABLES)
def test_the_sandwich_is_that_of_statsmodels(name):
    theirs, ours = both(name, "HC0")
    assert_same_cov(ours, theirs)


@pytest.mark.parametrize("name", TABLES)
def test_hc1_is_larger_than_theirs_by_the_factor_that_they_leave_out(name):
    theirs, ours = both(name, "HC1")
    assert_same_cov(ours, theirs, ours.n_obs / (ours.n_obs - ours.df))


@pytest.mark.parametrize("name", TABLES)
def test_clusters_are_those_of_statsmodels_with_the_factor_of_stata(name):
    theirs, ours = both(name, "cluster", lambda n: np.arange(n) * 7 % 31)
    assert_same_cov(ours, theirs, 31 / 30)


@pytest.mark.parametrize("at", ["average", "mean", "median"])
@pytest.mark.parametrize("name", TABLES)
def test_marginal_effects_are_those_of_statsmodels(name, at):
    theirs, ours = both(name)
    wanted = theirs.get_margeff(at={"average": "overall"}.get(at, at))
    found = ours.marginal_effects(at)
    assert_allclose(found.effect, np.ravel(wanted.margeff, order="F"), rtol=1e-7, atol=1e-11)
    assert_allclose(found.se, np.ravel(wanted.margeff_se, order="F"), rtol=1e-8)


def test_two_classes_are_those_of_their_logit():
    X, y = data("overlapping/two")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    for cov_type in ("nonrobust", "HC0"):
        theirs = sm.Logit(y, sm.add_constant(X)).fit(
            *(None, "newton"), maxiter=100, tol=1e-14, disp=0, cov_type=cov_type
        )
        ours = SoftmaxRegression(C=np.inf, tol=1e-13).fit(X, y).inference(X, y, cov_type=cov_type)
        assert_same_cov(ours, theirs)
    wald = theirs.wald_test(np.eye(4)[2:], scalar=True)
    assert_allclose(ours.wald_test(["x1", "x2"]).statistic, wald.statistic, rtol=1e-8)
