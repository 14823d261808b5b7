"""Arrays of other libraries: fitted as NumPy's are, and given back where they came from.

array-api-strict stands for all of them; it has devices that NumPy cannot read.  PyTorch takes part
where it is installed: it is too large to be brought by an extra.
"""

import pickle
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pages import ROOT, fenced_blocks
from sklearn import config_context
from sklearn.datasets import load_iris, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from softmax_reg import (
    CoefficientDisplay,
    FunctionSource,
    LossCurveDisplay,
    SoftmaxRegression,
    SoftmaxRegressionCV,
    bootstrap,
    softmax_path,
)
from softmax_reg._compat import HAS_ARRAY_API
from softmax_reg.dataset import namespaces
from softmax_reg.dataset.namespaces import on_host, to_numpy
from softmax_reg.solvers import SOLVERS

if not HAS_ARRAY_API:
    pytest.skip("version: scikit-learn 1.9 began it", allow_module_level=True)

X, Y = load_wine(return_X_y=True)
NAMES = ["array_api_strict", "torch"] if find_spec("torch") else ["array_api_strict"]
each_library = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(autouse=True)
def dispatch():
    with config_context(array_api_dispatch=True):
        yield


def tensors(name, *arrays):
    xp = __import__(name)
    return [xp.asarray(array) for array in arrays]


def is_tensor(array, name):
    return type(array).__module__.startswith(name)


@each_library
@pytest.mark.parametrize("solver", ["auto", *SOLVERS])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_fit_is_that_of_numpy_to_the_bit(name, solver, classes):
    rows = classes > Y
    A, b = tensors(name, X[rows], Y[rows])
    plain, model = (
        SoftmaxRegression(solver=solver, max_iter=5, tol=None, random_state=0) for _ in range(2)
    )
    plain.fit(X[rows], Y[rows])
    model.fit(A, b)
    for attribute in ("coef_", "intercept_", "loss_curve_", "n_iter_"):
        found = getattr(model, attribute)
        assert is_tensor(found, name)
        assert_array_equal(to_numpy(found), getattr(plain, attribute))
    assert model.loss_ == plain.loss_


@each_library
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_are_arrays_of_the_same_library(name, dtype):
    A, b = tensors(name, X.astype(dtype), Y)
    plain, model = SoftmaxRegression().fit(X.astype(dtype), Y), SoftmaxRegression().fit(A, b)
    for method in ("decision_function", "predict_log_proba", "predict_proba", "predict"):
        found, wanted = getattr(model, method)(A), getattr(plain, method)(X.astype(dtype))
        assert is_tensor(found, name)
        assert to_numpy(found).dtype == wanted.dtype
        assert_allclose(to_numpy(found), wanted, rtol=1e-4 if dtype == np.float32 else 1e-9)
    assert model.score(A, b) == plain.score(X.astype(dtype), Y)


@each_library
def test_mixed_dtypes_are_multiplied_in_the_wider(name):
    A, b, single = tensors(name, X, Y, X.astype(np.float32))
    model = SoftmaxRegression().fit(A, b)
    assert to_numpy(model.decision_function(single)).dtype == np.float64


@each_library
def test_the_memory_of_the_host_is_read_where_it_lies(name):
    (A,) = tensors(name, X)
    assert np.shares_memory(on_host(A), to_numpy(A))
    before = to_numpy(A).copy()
    SoftmaxRegression().fit(A, Y)
    assert_array_equal(to_numpy(A), before)


def test_results_go_back_to_the_device():
    import array_api_strict as xp

    device = xp.Device("device1")
    A, b = xp.asarray(X, device=device), xp.asarray(Y, device=device)
    with pytest.raises((RuntimeError, TypeError, ValueError)):
        np.asarray(A)
    model = SoftmaxRegression().fit(A, b)
    assert model.coef_.device == model.predict_proba(A).device == device
    assert_array_equal(to_numpy(model.coef_), SoftmaxRegression().fit(X, Y).coef_)
    with pytest.raises(ValueError, match="same device"):
        model.predict(xp.asarray(X))


if find_spec("torch"):

    @pytest.mark.parametrize("change", ["bfloat16", "requires_grad_"])
    def test_a_tensor_that_numpy_cannot_read_is_told_of(change):
        (A,) = tensors("torch", X)
        with pytest.raises(ValueError, match=r"torch.Tensor of torch.\w+ cannot be read by NumPy"):
            SoftmaxRegression().fit(getattr(A, change)(), Y)

    def test_the_lines_of_the_page_run():
        (text,) = fenced_blocks(ROOT / "docs" / "arrays.md", "python no-run")
        exec(text, {})


