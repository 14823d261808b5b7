"""Files that someone made to do harm end in a right model or in one error, and do nothing else."""

import io
import json
import os
import tracemalloc
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hostile import ALTERATIONS, apart, data, npy, output_of, together
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import Checkpoint, EarlyStopping, LossLogger
from softmax_reg.persistence.fitted import FITTED
from softmax_reg.persistence.runs import _CHECKS
from softmax_reg.schedules import Cosine, WarmUp
from softmax_reg.solvers import SGD, Adam
from softmax_reg.solvers.run_state import RunState

# What `load` says in its docstring, and what little a small file takes besides.
TIMES_ITS_SIZE, BESIDES = 32, 1 << 18

needs_posix = pytest.mark.skipif(os.name == "nt", reason="no FIFO, no limits")


def streamed(X, y):
    model = SoftmaxRegression()
    for start in range(0, len(y), 7):
        model.partial_fit(X[start : start + 7], y[start : start + 7], classes=["a", "b", "c"])
    return model


def models(X, y):
    """Return fitted models of every kind that a file can hold."""
    frame, two = pd.DataFrame(X, columns=list("pqrs")), y != "c"
    wide = sp.csr_array(sp.random(40, 2100, density=0.01, random_state=0, format="csr"))
    solver = SGD(learning_rate=WarmUp(Cosine(1e-2)), batch_size=20)
    knobs = {"class_weight": {"a": 1.0, "b": 2.0}, "random_state": np.random.RandomState(0)}
    lasso = {"l1_ratio": 0.5, "penalty_factor": [1.0, 2.0, 3.0, 4.0], "C": 0.5}
    return {
        "plain": SoftmaxRegression().fit(X, y),
        "two classes": SoftmaxRegression(solver=solver, max_iter=3, **knobs).fit(X[two], y[two]),
        "names": SoftmaxRegression(early_stopping=True, random_state=0).fit(
            frame, y.astype(object)
        ),
        "lasso": SoftmaxRegression(**lasso).fit(X, y),
        "sparse": SoftmaxRegression(l1_ratio=1.0, C=0.3).fit(X, y).sparsify(),
        "stream": streamed(X, y),
        "sparse stream": SoftmaxRegression().partial_fit(wide, y[:40], classes=["a", "b", "c"]),
    }


