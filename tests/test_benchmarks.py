"""The benchmark harness runs at toy size; nothing here measures anything."""

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegressionCV
from test_glmnet import installed_glmnet

from softmax_reg import SoftmaxRegression

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(
    not (ROOT / "benchmarks").is_dir(), reason="the benchmarks are not part of an installation"
)


def run_module(*arguments):
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    environment.pop("SOFTMAX_REG_DATA", None)
    done = subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def harness():
    """The modules, imported as from the repository's root."""
    sys.path.insert(0, str(ROOT))
    try:
        from benchmarks import contenders, ladders, measure, objective, problems, report, run

        modules = (contenders, ladders, measure, objective, problems, report, run)
        yield {module.__name__.split(".")[1]: module for module in modules}
    finally:
        sys.path.remove(str(ROOT))


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_the_harness_computes_the_objective_that_the_package_records(harness, load):
    X, y = load(return_X_y=True)
    model = SoftmaxRegression().fit(X, y)
    for rows in (X, sp.csr_matrix(X)):
        value = harness["objective"].objective(rows, y, model.coef_.T, model.intercept_)
        assert value == pytest.approx(model.loss_curve_[-1], rel=1e-12)


def test_every_contender_minimises_the_same_objective(harness):
    objective, setting = harness["objective"].objective, harness["ladders"].Setting
    for name in ("iris_std", "breast_cancer_std"):
        X, y = harness["problems"].registry(None)[name].load(True)
        model = SoftmaxRegression(tol=1e-10).fit(X, y)
        lowest = objective(X, y, model.coef_.T, model.intercept_)
        for contender in harness["contenders"].contenders().values():
            if "saga" in contender.name or "adam" in contender.name or "sgd" in contender.name:
                continue  # too slow for a test
            if contender.needs == "sklearnex":
                continue  # its import patches are not for the process of the tests
            fitted = contender.fit(X, y, setting(1e-7, 500))
            value = objective(X, y, fitted.W, fitted.b)
            assert lowest * (1.0 - 1e-9) <= value <= lowest * (1.0 + 1e-5), contender.name


def test_every_problem_has_a_toy_version_with_all_codes(harness):
    for problem in harness["problems"].registry(None).values():
        X, y = problem.load(True)
        assert X.shape[0] == len(y) <= 500
        np.testing.assert_array_equal(np.unique(y), np.arange(y.max() + 1))
        values = X.data if sp.issparse(X) else X
        assert np.isfinite(values).all()


@pytest.mark.slow
def test_a_fit_beyond_the_limit_is_killed_and_the_next_one_runs(harness):
    task = harness["measure"].Task("iris", None, True, 1)
    worker, setting = harness["measure"].Worker(task), harness["ladders"].Setting
    try:
        killed = worker.fit("sklearn-saga", setting(1e-15, 10_000_000), 0.3)
        assert killed.status == "timeout"
        assert killed.seconds < 2.0
        after = worker.fit("sklearn-lbfgs", setting(1e-4, 5), 30.0)
        assert after.status == "ok"
        assert np.isfinite(after.objective)
    finally:
        worker.close()


def test_the_report_replaces_what_stands_between_its_markers(harness, tmp_path):
    report, page = harness["report"], tmp_path / "README.md"
    page.write_text(f"before {report.BEGIN} old {report.END} after", encoding="utf-8")
    for text in ("new", "newer"):
        report.insert(page, text)
    content = page.read_text(encoding="utf-8")
    assert content == f"before {report.BEGIN}\n\nnewer\n{report.END} after"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(ValueError, match="must hold each of"):
        report.insert(page, "text")


@pytest.mark.slow
def test_a_toy_run_writes_csv_tables_and_picture_and_resumes(harness, tmp_path, capsys):
    options = [
        "--toy", "--problems", "iris,text", "--threads", "1", "--repeats", "1",
        "--rivals", "sklearn-lbfgs,sklearn-newton-cholesky", "--time-limit", "2.0",
        "--out", str(tmp_path),
    ]  # fmt: skip
    assert "Geometric mean" in run_module("benchmarks.run", *options)
    results = (tmp_path / "results.csv").read_text()
    assert results.startswith("# command: python -m benchmarks.run --problems iris,text")
    assert str(tmp_path) not in results
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    for expected in ("| iris |", "| text |", "sklearn-lbfgs", "BLAS", "load average"):
        assert expected in text
    assert (tmp_path / "time_to_accuracy.png").stat().st_size > 10_000

    assert harness["run"].main([*options, "--resume"]) == 0
    assert " fits in " not in capsys.readouterr().out  # both problems were complete
    resumed = (tmp_path / "results.csv").read_text()
    assert _rows(resumed) == _rows(results)
    first, then = (text.splitlines()[0] for text in (results, resumed))
    assert (
        then
        == f"{first}; then {first.removeprefix('# command: ').replace(' --toy', ' --resume --toy')}"
    )


