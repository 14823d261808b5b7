"""Penalties on the coefficients: value, gradient of the smooth part, prox of the norm."""

from typing import Any

from softmax_reg.penalties.elastic_net import ElasticNet
from softmax_reg.penalties.group_lasso import GroupLasso
from softmax_reg.penalties.penalty import Penalty

__all__ = ["PENALTIES", "ElasticNet", "GroupLasso", "Penalty"]

# By its name; each is made of alpha, l1_ratio, factor and scale.
PENALTIES: dict[str, Any] = {
    kind.name: kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Penalty) and kind is not Penalty
}
