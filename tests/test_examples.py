"""Every example runs alone, headless and without a warning, and so does the code of each page."""

import os
import re
import subprocess
import sys

import pytest
from pages import EXAMPLES_PAGE, PAGES, README, ROOT, fenced_blocks, table_rows

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
AT_ONCE = {"quickstart"}  # it runs by default

MAX_LINES = 80  # two screens
# pyparsing takes "-W error" for a wish to see its own diagnostics, and matplotlib 3.8 causes some.
WARNINGS_ARE_ERRORS = ["-W", "error", "-W", "ignore:::pyparsing"]


def run_python(arguments, folder):
    """Run Python in a folder, with no display and warnings as errors; return what it did."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *WARNINGS_ARE_ERRORS, *arguments],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": path, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(path, marks=[] if path.stem in AT_ONCE else pytest.mark.slow)
        for path in EXAMPLES
    ],
    ids=lambda path: path.stem,
)
def test_an_example_runs_and_says_something(example, tmp_path):
    done = run_python([str(example)], tmp_path)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.strip()
    # A picture that the text announces is there, and nothing else was left behind.
    announced = set(re.findall(r"\S+\.png", done.stdout))
    assert {path.name for path in tmp_path.iterdir()} == announced
    assert all((tmp_path / name).stat().st_size > 10_000 for name in announced)
    if example.stem == "quickstart":
        assert announced == {"loss_curve.png"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_short_and_asks_one_question(example):
    source = example.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_LINES
    first_line = source.splitlines()[0]
    assert first_line.startswith('"""')
    assert source.split('"""')[1].count("?") == 1


def test_the_examples_that_their_page_lists_are_those_that_exist():
    listed = {row[0] for row in table_rows(EXAMPLES_PAGE, "example")[1:]}
    assert listed == {f"[`{path.name}`]({path.name})" for path in EXAMPLES}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_the_python_code_of_a_page_runs(page, tmp_path):
    blocks = fenced_blocks(page, "python")
    assert blocks or page != README
    done = run_python(["-c", "\n".join(blocks)], tmp_path)
    assert done.returncode == 0, done.stderr
    # What a comment says that a line prints is printed.
    said = re.findall(r"^print\(.*\)  # (.*)$", "\n".join(blocks), flags=re.MULTILINE)
    if page == README:
        log = fenced_blocks(page, "text")[1].splitlines()
        said += [line.removesuffix("...") for line in log]
    for printed in said:
        assert printed in done.stdout


def test_the_readme_is_read_at_one_sitting():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 250


def test_the_first_two_shell_blocks_in_the_readme_are_one_command_each():
    run, test = fenced_blocks(README, "sh")[:2]
    assert run.count("\n") == test.count("\n") == 1
    assert run.strip().endswith("examples/quickstart.py")
    assert test == (
        'python3 -m venv .venv && .venv/bin/pip install --quiet -e ".[test]" && .venv/bin/pytest\n'
    )
