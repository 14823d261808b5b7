"""The data of a fit and a block of it: what a pass over the rows gets, and what it may be."""

import pickle
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
from numpy.testing import assert_allclose, assert_array_equal
from objectives import CONTAINERS, dataset_of, rows_and_labels, small_objective, somewhere

from softmax_reg import SoftmaxRegression
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.rows import ArrayRows
from softmax_reg.dataset.targets import Labels
from softmax_reg.objective import hessian, penalised_loss, point
from softmax_reg.objective.hessian_block import Coordinates, hessian_block
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet

# What a pass may be larger than the vectors that it needs.
_MORE = 4096


def small_dataset(container="C", **more):
    X, codes, weights = rows_and_labels()
    return dataset_of(CONTAINERS[container](X), codes, weights, **more)


# What blocks bring


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_block_brings_all_that_belongs_to_its_rows(container):
    data, seen = small_dataset(container), []
    numbers = np.arange(60.0)

    def visit(block):
        seen.append((block.kept["number"].copy(), block))
        return (np.array([len(block.targets)]),)

    # So small that there are several, where rows can be cut.
    (total,) = data.reduce(visit, {"number": numbers}, block_bytes=1)
    assert total.tolist() == [60]
    assert len(seen) == (4 if container in ("C", "fortran") else 1)
    for rows, block in seen:
        rows = rows.astype(int)
        assert_array_equal(sp.csr_array(block.X).toarray(), sp.csr_array(data.X).toarray()[rows])
        assert_array_equal(block.targets.codes, data.codes[rows])
        assert_array_equal(block.weights, data.weights[rows])
        assert_allclose(block.shares[:, 0], data.weights[rows] / data.weights.sum(), rtol=1e-15)
    assert_array_equal(np.concatenate([rows for rows, _ in seen]), numbers)


def test_what_a_pass_writes_to_what_is_kept_is_there_afterwards():
    data = small_dataset()
    kept = data.room(3)

    def visit(block):
        block.kept["sums"][...] = block.X.sum(axis=1)[:, np.newaxis]
        return ()

    assert data.reduce(visit, {"sums": kept}, block_bytes=1) == ()
    assert_array_equal(kept, np.repeat(data.X.sum(axis=1)[:, np.newaxis], 3, axis=1))


def test_some_rows_are_visited_by_their_numbers_and_a_part_of_a_block_is_one():
    data, rows = small_dataset(), np.array([7, 3, 50])
    seen = []
    data.reduce_some(rows, lambda block: seen.append(block) or (), {"number": np.arange(60)})
    (block,) = seen
    assert block.kept["number"].tolist() == rows.tolist()
    part = block.part(np.array([2, 0]))
    assert part.kept["number"].tolist() == [50, 7]
    assert_array_equal(part.X, data.X[[50, 7]])
    assert_array_equal(part.shares, data.shares[[50, 7]])
    assert_array_equal(part.targets.codes, data.targets.codes[[50, 7]])


def test_classes_without_weight_take_no_part():
    X, codes, weights = rows_and_labels(n_classes=4)
    weights[codes == 1] = 0.0
    data = Dataset.of(X, np.array(list("abcd")), Labels(codes, 4), weights)
    assert data.present.tolist() == [0, 2, 3]
    has_weight = weights > 0.0
    assert_array_equal(data.present[data.targets.codes[has_weight]], codes[has_weight])
    assert data.labels[:3].tolist() == ["abcd"[code] for code in codes[:3]]
    assert data.with_weights(np.ones(60)).n_classes == 4


def test_some_rows_are_a_part_of_the_whole():
    data, rows = small_dataset(), np.array([0, 4, 9])
    part = data.of_rows(rows)
    assert part.total_weight == data.total_weight
    assert_array_equal(part.shares, data.shares[rows])
    assert_array_equal(part.X, data.X[rows])


# A sum is over every row once, or an error


class Forgetful(ArrayRows):
    """Rows of which some do not come, or come twice."""

    def __init__(self, X, rows):
        super().__init__(X)
        self._rows = rows

    def batches(self):
        yield 0, self.X[self._rows]


