"""Minimises a quadratic plus the rest of a penalty: what a proximal Newton step has to solve.

    m(x) = g'(x - x0) + 1/2 (x - x0)' H (x - x0) + rest(x)

By a semismooth Newton method: a proximal gradient step guesses which coordinates are zero and
which sign the others have, Newton's method solves for the others, exactly where the rest is linear.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from softmax_reg.faces import Face
from softmax_reg.maps import cholesky_solve

__all__ = ["minimise_model"]

_ROUNDS, _HALVINGS, _BURST = 60, 6, 25
# The residual that ends it, in units of the first, is this at most, and the first residual itself:
# the nearer the optimum, the more exactly.
_ENOUGH = 0.1
# Newton's matrix gets so much of the residual times its diagonal added: next to directions without
# curvature, along which the classes shift, the method else walks far past the next kink.
_DAMPING = 0.1


def minimise_model(face: Face, g: NDArray, H: NDArray, x0: NDArray) -> NDArray:
    """Return the minimiser of m, or as good a point as was found.

    M. Hintermueller, K. Ito and K. Kunisch (2003), "The primal-dual active set strategy as a
    semismooth Newton method", section 2; safeguarded by the value of m, and by bursts of FISTA.

    Parameters
    ----------
    face : Face
    g, x0 : ndarray of shape (m,), float64
    H : ndarray of shape (m, m), float64
    """
    step, largest = 1.0 / float(np.diag(H).mean()), 0.0
    x, slope, value = x0, g, face.rest(x0)
    enough = None
    for _ in range(_ROUNDS):
        guess = face.prox(x - step * slope, step)
        residual = float(np.abs(guess - x).max())
        enough = min(_ENOUGH, residual) * residual if enough is None else enough
        if residual <= enough:
            break
        target = _newton_target(face, x, guess, slope, H, _DAMPING * min(residual, 1.0) / step)
        for k in range(_HALVINGS):
            t = 0.5**k
            new = face.towards(x + t * (target - x), guess)
            new_slope, new_value = _model(face, g, H, x0, new)
            if new_value < value:
                break
        else:
            largest = largest or _largest_eigenvalue(H)
            new = _fista(face, g, H, x0, x, 1.0 / largest)
            new_slope, new_value = _model(face, g, H, x0, new)
            if new_value >= value:
                break  # rounding has the last word
        x, slope, value = new, new_slope, new_value
    return x


def _model(face: Face, g: NDArray, H: NDArray, x0: NDArray, x: NDArray) -> tuple[NDArray, float]:
    """Return the gradient of the quadratic and m(x)."""
    d = x - x0
    Hd = H @ d
    return g + Hd, float(g @ d + 0.5 * (d @ Hd)) + face.rest(x)


def _newton_target(
    face: Face, x: NDArray, guess: NDArray, slope: NDArray, H: NDArray, damping: float
) -> NDArray:
    """Return the point at which the model is stationary on the support of `guess`, to first order.

    Where rest is smooth, rest'(y) ~ rest'(guess) + rest''(guess) (y - guess), and elsewhere y = 0.
    """
    on = face.support(guess)
    bend = face.curvature(guess)
    A = H[np.ix_(on, on)] + damping * np.eye(np.count_nonzero(on))
    # H (y - x) + slope + rest'(guess) + rest'' (y - guess) = 0 on the support
    right = slope + face.gradient(guess) - H[:, ~on] @ x[~on]
    if bend is not None:
        A = A + bend[np.ix_(on, on)]
        right = right - bend @ (guess - x)
    y = np.zeros_like(x)
    if on.any():
        y[on] = x[on] - cholesky_solve(A, right[on])
    return y


def _largest_eigenvalue(H: NDArray) -> float:
    """Return the norm of H by the power method, a little more to be safe."""
    v = np.ones(len(H)) + 0.5 * np.cos(np.arange(len(H)))
    for _ in range(30):
        v = H @ (v / np.sqrt(v @ v))
    return 1.1 * float(np.sqrt(v @ v))


def _fista(face: Face, g: NDArray, H: NDArray, x0: NDArray, x: NDArray, step: float) -> NDArray:
    """Return what some accelerated proximal gradient steps make of x: Beck and Teboulle (2009)."""
    ahead, momentum = x, 1.0
    for _ in range(_BURST):
        new = face.prox(ahead - step * (g + H @ (ahead - x0)), step)
        grown = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * momentum**2))
        ahead = new + (momentum - 1.0) / grown * (new - x)
        x, momentum = new, grown
    return x
