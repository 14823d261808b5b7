"""Minimises a quadratic plus the norm of a penalty: what a proximal Newton step has to solve.

    m(x) = g'(x - x0) + 1/2 (x - x0)' H (x - x0) + norm(x)

By a semismooth Newton method: a proximal gradient step guesses which coordinates are zero and
which sign the others have, Newton's method solves for the others, exactly where the norm is linear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.objective.restricted_penalty import RestrictedPenalty
from softmax_reg.preconditioning.cholesky import cholesky_solve

__all__ = ["minimise_model"]

_ROUNDS, _BURST = 60, 25
# The residual that ends it, in units of the first, is this at most, and the first residual itself:
# the nearer the optimum, the more exactly.
_ENOUGH = 0.1
# A way is left for the next one unless it brings the residual down to this share: along collinear
# features a walk from kink to kink can be endless.
_PROGRESS = 0.9
# So many rounds may all the same bring it down by less: a new quadratic then tells more.
_SLOW_ROUNDS = 5
# Newton's matrix gets so much of the residual times its diagonal added: next to directions without
# curvature the method else walks far past the next kink.  Where it does little but crawl so, damped
# is only what shifts all classes of a feature.
_DAMPING = 0.1
# So much, and whether it is of shifts alone.
Damping = tuple[float, bool]


def minimise_model(face: RestrictedPenalty, g: NDArray, H: NDArray, x0: NDArray) -> NDArray:
    """Return the minimiser of m, or a point near it: m falls with every round.

    M. Hintermueller, K. Ito and K. Kunisch (2003), "The primal-dual active set strategy as a
    semismooth Newton method", section 2, safeguarded by the value of m.

    Parameters
    ----------
    face : RestrictedPenalty
    g, x0 : ndarray of shape (m,), float64
    H : ndarray of shape (m, m), float64
    """
    bend = float(np.diag(H).mean())
    if not (np.isfinite(H).all() and bend > 0.0):
        return x0  # no curvature is left to go by, or more than floats can hold
    model, step = _Model(face, g, H, x0), 1.0 / bend
    x, slope, value = x0, g, face.nonsmooth_value(x0)
    guess, residual = _prox_step(face, x, slope, step)
    eps, slow = np.finfo(float).eps, 0
    enough, rounding = min(_ENOUGH, residual) * residual, 8.0 * eps * abs(value)
    for _ in range(_ROUNDS):
        unseen = 8.0 * eps * float(np.abs(x).max() + step * np.abs(slope).max())
        if residual <= max(enough, unseen) or slow > _SLOW_ROUNDS:
            break
        damping = _DAMPING * min(residual, 1.0) / step
        before = residual
        for attempt, damped in _ATTEMPTS:
            new = attempt(model, x, slope, guess, (damping, damped))
            new_slope, new_value = model.at(new)
            new_guess, new_residual = _prox_step(face, new, new_slope, step)
            # Where rounding hides the decrease, the residual decides in its place.
            if new_value < value - rounding or (
                new_value <= value + rounding and new_residual < residual
            ):
                x, slope, value, guess, residual = (
                    new, new_slope, new_value, new_guess, new_residual,
                )  # fmt: skip
                if residual <= _PROGRESS * before:
                    break
        if residual == before:
            break  # rounding has the last word
        slow += residual > _PROGRESS * before
    return x


def _prox_step(
    face: RestrictedPenalty, x: NDArray, slope: NDArray, step: float
) -> tuple[NDArray, float]:
    """Return where a proximal gradient step leads, and how far."""
    guess = face.prox(x - step * slope, step)
    return guess, float(np.abs(guess - x).max())


class _Model:
    """The function m."""

    def __init__(self, face: RestrictedPenalty, g: NDArray, H: NDArray, x0: NDArray) -> None:
        self.face, self.g, self.H, self.x0 = face, g, H, x0

    def at(self, x: NDArray) -> tuple[NDArray, float]:
        """Return the gradient of the quadratic and m(x)."""
        d = x - self.x0
        Hd = self.H @ d
        return self.g + Hd, float(self.g @ d + 0.5 * (d @ Hd)) + self.face.nonsmooth_value(x)

    @cached_property
    def largest(self) -> float:
        """The norm of H by the power method, a little more to be safe."""
        v = np.ones(len(self.H)) + 0.5 * np.cos(np.arange(len(self.H)))
        for _ in range(30):
            v = self.H @ (v / np.sqrt(v @ v))
        return 1.1 * float(np.sqrt(v @ v))

    def stationary(
        self, x: NDArray, slope: NDArray, like: NDArray, on: NDArray[np.bool_], damping: Damping
    ) -> NDArray:
        """Return where m is stationary on some coordinates, the others zero, to first order.

        The matrix is damped along shifts of all classes alone, or along every coordinate.
        Where the norm is smooth, norm'(y) ~ norm'(like) + norm''(like) (y - like).
        """
        # H (y - x) + slope + norm'(like) + norm''(like) (y - like) = 0 on these coordinates
        A = self.H[np.ix_(on, on)]
        size, of_shifts = damping
        if of_shifts:
            A += size * self.face.shifts(on)
        else:
            A[np.diag_indices_from(A)] += size
        right = slope + self.face.gradient(like) - self.H[:, ~on] @ x[~on]
        bend = self.face.curvature(like)
        if bend is not None:
            A += bend[np.ix_(on, on)]
            right += bend @ (x - like)
        y = np.zeros_like(x)
        if on.any():
            y[on] = x[on] - cholesky_solve(A, right[on])
        return y


def _jump(model: _Model, x: NDArray, slope: NDArray, guess: NDArray, damping: Damping) -> NDArray:
    """Return where m is stationary on the support of `guess`, as far as signs hold."""
    on = model.face.differentiable_at(guess)
    return model.face.project_to_orthant(model.stationary(x, slope, guess, on, damping), guess)


def _walk(model: _Model, x: NDArray, slope: NDArray, guess: NDArray, damping: Damping) -> NDArray:
    """Return the lowest kink on the way to where m is stationary on the support of x.

    H. Lee, A. Battle, R. Raina and A. Ng (2007), "Efficient sparse coding algorithms", algorithm 1
    (feature-sign search); all coordinates that should leave zero do, unless their sign is wrong.
    """
    face = model.face
    if face.couples_classes:
        return x  # there are no signs to hold
    like = np.where(x != 0.0, x, guess)
    on = face.differentiable_at(like)
    entering = on & ~face.differentiable_at(x)
    for _ in range(1 + np.count_nonzero(entering)):  # each round but the last takes some away
        y = model.stationary(x, slope, like, on, damping)
        wrong = entering & on & (y * like <= 0.0)
        if not wrong.any():
            break
        on = on & ~wrong
    crossing = np.flatnonzero(face.kinked & (x * y < 0.0))
    at = x[crossing] / (x[crossing] - y[crossing])
    d = y - x
    rise, bend = float(slope @ d), 0.5 * float(d @ (model.H @ d))
    best, lowest = x, np.inf
    for t in [*np.unique(at), 1.0]:
        new = x + t * d
        new[crossing[at == t]] = 0.0
        value = t * rise + t * t * bend + face.nonsmooth_value(new)
        if value >= lowest:
            break  # m is convex
        best, lowest = new, value
    return best


def _fista(model: _Model, x: NDArray, slope: NDArray, guess: NDArray, damping: Damping) -> NDArray:
    """Return what some accelerated proximal gradient steps make of x: Beck and Teboulle (2009)."""
    ahead, momentum, step = x, 1.0, 1.0 / model.largest
    for _ in range(_BURST):
        new = model.face.prox(ahead - step * model.at(ahead)[0], step)
        grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = new + (momentum - 1.0) / grown * (new - x)
        x, momentum = new, grown
    return x


# One after the other until one makes progress: along nearly collinear features damping leaves none.
_ATTEMPTS = [(_jump, False), (_walk, False), (_jump, True), (_walk, True), (_fista, False)]
