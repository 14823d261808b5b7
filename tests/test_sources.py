"""A fit on batches is the fit on the array they make; a source that misbehaves is named."""

import threading

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from problems import all_scores, data, uneven_weights
from scipy.special import softmax
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from softmax_reg import (
    BatchSource,
    CSVSource,
    FunctionSource,
    NpySource,
    ParquetSource,
    SoftmaxRegression,
)
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.row_hashes import row_hashes
from softmax_reg.dataset.validation import read_data
from softmax_reg.solvers import SOLVERS

SETS = ["wine", "breast_cancer"]  # three classes and two, raw


class Batches(BatchSource):
    """Slices of arrays, of the given sizes in turn; counts how often it is read."""

    def __init__(self, X, y, *weights, sizes=(40,)):
        self.arrays, self.sizes, self.n_passes = (X, y, *weights), sizes, 0

    def __iter__(self):
        self.n_passes += 1
        start, n = 0, len(self.arrays[1])
        for turn in range(n):
            stop = min(start + self.sizes[turn % len(self.sizes)], n)
            yield tuple(array[start:stop] for array in self.arrays)
            start = stop
            if start == n:
                return


def written_csv(folder, X, y):
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]).assign(label=y)
    frame[:100].to_csv(folder / "a.csv", index=False)
    frame[100:].to_csv(folder / "b.csv.gz", index=False)
    return CSVSource([folder / "a.csv", folder / "b.csv.gz"], "label", chunksize=30)


def written_parquet(folder, X, y):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])]).assign(label=y)
    frame.to_parquet(folder / "rows.parquet", row_group_size=50)
    return ParquetSource(folder / "rows.parquet", "label", chunksize=30)


def mapped(folder, X, y):
    np.save(folder / "X.npy", X)
    return Batches(np.load(folder / "X.npy", mmap_mode="r"), y)


KINDS = {
    "dense": lambda folder, X, y: Batches(X, y),
    "fortran": lambda folder, X, y: Batches(np.asfortranarray(X), y),
    "csr": lambda folder, X, y: Batches(sp.csr_array(X), y),
    "csr-matrix": lambda folder, X, y: Batches(sp.csr_matrix(X), y),
    "frame": lambda folder, X, y: Batches(pd.DataFrame(X), pd.Series(y)),
    "memmap": mapped,
    "function": lambda folder, X, y: FunctionSource(lambda: iter(Batches(X, y))),
    "list": lambda folder, X, y: FunctionSource(lambda: [(X[:90], y[:90]), [X[90:], y[90:]]]),
    "npy": lambda folder, X, y: NpySource.write(folder / "npy", Batches(X, y)),
    "csv": written_csv,
    "parquet": written_parquet,
    "single rows": lambda folder, X, y: Batches(X, y, sizes=(1, 1, 1, 70)),
}


