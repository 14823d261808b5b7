"""What has no standard errors is refused, in words that say what to do; nothing is changed."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from problems import data, uneven_weights
from sklearn.exceptions import NotFittedError

from softmax_reg import FunctionSource, SoftmaxRegression, SoftmaxRegressionCV

X, Y = data("overlapping")
NAMED = pd.DataFrame(X, columns=["age", "income", "size", "depth"])
IRIS = data("iris")
WEIGHTS = uneven_weights(len(Y))
GROUPS = np.arange(len(Y)) % 20


def fit(X=X, y=Y, weights=None, **params):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return SoftmaxRegression(**{"C": np.inf} | params).fit(X, y, weights)


FITTED = fit()
FOUND = FITTED.inference(X, Y)
RIDGE = fit(C=1.0)
POSTERIOR = RIDGE.inference(X, Y, penalised="laplace")
SUM = NAMED.assign(total=NAMED["age"] + 2.0 * NAMED["size"])
COLUMNS = np.hstack([X, np.random.default_rng(0).normal(size=(len(Y), 80))])
SOURCE = FunctionSource(lambda: iter([(X, Y)]))


def infer(model, *args, **options):
    return lambda: model.inference(*args or (X, Y), **options)


# name -> what is asked, and what is said
REFUSED = {
    "not fitted": (infer(SoftmaxRegression()), "not fitted yet"),
    "no labels": (lambda: FITTED.inference(X), "target y is None"),
    "ridge": (infer(RIDGE), "penalised .ridge, C = 1.*C=np.inf.*penalised='laplace'.*bootstrap"),
    "one penalised feature": (infer(fit(C=1.0, penalty_factor=[0, 0, 0, 1])), "penalised"),
    "lasso": (infer(fit(C=1.0, penalty="l1"), X, Y, penalised="laplace"), "lasso.*bootstrap"),
    "laplace without ridge": (infer(FITTED, X, Y, penalised="laplace"), "Leave penalised out"),
    "laplace, robust": (
        infer(RIDGE, X, Y, penalised="laplace", cov_type="HC0"),
        "Leave cov_type out",
    ),
    "penalised, unknown": (infer(RIDGE, X, Y, penalised="ridge"), "None or 'laplace', got 'ridge'"),
    "separated": (infer(fit(*IRIS), *IRIS), "separate some classes.*finite C"),
    "stopped soon": (infer(fit(max_iter=3)), "did not converge.*Newton step.*standard errors"),
    "other rows": (infer(FITTED, X[::2], Y[::2]), "75 rows, but .* 150"),
    "other features": (infer(FITTED, X[::-1], Y), "not the optimum on these rows"),
    "other columns": (infer(FITTED, X[:, :3], Y), "3 features"),
    "other labels": (infer(FITTED, X, np.where(Y == 0, 7, Y)), "fitted with"),
    "other weights": (infer(FITTED, X, Y, np.arange(len(Y))), "Give the X, y and sample_weight"),
    "a class lost its weight": (
        infer(FITTED, X, Y, (Y > 0).astype(float)),
        "classes with a weight",
    ),
    "early stopping": (
        infer(fit(early_stopping=True, random_state=0)),
        "held-out rows.*early_stopping=False",
    ),
    "constant": (
        infer(fit(NAMED.assign(size=3.0)), NAMED.assign(size=3.0), Y),
        r"The features \['size'\] are constant",
    ),
    "collinear": (infer(fit(SUM), SUM, Y), r"'\w+' of \['\w+', '\w+'\].*Leave one of each out"),
    "a dummy for each level": (
        infer(
            fit(pd.get_dummies(pd.Series(GROUPS % 3)).astype(float).to_numpy()),
            pd.get_dummies(pd.Series(GROUPS % 3)).astype(float).to_numpy(),
            Y,
        ),
        "linear combinations.*the intercept.*fit_intercept=False",
    ),
    "more coefficients than rows": (
        infer(fit(COLUMNS), COLUMNS, Y),
        "170 coefficients, but there are 150 rows|separate",
    ),
    "fractions as counts": (
        infer(fit(weights=WEIGHTS), X, Y, WEIGHTS),
        r"numbers of equal rows, but row \d+ has [\d.]+. Use weights_are='sampling'",
    ),
    "weights_are": (infer(FITTED, X, Y, weights_are="importance"), "'frequency' or 'sampling'"),
    "sampling, nonrobust": (
        infer(fit(weights=WEIGHTS), X, Y, WEIGHTS, weights_are="sampling", cov_type="nonrobust"),
        "Use cov_type='HC1'",
    ),
    "class weights, nonrobust": (
        infer(fit(class_weight={0: 2.0}), X, Y, cov_type="nonrobust"),
        "class_weight denies",
    ),
    "cov_type": (infer(FITTED, X, Y, cov_type="HC3"), "cov_type must be one of .*got 'HC3'"),
    "cluster without groups": (infer(FITTED, X, Y, cov_type="cluster"), "needs groups"),
    "groups without cluster": (infer(FITTED, X, Y, groups=GROUPS), "cov_type='cluster'"),
    "too few groups": (
        infer(FITTED, X, Y, cov_type="cluster", groups=GROUPS[:9]),
        r"one entry for each of the 150 rows, got shape \(9,\)",
    ),
    "one group": (
        infer(FITTED, X, Y, cov_type="cluster", groups=np.zeros(150)),
        "one cluster, 0.0",
    ),
    "missing group": (
        infer(FITTED, X, Y, cov_type="cluster", groups=[None, *GROUPS[1:]]),
        "no cluster for row 0",
    ),
    "base": (infer(FITTED, X, Y, base="high"), r"one of the classes \[0, 1, 2\].*got 'high'"),
    "with_base": (lambda: FOUND.with_base(9), "got 9"),
    "with_base, None": (lambda: FOUND.with_base(None), "got None"),
    "search": (
        lambda: SoftmaxRegressionCV(Cs=[1.0, 10.0], cv=2).fit(X, Y).inference(X, Y),
        r"SoftmaxRegressionCV chose C=.*Fit SoftmaxRegression\(C=np.inf\)",
    ),
    "level": (lambda: FOUND.summary(95), "between 0 and 1, such as 0.95, got 95"),
    "level, text": (lambda: FOUND.conf_int("95 %"), "level must be between 0 and 1"),
    "level of effects": (lambda: FOUND.marginal_effects(level=0.0), "between 0 and 1"),
    "wald, name": (lambda: FOUND.wald_test("age"), "no term 'age'; the terms are"),
    "wald, nothing": (lambda: FOUND.wald_test([]), "takes names of terms"),
    "wald, shape": (lambda: FOUND.wald_test(np.eye(3)), "10 columns"),
    "wald, nan": (lambda: FOUND.wald_test(np.full(10, np.inf)), "finite matrix"),
    "wald, twice": (lambda: FOUND.wald_test(np.ones((2, 10))), "depend on each other"),
    "wald, few clusters": (
        lambda: FITTED.inference(X, Y, cov_type="cluster", groups=GROUPS % 3).wald_test(
            ["x0", "x1", "x2"]
        ),
        "few clusters",
    ),
    "lr, same terms": (lambda: FOUND.lr_test(FOUND), "both have the same terms"),
    "lr, not nested": (
        lambda: fit(NAMED).inference(NAMED, Y).lr_test(fit(X[:, :2]).inference(X[:, :2], Y)),
        "in the smaller only",
    ),
    "lr, other rows": (
        lambda: FOUND.lr_test(fit(X[:140, :2], Y[:140]).inference(X[:140, :2], Y[:140])),
        "same rows",
    ),
    "lr, other values": (
        lambda: (
            fit(X[:, [1, 3]])
            .inference(X[:, [1, 3]], Y)
            .lr_test(fit(X[:, :1]).inference(X[:, :1], Y))
        ),
        "larger model has the smaller likelihood",
    ),
    "score, rows": (lambda: FOUND.score_test(X[:10]), "10 rows"),
    "score, one dimension": (lambda: FOUND.score_test(X[:, 0]), "2D array"),
    "score, constant": (lambda: FOUND.score_test(np.ones((150, 1))), "constant"),
    "score, known": (lambda: FOUND.score_test(X[:, :2] @ [[1.0], [2.0]]), "linear combinations"),
    "at": (lambda: FOUND.marginal_effects("mode"), "'average', 'mean', 'median'.*got 'mode'"),
    "at, columns": (lambda: FOUND.marginal_effects(X[:, :2]), "2 features"),
    "discrete": (lambda: FOUND.marginal_effects(discrete="sex"), "discrete names 'sex'"),
    "discrete, values": (
        lambda: FOUND.marginal_effects(discrete={"x0": (1, 1)}),
        "two different numbers",
    ),
    "discrete, text": (lambda: FOUND.marginal_effects(discrete={"x0": "no"}), "two different"),
    "median of a source": (
        lambda: fit(SOURCE, None).inference(SOURCE).marginal_effects("median"),
        "in memory.*at='average'",
    ),
    "p values of a posterior": (lambda: POSTERIOR.wald_test("x0"), "C=np.inf"),
    "score test of a posterior": (lambda: POSTERIOR.score_test(X[:, :1]), "C=np.inf"),
    "aic of a posterior": (lambda: POSTERIOR.aic, "aic is for fits without a penalty"),
    "lr of a posterior": (lambda: FOUND.lr_test(POSTERIOR), "lr_test is for fits without"),
    "adjusted r2 of a posterior": (lambda: POSTERIOR.pseudo_r2_adjusted, "C=np.inf"),
    "aic of class weights": (
        lambda: fit(class_weight={0: 2.0}).inference(X, Y).aic,
        "class_weight, give none. Use wald_test",
    ),
    "bic of sampling weights": (
        lambda: fit(weights=WEIGHTS).inference(X, Y, WEIGHTS, weights_are="sampling").bic,
        "bic needs a likelihood",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_answered_is_refused_with_the_way_out(name):
    ask, message = REFUSED[name]
    kinds = (ValueError, NotFittedError)
    with pytest.raises(kinds, match=re.compile(message, re.DOTALL)) as error:
        ask()
    assert not re.search(r"np\.\w+\(|nan", str(error.value))


def test_collinear_features_are_named_however_they_are_scaled():
    table = SUM.assign(total=1e9 * SUM["total"], other=NAMED["income"] * 3.0 - 1.0)
    with pytest.raises(ValueError, match="linear combinations") as error:
        fit(table).inference(table, Y)
    told = str(error.value)
    for of_one in ({"total", "age", "size"}, {"other", "income"}):
        assert of_one <= set(re.findall(r"'(\w+)'", told))
    assert "depth" not in told


def test_nothing_is_changed_by_inference_or_by_its_refusal():
    for model, is_refused in ((FITTED, False), (RIDGE, True)):
        before = dict(vars(model))
        try:
            model.inference(X, Y)
            assert not is_refused
        except ValueError:
            assert is_refused
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())


def test_what_is_not_known_of_separation_is_warned_of(monkeypatch):
    from softmax_reg.inference import requirements
    from softmax_reg.objective.separability import Existence

    monkeypatch.setattr(requirements, "existence_of_optimum", lambda *_: Existence.UNKNOWN)
    model = fit()
    model.converged_ = False
    with pytest.warns(UserWarning, match="not found out whether the likelihood has a maximum") as w:
        model.inference(X, Y)
    assert w[0].filename == __file__


def test_a_loaded_and_a_sparse_model_have_the_same_errors(tmp_path):
    FITTED.save(tmp_path / "model.npz")
    loaded = SoftmaxRegression.load(tmp_path / "model.npz")
    assert (loaded.inference(X, Y).se == FOUND.se).all()
    sparse = fit().sparsify()
    assert (sparse.inference(X, Y).se == FOUND.se).all()


def test_a_likelihood_is_compared_with_that_of_another_inference():
    with pytest.raises(TypeError, match=r"call its inference\(X, y\)"):
        FOUND.lr_test(FITTED)