@pytest.mark.slow
def test_a_toy_run_of_the_stochastic_methods_writes_lines_tables_and_picture(tmp_path):
    options = ["--toy", "--problems", "iris,text", "--untuned", "text", "--out", tmp_path]
    run_module("benchmarks.stochastic", *options)
    lines = (tmp_path / "stochastic.csv").read_text()
    assert lines.startswith("problem,contender,kind,setting,passes,seconds,objective")
    assert "iris,MLPClassifier adam,tuned,learning_rate_init=" in lines
    text = (tmp_path / "stochastic.md").read_text(encoding="utf-8")
    for expected in ("| iris |", "| text |", "SGDClassifier, tuned", "geometric mean", "BLAS"):
        assert expected in text
    assert (tmp_path / "stochastic.png").stat().st_size > 10_000


def test_every_visit_of_a_row_counts_as_a_share_of_a_pass(harness):
    from benchmarks.passes import counted
    from softmax_reg.dataset.row_blocks import RowBlocks

    X = np.ones((100, 3))
    with counted(100) as passes:
        rows = RowBlocks(X, 2, n_threads=1)
        rows.reduce(lambda block, part: (block.sum(axis=0),))
        assert [len(part) for part, _ in rows.take(np.arange(30))] == [30]
    assert float(passes) == 1.3
    list(rows.take(np.arange(30)))
    assert float(passes) == 1.3


def _rows(text):
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("benchmarks.precision", "--toy", "--repeats", "1"),
        ("benchmarks.pass_speed", "--rows", "100", "--features", "5", "--repeats", "1"),
        ("benchmarks.memory", "--rows", "200", "--features", "5", "--solvers", "lbfgs"),
    ],
    ids=lambda arguments: arguments[0].rpartition(".")[2],
)
def test_a_measurement_prints_one_full_table(arguments):
    lines = [line for line in run_module(*arguments).splitlines() if line.startswith("|")]
    assert len(lines) > 2
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.slow
def test_the_streaming_benchmark_prints_its_two_tables():
    printed = run_module("benchmarks.streaming", "--toy", "--problems", "iris,text")
    for expected in ("| iris |", "| text |", "**geometric mean**", "| 16, 7 | 1024 |"):
        assert expected in printed
    assert "nan" not in printed


@pytest.mark.slow
@pytest.mark.skipif(
    "use_legacy_attributes" not in LogisticRegressionCV().get_params(),
    reason="version: the rival gives its whole path since a later version of scikit-learn",
)
def test_a_toy_race_of_paths_writes_a_table(harness, monkeypatch, tmp_path):
    from benchmarks import path

    order = {"problem": "wide", "data": None, "toy": True, "name": "path"}
    assert path._process(order, 300.0).keys() == path._one(order).keys()
    # A process for each of the thirty fits would spend its time on imports.
    monkeypatch.setattr(path, "_process", lambda order, time_limit: path._one(order))
    out = tmp_path / "path.md"
    path.main(["--toy", "--problems", "iris", "--time-limit", "1.0", "--out", str(out)])
    text = out.read_text(encoding="utf-8")
    for expected in ("| iris | ridge |", "| iris | lasso |", "| 40 | 80 |", "geometric mean"):
        assert expected in text


@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_glmnet_fits_the_grid_of_the_race_of_paths(harness, l1_ratio):
    installed_glmnet()
    from benchmarks.path import _measure_cv

    X, y = harness["problems"].registry(None)["iris_std"].load(True)
    ours, theirs = (
        _measure_cv(X, y, {"name": name, "tol": 1e-10, "max_iter": 1000, "l1_ratio": l1_ratio})
        for name in ("softmax_reg", "glmnet")
    )
    np.testing.assert_allclose(theirs["values"], ours["values"], rtol=1e-7)