@pytest.mark.parametrize("name", ["wine", pytest.param("breast_cancer", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fit_on_a_source_is_the_fit_on_its_rows(kind, name, tmp_path):
    X, y = data(name)
    whole = SoftmaxRegression().fit(X, y)
    model = SoftmaxRegression().fit(KINDS[kind](tmp_path, X, y))
    assert model.converged_
    # To rounding, which differs with the blocks that the sums are taken over.
    assert_allclose(model.loss_curve_[-1], whole.loss_curve_[-1], rtol=1e-12)
    ours, theirs = (softmax(all_scores(X, m.coef_, m.intercept_), axis=1) for m in (model, whole))
    assert_allclose(ours, theirs, atol=1e-5)
    assert_array_equal(model.classes_, whole.classes_)
    assert model.n_features_in_ == X.shape[1]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_reaches_the_optimum_on_a_source(solver, name):
    X, y = data(name)
    source = Batches(X, y, uneven_weights(len(y)))
    best = SoftmaxRegression().fit(X, y, uneven_weights(len(y)))
    model = SoftmaxRegression(solver=solver, random_state=0).fit(source)
    assert model.converged_
    assert_allclose(model.loss_curve_[-1], best.loss_curve_[-1], rtol=1e-12)
    assert_allclose(model.loss_curve_[0], best.loss_curve_[0], rtol=1e-12)


@pytest.mark.parametrize("penalty", [{"l1_ratio": 0.5}, {"C": np.inf}, {"fit_intercept": False}])
def test_the_parameters_mean_the_same_on_a_source(penalty):
    X, y = data("overlapping")
    weights = uneven_weights(len(y))
    model = SoftmaxRegression(class_weight="balanced", **penalty)
    whole = clone(model).fit(X, y, weights)
    model.fit(Batches(X, y, weights))
    assert_allclose(model.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert model.warm_start is False


def test_a_warm_start_begins_at_the_last_solution():
    X, y = data("wine")
    model = SoftmaxRegression(warm_start=True).fit(X, y)
    n_iter = model.n_iter_[0]
    assert model.fit(Batches(X, y)).n_iter_[0] <= n_iter + 1


def test_partial_separation_is_seen_on_a_source():
    X = np.r_[np.linspace(-1, 1, 30), np.linspace(2, 3, 30), np.linspace(-1, 1, 30)][:, np.newaxis]
    y = np.repeat([0, 1, 2], 30)
    with pytest.warns(UserWarning, match="linearly separable"):
        SoftmaxRegression(C=np.inf, max_iter=50, tol=1e-3).fit(Batches(X, y))


@pytest.mark.parametrize("kind", ["dense", "csr", "npy", "frame"])
def test_float32_batches_stay_float32(kind, tmp_path):
    X, y = data("wine/std")
    X = X.astype(np.float32)
    model = SoftmaxRegression(tol=1e-4).fit(KINDS[kind](tmp_path, X, y))
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    assert_allclose(model.coef_, SoftmaxRegression(tol=1e-4).fit(X, y).coef_, atol=1e-3)


def test_one_batch_of_float64_makes_all_of_them_float64():
    X, y = data("wine/std")
    parts = [(X[:90].astype(np.float32), y[:90]), (X[90:], y[90:])]
    model = SoftmaxRegression().fit(FunctionSource(lambda: parts))
    assert model.coef_.dtype == np.float64


@pytest.mark.parametrize("labels", [["b", "c", "a"], [3, 1, 2], [False, True, False], [2.0, 0, 1]])
def test_labels_of_any_kind_are_found_in_any_order_of_batches(labels):
    X, codes = data("wine/std")
    y = np.array(labels)[codes]
    model = SoftmaxRegression(tol=1e-4).fit(Batches(X, y, sizes=(25,)))
    whole = SoftmaxRegression(tol=1e-4).fit(X, y)
    assert_array_equal(model.classes_, whole.classes_)
    assert model.classes_.dtype == whole.classes_.dtype
    assert_array_equal(model.predict(X), whole.predict(X))


def test_the_features_names_come_from_the_batches(tmp_path):
    X, y = data("wine")
    model = SoftmaxRegression(tol=1e-4).fit(written_csv(tmp_path, X, y))
    assert model.feature_names_in_.tolist() == [f"x{j}" for j in range(13)]


def test_early_stopping_holds_out_the_same_rows_as_in_memory():
    X, y = data("breast_cancer")
    model = SoftmaxRegression(early_stopping=True, random_state=3, n_iter_no_change=4)
    whole = clone(model).fit(X, y)
    model.fit(Batches(X, y))
    assert_allclose(model.validation_loss_curve_, whole.validation_loss_curve_, rtol=1e-6)
    assert model.best_iter_ == whole.best_iter_
    assert_allclose(model.coef_, whole.coef_, rtol=1e-6)


def test_progress_is_printed_on_a_source(capsys):
    SoftmaxRegression(verbose=1).fit(Batches(*data("wine")))
    assert "optimality" in capsys.readouterr().out


def test_the_duality_gap_certifies_a_fit_on_a_source():
    X, y = data("wine")
    model = SoftmaxRegression().fit(Batches(X, y))
    assert_allclose(model.duality_gap(Batches(X, y)), model.duality_gap(X, y), atol=1e-12)
    assert model.duality_gap(Batches(X, y)) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["dense", "csr"])
def test_a_fit_on_a_source_has_the_same_bits_each_time(kind, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 30))
    y = (X[:, :3] + rng.normal(size=(20_000, 3))).argmax(axis=1)
    before = threading.active_count()
    with threadpool_limits(2):
        fits = [SoftmaxRegression(tol=1e-4).fit(Batches(X, y, sizes=(6000, 1, 900))) for _ in "12"]
    assert_array_equal(fits[0].coef_, fits[1].coef_)
    assert_array_equal(fits[0].loss_curve_, fits[1].loss_curve_)
    assert threading.active_count() == before


def test_an_iteration_of_lbfgs_reads_the_source_about_once(monkeypatch):
    monkeypatch.setattr("softmax_reg.preconditioning.preconditioners._GRAM_BYTES", 1)  # arrays
    source = Batches(*data("wine"))
    model = SoftmaxRegression(solver="lbfgs").fit(source)
    # Labels, moments, the start, the bound; then a pass for each iteration, for a step that was
    # tried in vain, and for each new look at the curvature.
    assert source.n_passes <= 4 + 1.5 * model.n_iter_[0]


# Rows in blocks, and in shuffled order.


def streamed(X, y, **kw):
    return read_data(SoftmaxRegression(), Batches(X, y, **kw), None, None).X


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=4),
    n_threads=st.integers(1, 3),
    is_sparse=st.booleans(),
)
def test_a_pass_visits_every_row_once_in_its_place(sizes, n_threads, is_sparse):
    X, y = data("wine")
    X = sp.csr_array(X) if is_sparse else X
    rows = RowBlocks(streamed(X, y, sizes=sizes), 3, n_threads=n_threads)
    seen = np.zeros(len(y), dtype=int)

    def visit(block, part):
        seen[part] += 1
        given = X[part]
        assert abs(block - given).max() == 0.0
        return (np.asarray(block.sum(axis=0)).ravel(),)

    (total,) = rows.reduce(visit)
    assert (seen == 1).all()
    assert_allclose(total, X.sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("window", [1 << 10, 1 << 12, 8 << 20])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_mini_batches_hold_every_active_row_once_and_can_be_taken(monkeypatch, window, is_sparse):
    monkeypatch.setattr("softmax_reg.dataset.streams._WINDOW_BYTES", window)
    X, y = data("wine")
    X = sp.csr_array(X) if is_sparse else X
    rows = streamed(X, y, sizes=(7, 30))
    active = np.flatnonzero(uneven_weights(len(y)))
    orders = []
    for seed in (0, 0, 1):
        orders.append([])
        for part in rows.mini_batches(active, 5, np.random.default_rng(seed)):
            assert 0 < len(part) <= 5
            assert abs(rows.take(part) - X[part]).max() == 0.0
            orders[-1] += part.tolist()
    assert sorted(orders[0]) == active.tolist()
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != active.tolist()


def test_sgd_with_windows_smaller_than_its_batches_still_converges(monkeypatch):
    monkeypatch.setattr("softmax_reg.dataset.streams._WINDOW_BYTES", 1 << 12)
    X, y = data("wine")
    model = SoftmaxRegression(solver="sgd", random_state=0, tol=1e-6).fit(Batches(X, y))
    assert model.converged_


def test_the_sample_of_a_stream_is_bounded_uniform_and_leaves_out_rows_without_weight(monkeypatch):
    monkeypatch.setattr("softmax_reg.dataset.reservoir._SAMPLE_BYTES", 8 * 100 * 2)
    n = 4000
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n) % 2
    weights = (np.arange(n) % 4 > 0).astype(float)
    source = Batches(X, y, weights, sizes=(1, 500, 30))
    rows = read_data(SoftmaxRegression(), source, None, None).X
    assert len(rows.sample) == 100
    assert (weights[rows.sample] > 0.0).all()
    assert_array_equal(rows.take(rows.sample[::-1]), X[rows.sample[::-1]])
    assert abs(rows.sample.mean() / n - 0.5) < 5.0 * np.sqrt(1.0 / 12.0 / len(rows.sample))
    others = np.setdiff1d(np.arange(n), rows.sample)
    with pytest.raises(ValueError, match=r"only the rows of its sample .*np\.memmap"):
        rows.take(others[:1])


