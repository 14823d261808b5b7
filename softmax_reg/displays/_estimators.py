"""From what a user gives, a model, a pipeline or a search, to the fitted model in it."""

from __future__ import annotations

from typing import Any

__all__ = ["feature_names_of", "fitted_model"]

_DEPTH = 10  # pipelines in searches in pipelines


def fitted_model(estimator: Any, attribute: str) -> Any:
    """Return the model that has an attribute: the estimator, its last step or its best one.

    Raises
    ------
    AttributeError
        If it is not fitted, or records nothing of the kind.
    """
    model = estimator
    for _ in range(_DEPTH):
        if getattr(model, attribute, None) is not None:
            # Arrays of the fit may be of another library.
            return model._on_host() if hasattr(model, "_on_host") else model
        inner = _inner(model)
        if inner is None:
            break
        model = inner
    kind = type(model).__name__
    fitted = {name for name, value in vars(model).items() if value is not None}
    is_fitted = any(name.endswith("_") and not name.startswith("_") for name in fitted)
    if not is_fitted:
        raise AttributeError(f"this {kind} has no {attribute}: call fit first")
    raise AttributeError(f"this {kind} is fitted, but has no {attribute}")


def _inner(estimator: Any) -> Any:
    if hasattr(estimator, "best_estimator_"):
        return estimator.best_estimator_
    if hasattr(estimator, "steps"):
        return estimator.steps[-1][1]
    return None


def feature_names_of(estimator: Any, model: Any) -> list[str]:
    """Return a name for each feature of the model: those that its pipeline gives it, or numbers."""
    for _ in range(_DEPTH):
        estimator = getattr(estimator, "best_estimator_", estimator)
    names = getattr(model, "feature_names_in_", None)
    if names is None and hasattr(estimator, "steps") and len(estimator.steps) > 1:
        before = estimator[:-1]
        try:
            names = before.get_feature_names_out()
        except (AttributeError, ValueError):  # a step that names nothing
            names = None
    if names is None or len(names) != model.n_features_in_:
        return [f"x{j}" for j in range(model.n_features_in_)]
    return [str(name) for name in names]
