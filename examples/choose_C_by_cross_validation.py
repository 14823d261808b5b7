"""How strong a penalty do the data want, and how sure is the answer?

Cross-validation follows one path for each fold. The rule of one standard error takes the simplest
model that is not clearly worse than the best. Prints both and writes choose_C.png.
"""

import time

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from softmax_reg import CVDisplay, SoftmaxRegressionCV

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().set_output(transform="pandas").fit(X_train)
X_train, X_test = scaler.transform(X_train), scaler.transform(X_test)

rows, models = {}, {}
for selection in ("best", "one_standard_error"):
    began = time.perf_counter()
    model = SoftmaxRegressionCV(
        Cs=np.logspace(-2.0, 1.5, 15), l1_ratios=(1.0,), cv=5, selection=selection
    ).fit(X_train, y_train)
    rows[selection] = {
        "C": f"{model.C_:.3g}",
        "features used": int(np.count_nonzero(model.coef_.any(axis=0))),
        "log-loss, folds": f"{-model.scores_[:, 0, model.Cs_ == model.C_].mean():.4f}",
        "log-loss, test": f"{-model.score(X_test, y_test):.4f}",
        "accuracy, test": f"{np.mean(model.predict(X_test) == y_test):.3f}",
        "seconds": f"{time.perf_counter() - began:.1f}",
    }
    models[selection] = model

print("Breast cancer, standardised, 426 x 30 to learn from; lasso, 15 values of C, 5 folds\n")
print(pd.DataFrame(rows).to_string())

display = CVDisplay.from_estimator(models["one_standard_error"])
display.ax_.set_title("Breast cancer: log-loss of the folds, one standard error up and down")
display.figure_.savefig("choose_C.png", dpi=150)
print("\nMean and standard error of the folds against C: choose_C.png")
