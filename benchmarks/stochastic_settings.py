"""What the runs of the stochastic solvers and the page on them have in common."""

OURS = ("sgd", "adam", "svrg")
BUDGET = 20  # passes over the rows
