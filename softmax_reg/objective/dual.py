"""A proof that an optimum exists which needs no Hessian, only some products with it.

If no margin is negative along V, and l_ik > 0 have the gradient r = sum_ik l_ik grad m_ik, then

    |r| |V| >= r V = sum l m >= min l * sum m >= min l * n |V| / (sqrt(2) max |t|)

for the mean of sum_k m_ik^2 is at least |V|^2.  A smaller |r| proves that there is no such V but 0.
The l_ik are the weighted probabilities of the other classes, corrected as l_ik (1 - m_ik(d)).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.objective.margins import Margins
from softmax_reg.objective.point import Point

__all__ = ["proved_by_products"]

_EPS = float(np.finfo(np.float64).eps)
_MOST_PRODUCTS = 30
# The corrected l_ik may be so much smaller than l_ik.
_LARGEST_STEP = 0.9
# By how far a bound may be missed.
_SAFETY = 0.5


def proved_by_products(margins: Margins, point: Point) -> bool:
    """Return whether a few steps of conjugate gradients on H d = g prove that an optimum exists.

    H = sum l n n' and g = sum l n, with the gradients n of the margins; r = g - H d.
    """
    zero = np.zeros(margins.size)
    g, _, smallest = _product(margins, point, zero)
    # No |t| is above sqrt(n).
    enough = _SAFETY * (1.0 - _LARGEST_STEP) * smallest * np.sqrt(margins.n / 2.0)
    if enough <= 64.0 * _EPS * np.sqrt(margins.size):
        return False  # rounding could hide as much
    d, r, direction = zero, g, g
    for _ in range(_MOST_PRODUCTS):
        if np.linalg.norm(r) <= 0.5 * enough:
            break
        H_direction = g - _product(margins, point, direction)[0]
        bend = direction @ H_direction
        if not bend > 0.0:
            return False
        step = (r @ r) / bend
        d, before = d + step * direction, r @ r
        r = r - step * H_direction
        direction = r + (r @ r) / before * direction
    r, largest, _ = _product(margins, point, d)
    return bool(largest <= _LARGEST_STEP and np.linalg.norm(r) <= enough)


def _product(margins: Margins, point: Point, d: NDArray) -> tuple[NDArray, float, float]:
    """Return g - H d, the largest m_ik(d), and the smallest l_ik."""
    B, basis = margins.contrasts, margins.basis
    map_d = basis @ d.reshape(margins.rank, -1) @ B.T
    extremes = [(0.0, np.inf)]

    def visit(
        A: NDArray, y: NDArray, s: NDArray, P: NDArray, log_P: NDArray
    ) -> tuple[NDArray, ...]:
        own = np.arange(len(y)), y
        D = A @ map_d
        m = D[own][:, np.newaxis] - D
        weights = P * s[:, np.newaxis]
        weights[own] = np.inf
        extremes.append((float(m.max(initial=0.0)), float(weights.min(initial=np.inf))))
        weights[own] = 0.0
        weights *= 1.0 - m
        weights[own] = -weights.sum(axis=1)
        return (A.T @ (-weights @ B),)

    (r,) = margins.reduce(visit, point, whitened=False)
    return (basis.T @ r).ravel(), max(e[0] for e in extremes), min(e[1] for e in extremes)
