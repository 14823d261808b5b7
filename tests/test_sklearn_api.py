"""scikit-learn's own checks of what a classifier does, over every solver in the registry."""

import pytest
from objectives import STOCHASTIC
from sklearn.utils.estimator_checks import parametrize_with_checks

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import SOLVERS

# One of each family: smooth, of mini-batches, and proximal.
FAMILIES = ["auto", "sgd"]  # that of the L1 norm has a test of its own


def expected_failed_checks(estimator):
    """Solvers that draw rows cannot take two rows for one of weight 2; nothing else may fail."""
    if estimator.solver not in STOCHASTIC:
        return {}
    reason = "rows are drawn at random: a row of weight 2 is drawn at other times than two rows"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


def each_check_with(solvers):
    return parametrize_with_checks(
        [SoftmaxRegression(solver=solver) for solver in solvers],
        expected_failed_checks=expected_failed_checks,
    )


@parametrize_with_checks([SoftmaxRegression(l1_ratio=1.0)])
def test_scikit_learn_accepts_the_estimator_with_an_l1_norm(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:partial_fit has a method of its own:UserWarning")
@each_check_with(FAMILIES)
def test_scikit_learn_accepts_the_estimator_with_a_solver_of_each_family(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:partial_fit has a method of its own:UserWarning")
@each_check_with([solver for solver in SOLVERS if solver not in FAMILIES])
def test_scikit_learn_accepts_the_estimator_with_every_other_solver(estimator, check):
    check(estimator)
