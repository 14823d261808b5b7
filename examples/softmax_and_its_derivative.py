"""What does the softmax do to scores, and how do the probabilities move when a score moves?

Prints the probabilities of three scores and their Jacobian, checked by differences; writes
softmax_and_its_derivative.png.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from softmax_reg import SoftmaxDisplay
from softmax_reg.functional import log_softmax, sigmoid, softmax, softmax_jacobian

# 1. Scores become probabilities: positive, summing to one, in the order of the scores.
scores = np.array([1.0, 2.0, 3.0])
proba = softmax(scores)
classes = pd.RangeIndex(3, name="class")
table = pd.DataFrame(
    {"score": scores, "exp(score)": np.exp(scores), "softmax": proba}, index=classes
)
print(table.to_string(float_format="{:.6f}".format))
print(f"sum of the probabilities {proba.sum():.6f}\n")

# 2. The derivative dp_j / dz_k = p_j (1[j = k] - p_k): what one class gains, others lose.
jacobian = softmax_jacobian(scores)
step = 1e-5
differences = np.stack(
    [(softmax(scores + step * e) - softmax(scores - step * e)) / (2 * step) for e in np.eye(3)],
    axis=1,
)
table = pd.DataFrame(jacobian, index=classes, columns=[f"dp/dz_{k}" for k in range(3)])
table["sum"] = jacobian.sum(axis=1)
print(table.to_string(float_format="{:9.6f}".format))
print(f"largest difference from central differences {np.abs(jacobian - differences).max():.0e}\n")

# 3. A shift of all scores changes nothing, so no score is too large; the logarithm stays exact.
np.testing.assert_allclose(softmax(scores + 1000.0), proba, rtol=1e-12)
far = np.array([0.0, -1000.0])
print(f"softmax({far})     = {softmax(far)}")
print(f"log_softmax({far}) = {log_softmax(far)}")

# 4. With two classes the softmax is the sigmoid of the difference of the scores.
np.testing.assert_allclose(softmax([0.0, 2.0])[1], sigmoid(2.0), rtol=1e-15)

fig, axes = plt.subplots(2, 2, figsize=(10, 7), sharex=True, sharey="row", layout="constrained")
sweep = np.linspace(-6.0, 6.0, 241)
for (upper, lower), others in zip(axes.T, ([0.0], [0.0, 1.0]), strict=True):
    last = len(others)
    display = SoftmaxDisplay.from_scores(sweep, others, ax=upper, show_sigmoid=last == 1)
    upper.set_title("Two classes: the sigmoid" if last == 1 else "Three classes")
    rows = np.column_stack([np.tile(others, (len(sweep), 1)), sweep])
    slopes = softmax_jacobian(rows)[:, :, last]  # how each probability moves with the swept score
    for k, line in enumerate(display.lines_):
        lower.plot(
            sweep,
            slopes[:, k],
            color=line.get_color(),
            linestyle=line.get_linestyle(),
            linewidth=line.get_linewidth(),
            label=f"$dp_{k}/dz_{last}$",
        )
    lower.set(xlabel=f"Score $z_{last}$", ylabel="Derivative of the probability")
    lower.legend()
for ax in axes.flat:
    ax.label_outer()
fig.savefig("softmax_and_its_derivative.png", dpi=150)
print("\nThe curves: softmax_and_its_derivative.png")
