"""Does a model that learns batch by batch keep up with a stream that drifts?

The classes move all the time.  One model learns the first rows only, one learns every batch and
forgets none, and one gives later rows more weight.  Prints a table and writes online_learning.png.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softmax_reg import SoftmaxRegression

BATCH, N_BATCHES, N_TRAINING = 100, 200, 10
HALF_LIFE = 1_000  # rows
CLASSES = ["blue", "green", "red"]
UNITS = np.array([1.0, 1e4, 20.0, 3e5])  # features as they come, not scaled

rng = np.random.default_rng(0)
start, end = rng.normal(size=(2, 4, 3))


def batch(t):
    """Return the rows of time t, between 0 and 1, and the probabilities that drew their labels."""
    U = rng.normal(size=(BATCH, 4))
    turn = 0.5 * np.pi * t
    scores = 2.0 * U @ (np.cos(turn) * start + np.sin(turn) * end)
    proba = np.exp(scores - scores.max(axis=1, keepdims=True))
    proba /= proba.sum(axis=1, keepdims=True)
    y = (rng.random((BATCH, 1)) > proba.cumsum(axis=1)).sum(axis=1)
    return U * UNITS, y, proba


def loss(proba, y):
    return -np.mean(np.log(proba[np.arange(len(y)), y]))


frozen, even, forgetting = (SoftmaxRegression() for _ in range(3))
curves = {"trained on 1000 rows": [], "partial_fit": [], "partial_fit, later rows weigh more": []}
possible = []
X, y, _ = batch(0.0)
for number in range(1, N_BATCHES):
    labels = np.take(CLASSES, y)
    even.partial_fit(X, labels, classes=CLASSES)
    if number <= N_TRAINING:
        frozen.partial_fit(X, labels, classes=CLASSES)
    # A weight that doubles every so many rows halves what older rows count.
    weight = np.full(BATCH, 2.0 ** (number * BATCH / HALF_LIFE))
    forgetting.partial_fit(X, labels, classes=CLASSES, sample_weight=weight)
    X, y, truth = batch(number / N_BATCHES)  # the next batch tests what was learned so far
    for curve, model in zip(curves.values(), (frozen, even, forgetting), strict=True):
        curve.append(loss(model.predict_proba(X), y))
    possible.append(loss(truth, y))

table = pd.DataFrame({**curves, "best possible": possible})
quarters = table.groupby(np.arange(len(table)) * 4 // len(table)).mean()
quarters.index = [f"quarter {q}" for q in range(1, 5)]
print("Mean loss on the batch that comes next\n")
print(quarters.T.round(3).to_string())

rows = BATCH * np.arange(1, N_BATCHES)
fig, ax = plt.subplots(figsize=(7.0, 4.2), layout="constrained")
styles = [("tab:gray", "--"), ("tab:blue", "-"), ("tab:orange", "-"), ("black", ":")]
for (name, curve), (color, line) in zip(table.items(), styles, strict=True):
    smooth = curve.rolling(15, min_periods=1).mean()
    ax.plot(rows, smooth, line, color=color, label=name, linewidth=1.8)
ax.set(xlabel="rows seen", ylabel="loss on the next batch", title="A stream that drifts")
ax.set(xlim=(0, rows[-1]), ylim=(0, None))
ax.grid(alpha=0.3)
ax.legend(frameon=False)
fig.savefig("online_learning.png", dpi=150)
print("\nLoss on the batch that comes next against rows seen: online_learning.png")
