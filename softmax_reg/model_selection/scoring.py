"""The score that `scoring` names, and which metadata go to it and to the splitter of the rows."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray

from softmax_reg._compat import (
    UNUSED,
    MetadataRouter,
    MethodMapping,
    get_scorer,
    process_routing,
    raise_for_params,
    routing_enabled,
    scorer_with_labels,
)
from softmax_reg.dataset.namespaces import all_on_host, fitted, place_for
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.user_rows import labels_of, refuse_no_labels
from softmax_reg.drop_in import scoring_meant
from softmax_reg.model_selection.cross_validation import neg_log_loss

__all__ = ["ScoringMixin"]


class ScoringMixin:
    """What follows from the parameters `scoring` and `cv`."""

    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED}

    classes_: NDArray
    cv: Any
    scoring: Any

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> float:
        """Return the score that `scoring` names, on the given rows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features), or BatchSource
            A source brings its own labels and weights.  It is read a batch at a time; what the
            model predicts for all of its rows is in memory at once.
        y : array-like of shape (n_samples,), default=None
            The true labels; None with a source.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows; None with a source.
        **params
            What is routed to the scorer; needs metadata routing.

        Returns
        -------
        score : float
        """
        raise_for_params(params, self, "score")
        if isinstance(X, BatchSource):
            y, sample_weight = labels_of(self, X, y, sample_weight)
        else:
            place_for(self, X, "score")
        refuse_no_labels(X, y)
        model, (X, y, sample_weight) = fitted(self), all_on_host(X, y, sample_weight)
        if sample_weight is not None:
            params = params | {"sample_weight": sample_weight}
        if routing_enabled():
            params = process_routing(self, "score", **params)["scorer"]["score"]
        return float(scorer_with_labels(self._scorer(), self.classes_)(model, X, y, **params))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata go where, as scikit-learn asks for it.

        Returns
        -------
        routing : MetadataRouter
        """
        to_split = MethodMapping().add(caller="fit", callee="split")
        to_score = MethodMapping().add(caller="score", callee="score")
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=to_split)
            .add(scorer=self._scorer(), method_mapping=to_score.add(caller="fit", callee="score"))
        )

    def _routed(self, sample_weight: Any, params: dict[str, Any]) -> tuple[dict, dict]:
        """Return what the splitter and what the scorer gets."""
        if routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return routed["splitter"]["split"], routed["scorer"]["score"]
        return {}, {} if sample_weight is None else {"sample_weight": sample_weight}

    def _fast_scorer(self) -> Any:
        """Return what scores the fits of the folds, which know all the classes."""
        if self.scoring == "neg_log_loss":
            return neg_log_loss
        return scorer_with_labels(self._scorer(), self.classes_)

    def _scorer(self) -> Any:
        return get_scorer(scoring_meant(self.scoring))
