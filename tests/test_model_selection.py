"""C chosen by cross-validation: against loops by hand, scikit-learn's choice, and its checks."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from softmax_reg import SoftmaxRegressionCV


@parametrize_with_checks([SoftmaxRegressionCV(Cs=[0.1, 10.0], cv=3)])
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)
