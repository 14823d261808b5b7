"""Multinomial logistic regression (softmax regression) from scratch in NumPy.

Models
    `SoftmaxRegression` takes the place of scikit-learn's `LogisticRegression`,
    `SoftmaxRegressionCV` that of `LogisticRegressionCV`; `softmax_path` returns the optima along a
    path of penalties as a `SoftmaxPath`.
Files
    `CSVSource`, `ParquetSource`, `NpySource`, `FunctionSource`: rows that are read in batches; a
    source of your own is a `BatchSource`.
Pictures
    `LossCurveDisplay`, `CoefficientDisplay`, `PathDisplay`, `CVDisplay`, `SoftmaxDisplay`,
    `ForestDisplay`.
Inference
    `SoftmaxRegression.inference` gives standard errors, tests and marginal effects of a fit without
    a penalty; `bootstrap` shows how the coefficients of any fit vary with the sample.
Modules
    `callbacks` watch a fit, log it, stop it early and write checkpoints; `solvers` are the methods,
    for hyper-parameters of their own; `schedules` of learning rates; `penalties`; `functional`: the
    softmax, the cross-entropy and their derivatives, for students.  `show_versions` prints what a
    report of a fault needs.

    >>> from sklearn.datasets import load_iris
    >>> from softmax_reg import SoftmaxRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(SoftmaxRegression().fit(X, y).score(X, y), 3)
    0.973
"""

from softmax_reg._version import __version__ as __version__
from softmax_reg._version import show_versions
from softmax_reg.dataset.csv_files import CSVSource
from softmax_reg.dataset.parquet_files import ParquetSource
from softmax_reg.dataset.sources import BatchSource, FunctionSource, NpySource
from softmax_reg.displays.coefficient_display import CoefficientDisplay
from softmax_reg.displays.cv_display import CVDisplay
from softmax_reg.displays.forest_display import ForestDisplay
from softmax_reg.displays.loss_curve_display import LossCurveDisplay
from softmax_reg.displays.path_display import PathDisplay
from softmax_reg.displays.softmax_display import SoftmaxDisplay
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.inference.bootstrap import bootstrap
from softmax_reg.model_selection import SoftmaxRegressionCV
from softmax_reg.model_selection.path import softmax_path
from softmax_reg.model_selection.softmax_path import SoftmaxPath

__all__ = [
    "BatchSource",
    "CSVSource",
    "CVDisplay",
    "CoefficientDisplay",
    "ForestDisplay",
    "FunctionSource",
    "LossCurveDisplay",
    "NpySource",
    "ParquetSource",
    "PathDisplay",
    "SoftmaxDisplay",
    "SoftmaxPath",
    "SoftmaxRegression",
    "SoftmaxRegressionCV",
    "bootstrap",
    "show_versions",
    "softmax_path",
]

_MODULES = ["callbacks", "functional", "penalties", "schedules", "solvers"]


def __dir__() -> list[str]:
    """Return what is public, for completion."""
    return sorted([*__all__, *_MODULES, "__version__"])
