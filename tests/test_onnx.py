"""A converted model gives the labels and the probabilities of the model, in onnxruntime."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV

skl2onnx = pytest.importorskip("skl2onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import softmax_reg.onnx  # noqa: E402

# How far probabilities may be from those of the model, which computes in float64.
CLOSE = {"float32": 2e-6, "float64": 1e-14}
N_ROWS = 10_000
MODELS = {
    "ridge": SoftmaxRegression,
    "no intercept": lambda: SoftmaxRegression(fit_intercept=False),
    "lasso": lambda: SoftmaxRegression(l1_ratio=1.0, C=0.1),
    "search": lambda: SoftmaxRegressionCV(Cs=[0.01, 1.0], cv=3),
}
LABELS = {
    "integers": np.array([3, -7, 2**40]),
    "small": np.array([0, 1, 200], dtype=np.uint8),
    "text": np.array(["no", "yes", "können"]),
    "objects": np.array(["a", "b", "c"], dtype=object),
    "floats": np.array([0.0, 1.0, 2.0]),
}


def rows(n_classes, n_rows=N_ROWS, seed=0, dtype=np.float64):
    """Return rows of standardised features, and codes of classes that overlap."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 8))
    scores = X @ np.random.default_rng(1).normal(size=(8, n_classes))
    codes = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    # What float32 holds, so that both dtypes see the same rows.
    return X.astype(np.float32).astype(dtype), codes


def run(model, X, **options):
    """Return what the converted model gives for X, in its dtype, and check the graph."""
    graph = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False, **options})
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: X})


def assert_converted(model, X, dtype):
    """Labels are equal but where two classes are as close as the rounding of probabilities."""
    labels, proba = run(model, X.astype(dtype))
    expected = model.predict_proba(X)
    assert proba.dtype == dtype
    assert_allclose(proba, expected, rtol=0, atol=CLOSE[dtype])
    first, second = np.sort(expected, axis=1)[:, :-3:-1].T
    is_clear = first - second > 2.0 * CLOSE[dtype]
    assert is_clear.mean() > 0.999
    assert_array_equal(labels[is_clear], model.predict(X)[is_clear])
    if dtype == "float64":
        assert_array_equal(labels, model.predict(X))


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("maker", MODELS)
def test_labels_and_probabilities_are_those_of_the_model(maker, n_classes, dtype):
    X, y = rows(n_classes)
    model = MODELS[maker]().fit(X[:500], y[:500])
    assert_converted(model, X, dtype)
    assert_converted(model.sparsify(), X, dtype)


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("kind", LABELS)
def test_labels_of_any_kind(kind, n_classes, dtype):
    X, y = rows(n_classes)
    model = SoftmaxRegression().fit(X[:500], np.sort(LABELS[kind])[y[:500]])
    assert_converted(model, X, dtype)


def test_the_converter_of_scikit_learns_class_would_be_wrong_for_two_classes():
    """This is why the page on deployment says not to register it."""
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.operator_converters.linear_classifier import convert_sklearn_linear_classifier

    class Registered(SoftmaxRegression):
        pass

    skl2onnx.update_registered_converter(
        Registered,
        "TestsRegistered",
        calculate_linear_classifier_output_shapes,
        convert_sklearn_linear_classifier,
        options=softmax_reg.onnx._OPTIONS,
    )
    X, y = rows(2)
    model = Registered().fit(X[:500], y[:500])
    labels, proba = run(model, X)
    assert_array_equal(labels, model.predict(X))
    assert np.abs(proba - model.predict_proba(X)).max() > 0.1


def test_false_and_true_become_zero_and_one():
    X, y = rows(2)
    model = SoftmaxRegression().fit(X[:500], y[:500] == 1)
    labels, _ = run(model, X)
    assert_array_equal(labels.astype(bool), model.predict(X))


