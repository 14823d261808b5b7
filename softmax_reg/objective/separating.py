"""Directions that separate: whether one does, and a linear program that finds one.

    maximise  sum_ik m_ik(V)   subject to   m_ik(V) >= 0   and bounds on V

over the rows i and the other classes k.  With bounds about 0 the maximum is 0 if and only if no V
separates.  Few of the margins matter: the program begins with few, and takes in those that its
solution makes negative.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from softmax_reg.objective.margins import Margins

__all__ = ["Face", "Lows", "lowest", "near_face", "separating_program"]

_EPS = float(np.finfo(np.float64).eps)
# Margins in units of |t| |V|: zero but for rounding, zero but for the tolerance of the program,
# certainly not zero.
_ZERO, _NEARLY_ZERO, _POSITIVE = 1e-10, 1e-8, 1e-6
# A margin is taken for zero in all directions of a space where it changes by less than this.
_FLAT = 1e-3
_PROBES = 8
_TOLERANCE = 1e-9  # of the linear program
# How far from a direction that separates nearly all rows one is looked for that separates all.
_NEARBY = 0.01
# Margins taken into the program in each round, for each coordinate, and how many times as many are
# looked through before all rows are again.
_TOGETHER, _POOL = 4, 10
# Solving the program once takes some ten multiply-adds for each entry and column.  All rounds
# together are to take no more than a few seconds.
_MOST_ROUNDS, _MOST_ENTRIES, _MOST_WORK = 60, 2_000_000, 2e8
# By how far a maximum may be missed.
_SAFETY = 0.5


@dataclass
class Face:
    """The directions along which margins near zero are zero, and one of them.

    Attributes
    ----------
    basis : ndarray of shape (size, dimension)
        Orthonormal.
    V : ndarray of shape (size,)
        Of length 1 or 0.
    """

    basis: NDArray
    V: NDArray


@dataclass
class Lows:
    """The lowest margins along a direction of length 1, in units of |t|.

    Attributes
    ----------
    least : float
        The lowest of all.
    normals : ndarray of shape (n, size)
        The gradients of the lowest of each row, in units of |t|, in rising order.
    separates : bool
        Whether none is negative, beyond rounding, and one is positive.
    """

    least: float
    normals: NDArray
    separates: bool


def near_face(margins: Margins, space: NDArray, V: NDArray) -> Face:
    """Return the directions that make zero what margins hardly change in a space, and V there.

    Parameters
    ----------
    margins : Margins
    space : ndarray of shape (size, dimension)
        An orthonormal basis.
    V : ndarray of shape (size,)
    """
    # A margin that changes in some direction of the space does so in one drawn at random.
    probes = space.T
    if len(probes) > _PROBES:
        probes = np.random.default_rng(0).normal(size=(_PROBES, len(probes))) @ probes

    def visit(T: NDArray, y: NDArray, s: NDArray) -> tuple[NDArray, ...]:
        near = np.ones((len(T), len(margins.classes)), dtype=bool)
        for probe in probes:
            near &= np.abs(margins.of(T, y, probe)) <= _FLAT
        return (_equal_grams(margins, T, y, near),)

    basis = _flat_directions(margins, margins.reduce(visit)[0])
    return Face(basis, _unit(basis @ (basis.T @ V)))


def lowest(margins: Margins, V: NDArray, wanted: int, below: float = np.inf) -> Lows:
    """Return the lowest margins along V, of length 1, and the normals of those `below` a bound."""
    found = _Smallest(wanted)

    def visit(T: NDArray, y: NDArray, s: NDArray) -> tuple[NDArray, ...]:
        m = margins.of(T, y, V)
        k = m.argmin(axis=1)
        least = m[np.arange(len(y)), k]
        rows = np.flatnonzero(least < below)
        if len(rows) > wanted:
            rows = rows[np.argpartition(least[rows], wanted)[:wanted]]
        normals = margins.normals(T[rows], y[rows], k[rows]) / lengths(T[rows])
        found.add(least[rows], normals)
        some = np.any(np.isfinite(m) & (m > _POSITIVE))
        return (np.array([np.count_nonzero(least < -_ZERO), some], dtype=np.float64),)

    n_negative, some = margins.reduce(visit)[0]
    least, normals = found.all()
    return Lows(float(least.min(initial=below)), normals, bool(n_negative == 0 and some))


class _Smallest:
    """The smallest of many numbers, with a vector each, brought together by several threads."""

    def __init__(self, wanted: int) -> None:
        self._wanted, self._lock = wanted, Lock()
        self._parts: list[tuple[NDArray, NDArray]] = []

    def add(self, numbers: NDArray, vectors: NDArray) -> None:
        with self._lock:
            self._parts.append((numbers, vectors))
            if sum(len(part) for part, _ in self._parts) > 4 * self._wanted:
                self._parts = [self._merged()]

    def all(self) -> tuple[NDArray, NDArray]:
        """Return the numbers in rising order, and their vectors."""
        return self._merged()

    def _merged(self) -> tuple[NDArray, NDArray]:
        numbers = np.concatenate([part for part, _ in self._parts])
        vectors = np.concatenate([part for _, part in self._parts])
        # Equal numbers by their vectors: the order is the same in whatever order threads come.
        ties = vectors @ np.arange(1.0, vectors.shape[1] + 1.0)
        order = np.lexsort((ties, numbers))[: self._wanted]
        return numbers[order], vectors[order]


def separating_program(
    margins: Margins, mean_normal: NDArray, radius: float, start: Face, nearby: bool
) -> bool | None:
    """Return whether some direction separates; None if it is not found out.

    Parameters
    ----------
    margins : Margins
    mean_normal : ndarray of shape (size,)
        The mean over the rows of the sum over the other classes of the gradients of the margins.
    radius : float
        The largest |t|.
    start : Face
        Where to look, and a direction whose lowest margins come first.
    nearby : bool
        Whether to look close to that direction only; if nothing is there the answer is None.
    """
    basis, c = start.basis, start.basis.T @ mean_normal
    centre = start.basis.T @ start.V if nearby else np.zeros(basis.shape[1])
    reach = _NEARBY if nearby else 1.0
    bounds = np.column_stack([centre - reach, centre + reach])
    # A V that separates, as large as the bounds let it be, has a mean sum of margins of at least
    # |V|^2 / (largest margin) >= 1 / (sqrt(2) radius), for the mean of t' t is the identity.
    least = 0.0 if nearby else _SAFETY / (np.sqrt(2.0) * radius)
    together = max(_TOGETHER * len(c), 100)
    wanted = min(_POOL * together, max(_MOST_ENTRIES // margins.size, 1))
    pool = lowest(margins, start.V, wanted).normals @ basis
    used = np.arange(len(pool)) < together
    work = 0.0
    for _ in range(_MOST_ROUNDS):
        work += used.sum() * len(c) ** 2
        best = _maximised(c, pool[used], bounds) if work <= _MOST_WORK else None
        if best is None:
            return None
        if c @ best < least:
            return None if nearby else False
        z = _unit(best)
        if not np.any(pool @ z < -_NEARLY_ZERO):
            lows = lowest(margins, basis @ z, wanted, below=-_NEARLY_ZERO)
            if len(lows.normals) == 0:
                return lows.separates or _separates_nearly(margins, basis @ z) or None
            pool = np.vstack([pool, lows.normals @ basis])
            used = np.append(used, np.zeros(len(lows.normals), dtype=bool))
        low = np.where(used, np.inf, pool @ z)
        worst = np.argsort(low, kind="stable")[:together]
        used[worst[low[worst] < -_NEARLY_ZERO]] = True
    return None


def _separates_nearly(margins: Margins, V: NDArray) -> bool:
    """Return whether V separates when margins within the program's tolerance are made zero."""

    def visit(T: NDArray, y: NDArray, s: NDArray) -> tuple[NDArray, ...]:
        return (_equal_grams(margins, T, y, np.abs(margins.of(T, y, V)) <= _NEARLY_ZERO),)

    basis = _flat_directions(margins, margins.reduce(visit)[0])
    return lowest(margins, _unit(basis @ (basis.T @ V)), 1).separates


