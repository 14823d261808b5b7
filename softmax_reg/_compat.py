"""Names of scikit-learn and threadpoolctl that are private there, or needed below the estimator."""

from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call as check_partial_fit_first_call,
)
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = [
    "ConvergenceWarning",
    "Interval",
    "StrOptions",
    "check_classification_targets",
    "check_is_fitted",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "compute_class_weight",
    "safe_sparse_dot",
    "set_blas_threads",
    "train_test_split",
    "validate_data",
    "validate_parameter_constraints",
]


def set_blas_threads(library: Any, n_threads: int) -> None:
    """Set the number of threads of a library that threadpoolctl controls.

    Since 3.8 its public way listens to the first thread of the process that used it and to no
    other, while that one lives; fits may run in any.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n_threads)
