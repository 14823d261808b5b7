"""Names of scikit-learn and threadpoolctl that are private there, or needed below the estimator.

scikit-learn's checks of arguments are wrapped: see `_checks.wrapped`.  `cached_property` stands in
for that of Python 3.11.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, overload

from joblib import effective_n_jobs
from sklearn import config_context, get_config  # type: ignore[attr-defined]
from sklearn import show_versions as show_versions_of_scikit_learn  # type: ignore[attr-defined]
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import accuracy_score, get_scorer, make_scorer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import (
    _param_validation,
    check_random_state,
    class_weight,
    multiclass,
    validation,
)
from sklearn.utils._metadata_requests import _raise_for_params as raise_for_params
from sklearn.utils._metadata_requests import _routing_enabled as routing_enabled
from sklearn.utils._param_validation import HasMethods, Hidden, Interval
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.metadata_routing import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_method_params as check_method_params
from sklearn.utils.validation import _check_n_features as check_n_features
from sklearn.utils.validation import check_is_fitted

from softmax_reg._checks.wrapped import checked, checked_parameters, refuse_large_labels

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


try:
    from sklearn.externals.array_api_compat import is_array_api_obj
    from sklearn.utils._array_api import (
        check_same_namespace,
        get_namespace_and_device,
        move_to,
    )

    HAS_ARRAY_API = True
except ImportError:  # before scikit-learn 1.9
    HAS_ARRAY_API = False
    get_namespace_and_device = move_to = None

    def check_same_namespace(X: Any, estimator: Any, *, attribute: str, method: str) -> None:
        """Do nothing: all arrays are NumPy's."""

    def is_array_api_obj(x: object) -> bool:  # type: ignore[misc]
        """Return False: arrays of other libraries are array-likes.

        Raises
        ------
        ValueError
            If they were to stay what they are.
        """
        if get_config()["array_api_dispatch"] and hasattr(x, "__dlpack__"):
            raise ValueError(
                f"array_api_dispatch is on, and {type(x).__module__}.{type(x).__qualname__} needs "
                "scikit-learn 1.9 or newer. Install that, or leave array_api_dispatch off."
            )
        return False


__all__ = [
    "HAS_ARRAY_API",
    "HAS_CALLBACKS",
    "UNUSED",
    "BaseEstimator",
    "CallbackSupportMixin",
    "ConvergenceWarning",
    "HasMethods",
    "Hidden",
    "Interval",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MetadataRouter",
    "MethodMapping",
    "OneHotEncoder",
    "SimpleImputer",
    "StandardScaler",
    "StrOptions",
    "accuracy_score",
    "available_if",
    "cached_property",
    "check_X_y",
    "check_array",
    "check_classification_targets",
    "check_is_fitted",
    "check_method_params",
    "check_n_features",
    "check_partial_fit_first_call",
    "check_random_state",
    "check_same_namespace",
    "check_sample_weight",
    "compute_class_weight",
    "config_context",
    "effective_n_jobs",
    "get_config",
    "get_namespace_and_device",
    "get_scorer",
    "in_parallel",
    "is_array_api_obj",
    "logistic_regression",
    "move_to",
    "process_routing",
    "raise_for_params",
    "routing_enabled",
    "safe_sparse_dot",
    "scorer_with_labels",
    "set_blas_threads",
    "show_versions_of_scikit_learn",
    "train_test_split",
    "validate_data",
    "validate_parameter_constraints",
    "with_callbacks",
]


class StrOptions(_param_validation.StrOptions):
    """Names that a parameter may have, told in alphabetical order."""

    def __init__(self, options: set[str]) -> None:
        super().__init__(options)
        self.options = dict.fromkeys(sorted(options))


validate_data = checked(validation.validate_data)
check_X_y = checked(validation.check_X_y)
check_array = checked(validation.check_array)
check_sample_weight = checked(validation._check_sample_weight)
check_partial_fit_first_call = checked(multiclass._check_partial_fit_first_call)
compute_class_weight = checked(class_weight.compute_class_weight)
validate_parameter_constraints = checked_parameters(
    _param_validation.validate_parameter_constraints
)
check_classification_targets = refuse_large_labels(multiclass.check_classification_targets)


def set_blas_threads(library: Any, n_threads: int) -> None:
    """Set the number of threads of a library that threadpoolctl controls.

    Since 3.8 its public way listens to the first thread of the process that used it and to no
    other, while that one lives; fits may run in any.
    """
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n_threads)


def in_parallel(
    function: Callable[[Any], Any], items: Iterable[Any], n_jobs: int | None
) -> Generator[Any, None, None]:
    """Yield function(item) for each item, in their order, as soon as it is there.

    An error thrown in cancels what still runs.
    """
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # the backend "multiprocessing" brings all of them together, at the end
        parallel = Parallel(n_jobs=n_jobs)
    yield from parallel(delayed(function)(item) for item in items)


def logistic_regression(C: float, l1_ratio: float, **parameters: Any) -> LogisticRegression:
    """Return a `LogisticRegression` with this penalty; before 1.8 `l1_ratio` needs a word more."""
    if l1_ratio > 0.0:
        parameters["solver"] = "saga"
        if signature(LogisticRegression).parameters["penalty"].default == "l2":
            parameters["penalty"] = "elasticnet"
    return LogisticRegression(C=C, l1_ratio=l1_ratio, **parameters)


def scorer_with_labels(scorer: Any, classes: Any) -> Any:
    """Return a scorer that knows all the classes, also where the rows it scores lack some.

    Only a score function that takes `labels`, such as `log_loss`, needs to be told.
    """
    function = getattr(scorer, "_score_func", None)
    taken = signature(function).parameters if function is not None else {}
    if "labels" not in taken:
        return scorer
    known = {"labels": classes}
    if len(classes) == 2 and "pos_label" in taken:
        known["pos_label"] = classes[1]
    return make_scorer(
        function,
        response_method=scorer._response_method,
        greater_is_better=scorer._sign == 1,
        **(known | getattr(scorer, "_kwargs", {})),
    )


T_co = TypeVar("T_co", covariant=True)


class cached_property(Generic[T_co]):
    """What `function` returns for an instance, kept in the instance's `__dict__`, without a lock.

    That of functools holds, in Python 3.11, one lock for all instances of a class while it
    computes: fits in several threads would wait for one another, and the child of a fork would
    wait for ever.

    Threads that ask at the same time may each compute it; all of them get the one kept first.
    Writing to the name, or removing it from the `__dict__`, replaces or forgets what is kept.

    Parameters
    ----------
    function : callable (instance) -> value
    """

    def __init__(self, function: Callable[[Any], T_co]) -> None:
        self.function, self.name = function, ""
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        if self.name not in ("", name):
            raise TypeError(f"One cached_property was given two names, {self.name!r} and {name!r}.")
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type | None = None) -> T_co: ...

    def __get__(self, instance: object | None, owner: type | None = None) -> Self | T_co:
        # Python asks only while the instance has no attribute of that name.
        if instance is None:
            return self
        value: T_co = instance.__dict__.setdefault(self.name, self.function(instance))
        return value

    if TYPE_CHECKING:
        # Not there when it runs, for then Python would ask here first; but instances take a value.
        def __set__(self, instance: object, value: Any) -> None: ...
