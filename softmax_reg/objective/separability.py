"""Whether F has a minimiser along the directions without a penalty, or classes are separated.

F has none if some direction V lowers no margin m_ik(V) of a row's own class over another class,
and raises one (Albert and Anderson 1984): the coefficients can grow along it for ever.  Such a V
exists, or else (Stiemke 1915) numbers l_ik > 0 with

    sum_ik l_ik grad m_ik = 0

At a minimiser the probabilities of the other classes, times the weights, are such numbers.  Near
one they are when corrected by a step d of Newton's kind, l_ik (1 - m_ik(d)), if all are positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.objective.dual import proved_by_products
from softmax_reg.objective.linear_model import LinearModel
from softmax_reg.objective.margins import Margins
from softmax_reg.objective.objective import Objective
from softmax_reg.objective.point import Point
from softmax_reg.objective.separating import Face, lowest, near_face, separating_program

__all__ = ["Existence", "existence_of_optimum"]

_EPS = float(np.finfo(np.float64).eps)
# The corrected l_ik may be so much smaller than l_ik.
_LARGEST_STEP = 0.9
# Curvatures this far apart may tell the directions that separate from the others.
_GAP, _MOST_GAPS = 10.0, 2
# What eigenvectors cost, a few times, in multiply-adds for size^3: at most what the fit did, and
# so much in any case.
_EIGENVECTORS, _FREE_WORK = 30.0, 1e11
# With so many directions H is worth avoiding.
_MANY = 100
# A lowest margin, in units of |t|, that a direction nearby may raise to zero.
_PROMISING = 0.05


class Existence(Enum):
    """Whether an optimum exists."""

    PROVED = "exists"
    REFUTED = "does not exist"
    UNKNOWN = "is not known to exist"


def existence_of_optimum(objective: Objective, point: Point) -> Existence:
    """Return whether F has a minimiser, as far as that can be told.

    Parameters
    ----------
    objective : Objective
    point : Point
        The last iterate.  The closer it is to a minimiser, or the farther out where there is none,
        the fewer passes over the rows are needed.

    References
    ----------
    A. Albert and J. Anderson (1984), "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1-10; K. Konis (2007), "Linear programming algorithms for
    detecting separated data in binary logistic regression models", section 4.2.
    """
    free = objective.penalty.unpenalised(objective.n_features)
    if not free.any():
        return Existence.PROVED  # intercepts alone separate nothing
    if objective.data.targets.have_all:
        return Existence.PROVED  # no score of a row may grow beside the others
    if free.all() and point.reduce(_n_missed)[0][0] == 0:
        return Existence.REFUTED
    margins = Margins(objective)
    if not margins.has_basis:
        return Existence.UNKNOWN
    if margins.size == 0:
        return Existence.PROVED
    if margins.size > _MANY and proved_by_products(margins, point):
        return Existence.PROVED
    if not margins.fits:
        return Existence.UNKNOWN
    at = _Curvature.at(margins, point)
    if _is_stationary_point_near(margins, at):
        return Existence.PROVED
    found = None
    if _EIGENVECTORS * margins.size**3 <= max(_FREE_WORK, _work_done(objective)):
        found = _separated_nearby(margins, at)
    if found is None:
        whole = Face(np.eye(margins.size), _unit(at.v))
        found = separating_program(margins, at.mean_normal, at.radius, whole, nearby=False)
    return {True: Existence.REFUTED, False: Existence.PROVED, None: Existence.UNKNOWN}[found]


def _n_missed(model: LinearModel, w: NDArray, block: Block) -> tuple[NDArray]:
    """Return how many rows with a weight do not get their highest score for their own class."""
    block = block.expanded()
    Z = model.softmax(w, block)[1] if block.offset is None else model.linear(block.X, w)
    missed = (Z >= Z[block.targets.own][:, np.newaxis]).sum(axis=1) > 1
    return (np.array([np.count_nonzero(missed & (block.weights > 0.0))]),)


def _work_done(objective: Objective) -> float:
    """Return about how many multiply-adds the passes over the rows have taken so far."""
    rows = objective.data.rows
    return 2.0 * rows.n_read * objective.n_classes * (rows.origin.per_row + 10.0)


@dataclass
class _Curvature:
    """Sums over rows i and other classes k, with l_ik = s_i P_ik and n_ik = grad m_ik.

    H = sum l n n',   g = sum l n,   mean_normal = mean n,   v: w itself,   radius: the largest |t|
    """

    H: NDArray
    g: NDArray
    mean_normal: NDArray
    v: NDArray
    radius: float

    @classmethod
    def at(cls, margins: Margins, point: Point) -> _Curvature:
        B, K = margins.contrasts, len(margins.classes)
        longest = [0.0]

        def visit(
            T: NDArray, y: NDArray, s: NDArray, P: NDArray, log_P: NDArray
        ) -> tuple[NDArray, ...]:
            own = np.arange(len(y)), y
            P[own] = 0.0
            weights = P * s[:, np.newaxis]
            grams = margins.grams(T, y, weights)
            # sum_k l_k (B_y - B_k), and the same for l = 1, where the B_k sum to 0.
            weights[own] = -weights.sum(axis=1)
            longest.append(float(np.einsum("ij,ij->i", T, T).max(initial=0.0)))
            return grams, T.T @ (-weights @ B), T.T @ (K * B[y]), T.T @ (log_P @ B)

        grams, g, normals, v = margins.reduce(visit, point)
        H, radius = margins.assembled(grams), max(longest) ** 0.5
        return cls(H, g.ravel(), normals.ravel() / margins.n, v.ravel() / margins.n, radius)


def _is_stationary_point_near(margins: Margins, at: _Curvature) -> bool:
    """Return whether l_ik (1 - m_ik(d)) > 0 with H d = g: then they have no gradient.

    H must be definite by more than rounding: it could hide a direction along which it is not.
    """
    floor = 64.0 * _EPS * margins.size * max(at.radius, 1.0)
    try:
        root = np.linalg.cholesky(at.H - floor * np.eye(margins.size))
    except np.linalg.LinAlgError:
        return False
    d = scipy.linalg.cho_solve((root, True), at.g)
    for _ in range(2):
        d += scipy.linalg.cho_solve((root, True), at.g - at.H @ d)
    largest = [0.0]

    def visit(T: NDArray, y: NDArray, s: NDArray) -> tuple[NDArray, ...]:
        D = T @ (d.reshape(margins.rank, -1) @ margins.contrasts.T)
        largest.append(float((D[np.arange(len(y)), y] - D.min(axis=1)).max(initial=0.0)))
        return ()

    margins.reduce(visit)
    return max(largest) <= _LARGEST_STEP


def _separated_nearby(margins: Margins, at: _Curvature) -> bool | None:
    """Return True if a direction close to w separates, else None.

    Where F has no minimiser w has moved far in directions in which nearly no curvature is left.
    They are those below a gap in the eigenvalues.
    """
    values, vectors = np.linalg.eigh(at.H)
    values = np.maximum(values, _EPS * values[-1])
    gaps = values[1:] / values[:-1]
    widest = np.argsort(-gaps, kind="stable")[:_MOST_GAPS]
    for cut in widest[gaps[widest] >= _GAP]:
        face = near_face(margins, vectors[:, : cut + 1], at.v)
        lows = lowest(margins, face.V, 1)
        if lows.separates:
            return True
        if lows.least > -_PROMISING and face.V.any():
            found = separating_program(margins, at.mean_normal, at.radius, face, nearby=True)
            if found:
                return True
    return lowest(margins, _unit(at.v), 1).separates or None


def _unit(V: NDArray) -> NDArray:
    length = np.linalg.norm(V)
    return V / length if length > 0.0 else V
