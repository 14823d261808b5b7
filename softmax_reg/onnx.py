"""ONNX: importing this module tells skl2onnx how to convert the models of this package.

    scores = X W + b,  label = classes[argmax(scores)],  probabilities = softmax(scores)

With two classes W and b have a column of zeros for the first: a softmax of one score would be
wrong, and that is what scikit-learn's converter makes of a class that it does not know.

>>> from skl2onnx import to_onnx
>>> from sklearn.datasets import load_iris
>>> from sklearn.pipeline import make_pipeline
>>> from sklearn.preprocessing import StandardScaler
>>> import softmax_reg.onnx  # registers the converter
>>> from softmax_reg import SoftmaxRegression
>>> X, y = load_iris(return_X_y=True)
>>> model = make_pipeline(StandardScaler(), SoftmaxRegression()).fit(X, y)
>>> graph = to_onnx(model, X[:1].astype("float32"), options={"zipmap": False})
>>> [output.name for output in graph.graph.output]
['label', 'probabilities']

The graph computes in the dtype of the X that is given to `to_onnx`: float64 gives the probabilities
of `predict_proba` to 1e-14, float32 has the rounding of its scores.  Integers are taken as float32.
Options are those of skl2onnx's own classifiers: zipmap, nocl, output_class_labels, and raw_scores,
with which the scores come in place of the probabilities, that of `classes_[0]` being 0 where there
are two classes.  Labels are strings or integers; False and True become 0 and 1.  A model that
encodes the text of a file by itself (`encoding_`) is converted from its encoded features on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg.conversion.to_sklearn import check_no_offset
from softmax_reg.dataset.namespaces import fitted
from softmax_reg.dataset.rows import dense
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.inference.results import of_all_classes
from softmax_reg.model_selection import SoftmaxRegressionCV

try:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
    from skl2onnx.proto import onnx_proto
except ImportError as error:
    raise ImportError(
        "softmax_reg.onnx needs skl2onnx, which is not installed. "
        "Install it: pip install 'softmax-reg[onnx]'."
    ) from error

__all__: list[str] = []

_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "nocl": [True, False],
    "output_class_labels": [False, True],
    "raw_scores": [True, False],
}


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted model to a graph; skl2onnx calls this."""
    model, (given, *_), outputs = operator.raw_operator, operator.inputs, operator.outputs
    check_no_offset(model, "an ONNX graph")
    options = container.get_options(model, {"nocl": False, "raw_scores": False})
    is_double = isinstance(given.type, DoubleTensorType)
    number = onnx_proto.TensorProto.DOUBLE if is_double else onnx_proto.TensorProto.FLOAT

    def node(kind: str, inputs: list[str], output: str | None = None, **attributes: Any) -> str:
        output = scope.get_unique_variable_name(kind.lower()) if output is None else output
        name = scope.get_unique_operator_name(kind)
        container.add_node(kind, inputs, [output], name=name, **attributes)
        return output

    def constant(name: str, kind: int, values: NDArray) -> str:
        name = scope.get_unique_variable_name(name)
        container.add_initializer(name, kind, list(values.shape), values.ravel().tolist())
        return name

    X = given.full_name
    if not isinstance(given.type, DoubleTensorType | FloatTensorType):
        X = node("Cast", [X], to=number)
    model = fitted(model)
    W, b = of_all_classes(dense(model.coef_), model.intercept_)
    products = node("MatMul", [X, constant("coef", number, W.T)])
    scores = node("Add", [products, constant("intercept", number, b)])
    codes = node("ArgMax", [scores], axis=1, keepdims=0)
    classes = np.arange(len(model.classes_)) if options["nocl"] else model.classes_
    if isinstance(classes[0], str):
        labels = constant(
            "classes", onnx_proto.TensorProto.STRING, np.char.encode(classes.astype(str), "utf-8")
        )
    else:
        labels = constant("classes", onnx_proto.TensorProto.INT64, classes.astype(np.int64))
    node("Gather", [labels, codes], outputs[0].full_name, axis=0)
    if options["raw_scores"]:
        node("Identity", [scores], outputs[1].full_name)
    else:
        node("Softmax", [scores], outputs[1].full_name, axis=1)


for _kind in (SoftmaxRegression, SoftmaxRegressionCV):
    update_registered_converter(
        _kind,
        f"SoftmaxReg{_kind.__name__}",
        calculate_linear_classifier_output_shapes,
        _convert,
        options=_OPTIONS,
    )