# What a source may do wrong.


def wine_in_batches(change=lambda number, n_pass, X, y: (X, y)):
    """Return a source of wine in batches of 50, each of which `change` may alter."""
    X, y = data("wine")
    passes = iter(range(10**6))

    def batches():
        n_pass = next(passes)
        for number, start in enumerate(range(0, len(y), 50)):
            yield change(number, n_pass, X[start : start + 50].copy(), y[start : start + 50].copy())

    return FunctionSource(batches)


def with_nan(number, n_pass, X, y):
    if number == 1:
        X[7, 3] = np.nan
    return X, y


WRONG_FIRST = {
    "NaN": (with_nan, r"Batch 2 .*from row 50 on: Input X contains NaN(?s:.*)is row 57"),
    "width": (
        lambda i, n, X, y: (X[:, : 13 - (i == 2)], y),
        "Batch 3 .*X has 12 features, but .* expecting 13",
    ),
    "length": (lambda i, n, X, y: (X, y[: 50 - (i == 1)]), "Batch 2 .*inconsistent numbers of"),
    "empty": (lambda i, n, X, y: (X[: 50 * (i != 1)], y), "Batch 2 .*It has no rows"),
    "text": (lambda i, n, X, y: (X, y.astype(str) if i == 2 else y), "Batch 3 .*labels are text"),
    "no label": (
        lambda i, n, X, y: (X, [*y[1:].astype(str).tolist(), None] if i == 1 else y.astype(str)),
        "Batch 2 .*y contains NaN or None: 1 of 50",
    ),
    "real labels": (lambda i, n, X, y: (X, y + 0.5), "continuous"),
    "one class": (lambda i, n, X, y: (X, 0 * y), "at least 2 classes"),
    "sparse": (
        lambda i, n, X, y: (sp.csr_array(X) if i else X, y),
        "Batch 2 .*Some batches are sparse",
    ),
    "weights": (
        lambda i, n, X, y: (X, y, np.full(len(y), 1.0 - 3 * i)),
        "Batch 2 .*not negative, got -2",
    ),
    "an array": (lambda i, n, X, y: X, r"Batch 1 .*must be \(X, y\).* but it is a ndarray"),
    "four": (lambda i, n, X, y: (X, y, y, y), "but it is a tuple of 4 items"),
}


