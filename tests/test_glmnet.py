"""The path on thirty irises against what glmnet and adelie arrive at, by its objective and zeros.

The optima are kept in glmnet_reference.json, which `python -m benchmarks.glmnet_reference` writes.
"""

import json
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import data, penalised_loss

from softmax_reg import SoftmaxRegression, softmax_path

REFERENCES = json.loads((Path(__file__).parent / "glmnet_reference.json").read_text("utf-8"))
each_reference = pytest.mark.parametrize(
    "reference", REFERENCES, ids=lambda each: f"{each['penalty']}-{each['l1_ratio']}"
)


def installed_glmnet():
    """Return the module of python-glmnet, or skip the test."""
    try:
        import glmnet
    except ImportError:
        if (sys.platform, platform.machine()) != ("linux", "x86_64"):
            pytest.skip("platform: python-glmnet has wheels for Linux on x86_64 alone")
        if np.lib.NumpyVersion(np.__version__) < "1.26.4" or sys.version_info >= (3, 14):
            pytest.skip("version: python-glmnet needs NumPy 1.26.4, and Python before 3.14")
        pytest.skip("python-glmnet is not installed")
    return glmnet


def thirty_irises():
    return tuple(part[::5] for part in data("iris"))


def fitted_path(reference):
    X, y = thirty_irises()
    Cs = 1.0 / (np.array(reference["lambdas"]) * len(y))
    return softmax_path(
        X, y, Cs=Cs, l1_ratio=reference["l1_ratio"], penalty=reference["penalty"], tol=1e-9
    )


@each_reference
def test_the_objective_of_the_path_is_that_of_glmnet(reference):
    assert_allclose(fitted_path(reference).objective_, reference["objectives"], rtol=1e-8)


@each_reference
def test_the_path_has_the_same_zeros_as_glmnet(reference):
    expected = [[int(digit) for digit in used] for used in reference["used"]]
    assert 0 in expected[0]
    assert_array_equal(fitted_path(reference).coefs_.reshape(len(expected), -1) != 0.0, expected)


@each_reference
def test_single_fits_arrive_where_glmnet_does(reference):
    X, y = thirty_irises()
    pairs = zip(reference["lambdas"], reference["objectives"], strict=True)
    for strength, expected in list(pairs)[::3]:
        model = SoftmaxRegression(
            C=1.0 / (strength * len(y)), l1_ratio=reference["l1_ratio"],
            penalty=reference["penalty"], tol=1e-9,
        ).fit(X, y)  # fmt: skip
        assert model.loss_curve_[-1] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("l1_ratio", [0.1, 0.5, 1.0])
def test_an_installed_glmnet_is_nowhere_ahead_along_its_own_path(l1_ratio):
    LogitNet = installed_glmnet().LogitNet
    X, y = thirty_irises()
    theirs = LogitNet(
        alpha=l1_ratio, standardize=False, n_splits=0, tol=1e-13, max_iter=10**6, n_lambda=30,
        min_lambda_ratio=1e-3,
    ).fit(X, y)  # fmt: skip
    Cs = 1.0 / (theirs.lambda_path_ * len(y))
    ours = softmax_path(X, y, Cs=Cs, l1_ratio=l1_ratio, tol=1e-9)
    assert_allclose(ours.Cs_, Cs, rtol=1e-12)
    expected = [
        penalised_loss(X, y, coef, intercept, C, l1_ratio)
        for C, coef, intercept in zip(
            Cs, theirs.coef_path_.transpose(2, 0, 1), theirs.intercept_path_.T, strict=True
        )
    ]
    assert_allclose(ours.objective_, expected, rtol=1e-8)
