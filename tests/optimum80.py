"""An optimum that is found independently of the package: Newton's method in 80-bit floats.

For small dense data.  What a fit is compared with is F at an explicit point, evaluated here as the
fit's own is, so that each difference is real whatever the search did not find.
"""

import platform

import numpy as np
import pytest

__all__ = ["Problem80", "needs_80_bits", "solve"]

L = np.longdouble
_IS_WIDER = np.finfo(L).eps < 1e-2 * np.finfo(np.float64).eps
needs_80_bits = pytest.mark.skipif(
    not _IS_WIDER,
    reason=f"platform: np.longdouble is float64 on {platform.system()} {platform.machine()}",
)

_STEPS, _STEPS_UNDER_A_NORM, _SWEEPS = 150, 50, 30
# Close to separation a step gains little and the next ones more: so many in a row end the search.
_IDLE, _GAIN = 6, 1e-14
# The damping is a multiple of the diagonal of the Hessian.
_DAMPED, _LEAST_DAMPED, _MOST_DAMPED = L(1e-10), L(1e-19), L(1e8)
# A wild entry is this many times further from the median than the third largest distance.
_WILD = 100


class Problem80:
    """F of the elastic net, with features centred and scaled in 80-bit floats.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
    codes : ndarray of shape (n_samples,)
        0 .. n_classes - 1, each of them somewhere.
    weights : ndarray of shape (n_samples,)
    C, l1_ratio, fit_intercept, penalty_factor
        As the estimator takes them.
    """

    def __init__(
        self, X, codes, weights, C=1.0, l1_ratio=0.0, fit_intercept=True, penalty_factor=None
    ):
        self.given = X, codes, weights, C, l1_ratio, fit_intercept, penalty_factor
        self.X, self.codes, self.fit_intercept = np.asarray(X, L), codes, fit_intercept
        (n, self.p), self.K = self.X.shape, int(codes.max()) + 1
        self.n_rows = 1 if self.K == 2 else self.K
        weights = np.asarray(weights, L)
        self.total = weights.sum()
        self.s = weights / self.total
        alpha = L(0) if np.isinf(C) else 1 / (L(C) * self.total)
        factor = np.ones(self.p, L) if penalty_factor is None else np.asarray(penalty_factor, L)
        self.ridge, self.norm = alpha * (1 - L(l1_ratio)) * factor, alpha * L(l1_ratio) * factor
        # Of entries, not of the mean: next to a wild one that would take the others' digits.
        middle = np.sort(self.X, axis=0)[n // 2]
        self.centre = middle if fit_intercept else np.zeros(self.p, L)
        D = self.X - self.centre
        scale = np.sqrt(self.s @ D**2)
        self.scale = np.where(scale > 0, scale, 1)
        self.A = np.hstack([D / self.scale, np.ones((n, int(fit_intercept)), L)])
        none = np.zeros(int(fit_intercept), L)
        self.ridge_of_U = np.append(self.ridge / self.scale**2, none)[:, np.newaxis]
        self.norm_of_U = np.append(self.norm / self.scale, none)[:, np.newaxis]
        self.is_smooth = not self.norm.any()

    def value(self, coef, intercept):
        """Return F at coefficients as the estimator keeps them."""
        W = np.asarray(coef, L).T
        loss, _ = self._loss(self.X @ W + np.asarray(intercept, L))
        square = (self.ridge[:, np.newaxis] * W**2).sum() / 2
        return loss + square + (self.norm[:, np.newaxis] * abs(W)).sum()

    def lowest(self, coef, intercept):
        """Return the lowest F found from there, from zero, and from fits without wild rows."""
        starts = [self.inside(coef, intercept), np.zeros((self.A.shape[1], self.n_rows), L)]
        starts += self._without_wild_rows()
        with np.errstate(over="ignore", invalid="ignore"):  # where there is no optimum to come to
            found = [self.value(*self.outside(self.descend(U)[1])) for U in starts]
        return min(F for F in found if np.isfinite(F))

    def inside(self, coef, intercept):
        """Return coefficients as those of the centred and scaled features."""
        W = np.asarray(coef, L).T
        U = W * self.scale[:, np.newaxis]
        return (
            np.vstack([U, np.asarray(intercept, L) + self.centre @ W]) if self.fit_intercept else U
        )

    def outside(self, U):
        """Return the coefficients and intercepts, as the estimator has them, that U stands for."""
        W = U[: self.p] / self.scale[:, np.newaxis]
        b = U[-1] - self.centre @ W if self.fit_intercept else np.zeros(self.n_rows, L)
        return W.T, b

    def _loss(self, Z):
        """Return the mean loss of scores, and their probabilities."""
        if self.n_rows == 1:
            Z = np.hstack([np.zeros((len(Z), 1), L), Z])
        own = np.arange(len(Z)), self.codes
        Z = Z - Z[own][:, np.newaxis]
        top = Z.max(axis=1)
        E = np.exp(Z - top[:, np.newaxis])
        others = E.copy()
        others[own] = 0
        rest = others.sum(axis=1)
        # Where the own class is first its loss is of the size of the others' share.
        losses = np.where(top > 0, top + np.log(E[own] + rest), np.log1p(rest))
        used = self.s > 0
        return self.s[used] @ losses[used], E / E.sum(axis=1, keepdims=True)

    def _at(self, U):
        loss, P = self._loss(self.A @ U)
        square = (self.ridge_of_U * U**2).sum() / 2
        return loss + square + (self.norm_of_U * abs(U)).sum(), P

    def _model(self, U, P):
        """Return the gradient of the smooth part of F and its Hessian, both flat."""
        own = np.arange(len(P)), self.codes
        R = P.copy()
        R[own] = 0
        R[own] = -R.sum(axis=1)  # 1 - p without cancellation
        free = slice(self.K - self.n_rows, None)
        gradient = self.A.T @ (self.s[:, np.newaxis] * R[:, free]) + self.ridge_of_U * U
        d, K = self.A.shape[1], self.n_rows
        H = np.zeros((d, K, d, K), L)
        for k in range(K):
            p = P[:, free][:, k]
            rest = np.delete(P, k + self.K - self.n_rows, axis=1)
            H[:, k, :, k] = (self.A.T * (self.s * p * rest.sum(axis=1))) @ self.A
            for m in range(k):
                block = -(self.A.T * (self.s * p * P[:, m])) @ self.A
                H[:, k, :, m], H[:, m, :, k] = block, block.T
            H[range(d), k, range(d), k] += self.ridge_of_U[:, 0]
        if K > 1:
            # A shift of all classes changes nothing where it costs nothing: some curvature there.
            for j in np.flatnonzero((self.ridge_of_U + self.norm_of_U)[:, 0] == 0):
                H[j, :, j, :] += np.trace(H[j, :, j, :]) / K**2
        return gradient.ravel(), H.reshape(d * K, d * K)

    def descend(self, U):
        """Return the lowest F that damped Newton steps from U reach, and where."""
        value, P = self._at(U)
        damping, idle = _DAMPED, 0
        for _ in range(_STEPS if self.is_smooth else _STEPS_UNDER_A_NORM):
            gradient, H = self._model(U, P)
            lower = None
            while lower is None and damping <= _MOST_DAMPED:
                lower = self._step(U, value, gradient, H, damping)
                damping = damping / 30 if lower else 100 * max(damping, L(1e-16))
            if lower is None:
                break
            before, (U, value, P) = value, lower
            damping = max(damping, _LEAST_DAMPED)
            idle = idle + 1 if before - value < _GAIN * abs(value) else 0
            if idle >= _IDLE:
                break
        return value, U

    def _step(self, U, value, gradient, H, damping):
        """Return a lower point on the way to the minimum of the damped model, if there is one."""
        M, diagonal = H.copy(), np.diagonal(H)
        M[np.diag_indices_from(M)] += damping * diagonal + L(1e-19) * diagonal.max()
        target = self._target(U, gradient, M)
        if target is None:
            return None
        for t in 3.0 ** -np.arange(6):
            trial = U + L(t) * (target - U)
            new, P = self._at(trial)
            if new < value:
                return trial, new, P
        return None

    def _target(self, U, gradient, M):
        """Return where the quadratic model plus the norm is smallest, None if nowhere."""
        if self.is_smooth:
            step = solve(M, -gradient)
            return None if step is None else U + step.reshape(U.shape)
        norm, diagonal = np.repeat(self.norm_of_U[:, 0], self.n_rows), np.diagonal(M)
        u, r = U.ravel().copy(), gradient.copy()  # r: the gradient of the model at u
        for sweep in range(1, _SWEEPS + 1):
            largest = L(0)
            for j in np.flatnonzero(diagonal > 0):
                z = u[j] - r[j] / diagonal[j]
                move = np.sign(z) * max(abs(z) - norm[j] / diagonal[j], L(0)) - u[j]
                if move:
                    u[j] += move
                    r += move * M[j]
                    largest = max(largest, abs(move) * np.sqrt(diagonal[j]))
            if largest < 1e-13:
                break
            if sweep % 5 == 0:
                self._solve_on_support(u, r, norm, M)
        return u.reshape(U.shape)

    @staticmethod
    def _solve_on_support(u, r, norm, M):
        """Go to the minimum of the model where u is not zero, unless a sign changes on the way."""
        on = np.flatnonzero((u != 0) | (norm == 0))
        step = solve(M[np.ix_(on, on)], -(r[on] + norm[on] * np.sign(u[on])))
        if (
            step is not None
            and not ((np.sign(u[on]) * np.sign(u[on] + step) <= 0) & (norm[on] > 0)).any()
        ):
            u[on] += step
            r += M[:, on] @ step

    def _without_wild_rows(self):
        """Return optima of the other rows: with the columns of wild entries, and without."""
        X, codes, weights, C, l1_ratio, fit_intercept, factor = self.given
        distance = np.abs(self.X - np.median(self.X, axis=0))
        usual = np.sort(distance, axis=0)[-min(3, len(distance))]
        wild = distance > _WILD * np.where(usual > 0, usual, np.inf)
        rows = wild.any(axis=1)
        weights = np.where(rows, 0, np.asarray(weights, L))
        if not rows.any() or len(np.unique(codes[weights > 0])) < self.K:
            return []
        starts, C = [], L(C) * self.total / weights.sum()
        for kept in (np.ones(self.p, bool), ~wild.any(axis=0)):
            if not kept.any():
                continue
            part = None if factor is None else np.asarray(factor)[kept]
            problem = Problem80(X[:, kept], codes, weights, C, l1_ratio, fit_intercept, part)
            _, U = problem.descend(np.zeros((problem.A.shape[1], self.n_rows), L))
            coef, b = problem.outside(U)
            W = np.zeros((self.n_rows, self.p), L)
            W[:, kept] = coef
            starts.append(self.inside(W, b))
        return starts


def solve(M, b):
    """Return M^-1 b by Cholesky's method, None where M is not positive definite."""
    scale = np.sqrt(np.diagonal(M))
    if not np.isfinite(M).all() or not (scale > 0).all():
        return None
    F, x = M / scale / scale[:, np.newaxis], b / scale
    for j in range(len(b)):
        F[j:, j] -= F[j:, :j] @ F[j, :j]
        if not F[j, j] > 0:
            return None
        F[j:, j] /= np.sqrt(F[j, j])
        x[j] = (x[j] - F[j, :j] @ x[:j]) / F[j, j]
    for j in reversed(range(len(b))):
        x[j] = (x[j] - F[j + 1 :, j] @ x[j + 1 :]) / F[j, j]
    return x / scale