@pytest.mark.parametrize("change", WRONG_FIRST)
def test_bad_input_in_a_batch_is_named_and_leaves_the_estimator_as_it_was(change):
    function, message = WRONG_FIRST[change]
    model = SoftmaxRegression(tol=1e-3).fit(*data("iris"))
    before = dict(vars(model))
    threads = threading.active_count()
    with pytest.raises(ValueError, match=message):
        model.fit(wine_in_batches(function))
    assert vars(model) == before
    assert threading.active_count() == threads


def changed_at(X, place, value, is_time):
    X = X.copy()
    if is_time:
        X[place] = value
    return X


WRONG_LATER = {
    "another label": (
        lambda i, n, X, y: (X, np.where(np.arange(len(y)) == 5 * (n > 2) - 1, 2, y)),
        r"Batch 1 \(rows 0 to 49\) has the label .*2.* in row 4, which was .*0.* before",
    ),
    "shuffled": (
        lambda i, n, X, y: (np.roll(X, n, 0), np.roll(y, n)),
        "same rows in the same order|was .* before|has changed|have changed",
    ),
    "other features": (
        lambda i, n, X, y: (X + n, y),
        "Batch 1 .*other features, or another weight, in row 0 than in the first pass",
    ),
    "one number": (
        lambda i, n, X, y: (changed_at(X, (7, 3), np.nextafter(X[7, 3], 99), i == 2 and n > 3), y),
        "Batch 3 .*other features, or another weight, in row 107 than in the first pass",
    ),
    "two rows of a class": (
        lambda i, n, X, y: (X[[1, 0, *range(2, len(X))]] if i == 1 and n > 1 else X, y),
        "Batch 2 .*other features, or another weight, in row 50 than in the first pass",
    ),
    "two features of a row": (
        lambda i, n, X, y: (changed_at(X, 0, X[0, ::-1], i == 3 and n > 1), y),
        "Batch 4 .*other features, or another weight, in row 150 than in the first pass",
    ),
    "a weight": (
        lambda i, n, X, y: (X, y, np.where(np.arange(len(y)) == 9, 1.0 + (n > 2), 1.0)),
        "Batch 1 .*other features, or another weight, in row 9 than in the first pass",
    ),
    "weights where there were none": (
        lambda i, n, X, y: (X, y, *[np.full(len(y), 2.0)] * (n > 2)),
        "Batch 1 .*other features, or another weight, in row 0 than in the first pass",
    ),
    "a missing value": (
        lambda i, n, X, y: (changed_at(X, (5, 2), np.nan, i == 1 and n > 1), y),
        "Batch 2 .*has a missing value in row 55, column 2, where the first pass had a number",
    ),
    "a missing value of a frame": (
        lambda i, n, X, y: (
            pd.DataFrame(changed_at(X, (5, 2), np.nan, i == 1 and n > 1)).add_prefix("x"),
            y,
        ),
        "Batch 2 .*has a missing value in row 55, column 'x2', where",
    ),
    "infinity": (
        lambda i, n, X, y: (changed_at(X, (5, 2), np.inf, i == 1 and n > 1), y),
        "Batch 2 .*has infinity in row 55, column 2, where the first pass had a number",
    ),
    "a number of a sparse row": (
        lambda i, n, X, y: (sp.csr_array(changed_at(X, (5, 2), 1.5, i == 1 and n > 1)), y),
        "Batch 2 .*other features, or another weight, in row 55 than in the first pass",
    ),
    "text": (
        lambda i, n, X, y: (X.astype(str).astype(object) + "x" * (n > 1), y),
        "Batch 1 .*holds other than numbers",
    ),
    "fewer": (
        lambda i, n, X, y: (X[: 50 - n], y[: 50 - n]) if i == 3 else (X, y),
        "gave 178 rows the first time, and 177 rows now",
    ),
    "more": (
        lambda i, n, X, y: (np.vstack([X] * (1 + (n > 0))), np.hstack([y] * (1 + (n > 0)))),
        "beyond the 178 rows|was .* before",
    ),
    "narrower": (lambda i, n, X, y: (X[:, n:], y), "X of shape"),
    "longer": (lambda i, n, X, y: (X, y[n:]), "X of shape|was .* before"),
    "new type": (lambda i, n, X, y: (X, y.astype(str) if n else y), "was .* before"),
}


