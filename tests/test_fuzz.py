"""`converged_` is a promise: random small problems against an optimum found in 80-bit floats."""

import os
import warnings

import numpy as np
import pytest
from optimum80 import Problem80, needs_80_bits
from random_problems import random_problem

from softmax_reg import SoftmaxRegression

pytestmark = needs_80_bits

# What the estimator's docstring promises.
SHARE = {np.dtype(np.float64): 1e-6, np.dtype(np.float32): 1e-4}
LEAST_LOSS = 1e-6
# Rounding, of the intercept of columns far from zero, may move F by this share of what is promised.
ROUNDING = 0.1


def fitted(problem):
    """Return the fit of a random problem, and the warnings."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model = SoftmaxRegression(**problem.parameters, random_state=0)
        model.fit(problem.given, problem.codes, problem.sample_weight)
    return model, told


def faults_of(problem, is_plain=False):
    """Return what is wrong with the fit of a random problem, in words, one for each fault."""
    model, told = fitted(problem)
    told = [f"{warning.category.__name__}: {warning.message}" for warning in told]
    if not (np.isfinite(model.coef_).all() and np.isfinite(model.intercept_).all()):
        return ["coefficients that are not finite"]
    faults = [f"another warning: {text}" for text in told if "ConvergenceWarning" not in text]
    if model.converged_ == bool(told):
        faults.append(f"converged_ is {model.converged_}, warnings: {told}")
    known = {k: v for k, v in problem.parameters.items() if k not in ("class_weight", "solver")}
    exact = Problem80(problem.X, problem.codes, problem.weights, **known)
    value = exact.value(model.coef_, model.intercept_)
    lowest = exact.lowest(model.coef_, model.intercept_)
    enough = SHARE[problem.X.dtype] * max(lowest, LEAST_LOSS)
    excess = f"{value - lowest:.2g} above {lowest:.3g}"
    if value - lowest > enough and not told:
        faults.append(f"F is {excess}, silently")
    rounding = ROUNDING * enough if lowest > LEAST_LOSS else 2.0 * enough
    terms = np.abs(problem.X).astype(float) @ np.abs(model.coef_.T) + np.abs(model.intercept_)
    rounding += 8.0 * np.finfo(float).eps * float(terms.max()) * float(value)  # of scores
    if value - lowest > model.suboptimality_ + rounding:
        faults.append(f"F is {excess}, and the bound says {model.suboptimality_:.2g}")
    if is_plain and told and value - lowest <= enough and lowest > LEAST_LOSS:
        faults.append(f"F is {excess}, but: {told}")
    return faults


def faults_by_seed(profile, seeds, largest=60):
    found = {}
    for seed in seeds:
        problem = random_problem(seed, profile, largest)
        if faults := faults_of(problem, is_plain=profile == "plain"):
            found[seed] = faults
    return found


@pytest.mark.parametrize("part", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_plain_problems_are_at_their_optimum_without_a_warning(part):
    assert not faults_by_seed("plain", range(30 * part, 30 * part + 30), largest=24)


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 4))]
)
def test_no_fit_is_above_its_optimum_and_silent(part):
    assert not faults_by_seed("mixed", range(25 * part, 25 * part + 25), largest=24)


# Chunks of the large fuzz: how many, of so many problems, of which profile.
LARGE = {
    "plain": (16, 250),
    "mixed": (24, 170),
    "newton-cholesky": (8, 170),
    "prox-newton": (8, 120),
}


# A quarter of the chunks, as a run of all tests need not take all night; FUZZ=all asks for all.
EACH = 1 if os.environ.get("FUZZ") == "all" else 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("profile", "part"),
    [(profile, i) for profile, (n, _) in LARGE.items() for i in range(n // EACH)],
)
def test_no_fit_of_thousands_is_above_its_optimum_and_silent(profile, part):
    size = LARGE[profile][1]
    first = 1000 + part * size
    assert not faults_by_seed(profile, range(first, first + size))
