"""Random small problems of every kind that tables have, by a seed."""

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse as sp

__all__ = ["RandomProblem", "random_problem"]

_FORMATS = {
    "dense": np.ascontiguousarray,
    "fortran": np.asfortranarray,
    "csr": sp.csr_array,
    "csc": sp.csc_array,
}


@dataclass
class RandomProblem:
    """What a fit is given, and the same rows dense.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    given : {ndarray, sparse array}
        X in the format of the problem.
    codes : ndarray of shape (n_samples,)
    sample_weight : ndarray of shape (n_samples,) or None
    parameters : dict
        Of the estimator.
    """

    X: np.ndarray
    given: object
    codes: np.ndarray
    sample_weight: np.ndarray | None = None
    parameters: dict = field(default_factory=dict)

    @property
    def weights(self):
        """The weights that the fit uses, class weights included, as rounded to the dtype of X."""
        dtype = self.X.dtype
        s = np.ones(len(self.codes)) if self.sample_weight is None else self.sample_weight
        s = s.astype(dtype).astype(np.float64)
        if self.parameters.get("class_weight") == "balanced":
            totals = np.bincount(self.codes, weights=s)
            s = s * (totals.sum() / (len(totals) * totals))[self.codes]
        return s.astype(dtype).astype(np.float64)


def random_problem(seed, profile="mixed", largest=60):
    """Return a problem of at most about `largest` coefficients.

    Profiles: "plain", as most tables are: dense float64, a ridge, no wild entry; "mixed", all there
    is; or the name of a solver, whose problems are the mixed ones that it can solve.
    """
    rng = np.random.default_rng([77, seed])
    n_classes = int(rng.integers(2, 9)) if rng.random() < 0.6 else 2
    n = max(int(3 * 30 ** rng.random()), n_classes)
    p = min(int(rng.integers(1, 11)), max(largest // n_classes - 1, 1))
    X = _features(rng, n, p, is_plain=profile == "plain")
    codes = _labels(rng, X, n_classes)
    if profile == "plain":
        C = 1.0 if rng.random() < 0.5 else float(10.0 ** rng.uniform(-3, 6))
        return RandomProblem(X, X, codes, parameters={"C": C})
    parameters, sample_weight = _parameters(rng, p), _weights(rng, codes)
    if profile != "mixed":
        parameters["solver"] = profile
    if profile not in ("mixed", "prox-newton"):
        parameters["l1_ratio"] = 0.0
    X = X.astype(np.float32 if rng.random() < 0.12 else np.float64)
    name = rng.choice(["dense", "dense", "dense", "fortran", "csr", "csc"])
    return RandomProblem(X, _FORMATS[name](X), codes, sample_weight, parameters)


def _features(rng, n, p, is_plain):
    kind = rng.choice(["normal", "normal", "integer", "cauchy", "lognormal", "rare", "uniform"])
    X = {
        "normal": lambda: rng.normal(size=(n, p)),
        "integer": lambda: rng.integers(0, 5, size=(n, p)).astype(np.float64),
        "cauchy": lambda: rng.standard_cauchy(size=(n, p)),
        "lognormal": lambda: np.exp(rng.normal(size=(n, p)) * rng.uniform(0.5, 4.0)),
        "rare": lambda: rng.normal(size=(n, p)) * (rng.random((n, p)) < rng.uniform(0.02, 0.5)),
        "uniform": lambda: rng.random((n, p)),
    }[kind]()
    if rng.random() < 0.6:  # units of very different size
        decades = rng.choice([1, 3, 6])
        X *= 10.0 ** rng.uniform(-decades, decades, size=p)
    if rng.random() < 0.2:  # far from zero
        X += 10.0 ** rng.uniform(0, 6, size=p) * np.abs(X).mean(axis=0)
    if rng.random() < 0.2 and p > 1:  # collinear, or twice the same
        one, other = rng.choice(p, 2, replace=False)
        X[:, one] = X[:, other] * (1.0 if rng.random() < 0.5 else 10.0 * rng.normal())
    if rng.random() < 0.1:
        X[:, rng.integers(p)] = rng.choice([0.0, 0.1, 1.0, 1e6])
    if rng.random() < 0.15 and not is_plain:  # one wild entry
        unit = np.abs(X).max() if rng.random() < 0.5 else 1.0
        X[rng.integers(n), rng.integers(p)] = unit * 10.0 ** rng.uniform(2, 10)
    return X


def _labels(rng, X, n_classes):
    n, p = X.shape
    how = rng.choice(["random", "model", "model", "separable", "skewed"])
    scale = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(scale > 0.0, scale, 1.0)
    scores = Z @ rng.normal(size=(p, n_classes)) * rng.uniform(0.3, 4.0)
    codes = {
        "random": lambda: rng.integers(0, n_classes, size=n),
        "skewed": lambda: np.where(rng.random(n) < 0.9, 0, rng.integers(0, n_classes, size=n)),
        "model": lambda: (scores + rng.gumbel(size=scores.shape)).argmax(axis=1),
        "separable": lambda: scores.argmax(axis=1),
    }[how]()
    codes[rng.permutation(n)[:n_classes]] = np.arange(n_classes)
    return codes


def _parameters(rng, p):
    wide = rng.random() < 0.6
    C = float(10.0 ** (rng.uniform(-6, 12) if wide else rng.uniform(-3, 4)))
    found = {"C": np.inf if rng.random() < 0.06 else C}
    found["l1_ratio"] = 0.0
    if rng.random() < 0.35:
        found["l1_ratio"] = 1.0 if rng.random() < 0.5 else float(rng.random())
    found["fit_intercept"] = bool(rng.random() < 0.87)
    if rng.random() < 0.1:
        found["class_weight"] = "balanced"
    if rng.random() < 0.05:
        free = rng.random(p) < 0.1  # those cost nothing
        found["penalty_factor"] = np.where(free, 0.0, 10.0 ** rng.uniform(-2, 2, size=p))
    return found


def _weights(rng, codes):
    if rng.random() >= 0.3:
        return None
    decades = rng.choice([0.3, 2, 5])
    weights = 10.0 ** rng.uniform(-decades, decades, size=len(codes))
    if rng.random() < 0.3:
        none = rng.random(len(codes)) < 0.2
        none[np.unique(codes, return_index=True)[1]] = False  # every class keeps some weight
        weights[none] = 0.0
    return weights