def _equal_grams(margins: Margins, T: NDArray, y: NDArray, chosen: NDArray) -> NDArray:
    """Return `Margins.grams` of chosen margins in units of |t|."""
    return margins.grams(T / lengths(T), y, chosen.astype(np.float64))


def _flat_directions(margins: Margins, grams: NDArray) -> NDArray:
    """Return an orthonormal basis of the directions that change none of the margins in `grams`."""
    values, vectors = np.linalg.eigh(margins.assembled(grams) / margins.n)
    return vectors[:, values <= 64.0 * _EPS * margins.size * max(values[-1], 0.0)]


def _maximised(c: NDArray, normals: NDArray, bounds: NDArray) -> NDArray | None:
    """Return the V of the largest c V within bounds that makes no margin negative, or None."""
    program = linprog(
        c=-c,
        A_ub=-normals,
        b_ub=np.zeros(len(normals)),
        bounds=bounds,
        method="highs",
        options={
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
        },
    )
    return program.x if program.status == 0 else None


def lengths(T: NDArray) -> NDArray:
    """Return |t| of each row, shape (rows, 1), or 1 where it is 0."""
    length = np.linalg.norm(T, axis=1)[:, np.newaxis]
    return np.where(length > 0.0, length, 1.0)


def _unit(V: NDArray) -> NDArray:
    length = np.linalg.norm(V)
    return V / length if length > 0.0 else V