CHECKPOINTS = {
    "checkpoint": ({}, {}, []),
    "with a log": ({"solver": "lbfgs"}, {"X_val": data()[0], "y_val": data()[1]}, [LossLogger()]),
    "stopping": ({"solver": "nesterov", "random_state": 0}, {}, [EarlyStopping(3)]),
    "textbook": ({"solver": Adam(learning_rate=1e-2), "random_state": 0}, {}, []),
}


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Return {kind: the bytes of a file}."""
    folder, (X, y) = tmp_path_factory.mktemp("files"), data()
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for kind, model in models(X, y).items():
            model.save(folder / "m.npz")
            found[kind] = (folder / "m.npz").read_bytes()
        for kind, (params, fit, callbacks) in CHECKPOINTS.items():
            callbacks = [*callbacks, Checkpoint(folder / "c.npz", every=3)]
            SoftmaxRegression(max_iter=20, callbacks=callbacks, **params).fit(X, y, **fit)
            found[kind] = (folder / "c.npz").read_bytes()
    return found


def opened(kind, path):
    """Return the model in a file, whichever of the two ways it is read."""
    if kind not in CHECKPOINTS:
        return SoftmaxRegression.load(path)
    return SoftmaxRegression.resume(path, callbacks=[LossLogger(), EarlyStopping(3)])


def assert_right(model):
    """A model predicts, with finite probabilities, and no warning."""
    rows = np.random.default_rng(1).normal(size=(9, model.n_features_in_))
    if hasattr(model, "feature_names_in_"):
        rows = pd.DataFrame(rows, columns=pd.Index(model.feature_names_in_, dtype=object))
    assert np.isfinite(model.predict_proba(rows)).all()
    assert set(model.predict(rows)) <= set(model.classes_)


def assert_harmless(kind, data, folder):
    """A file ends in a right model, or in one error that names it; nothing is written."""
    path = folder / "altered.npz"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model, told = None, ""
        try:
            model = opened(kind, path)
        except ValueError as error:
            told = str(error)
    if model is None:
        assert repr(str(path)) in told
        assert len(told) < 1000
    else:
        assert_right(model)
    assert [entry.name for entry in folder.iterdir()] == ["altered.npz"]
    return model


def assert_refused(kind, data, folder, match):
    path = folder / "altered.npz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match) as told:
        opened(kind, path)
    assert str(path) in str(told.value)


# Altered at random


def fuzz(originals, folder, first, count, kinds=None, alterations=None):
    folder.mkdir(exist_ok=True)
    for number in range(first, first + count):
        rng = np.random.default_rng(number)
        kind = rng.choice(kinds or list(originals))
        alter = ALTERATIONS[rng.choice(alterations or list(ALTERATIONS))]
        try:
            assert_harmless(kind, alter(rng, originals[kind]), folder)
        except BaseException as error:
            error.add_note(f"alteration {number}: {alter.__name__} of {kind!r}")
            raise


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_a_file_that_was_altered_anywhere_ends_in_a_model_or_in_an_error(
    originals, tmp_path, alteration
):
    fuzz(originals, tmp_path / "x", 0, 150, alterations=[alteration])


@pytest.mark.slow
def test_thousands_of_altered_files_end_in_a_model_or_in_an_error(originals, tmp_path):
    first = int(np.random.default_rng().integers(2**40))
    fuzz(originals, tmp_path / "x", first, 20_000)


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_fit_that_goes_on_from_an_altered_checkpoint_ends_or_says_why_not(
    originals, tmp_path, kind
):
    X, y = data()
    folder = tmp_path / "x"
    folder.mkdir()
    for number in range(60):
        rng = np.random.default_rng(number)
        alter = ALTERATIONS[("flip", "member")[number % 2]]
        model = assert_harmless(kind, alter(rng, originals[kind]), folder)
        if model is None:
            continue
        callbacks = [c for c in model.callbacks if not isinstance(c, Checkpoint)]
        model.set_params(callbacks=callbacks, max_iter=25, verbose=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", (ConvergenceWarning, RuntimeWarning))
            try:
                model.fit(X, y, **CHECKPOINTS[kind][1])
            except ValueError:
                continue
        assert_right(model)


@pytest.mark.parametrize("kind", ["plain", "checkpoint", "stream"])
def test_files_that_are_whole_are_read(originals, tmp_path, kind):
    (tmp_path / "x").mkdir()
    assert assert_harmless(kind, originals[kind], tmp_path / "x") is not None
    header, members = apart(originals[kind])
    assert assert_harmless(kind, together(header, members), tmp_path / "x") is not None


# Altered on purpose


def with_bytes(original, name, body):
    header, members = apart(original)
    return together(header, {**members, name: body})


def with_member(original, name, array):
    return with_bytes(original, f"{name}.npy", npy(array))


def with_header(original, **changes):
    header, members = apart(original)
    return together({**header, **changes}, members)


def with_params(original, **params):
    header, _ = apart(original)
    return with_header(original, params={**header["params"], **params})


def with_plain(original, **attributes):
    header, _ = apart(original)
    return with_header(original, plain={**header["plain"], **attributes})


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("indices", lambda a: np.full_like(a, 2_000_000_000)),
        ("indices", lambda a: a + 3),
        ("indices", lambda a: a - 9),
        ("indices", lambda a: a.astype(np.int8)),
        ("indices", lambda a: a[::-1]),
        ("indptr", lambda a: a * 1000),
        ("indptr", lambda a: a[:-1]),
        ("indptr", lambda a: a - a.max()),
        ("indptr", lambda a: np.array([0, a[-1], 0, a[-1]], a.dtype)),
        ("data", lambda a: a[:-1]),
        ("data", lambda a: a * np.nan),
        ("data", lambda a: a.astype("U5")),
    ],
)
def test_sparse_coefficients_are_looked_at_before_any_product(originals, tmp_path, part, wrong):
    name = f"coef_/{part}"
    array = np.load(io.BytesIO(apart(originals["sparse"])[1][f"{name}.npy"]))
    altered = with_member(originals["sparse"], name, wrong(array))
    assert_refused("sparse", altered, tmp_path, r"is damaged: coef_")


def test_sparse_rows_of_a_stream_are_looked_at_too(originals, tmp_path):
    name = "_online/solved0_indices"
    array = np.load(io.BytesIO(apart(originals["sparse stream"])[1][f"{name}.npy"]))
    altered = with_member(originals["sparse stream"], name, array + 10**9)
    assert_refused("sparse stream", altered, tmp_path, "rows of a stream/indices lie outside")


OBJECTS = {
    "LossLogger": {"path": "written.csv"},
    "Checkpoint": {"path": "written.npz"},
    "EarlyStopping": {},
    "PrintProgress": {},
    "Popen": {"args": "true"},
}


@pytest.mark.parametrize("kind", ["plain", "checkpoint"])
@pytest.mark.parametrize("name", OBJECTS)
def test_no_callback_is_made_from_a_file(originals, tmp_path, monkeypatch, kind, name):
    monkeypatch.chdir(tmp_path)
    odd = {"object": name, "arguments": OBJECTS[name]}
    for params in ({"callbacks": odd}, {"callbacks": [odd]}, {"learning_rate": odd}):
        altered = with_params(originals[kind], **params)
        assert_refused(kind, altered, tmp_path, "callbacks, which no file does|unknown in this")
    assert [path.name for path in tmp_path.iterdir()] == ["altered.npz"]


def test_callbacks_that_a_checkpoint_names_are_told_and_not_made(originals, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    X, y = data()
    odd = {"object": "LossLogger", "arguments": {"path": "written.csv"}}
    texts = ["LossLogger('log.csv')", "\x1b[2J" + "x" * 1000]
    altered = with_header(originals["checkpoint"], callbacks=[odd, 3], left_out=texts)
    Path("altered.npz").write_bytes(altered)
    with pytest.warns(UserWarning, match=r"had the callbacks LossLogger, LossLogger\('log") as told:
        model = SoftmaxRegression.resume("altered.npz")
    assert "\x1b" not in str(told[0].message)
    assert len(str(told[0].message)) < 400
    assert [type(callback) for callback in model.callbacks] == [Checkpoint]
    assert model.callbacks[0].path == "altered.npz"
    model.fit(X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["altered.npz"]


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("run/watchers/LossLogger 0/loss", np.array([";command;"])),
        ("run/watchers/LossLogger 0/loss", np.array([1.0, 2.0])),
        ("run/watchers/LossLogger 0/other", np.zeros(1)),
        ("run/watchers/LossLogger 0/loss/x", np.zeros(1)),
        ("run/watchers/LossLogger 0/iteration", np.arange(7, 0, -1)),
        ("run/watchers/LossLogger 0", np.zeros(1)),
        ("run/watchers/Own 0/text", np.array(["a"])),
        ("run/watchers", np.zeros(1)),
        ("run/memory/steps", np.zeros((1, 3))),
        ("run/memory/other", np.zeros(1)),
        ("run/memory/rate", np.array(0.0)),
        ("run/memory/momentum", np.array(np.nan)),
        ("run/memory/t", np.array(-1)),
        ("run/w", np.zeros(2)),
        ("run/best", np.full(15, np.nan)),
        ("run/losses", np.zeros(0)),
        ("run/losses", np.zeros((1, 1))),
        ("run/idle", np.array(-1)),
        ("run/safe", np.array(3)),
        ("run/rng", np.array("[" * 500)),
        ("run/rng", np.array('{"bit_generator": "MT19937"}')),
        ("run/rng", np.array("{" + " " * 5000 + "}")),
        ("run/other", np.zeros(1)),
    ],
)
def test_what_a_run_remembers_is_numbers_of_known_length(originals, tmp_path, name, array):
    altered = with_member(originals["with a log"], name, array)
    assert_refused("with a log", altered, tmp_path, "is damaged")


def test_every_field_of_a_run_is_looked_at():
    assert {str(field.type) for field in RunState.__dataclass_fields__.values()} <= _CHECKS.keys()


def test_the_state_of_a_random_generator_stays_within_its_words(originals, tmp_path):
    for state in ([0] * 624, 625), ([0] * 624, -1), ([0] * 623, 1), ([2**32] * 624, 1), (["a"], 1):
        code = {"RandomState": ["MT19937", *state, 0, 0.0]}
        altered = with_params(originals["plain"], random_state=code)
        assert_refused("plain", altered, tmp_path, "RandomState")


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("coef_", np.full((3, 4), np.nan)),
        ("coef_", np.full((3, 4), 1.7e308)),
        ("coef_", np.zeros((4, 3))),
        ("coef_", np.zeros(12)),
        ("coef_", np.zeros((3, 4), int)),
        ("coef_", np.zeros((3, 4), "U3")),
        ("coef_", np.zeros((3, 4), "c16")),
        ("intercept_", np.zeros(2)),
        ("intercept_", np.full(3, np.inf)),
        ("classes_", np.array(["a", "a", "b"])),
        ("classes_", np.array(["c", "b", "a"])),
        ("classes_", np.array(["a", "b"])),
        ("classes_", np.array([0.0, 1.0, np.nan])),
        ("classes_", np.array([["a", "b", "c"]])),
        ("classes_", np.array(["a", "b", "c"], dtype="S1")),
        ("loss_curve_", np.zeros(3)),
        ("n_iter_", np.array([-1])),
        ("n_iter_", np.zeros(1)),
        ("predict", np.zeros(1)),
        ("_fitted_rows", np.zeros(1)),
        ("_fitted_rows/weight", np.array(-1.0)),
        ("_fitted_rows/mean", np.zeros(7)),
        ("_fitted_rows/other", np.zeros(7)),
        ("run/w", np.zeros(15)),
        ("a/b", np.zeros(3)),
        ("__class__", np.zeros(3)),
        ("odd_", np.zeros(3)),
        ("n_features_in_", np.array(4)),
    ],
)
def test_an_attribute_that_is_not_what_fit_sets_is_refused(originals, tmp_path, name, array):
    altered = with_member(originals["plain"], name, array)
    assert_refused("plain", altered, tmp_path, "is damaged")


@pytest.mark.parametrize(
    "attributes",
    [
        {"predict": 3}, {"n_features_in_": 5}, {"n_features_in_": "4"}, {"n_features_in_": True},
        {"converged_": 1}, {"optimality_": "a"}, {"solver_": 3}, {"solver_": "x" * 9999},
        {"n_samples_seen_": -1}, {"best_iter_": 10**6}, {"coef_": 1}, {"loss_curve_": []},
        {"_online": 3}, {"__dict__": {}}, {"feature_names_in_": ["a"]},
    ],
    ids=str,
)  # fmt: skip
def test_a_plain_attribute_that_is_not_what_fit_sets_is_refused(originals, tmp_path, attributes):
    assert_refused("plain", with_plain(originals["plain"], **attributes), tmp_path, "is damaged")


@pytest.mark.parametrize("name", ["loss_curve_", "_online"])
def test_a_stream_that_lacks_what_it_goes_on_with_is_refused(originals, tmp_path, name):
    header, members = apart(originals["stream"])
    plain = {key: code for key, code in header["plain"].items() if key != name}
    parts = [part for part in header["parts"] if part != name]
    altered = together({**header, "plain": plain, "parts": parts}, members)
    assert_refused("stream", altered, tmp_path, "is damaged")


@pytest.mark.parametrize(
    "params",
    [
        {"C": -1}, {"C": "a"}, {"C": None}, {"tol": float("nan")}, {"max_iter": 2**70},
        {"solver": {"object": "LBFGS", "arguments": {"memory": "a"}}},
        {"solver": {"object": "LBFGS", "arguments": {"points": 3}}},
        {"solver": {"object": "Constant", "arguments": {"rate": 0.1}}},
        {"learning_rate": {"object": "Constant", "arguments": {"rate": "a"}}},
        {"learning_rate": {"object": "Constant", "arguments": {}}},
        {"learning_rate": {"object": "WarmUp", "arguments": {"after": 1}}},
        {"learning_rate": {"object": "LBFGS", "arguments": {}}},
        {"penalty_factor": {"array": ["a"] * 3, "dtype": "<U150000000"}},
        {"penalty_factor": {"array": [[1], [2, 3]], "dtype": "<f8"}},
        {"penalty_factor": {"array": [1], "dtype": "O"}},
        {"penalty_factor": {"array": [300], "dtype": "|u1"}},
        {"class_weight": {"dict": [[[], 1]]}}, {"class_weight": {"dict": 3}},
        {"class_weight": {"tuple": 3}}, {"class_weight": {"other": 3}},
    ],
    ids=str,
)  # fmt: skip
def test_a_parameter_that_no_model_has_is_refused(originals, tmp_path, params):
    assert_refused("plain", with_params(originals["plain"], **params), tmp_path, "is damaged")


HEADERS = {
    "no JSON": b"{",
    "no text": b"\xff\xfe{}",
    "no object": b"[]",
    "a number": b"3",
    "empty": b"",
    "deep lists": b"[" * 200_000,
    "deep dicts": b'{"a":' * 200_000,
    "deep and whole": b"[" * 90_000 + b"]" * 90_000,
    "many digits": b'{"schema": ' + b"9" * 10_000 + b"}",
    "no schema": b"{}",
    "a schema of text": b'{"schema": "1"}',
    "only a schema": b'{"schema": 1}',
    "an open string": b'{"schema": 1, "' + b'\\"' * 100_000,
}


@pytest.mark.parametrize("text", HEADERS.values(), ids=HEADERS)
def test_a_header_of_any_shape_is_refused(originals, tmp_path, text):
    altered = together(text, apart(originals["plain"])[1])
    assert_refused("plain", altered, tmp_path, "is damaged: its header")


@pytest.mark.parametrize("kind", ["plain", "checkpoint"])
def test_a_header_without_one_of_its_keys_or_with_another_type_is_refused(
    originals, tmp_path, kind
):
    header, members = apart(originals[kind])
    for key in header:
        without = {name: value for name, value in header.items() if name != key}
        assert_refused(kind, together(without, members), tmp_path, "is damaged")
        odd = with_header(originals[kind], **{key: 0.5})
        assert_refused(kind, odd, tmp_path, "is damaged")


# Archives


def test_a_file_of_a_newer_schema_shows_no_more_than_a_version(originals, tmp_path):
    altered = with_header(originals["plain"], schema=99, version="\x1b[2J" * 1000)
    assert_refused("plain", altered, tmp_path, "written by softmax_reg of a later version")


def test_compressed_members_are_refused(originals, tmp_path):
    header, members = apart(originals["plain"])
    altered = together(header, members, zipfile.ZIP_DEFLATED)
    assert_refused("plain", altered, tmp_path, "compressed or encrypted, which save never does")


def test_members_that_are_there_twice_are_refused(originals, tmp_path):
    header, members = apart(originals["plain"])
    twice = [*members.items(), ("coef_.npy", members["coef_.npy"])]
    assert_refused("plain", together(header, twice), tmp_path, "'coef_.npy' is there twice")


@pytest.mark.parametrize("name", ["../x.npy", "/etc/x.npy", "C:\\x.npy", "x", "x.npy/", ".npy"])
def test_members_with_other_names_are_refused(originals, tmp_path, name):
    header, members = apart(originals["plain"])
    altered = together(header, {**members, name: npy(np.zeros(1))})
    assert_refused("plain", altered, tmp_path, "is damaged")


def header_of_npy(text):
    text = text.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "body",
    [
        header_of_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }"),
        header_of_npy(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 10000000000000000), }"
        ),
        header_of_npy("{'descr': '<U150000000', 'fortran_order': False, 'shape': (3,), }"),
        header_of_npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }") + b"\x80\x04N.",
        header_of_npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (0,), }"),
        header_of_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (" + "(" * 9000 + ",), }"),
        header_of_npy("__import__('os').mkdir('written')"),
        header_of_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (0,), }")[:-5],
        b"",
        b"\x93NUMPY",
        npy(np.array([print], dtype=object)),
    ],
)
def test_arrays_that_are_not_what_they_say_are_refused(originals, tmp_path, body):
    header, members = apart(originals["plain"])
    altered = together(header, {**members, "coef_.npy": body})
    assert_refused(
        "plain", altered, tmp_path, r"is damaged: (its member )?'?coef_|columns of coef_"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["altered.npz"]


def test_text_that_is_no_text_is_refused(originals, tmp_path):
    codes = np.array([1, 2, 0x7FFFFFFF], np.uint32)
    body = npy(codes.view("<U1"))
    header, members = apart(originals["plain"])
    altered = together(header, {**members, "classes_.npy": body})
    assert_refused("plain", altered, tmp_path, "'classes_.npy' holds what is no text")


def other_files():
    buffer = io.BytesIO()
    np.savez(buffer, coef_=np.ones(3))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("header.txt", "x")
    return {
        "npz": buffer.getvalue(), "zip": archive.getvalue(), "npy": npy(np.ones(3)), "empty": b"",
        "text": b"a,b\n1,2\n", "zeros": bytes(10_000), "zip's first bytes": b"PK\x03\x04",
    }  # fmt: skip


@pytest.mark.parametrize("kind", other_files())
@pytest.mark.parametrize("method", ["load", "resume"])
def test_a_file_of_another_kind_is_called_so(tmp_path, kind, method):
    (tmp_path / "other").write_bytes(other_files()[kind])
    with pytest.raises(ValueError, match="other' is not a softmax_reg file"):
        getattr(SoftmaxRegression, method)(tmp_path / "other")


# Memory


def peak_of(kind, data, folder):
    """Return the most bytes that were taken while a file was read, its answer too."""
    path = folder / "altered.npz"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        opened(kind, path)
    except ValueError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return peak


def headed(original, text):
    """Return a file with this text in its header."""
    header, members = apart(original)
    return together(json.dumps(header).encode()[:-1] + b', "x": ' + text + b"}", members)


def many(original, text, count, end):
    return headed(original, b"[" + text * count + end + b"]")


def with_zeros(original, compression):
    header, members = apart(original)
    return together(header, {**members, "x_.npy": npy(np.zeros(3_000_000))}, compression)


TERABYTE = "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"
LONG_TEXT = b'"\\ud83d\\ude00' + b"a" * 1000 + b'",'
FEATURES = [f"feature {i}" for i in range(10_000)]
LONG_AMONG_MANY = {"array": ["a" * 10**5, *["a"] * 10**5], "dtype": "<U100000"}
BOMBS = {
    "compressed zeros": lambda old: with_zeros(old, zipfile.ZIP_DEFLATED),
    "large": lambda old: with_zeros(old, zipfile.ZIP_STORED),
    "declared shape": lambda old: with_bytes(old, "coef_.npy", header_of_npy(TERABYTE)),
    "declared text": lambda old: with_params(
        old, penalty_factor={"array": ["a"] * 3, "dtype": "<U150000000"}
    ),
    "one long text among many": lambda old: with_params(old, penalty_factor=LONG_AMONG_MANY),
    "empty lists": lambda old: many(old, b"[],", 30_000, b"0"),
    "empty dicts": lambda old: many(old, b"{},", 30_000, b"0"),
    "dicts of one": lambda old: many(old, b'{"":0},', 30_000, b"0"),
    "as many lists as may be": lambda old: many(old, b"[      ],", 30_000, b"0"),
    "pairs": lambda old: with_params(old, class_weight={"dict": [[i, i] for i in range(30_000)]}),
    "short texts": lambda old: many(old, b'"ab",', 30_000, b"0"),
    "long texts": lambda old: many(old, LONG_TEXT, 100, b"0"),
    "floats": lambda old: many(old, b"1e9,", 30_000, b"0"),
    "many members": lambda old: together(
        apart(old)[0], {f"a{i}_.npy": npy(np.zeros(0)) for i in range(1000)}
    ),
    "names": lambda old: with_header(old, objects={"feature_names_in_": FEATURES}),
    "wide": lambda old: with_plain(old, n_features_in_=10**15),
    "deep": lambda old: headed(old, b"[" * 100_000),
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_reading_takes_no_more_than_a_small_multiple_of_the_file(originals, tmp_path, bomb):
    data = bomb(originals["plain"])
    opened("plain", write(tmp_path / "m.npz", originals["plain"]))  # what is imported on demand
    assert peak_of("plain", data, tmp_path) <= TIMES_ITS_SIZE * len(data) + BESIDES


def write(path, data):
    path.write_bytes(data)
    return path


def test_a_large_model_takes_its_file_two_times(originals, tmp_path):
    rng = np.random.default_rng(0)
    model = SoftmaxRegression().fit(*data())
    model.coef_ = rng.normal(size=(3, 200_000))
    model.n_features_in_ = 200_000
    del model._fitted_rows
    model.save(tmp_path / "m.npz")
    size = (tmp_path / "m.npz").stat().st_size
    assert peak_of("plain", (tmp_path / "m.npz").read_bytes(), tmp_path) <= 2.2 * size + BESIDES


@pytest.mark.slow
@needs_posix
def test_a_file_that_does_not_fit_into_memory_is_an_error(originals, tmp_path):
    path, original = tmp_path / "huge.npz", originals["plain"]
    with path.open("wb") as file:  # with a hole of a terabyte
        file.write(original[:-83])
        file.seek(1 << 40)
        file.write(original[-83:])
    code = (
        "import resource; from softmax_reg import SoftmaxRegression as S\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, 1 << 32))\n"
        f"try: S.load({str(path)!r})\n"
        "except ValueError as error: print(error)"
    )
    assert "huge.npz' is damaged: its 1099511627859 bytes do not fit" in output_of(code)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_every_attribute_that_a_fit_sets_can_be_saved():
    found = set()
    for model in models(*data()).values():
        found |= {n for n in vars(model) if n.endswith("_") and not n.startswith("_")}
    assert found <= FITTED.keys()


@pytest.mark.parametrize(
    "changes",
    [{"coef_": np.full((3, 4), np.nan)}, {"intercept_": np.zeros(7)}, {"odd_": 3}, {"C": -1.0}],
    ids=["NaN", "shape", "odd", "C"],
)
def test_a_model_that_could_not_be_loaded_is_not_saved(tmp_path, changes):
    model = SoftmaxRegression().fit(*data())
    vars(model).update(changes)
    with pytest.raises(ValueError, match=rf"cannot be saved, for .*{next(iter(changes))}"):
        model.save(tmp_path / "m.npz")
    assert list(tmp_path.iterdir()) == []


def test_messages_hold_no_numpy_types(tmp_path, originals):
    for altered in (
        with_plain(originals["plain"], n_features_in_=5),
        with_member(originals["plain"], "coef_", np.zeros((4, 3))),
        with_member(originals["plain"], "n_iter_", np.array([-1])),
    ):
        (tmp_path / "m.npz").write_bytes(altered)
        with pytest.raises(ValueError, match="damaged") as told:
            SoftmaxRegression.load(tmp_path / "m.npz")
        assert "np." not in str(told.value)
