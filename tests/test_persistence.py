"""Models come back from files as they were; files that are not whole come back as errors."""

import ast
import io
import json
import os
import pickle
import stat
import warnings
import zipfile
from dataclasses import dataclass

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal
from pages import ROOT, fenced_blocks
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg._npz import storage
from softmax_reg.callbacks import Checkpoint, EarlyStopping
from softmax_reg.persistence.parameters import decode, encode
from softmax_reg.schedules import Constant, Cosine, Schedule, WarmUp
from softmax_reg.solvers import LBFGS, SGD, SOLVERS, GradientDescent


def rows(n_classes=3, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(60, 4)).astype(dtype)
    codes = (X[:, 0] + 0.3 * rng.normal(size=60)).argsort().argsort() * n_classes // 60
    return X, codes


def fitted(labels=("a", "b", "c"), dtype=np.float64, **params):
    X, codes = rows(len(labels), dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SoftmaxRegression(**params).fit(X, np.asarray(labels)[codes])


def assert_same(model, other):
    """Both have the same attributes, of the same types, and predict the same bit for bit."""
    assert vars(model).keys() == vars(other).keys()
    for name, value in vars(other).items():
        got = getattr(model, name)
        assert type(got) is type(value), name
        if isinstance(value, np.ndarray):
            assert got.dtype == value.dtype
            assert_array_equal(got, value)
    X, _ = rows(seed=1)
    assert_array_equal(model.predict_proba(X), other.predict_proba(X))
    assert_array_equal(model.predict(X), other.predict(X))


def saved(model, folder):
    model.save(folder / "model.npz")
    return SoftmaxRegression.load(folder / "model.npz")


# There and back

LABELS = {
    "strings": ["a", "b", "c"],
    "objects": np.array(["a", "b", "\N{GREEK SMALL LETTER GAMMA}"], dtype=object),
    "two": [False, True],
    "floats": [-1.0, 0.0, 2.0],
    "bytes": np.array([1, 2, 200], dtype=np.uint8),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_model_comes_back_as_it_was(tmp_path, labels, dtype):
    model = fitted(labels, dtype)
    assert_same(saved(model, tmp_path), model)


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_model_of_every_solver_comes_back(tmp_path, solver):
    model = fitted(solver=solver, early_stopping=True, random_state=0, max_iter=20)
    assert_same(saved(model, tmp_path), model)


def test_names_of_features_come_back_and_are_checked(tmp_path):
    X, codes = rows()
    frame = pd.DataFrame(X, columns=["p", "q", "r", "s"])
    model = saved(SoftmaxRegression().fit(frame, codes), tmp_path)
    assert model.feature_names_in_.tolist() == ["p", "q", "r", "s"]
    assert model.feature_names_in_.dtype == object
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["q", "p", "r", "s"]])


def test_sparse_coefficients_come_back_sparse(tmp_path):
    model = fitted(l1_ratio=1.0, C=0.5).sparsify()
    again = saved(model, tmp_path)
    assert type(again.coef_) is type(model.coef_) is sp.csr_matrix
    assert again.coef_.nnz == model.coef_.nnz
    X, _ = rows(seed=1)
    assert_array_equal(again.decision_function(X), model.decision_function(X))


