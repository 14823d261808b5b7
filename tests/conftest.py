"""Set up the libraries for every test: one BLAS thread, no display, no deadlines.

The environment is set before NumPy is first imported; processes that tests start inherit it.
Options of the tests: `--full`, `--no-skips`, `--once`; see docs/contributing.md.
"""

import os

# BLAS threads slow small products down, and worker processes would oversubscribe the cores.
# A test about threads raises the limit itself: `with threadpool_limits(2): ...`.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# scikit-learn's array API checks are skipped without it; SciPy reads it when it is first imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

from collections.abc import Iterator

import covering
import hypothesis
import no_skips
import once
import pytest
import time_limit
from threadpoolctl import threadpool_limits

# A slow machine is no failure. Continuous integration draws the same examples on every run.
for profile, examples in {"dev": 20, "ci": 150}.items():
    hypothesis.settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize="CI" in os.environ,
        suppress_health_check=[hypothesis.HealthCheck.too_slow],
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that `.ci/run` gives."""
    group = parser.getgroup("softmax_reg")
    group.addoption(
        "--full",
        action="store_true",
        help="products in place of pairs, and more examples of Hypothesis",
    )
    group.addoption(
        "--no-skips",
        action="store_true",
        help="fail where a test is skipped, unless the platform or an old dependency excuses it",
    )
    group.addoption(
        "--once",
        metavar="FILE",
        help="leave out the tests that FILE lists as passed, and add those that pass now",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Choose what the options ask for, before any test is imported."""
    config.addinivalue_line("markers", "covering(**axes): see tests/covering.py")
    hypothesis.settings.load_profile("ci" if config.getoption("full") else "dev")
    for plugin in (covering, no_skips, once, time_limit):
        config.pluginmanager.register(plugin)


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Hold every loaded BLAS and OpenMP library to one thread, whatever the environment says."""
    with threadpool_limits(1):
        yield
