"""The contenders: one small function each, all minimising the same objective.

The match of penalties, for the mean loss plus ||W||^2 / (2 C n): `LogisticRegression` has it by
its `C`; `MLPClassifier` divides alpha / 2 ||W||^2 by the rows of a batch, so alpha = batch / (n C);
torch is given the formula.  With two classes all of them fit one vector.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.ladders import AsIs, Iterations, Ladder, Setting, Tolerances
from benchmarks.problems import C

OURS, RIVAL, DEFAULT = "ours", "rival", "default"
_HESSIAN_LIMIT = 4 << 30  # bytes; the factor and a copy come on top
_NO_LIMIT = 10**9
_ADAM_BATCH = 200


class Fitted(NamedTuple):
    """What a fit leaves: W (p, r), b (r,), iterations, and what the estimator says of itself."""

    W: np.ndarray
    b: np.ndarray
    n_iter: int
    solver: str = ""
    converged: bool | None = None


class Shape(NamedTuple):
    """What a contender may refuse a problem by."""

    n: int
    p: int
    classes: int
    sparse: bool


@dataclass(frozen=True)
class Contender:
    """A name, a fit, the ladder of its settings; `refuses(shape)` returns a reason or ""."""

    name: str
    kind: str
    fit: Callable[[Any, np.ndarray, Setting], Fitted]
    ladder: Ladder
    refuses: Callable[[Shape], str] = lambda shape: ""
    needs: str = "sklearn"


def contenders() -> dict[str, Contender]:
    """Return every contender whose package is installed, by name."""
    from softmax_reg.solvers import SOLVERS

    fast, slow = Iterations(first=4), Iterations(first=1, factor=1.5)
    dense = _refuse_sparse
    everyone = [
        Contender("softmax_reg()", DEFAULT, _ours, AsIs()),
        Contender("LogisticRegression()", DEFAULT, _logistic, AsIs()),
        *(
            Contender(f"ours-{solver}", OURS, partial(_ours, solver=solver), Tolerances())
            for solver in ("auto", *SOLVERS)
        ),
        *(
            Contender(f"sklearn-{solver}", RIVAL, partial(_logistic, solver=solver), ladder, refuse)
            for solver, ladder, refuse in (
                ("lbfgs", fast, _refuse_nothing),
                ("newton-cg", Iterations(first=2), _refuse_nothing),
                ("newton-cholesky", slow, _refuse_large_hessian),
                ("saga", fast, _refuse_nothing),
            )
        ),
        *(
            Contender(
                f"sklearnex-{solver}",
                RIVAL,
                partial(_intelex, solver=solver),
                ladder,
                dense,
                "sklearnex",
            )
            for solver, ladder in (("lbfgs", fast), ("newton-cg", Iterations(first=2)))
        ),
        Contender("mlp-lbfgs", RIVAL, partial(_mlp, solver="lbfgs"), fast),
        Contender("mlp-adam", RIVAL, partial(_mlp, solver="adam"), fast),
        Contender("torch-lbfgs", RIVAL, _torch, fast, dense, "torch"),
    ]
    return {c.name: c for c in everyone if importlib.util.find_spec(c.needs) is not None}


def choose(rivals: str, ours: str) -> list[Contender]:
    """Return the contenders chosen by comma-separated globs, defaults always."""
    globs = {RIVAL: rivals.split(","), OURS: [f"ours-{name}" for name in ours.split(",")]}
    return [
        c
        for c in contenders().values()
        if c.kind == DEFAULT or any(fnmatchcase(c.name, g.strip()) for g in globs[c.kind])
    ]


def _refuse_nothing(shape: Shape) -> str:
    return ""


def _refuse_sparse(shape: Shape) -> str:
    return "no sparse X" if shape.sparse else ""


def _refuse_large_hessian(shape: Shape) -> str:
    free = 1 if shape.classes == 2 else shape.classes
    size = 8 * ((shape.p + 1) * free) ** 2
    return f"Hessian of {size / 2**30:.0f} GiB" if size > _HESSIAN_LIMIT else ""


def _given(setting: Setting) -> dict[str, Any]:
    """Return the arguments that a setting sets."""
    both = {"tol": setting.tol, "max_iter": setting.max_iter}
    return {name: value for name, value in both.items() if value is not None}


def _ours(X: Any, y: np.ndarray, setting: Setting, **arguments: Any) -> Fitted:
    from softmax_reg import SoftmaxRegression

    if arguments:  # the default is measured without any
        arguments["C"] = C
    model = SoftmaxRegression(**arguments, **_given(setting)).fit(X, y)
    return Fitted(
        model.coef_.T, model.intercept_, int(model.n_iter_[0]), model.solver_, model.converged_
    )


def _logistic(X: Any, y: np.ndarray, setting: Setting, **arguments: Any) -> Fitted:
    from sklearn.linear_model import LogisticRegression

    if arguments:
        arguments |= {"C": C, "random_state": 0}
    model = LogisticRegression(**arguments, **_given(setting)).fit(X, y)
    return Fitted(model.coef_.T, model.intercept_, int(np.max(model.n_iter_)), model.solver)


def _intelex(X: Any, y: np.ndarray, setting: Setting, solver: str) -> Fitted:
    from sklearnex.linear_model import LogisticRegression

    model = LogisticRegression(C=C, solver=solver, **_given(setting)).fit(X, y)
    return Fitted(model.coef_.T, model.intercept_, int(np.max(model.n_iter_)), solver)


def _mlp(X: Any, y: np.ndarray, setting: Setting, solver: str) -> Fitted:
    from sklearn.neural_network import MLPClassifier

    n = X.shape[0]
    batch = min(_ADAM_BATCH, n)
    model = MLPClassifier(
        hidden_layer_sizes=(),
        solver=solver,
        alpha=(batch / n if solver == "adam" else 1.0) / C,
        batch_size=batch,
        max_fun=_NO_LIMIT,
        n_iter_no_change=_NO_LIMIT,
        random_state=0,
        **_given(setting),
    ).fit(X, y)
    return Fitted(model.coefs_[0], model.intercepts_[0], model.n_iter_, solver)


def _torch(X: Any, y: np.ndarray, setting: Setting) -> Fitted:
    import torch

    n, n_classes = len(y), int(y.max()) + 1
    rows, codes = torch.from_numpy(X), torch.from_numpy(y)
    free = 1 if n_classes == 2 else n_classes
    W = torch.zeros((X.shape[1], free), dtype=torch.float64, requires_grad=True)
    b = torch.zeros(free, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [W, b],
        max_iter=setting.max_iter,
        max_eval=_NO_LIMIT,
        tolerance_grad=setting.tol,
        tolerance_change=0.0,
        history_size=10,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Any:
        optimiser.zero_grad()
        scores = torch.addmm(b, rows, W)
        if free == 1:
            scores = torch.nn.functional.pad(scores, (1, 0))
        loss = torch.nn.functional.cross_entropy(scores, codes) + (W * W).sum() / (2.0 * C * n)
        loss.backward()
        return loss

    optimiser.step(closure)
    n_iter = optimiser.state[W]["n_iter"]
    return Fitted(W.detach().numpy(), b.detach().numpy(), int(n_iter), "lbfgs")
