"""An attribute that is computed once, kept in the instance, and never under a lock."""

import pickle
import threading

import pytest

from softmax_reg._compat import cached_property


class Squares:
    def __init__(self):
        self.n_calls = 0

    @cached_property
    def total(self):
        """The sum."""
        self.n_calls += 1
        return [1, 4, 9]


class Empty(Squares):
    @cached_property
    def total(self):
        return None


def test_the_value_is_computed_once_and_kept_in_the_instance():
    squares, other = Squares(), Squares()
    assert "total" not in vars(squares)
    assert squares.total is squares.total is vars(squares)["total"]
    assert squares.n_calls == 1
    assert other.n_calls == 0


def test_none_is_a_value_like_any_other():
    assert Empty().total is None


def test_what_is_kept_can_be_set_and_forgotten():
    squares = Squares()
    squares.total = 3
    assert squares.total == 3
    assert squares.n_calls == 0
    del squares.total
    assert squares.total == [1, 4, 9]
    vars(squares).pop("total")
    assert squares.total == [1, 4, 9]
    assert squares.n_calls == 2


def test_the_class_has_the_property_itself_with_its_documentation():
    assert isinstance(Squares.total, cached_property)
    assert Squares.total.__doc__ == "The sum."


def test_what_is_kept_goes_along_in_a_pickle():
    squares = Squares()
    _ = squares.total
    copy = pickle.loads(pickle.dumps(squares))
    assert copy.total == [1, 4, 9]
    assert copy.n_calls == 1


def test_an_error_keeps_nothing():
    class Failing:
        @cached_property
        def value(self):
            raise ZeroDivisionError

    failing = Failing()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            _ = failing.value
    assert not vars(failing)


def test_one_property_under_two_names_is_refused():
    with pytest.raises((TypeError, RuntimeError)) as caught:

        class Twice:
            a = cached_property(len)
            b = a

    error = caught.value if isinstance(caught.value, TypeError) else caught.value.__cause__
    assert "two names, 'a' and 'b'" in str(error)


def test_threads_compute_at_the_same_time_and_get_the_same_object():
    everybody = threading.Barrier(3, timeout=30)  # broken if one waits for another

    class Meeting:
        @cached_property
        def place(self):
            everybody.wait()
            return object()

    first, second, found = Meeting(), Meeting(), []
    threads = [
        threading.Thread(target=lambda one=one: found.append((one, one.place)))
        for one in (first, first, second)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert all(place is one.place for one, place in found)
