"""Tools that take scikit-learn's class take ours by `to_sklearn`: tested where they are installed.

No extra brings them: shap comes with a compiler, MLflow with a server, and PMML is written in Java.
"""

import warnings
from importlib.util import find_spec

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_wine

from softmax_reg import SoftmaxRegression

X, Y = load_wine(return_X_y=True)


def test_what_the_tools_are_given_predicts_the_same():
    model = SoftmaxRegression().fit(X, Y)
    assert_allclose(model.to_sklearn().predict_proba(X), model.predict_proba(X), atol=1e-15)


if find_spec("shap"):

    def test_shap_finds_the_contributions():
        model = SoftmaxRegression().fit(X, Y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import shap

            masker = shap.maskers.Independent(X, max_samples=len(X))
            values = shap.LinearExplainer(model.to_sklearn(), masker).shap_values(X)
        values = values - values.mean(axis=2, keepdims=True)
        assert_allclose(values, model.contributions(X), atol=1e-10)


if find_spec("mlflow"):

    def test_mlflow_saves_and_loads_the_model(tmp_path):
        model = SoftmaxRegression().fit(X, Y)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from mlflow import sklearn as tool

            tool.save_model(
                model.to_sklearn(), str(tmp_path / "model"), serialization_format="cloudpickle"
            )
            loaded = tool.load_model(str(tmp_path / "model"))
        assert_allclose(loaded.predict_proba(X), model.predict_proba(X), atol=1e-15)


if find_spec("sklearn2pmml"):

    def test_pmml_takes_the_model():
        import sklearn2pmml

        model = SoftmaxRegression().fit(X, Y)
        pipeline = sklearn2pmml.make_pmml_pipeline(model.to_sklearn())
        assert_array_equal(pipeline.predict(X), np.asarray(model.predict(X)))
