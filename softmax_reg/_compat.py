"""Names of scikit-learn and threadpoolctl that are private there, or needed below the estimator."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions, validate_parameter_constraints
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import check_is_fitted, validate_data

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks

    HAS_CALLBACKS = True
except ImportError:  # before scikit-learn 1.9
    HAS_CALLBACKS = False

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: there is no `set_callbacks` yet."""

    def with_callbacks(method: Callable[..., Any]) -> Callable[..., Any]:
        """Return the method in a frame of its own, for warnings to count the same frames."""

        @wraps(method)
        def plain(*args: Any, **kwargs: Any) -> Any:
            return method(*args, **kwargs)

        return plain


__all__ = [
    "HAS_CALLBACKS",
    "CallbackSupportMixin",
    "ConvergenceWarning",
    "Interval",
    "StrOptions",
    "check_classification_targets",
    "check_is_fitted",
    "check_sample_weight",
    "compute_class_weight",
    "safe_sparse_dot",
    "set_blas_threads",
    "train_test_split",
    "validate_data",
    "validate_parameter_constraints",
    "with_callbacks",
]


def set_blas_threads(library: Any, n_threads: int) -> None:
    """Set the number of threads of a library that threadpoolctl controls.

    Since 3.8 its public way listens to the first thread of the process that used it and to no
    other, while that one lives; fits may run in any.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n_threads)
