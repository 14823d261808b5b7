"""Which features does a lasso let in, and in which order, as the penalty is made weaker?

One call fits the whole path, from the C at which the first coefficient leaves zero. Prints the
order in which features enter and writes l1_path.png.
"""

import time

import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

from softmax_reg import PathDisplay, softmax_path

wine = load_wine(as_frame=True)
# A penalty compares coefficients, so the features are given the same unit.
X = StandardScaler().set_output(transform="pandas").fit_transform(wine.data)
y = wine.target_names[wine.target]

began = time.perf_counter()
path = softmax_path(X, y, Cs=100)
seconds = time.perf_counter() - began

print(f"Wine, standardised, 178 x 13, 3 classes: {len(path.Cs_)} fits in {seconds:.1f} s\n")
entered = [np.argmax(path.coefs_[:, :, j].any(axis=1)) for j in range(X.shape[1])]
never = ~path.coefs_.any(axis=(0, 1))
order = pd.DataFrame(
    {
        "enters at C": path.Cs_[entered],
        "deviance explained so far": path.deviance_explained_[entered],
    },
    index=path.feature_names_in_,
)[~never]
print(order.sort_values("enters at C").to_string(float_format="{:.3f}".format))
if never.any():
    print(f"\nNever: {', '.join(path.feature_names_in_[never])}")

display = PathDisplay.from_path(path)
display.figure_.suptitle("Wine: the lasso's coefficients for each cultivar")
display.figure_.savefig("l1_path.png", dpi=150)
print("\nCoefficients of each class against C: l1_path.png")