@pytest.mark.parametrize("change", WRONG_LATER)
def test_rows_that_change_between_passes_are_noticed(change):
    function, message = WRONG_LATER[change]
    threads = threading.active_count()
    with pytest.raises(ValueError, match=message) as error:
        SoftmaxRegression().fit(wine_in_batches(function))
    assert "same rows in the same order" in str(error.value)
    assert threading.active_count() == threads


@pytest.mark.parametrize(
    "kind", ["float64", "float32", "mixed", "int", "csr", "frame", "single frame", "objects"]
)
def test_rows_that_come_in_other_batches_and_layouts_are_the_same(kind):
    X, y = data("wine/std") if kind not in ("int", "objects") else data("digits")
    weights, n_passes = uneven_weights(len(y)), iter(range(10**6))

    def part(rows):
        if kind == "mixed":
            return X[rows].astype(np.float32) if rows.start < 60 else X[rows]
        if "frame" in kind:
            frame = pd.DataFrame(X[rows]).add_prefix("x")
            return frame.astype(np.float32 if "single" in kind else float).assign(flag=True)
        if kind == "csr":
            return sp.csr_array(X[rows])
        if kind == "objects":
            return X[rows].astype(int).astype(object)
        return X[rows].astype(kind)

    def batches():
        n_pass = next(n_passes)
        size = (60, 20, 30)[n_pass % 3]
        for start in range(0, len(y), size):
            rows = slice(start, start + size)
            given = part(rows)
            if isinstance(given, np.ndarray) and n_pass % 2:
                given = np.asfortranarray(given)
            yield given, y[rows], weights[rows]

    tol = 1e-3
    assert SoftmaxRegression(tol=tol).fit(FunctionSource(batches)).converged_


