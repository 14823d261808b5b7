"""The names of scikit-learn that modules below the estimator need, or that are private there."""

from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = [
    "ConvergenceWarning",
    "Interval",
    "StrOptions",
    "check_classification_targets",
    "check_is_fitted",
    "check_sample_weight",
    "compute_class_weight",
    "safe_sparse_dot",
    "train_test_split",
    "validate_data",
    "validate_parameter_constraints",
]
