"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg.display import LossCurveDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.softmax_display import SoftmaxDisplay
from softmax_reg.sources import BatchSource, FunctionSource, NpySource
from softmax_reg.tables import CSVSource, ParquetSource

__all__ = [
    "BatchSource",
    "CSVSource",
    "FunctionSource",
    "LossCurveDisplay",
    "NpySource",
    "ParquetSource",
    "SoftmaxDisplay",
    "SoftmaxRegression",
]
__version__ = "0.1.0"
