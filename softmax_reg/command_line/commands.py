"""What the commands do: from files to a model, from a model and files to probabilities."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from collections.abc import Callable
from os.path import exists
from typing import Any

import numpy as np

from softmax_reg._npz import storage
from softmax_reg._npz.files import check_folder
from softmax_reg.callbacks import Checkpoint, PrintProgress
from softmax_reg.dataset.csv_files import CSVSource
from softmax_reg.dataset.user_rows import batches_for
from softmax_reg.drop_in import laid_as_new, scoring_meant
from softmax_reg.estimator import SoftmaxRegression
from softmax_reg.inference.results import Table, in_words
from softmax_reg.model_selection import SoftmaxRegressionCV
from softmax_reg.model_selection.path_events import PrintPath
from softmax_reg.prediction import SoftmaxPredictor

__all__ = ["COMMANDS"]

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (SoftmaxRegression, SoftmaxRegressionCV)}
_SHOWN = {"max_rows": 40, "max_cols": 10, "line_width": 100, "float_format": "{:.4g}".format}


def fit(given: Namespace) -> bool:
    """Fit a model and write it; return whether Ctrl-C has ended the fit.

    Parameters
    ----------
    given : Namespace
        As `arguments.parsed` returns it.
    """
    check_folder(given.out, "--out")
    columns = {"columns": given.columns, "sample_weight": given.weights}
    encoding = {"categories": given.categories, "missing": given.missing}
    train = CSVSource(given.files, given.target, **columns, **encoding, **_format(given))
    model: Any = _model(given) if given.cv is None else _search(given)
    valid = {}
    if given.valid is not None:
        valid["X_val"] = CSVSource(given.valid, given.target, **columns, **_format(given))
    try:
        model.fit(train, **valid)
    except ValueError as error:
        if not hasattr(model, "_resumed"):
            raise
        raise ValueError(f"{error} To begin anew, remove {given.checkpoint}.") from error
    model.save(given.out)
    if not given.quiet:
        table = _overview(model)
        what, rows = "held-out accuracy" if valid else "accuracy", valid.get("X_val", train)
        table.rows[what] = f"{SoftmaxPredictor.score(model, rows):.4f}"
        table.rows["written to"] = given.out
        print(table)
    return str(getattr(model, "stop_reason_", "")).startswith("interrupted")


def predict(given: Namespace) -> bool:
    """Write the probabilities or the labels of the rows of files to standard output."""
    model = _load(given.model)
    source = CSVSource(given.files, None, **_format(given))
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["label"] if given.labels else model.classes_.tolist())
    for X, _, _ in batches_for(model, source):
        if given.labels:
            out.writerows([label] for label in model.predict(X).tolist())
        else:
            out.writerows(model.predict_proba(X).tolist())
    return False


def show(given: Namespace) -> bool:
    """Print how a model was fitted, and its coefficients."""
    model = _load(given.model)
    frame = model.coef_frame(intercept=True)
    if given.csv:
        frame.to_csv(sys.stdout, index_label="feature", lineterminator="\n")
        return False
    print(_overview(model))
    print("\nThe change of each score when a feature grows by 1:\n")
    print(frame.to_string(**_SHOWN))
    return False


COMMANDS: dict[str, Callable[[Namespace], bool]] = {"fit": fit, "predict": predict, "show": show}


def _format(given: Namespace) -> dict[str, Any]:
    """Return how the files are written, for `CSVSource`."""
    options = {} if given.decimal is None else {"decimal": given.decimal}
    return {"sep": "\t" if given.sep == "tab" else given.sep, "options": options}


def _parameters(given: Namespace, *names: str) -> dict[str, Any]:
    """Return the parameters that both kinds of model have, and those named, as far as given."""
    found = {name: getattr(given, name) for name in ("standardize", "max_iter", *names)}
    found |= {"random_state": 0, "class_weight": "balanced" if given.balanced else None}
    return {name: value for name, value in found.items() if value is not None}


def _model(given: Namespace) -> SoftmaxRegression:
    """Return a model to fit, or one that goes on where its checkpoint was written."""
    callbacks: list[Any] = [] if given.quiet else [PrintProgress(file=sys.stderr)]
    path = given.checkpoint
    callbacks += [] if path is None else [Checkpoint(path)]
    parameters = _parameters(given, "C", "l1_ratio", "early_stopping")
    model = SoftmaxRegression(**parameters, callbacks=callbacks)
    if path is None or not exists(path):
        return model
    print(f"softmax-reg: going on from {path}", file=sys.stderr)
    return SoftmaxRegression.resume(path, **model.get_params(deep=False))


def _search(given: Namespace) -> SoftmaxRegressionCV:
    ratios = None if given.l1_ratio is None else (given.l1_ratio,)
    callbacks = [] if given.quiet else [PrintPath(file=sys.stderr)]
    parameters = {"cv": given.cv, "l1_ratios": ratios, "callbacks": callbacks}
    return SoftmaxRegressionCV(**parameters, **_parameters(given))


def _load(path: str) -> Any:
    """Return the model in a file, of whichever class."""
    name = storage.read(path)[0].get("class")
    return _KINDS.get(str(name), SoftmaxRegression).load(path)


def _overview(model: Any) -> Table:
    if isinstance(model, SoftmaxRegression):
        return model.summary()
    found = laid_as_new(model, vars(model))
    scores, Cs, C = found["scores_"], found["Cs_"], found["C_"]
    rows = {
        "features": str(model.n_features_in_),
        "classes": in_words(model.classes_),
        "C": f"{C:.4g}, of {len(Cs)} from {Cs.min():.4g} to {Cs.max():.4g}",
        "l1_ratio": f"{found['l1_ratio_']:g}",
    }
    chosen = np.outer(found["l1_ratios_"] == found["l1_ratio_"], Cs == C)
    if chosen.any():  # else it is a mean over the folds
        score = scores.mean(axis=0)[chosen][0]
        rows["score"] = f"{score:.4f}, {scoring_meant(model.scoring)}, {len(scores)} folds"
    return Table(type(model).__name__, rows)
