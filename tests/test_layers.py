"""A module imports only from the left; scikit-learn and matplotlib stay where they belong."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import softmax_reg
from softmax_reg.solvers import SOLVERS

PACKAGE = Path(softmax_reg.__file__).parent
# From left to right.  A module of the package that is not here must be given its place.
LAYERS = [
    # packages, empty themselves
    {"_checks", "_npz", "dataset", "displays", "objective", "streaming"},
    {"persistence", "preconditioning"},
    {"_checks.shown", "_checks.scores", "_checks.one_hot", "_version"},
    {"_checks.rows", "_checks.labels", "_checks.weights"},
    {"_checks.wrapped"},
    {"_compat"},
    {"_npz.checks"},
    {"_npz.archive", "_npz.files", "_npz.headers"},
    {"functional", "penalties", "schedules", "_npz.storage"},
    {"dataset.*"},
    {"streaming.window"},
    {"objective.*"},
    {"preconditioning.*"},
    {"solvers.solver", "solvers.run_state", "solvers.events"},
    {"solvers.*"},  # one file for each method
    {"solvers.restarts"},
    {"solvers.promise"},
    {"solvers.endings"},
    {"solvers.minimize"},
    {"solvers"},
    {"callbacks.*"},
    {"callbacks"},
    {"streaming.laplace_objective", "streaming.feature_scale"},
    {"streaming.state_arrays", "streaming.hessian_storage"},
    {"streaming.online_newton"},
    {"persistence.parameters", "persistence.fingerprint", "persistence.fitted"},
    {"persistence.runs", "persistence.attributes", "persistence.searched"},
    {"persistence.models"},
    {"persistence.resumption"},
    {"results"},
    {"drop_in", "prediction"},
    {"streaming.fitted_rows", "streaming.events"},
    {"streaming.partial_fit"},
    {"estimator"},
    {"model_selection.*"},
    {"model_selection"},
    {"softmax_reg"},
]
# These read fitted attributes and know nothing of how they came about.
DISPLAYS = {
    "displays._accuracy",
    "displays._estimators",
    "displays._plotting",
    "displays.coefficient_display",
    "displays.loss_curve",
    "displays.loss_curve_display",
    "displays.softmax_display",
    "displays.path_display",
    "displays.cv_display",
}
MAY_IMPORT_SKLEARN = {"_compat", "estimator", "model_selection.softmax_regression_cv"}
DEPENDENCIES = {"numpy", "scipy", "sklearn", "pandas", "matplotlib", "threadpoolctl", "joblib"}
EXTRAS = {"IPython", "pyarrow"}  # a notebook has the former


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or "softmax_reg"


MODULES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
each_module = pytest.mark.parametrize("module", sorted(MODULES))


def is_for_types_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def nodes_run(tree, inside_functions=True):
    """Yield the nodes of what is run, leaving out what only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types_only(node):
            continue
        yield node
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if inside_functions or not is_function:
            yield from nodes_run(node, inside_functions)


@cache
def imported_by(module, inside_functions=True):
    """Return the full names of the modules that a module imports."""
    found = set()
    for node in nodes_run(MODULES[module], inside_functions):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            found.add(node.module)
            found |= {
                f"{node.module}.{alias.name}"
                for alias in node.names
                if f"{node.module}.{alias.name}".removeprefix("softmax_reg.") in MODULES
            }
    return found


@cache
def within(module):
    """Return the modules of the package that a module imports."""
    ours = {name for name in imported_by(module) if name.split(".")[0] == "softmax_reg"}
    return {name.removeprefix("softmax_reg.") for name in ours} - {"softmax_reg"}


def layer_of(module):
    if "." in module and not any(module in layer for layer in LAYERS):
        module = module.split(".")[0] + ".*"
    places = [place for place, layer in enumerate(LAYERS) if module in layer]
    assert places, f"{module} has no place in the layers: give it one in LAYERS above"
    return places[0]


def test_the_walk_sees_the_imports_it_should():
    assert {"numpy", "softmax_reg.objective.objective"} <= imported_by("preconditioning.choose")
    assert "objective.objective" in within("preconditioning.choose")
    assert "estimator" in within("softmax_reg")


@each_module
def test_a_module_imports_only_from_the_left(module):
    if module in DISPLAYS:
        assert within(module) <= DISPLAYS | {"functional", "_checks.scores", "_checks.shown"}
        return
    for other in within(module):
        if module == "softmax_reg" and other in DISPLAYS:
            continue
        assert other not in DISPLAYS, f"{module} imports {other}"
        assert layer_of(other) <= layer_of(module), f"{module} imports {other}"


def test_no_module_imports_itself_in_a_circle():
    graph = {module: within(module) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


@each_module
def test_scikit_learn_is_imported_only_where_its_conventions_are_known(module):
    tops = {name.split(".")[0] for name in imported_by(module)}
    if module not in MAY_IMPORT_SKLEARN:
        assert "sklearn" not in tops


@each_module
def test_no_property_is_that_of_functools_which_computes_under_a_lock(module):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ImportFrom) and node.module == "functools":
            assert "cached_property" not in {alias.name for alias in node.names}
        assert not (isinstance(node, ast.Attribute) and node.attr == "cached_property")


@each_module
def test_matplotlib_is_imported_only_inside_functions_of_displays(module):
    at_import = {name.split(".")[0] for name in imported_by(module, inside_functions=False)}
    assert "matplotlib" not in at_import
    if module not in DISPLAYS:
        assert "matplotlib" not in {name.split(".")[0] for name in imported_by(module)}


@each_module
def test_nothing_is_imported_that_is_not_declared(module):
    tops = {name.split(".")[0] for name in imported_by(module)}
    assert tops - set(sys.stdlib_module_names) <= DEPENDENCIES | EXTRAS | {"softmax_reg"}


def test_importing_the_package_does_not_import_matplotlib():
    code = (
        "import sys, softmax_reg; "
        "sys.exit(sorted(m for m in sys.modules if m.split('.')[0] == 'matplotlib') or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nothing_in_the_package_asks_for_the_name_of_the_solver_outside_the_registry():
    for module, tree in MODULES.items():
        if module in ("solvers", "solvers.registry"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                names = set(SOLVERS)
                constants = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)}
                assert not names & constants, f"{module}: {ast.unparse(node)}"


@pytest.mark.parametrize("name", softmax_reg.__all__)
def test_every_public_name_is_there(name):
    assert getattr(softmax_reg, name).__doc__
