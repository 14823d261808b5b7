"""Can one matrix take the place of a forest?

Handwritten digits: a softmax model is fitted to the probabilities that a random forest gives, and
another to the labels. Prints how well each does the forest's work on other rows.
"""

import pickle

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from softmax_reg import SoftmaxRegression

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
forest = RandomForestClassifier(300, min_samples_leaf=2, oob_score=True, random_state=0).fit(X, y)
soft = forest.predict_proba(X_test)

models = {
    "forest": forest,
    # Out of bag, each row is judged by trees that have not seen it, as rows to come will be.
    "softmax, fitted to its probabilities": SoftmaxRegression().fit_proba(
        X, forest.oob_decision_function_
    ),
    "softmax, fitted to the labels": SoftmaxRegression().fit(X, y),
}


def measured(model):
    """Return what a model does on the rows to test, beside the forest and beside the truth."""
    proba = model.predict_proba(X_test)
    return {
        "kilobytes": round(len(pickle.dumps(model)) / 1000),
        "forest's label": f"{np.mean(proba.argmax(axis=1) == soft.argmax(axis=1)):.1%}",
        "cross-entropy with it": f"{-np.mean(np.sum(soft * np.log(proba + 1e-15), axis=1)):.3f}",
        "true label": f"{model.score(X_test, y_test):.1%}",
        "log-loss": f"{log_loss(y_test, proba):.3f}",
    }


print(f"Digits: {len(X)} rows to train on, {len(X_test)} to test\n")
print(pd.DataFrame({name: measured(model) for name, model in models.items()}).T.to_string())
