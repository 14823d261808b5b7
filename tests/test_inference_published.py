"""Standard errors, tests and marginal effects are those in print, to the last digit printed."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from published import (
    PUBLISHED,
    SPECTOR_COV,
    SPECTOR_EFFECTS,
    afterlife,
    as_printed,
    gators,
    housing,
    lengths,
    spector,
    students,
    vaso,
    women,
)

from softmax_reg import SoftmaxRegression


def inference(X, y, counts=None, **options):
    # Some tables have twelve digits.
    model = SoftmaxRegression(C=np.inf, tol=1e-13).fit(X, y, counts)
    return model.inference(X, y, counts, **options)


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_printed_table_is_reproduced_to_its_last_digit(name):
    table = PUBLISHED[name]
    found = inference(table.X, table.y, table.counts, base=table.base)
    for printed, values in ((table.coef, found.coef), (table.se, found.se)):
        for label, words in printed.items():
            wanted, half = as_printed(words)
            # The last digit of a printed number may be cut and not rounded.
            assert (np.abs(values[label].to_numpy() - wanted) <= 1.02 * half).all(), label


def test_the_deviances_and_the_test_of_sex_of_the_alligators_are_those_in_print():
    X, y, counts = gators()
    smaller, larger = inference(X, y, counts), inference(*gators(with_sex=True))
    assert smaller.n_obs == 219
    assert_allclose(-2.0 * smaller.loglik, 540.0803, atol=5e-5)  # R, multinom
    assert_allclose(-2.0 * larger.loglik, 537.8655, atol=5e-5)
    # G^2 of Agresti (2002), table 7.1: 52.5 of lake and size, 50.3 with sex, of ungrouped cells.
    test = larger.lr_test(smaller)
    assert test.df == 4
    assert_allclose(test.statistic, 2.2, atol=0.05)


def test_the_deviances_of_the_afterlife_and_of_the_alligators_are_those_of_the_books():
    # G^2 against the saturated model: 0.8 with 2 degrees of freedom, Agresti (2007), section 6.1.3;
    # of lake and size, collapsed over sex, 17.1 with 12, Agresti (2002), section 7.1.2.
    X, y, counts = afterlife()
    assert_allclose(deviance(X, y, counts, list(X)), 0.8, atol=0.06)
    X, y, counts = gators()
    assert_allclose(deviance(X, y, counts, list(X)), 17.1, atol=0.05)


def deviance(X, y, counts, columns):
    """Return 2 sum n log(n / expected) over the cells of features and classes."""
    table = X.assign(y=y, n=counts).groupby([*columns, "y"])["n"].sum()
    saturated = (table * np.log(table / table.groupby(columns).transform("sum"))).sum()
    return 2.0 * (saturated - inference(X, y, counts).loglik)


def test_the_deviances_of_the_other_tables_are_those_of_r():
    found = inference(*housing())
    assert found.n_obs == 1681
    assert_allclose(-2.0 * found.loglik, 3470.084, atol=5e-4)
    assert_allclose(found.aic, 3498.084, atol=5e-4)
    assert_allclose(-2.0 * inference(*vaso()).loglik, 29.23, atol=5e-3)
    found = inference(*women())
    assert_allclose([-2.0 * found.loglik, found.aic], [422.8819, 434.8819], atol=5e-5)


def test_the_criteria_of_the_lengths_are_those_of_sas():
    found = inference(*lengths())
    assert_allclose(found.aic, 106.341, atol=5e-4)
    assert_allclose(found.bic, 114.651, atol=5e-4)
    assert_allclose(found.lr_test().statistic, 16.8006, atol=5e-5)


def test_the_likelihoods_and_risk_ratios_of_the_students_are_those_of_stata():
    found = inference(*students(), base="academic")
    assert_allclose(found.loglik, -179.98173, atol=5e-6)
    assert_allclose(found.lr_test().statistic, 48.23, atol=5e-3)
    assert found.lr_test().df == 6
    assert_allclose(found.pseudo_r2, 0.1182, atol=5e-5)
    ratios = found.relative_risk_ratios()["rrr"]["general"].to_numpy()[1:]
    assert_allclose(ratios, [0.586671, 0.3125996, 0.9437175], atol=5e-7)


def test_the_covariance_and_the_likelihoods_of_the_grades_are_those_of_stata():
    found = inference(*spector())
    assert_allclose(found.cov, SPECTOR_COV, rtol=1e-9)
    assert_allclose(found.loglik, -12.8896334653335, rtol=1e-14)
    assert_allclose(found.loglik_null, -20.5917296966173, rtol=1e-14)
    assert_allclose(found.pseudo_r2, 0.374038332124624, rtol=1e-13)
    assert_allclose(found.aic, 33.779266930667, rtol=1e-13)
    assert_allclose(found.bic, 39.642210541866, rtol=1e-13)
    assert_allclose(found.lr_test().statistic, 15.4041924625676, rtol=1e-13)
    assert_allclose(found.lr_test().p, 0.00150187761112892, rtol=1e-12)
    z = found.summary()["z"]
    assert_allclose(z, [-2.640537645, 2.237723415, 0.6722348408, 2.234423721], rtol=1e-9)


@pytest.mark.parametrize(("at", "discrete"), SPECTOR_EFFECTS)
def test_the_marginal_effects_of_the_grades_are_those_of_stata(at, discrete):
    effects, errors = SPECTOR_EFFECTS[at, discrete]
    X, y = spector()
    if at == "a row":
        at = X.iloc[:1].assign(GPA=X["GPA"].mean(), TUCE=21.0, PSI=0.0)
    found = inference(X, y).marginal_effects(at, discrete=discrete)
    for words, values in ((effects, found.effect), (errors, found.se)):
        wanted, half = as_printed(words)
        assert (np.abs(values[1].to_numpy() - wanted) <= 1.02 * half).all()


# The American National Election Study of 1996, 944 rows: Stata's output as statsmodels has it.

ANES_COEF = """
-0.37340167 -0.01153598 0.29771435 -0.024945 0.08249144 0.00519655
-2.2509132 -0.08875065 0.39166864 -0.02289784 0.18104276 0.04787398
-3.6655835 -0.1059667 0.57345051 -0.01485121 -0.00715242 0.05757516
-7.6138431 -0.0915567 1.2787718 -0.00868135 0.19982796 0.08449838
-7.0604782 -0.0932846 1.3469616 -0.01790407 0.21693885 0.08095841
-12.105751 -0.14088069 2.0700801 -0.00943265 0.3219257 0.10889408
"""
ANES_SE = """
0.6298376313 0.0342823657 0.0936267950 0.0065248584 0.0735865799 0.0176336937
0.7631899491 0.0391615553 0.1082386919 0.0079144618 0.0852893563 0.0222809297
1.156541492 0.0570382292 0.1585481337 0.0113313133 0.1262913234 0.0336142088
0.9575809602 0.0437902764 0.1288965854 0.0084187486 0.0941250559 0.0261963632
0.8443638283 0.0393516553 0.1171860107 0.0076110152 0.0850070091 0.0229760791
1.059954821 0.0421380470 0.1434089089 0.0081338625 0.0910979921 0.0253008880
"""


def test_the_elections_are_those_of_stata():
    datasets = pytest.importorskip("statsmodels.datasets", reason="statsmodels has the data")
    table = datasets.anes96.load_pandas()
    X, y = table.exog, table.endog.to_numpy(dtype=int)
    found = inference(X, y)
    # Stata ends where a step is small: the coefficients have six digits, the errors nine.
    assert_allclose(found.coef, np.array(ANES_COEF.split(), dtype=float), rtol=1e-6)
    assert_allclose(found.se, np.array(ANES_SE.split(), dtype=float), rtol=2e-8)
    assert_allclose(found.loglik, -1461.922747312, atol=5e-10)
    assert_allclose(found.lr_test().statistic, 576.8479253554, atol=5e-9)
    assert found.lr_test().df == 30
    assert_allclose(found.lr_test().p, 1.8223179e-102, rtol=1e-7)
    assert_allclose(found.pseudo_r2, 0.1647810465387, atol=5e-13)
    assert_allclose(found.aic, 2995.84549462, atol=5e-9)
    assert_allclose(found.bic, 3170.45003661, atol=5e-9)
