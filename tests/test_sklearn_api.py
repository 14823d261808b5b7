"""scikit-learn's own checks of what a classifier does, over every solver in the registry."""

from objectives import STOCHASTIC
from sklearn.utils.estimator_checks import parametrize_with_checks

from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import SOLVERS


def expected_failed_checks(estimator):
    """Solvers that draw rows cannot take two rows for one of weight 2; nothing else may fail."""
    if estimator.solver not in STOCHASTIC:
        return {}
    reason = "rows are drawn at random: a row of weight 2 is drawn at other times than two rows"
    return {
        "check_sample_weight_equivalence_on_dense_data": reason,
        "check_sample_weight_equivalence_on_sparse_data": reason,
    }


@parametrize_with_checks(
    [SoftmaxRegression(solver=solver) for solver in ["auto", *SOLVERS]],
    expected_failed_checks=expected_failed_checks,
)
def test_scikit_learn_accepts_the_estimator_with_every_solver(estimator, check):
    check(estimator)
