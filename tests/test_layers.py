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
# The rooms from left to right: one imports only from those before it, and from itself.
ROOMS = (
    {"_checks"},
    {"_compat", "_npz"},
    {"_version"},
    {"functional", "penalties", "schedules"},
    {"dataset"},
    {"objective"},
    {"preconditioning"},
    {"solvers"},
    {"callbacks"},
    {"drop_in"},
    {"inference"},
    {"conversion"},
    {"prediction"},
    {"streaming"},
    {"persistence"},
    {"estimator"},
    {"model_selection"},
    {"onnx"},
    {"command_line"},
    {"__main__"},
    {"softmax_reg"},
)
# This one reads fitted attributes, and knows nothing of how they came about.
DISPLAYS = "displays"
MAY_DISPLAYS_IMPORT = {"displays", "functional", "_checks"}
MAY_IMPORT_SKLEARN = {"_compat", "estimator", "model_selection.softmax_regression_cv"}
DEPENDENCIES = {"numpy", "scipy", "sklearn", "pandas", "matplotlib", "threadpoolctl", "joblib"}
EXTRAS = {"IPython", "pyarrow", "skl2onnx"}  # a notebook has the former


def name_of(path):
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) or "softmax_reg"


MODULES = {name_of(path): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
each_module = pytest.mark.parametrize("module", sorted(MODULES))


def is_for_types_only(node):
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def nodes_of(tree, inside_functions=True, for_types=False):
    """Yield the nodes of what is run, and with `for_types` of what type checkers alone read."""
    for node in ast.iter_child_nodes(tree):
        if is_for_types_only(node) and not for_types:
            continue
        yield node
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        if inside_functions or not is_function:
            yield from nodes_of(node, inside_functions, for_types)


@cache
def imported_by(module, inside_functions=True, for_types=False):
    """Return the full names of the modules that a module imports."""
    found = set()
    for node in nodes_of(MODULES[module], inside_functions, for_types):
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
def within(module, for_types=False):
    """Return the modules of the package that a module imports."""
    found = imported_by(module, for_types=for_types)
    ours = {name for name in found if name.split(".")[0] == "softmax_reg"}
    return {name.removeprefix("softmax_reg.") for name in ours} - {"softmax_reg"}


def room_of(module):
    return module.split(".")[0]


def place_of(module):
    places = [place for place, rooms in enumerate(ROOMS) if room_of(module) in rooms]
    assert places, f"{module} is in no room: give its folder a place in ROOMS above"
    return places[0]


def test_the_walk_sees_the_imports_it_should():
    assert {"numpy", "softmax_reg.objective.objective"} <= imported_by("preconditioning.choose")
    assert "objective.objective" in within("preconditioning.choose")
    assert "estimator" in within("softmax_reg")


@each_module
def test_a_room_imports_only_from_the_left_even_for_types(module):
    others = within(module, for_types=True)
    if room_of(module) == DISPLAYS:
        assert {room_of(other) for other in others} <= MAY_DISPLAYS_IMPORT
        return
    for other in others:
        if room_of(other) == DISPLAYS:
            assert module == "softmax_reg"
        else:
            assert place_of(other) <= place_of(module), f"{module} imports {other}"


def test_rooms_side_by_side_do_not_import_each_other():
    for module in MODULES:
        for other in within(module, for_types=True):
            for rooms in ROOMS:
                is_beside = {room_of(module), room_of(other)} <= rooms
                assert not is_beside or room_of(module) == room_of(other), f"{module}: {other}"


def test_the_top_level_has_no_more_than_nine_modules():
    assert len(list(PACKAGE.glob("*.py"))) <= 9


def test_a_solver_stands_on_fewer_than_two_thousand_lines():
    """Whoever reads LBFGS can read all that it imports."""
    read, to_read = set(), {"solvers.lbfgs"}
    while to_read:
        module = to_read.pop()
        read.add(module)
        to_read |= (within(module, for_types=True) & MODULES.keys()) - read
    paths = [PACKAGE / f"{module.replace('.', '/')}.py" for module in read]
    assert sum(len(path.read_text("utf-8").splitlines()) for path in paths) < 2000


def test_no_module_imports_itself_in_a_circle_even_for_types():
    graph = {module: within(module, for_types=True) for module in MODULES}
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


@pytest.mark.parametrize(
    "module",
    [name for name in MODULES if room_of(name) in {"objective", "preconditioning", "solvers"}],
)
def test_no_signature_between_solver_and_problem_leaves_a_type_open(module):
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.FunctionDef):
            given = [arg.annotation for arg in ast.walk(node.args) if isinstance(arg, ast.arg)]
            for annotation in filter(None, [*given, node.returns]):
                names = {name.id for name in ast.walk(annotation) if isinstance(name, ast.Name)}
                assert "Any" not in names, f"{node.name}, line {node.lineno}"


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
    if room_of(module) != DISPLAYS:
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