@pytest.mark.parametrize("dtype", CLOSE)
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_pipelines(load, dtype):
    X, y = load(return_X_y=True)
    model = make_pipeline(StandardScaler(), SoftmaxRegression()).fit(X, y)
    spread = np.random.default_rng(0).normal(size=(N_ROWS, X.shape[1])) * X.std(axis=0)
    new = (X.mean(axis=0) + spread).astype(np.float32).astype(float)
    labels, proba = run(model, new.astype(dtype))
    # In float32 the scaler rounds too: by the size of a mean in units of the deviation.
    rounding = np.finfo(dtype).eps * (np.abs(X.mean(axis=0)) / X.std(axis=0)).max()
    slope = np.abs(model[-1].coef_).sum(axis=1).max()
    assert_allclose(proba, model.predict_proba(new), rtol=0, atol=CLOSE[dtype] + rounding * slope)
    assert np.mean(labels == model.predict(new)) > 0.999


def test_a_float32_model_and_one_feature():
    X, y = rows(3, dtype=np.float32)
    model = SoftmaxRegression().fit(X[:500, :1], y[:500])
    labels, proba = run(model, X[:, :1])
    assert_allclose(proba, model.predict_proba(X[:, :1]), rtol=0, atol=CLOSE["float32"])
    assert_array_equal(labels, model.predict(X[:, :1]))


def test_integers_are_taken():
    X, y = rows(3)
    X = np.rint(X).astype(np.int64)
    model = SoftmaxRegression().fit(X[:500], y[:500])
    _, proba = run(model, X)
    assert_allclose(proba, model.predict_proba(X), rtol=0, atol=CLOSE["float32"])


def test_a_class_without_weight_has_the_probability_0():
    X, y = rows(3)
    model = SoftmaxRegression().fit(X[:500], y[:500], np.where(y[:500] == 1, 0.0, 1.0))
    for dtype in CLOSE:
        assert_converted(model, X, dtype)
        assert not run(model, X.astype(dtype))[1][:, 1].any()


def test_a_tie_goes_to_the_first_class():
    X, y = rows(2)
    model = SoftmaxRegression(fit_intercept=False).fit(X[:500], y[:500])
    labels, proba = run(model, np.zeros((3, 8)))
    assert_array_equal(proba, 0.5)
    assert_array_equal(labels, model.predict(np.zeros((3, 8))))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_options_of_the_model_itself_are_heard(n_classes):
    X, y = rows(n_classes)
    text = np.array(["a", "b", "c"])[y]
    model = SoftmaxRegression().fit(X[:500], text[:500])
    _, scores = run(model, X, **{"raw_scores": True})
    by_id = skl2onnx.to_onnx(
        model, X[:1], options={id(model): {"zipmap": False, "raw_scores": True, "nocl": True}}
    )
    session = onnxruntime.InferenceSession(
        by_id.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    codes, same = session.run(None, {"X": X})
    assert_array_equal(same, scores)
    assert_array_equal(model.classes_[codes], model.predict(X))
    expected = model.decision_function(X)
    if n_classes == 2:
        expected = np.column_stack([np.zeros(N_ROWS), expected])
    assert_allclose(scores, expected, rtol=1e-13, atol=1e-13)


def test_probabilities_by_name_and_names_of_classes():
    X, y = rows(3)
    model = SoftmaxRegression().fit(X[:500], np.array(["a", "b", "c"])[y[:500]])
    # ONNX has probabilities by name in float32 alone.
    labels, proba = run(model, X.astype(np.float32), zipmap=True)
    assert proba[0].keys() == {"a", "b", "c"}
    assert proba[0][labels[0]] == pytest.approx(model.predict_proba(X[:1]).max())
    *_, names = run(model, X, output_class_labels=True)
    assert names.tolist() == ["a", "b", "c"]


def test_without_skl2onnx_the_import_says_what_to_install():
    code = "import sys; sys.modules['skl2onnx'] = None; import softmax_reg.onnx"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'softmax-reg[onnx]'" in done.stderr.splitlines()[-1]
    assert softmax_reg.onnx.__doc__
