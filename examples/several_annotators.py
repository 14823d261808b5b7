"""What do I do with rows that several people have labelled differently?

Handwritten digits, each labelled by three careless annotators, who are wrong in a third of the
cases, and each digit is taken for some others more than for the rest. Prints what is learned from
the majority of the three votes, and from the votes themselves.
"""

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from softmax_reg import SoftmaxRegression

N_ANNOTATORS, ERROR = 3, 1.0 / 3.0

X, y = load_digits(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
rng = np.random.default_rng(0)
seen_as = (1.0 - ERROR) * np.eye(10) + ERROR * rng.dirichlet(np.full(10, 0.3), size=10)
votes, votes_test = (rng.multinomial(N_ANNOTATORS, seen_as[labels]) for labels in (y, y_test))

models = {
    "majority of the votes": SoftmaxRegression().fit(X, votes.argmax(axis=1)),
    "all votes, by fit_counts": SoftmaxRegression().fit_counts(X, votes),
}
rows = {}
for name, model in models.items():
    loss = -np.sum(votes_test * model.predict_log_proba(X_test)) / votes_test.sum()
    rows[name] = {
        "true label": f"{model.score(X_test, y_test):.1%}",
        "log-loss of other votes": f"{loss:.3f}",
    }
one_mind = np.mean(votes.max(axis=1) == N_ANNOTATORS)
print(f"Digits: {len(X)} rows with {N_ANNOTATORS} votes each, of which {one_mind:.0%} agree\n")
print(pd.DataFrame(rows).T.to_string())
print(
    "\nA majority hides how sure it was: rows on which two of three agree count as the others do."
)
