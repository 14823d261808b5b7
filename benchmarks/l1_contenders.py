"""Who takes part under an L1 norm or a group lasso: fits, settings from loose to tight, the clock.

    F(W, b) = mean cross-entropy + [ (1 - l1_ratio)/2 ||W||^2 + l1_ratio norm(W) ] / (C n)

The norm is the L1 norm, or under "group_lasso" the sum of the lengths of the features' rows.
glmnet and adelie are made for paths: they are tried at the one value of C and along their own path
down to it, whichever is faster.  Times are processor time.
"""

from __future__ import annotations

import gc
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contenders import Shape
from benchmarks.measure import Outcome, one_line
from benchmarks.objective import objective
from benchmarks.path_rivals import adelie_path, glmnet_path, is_installed, own_lambdas

OURS, ELASTIC_NET, GROUP_LASSO = "softmax_reg", "elasticnet", "group_lasso"
_TIGHT = 1e-12
_TOLERANCES = tuple(10.0**-k for k in range(1, 10))
_PATH_TOLERANCES = tuple(10.0**-k for k in range(3, 15))
_AMPLE_ITERATIONS = 1000
_WARM_UP_EFFORT = 4  # of the ladder: enough for what only later iterations compile


class Case(NamedTuple):
    """A penalty."""

    C: float
    l1_ratio: float
    penalty: str = ELASTIC_NET


Coefficients = tuple[np.ndarray, np.ndarray]
Fit = Callable[[Any, np.ndarray, Case, float], Coefficients]


@dataclass(frozen=True)
class Contender:
    """A fit with its settings, loose to tight; `name` may have two, told apart by `how`."""

    name: str
    fit: Fit
    efforts: tuple[float, ...]
    penalties: tuple[str, ...] = (ELASTIC_NET,)
    how: str = ""
    suits: Callable[[Shape], bool] = lambda shape: True
    needs: str = "sklearn"
    counts_iterations: bool = False  # an effort is a number of them

    @property
    def key(self) -> str:
        return f"{self.name} {self.how}".strip()


def contenders() -> dict[str, Contender]:
    """Return everyone whose package is installed, by key; ours comes first."""
    both, grouped = (ELASTIC_NET, GROUP_LASSO), (GROUP_LASSO,)
    hows = {"at one C": _only, "along its path": own_lambdas}
    everyone = [
        Contender(OURS, _ours, _TOLERANCES, both),
        Contender("saga", _saga, tuple(2.0**k for k in range(1, 25)), counts_iterations=True),
        *(
            Contender("glmnet", partial(_by_path, glmnet_path, sequence), _PATH_TOLERANCES,
                      how=how, needs="glmnet")
            for how, sequence in hows.items()
        ),
        # It has a logistic loss for two classes, but no softmax.
        Contender("skglm", _skglm, _TOLERANCES, suits=_two_classes, needs="skglm"),
        *(
            Contender("adelie", partial(_by_path, adelie_path, sequence), _PATH_TOLERANCES,
                      grouped, how, _dense_and_three_classes, "adelie")
            for how, sequence in hows.items()
        ),
    ]  # fmt: skip
    return {each.key: each for each in everyone if is_installed(each.needs)}


def _two_classes(shape: Shape) -> bool:
    return shape.classes == 2


def _dense_and_three_classes(shape: Shape) -> bool:
    return shape.classes > 2 and not shape.sparse


def _ours(X: Any, y: np.ndarray, case: Case, tol: float) -> Coefficients:
    from softmax_reg import SoftmaxRegression

    model = SoftmaxRegression(**case._asdict(), tol=tol).fit(X, y)
    return model.coef_.T, model.intercept_


def _saga(X: Any, y: np.ndarray, case: Case, max_iter: float) -> Coefficients:
    from sklearn.linear_model import LogisticRegression

    norm: dict[str, Any] = {"C": case.C, "l1_ratio": case.l1_ratio}
    if LogisticRegression().get_params().get("penalty") == "l2":
        norm["penalty"] = "elasticnet"
    model = LogisticRegression(solver="saga", tol=_TIGHT, max_iter=int(max_iter), **norm)
    model.set_params(random_state=0).fit(X, y)
    return model.coef_.T, model.intercept_


def _skglm(X: Any, y: np.ndarray, case: Case, tol: float) -> Coefficients:
    from skglm import SparseLogisticRegression

    alpha = 1.0 / (case.C * len(y))
    model = SparseLogisticRegression(alpha, case.l1_ratio, tol=tol, max_iter=_AMPLE_ITERATIONS)
    model.fit(X, y)
    return model.coef_.T, np.atleast_1d(model.intercept_)


def _only(X: Any, y: np.ndarray, wanted: float, l1_ratio: float, penalty: str) -> np.ndarray:
    return np.array([wanted])


def _by_path(path: Any, sequence: Any, X: Any, y: np.ndarray, case: Case, tol: float) -> Any:
    lambdas = sequence(X, y, 1.0 / (case.C * len(y)), case.l1_ratio, case.penalty)
    W, b = path(X, y, lambdas, case.l1_ratio, tol)
    return W[-1], b[-1]


def value(X: Any, y: np.ndarray, case: Case, W: np.ndarray, b: np.ndarray) -> float:
    """Return F for W (p, r) and b (r,)."""
    lengths = np.linalg.norm(W, axis=1) if case.penalty == GROUP_LASSO else np.abs(W)
    ridge, norm = (1.0 - case.l1_ratio) / 2.0 * np.sum(W * W), case.l1_ratio * np.sum(lengths)
    return objective(X, y, W, b, np.inf) + float(ridge + norm) / (case.C * len(y))


class Bench:
    """What a worker of `benchmarks.measure` fits on: a setting is a case and an effort."""

    def __init__(self, X: Any, y: np.ndarray, threads: int) -> None:
        self.X, self.y = X, y
        self.known, self.warm = contenders(), set[str]()

    def warm_up(self, name: str) -> None:
        """Fit some rows and features: what is imported or compiled late counts not."""
        if name in self.warm:
            return
        self.warm.add(name)
        rows = np.concatenate([np.flatnonzero(self.y == k)[:20] for k in range(self.y.max() + 1)])
        X, y, contender = self.X[rows][:, :50], self.y[rows], self.known[name]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for l1_ratio in (0.5, 1.0):  # numba compiles for each penalty
                case = Case(1.0, l1_ratio, contender.penalties[-1])
                try:
                    contender.fit(X, y, case, contender.efforts[_WARM_UP_EFFORT])
                except Exception:
                    break  # the fit that is measured will say what is wrong
        gc.freeze()  # what was imported need not be looked through before each fit

    def fit(self, name: str, setting: tuple[Case, float]) -> tuple[Outcome, Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a loose setting warns, as it should
            began = time.process_time()
            try:
                fitted = self.known[name].fit(self.X, self.y, *setting)
            except Exception as error:
                return Outcome("error", time.process_time() - began, detail=one_line(error)), None
            return Outcome("ok", time.process_time() - began), fitted

    def objective(self, fitted: Coefficients, setting: tuple[Case, float]) -> float:
        with np.errstate(all="ignore"):
            return value(self.X, self.y, setting[0], *fitted)
