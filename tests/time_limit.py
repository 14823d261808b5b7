"""A test that hangs is a failure with a traceback, in Hypothesis and in compiled code, too.

pytest-timeout alone fails a test by what Hypothesis takes for a finding: it runs the same example
again, and hangs with no alarm set.  What is raised here nobody catches but pytest.
"""

import faulthandler
import os
import signal

import pytest

# Compiled code that does not come back cannot be interrupted: so long after the alarm the process
# ends, with the stacks of all threads on stderr.  pytest-xdist then names the test and goes on.
_GRACE = 60.0
# For a test that is marked slow, and under `--full`, in place of the limit in pyproject.toml.
_SLOW = 600.0


class TimeLimit(BaseException):
    """A test took longer than its limit."""

    __test__ = False


def pytest_configure(config):
    """Keep the stderr that the tests' output does not go to."""
    capture = config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        config.stash[_STDERR] = os.dup(2)


_STDERR = pytest.StashKey()


def pytest_collection_modifyitems(config, items):
    """Give slow tests their own limit."""
    for item in items:
        is_slow = config.getoption("full") or item.get_closest_marker("slow")
        if is_slow and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(_SLOW))


@pytest.hookimpl(optionalhook=True)
def pytest_timeout_set_timer(item, settings):
    """Set the alarm in pytest-timeout's place, where there are signals; else leave it to it."""
    if settings.method != "signal":
        return None

    def interrupt(number, frame):
        raise TimeLimit(f"the test took more than {settings.timeout:g} s")

    def cancel():
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        faulthandler.cancel_dump_traceback_later()

    item.cancel_timeout = cancel
    signal.signal(signal.SIGALRM, interrupt)
    # Once more if the first falls into a callback, whose exceptions Python ignores.
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, 0.5 * _GRACE)
    stderr = item.config.stash[_STDERR]
    faulthandler.dump_traceback_later(settings.timeout + _GRACE, exit=True, file=stderr)
    return True
