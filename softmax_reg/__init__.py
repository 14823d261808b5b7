"""Multinomial logistic regression (softmax regression) from scratch in NumPy."""

from softmax_reg._version import __version__ as __version__
from softmax_reg.displays.coefficient_display import CoefficientDisplay
from softmax_reg.displays.cv_display import CVDisplay
from softmax_reg.displays.loss_curve_display import LossCurveDisplay
from softmax_reg.displays.path_display import PathDisplay
from softmax_reg.displays.softmax_display import SoftmaxDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.model_selection import SoftmaxRegressionCV
from softmax_reg.paths.path import SoftmaxPath, softmax_path
from softmax_reg.sources.batch_sources import BatchSource, FunctionSource, NpySource
from softmax_reg.sources.csv_files import CSVSource
from softmax_reg.sources.parquet_files import ParquetSource

__all__ = [
    "BatchSource",
    "CSVSource",
    "CVDisplay",
    "CoefficientDisplay",
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
