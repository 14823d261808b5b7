"""A callback ends a fit by returning True, and by nothing else that it returns."""

import io

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import data

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from softmax_reg.solvers.events import ask

X, Y = data("iris")
CS = [0.1, 1.0, 10.0]


class NoTruth:
    """As an array of several numbers, or a frame: whether it is true cannot be asked."""

    def __bool__(self):
        raise ValueError("the truth value is ambiguous")

    def __eq__(self, other):
        raise ValueError("so is equality")

    __hash__ = None


class LikesToStop(str):
    """A bar, a text, a future: something that is true."""


BY_THE_WAY = {
    "a number": 12,
    "one": 1,
    "one of NumPy": np.int64(1),
    "one with decimals": 1.0,
    "text": "more",
    "a list": [True],
    "an array": np.array([True, True]),
    "an array of one": np.array(True),
    "no truth": NoTruth(),
    "an object": object(),
    "a string of a kind": LikesToStop("True"),
    "a class": bool,
    "False": False,
    "False of NumPy": np.False_,
    "None": None,
}
by_the_way = pytest.mark.parametrize("answer", BY_THE_WAY.values(), ids=list(BY_THE_WAY))
true = pytest.mark.parametrize("answer", [True, np.True_, np.float64(2.0) > 1], ids=repr)


def fits(callbacks):
    model = SoftmaxRegression(callbacks=callbacks).fit(X, Y)
    return model.n_iter_[0], SoftmaxRegression().fit(X, Y).n_iter_[0]


def paths(callbacks):
    return len(softmax_path(X, Y, Cs=CS, callbacks=callbacks).Cs_), len(CS)


def searches(callbacks, n_jobs=None):
    model = SoftmaxRegressionCV(Cs=CS, cv=2, callbacks=callbacks, n_jobs=n_jobs).fit(X, Y)
    return np.isfinite(model.scores_).sum(), 2 * len(CS)


each_entry = pytest.mark.parametrize("entry", [fits, paths, searches])


@each_entry
@by_the_way
def test_what_a_callback_returns_by_the_way_is_ignored(entry, answer):
    done, wanted = entry(lambda progress: answer)
    assert done == wanted


@each_entry
@true
def test_true_stops(entry, answer):
    done, wanted = entry([lambda progress: NoTruth(), lambda progress: answer])
    assert 0 <= done < wanted


@pytest.mark.slow
def test_several_jobs_tell_of_all_fits_whatever_a_callback_returns():
    done, wanted = searches(lambda progress: 1, n_jobs=2)
    assert done == wanted


def test_a_line_written_for_each_iteration_ends_no_fit():
    file = io.StringIO()
    model = SoftmaxRegression(callbacks=lambda p: file.write(f"{p.n_iter}\n")).fit(X, Y)
    assert model.converged_
    assert_array_equal([int(line) for line in file.getvalue().split()], range(model.n_iter_[0] + 1))


def test_nothing_is_stopped_by_what_a_callback_returns_to_partial_fit():
    told = []

    def stop(progress):
        told.append(progress.n_iter)
        return True

    model = SoftmaxRegression(callbacks=stop)
    for _ in range(2):
        model.partial_fit(X, Y, classes=np.unique(Y))
    assert told == [1, 2]
    assert model.n_samples_seen_ == 2 * len(Y)


def test_all_callbacks_are_called_whatever_the_first_returns():
    called = []
    assert ask([lambda p: True, called.append], "told")
    assert called == ["told"]
