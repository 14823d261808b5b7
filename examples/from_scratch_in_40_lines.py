"""What is softmax regression, in full? Gradient descent on cross-entropy with L2, in plain NumPy.

Checked against the package: the same loss after every step, and what is left to the optimum.
"""

import numpy as np
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression


def softmax(Z):
    E = np.exp(Z - Z.max(axis=1, keepdims=True))  # a shift of a row changes nothing but overflow
    return E / E.sum(axis=1, keepdims=True)


def loss(X, Y, W, b, alpha):
    P = softmax(X @ W + b)
    return -np.mean(np.sum(Y * np.log(P), axis=1)) + 0.5 * alpha * np.sum(W**2)


def gradient(X, Y, W, b, alpha):
    R = (softmax(X @ W + b) - Y) / len(X)  # predicted minus observed
    return X.T @ R + alpha * W, R.sum(axis=0)


def gradient_descent(X, y, C, learning_rate, n_iter):
    Y = np.eye(y.max() + 1)[y]  # one-hot: Y[i, k] is 1 if row i has class k
    alpha = 1.0 / (C * len(X))
    W, b = np.zeros((X.shape[1], Y.shape[1])), np.zeros(Y.shape[1])
    losses = [loss(X, Y, W, b, alpha)]
    for _ in range(n_iter):
        dW, db = gradient(X, Y, W, b, alpha)
        W, b = W - learning_rate * dW, b - learning_rate * db
        losses.append(loss(X, Y, W, b, alpha))
    return W, b, np.array(losses)


X, y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
W, b, losses = gradient_descent(X, y, C=1.0, learning_rate=1.0, n_iter=2000)
accuracy = np.mean(softmax(X @ W + b).argmax(axis=1) == y)

same = SoftmaxRegression(solver="gd", learning_rate=1.0, max_iter=2000).fit(X, y)
best = SoftmaxRegression().fit(X, y)
optimum = best.loss_curve_[-1]

print(f"Iris, standardised: accuracy {accuracy:.3f} on the training rows\n")
print(f"{'step':>6}{'loss':>14}{'above optimum':>16}")
for step in (0, 1, 10, 100, 1000, len(losses) - 1):
    print(f"{step:>6}{losses[step]:>14.10f}{losses[step] - optimum:>16.1e}")

n_common = min(len(losses), len(same.loss_curve_))
difference = np.abs(losses[:n_common] - same.loss_curve_[:n_common]).max()
print(f"\nLargest difference from solver='gd', {n_common - 1} steps: {difference:.0e}")
print(f"Largest difference from the optimal coefficients: {np.abs(W.T - best.coef_).max():.0e}")
print(f"The default solver, {best.solver_!r}, needed {best.n_iter_[0]} iterations.")
assert difference < 1e-12
