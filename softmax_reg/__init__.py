"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg._version import __version__ as __version__
from softmax_reg.display import LossCurveDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.softmax_display import SoftmaxDisplay

__all__ = ["LossCurveDisplay", "SoftmaxDisplay", "SoftmaxRegression"]
