"""How soon does each kind of method come how close to the optimum?

Batch, accelerated, stochastic, quasi-Newton and second order on the digits, each with its default
settings. Prints a table and writes compare_solvers.png.
"""

from time import perf_counter

import pandas as pd
from sklearn.datasets import load_digits

from softmax_reg import LossCurveDisplay, SoftmaxRegression

KINDS = {
    "gd": "batch gradient descent",
    "nesterov": "accelerated gradient descent",
    "sgd": "stochastic, mini-batches",
    "lbfgs": "quasi-Newton",
    "newton-cg": "second order",  # newton-cholesky takes the same steps, with a direct method
}

X, y = load_digits(return_X_y=True)
SoftmaxRegression().fit(X[:200], y[:200])  # what the first fit alone costs is not timed

models, rows = {}, {}
for solver, kind in KINDS.items():
    start = perf_counter()
    model = SoftmaxRegression(solver=solver, random_state=0).fit(X, y)
    seconds = perf_counter() - start
    models[f"{solver}: {kind}"] = model
    rows[solver] = {
        "iterations": model.n_iter_[0],
        "fit (s)": f"{seconds:.2f}",
        "loss": f"{model.loss_curve_[-1]:.12f}",
        "optimality": f"{model.optimality_:.0e}",
    }

# An iteration of sgd is an epoch; one of newton-cg holds many products with the Hessian. So fewer
# iterations need not be less time: compare both columns.
print("Digits, 1797 x 64, 10 classes, C = 1\n")
print(pd.DataFrame(rows).T.to_string())

# With several curves the display draws the excess over the lowest objective of all.
display = LossCurveDisplay.from_estimators(models)
display.ax_.set(
    xlabel="Iteration (sgd: epoch)",
    ylim=(1e-12, None),  # below, rounding
    title="Digits: one optimum, five ways to it",
)
display.figure_.savefig("compare_solvers.png", dpi=150)
print("\nExcess over the best objective against iterations: compare_solvers.png")
