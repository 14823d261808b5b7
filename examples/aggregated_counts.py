"""Do I have to repeat rows that were counted?

What 219 alligators of four lakes had eaten most of (A. Agresti 2002, "Categorical Data Analysis",
table 7.1), a row for each lake, gender and size with the counts of five kinds of food. Prints the
coefficients and the deviance that the book has.
"""

import numpy as np
import pandas as pd

from softmax_reg import SoftmaxRegression

FOOD = ["fish", "invertebrate", "reptile", "bird", "other"]
COUNTS = {
    "Hancock": [[7, 1, 0, 0, 5], [4, 0, 0, 1, 2], [16, 3, 2, 2, 3], [3, 0, 1, 2, 3]],
    "Oklawaha": [[2, 2, 0, 0, 1], [13, 7, 6, 0, 0], [3, 9, 1, 0, 2], [0, 1, 0, 1, 0]],
    "Trafford": [[3, 7, 1, 0, 1], [8, 6, 6, 3, 5], [2, 4, 1, 1, 4], [0, 1, 0, 0, 0]],
    "George": [[13, 10, 0, 2, 2], [9, 0, 0, 1, 2], [3, 9, 1, 0, 1], [8, 1, 0, 0, 1]],
}
N = pd.DataFrame(np.concatenate(list(COUNTS.values())), columns=FOOD)
X = pd.DataFrame({"small": [1.0, 0.0] * 8})
for i, lake in enumerate(list(COUNTS)[:3]):  # the last is what the others are compared with
    X[lake] = np.repeat(np.eye(4)[i], 4)

model = SoftmaxRegression(C=np.inf).fit_counts(X, N)
frame = model.coef_frame(intercept=True)
print(f"{len(X)} rows of counts in place of {N.to_numpy().sum()} rows\n")
print("Log-odds of each food beside fish:\n")
print(frame.sub(frame["fish"], axis=0)[FOOD[1:]].T.round(2).to_string())
print(f"\nDeviance: {2.0 * N.to_numpy().sum() * model.loss_:.4f}")

# The same fit to a row for each alligator.
rows = np.repeat(np.repeat(np.arange(len(X)), 5), N.to_numpy().ravel())
labels = np.repeat(np.tile(FOOD, len(X)), N.to_numpy().ravel())
repeated = SoftmaxRegression(C=np.inf).fit(X.iloc[rows], labels)
difference = np.abs(repeated.predict_proba(X) - model.predict_proba(X)).max()
print(f"Largest difference of a probability from the fit to repeated rows: {difference:.0e}")
