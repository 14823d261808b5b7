"""`--no-skips`: a test that is skipped fails, unless the platform or an old dependency excuses it.

The reason says which: it begins with "platform: " or "version: ".  A package that is not installed
is no excuse; `pip install -e ".[test-all,bench]"` installs all of them.  scikit-learn's checks know
libraries of arrays that no extra brings: array-api-strict stands for them.
"""

import re

import pytest

EXCUSES = ("platform: ", "version: ")
OTHER_ARRAYS = re.compile(r"(cupy|dpnp|torch) is not installed: not checking array_api")


def _without_excuse(report):
    """Return why a test or a module was skipped if that is no excuse, else None."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return None
    reason = report.longrepr[2].removeprefix("Skipped: ")
    is_excused = reason.startswith(EXCUSES) or OTHER_ARRAYS.match(reason)
    return None if is_excused else reason


def _judge(report, config):
    if config.getoption("no_skips") and (reason := _without_excuse(report)) is not None:
        report.outcome = "failed"
        report.longrepr = (
            f"{report.nodeid} is skipped: {reason}\n"
            f"Install what it needs, or begin the reason with one of {EXCUSES}."
        )
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Judge the skip of a test."""
    return _judge((yield), item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """Judge the skip of a module."""
    return _judge((yield), collector.config)
