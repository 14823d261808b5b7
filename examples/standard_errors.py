"""How sure are the coefficients, and what do they do to the probabilities?

What 219 alligators ate, a table of counts, fitted without a penalty: coefficients with standard
errors, tests of whole features, marginal effects, and intervals by the bootstrap for a fit with a
penalty. Writes standard_errors.png.
"""

import numpy as np
import pandas as pd

from softmax_reg import ForestDisplay, SoftmaxRegression, bootstrap

# Agresti (2002), "Categorical Data Analysis", 2nd ed., table 7.1; 1 is a length of up to 2.3 m.
FOODS = ["fish", "invertebrate", "reptile", "bird", "other"]
COUNTS = {
    ("Hancock", 1): [23, 4, 2, 2, 8],
    ("Hancock", 0): [7, 0, 1, 3, 5],
    ("Oklawaha", 1): [5, 11, 1, 0, 3],
    ("Oklawaha", 0): [13, 8, 6, 1, 0],
    ("Trafford", 1): [5, 11, 2, 1, 5],
    ("Trafford", 0): [8, 7, 6, 3, 5],
    ("George", 1): [16, 19, 1, 2, 3],
    ("George", 0): [17, 1, 0, 1, 3],
}
LAKES = ["Hancock", "Oklawaha", "Trafford"]  # George is what they are compared with

rows = [(*cell, food, n) for cell, of in COUNTS.items() for food, n in zip(FOODS, of, strict=True)]
table = pd.DataFrame(rows, columns=["lake", "small", "food", "count"])
X = pd.DataFrame({lake: table["lake"] == lake for lake in LAKES} | {"small": table["small"]})
X, y, counts = X.astype(float), table["food"], table["count"]

model = SoftmaxRegression(C=np.inf).fit(X, y, counts)
inference = model.inference(X, y, counts, base="fish")
print(inference)  # a DataFrame: inference.summary()

without = X.drop(columns="small")
smaller = SoftmaxRegression(C=np.inf).fit(without, y, counts).inference(without, y, counts)
print(
    f"\n{inference.lr_test(smaller)}\n{inference.wald_test('small')}\n{inference.wald_test(LAKES)}"
)

effects = inference.marginal_effects(discrete=[*LAKES, "small"])
print("\nChange of each probability, in per cent, with its standard error:\n")
both = pd.concat([effects.effect, effects.se], axis=1).mul(100.0).unstack("class")
print(both.swaplevel(axis=1).sort_index(axis=1).round(1).to_string())

# With a ridge there are no standard errors; the bootstrap shows how the coefficients vary.
ridge = SoftmaxRegression(C=1.0).fit(X, y, counts)
draws = bootstrap(ridge, X, y, counts, n=100, random_state=0)
print("\nOf a ridge, 95 % of 100 draws, for a small alligator against a large one:\n")
print(draws.conf_int(base="fish").xs("small", level="term").round(2))

display = ForestDisplay.from_inference(inference, kind="rrr")
display.figure_.suptitle("Food of 219 alligators: what multiplies its odds against fish")
display.figure_.savefig("standard_errors.png", dpi=150)
print("\nRelative risk ratios with their intervals: standard_errors.png")
