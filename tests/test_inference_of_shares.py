"""`inference` and `bootstrap` of fits to counts, to shares and with offsets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from softmax_reg import SoftmaxRegression, bootstrap


def problem(n_classes, n=80, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 10.0, 0.1]
    N = rng.multinomial(7, np.full(n_classes, 1.0 / n_classes), size=n)
    N += rng.multinomial(3, np.eye(n_classes)[0] * 0.5 + 0.5 / n_classes, size=n)
    return X, N, rng.normal(size=(n, n_classes))


def as_rows(X, N, offset):
    rows = np.repeat(np.arange(len(X)), N.shape[1])
    return X[rows], np.tile(np.arange(N.shape[1]), len(X)), N.ravel(), offset[rows]


@pytest.mark.parametrize("with_offset", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_counts_have_the_standard_errors_of_rows(n_classes, with_offset):
    X, N, M = problem(n_classes)
    M = M if with_offset else 0.0 * M
    rows, labels, times, offset = as_rows(X, N, M)
    totals = N.sum(axis=1)
    counted = SoftmaxRegression(C=np.inf, tol=1e-11).fit_counts(X, N, offset=M)
    repeated = SoftmaxRegression(C=np.inf, tol=1e-11).fit(rows, labels, times, offset=offset)
    ours = counted.inference(X, N / totals[:, np.newaxis], totals, offset=M)
    theirs = repeated.inference(rows, labels, times, offset=offset)
    for name in ("coef", "se", "cov"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-7, atol=1e-10)
    for name in ("loglik", "loglik_null", "aic", "bic"):
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-10)
    effects = [one.marginal_effects() for one in (ours, theirs)]
    assert_allclose(effects[0].effect, effects[1].effect, rtol=1e-7, atol=1e-12)
    assert_allclose(effects[0].se, effects[1].se, rtol=1e-7)
    # Scores of clusters are sums: those of a row of counts are those of its rows.
    groups = np.arange(len(X)) // 4
    given = {"cov_type": "cluster", "groups": groups}
    ours = counted.inference(X, N / totals[:, np.newaxis], totals, offset=M, **given)
    given["groups"] = np.repeat(groups, n_classes)
    theirs = repeated.inference(rows, labels, times, offset=offset, **given)
    assert_allclose(ours.se, theirs.se, rtol=1e-6)


def test_shares_are_observations_and_their_robust_errors_those_of_their_scores():
    X, N, _ = problem(3)
    Y = N / N.sum(axis=1, keepdims=True)
    model = SoftmaxRegression(C=np.inf, tol=1e-11).fit_proba(X, Y)
    robust = model.inference(X, Y, cov_type="HC0")
    P, A = model.predict_proba(X), np.column_stack([np.ones(len(X)), X])
    U = np.einsum("ik,ij->ikj", (Y - P)[:, 1:], A).reshape(len(X), -1)
    weights = np.einsum("ik,kl->ikl", P, np.eye(3)) - np.einsum("ik,il->ikl", P, P)
    H = np.einsum("ikl,ij,im->kjlm", weights[:, 1:, 1:], A, A).reshape(U.shape[1], -1)
    cov = np.linalg.inv(H) @ U.T @ U @ np.linalg.inv(H)
    assert_allclose(robust.se, np.sqrt(np.diag(cov)), rtol=1e-6)


def test_what_has_no_errors_is_refused():
    X, N, M = problem(3)
    totals = N.sum(axis=1)
    Y = N / totals[:, np.newaxis]
    counted = SoftmaxRegression(C=np.inf).fit_counts(X, N)
    with pytest.raises(ValueError, match="a row for each class"):
        counted.inference(X, Y, totals, cov_type="HC1")
    with pytest.raises(ValueError, match="a row for each class"):
        bootstrap(counted, X, Y, totals, n=3)
    smooth = SoftmaxRegression(C=np.inf, label_smoothing=0.1).fit(X, N.argmax(axis=1))
    with pytest.raises(ValueError, match="no likelihood"):
        smooth.inference(X, N.argmax(axis=1))
    shifted = SoftmaxRegression(C=np.inf).fit_proba(X, Y, offset=M)
    with pytest.raises(ValueError, match="fitted with an offset"):
        shifted.inference(X, Y)
    with pytest.raises(ValueError, match="at='average'"):
        shifted.inference(X, Y, offset=M).marginal_effects(at="mean")


@pytest.mark.parametrize("parameters", [{"C": np.inf}, {"class_weight": {0: 1.0, 1: 2.0, 2: 3.0}}])
def test_rows_of_shares_are_drawn_whole(parameters):
    X, N, M = problem(3)
    Y = N / N.sum(axis=1, keepdims=True)
    model = SoftmaxRegression(**parameters).fit_proba(X, Y, offset=M)
    found = bootstrap(model, X, Y, offset=M, n=40, random_state=0)
    rng, draws = np.random.default_rng(0), []
    for _ in range(40):
        rows = rng.integers(len(X), size=len(X))
        fitted = SoftmaxRegression(**parameters).fit_proba(X[rows], Y[rows], offset=M[rows])
        draws.append(fitted.coef_)
    spread = found.draws[:, :, 1:].std(axis=0)
    assert_allclose(spread, np.std(draws, axis=0), rtol=0.5)
