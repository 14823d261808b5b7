"""Arrays of other libraries with a scikit-learn that is too old for them."""

import numpy as np
import pytest

from softmax_reg import SoftmaxRegression, _compat
from softmax_reg.dataset import namespaces

X, Y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
pytestmark = pytest.mark.skipif(
    _compat.HAS_ARRAY_API, reason="version: this scikit-learn is new enough"
)


class Tensor:
    """What NumPy can read, and other libraries can ask for."""

    def __array__(self, dtype=None, copy=None):
        return np.array(X, dtype=dtype)

    def __dlpack__(self):
        raise NotImplementedError


def test_they_are_refused_where_they_are_to_stay_what_they_are(monkeypatch):
    for module in (_compat, namespaces):
        monkeypatch.setattr(module, "get_config", lambda: {"array_api_dispatch": True})
    with pytest.raises(ValueError, match=r"Tensor needs scikit-learn 1\.9 or newer"):
        SoftmaxRegression().fit(Tensor(), Y)


def test_they_are_array_likes_else():
    model = SoftmaxRegression().fit(Tensor(), Y)
    assert (model.coef_ == SoftmaxRegression().fit(X, Y).coef_).all()
    assert type(model.predict(Tensor())) is np.ndarray
