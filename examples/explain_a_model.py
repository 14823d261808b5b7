"""Why does the model say so, and can its probabilities be believed?

Three kinds of iris, told by their sepals alone: the coefficients, what speaks for which kind in one
flower, the probabilities along one and two features; and of flowers that the model has not seen how
often a probability is right and which kind is taken for which. Writes explain_a_model.png.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_iris
from sklearn.inspection import DecisionBoundaryDisplay, PartialDependenceDisplay
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict

from softmax_reg import CoefficientDisplay, SoftmaxRegression

# Told apart in grey, too.
LOOKS = {
    "setosa": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "versicolor": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    "virginica": {"color": "#000000", "linestyle": ":", "marker": "^"},
}
HATCHES = ("", "////", "")

data = load_iris(as_frame=True)
X, y = data.data.iloc[:, :2], data.target_names[data.target]
model = SoftmaxRegression().fit(X, y)
proba = model.predict_proba(X)
# The flower that could be any kind: what speaks for which.
row = int(np.argmin(proba.max(axis=1)))
parts, base = model.contributions(X.iloc[[row]], return_base=True)
reasons = parts.iloc[0].unstack("class")
reasons.loc["at the mean"] = base
print(f"Flower {row}, {y[row]}:\n{X.iloc[row].to_string()}\n\nWhat adds to the scores:")
print(reasons.round(2).to_string())
print(f"In all {reasons.sum().to_numpy().round(2)}, probabilities {proba[row].round(2)}\n")

figure = plt.figure(figsize=(12, 11), layout="constrained")
top, middle, bottom = figure.subfigures(3, 1, height_ratios=(2, 3, 3.5))
CoefficientDisplay.from_estimator(model, axes=top.subplots(1, 3, sharex=True))
top.suptitle("The coefficients: the change of each score for 1 cm more")
(why, *along), (map_, belief, errors) = (part.subplots(1, 3) for part in (middle, bottom))

for k, (kind, look) in enumerate(LOOKS.items()):
    at = np.arange(len(reasons)) + 0.25 * (k - 1)
    bars = {"color": look["color"], "edgecolor": "white", "hatch": HATCHES[k], "label": kind}
    why.barh(at, reasons[kind], 0.24, **bars)
    line = {"color": look["color"], "linestyle": look["linestyle"]}
    PartialDependenceDisplay.from_estimator(model, X, [0, 1], target=kind, ax=along, line_kw=line)
    DecisionBoundaryDisplay.from_estimator(
        model, X, response_method="predict_proba", class_of_interest=kind, ax=map_,
        levels=[0.5, 1.0], colors=[("0.88", "0.96", "0.78")[k]],
    )  # fmt: skip
    points = {"c": look["color"], "marker": look["marker"], "edgecolor": "white"}
    map_.scatter(*X[y == kind].to_numpy().T, **points, s=24, linewidth=0.5)

unseen = cross_val_predict(SoftmaxRegression(), X, y, cv=10, method="predict_proba")
for k, (kind, look) in enumerate(LOOKS.items()):
    right, predicted = calibration_curve(y == kind, unseen[:, k], n_bins=5)
    belief.plot(predicted, right, **look, label=kind)
belief.axline((0, 0), slope=1, color="0.6", linewidth=0.8)
belief.legend()
found = model.classes_[unseen.argmax(axis=1)]
ConfusionMatrixDisplay.from_predictions(y, found, ax=errors, cmap="Greys", colorbar=False)
print(f"Accuracy on flowers not seen: {np.mean(found == y):.3f}")

why.set(title=f"Flower {row}: what adds to the scores", xlabel="Contribution to the score")
why.set_yticks(range(len(reasons)), [name.replace(" (cm)", "") for name in reasons.index])
why.invert_yaxis()
why.axvline(0.0, color="black", linewidth=0.8)
why.set_xlim(right=2.2 * why.get_xlim()[1])  # room for the legend
why.legend(title="Kind", loc="upper right")
for ax, name in zip(along, X.columns, strict=True):
    ax.set(title=f"Along the {name.removesuffix(' (cm)')}", ylabel="Mean probability", ylim=(0, 1))
map_.set(title="Grey: where one kind has more than half")
belief.set(title="Calibration", xlabel="Predicted probability", ylabel="Share that is of this kind")
errors.set_title("Which is taken for which")
figure.savefig("explain_a_model.png", dpi=110)
print("Coefficients, reasons, boundaries, calibration and errors: explain_a_model.png")
