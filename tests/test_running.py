"""The tests themselves: pairs, limits of time, skips, and what the plain command leaves out."""

import signal
import subprocess
import sys
import tomllib
from itertools import combinations, product
from pathlib import Path

import pytest
from covering import covering, pairwise

HERE = Path(__file__).parent
ROOT = HERE.parent
SLOW = "slow: takes long, or needs a large file or many processes; run by .ci/run"


# Pairs


@pytest.mark.parametrize(
    "sizes", [(1,), (4,), (3, 2), (2, 2, 2, 2), (6, 2, 2, 7), (1, 5, 1, 3), (9, 9, 4), (2,) * 9]
)
def test_every_pair_of_values_of_any_two_axes_is_in_some_row(sizes):
    rows = pairwise(sizes)
    assert set(rows) <= set(product(*map(range, sizes)))
    assert len(set(rows)) == len(rows)
    for a, b in combinations(range(len(sizes)), 2):
        pairs = {(row[a], row[b]) for row in rows}
        assert pairs == set(product(range(sizes[a]), range(sizes[b])))
    assert rows == pairwise(sizes)


def test_there_are_hardly_more_rows_than_the_two_longest_axes_have_pairs():
    assert len(pairwise((6, 2, 2, 7))) <= 1.2 * 6 * 7
    assert len(pairwise((2,) * 9)) <= 12


@covering(solver=["a", "b"], container={"dense": 1, "sparse": 2}, flag=[True, False])
def test_a_test_gets_the_values_and_the_names_of_its_axes(solver, container, flag, request):
    name = {1: "dense", 2: "sparse"}[container]
    assert request.node.callspec.id == f"{solver}-{name}-{flag}"


# In a run of its own

INNER = """
import time, pytest
from hypothesis import given, strategies as st

def test_that_waits():
    time.sleep(60)

@pytest.mark.slow
def test_that_is_slow():
    time.sleep(1.5)

@given(st.integers(-100, 100))
def test_of_examples_that_never_ends(x):
    while x > 10:
        pass

@pytest.mark.timeout(30)
def test_with_a_limit_of_its_own():
    time.sleep(2)

@pytest.mark.parametrize("x", range(4))
def test_that_is_quick(x):
    pass
"""
SKIPS = """
import pytest

@pytest.mark.skipif(True, reason="platform: not on this one")
def test_excused_by_the_platform():
    pass

def test_excused_by_a_version():
    pytest.skip("version: before 1.9 there are none")

def test_without_a_package():
    pytest.importorskip("no_such_package")

@pytest.mark.xfail(reason="known", strict=True)
def test_known_to_fail():
    raise ZeroDivisionError
"""
QUICK = INNER[INNER.index("@pytest.mark.parametrize") :].replace("@", "import pytest\n@")
each_number_of_processes = pytest.mark.parametrize(
    "processes", ["0", pytest.param("2", marks=pytest.mark.slow)]
)


@pytest.fixture
def inner(tmp_path):
    """Return a function that runs pytest on some modules, with the settings of these tests."""

    def run(*options, grace=60.0, **modules):
        for name in ("conftest", "covering", "no_skips", "once", "time_limit"):
            text = (HERE / f"{name}.py").read_text("utf-8")
            modules[name] = text.replace("_GRACE = 60.0", f"_GRACE = {grace}")
        for name, text in modules.items():
            (tmp_path / f"{name}.py").write_text(text, "utf-8")
        command = [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    return run


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="platform: no alarms")
@each_number_of_processes
def test_a_test_that_hangs_fails_with_a_traceback_and_the_others_go_on(inner, processes):
    said = inner("-m", "", "--timeout=1", f"--numprocesses={processes}", test_inner=INNER)
    assert "2 failed, 6 passed" in said
    assert "FAILED test_inner.py::test_that_waits" in said
    assert "FAILED test_inner.py::test_of_examples_that_never_ends" in said
    assert "the test took more than 1 s" in said
    assert "time.sleep(60)" in said
    assert "while x > 10:" in said


@pytest.mark.slow
def test_compiled_code_that_never_comes_back_ends_its_process_and_the_others_go_on(inner):
    hang = "import itertools\n\ndef test_in_c():\n    sum(itertools.repeat(0))\n"
    said = inner("--timeout=1", "--numprocesses=2", grace=2.0, test_inner=hang + QUICK)
    assert "1 failed, 4 passed" in said
    assert "crashed while running 'test_inner.py::test_in_c'" in said
    assert "in test_in_c" in said.partition("Timeout (")[2]


@each_number_of_processes
def test_a_skip_fails_where_asked_unless_platform_or_version_excuse_it(inner, processes):
    options = ["--no-skips", f"--numprocesses={processes}", "--continue-on-collection-errors"]
    said = inner(*options, test_inner=SKIPS)
    assert "1 failed, 2 skipped, 1 xfailed" in said
    assert "test_without_a_package is skipped: could not import 'no_such_package'" in said


@each_number_of_processes
def test_the_skip_of_a_module_fails_too(inner, processes):
    module = SKIPS.partition("@")[0] + "pytest.importorskip('no_such_package')\n"
    said = inner("--no-skips", f"--numprocesses={processes}", test_module=module)
    assert "1 error" in said
    assert "test_module.py is skipped: could not import 'no_such_package'" in said


ONCE = """
import os
import hypothesis
import pytest
from hypothesis import strategies

@pytest.mark.parametrize("number", [1, 2, 3])
def test_of_numbers(number):
    assert number < 3 or "MENDED" in os.environ

@hypothesis.given(strategies.integers())
def test_of_examples(x):
    assert x == x
"""


@pytest.mark.slow
@each_number_of_processes
def test_what_passed_once_is_not_run_again_but_for_drawn_examples(inner, processes, monkeypatch):
    options = ["--once=passed.txt", f"--numprocesses={processes}"]
    assert "1 failed, 3 passed" in inner(*options, test_inner=ONCE)
    assert "1 failed, 1 passed" in inner(*options, test_inner=ONCE)
    monkeypatch.setenv("MENDED", "1")
    assert "2 passed" in inner(*options, test_inner=ONCE)
    assert "1 passed" in inner(*options, test_inner=ONCE)


# The settings


def test_the_plain_command_leaves_out_what_is_slow_and_ends_what_hangs():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]
    options = settings["ini_options"]
    assert SLOW in options["markers"]
    assert "-m not slow" in options["addopts"]
    assert not [option for option in options["addopts"] if "cov" in option]
    assert 0 < options["timeout"] <= 120
    assert options["filterwarnings"] == ["error"]