@pytest.mark.parametrize(
    "params",
    [
        {"C": np.inf, "tol": np.float64(1e-3), "max_iter": np.int64(7), "fit_intercept": np.True_},
        {"class_weight": {"a": 2.0, "b": np.float64(0.5)}},
        {"class_weight": "balanced", "solver": LBFGS(memory=3)},
        {
            "solver": SGD(learning_rate=WarmUp(Cosine(1e-3, 7), epochs=3)),
            "random_state": 3,
            "max_iter": 5,
        },
        {"solver": "gd", "learning_rate": Constant(1e-3), "max_iter": 3},
    ],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_parameters_come_back_and_fit_the_same(tmp_path, params):
    model = fitted(**params)
    again = saved(model, tmp_path)
    assert again.get_params(deep=False) == model.get_params(deep=False)
    X, codes = rows()
    y = np.array(["a", "b", "c"])[codes]
    assert_array_equal(again.fit(X, y).coef_, model.coef_)


def test_integers_that_label_classes_come_back_as_keys(tmp_path):
    model = fitted([1, 2, 3], class_weight={1: 2.0, 2: 1.0, 3: 0.5})
    assert saved(model, tmp_path).class_weight == {1: 2.0, 2: 1.0, 3: 0.5}


OURS = [kind for kind in Schedule.__subclasses__() if kind.__module__.startswith("softmax_reg.")]


@pytest.mark.parametrize("kind", [*OURS, *SOLVERS.values()])
def test_every_solver_and_schedule_can_be_in_a_file(kind):
    needs_schedule = kind is WarmUp
    args = () if kind in SOLVERS.values() else (Constant(0.5) if needs_schedule else 0.5,)
    assert decode(json.loads(json.dumps(encode(kind(*args))))) == kind(*args)


def test_a_random_state_goes_on_where_it_was():
    random_state = np.random.RandomState(3)
    random_state.normal(size=3)
    again = decode(json.loads(json.dumps(encode(random_state))))
    assert_array_equal(again.normal(size=5), random_state.normal(size=5))


def test_callbacks_are_no_part_of_a_model(tmp_path):
    model = fitted(callbacks=[lambda progress: None])
    assert saved(model, tmp_path).callbacks is None


@pytest.mark.parametrize("name", ["model", "model.npz", "model.softmax"])
def test_the_name_of_the_file_is_the_one_given(tmp_path, name):
    model = fitted()
    model.save(str(tmp_path / name))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert_same(SoftmaxRegression.load(str(tmp_path / name)), model)


def test_numpy_reads_a_file_as_it_reads_any_npz(tmp_path):
    model = fitted()
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz", allow_pickle=False) as archive:
        assert_array_equal(archive["coef_"], model.coef_)
        assert json.loads(archive["header"].tobytes())["schema"] == storage.SCHEMA


class Table:
    """Something that a subclass keeps."""

    def __init__(self, table):
        self.table = table

    def to_arrays(self):
        return {"table": self.table}

    @classmethod
    def from_arrays(cls, arrays):
        return cls(arrays["table"])


def test_a_subclass_names_what_else_is_to_be_saved(tmp_path):
    class Keeping(SoftmaxRegression):
        _saved_parts = {"_table": Table}  # noqa: RUF012

    model = Keeping().fit(*rows())
    model._table = Table(np.arange(3.0))
    model.save(tmp_path / "model.npz")
    again = Keeping.load(tmp_path / "model.npz")
    assert_array_equal(again._table.table, model._table.table)
    with pytest.raises(ValueError, match="holds a Keeping, not a SoftmaxRegression"):
        SoftmaxRegression.load(tmp_path / "model.npz")


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_comes_back_too(protocol):
    model = fitted(solver=LBFGS(memory=3), callbacks=[EarlyStopping(3)], random_state=0)
    assert_same(pickle.loads(pickle.dumps(model, protocol)), model)


def test_skops_reads_what_it_wrote():
    skops = pytest.importorskip("skops.io")
    model = fitted(solver=LBFGS(memory=3), early_stopping=True, random_state=0)
    text = skops.dumps(model)
    trusted = skops.get_untrusted_types(data=text)
    assert all(name.startswith("softmax_reg.") for name in trusted)
    assert_same(skops.loads(text, trusted=trusted), model)


def told_of_skops():
    """Return the types that docs/deployment.md says to trust."""
    (block,) = (b for b in fenced_blocks(ROOT / "docs/deployment.md", "python") if "TRUSTED" in b)
    return set(ast.literal_eval(block.partition("=")[2].strip()))


@pytest.mark.parametrize("kind", [SoftmaxRegression, SoftmaxRegressionCV])
@pytest.mark.parametrize("params", [{}, {"standardize": True, "l1_ratios": [1.0]}])
def test_skops_asks_to_trust_the_types_that_the_page_names_and_no_others(kind, params):
    skops = pytest.importorskip("skops.io")
    X, codes = rows()
    search = {"Cs": [0.1, 1.0], "cv": 3} if kind is SoftmaxRegressionCV else {}
    params = {name: value for name, value in params.items() if search or name != "l1_ratios"}
    model = kind(**search, **params).fit(pd.DataFrame(X).add_prefix("x"), codes)
    data = skops.dumps(make_pipeline(model))
    other = ({SoftmaxRegression, SoftmaxRegressionCV} - {kind}).pop()
    expected = {name for name in told_of_skops() if not name.endswith(f".{other.__name__}")}
    assert set(skops.get_untrusted_types(data=data)) == expected
    again = skops.loads(data, trusted=sorted(told_of_skops()))
    assert_array_equal(again[-1].coef_, model.coef_)
    assert skops.get_untrusted_types(data=skops.dumps(model.to_sklearn())) == []
    sparse = skops.get_untrusted_types(data=skops.dumps(model.sparsify()))
    assert set(sparse) - expected <= {"scipy.sparse._csr.csr_matrix"}


# What cannot be saved


@dataclass
class Own(GradientDescent):
    """A solver of the user's."""


@pytest.mark.parametrize(
    ("name", "value"),
    [("solver", Own()), ("learning_rate", lambda t: 0.1), ("solver", SGD(lambda t: 1e-3))],
)
def test_objects_of_the_users_own_are_refused_by_name(tmp_path, name, value):
    model = fitted().set_params(**{name: value})
    with pytest.raises(TypeError, match=f"^{name} cannot be saved: .*without pickle"):
        model.save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_an_attribute_that_is_not_made_of_numbers_is_refused_by_name(tmp_path):
    model = fitted()
    model.odd_ = object()
    with pytest.raises(TypeError, match=r"^odd_ cannot be saved"):
        model.save(tmp_path / "model.npz")


def test_a_model_that_is_not_fitted_is_refused(tmp_path):
    with pytest.raises(NotFittedError):
        SoftmaxRegression().save(tmp_path / "model.npz")


# Damaged, other and newer files


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return {kind: (bytes of a file, method that reads it)}."""
    folder, found = tmp_path_factory.mktemp("files"), {}
    X, codes = rows()
    model = SoftmaxRegression(callbacks=Checkpoint(folder / "fit.npz", every=3)).fit(X, codes)
    model.save(folder / "model.npz")
    found["model"] = (folder / "model.npz").read_bytes(), SoftmaxRegression.load
    found["checkpoint"] = (folder / "fit.npz").read_bytes(), SoftmaxRegression.resume
    return found


each_kind = pytest.mark.parametrize("kind", ["model", "checkpoint"])


def assert_refused(data, read, folder, match="damaged|not a softmax_reg file"):
    path = folder / "altered.npz"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=match):
        read(path)


@each_kind
@hypothesis.given(position=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_a_byte_that_was_altered_is_an_error(files, tmp_path, kind, position, bits):
    data, read = files[kind]
    at = int(position * len(data))
    assert_refused(data[:at] + bytes([data[at] ^ bits]) + data[at + 1 :], read, tmp_path)


@each_kind
@hypothesis.given(length=st.floats(0, 1, exclude_max=True))
@hypothesis.settings(suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_a_file_that_was_cut_off_is_an_error(files, tmp_path, kind, length):
    data, read = files[kind]
    assert_refused(data[: int(length * len(data))], read, tmp_path)


@each_kind
def test_bytes_that_were_added_zeroed_or_swapped_are_an_error(files, tmp_path, kind):
    data, read = files[kind]
    middle = len(data) // 2
    for altered in (data + b"\0", data + data, b"\0" * len(data), data[middle:] + data[:middle]):
        assert_refused(altered, read, tmp_path)


def test_other_files_are_told_apart(tmp_path):
    buffer = io.BytesIO()
    np.savez(buffer, coef_=np.ones(3))
    assert_refused(buffer.getvalue(), SoftmaxRegression.load, tmp_path, "is not a softmax_reg file")
    for other in (b"", b"a,b\n1,2\n", pickle.dumps(fitted())):
        assert_refused(other, SoftmaxRegression.load, tmp_path, "is not a softmax_reg file")


def test_a_pickle_hidden_in_a_file_is_not_read(tmp_path, files):
    data, read = files["model"]
    buffer = io.BytesIO(data)
    with zipfile.ZipFile(buffer, "a") as archive:
        member = io.BytesIO()
        np.save(member, np.array([print], dtype=object), allow_pickle=True)
        archive.writestr("odd_.npy", member.getvalue())
    assert_refused(buffer.getvalue(), read, tmp_path)


def rewritten(path, **changes):
    """Write the file once more, with a right checksum and another header."""
    header, arrays = storage.read(path)
    schema = storage.SCHEMA
    try:
        storage.SCHEMA = changes.pop("schema", schema)
        del header["schema"]
        storage.write(path, {**header, **changes}, arrays)
    finally:
        storage.SCHEMA = schema


def test_a_newer_schema_says_to_upgrade(tmp_path):
    fitted().save(tmp_path / "model.npz")
    rewritten(tmp_path / "model.npz", schema=storage.SCHEMA + 1, version="99.0")
    with pytest.raises(ValueError, match=r"schema 2, written by softmax_reg 99\.0.*Upgrade"):
        SoftmaxRegression.load(tmp_path / "model.npz")


def test_parameters_of_a_later_version_say_to_upgrade(tmp_path):
    fitted().save(tmp_path / "model.npz")
    header, _ = storage.read(tmp_path / "model.npz")
    rewritten(tmp_path / "model.npz", params={**header["params"], "later": 1}, version="99.0")
    with pytest.raises(ValueError, match=r"written by softmax_reg 99\.0.*'later'.*Upgrade"):
        SoftmaxRegression.load(tmp_path / "model.npz")


def test_objects_that_this_version_does_not_know_are_not_made(tmp_path):
    fitted().save(tmp_path / "model.npz")
    header, _ = storage.read(tmp_path / "model.npz")
    odd = {"object": "Popen", "arguments": {"args": "true"}}
    rewritten(tmp_path / "model.npz", params={**header["params"], "solver": odd})
    with pytest.raises(ValueError, match="object of Popen, unknown"):
        SoftmaxRegression.load(tmp_path / "model.npz")


def test_a_model_and_a_checkpoint_are_not_taken_for_one_another(files, tmp_path):
    for kind, other in (("model", "resume"), ("checkpoint", "load")):
        (tmp_path / kind).write_bytes(files[kind][0])
        right = files[kind][1].__name__
        with pytest.raises(ValueError, match=rf"holds a {kind}\. Use SoftmaxRegression\.{right}"):
            getattr(SoftmaxRegression, other)(tmp_path / kind)


@pytest.mark.parametrize("method", ["load", "resume"])
def test_a_file_that_is_not_there_is_named(tmp_path, method):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz"):
        getattr(SoftmaxRegression, method)(tmp_path / "nowhere.npz")


# Whole, or not at all


def test_a_crash_between_writing_and_renaming_leaves_the_old_file(tmp_path, monkeypatch):
    old = fitted(C=1.0)
    old.save(tmp_path / "model.npz")

    def crash(*args):
        raise OSError("crash")

    for name in ("replace", "fsync"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, crash)
            with pytest.raises(OSError, match="crash"):
                fitted(C=2.0).save(tmp_path / "model.npz")
        assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]
        assert_same(SoftmaxRegression.load(tmp_path / "model.npz"), old)


def test_the_data_are_on_the_disk_before_the_name_is(tmp_path, monkeypatch):
    done, fsync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def replaced(source, destination):
        assert os.path.dirname(source) == os.path.dirname(destination)
        done.append("name")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    fitted().save(tmp_path / "model.npz")
    assert done == ["file", "name", "folder"][: 2 + hasattr(os, "O_DIRECTORY")]


@pytest.mark.skipif(os.name == "nt", reason="platform: no links and modes")
def test_a_file_has_the_mode_of_any_new_file_and_links_are_followed(tmp_path):
    (tmp_path / "link.npz").symlink_to(tmp_path / "model.npz")
    (tmp_path / "other").touch()
    fitted().save(tmp_path / "link.npz")
    assert (tmp_path / "link.npz").is_symlink()
    modes = {(tmp_path / name).stat().st_mode for name in ("model.npz", "other")}
    assert len(modes) == 1


# The tree of arrays

names = st.text("abc", min_size=1)
leaves = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False) | names
trees = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1), max_leaves=4)


@hypothesis.given(st.dictionaries(names, trees, max_size=3))
def test_nested_dicts_of_numbers_and_strings_come_back_from_arrays(tree):
    assert storage.unflatten(storage.flatten(tree)) == tree


def test_an_array_of_factors_comes_back(tmp_path):
    X, y = load_wine(return_X_y=True)
    factors = np.linspace(0.0, 2.0, 13)
    SoftmaxRegression(l1_ratio=1.0, penalty_factor=factors).fit(X, y).save(tmp_path / "m.npz")
    assert_array_equal(SoftmaxRegression.load(tmp_path / "m.npz").penalty_factor, factors)
