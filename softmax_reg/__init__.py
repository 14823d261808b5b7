"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg.estimator import SoftmaxRegression

__all__ = ["SoftmaxRegression"]
__version__ = "0.1.0"
