"""Does stopping early spare me the search for a penalty?

Handwritten digits and hardly any penalty: the loss on other rows falls, then rises, while the fit
goes on towards its optimum. Prints a table and writes early_stopping.png.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import EarlyStopping, LossLogger

WEAK = 1e4
CHOICES = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, WEAK]  # of C

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
X, X_val, y, y_val = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)

# Given to `fit`, rows are only measured; EarlyStopping lets them end the fit, too.
log = LossLogger()
to_the_end = SoftmaxRegression(C=WEAK, solver="gd", callbacks=log)
to_the_end.fit(X, y, X_val=X_val, y_val=y_val)
stopped = SoftmaxRegression(C=WEAK, solver="gd", callbacks=EarlyStopping(n_iter_no_change=5))
stopped.fit(X, y, X_val=X_val, y_val=y_val)
# The other way to use those rows: one fit to the end for each penalty.
searched = [SoftmaxRegression(C=C).fit(X, y, X_val=X_val, y_val=y_val) for C in CHOICES]
best = min(searched, key=lambda model: model.validation_loss_curve_[-1])

models = {
    f"C={WEAK:g}, to the end": to_the_end,
    f"C={WEAK:g}, stopped early": stopped,
    f"C={best.C:g}, best of {len(CHOICES)}": best,
}
rows = {
    name: {
        "iterations": model.n_iter_[0],
        "kept": model.best_iter_ if model is stopped else model.n_iter_[0],
        "log-loss, test": round(log_loss(y_test, model.predict_proba(X_test)), 4),
        "accuracy, test": round(model.score(X_test, y_test), 4),
    }
    for name, model in models.items()
}
print(f"Digits: {len(X)} rows to train on, {len(X_val)} to watch, {len(X_test)} to test\n")
print(pd.DataFrame(rows).T.astype({"iterations": int, "kept": int}).to_string())

frame = log.to_frame().iloc[1:]
figure, ax = plt.subplots(figsize=(6.4, 4.0), layout="constrained")
ax.plot(frame["iteration"], frame["loss"], label="objective, training rows")
ax.plot(frame["iteration"], frame["validation_loss"], linestyle="--", label="loss, rows held out")
ax.axvline(stopped.best_iter_, color="0.6", ls=":", label="kept by early stopping")
ax.set(xscale="log", yscale="log", xlabel="iteration", ylabel="loss", title="Digits, C=1e4, gd")
ax.legend()
figure.savefig("early_stopping.png", dpi=150)
print("\nStopping undoes most of the harm with one fit; the penalty that was searched does better.")
print("Both losses against iterations: early_stopping.png")
