"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg.display import LossCurveDisplay, SoftmaxDisplay
from softmax_reg.estimator import SoftmaxRegression

__all__ = ["LossCurveDisplay", "SoftmaxDisplay", "SoftmaxRegression"]
__version__ = "0.1.0"
