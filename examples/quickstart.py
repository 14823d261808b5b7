"""Does SoftmaxRegression train on real data, and does it find what LogisticRegression finds?

Handwritten digits, 8 x 8 pixels, as they are in the file. Prints a table and writes loss_curve.png.
"""

from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_limits

from softmax_reg import LossCurveDisplay, SoftmaxRegression

digits = pd.read_csv(Path(__file__).parents[1] / "data" / "digits.csv")
X_train, X_test, y_train, y_test = train_test_split(
    digits.drop(columns="digit"),
    digits["digit"],
    test_size=0.25,
    stratify=digits["digit"],
    random_state=0,
)

# With its own max_iter=100 LogisticRegression stops early and warns; with its own tol it stops far
# from the optimum, as the coefficients show. The third line asks for the same accuracy as ours.
models = {
    "SoftmaxRegression()": SoftmaxRegression(),
    "LogisticRegression(max_iter=10000)": LogisticRegression(max_iter=10_000),
    "LogisticRegression(max_iter=10000, tol=1e-8)": LogisticRegression(max_iter=10_000, tol=1e-8),
}
rows = {}
# On a table this small a second thread slows LogisticRegression down: give each its best setting.
with threadpool_limits(1):
    for name, model in models.items():
        # What the first fit alone costs is not timed.
        clone(model).set_params(tol=0.1).fit(X_train[::8], y_train[::8])
        start = perf_counter()
        model.fit(X_train, y_train)
        seconds = perf_counter() - start
        rows[name] = {
            "accuracy": model.score(X_test, y_test),
            "log-loss": log_loss(y_test, model.predict_proba(X_test)),
            "iterations": model.n_iter_[0],
            "fit (s)": seconds,
        }

print(f"Digits: {X_train.shape[0]} rows to train on, {X_test.shape[0]} held out, 10 classes\n")
print(pd.DataFrame(rows).T.astype({"iterations": int}).round(4).to_string())

ours, *theirs = models
print("\nLargest difference of the coefficients from those of SoftmaxRegression()")
for name in theirs:
    difference = np.abs(models[ours].coef_ - models[name].coef_).max()
    print(f"{name:46}{difference:9.1e}")

LossCurveDisplay.from_estimator(models[ours]).figure_.savefig("loss_curve.png", dpi=150)
print("\nThe loss while SoftmaxRegression() trained: loss_curve.png")
