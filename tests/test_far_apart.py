"""Held-out rows that were not transformed as the training rows are told of; others are not."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from problems import data
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from softmax_reg import SoftmaxRegression

TABLES = {name: data(name) for name in ("iris", "wine")}


def fitted(X, y, X_val, y_val):
    return SoftmaxRegression(max_iter=3, tol=None).fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler])
def test_rows_that_the_pipeline_did_not_transform_are_told_of(table, scaler):
    X, y = TABLES[table]
    pipeline = make_pipeline(scaler(), SoftmaxRegression(max_iter=3, tol=None))
    given = {"softmaxregression__X_val": X, "softmaxregression__y_val": y}
    with pytest.warns(UserWarning, match=r"X_val is not of the kind of X.*transform_input"):
        pipeline.fit(X, y, **given)


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, pd.DataFrame])
@pytest.mark.parametrize("n_rows", [1, 2, 5, 50])
def test_rows_of_the_same_kind_are_not_told_of(table, container, n_rows):
    X, y = TABLES[table]
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        for _ in range(5):
            rows = rng.choice(len(y), n_rows, replace=False)
            fitted(container(X), y, container(X[rows]), y[rows])


def test_one_feature_that_drifts_and_one_that_was_constant_are_not_told_of():
    X, y = TABLES["iris"]
    X = np.column_stack([X, np.arange(150.0), np.zeros(150)])
    later = X + np.array([0.0, 0.0, 0.0, 0.0, 150.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fitted(X, y, later, y)


def test_rows_with_other_columns_are_refused_with_what_to_do():
    X, y = TABLES["iris"]
    pipeline = make_pipeline(OneHotEncoder(), SoftmaxRegression())
    given = {"softmaxregression__X_val": X, "softmaxregression__y_val": y}
    with pytest.raises(ValueError, match=r"4 features.*pipeline\[:-1\].transform\(X_val\)"):
        pipeline.fit(X, y, **given)
