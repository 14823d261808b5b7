"""The names of scikit-learn that are private, or new there, or needed below the estimator."""

from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.validation import _check_sample_weight as check_sample_weight

__all__ = [
    "ConvergenceWarning",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "validate_parameter_constraints",
]
