"""The command `softmax-reg`: what it writes where, what it tells, and the status it ends with."""

import csv
import io
import os
import subprocess
import sys
import tomllib
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pages import ROOT
from sklearn.datasets import load_breast_cancer, load_wine

from softmax_reg import CSVSource, SoftmaxRegression, SoftmaxRegressionCV
from softmax_reg.command_line import commands, main

LABELS = np.array(["red", "white", "rosé, old"])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be in a folder with the files of a table: to train on, to validate, to predict."""
    frame = load_wine(as_frame=True).frame
    frame["kind"] = LABELS[frame.pop("target")]
    frame = frame.sample(frac=1.0, random_state=0)
    frame[:130].to_csv(tmp_path / "train.csv", index=False)
    frame[130:].to_csv(tmp_path / "valid.csv", index=False)
    frame[130:].drop(columns="kind").to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


FIT = ["fit", "train.csv", "--target", "kind", "--out", "model.npz"]


def written(text):
    """Return the header and the rows of a CSV table."""
    header, *rows = csv.reader(io.StringIO(text))
    return header, rows


def test_a_fit_writes_the_model_and_predict_its_probabilities(folder, capsys):
    assert main([*FIT, "--valid", "valid.csv"]) == 0
    told = capsys.readouterr()
    assert "iteration    0" in told.err
    assert "held-out accuracy" in told.out
    assert "iteration  " not in told.out
    model = SoftmaxRegression.load("model.npz")
    expected = SoftmaxRegression(random_state=0).fit(CSVSource("train.csv", "kind"))
    assert_array_equal(model.coef_, expected.coef_)
    new = CSVSource("new.csv", target=None)
    for name in ("new.csv", "valid.csv"):  # the column of the labels is no feature
        assert main(["predict", "model.npz", name]) == 0
        header, rows = written(capsys.readouterr().out)
        assert header == sorted(LABELS) == model.classes_.tolist()
        assert_array_equal(np.array(rows, dtype=float), model.predict_proba(new))
    assert main(["predict", "model.npz", "new.csv", "--labels"]) == 0
    header, rows = written(capsys.readouterr().out)
    assert header == ["label"]
    assert [row for (row,) in rows] == model.predict(new).tolist()


def test_two_classes_have_two_columns(folder, capsys):
    load_breast_cancer(as_frame=True).frame.to_csv("train.csv", index=False)
    fit = ["fit", "train.csv", "--target", "target", "--out", "model.npz", "--quiet"]
    assert main(fit) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["predict", "model.npz", "train.csv"]) == 0
    header, rows = written(capsys.readouterr().out)
    assert header == ["0", "1"]
    assert_allclose(np.array(rows, dtype=float).sum(axis=1), 1.0)


def test_every_parameter_reaches_the_model(folder):
    given = "--C 0.5 --l1-ratio 0.25 --standardize --balanced --max-iter 500 --early-stopping"
    assert main([*FIT, *given.split(), "--columns", "ash,hue", "--quiet"]) == 0
    model = SoftmaxRegression.load("model.npz")
    expected = {
        "C": 0.5,
        "l1_ratio": 0.25,
        "standardize": True,
        "class_weight": "balanced",
        "max_iter": 500,
        "early_stopping": True,
        "random_state": 0,
    }
    assert expected.items() <= model.get_params().items()
    assert model.feature_names_in_.tolist() == ["ash", "hue"]
    assert main([*FIT, "--C", "inf", "--max-iter", "1", "--quiet"]) == 3
    assert SoftmaxRegression.load("model.npz").C == np.inf


@pytest.mark.parametrize("more", [[], ["--valid", "odd.csv"]])
def test_text_gaps_marks_and_weights(folder, capsys, more):
    frame = pd.read_csv("train.csv")
    frame["place"] = np.resize(["north", "south", None], len(frame))
    frame.loc[3, "ash"] = np.nan
    frame["times"] = np.resize([1.0, 2.0], len(frame))
    frame.to_csv("odd.csv", index=False, sep=";", decimal=",")
    marks = ["--sep", ";", "--decimal", ","]
    table = ["--categories", "place", "--missing", "mean", "--weights", "times"]
    assert main(["fit", "odd.csv", *FIT[2:], *marks, *table, *more]) == 0
    model = SoftmaxRegression.load("model.npz")
    assert {"place_north", "place_south"} < set(model.feature_names_in_)
    assert "times" not in model.feature_names_in_
    capsys.readouterr()
    assert main(["predict", "model.npz", "odd.csv", *marks]) == 0
    _, rows = written(capsys.readouterr().out)
    assert len(rows) == len(frame)
    frame.to_csv("odd.csv", index=False, sep="\t")
    assert main(["fit", "odd.csv", *FIT[2:], "--sep", "tab", *table, "--quiet"]) == 0
    auto = ["--categories", "auto", "--missing", "0"]
    assert main(["fit", "odd.csv", *FIT[2:], "--sep", "tab", *auto, "--quiet"]) == 0


@pytest.mark.parametrize("folds", [[], ["3"]])
def test_cross_validation_chooses_C(folder, capsys, folds):
    assert main([*FIT, "--max-iter", "200", "--cv", *folds]) == 0
    told = capsys.readouterr()
    assert "fold 1/" in told.err
    model = SoftmaxRegressionCV.load("model.npz")
    assert len(model.scores_) == int(folds[0] if folds else 5)
    assert main(["show", "model.npz"]) == 0
    shown = capsys.readouterr().out
    assert f"{model.C_:.4g}, of 10" in shown
    assert f"{model.scores_.mean(axis=0).max():.4f}, neg_log_loss" in shown
    assert main(["predict", "model.npz", "new.csv"]) == 0
    assert len(written(capsys.readouterr().out)[1]) == 48


@pytest.mark.parametrize(
    "params", [{"refit": False}, {"use_legacy_attributes": True}, {"l1_ratios": [0.5, 1.0]}]
)
def test_any_search_is_shown(folder, capsys, params):
    search = SoftmaxRegressionCV(Cs=[0.1, 1.0], cv=3, tol=1e-4, **params)
    search.fit(CSVSource("train.csv", "kind")).save("model.npz")
    assert main(["show", "model.npz"]) == 0
    assert "l1_ratio" in capsys.readouterr().out


def test_show_prints_the_fit_and_the_coefficients(folder, capsys):
    main([*FIT, "--quiet"])
    model = SoftmaxRegression.load("model.npz")
    assert main(["show", "model.npz"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(repr(model.summary()))
    assert "proline" in shown
    assert main(["show", "model.npz", "--csv"]) == 0
    header, table = written(capsys.readouterr().out)
    assert header == ["feature", *model.classes_]
    expected = model.coef_frame(intercept=True)
    assert [name for name, *_ in table] == expected.index.to_list()
    assert_array_equal(np.array([row[1:] for row in table], dtype=float), expected)


def test_the_same_command_again_goes_on_from_the_checkpoint(folder, capsys):
    assert main([*FIT, "--quiet"]) == 0
    whole = SoftmaxRegression.load("model.npz")
    again = [*FIT, "--checkpoint", "fit.npz"]
    assert main([*again, "--max-iter", "12"]) == 3
    capsys.readouterr()
    assert main(again) == 0
    assert "going on from fit.npz" in capsys.readouterr().err
    assert_array_equal(SoftmaxRegression.load("model.npz").coef_, whole.coef_)
    for other in (["--C", "2"], ["--valid", "valid.csv"], ["--columns", "ash"]):
        assert main([*again, *other]) == 2
        message = capsys.readouterr().err.splitlines()[-1]
        assert message.startswith("softmax-reg: error: ")
        assert message.endswith("To begin anew, remove fit.npz.")


def test_a_fit_that_does_not_converge_ends_with_3_and_writes_the_model(folder, capsys):
    assert main([*FIT, "--max-iter", "3", "--quiet"]) == 3
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("softmax-reg: warning: LBFGS did not converge")
    assert not SoftmaxRegression.load("model.npz").converged_
    assert main([*FIT, "--max-iter", "1", "--cv", "2", "--quiet"]) == 3
    assert main([*FIT, "--quiet"]) == 0  # one warning does not hide the next


WRONG = {
    "no file": (["fit", "train2.csv", *FIT[2:]], "no file train2.csv"),
    "no column": ([*FIT, "--columns", "ash,hug"], "no column 'hug' in train.csv"),
    "no folder": ([*FIT[:-1], "nowhere/model.npz"], "nowhere/model.npz: --out needs a folder"),
    "a folder": ([*FIT[:-1], "."], "--out needs the path of a file"),
    "no checkpoint": ([*FIT, "--checkpoint", "nowhere/fit.npz"], "nowhere/fit.npz"),
    "text": ([*FIT[:2], "--target", "ash", "--out", "model.npz"], "kind"),
    "no model": (["predict", "model2.npz", "new.csv"], "model2.npz: No such file"),
    "another file": (["show", "train.csv"], "'train.csv' is not a softmax_reg file"),
    "a checkpoint": (["show", "fit.npz"], "'fit.npz' holds a checkpoint"),
    "no rows": (["predict", "model.npz", "empty.csv"], "empty.csv: the file is empty"),
    "no feature": (["predict", "model.npz", "short.csv"], "no column"),
    "a gap": (["predict", "model.npz", "gap.csv"], "NaN in column 'hue'"),
    "no number": (["predict", "model.npz", "word.csv"], "line 3 of word.csv"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_in_one_line_and_ends_with_2(folder, capsys, case):
    main([*FIT, "--quiet", "--checkpoint", "fit.npz"])
    new = pd.read_csv("new.csv", dtype=object)
    new.drop(columns="hue").to_csv("short.csv", index=False)
    for name, value in {"gap.csv": None, "word.csv": "none of them"}.items():
        new.assign(hue=[new["hue"][0], value, *new["hue"][2:]]).to_csv(name, index=False)
    (folder / "empty.csv").touch()
    before = (folder / "model.npz").read_bytes()
    capsys.readouterr()
    arguments, message = WRONG[case]
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("softmax-reg: error: ")
    assert message in line
    assert (folder / "model.npz").read_bytes() == before


USAGE = {
    "nothing": ([], "COMMAND"),
    "no target": (FIT[:2], "--target"),
    "C": ([*FIT, "--C", "-1"], "must be a positive number, got '-1'"),
    "C, text": ([*FIT, "--C", "small"], "must be a positive number, got 'small'"),
    "share": ([*FIT, "--l1-ratio", "2"], "must be a number from 0 to 1, got '2'"),
    "iterations": ([*FIT, "--max-iter", "0"], "at least 1, got '0'"),
    "folds": ([*FIT, "--cv", "1.5"], "at least 2, got '1.5'"),
    "missing": ([*FIT, "--missing", "median"], "must be mean or a number"),
    "C and cv": ([*FIT, "--C", "1", "--cv"], "--cv chooses C: leave --C out"),
    "checkpoint and cv": ([*FIT, "--checkpoint", "f.npz", "--cv"], "leave --checkpoint out"),
    "stopping and cv": ([*FIT, "--early-stopping", "--cv"], "leave --early-stopping out"),
    "abbreviated": ([*FIT, "--stand"], "unrecognized arguments: --stand"),
}


@pytest.mark.parametrize("case", USAGE)
def test_wrong_usage_ends_with_2(folder, capsys, case):
    arguments, message = USAGE[case]
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
    assert not (folder / "model.npz").exists()


def test_ctrl_c_keeps_what_the_fit_has_reached(folder, capsys, monkeypatch):
    def interrupt(self, progress):
        if progress.n_iter == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(commands.PrintProgress, "__call__", interrupt)
    assert main(FIT) == 130
    assert "interrupted" in capsys.readouterr().err
    assert SoftmaxRegression.load("model.npz").n_iter_[0] == 5


def test_ctrl_c_elsewhere_is_told_in_one_line(folder, capsys, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "CSVSource", interrupt)
    assert main(FIT) == 130
    assert capsys.readouterr().err == "softmax-reg: interrupted\n"


def test_the_help_names_every_status_and_has_an_example_of_each_command(capsys):
    for command in ([], ["fit"], ["predict"], ["show"]):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        assert all(f"\n  {status} " in text for status in (0, 2, 3, 130, 141))
        if not command:
            assert all(f"softmax-reg {name}" in text for name in commands.COMMANDS)
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    assert all(f"| {status} |" in page for status in (0, 2, 3, 130, 141))


def run(*arguments):
    code = [sys.executable, "-W", "error", "-m", "softmax_reg", *arguments]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    options = {"env": {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}}
    return subprocess.Popen(code, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.mark.skipif(os.name == "nt", reason="platform: a closed pipe is another error")
def test_as_a_process_it_streams_and_ends_when_nobody_reads(folder):
    done = run(*FIT)
    _, err = done.communicate()
    assert done.returncode == 0, err
    new = pd.read_csv("new.csv")
    pd.concat([new] * 200).to_csv("long.csv", index=False)
    process = run("predict", "model.npz", "long.csv")
    assert process.stdout.readline().decode("utf-8").startswith("red")
    process.stdout.close()
    assert process.stderr.read().decode() == "softmax-reg: the reader of the output was closed\n"
    process.stderr.close()
    assert process.wait() == 141


def test_the_installed_command_is_the_same_function():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, function = project["scripts"]["softmax-reg"].partition(":")
    assert getattr(import_module(module), function) is main
