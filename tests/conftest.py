"""Set up the libraries for every test: one BLAS thread, no display, no deadlines.

The environment is set before NumPy is first imported; processes that tests start inherit it.
"""

import os

# BLAS threads slow small products down, and worker processes would oversubscribe the cores.
# A test about threads raises the limit itself: `with threadpool_limits(2): ...`.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")
# scikit-learn's array API checks are skipped without it; SciPy reads it when it is first imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

from collections.abc import Iterator

import hypothesis
import pytest
from threadpoolctl import threadpool_limits

# A slow machine is no failure. Continuous integration draws the same examples on every run.
hypothesis.settings.register_profile(
    "softmax_reg",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("softmax_reg")


@pytest.fixture(scope="session", autouse=True)
def one_blas_thread() -> Iterator[None]:
    """Hold every loaded BLAS and OpenMP library to one thread, whatever the environment says."""
    with threadpool_limits(1):
        yield
