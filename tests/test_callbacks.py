"""The callbacks by themselves: when they stop, what they keep, what they print."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from objectives import objective_of, rows_and_labels, small_objective, somewhere

from softmax_reg.callbacks import EarlyStopping, PrintProgress
from softmax_reg.solvers import SOLVERS, minimize
from softmax_reg.solvers.base import Progress


def walk(objective, callback, ws):
    """Show a callback one point after another; return what it answered."""
    return [callback(Progress(i, len(ws), objective.at(w))) for i, w in enumerate(ws)]


def losses_of(values):
    """Return an objective of one feature and one row, and points w where it has these values."""
    objective = objective_of(np.ones((2, 1)), np.array([0, 1]), np.array([0.0, 1.0]), alpha=0.0,
                             fit_intercept=False)  # fmt: skip
    # log(1 + exp(-w)) = value
    return objective, [np.array([-np.log(np.expm1(value))]) for value in values]


def test_early_stopping_stops_so_many_iterations_after_the_lowest_loss():
    objective, ws = losses_of([0.9, 0.5, 0.6, 0.4, 0.45, 0.41, 0.7, 0.3])
    stopping = EarlyStopping(objective, n_iter_no_change=3)
    answers = walk(objective, stopping, ws[:7])
    assert [bool(answer) for answer in answers] == [False] * 6 + [True]
    assert stopping.best_iter == 3
    assert stopping.best.w == ws[3]
    assert_allclose(stopping.losses, [0.9, 0.5, 0.6, 0.4, 0.45, 0.41, 0.7], rtol=1e-12)


def test_early_stopping_keeps_the_first_of_equal_losses():
    objective, ws = losses_of([0.9, 0.5, 0.5, 0.5])
    stopping = EarlyStopping(objective, n_iter_no_change=2)
    assert [bool(answer) for answer in walk(objective, stopping, ws)] == [0, 0, 0, 1]
    assert stopping.best_iter == 1


def test_early_stopping_measures_other_rows_than_those_trained_on():
    X, codes, weights = rows_and_labels()
    training = objective_of(X[:40], codes[:40], weights[:40])
    validation = objective_of(X[40:], codes[40:], weights[40:], alpha=0.0)
    stopping = EarlyStopping(validation, 5)
    result = minimize(
        SOLVERS["lbfgs"](), training, np.zeros(training.size), tol=1e-9, max_iter=100,
        rng=np.random.default_rng(0), callbacks=[stopping],
    )  # fmt: skip
    assert len(stopping.losses) == result.n_iter + 1
    assert_allclose(stopping.losses[-1], validation.at(result.point.w).value, rtol=1e-12)


@pytest.mark.parametrize(
    ("verbose", "printed"), [(1, [0, 1, 2, 5, 10, 20, 50, 100]), (2, list(range(121)))]
)
def test_progress_is_printed_at_round_numbers_or_always(capsys, verbose, printed):
    objective = small_objective()
    point = objective.at(somewhere(objective))
    progress = PrintProgress(verbose)
    for n_iter in range(121):
        assert not progress(Progress(n_iter, 200, point))
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines] == printed
    match = re.search(r"loss\s+(\S+)\s+optimality\s+(\S+)", lines[0])
    assert_allclose([float(match[1]), float(match[2])], [point.value, point.optimality], rtol=1e-2)
