"""Marginal effects and their derivatives, as sums over the rows.

Of a feature that changes a little, with V_jk = theta_jk and m_j = sum_c p_c V_jc,

    e_kj = sum_i q_i p_k (V_jk - m_j)
    de_kj / dtheta_lt = sum_i q_i { a_t [d_kl p_k (V_jk - m_j) - p_k p_l (V_jk + V_jl - 2 m_j)]
                                    + d_jt p_k (d_kl - p_l) }

with weights q that sum to 1, rows a and d_kl = 1 where k = l.  All of it is a linear map of
T_klct = sum_i q_i p_k p_l p_c a_t, whatever the number of features.  Of a feature that changes from
one value to another, e_k is the difference of the p_k, and its derivative that of
sum_i q_i a_t p_k (d_kl - p_l).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.functional import softmax_in_place
from softmax_reg.inference.parametrisation import Parametrisation
from softmax_reg.inference.row_sums import parts_of

__all__ = ["change_effect", "slope_effects"]

Floats = NDArray[np.float64]


def slope_effects(
    data: Dataset, units: Parametrisation, w: NDArray, theta: Floats
) -> tuple[Floats, Floats]:
    """Return the effects of small changes of each feature, and their derivatives.

    Parameters
    ----------
    data : Dataset
        The rows to average over, by their weights.
    units : Parametrisation
    w : ndarray of shape (size,)
    theta : ndarray of shape (n_classes, n_terms)

    Returns
    -------
    effects : ndarray of shape (n_classes, n_features)
        In users' units of the features.
    jacobian : ndarray of shape (n_classes, n_features, n_classes, n_terms)
        By theta.
    """
    first = int(units.model.fit_intercept)
    (T3,) = data.reduce(partial(_triples, units, w))
    T2, K = T3.sum(axis=2), units.model.n_classes
    T1, pairs = T2.sum(axis=1), T2[..., -1]  # the last column of rows is 1
    means, terms = T1[:, -1], _terms_of(first, units.model.n_features)
    V = (theta - theta.mean(axis=0))[:, first:]  # a shift of all classes changes nothing
    effects = means[:, np.newaxis] * V - pairs @ V
    own = np.einsum("kj,kt->kjt", V, T1) - np.einsum("cj,kct->kjt", V, T2)
    J = 2.0 * np.einsum("cj,klct->kjlt", V, T3)
    J -= np.einsum("kj,klt->kjlt", V, T2) + np.einsum("lj,klt->kjlt", V, T2)
    every = np.arange(K)
    J[every, :, every] += own
    features = np.arange(V.shape[1])
    J[:, features, :, features] += np.diag(means) - pairs
    return effects / units.scale, J[..., terms] / units.scale[:, np.newaxis, np.newaxis]


def _terms_of(first: int, n_features: int) -> NDArray[np.intp]:
    """Return the columns of dense rows, the ones last, in the order of theta."""
    features = np.arange(n_features)
    return np.append([n_features], features) if first else features


def _triples(units: Parametrisation, w: NDArray, block: Block) -> tuple[Floats]:
    """Return the share of a block in T, shape (K, K, K, n_features + 1)."""
    along, model = units.along, units.model
    P, _ = model.softmax(w, block)
    K = model.n_classes
    total = np.zeros((K, K, K, len(along.features) + 1))
    for rows in parts_of(len(P), len(along.features) + 1 + 2 * K):
        A, q, p = along.dense(block.X[rows]), block.shares[rows], P[rows]
        for k in range(K):
            for m in range(k, K):
                triples = (p * (q[:, 0] * p[:, k] * p[:, m])[:, np.newaxis]).T @ A
                total[k, m] += triples
                if m > k:
                    total[m, k] += triples
    return (total,)


def change_effect(
    data: Dataset,
    units: Parametrisation,
    w: NDArray,
    theta: Floats,
    feature: int,
    values: tuple[float, float],
) -> tuple[Floats, Floats]:
    """Return the effect of a feature that changes from one value to another, and its derivatives.

    Returns
    -------
    effect : ndarray of shape (n_classes,)
    jacobian : ndarray of shape (n_classes, n_classes, n_terms)
        By theta.
    """
    first = int(units.model.fit_intercept)
    limits = (np.array(values) - units.mean[feature]) / units.scale[feature]
    slopes = theta[:, first + feature] - theta[:, first + feature].mean()
    (pairs,) = data.reduce(partial(_changed_pairs, units, w, feature, slopes, limits))
    singles = pairs.sum(axis=1)
    J, every = -pairs, np.arange(len(theta))
    J[every, every] += singles
    return singles[:, -1], J[..., _terms_of(first, units.model.n_features)]


def _changed_pairs(
    units: Parametrisation, w: NDArray, feature: int, slopes: Floats, limits: Floats, block: Block
) -> tuple[Floats]:
    """Return the change of sum q p_k p_l a_t of a block, shape (K, K, n_features + 1)."""
    along, model = units.along, units.model
    _, log_P = model.softmax(w, block)
    K = model.n_classes
    total = np.zeros((K, K, len(along.features) + 1))
    for rows in parts_of(len(log_P), len(along.features) + 1 + 2 * K):
        A, q = along.dense(block.X[rows]), block.shares[rows, 0]
        now = A[:, feature].copy()
        for sign, limit in zip((-1.0, 1.0), limits, strict=True):
            shift = (limit - now)[:, np.newaxis] * slopes
            P, _ = softmax_in_place(np.asfortranarray(log_P[rows] + shift))
            A[:, feature] = limit
            for k in range(K):
                total[k] += sign * ((P * (q * P[:, k])[:, np.newaxis]).T @ A)
    return (total,)
