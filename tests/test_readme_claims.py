"""The tables of the pages say what is so: every cell is computed here, and every link leads on."""

import os
import re
import runpy
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from pages import PAGES, README, ROOT, fenced_blocks, table_rows
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.neural_network import MLPClassifier

from softmax_reg import SoftmaxRegression
from softmax_reg.functional import softmax
from softmax_reg.solvers import SOLVERS, GradientDescent

WRITE_TABLES = runpy.run_path(str(ROOT / "docs" / "write_tables.py"))
MODELS = {
    "LogisticRegression()": LogisticRegression,
    'SGDClassifier(loss="log_loss")': lambda **kw: SGDClassifier(
        loss="log_loss", random_state=0, **kw
    ),
    "MLPClassifier(hidden_layer_sizes=())": lambda **kw: MLPClassifier(
        hidden_layer_sizes=(), random_state=0, **kw
    ),
    "SoftmaxRegression()": SoftmaxRegression,
}


def fit_quietly(model, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(X, y)


def linear_scores(model, X):
    if isinstance(model, MLPClassifier):
        return X @ model.coefs_[0] + model.intercepts_[0]
    return model.decision_function(X)


def is_one_softmax(make):
    X, y = load_iris(return_X_y=True)
    model = fit_quietly(make(), X, y)
    return np.allclose(model.predict_proba(X), softmax(linear_scores(model, X)), atol=1e-6)


def mean_loss(coef, intercept, X, codes):
    """Return the mean cross-entropy of softmax scores, or of log-odds if there is one row."""
    Z = X @ coef.T + intercept
    if Z.shape[1] == 1:
        Z = np.hstack([np.zeros_like(Z), Z])
    return np.mean(np.logaddexp.reduce(Z, axis=1) - Z[np.arange(len(Z)), codes])


def excess(coef, intercept, X, codes, alpha):
    """Return how far mean loss + alpha/2 |W|^2 is above its minimum, relative."""
    own = mean_loss(coef, intercept, X, codes) + 0.5 * alpha * np.sum(coef**2)
    # A solver that is not ours: else the claim about ours would be checked by itself.
    oracle = LogisticRegression(
        C=1.0 / (alpha * len(X)), solver="newton-cholesky", tol=1e-10, max_iter=1000
    )
    fit_quietly(oracle, X, codes)
    best = mean_loss(oracle.coef_, oracle.intercept_, X, codes)
    return own / (best + 0.5 * alpha * np.sum(oracle.coef_**2)) - 1.0


def reaches_its_optimum(make):
    excesses = []
    for load in (load_wine, load_breast_cancer):
        X, y = load(return_X_y=True)
        model = fit_quietly(make(), X, y)
        if isinstance(model, SGDClassifier):  # a problem for each class but with two of them
            targets = [y] if len(model.classes_) == 2 else [y == c for c in model.classes_]
            for coef, b, target in zip(model.coef_, model.intercept_, targets, strict=True):
                codes = target.astype(int)
                excesses.append(excess(coef[np.newaxis], b, X, codes, model.alpha))
        elif isinstance(model, MLPClassifier):  # its penalty is divided by the rows of a batch
            alpha = model.alpha / min(200, len(X))
            excesses.append(excess(model.coefs_[0].T, model.intercepts_[0], X, y, alpha))
        else:
            excesses.append(excess(model.coef_, model.intercept_, X, y, 1.0 / (model.C * len(X))))
    return max(excesses) < 1e-4


def records_the_loss(make):
    model = fit_quietly(make(), *load_iris(return_X_y=True))
    return len(getattr(model, "loss_curve_", ())) >= np.max(model.n_iter_) > 1


def has_finite_log_probabilities(make):
    X, y = load_wine(return_X_y=True)
    model = fit_quietly(make(), X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(np.isfinite(model.predict_log_proba(1e4 * X)).all())


def takes_an_own_solver(make):
    try:
        return bool(make(solver=GradientDescent()).fit(*load_iris(return_X_y=True)))
    except (TypeError, ValueError):
        return False


def selects_whole_features(make):
    try:
        model = make(penalty="group_lasso", l1_ratio=1.0, C=0.01)
        coef = model.fit(*load_wine(return_X_y=True)).coef_
    except (TypeError, ValueError):
        return False
    of_features = (coef == 0.0).all(axis=0)
    return of_features.any() and not of_features.all() and (coef[:, ~of_features] != 0.0).all()


def learns_from_shares(make):
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    Y = np.array([[0.9, 0.1], [0.7, 0.3], [0.4, 0.6], [0.1, 0.9]])
    model = make()
    try:
        fit_quietly(model, X, Y)
    except ValueError:
        if not hasattr(model, "fit_proba"):
            return False
        model.fit_proba(X, Y)
    return bool(np.allclose(model.predict_proba(X), Y, atol=0.25))


CLAIMS = {
    "one softmax over all classes": is_one_softmax,
    "reaches its optimum on raw data": reaches_its_optimum,
    "records the loss of every iteration": records_the_loss,
    "finite log-probabilities of finite scores": has_finite_log_probabilities,
    "class weights": lambda make: "class_weight" in make().get_params(),
    "coefficients in `coef_`": lambda make: hasattr(
        fit_quietly(make(), *load_iris(return_X_y=True)), "coef_"
    ),
    "L1 and elastic net": lambda make: "l1_ratio" in make().get_params(),
    "early stopping on held-out rows": lambda make: "early_stopping" in make().get_params(),
    "takes a solver of your own": takes_an_own_solver,
    "learns from batches, `partial_fit`": lambda make: hasattr(make(), "partial_fit"),
    "selects whole features, group lasso": selects_whole_features,
    "goes on where a killed fit was": lambda make: hasattr(make(), "resume"),
    "learns from shares or counts of the classes": learns_from_shares,
}


def test_the_comparison_has_the_models_and_the_claims_that_are_checked():
    (_, *models), *rows = table_rows(README, "| `LogisticRegression()`")
    assert [model.strip("`") for model in models] == list(MODELS)
    assert [row[0] for row in rows] == list(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("model", MODELS)
def test_the_comparison_says_of_each_model_what_is_so(model, claim):
    header, *rows = table_rows(README, "| `LogisticRegression()`")
    row = next(row for row in rows if row[0] == claim)
    said = row[header.index(f"`{model}`")].split(",")[0]
    assert said == ("yes" if CLAIMS[claim](MODELS[model]) else "no")


def test_the_table_of_solvers_is_what_the_solvers_say_of_themselves():
    header, *rows = table_rows(ROOT / "docs" / "solvers.md", "`solver`")
    column = header.index("L1")
    listed = {row[0].strip('`"'): row[column] for row in rows}
    assert listed == {name: "no" if s.needs_smooth else "yes" for name, s in SOLVERS.items()}


@pytest.mark.parametrize("page", WRITE_TABLES["pages"](), ids=lambda path: path.stem)
def test_the_tables_are_those_that_the_code_gives(page):
    expected = WRITE_TABLES["pages"]()[page]
    assert page.read_text(encoding="utf-8") == expected, "run: python docs/write_tables.py"


def test_how_a_fit_works_is_told_in_seven_files_of_under_a_thousand_lines():
    _, *rows, total = table_rows(README, "file")
    texts = [(ROOT / re.search(r"\((.*)\)", row[0])[1]).read_text("utf-8") for row in rows]
    n_lines = [len(text.splitlines()) for text in texts]
    assert [int(row[2]) for row in rows] == n_lines
    assert len(rows) == 7
    assert int(total[2]) == sum(n_lines) < 1000


def run_in_a_copy(folder, name, text, line, code):
    """Return what a program prints that runs in a copy of the package with a file more.

    Parameters
    ----------
    name, text : str
        Of the file.
    line : (str, str)
        A line, and the file that it is added to.
    """
    shutil.copytree(ROOT / "softmax_reg", folder / "softmax_reg")
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / "softmax_reg" / name).write_text(text, encoding="utf-8")
    added = folder / "softmax_reg" / line[1]
    added.write_text(line[0] + "\n" + added.read_text(encoding="utf-8"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_solver_is_one_file_and_one_line(tmp_path):
    code = """
from runpy import run_path
from softmax_reg import SoftmaxRegression
from softmax_reg.solvers import BarzilaiBorwein
X, y = [[0.0], [1.0], [2.0]], [0, 1, 0]
model = SoftmaxRegression(solver="barzilai-borwein", tol=1e-4).fit(X, y)
assert model.solver_ == "barzilai-borwein" and model.converged_
SoftmaxRegression(solver=BarzilaiBorwein(), tol=1e-4).fit(X, y).save("model.npz")
assert SoftmaxRegression.load("model.npz").solver == BarzilaiBorwein()
print(*run_path("docs/write_tables.py")["solvers"]())
"""
    page = ROOT / "docs" / "extending.md"
    text = fenced_blocks(page, "python")[0]
    line = re.search(r"`(from softmax_reg.solvers.\w+ import .*?)`", page.read_text("utf-8"))[1]
    name = "solvers/barzilai_borwein.py"
    shown = run_in_a_copy(tmp_path, name, text, (line, "solvers/methods.py"), code)
    assert '| `"barzilai-borwein"` | Gradient descent with the rate' in shown


def test_a_new_penalty_is_one_file_and_one_line(tmp_path):
    code = """
from softmax_reg import SoftmaxRegression, SoftmaxRegressionCV, softmax_path
from sklearn.datasets import load_iris
X, y = load_iris(return_X_y=True)
model = SoftmaxRegression(penalty="new", l1_ratio=1.0, C=0.05).fit(X, y)
assert model.converged_ and 0 < sum(model.coef_.any(axis=0)) < 4
model.save("model.npz")
assert SoftmaxRegression.load("model.npz").penalty == "new"
assert softmax_path(X, y, penalty="new", Cs=3).n_active_[0] == 0
assert SoftmaxRegressionCV(penalty="new", l1_ratios=[1.0], Cs=2, cv=2).fit(X, y).C_ > 0
print("fitted")
"""
    text = (ROOT / "softmax_reg" / "penalties" / "group_lasso.py").read_text(encoding="utf-8")
    for old, new in (('name = "group_lasso"', 'name = "new"'), ("GroupLasso", "NewNorm")):
        assert old in text
        text = text.replace(old, new)
    line = "from softmax_reg.penalties.new import NewNorm", "penalties/__init__.py"
    assert run_in_a_copy(tmp_path, "penalties/new.py", text, line, code) == "fitted\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_link_of_a_page_leads_to_a_file_and_to_the_function_it_names(page):
    links = re.findall(r"\[([^\]]*)\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
    assert links
    for text, target in links:
        if "://" in target:
            continue
        path = (page.parent / target).resolve()
        assert path.is_file(), target
        if path.suffix != ".py" or not text.startswith("`") or text.endswith(".py`"):
            continue
        source = path.read_text(encoding="utf-8")
        for name in text.strip("`").split("."):
            assert re.search(rf"^ *(def|class) {name}\b", source, flags=re.MULTILINE), text
