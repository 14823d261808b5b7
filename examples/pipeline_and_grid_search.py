"""How does SoftmaxRegression work on a DataFrame with numbers, categories and missing values?

In a pipeline like any other classifier: a ColumnTransformer in front, GridSearchCV around it.
"""

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from softmax_reg import SoftmaxRegression

# How 1500 made-up customers travel: it depends on distance, age, the town and the weather.
rng = np.random.default_rng(0)
n = 1500
customers = pd.DataFrame(
    {
        "distance_km": rng.gamma(2.0, 6.0, n),
        "age_years": rng.integers(18, 80, n),
        "town": rng.choice(["hill", "river", "coast"], n, p=[0.3, 0.5, 0.2]),
        "weather": rng.choice(["sun", "rain", "snow"], n, p=[0.6, 0.3, 0.1]),
    }
)
scores = pd.DataFrame(
    {
        "bicycle": 2.0 - 0.15 * customers["distance_km"] - 1.5 * (customers["weather"] != "sun"),
        "bus": 0.02 * customers["age_years"] + (customers["town"] == "river"),
        "car": 0.06 * customers["distance_km"] + (customers["town"] == "hill"),
    }
)
# The largest of scores plus Gumbel noise is a draw from their softmax.
travel = (scores + rng.gumbel(size=scores.shape)).idxmax(axis="columns").rename("travel")
customers.loc[rng.random(n) < 0.05, "age_years"] = np.nan

X_train, X_test, y_train, y_test = train_test_split(
    customers, travel, test_size=0.3, stratify=travel, random_state=0
)

numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
columns = ColumnTransformer(
    [
        ("numbers", numbers, ["distance_km", "age_years"]),
        # All levels are kept: the model needs none dropped.
        ("categories", OneHotEncoder(handle_unknown="ignore"), ["town", "weather"]),
    ],
    verbose_feature_names_out=False,
)
search = GridSearchCV(
    make_pipeline(columns, SoftmaxRegression()),
    {
        "softmaxregression__C": [0.01, 0.1, 1.0, 10.0],
        "softmaxregression__solver": ["lbfgs", "newton-cg"],
    },
    scoring="neg_log_loss",
    cv=5,
).fit(X_train, y_train)

# The objective is convex: C decides how good the model is, the solver only how soon it is found.
table = pd.DataFrame(search.cv_results_).pivot(
    index="param_softmaxregression__C",
    columns="param_softmaxregression__solver",
    values="mean_test_score",
)
print("Log-loss on the held-out folds\n")
print((-table).rename_axis(index="C", columns="solver").to_string(float_format="{:.6f}".format))

best = search.best_estimator_
print(f"\nBest: {search.best_params_}")
print(f"Accuracy on {len(y_test)} rows never seen: {best.score(X_test, y_test):.3f}\n")
coef = pd.DataFrame(best[-1].coef_.T, index=best[0].get_feature_names_out(), columns=best.classes_)
print("Coefficients, for numbers in standard deviations\n")
print(coef.round(2).to_string())
