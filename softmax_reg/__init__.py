"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg._version import __version__ as __version__
from softmax_reg.cv_display import CVDisplay
from softmax_reg.display import LossCurveDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.model_selection import SoftmaxRegressionCV
from softmax_reg.path import SoftmaxPath, softmax_path
from softmax_reg.path_display import PathDisplay
from softmax_reg.softmax_display import SoftmaxDisplay
from softmax_reg.sources import BatchSource, FunctionSource, NpySource
from softmax_reg.tables import CSVSource, ParquetSource

__all__ = [
    "BatchSource",
    "CSVSource",
    "CVDisplay",
    "FunctionSource",
    "LossCurveDisplay",
    "NpySource",
    "ParquetSource",
    "PathDisplay",
    "SoftmaxDisplay",
    "SoftmaxPath",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "softmax_path",
]
