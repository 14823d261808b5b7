"""Data sets, an objective and optima to compare with, none of which uses the package.

The formula is written out once more here, the plain way, and minimised by the plain Newton method:
what the package is compared with must not share its mistakes.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import logsumexp
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.preprocessing import StandardScaler

LOADERS = {
    "iris": load_iris,
    "wine": load_wine,
    "breast_cancer": load_breast_cancer,
    "digits": load_digits,
}


@cache
def data(name):
    """Return read-only X, y of a data set: "iris", ..., "iris/std", ..., or "overlapping".

    "digits/third" is every third row of the digits, at a third of the cost.
    """
    if name == "overlapping":
        # Labels hardly depend on X: without a penalty there is an optimum.
        rng = np.random.default_rng(7)
        X = rng.normal(size=(150, 4)) * [1.0, 30.0, 0.02, 1.0] + [0.0, 100.0, 0.0, -3.0]
        y = np.repeat([0, 1, 2], 50)
        X[:, 0] += 0.5 * y
    elif name == "overlapping/two":
        # The mean radius and texture of tumours: malignant and benign ones overlap.
        X, y = load_breast_cancer(return_X_y=True)
        X = X[:, [1, 4, 8]]
    else:
        loader, *changes = name.split("/")
        X, y = LOADERS[loader](return_X_y=True)
        if "third" in changes:
            X, y = X[::3], y[::3]
        if "std" in changes:
            X = StandardScaler().fit_transform(X)
    X, y = np.array(X, dtype=np.float64), np.array(y)
    X.flags.writeable = y.flags.writeable = False
    return X, y


def uneven_weights(n, seed=0):
    """Return weights between 0.1 and 10, none of them 1, a tenth of them 0."""
    rng = np.random.default_rng(seed)
    weights = 10.0 ** rng.uniform(-1.0, 1.0, n)
    weights[rng.choice(n, n // 10, replace=False)] = 0.0
    return weights


def all_scores(X, coef, intercept):
    """Return X W + b in float64; with two classes the first has the score 0."""
    if hasattr(X, "toarray"):
        X = X.toarray()
    Z = np.asarray(X, np.float64) @ np.asarray(coef, np.float64).T + intercept
    return np.hstack([np.zeros_like(Z), Z]) if Z.shape[1] == 1 else Z


def penalised_loss(X, y, coef, intercept, C=1.0, l1_ratio=0.0, sample_weight=None):
    """Return F as docs/mathematics.md writes it, in float64."""
    codes = np.unique(y, return_inverse=True)[1]
    s = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    Z = all_scores(X, coef, intercept)
    W = np.asarray(coef, np.float64)
    loss = s @ (logsumexp(Z, axis=1) - Z[np.arange(len(Z)), codes]) / s.sum()
    penalty = (1.0 - l1_ratio) / 2.0 * np.sum(W**2) + l1_ratio * np.sum(np.abs(W))
    return loss + penalty / (C * s.sum())


def duality_gap(X, y, coef, intercept, C, sample_weight=None):
    """Return a bound on F - F* under an L2 penalty: F minus the value of the dual problem.

    The dual value of P, if each column of s (P - Y) sums to zero, is
    (1/S) sum_i s_i H(p_i) - |X' s (P - Y) / S|^2 / (2 alpha).
    """
    codes = np.unique(y, return_inverse=True)[1]
    s = np.ones(len(codes)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    Z = all_scores(X, coef, intercept)
    log_P = Z - logsumexp(Z, axis=1, keepdims=True)
    P = np.exp(log_P)
    alpha = 1.0 / (C * s.sum())
    entropy = -s @ np.sum(P * log_P, axis=1) / s.sum()
    R = (P - np.eye(P.shape[1])[codes]) * (s / s.sum())[:, np.newaxis]
    G = X.T @ R[:, P.shape[1] - len(coef) :]
    dual = entropy - np.sum(G**2) / (2.0 * alpha)
    return penalised_loss(X, y, coef, intercept, C, 0.0, sample_weight) - dual


@dataclass(frozen=True)
class Optimum:
    """Where F is smallest: W transposed and b as scikit-learn keeps them, and F there."""

    coef: np.ndarray
    intercept: np.ndarray
    value: float
    decrement: float  # what one more Newton step would gain


def newton(X, y, C=1.0, fit_intercept=True, sample_weight=None):
    """Return the optimum under an L2 penalty, by the textbook Newton method with a dense Hessian.

    The columns are centred (with an intercept) and scaled in advance, so that rounding is harmless.
    """
    X, (n, p) = np.asarray(X, np.float64), X.shape
    s = np.ones(n) if sample_weight is None else np.asarray(sample_weight, np.float64)
    alpha, s = 1.0 / (C * s.sum()), s / s.sum()
    Y = np.eye(len(np.unique(y)))[np.unique(y, return_inverse=True)[1]]
    free = slice(1 if Y.shape[1] == 2 else 0, None)
    mean = s @ X if fit_intercept else np.zeros(p)
    scale = np.sqrt(s @ (X - mean) ** 2 + alpha)
    scale[scale == 0.0] = 1.0
    A = (X - mean) / scale
    ridge = alpha / scale**2
    if fit_intercept:
        A, ridge = np.column_stack([A, np.ones(n)]), np.append(ridge, 0.0)
    q, r = A.shape[1], Y[:, free].shape[1]

    def evaluate(U):
        Z = np.zeros_like(Y)
        Z[:, free] = A @ U.T
        log_P = Z - logsumexp(Z, axis=1, keepdims=True)
        value = -s @ np.sum(Y * log_P, axis=1) + 0.5 * np.sum(ridge * U**2)
        P = np.exp(log_P)
        gradient = (s[:, np.newaxis] * (P - Y))[:, free].T @ A + ridge * U
        return value, gradient, P[:, free]

    U = np.zeros((r, q))
    value, gradient, P = evaluate(U)
    decrement = np.inf
    for _ in range(100):
        H = np.empty((r, q, r, q))
        for j in range(r):
            for k in range(j, r):
                H[j, :, k] = H[k, :, j] = (A.T * (s * P[:, j] * ((j == k) - P[:, k]))) @ A
            H[j, :, j] += np.diag(ridge)
        if r > 1:  # one shift of all classes changes nothing: give it some curvature
            H += np.eye(q)[np.newaxis, :, np.newaxis, :] / r
        step = -np.linalg.solve(H.reshape(r * q, r * q), gradient.ravel()).reshape(r, q)
        slope, before, t = np.vdot(gradient, step), decrement, 1.0
        decrement = -0.5 * slope
        while evaluate(U + t * step)[0] > value + 1e-4 * t * slope + 1e-15 * abs(value):
            t /= 2.0
        U = U + t * step
        value, gradient, P = evaluate(U)
        if decrement < 1e-20 or (decrement < 1e-13 * value and decrement >= 0.5 * before):
            break
    W = U[:, :p] / scale
    b = U[:, p] - W @ mean if fit_intercept else np.zeros(r)
    return Optimum(W, b, penalised_loss(X, y, W, b, C, 0.0, sample_weight), decrement)


@cache
def optimum(name, C=1.0, fit_intercept=True, weighted=False):
    """Return the optimum on a data set, found once per run of the tests and certified."""
    X, y = data(name)
    weights = uneven_weights(len(y)) if weighted else None
    found = newton(X, y, C, fit_intercept, weights)
    assert found.decrement <= 1e-13 * found.value
    if np.isfinite(C):
        gap = duality_gap(X, y, found.coef, found.intercept, C, weights)
        assert -1e-12 <= gap <= 1e-11 * max(found.value, 1e-2)
    return found


def centred(coef, intercept):
    """Return coefficients that sum to zero over the classes; a shift of all changes nothing."""
    if len(coef) == 1:
        return np.asarray(coef, np.float64), np.asarray(intercept, np.float64)
    return coef - np.mean(coef, axis=0), intercept - np.mean(intercept)


def relative_error(model, reference):
    """Return how far coefficients and intercept are from an optimum, in units of its norm."""
    W, b = centred(model.coef_, model.intercept_)
    W0, b0 = centred(reference.coef, reference.intercept)
    of_W = np.linalg.norm(W - W0) / np.linalg.norm(W0)
    return max(of_W, np.linalg.norm(b - b0) / max(np.linalg.norm(b0), 1.0))
