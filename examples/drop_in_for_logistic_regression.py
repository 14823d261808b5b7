"""What changes when SoftmaxRegression takes the place of LogisticRegression in existing code?

The class name. The optimum and the attributes are the same; a larger max_iter is no longer needed.
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from softmax_reg import SoftmaxRegression


def fit(model, X, y):
    """Return the fitted model and whether it warned that it did not converge."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y)
    return model, any(issubclass(w.category, ConvergenceWarning) for w in caught)


def objective(model, X, y):
    """Return what both minimise: the mean log-loss plus |W|^2 / (2 C n), here with C = 1."""
    true_class = np.searchsorted(model.classes_, y)
    loss = -model.predict_log_proba(X)[np.arange(len(y)), true_class].mean()
    return loss + 0.5 * np.sum(model.coef_**2) / len(y)


rows = {}
with threadpool_limits(1):  # small tables: more threads only slow LogisticRegression down
    for load in (load_iris, load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        # newton-cholesky is the solver of LogisticRegression that reaches the optimum on raw data.
        exact, _ = fit(LogisticRegression(solver="newton-cholesky", tol=1e-10), X, y)
        best = objective(exact, X, y)
        row = rows[load.__name__.removeprefix("load_")] = {}
        for model in (SoftmaxRegression(), LogisticRegression()):
            model, warned = fit(model, X, y)
            assert model.coef_.shape == exact.coef_.shape
            assert np.array_equal(model.classes_, exact.classes_)
            difference = np.abs(model.coef_ - exact.coef_).max()
            name = f"{type(model).__name__}()"
            row[name, "excess"] = f"{objective(model, X, y) / best - 1:+.0e}"
            row[name, "coef_"] = f"{difference:.0e}"
            row[name, "warned"] = "yes" if warned else "no"

print("Default settings, unscaled features: how far from the optimum of LogisticRegression")
print("excess: of the objective, relative; coef_: largest difference\n")
print(pd.DataFrame.from_dict(rows, orient="index").to_string())
