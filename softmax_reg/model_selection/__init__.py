"""The path of optima over C, and the choice of C by cross-validation."""

from softmax_reg.model_selection.softmax_regression_cv import SoftmaxRegressionCV

__all__ = ["SoftmaxRegressionCV"]
