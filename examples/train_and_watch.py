"""What happens to W and b while gradient descent trains them?

Batch and stochastic gradient descent side by side, on two measurements of three kinds of flowers:
the printed log, the loss and the accuracy, and where the classes meet after 1, 10 and 100 steps.
Writes train_and_watch.png.
"""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from softmax_reg import LossCurveDisplay, SoftmaxRegression
from softmax_reg.callbacks import LossLogger, PrintProgress

STEPS, SHOWN = 100, (1, 10, 100)
MARKERS = ("o", "s", "^")

X, y = load_iris(return_X_y=True)
X = X[:, 2:]  # length and width of the petals, in cm


class Snapshots:
    """A callback that keeps copies of the model at some iterations."""

    def __init__(self):
        self.models = {}

    def __call__(self, progress):
        if progress.n_iter in SHOWN:
            scores = SimpleNamespace(coef=progress.coef, intercept=progress.intercept)
            self.models[progress.n_iter] = scores


def train(solver, rate):
    """Train with a fixed learning rate; return the model, its log and the snapshots."""
    print(f"\nsolver={solver!r}, learning_rate={rate}")
    log, snapshots = LossLogger(accuracy=True), Snapshots()
    printer = PrintProgress(columns=("iteration", "loss", "accuracy"))
    model = SoftmaxRegression(
        solver=solver, learning_rate=rate, batch_size="auto" if solver == "gd" else 15,
        max_iter=STEPS, standardize=True, random_state=0, callbacks=[printer, log, snapshots],
    )  # fmt: skip
    return model.fit(X, y), log, snapshots.models


figure, axes = plt.subplots(2, 5, figsize=(15, 6), layout="constrained")
for row, (solver, rate) in zip(axes, [("gd", 1.0), ("sgd", 0.3)], strict=True):
    model, log, models = train(solver, rate)
    LossCurveDisplay.from_logger(log, ax=row[:2])
    row[0].set_title(f'"{solver}": loss')
    row[1].set(title="accuracy", ylabel="Share of the rows")
    for ax, (step, at_step) in zip(row[2:], models.items(), strict=True):
        grid = np.meshgrid(np.linspace(0.5, 7.4, 200), np.linspace(0.0, 2.7, 200))
        scores = np.stack([part.ravel() for part in grid], axis=1) @ at_step.coef.T
        classes = (scores + at_step.intercept).argmax(axis=1).reshape(grid[0].shape)
        ax.contourf(*grid, classes, levels=[-0.5, 0.5, 1.5, 2.5], cmap="Greys", vmin=-1, vmax=4)
        for k, marker in enumerate(MARKERS):
            at = X[y == k].T
            ax.scatter(*at, marker=marker, s=18, edgecolor="black", label=f"class {k}")
        unit = "step" if solver == "gd" else "epoch"
        ax.set(title=f"{unit} {step}", xlabel="Petal length (cm)", ylabel="Petal width (cm)")
axes[0, -1].legend(loc="upper left", fontsize="small")

W, b = model.coef_.T, model.intercept_
print(f"\nThe last W, one column for each class:\n{W.round(2)}\nand b: {b.round(2)}")
figure.savefig("train_and_watch.png", dpi=110)
print("\nThe log as curves, and the boundaries: train_and_watch.png")
