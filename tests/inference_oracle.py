"""Covariances and marginal effects by their definitions, row by row, in plain NumPy."""

import numpy as np
from problems import all_scores
from scipy.special import softmax


def design(X, fit_intercept=True):
    X = X.toarray() if hasattr(X, "toarray") else np.asarray(X, np.float64)
    return np.column_stack([np.ones(len(X)), X]) if fit_intercept else X


def probabilities(X, model):
    return softmax(all_scores(np.asarray(X, np.float64), model.coef_, model.intercept_), axis=1)


def scores_and_information(X, codes, P, weights, base, fit_intercept=True):
    """Return the scores of the rows, (n, (K - 1) q), and the information, class by class."""
    A, others = design(X, fit_intercept), np.delete(np.arange(P.shape[1]), base)
    Y = np.eye(P.shape[1])[codes]
    U, size = [], len(others) * A.shape[1]
    information = np.zeros((size, size))
    for a, p, y, s in zip(A, P[:, others], Y[:, others], weights, strict=True):
        U.append(s * np.kron(y - p, a))
        information += s * np.kron(np.diag(p) - np.outer(p, p), np.outer(a, a))
    return np.array(U), information


def covariance(X, codes, P, *, base=0, weights=None, counts=None, kind="nonrobust", groups=None,
               fit_intercept=True):  # fmt: skip
    """Return the covariance of the coefficients, by the formulas of White, Liang and Zeger."""
    n = len(codes)
    weights = np.ones(n) if weights is None else weights
    counts = np.ones(n) if counts is None else counts
    U, information = scores_and_information(X, codes, P, weights, base, fit_intercept)
    inverse = np.linalg.inv(information)
    if kind == "nonrobust":
        return inverse
    if kind == "cluster":
        sums = np.array([U[groups == g].sum(axis=0) for g in np.unique(groups)])
        G = len(sums)
        return G / (G - 1) * inverse @ (sums.T @ sums) @ inverse
    meat = (U / np.where(counts > 0, counts, 1.0)[:, np.newaxis]).T @ U
    factor = counts.sum() / (counts.sum() - len(inverse)) if kind == "HC1" else 1.0
    return factor * inverse @ meat @ inverse


def average_effects(theta, X, weights, fit_intercept=True):
    """Return the mean of P_k (W_jk - sum_c P_c W_jc), (K, p); theta has a row for each class."""
    A = design(X, fit_intercept)
    P, W = softmax(A @ theta.T, axis=1), theta[:, 1:] if fit_intercept else theta
    of_rows = P[:, :, np.newaxis] * (W - (P @ W)[:, np.newaxis, :])
    return np.tensordot(weights / weights.sum(), of_rows, axes=1)


def derivatives(function, x, step=1e-6):
    """Return the Jacobian of a function by central differences, of fourth order."""
    x = np.asarray(x, np.float64)
    columns = []
    for i in range(x.size):
        e = np.zeros(x.size)
        e[i] = h = step * max(1.0, abs(x.flat[i]))
        e = e.reshape(x.shape)
        near, far = function(x + e) - function(x - e), function(x + 2 * e) - function(x - 2 * e)
        columns.append(((8.0 * near - far) / (12.0 * h)).ravel())
    return np.column_stack(columns)