@pytest.mark.parametrize("rows", [slice(59), np.append(np.arange(60), 3)])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_a_pass_that_does_not_see_every_row_once_is_an_error(rows, n_threads):
    X, *_ = rows_and_labels()
    blocks = RowBlocks(Forgetful(X, rows), 3, n_threads=n_threads)
    n_seen = len(X[rows])
    with pytest.raises(RuntimeError, match=f"A pass over 60 rows has summed up {n_seen} of them"):
        blocks.reduce(lambda X, rows: (X.sum(axis=0),))


# Passes are small, and can be sent


def passes(objective):
    """Return each pass of a fit by name, with the vectors that it cannot do without."""
    model, w = objective.model, somewhere(objective)
    v, index = somewhere(objective, seed=2), np.arange(0, objective.size, 50)
    along = Coordinates.of(model, index, objective.mean, objective.scale)
    at, standard = objective.at(w), hessian._Standard.of(objective)
    of_features = (objective.mean, objective.scale)
    return {
        "loss": (partial(penalised_loss._loss, model, w), (w,)),
        "accuracy": (partial(penalised_loss._accuracy, model, w), (w,)),
        "loss and gradient": (partial(point.loss_and_gradient, model, w), (w,)),
        "Hessian product": (partial(point.hessian_product, model, w, v), (w, v)),
        "Hessian block": (partial(hessian_block, model, w, along), (w, *vars(along).values())),
        "gram": (
            partial(hessian._gram, standard, hessian.class_variances(at, slice(None))),
            (w, *of_features),
        ),
        "whole Hessian": (
            partial(hessian._whole_hessian, model, w, standard),
            (w, *of_features),
        ),
    }


NAMES = list(passes(small_objective()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_pickled_pass_is_no_larger_than_its_vectors_and_4_kib(name, n_classes):
    X, codes = np.random.default_rng(0).normal(size=(40, 2000)), np.arange(40) % n_classes
    objective = Objective(dataset_of(X, codes), ElasticNet(0.1))
    visit, vectors = passes(objective)[name]
    assert len(pickle.dumps(visit)) <= sum(v.nbytes for v in vectors) + _MORE


@pytest.mark.parametrize("name", NAMES)
def test_a_pickled_pass_does_what_it_did(name):
    objective = small_objective()
    visit, _ = passes(objective)[name]
    sent = pickle.loads(pickle.dumps(visit))
    for mine, theirs in zip(objective.data.reduce(visit), objective.data.reduce(sent), strict=True):
        assert_array_equal(mine, theirs)


def test_a_pass_works_in_another_process(tmp_path):
    objective = small_objective()
    w = somewhere(objective)
    visit = partial(point.loss_and_gradient, objective.model, w)
    ((_, block),) = objective.data.take(np.arange(60))
    path = tmp_path / "pass"
    path.write_bytes(pickle.dumps((visit, block)))
    code = (
        "import pickle, sys; visit, block = pickle.load(open(sys.argv[1], 'rb')); "
        "pickle.dump(visit(block), open(sys.argv[1], 'wb'))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    found = pickle.loads(path.read_bytes())
    for mine, theirs in zip(objective.data.reduce(visit), found, strict=True):
        assert_array_equal(mine, theirs)


# Rows as they come


def unaligned(X):
    """Return X in memory that begins at an odd address."""
    memory = np.empty(X.nbytes + 1, np.uint8)[1:]
    array = memory.view(X.dtype).reshape(X.shape)
    array[...] = X
    assert not array.flags.aligned
    return array


@pytest.mark.parametrize("container", ["C", "csr"])
def test_rows_whose_memory_is_not_aligned_give_the_same_coefficients(container):
    X, codes, weights = rows_and_labels()
    given = CONTAINERS[container](X)
    odd = unaligned(given) if container == "C" else given.copy()
    if container == "csr":
        odd.data = unaligned(given.data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = SoftmaxRegression().fit(given, codes, weights)
        found = SoftmaxRegression().fit(odd, codes, weights)
    assert_array_equal(found.coef_, expected.coef_)
    blocks = RowBlocks(odd, 3, n_threads=1)
    seen = []
    blocks.reduce(lambda X, rows: seen.append(X if container == "C" else X.data) or ())
    assert all(numbers.flags.aligned for numbers in seen)