@pytest.mark.slow
def test_the_l1_benchmark_writes_tables_with_all_contenders(tmp_path):
    out = tmp_path / "l1.md"
    printed = run_module(
        "benchmarks.l1", "--toy", "--problems", "iris_std,text", "--time-limit", "0.2",
        "--out", out,
    )  # fmt: skip
    page = out.read_text(encoding="utf-8")
    assert page.strip() in printed
    elastic_net = page.partition("## Group lasso")[0]
    assert elastic_net.count("| iris_std |") == elastic_net.count("| text |") == 4
    for expected in ("saga 1e-06", "best rival / softmax_reg 1e-04", "BLAS", "| all | 8 |"):
        assert expected in elastic_net + page[page.rindex("At their tightest") :]
    rows = [line.split("|") for line in elastic_net.splitlines() if "| iris_std |" in line]
    assert all(float(row[5]) > 0.0 for row in rows)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iris_std", "breast_cancer_std"])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_contenders_of_the_l1_benchmark_minimise_the_same_objective(harness, name, l1_ratio):
    from benchmarks import l1_contenders as l1

    X, y = harness["problems"].registry(None)[name].load(False)
    shape = harness["contenders"].Shape(*X.shape, int(y.max()) + 1, False)
    lowest = {}
    for contender in l1.contenders().values():
        for penalty in contender.penalties if contender.suits(shape) else ():
            case = l1.Case(0.2, l1_ratio, penalty)
            effort = 20_000 if contender.counts_iterations else contender.efforts[-1]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of saga, which is near; of numba
                found = l1.value(X, y, case, *contender.fit(X, y, case, effort))
            assert found == pytest.approx(lowest.setdefault(penalty, found), rel=1e-8)
    assert set(lowest) == {l1.ELASTIC_NET, l1.GROUP_LASSO}


def test_what_came_of_a_race_is_told_as_it_was(harness):
    from benchmarks import l1_report
    from benchmarks.l1_contenders import Case

    problem = harness["problems"].registry(None)["iris"]
    shape, case = harness["contenders"].Shape(150, 4, 3, False), Case(1.0, 0.5)
    inf, times = np.inf, l1_report.Times
    each = [
        {"softmax_reg": times([1.0, 2.0], 9.0), "saga": times([3.0, 9.0], 9.0)},
        {"softmax_reg": times([1.0, 1.0], 9.0), "saga": times([0.5, inf], 4.0)},
        {"softmax_reg": times([1.0, inf], 9.0), "saga": times([inf, inf], 10.0)},
    ]
    results = [l1_report.Result(problem, shape, case, one, 1e-12) for one in each]
    page = l1_report.report(results, 10.0, {"BLAS": "none"}, "--toy")
    rows = [line.replace(" ", "").split("|")[1:-1] for line in page.splitlines() if "|" in line]
    assert ["all", "3", ">2.5(0.5)", ">4.2(4)", ">2.5(0.5)", ">4.2(4)", "1and0"] in rows
    ends = [row[-2:] for row in rows if row[0] == "iris"]
    assert ends == [["3", "4.5"], ["0.5", ">4"], [">10", "–"]]
    cells = [row[6:8] for row in rows if row[0] == "iris"]
    assert cells == [["3", "9"], ["0.5", "stops"], [">10", ">10"]]
    assert "at most 1e-12 above" in page


@pytest.mark.slow
def test_the_sparse_prediction_benchmark_prints_a_row_for_each_share():
    page = run_module("benchmarks.sparse_prediction", "--toy")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 5
    counts = [int(row[1]) for row in rows]
    assert counts == sorted(counts, reverse=True)


@pytest.mark.slow
def test_the_benchmark_of_gram_matrices_prints_a_row_for_each_density():
    page = run_module("benchmarks.gram_costs", "--toy")
    rows = [line.split("|") for line in page.splitlines() if line.startswith("| ")][2:8]
    assert len(rows) == 6
    assert {row[5].strip() for row in rows} == {"sparse", "dense"}


@pytest.mark.slow
def test_the_benchmark_of_inference_prints_a_row_for_each_covariance():
    page = run_module("benchmarks.inference_speed", "--rows", 500, "--features", 5, "--repeats", 1)
    rows = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][2:]
    assert rows == ["nonrobust", "HC1"]
