"""Does a lasso find the few features that matter among many that do not?

In a pipeline: SelectFromModel keeps the features whose coefficients are not zero, and a second
model, without the lasso's shrinkage, is fitted to those alone.
"""

import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectFromModel
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV

# 200 features in units of their own; the first 6 decide, together, among 3 classes.
rng = np.random.default_rng(0)
n, n_features, n_true = 900, 200, 6
Z = rng.standard_normal((n, n_features))
scores = 1.5 * Z[:, :n_true] @ rng.standard_normal((n_true, 3))
y = np.array(["low", "middle", "high"])[(scores + rng.gumbel(size=scores.shape)).argmax(axis=1)]
names = [f"true {j}" if j < n_true else f"noise {j}" for j in range(n_features)]
X = pd.DataFrame(Z * 10.0 ** rng.uniform(-3.0, 3.0, n_features), columns=names)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=300, random_state=0)

# The group lasso keeps or drops a feature for all classes together.
lasso = SoftmaxRegressionCV(
    Cs=np.logspace(-2.0, 0.0, 11),
    l1_ratios=(1.0,),
    penalty="group_lasso",
    selection="one_standard_error",
)
models = {
    "all features": make_pipeline(StandardScaler(), SoftmaxRegression()),
    "selected features": make_pipeline(
        StandardScaler(), SelectFromModel(lasso, threshold=1e-12), SoftmaxRegression()
    ),
}
rows = {}
for name, model in models.items():
    model.fit(X_train, y_train)
    rows[name] = {
        "features": str(model[-1].n_features_in_),
        "accuracy": f"{model.score(X_test, y_test):.3f}",
        "log-loss": f"{log_loss(y_test, model.predict_proba(X_test)):.3f}",
    }
print(f"{n_features} features of which {n_true} matter; 300 rows to learn from, 600 to test on\n")
print(pd.DataFrame(rows).T.to_string())

kept = models["selected features"][:-1].get_feature_names_out()
true = [name for name in kept if name.startswith("true")]
print(f"\n{len(kept)} features are kept, and {len(true)} of the {n_true} that matter:")
print(", ".join(kept))
