"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg.display import LossCurveDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.softmax_display import SoftmaxDisplay

__all__ = ["LossCurveDisplay", "SoftmaxDisplay", "SoftmaxRegression"]
__version__ = "0.1.0"
