"""The softmax of two classes as a function of one number, the difference of their scores.

Equation numbers are those of Bishop (2006), "Pattern Recognition and Machine Learning".
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg._checks.scores import Floats, as_floats

__all__ = ["sigmoid"]


def sigmoid(x: ArrayLike) -> Floats:
    """Return 1 / (1 + exp(-x)): the softmax of two classes as a function of one number (eq. 4.59).

    Dividing p_1 = exp(z_1) / (exp(z_0) + exp(z_1)) by exp(z_1), above and below, shows that
    p_1 = sigmoid(z_1 - z_0) (eq. 4.57). Only exp(-|x|) is evaluated: it cannot overflow.

    Parameters
    ----------
    x : array_like of any shape
        Of the types that `softmax` takes.

    Returns
    -------
    proba : ndarray of the shape of x
        Between sigmoid(-inf) = 0 and sigmoid(inf) = 1.

    Raises
    ------
    TypeError
        If x does not hold real numbers.

    Examples
    --------
    >>> from softmax_reg.functional import sigmoid, softmax
    >>> sigmoid([-1000.0, 0.0, 2.0]).round(4)
    array([0.    , 0.5   , 0.8808])
    >>> softmax([0.0, 2.0]).round(4)
    array([0.1192, 0.8808])
    """
    x = as_floats(x, "x")
    small = np.exp(-np.abs(x))
    one = np.ones_like(small)
    # Where x < 0, numerator and denominator are multiplied by exp(x).
    return np.asarray(np.where(x < 0, small, one) / (one + small))
