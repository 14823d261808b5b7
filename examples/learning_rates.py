"""What does the learning rate do to gradient descent, and what does "auto" do instead?

A number gives the textbook method in the units of the features, so they are standardised here;
"auto" takes no notice of units. Prints a table and writes learning_rates.png.
"""

import warnings

import pandas as pd
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

from softmax_reg import LossCurveDisplay, SoftmaxRegression

RATES = {"too small": 0.05, "right": 5.0, "too large": 50.0, "auto": "auto"}

X, y = load_wine(return_X_y=True)
X = StandardScaler().fit_transform(X)

models, rows = {}, {}
for verdict, rate in RATES.items():
    model = SoftmaxRegression(solver="gd", learning_rate=rate, max_iter=1000)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        model.fit(X, y)
    models["auto" if rate == "auto" else f"{rate:g} ({verdict})"] = model
    rows[verdict] = {
        "learning rate": rate,
        "iterations": model.n_iter_[0],
        "loss": f"{model.loss_curve_[-1]:.6f}",
        "optimality": f"{model.optimality_:.0e}",
        "warning": caught[0].message if caught else None,
    }

print("Wine, standardised, 178 x 13, 3 classes\n")
table = pd.DataFrame(rows).T
print(table.drop(columns="warning").to_string())
for verdict, message in table["warning"].dropna().items():
    print(f"\n{verdict}: {message}")

display = LossCurveDisplay.from_estimators(models, log_x=True)
display.ax_.set(ylim=(1e-12, None), title="Wine: gradient descent and its learning rate")
display.figure_.savefig("learning_rates.png", dpi=150)
print("\nExcess over the best objective against iterations: learning_rates.png")