def test_an_array_that_its_library_does_not_give_away_is_told_of(monkeypatch):
    (A,) = tensors("array_api_strict", X)
    refused = BufferError("no memory is shared.")

    def refuse(array):
        raise refused

    monkeypatch.setattr(namespaces, "to_numpy", refuse)
    with pytest.raises(ValueError, match=r"array_api_strict.* cannot be read by NumPy: no memory"):
        SoftmaxRegression().fit(A, Y)


@each_library
def test_labels_that_are_text_stay_in_numpy(name):
    (A,) = tensors(name, X)
    labels = np.array(["a", "b", "c"])[Y]
    model = SoftmaxRegression().fit(A, labels)
    assert_array_equal(model.predict(A), SoftmaxRegression().fit(X, labels).predict(X))


@each_library
def test_weights_offsets_shares_and_held_out_rows_may_be_arrays_of_the_library(name):
    weights, offset = np.linspace(1.0, 2.0, len(Y)), np.outer(Y == 0, [0.5, 0.0, 0.0])
    A, b, s, M, Q = tensors(name, X, Y, weights, offset, np.eye(3)[Y])
    plain = SoftmaxRegression().fit(X, Y, weights, offset=offset)
    model = SoftmaxRegression().fit(A, b, s, offset=M, X_val=A, y_val=b, offset_val=M)
    assert_array_equal(to_numpy(model.coef_), plain.coef_)
    assert_allclose(to_numpy(model.predict_proba(A, M)), plain.predict_proba(X, offset), rtol=1e-9)
    assert model.validation_loss_curve_.shape == model.loss_curve_.shape
    of_shares = SoftmaxRegression().fit_proba(A, Q, s)
    wanted = SoftmaxRegression().fit_proba(X, np.eye(3)[Y], weights)
    assert_array_equal(to_numpy(of_shares.coef_), wanted.coef_)
    of_counts = SoftmaxRegression().fit_counts(A, Q)
    wanted = SoftmaxRegression().fit_counts(X, np.eye(3)[Y])
    assert_array_equal(to_numpy(of_counts.coef_), wanted.coef_)


@each_library
def test_streams_and_warm_starts_go_on(name):
    A, b = tensors(name, X, Y)
    stream, plain = SoftmaxRegression(), SoftmaxRegression()
    for _ in range(2):
        stream.partial_fit(A, b, classes=tensors(name, np.arange(3))[0])
        plain.partial_fit(X, Y, classes=np.arange(3))
    assert is_tensor(stream.coef_, name)
    assert_array_equal(to_numpy(stream.coef_), plain.coef_)
    warm = SoftmaxRegression(warm_start=True).fit(A, b)
    n_before = int(warm.n_iter_[0])
    warm.fit(A, b)
    assert is_tensor(warm.coef_, name)
    assert int(warm.n_iter_[0]) - n_before <= 1


@each_library
def test_everything_that_reads_the_coefficients_works(name, tmp_path):
    A, b = tensors(name, X, Y)
    plain, model = SoftmaxRegression().fit(X, Y), SoftmaxRegression().fit(A, b)
    assert model.coef_frame().equals(plain.coef_frame())
    assert str(model.summary(A, b)) == str(plain.summary(X, Y))
    assert model.duality_gap(A, b) == plain.duality_gap(X, Y)
    about, (of_library,) = X.mean(axis=0), tensors(name, X.mean(axis=0))
    assert_array_equal(model.contributions(A), plain.contributions(X))
    assert_array_equal(
        model.contributions(A, about=of_library), plain.contributions(X, about=about)
    )
    found = model.inference(A, b, penalised="laplace")
    wanted = plain.inference(X, Y, penalised="laplace")
    assert str(found) == str(wanted)
    assert_array_equal(model.to_sklearn().coef_, plain.coef_)
    model.save(tmp_path / "model.npz")
    assert_array_equal(SoftmaxRegression.load(tmp_path / "model.npz").coef_, plain.coef_)
    assert_array_equal(to_numpy(pickle.loads(pickle.dumps(model)).coef_), plain.coef_)
    LossCurveDisplay.from_estimator(model)
    CoefficientDisplay.from_estimator(model)
    assert_array_equal(model.sparsify().predict(X), plain.predict(X))


@each_library
def test_without_dispatch_a_model_of_tensors_takes_any_rows(name):
    A, b = tensors(name, X, Y)
    model, wanted = SoftmaxRegression().fit(A, b), SoftmaxRegression().fit(X, Y).predict(X)
    with config_context(array_api_dispatch=False):
        assert_array_equal(model.predict(X), wanted)
        assert_array_equal(model.predict(X.tolist()), wanted)


