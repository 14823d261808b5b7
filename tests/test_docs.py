"""What the docstrings say of parameters is what the signatures say."""

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
import sklearn
from pages import ROOT, table_rows
from sklearn.utils.fixes import parse_version

import softmax_reg
from softmax_reg.callbacks import Checkpoint, EarlyStopping, LossLogger, PrintProgress
from softmax_reg.penalties import Penalty
from softmax_reg.schedules import Schedule
from softmax_reg.solvers import SOLVERS
from softmax_reg.solvers.parameter_constraints import SolverName

PACKAGE = Path(softmax_reg.__file__).parent
PUBLIC = [getattr(softmax_reg, name) for name in softmax_reg.__all__]
FIELDS_DOCUMENTED = [softmax_reg.SoftmaxRegression, *SOLVERS.values()]


def callables():
    """Yield every public class and its public methods, by name."""
    hooks = [Checkpoint, EarlyStopping, LossLogger, PrintProgress]
    kinds = [*SOLVERS.values(), *Penalty.__subclasses__(), *Schedule.__subclasses__()]
    for kind in [*PUBLIC, *hooks, *kinds]:
        yield kind.__name__, kind
        for name, member in vars(kind).items():
            function = member.__func__ if isinstance(member, classmethod) else member
            if inspect.isfunction(function) and not name.startswith("_"):
                yield f"{kind.__name__}.{name}", function


CALLABLES = dict(callables())


def section(doc, title):
    """Return the lines of a numpydoc section, without indentation."""
    lines = inspect.cleandoc(doc or "").splitlines()
    for i, line in enumerate(lines[:-1]):
        if line == title and set(lines[i + 1]) == {"-"}:
            body = []
            for here, below in zip(lines[i + 2 :], [*lines[i + 3 :], ""], strict=True):
                if below and set(below) == {"-"}:
                    break
                body.append(here)
            return body
    return []


def documented(function):
    """Return {parameter: description of its type} of the section Parameters."""
    found = {}
    for line in section(function.__doc__, "Parameters"):
        if match := re.fullmatch(r"(\S[^:]*?) : (.*)", line):
            found.update(dict.fromkeys(re.split(r",\s*", match[1].replace("*", "")), match[2]))
        elif line and not line.startswith(" "):
            found.update(dict.fromkeys(re.split(r",\s*", line.replace("*", "")), ""))
    return found


def default_in(description):
    """Return the default that a description states, or `inspect.Parameter.empty`."""
    match = re.search(r"default=(.+)$", description)
    if match is None:
        return inspect.Parameter.empty
    try:
        return ast.literal_eval(match[1])
    except (ValueError, SyntaxError):
        pytest.fail(f"default={match[1]} is no literal")


WITH_PARAMETERS = [
    name for name, item in CALLABLES.items() if documented(item) or item in FIELDS_DOCUMENTED
]


def test_the_documented_parameters_and_defaults_are_those_of_the_signature():
    for name in WITH_PARAMETERS:
        function = CALLABLES[name]
        stated = documented(function)
        parameters = {
            parameter: p
            for parameter, p in inspect.signature(function).parameters.items()
            if parameter not in ("self", "cls")
        }
        assert list(stated) == list(parameters), name
        for parameter, p in parameters.items():
            if stated[parameter] or p.default is not p.empty:
                described, where = default_in(stated[parameter]), f"{name}, {parameter}"
                assert described == p.default, f"{where}: {described!r}, not {p.default!r}"
                assert type(described) is type(p.default) or described is p.empty, where


def test_every_public_name_is_documented():
    for name, item in CALLABLES.items():
        if "." in name and item.__doc__ is None:
            owner, method = name.split(".")
            bases = CALLABLES[owner].__mro__[1:]
            assert any(getattr(vars(b).get(method), "__doc__", None) for b in bases), name
        else:
            assert item.__doc__, name


def test_every_fitted_attribute_is_documented_and_the_other_way_round(tmp_path):
    from sklearn.datasets import load_iris

    load_iris(as_frame=True).frame.to_csv(tmp_path / "iris.csv", index=False)
    source = softmax_reg.CSVSource(tmp_path / "iris.csv", "target", missing="mean")
    model = softmax_reg.SoftmaxRegression(
        early_stopping=True, random_state=0, standardize=True
    ).fit(source)
    fitted = {name for name in vars(model) if name.endswith("_") and not name.startswith("_")}
    lines = section(type(model).__doc__, "Attributes")
    stated = {m[1] for line in lines if (m := re.match(r"(\w+_) : ", line))}
    assert stated == fitted


def test_the_documentation_names_no_solver_that_there_is_not():
    text = " ".join(section(softmax_reg.SoftmaxRegression.__doc__, "Parameters"))
    sentence = text.partition('`softmax_reg.solvers.SOLVERS`: "')[2].partition("among them")[0]
    named = re.findall(r"[a-z-]+", sentence.replace('", "', " "))
    assert len(named) > 5
    assert set(named) <= set(SOLVERS)


def test_completion_offers_the_public_names_alone_and_the_map_names_them():
    offered = dir(softmax_reg)
    assert set(softmax_reg.__all__) < set(offered)
    assert all(not name.startswith("_") for name in offered if name != "__version__")
    for name in set(offered) - {"__version__"}:
        assert hasattr(softmax_reg, name)
        assert f"`{name}`" in softmax_reg.__doc__


def test_editors_offer_no_name_of_a_solver_that_is_not_taken():
    foreign = {"liblinear", "sag", "saga"}
    assert {"auto", "lbfgs"} | foreign < set(get_args(SolverName)) <= {"auto", *SOLVERS} | foreign


@pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.8"),
    reason="version: tooltips came with scikit-learn 1.8",
)
def test_the_html_of_an_estimator_explains_its_parameters():
    for kind in (softmax_reg.SoftmaxRegression, softmax_reg.SoftmaxRegressionCV):
        html = kind()._repr_html_()
        for described in documented(kind):
            assert f"{described}" in html
        assert html.count('class="param-doc-description"') >= len(documented(kind))


def test_the_page_on_the_architecture_has_each_room_and_what_its_docstring_says():
    rows = dict(table_rows(ROOT / "docs" / "architecture.md", "folder or module")[1:])
    told = {name.strip(" `"): text for names, text in rows.items() for name in names.split(",")}
    rooms = {
        p.stem if p.is_file() else p.name for p in PACKAGE.iterdir() if p.suffix in ("", ".py")
    }
    assert set(told) == rooms - {"__init__", "__pycache__"}
    for room in (path.parent for path in PACKAGE.glob("*/__init__.py")):
        if not room.name.startswith("_"):
            summary = ast.parse((room / "__init__.py").read_text("utf-8"))
            assert ast.get_docstring(summary).splitlines()[0] == told[room.name]


def test_there_is_one_version_and_a_report_of_a_fault_begins_with_it(capsys):
    version = softmax_reg.__version__
    softmax_reg.show_versions()
    assert capsys.readouterr().out.startswith(f"softmax_reg: {version}\n")
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert "version" in project["dynamic"]