@given(
    n=st.integers(1, 12),
    p=st.integers(1, 40),
    dtype=st.sampled_from([np.float32, np.float64]),
    values=st.sampled_from(["binary", "small", "real"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_hash_of_a_row_tells_any_change_of_one_or_two_numbers(n, p, dtype, values, seed):
    rng = np.random.default_rng(seed)
    draw = {
        "binary": lambda size: rng.integers(2, size=size),
        "small": lambda size: rng.integers(-9, 9, size=size),
        "real": lambda size: rng.normal(size=size),
    }[values]
    X, weights = draw((n, p)).astype(dtype), rng.random(n)
    hashes = row_hashes(X, weights, True)
    for same in (np.asfortranarray(X), sp.csr_array(X), np.repeat(X, 2, axis=0)[::2]):
        assert_array_equal(row_hashes(same, weights, True), hashes)
    cut = n // 2
    parts = [row_hashes(X[rows], weights[rows], True) for rows in (slice(cut), slice(cut, None))]
    assert_array_equal(np.concatenate(parts, axis=1), hashes)

    def told(X, weights=weights, is_thorough=False):
        other = row_hashes(X, weights, is_thorough)
        return np.flatnonzero((other != hashes[: len(other)]).any(axis=0)).tolist()

    i, j, k = rng.integers(n), rng.integers(p), rng.integers(p)
    other = X.copy()
    other[i, [j, k]] = other[i, [k, j]]
    assert told(other, is_thorough=True) == np.flatnonzero((other != X).any(axis=1)).tolist()
    other = X.copy()
    other[i, j] = np.nextafter(other[i, j], dtype(99))
    assert told(other) == [i]
    heavier = weights + np.where(np.arange(n) == i, 2.0**-40, 0.0)
    assert told(X, heavier) == [i]


def test_an_error_of_the_source_itself_reaches_the_caller():
    def fails(number, n_pass, X, y):
        if n_pass == 3:
            raise ZeroDivisionError
        return X, y

    with pytest.raises(ZeroDivisionError):
        SoftmaxRegression().fit(wine_in_batches(fails))


def test_a_generator_in_place_of_a_source_is_refused():
    X, y = data("wine")
    generator = (pair for pair in [(X, y)])
    with pytest.raises(ValueError, match=r"generator.*read only once.*FunctionSource"):
        SoftmaxRegression().fit(generator)
    with pytest.raises(TypeError, match="generator can be read only once"):
        FunctionSource(generator)
    with pytest.raises(ValueError, match=r"178 rows the first time, and 0 rows now.*generator"):
        SoftmaxRegression().fit(FunctionSource(lambda: generator))


def test_labels_beside_a_source_and_arrays_without_labels_are_refused():
    X, y = data("wine")
    with pytest.raises(ValueError, match="brings its own labels"):
        SoftmaxRegression().fit(Batches(X, y), y)
    with pytest.raises(ValueError, match="requires y to be passed"):
        SoftmaxRegression().fit(X)
    with pytest.raises(ValueError, match="gave no batches"):
        SoftmaxRegression().fit(FunctionSource(list))


# Sources that are files.


def test_npy_files_of_any_size_are_cut_into_batches(tmp_path):
    X, y = np.ones((2000, 1000)), np.arange(2000) % 2
    for kind, array in (("X", X), ("y", y), ("w", y + 1.0)):
        np.save(tmp_path / f"{kind}_all.npy", array)
    batches = list(NpySource(tmp_path))
    assert len(batches) > 2
    assert all(isinstance(batch[0], np.memmap) for batch in batches)
    assert_array_equal(np.concatenate([batch[1] for batch in batches]), y)
    assert_array_equal(np.concatenate([batch[2] for batch in batches]), y + 1.0)


def test_what_is_wrong_with_a_folder_of_npy_files_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no X_\*\.npy"):
        NpySource(tmp_path)
    np.save(tmp_path / "X_1.npy", np.ones((3, 2)))
    with pytest.raises(FileNotFoundError, match=r"no y_1\.npy"):
        NpySource(tmp_path)
    np.save(tmp_path / "y_1.npy", np.ones(4))
    with pytest.raises(ValueError, match=r"different numbers of rows: \[3, 4\]"):
        list(NpySource(tmp_path))
    with pytest.raises(ValueError, match="already"):
        NpySource.write(tmp_path, Batches(*data("wine")))
    with pytest.raises(ValueError, match="sparse"):
        NpySource.write(
            tmp_path / "new", FunctionSource(lambda: [(sp.csr_array(np.eye(3)), [1, 2, 3])])
        )


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_npy_files_whose_writing_was_interrupted_are_not_read(tmp_path, monkeypatch, error):
    X, y = data("wine")
    save, saved = np.save, []

    def fail_on_the_sixth(path, *args, **kwargs):
        saved.append(path)
        if len(saved) == 6:
            raise error
        save(path, *args, **kwargs)

    monkeypatch.setattr(np, "save", fail_on_the_sixth)
    weighted = Batches(X, y, np.ones(len(y)))
    with pytest.raises(type(error)):
        NpySource.write(tmp_path, weighted)
    monkeypatch.undo()
    assert len(list(tmp_path.glob("X_*.npy"))) == 2
    with pytest.raises(ValueError, match=r"was interrupted.*delete the folder"):
        NpySource(tmp_path)
    for path in tmp_path.iterdir():
        path.unlink()
    batches = list(NpySource.write(tmp_path, weighted))
    assert_array_equal(np.concatenate([batch[0] for batch in batches]), X)
    assert {path.name[0] for path in tmp_path.iterdir()} == {"X", "y", "w"}


def test_npy_files_keep_weights_and_text_labels(tmp_path):
    X, y = data("wine")
    names = np.array(["a", "b", "c"], dtype=object)[y]
    weights = uneven_weights(len(y))
    written = SoftmaxRegression().fit(NpySource.write(tmp_path / "n", Batches(X, names, weights)))
    assert written.classes_.tolist() == ["a", "b", "c"]
    assert_allclose(
        written.coef_, SoftmaxRegression().fit(X, names, weights).coef_, rtol=1e-4, atol=1e-6
    )


def test_a_source_may_use_one_array_for_all_batches():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 30))
    y = (X[:, :3] + rng.gumbel(size=(20_000, 3))).argmax(axis=1)

    def reused():
        buffer = np.empty((5000, 30))
        for start in range(0, len(y), 5000):
            buffer[:] = X[start : start + 5000]
            yield buffer, y[start : start + 5000]

    model = SoftmaxRegression().fit(FunctionSource(reused))
    assert_allclose(model.coef_, SoftmaxRegression().fit(X, y).coef_, atol=1e-6)


def test_missing_labels_are_not_written_as_text(tmp_path):
    source = FunctionSource(lambda: iter([(np.eye(3), np.array(["a", None, "b"], dtype=object))]))
    with pytest.raises(ValueError, match="labels that are missing"):
        NpySource.write(tmp_path / "npy", source)