@each_library
def test_searches_take_arrays_of_the_library(name):
    A, b = tensors(name, *load_iris(return_X_y=True))
    search = GridSearchCV(SoftmaxRegression(), {"C": [0.1, 1.0]}, cv=2).fit(A, b)
    assert is_tensor(search.best_estimator_.coef_, name)
    model = SoftmaxRegressionCV(Cs=3, cv=2).fit(A, b)
    plain = SoftmaxRegressionCV(Cs=3, cv=2).fit(*load_iris(return_X_y=True))
    assert_array_equal(to_numpy(model.scores_), plain.scores_)
    assert is_tensor(model.coef_, name)
    assert model.score(A, b) == plain.score(*load_iris(return_X_y=True))


def test_a_model_of_scikit_learn_that_holds_tensors_is_taken():
    import array_api_strict as xp

    theirs = LogisticRegression(C=1e-2).fit(xp.asarray(X / X.std(axis=0)), xp.asarray(Y))
    ours = SoftmaxRegression.from_sklearn(theirs)
    assert_array_equal(ours.coef_, to_numpy(theirs.coef_))


@each_library
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Z: np.where(Z > 1500.0, np.nan, Z), "contains NaN in column 12"),
        (lambda Z: Z[:, 0], "Expected 2D array"),
        (lambda Z: Z + 0j, "Complex data not supported"),
        (lambda Z: Z[:, :3], "expecting 13 features"),
    ],
)
def test_bad_rows_are_told_of_and_change_nothing(name, change, message):
    A, b, bad = tensors(name, X, Y, change(X))
    model = SoftmaxRegression().fit(A, b)
    with pytest.raises(ValueError, match=message):
        model.predict(bad)
    before = model.coef_
    if "13 features" not in message:
        with pytest.raises(ValueError, match=message):
            model.fit(bad, b)
    assert model.coef_ is before


def test_another_library_than_that_of_the_fit_is_refused():
    (A,) = tensors("array_api_strict", X)
    with pytest.raises(ValueError, match=r"SoftmaxRegression.predict\(\) must use the same"):
        SoftmaxRegression().fit(A, Y).predict(X)


def test_scikit_learns_checks_of_the_array_api_pass():
    for model in (SoftmaxRegression(), SoftmaxRegression(l1_ratio=0.5), SoftmaxRegressionCV(cv=2)):
        results = check_estimator(model, on_fail=None, on_skip=None)
        of_strict = [
            one for one in results if "array_api" in one["check_name"] and is_of_strict(one)
        ]
        assert len(of_strict) >= 4
        assert {one["status"] for one in of_strict} == {"passed"}


def is_of_strict(result):
    if result["status"] == "skipped":
        return False
    return "CUDA" not in str(result["exception"])


def test_a_model_that_is_not_fitted_says_so_first():
    (A,) = tensors("array_api_strict", np.full((3, 2), np.nan))
    for rows in (A, np.full((3, 2), np.nan)):
        with pytest.raises(NotFittedError):
            SoftmaxRegression().predict_proba(rows)


@each_library
@pytest.mark.parametrize("dispatches", [True, False])
def test_batches_of_a_source_may_be_arrays_of_the_library(name, dispatches):
    A, b, weights = tensors(name, X, Y, np.ones(len(Y)))
    source = FunctionSource(lambda: iter([(A, b, weights)]))
    with config_context(array_api_dispatch=dispatches):
        model = SoftmaxRegression().fit(source)
        assert_allclose(model.coef_, SoftmaxRegression().fit(X, Y).coef_, rtol=1e-6)
        assert_array_equal(model.predict(source), model.predict(X))
        assert model.score(source) == model.score(X, Y)
        search = SoftmaxRegressionCV(Cs=2, cv=2).fit(source)
        assert search.score(source) == search.score(X, Y)


@each_library
def test_draws_and_groups_may_be_arrays_of_the_library(name):
    A, b, groups = tensors(name, X[:, :2], Y, np.arange(len(Y)) // 2)
    model = SoftmaxRegression(C=np.inf).fit(A, b)
    plain = SoftmaxRegression(C=np.inf).fit(X[:, :2], Y)
    found = bootstrap(model, A, b, n=3, groups=groups, random_state=0)
    wanted = bootstrap(plain, X[:, :2], Y, n=3, groups=np.arange(len(Y)) // 2, random_state=0)
    assert str(found) == str(wanted)


@each_library
def test_numbers_that_are_cast_and_paths_are_numpys(name):
    A, b, whole = tensors(name, X, Y, X.astype(np.int64))
    model, plain = SoftmaxRegression().fit(whole, b), SoftmaxRegression().fit(X.astype(int), Y)
    assert is_tensor(model.predict_proba(whole), name)
    found = to_numpy(model.predict_proba(whole))
    assert_array_equal(found, plain.predict_proba(X.astype(int)))
    assert_array_equal(softmax_path(A, b, Cs=2).coefs_, softmax_path(X, Y, Cs=2).coefs_)
