"""`--once FILE`: leave out the tests that passed before, as FILE lists them; add those of this run.

So the slow tests can follow the fast ones without repeating these.  Tests of Hypothesis run again:
under `--full` they draw more examples.
"""

from pathlib import Path

import pytest


class Once:
    """What passed, before this run and in it."""

    def __init__(self, config):
        self.file = Path(config.rootpath, config.getoption("once"))
        self.before = self.file.read_text().splitlines() if self.file.exists() else []
        self.now = []

    def pytest_collection_modifyitems(self, config, items):
        """Leave out what passed before."""
        before = set(self.before)
        left_out = [item for item in items if item.nodeid in before and not _draws(item)]
        items[:] = [item for item in items if item.nodeid not in before or _draws(item)]
        config.hook.pytest_deselected(items=left_out)

    def pytest_runtest_logreport(self, report):
        """Note what passes."""
        if report.when == "call" and report.passed:
            self.now.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        """Write it down, in the process that has the reports of all others."""
        if not hasattr(session.config, "workerinput"):
            self.file.write_text("\n".join([*self.before, *self.now]) + "\n")


def _draws(item):
    return getattr(getattr(item, "obj", None), "is_hypothesis_test", False)


def pytest_configure(config):
    """Watch the run, if asked to."""
    if config.getoption("once"):
        config.pluginmanager.register(Once(config))
