"""Pairs in place of products: `covering` crosses the axes of a test at a bearable price.

A covering array of strength 2 holds every pair of values of every two axes in some row: each solver
meets each container, each container each penalty, and so on.  It has about as many rows as the
product of the two longest axes; `pytest --full` runs the product of all.

D. Cohen, S. Dalal, M. Fredman and G. Patton (1997), "The AETG system: an approach to testing based
on combinatorial design": the greedy choice of rows.
"""

from itertools import combinations, product

import pytest


def covering(**axes):
    """Parametrise a test by all pairs of values of its axes, under `--full` by all combinations.

    Parameters
    ----------
    **axes : list or dict
        The values of each argument of the test; the keys of a dict are their names in the test's
        id, which for values in a list is what `str` makes of them.
    """
    return pytest.mark.covering(**axes)


def pairwise(sizes):
    """Return rows of indices, one below each size, such that any two axes meet in all ways."""
    if len(sizes) < 2:
        return [(value,) for size in sizes for value in range(size)]
    missing = {
        ((a, i), (b, j)): None  # a dict keeps its order: the rows are the same on every run
        for a, b in combinations(range(len(sizes)), 2)
        for i, j in product(range(sizes[a]), range(sizes[b]))
    }
    rows = []
    while missing:  # each row takes away the pair that it begins with, at least
        row = dict(next(iter(missing)))
        for axis in sorted(set(range(len(sizes))) - set(row), key=lambda axis: -sizes[axis]):
            row[axis] = max(range(sizes[axis]), key=lambda i: _gain(row, axis, i, missing, rows))
        rows.append(tuple(row[axis] for axis in range(len(sizes))))
        for pair in combinations(enumerate(rows[-1]), 2):
            missing.pop(pair, None)
    return rows


def _gain(row, axis, value, missing, rows):
    """Return how many missing pairs a value brings, and then how seldom it has been used."""
    new = sum(tuple(sorted([(axis, value), other])) in missing for other in row.items())
    return new, -sum(used[axis] == value for used in rows)


def pytest_generate_tests(metafunc):
    """Parametrise the tests that `covering` marks."""
    for mark in metafunc.definition.iter_markers("covering"):
        axes = [dict(_named(values)) for values in mark.kwargs.values()]
        sizes = [len(axis) for axis in axes]
        is_full = metafunc.config.getoption("full")
        rows = list(product(*map(range, sizes))) if is_full else pairwise(sizes)
        names = [[list(axis)[i] for axis, i in zip(axes, row, strict=True)] for row in rows]
        values = [[axis[name] for axis, name in zip(axes, row, strict=True)] for row in names]
        metafunc.parametrize(list(mark.kwargs), values, ids=map("-".join, names))


def _named(values):
    if isinstance(values, dict):
        return values.items()
    return [(str(value), value) for value in values]
