"""Small objectives with every part of the formula switched on, and the kinds of solvers."""

import numpy as np
import scipy.sparse as sp

from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.row_blocks import RowBlocks
from softmax_reg.dataset.targets import Labels
from softmax_reg.objective.objective import Objective
from softmax_reg.penalties import ElasticNet
from softmax_reg.solvers import SOLVERS

CONTAINERS = {
    "C": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "csr-matrix": sp.csr_matrix,
}


def rows_and_labels(n_samples=60, n_features=5, n_classes=3, seed=0):
    """Return X with zeros and columns of different size, codes, and weights, a tenth of them 0."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) * 10.0 ** rng.uniform(-1, 1, n_features)
    X += rng.normal(size=n_features)
    X[rng.random(X.shape) < 0.3] = 0.0
    codes = rng.permutation(np.arange(n_samples) % n_classes)
    weights = rng.uniform(0.2, 4.0, n_samples)
    weights[rng.choice(n_samples, n_samples // 10, replace=False)] = 0.0
    return X, codes, weights


def dataset_of(X, codes, weights=None, n_classes=None, n_threads=1, present=None):
    """Return the `Dataset` of these rows: by default weights are 1 and all classes take part."""
    n_classes = int(codes.max()) + 1 if n_classes is None else n_classes
    weights = np.ones(len(codes), X.dtype) if weights is None else weights
    rows = RowBlocks(X, n_classes, n_threads=n_threads)
    classes = np.arange(n_classes)
    targets = Labels(codes, len(classes))
    return Dataset(rows, classes, targets, weights, present=classes if present is None else present)


def objective_of(
    X,
    codes,
    weights,
    *,
    alpha=0.03,
    l1_ratio=0.0,
    fit_intercept=True,
    container="C",
    dtype=np.float64,
    memory=64 << 20,
    n_threads=1,
):
    """Return the `Objective` of these rows, in the given container and dtype."""
    X = CONTAINERS[container](X.astype(dtype))
    n_classes = int(codes.max()) + 1
    data = dataset_of(X, codes, weights.astype(dtype), n_classes, n_threads)
    return Objective(data, ElasticNet(alpha, l1_ratio), fit_intercept, memory)


def small_objective(n_classes=3, seed=0, **options):
    """Return an `Objective` of 60 rows and 5 features, with a penalty and uneven weights."""
    return objective_of(*rows_and_labels(n_classes=n_classes, seed=seed), **options)


def somewhere(objective, seed=1, size=0.5):
    """Return a vector of the size and dtype of w."""
    w = size * np.random.default_rng(seed).normal(size=objective.size)
    return w.astype(objective.dtype)


def slope_by_differences(value, t=1e-5):
    """Return the derivative at 0 of a function of one number, by fourth-order differences."""
    near, far = value(t) - value(-t), value(2 * t) - value(-2 * t)
    return (8.0 * near - far) / (12.0 * t)


STOCHASTIC = [name for name, kind in SOLVERS.items() if kind.is_stochastic]
DETERMINISTIC = ["auto", *(name for name in SOLVERS if name not in STOCHASTIC)]
HANDLES_L1 = [name for name, kind in SOLVERS.items() if not kind.needs_smooth]
