"""The machine, the versions and the BLAS that a run was made with, as lines of text."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-learn-intelex",
    "torch",
    "python-glmnet",
    "skglm",
    "adelie",
)


def describe() -> dict[str, str]:
    """Return what is worth knowing about this machine and environment."""
    return {
        "processor": f"{_processor()}, {n_cores()} cores usable",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(filter(None, (_version(name) for name in _PACKAGES))),
        "softmax_reg": _own_version(),
        "BLAS": _blas(),
        "load at the start": f"{load_average():.1f}",
    }


def n_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float:
    """Return the mean number of running processes in the last minute; NaN where unknown."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{size / 2**30:.0f} GiB"


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return ""


def _own_version() -> str:
    """Return the version, and the commit where there is a repository."""
    import softmax_reg

    command = ["git", "describe", "--always", "--dirty"]
    try:
        found = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return softmax_reg.__version__
    return f"{softmax_reg.__version__} ({found.stdout.strip()})"


def _blas() -> str:
    """Return the BLAS libraries that NumPy and SciPy load, with their default threads."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    found = [
        f"{pool['internal_api']} {pool['version']} ({pool['num_threads']} threads)"
        for pool in threadpool_info()
        if pool["user_api"] == "blas"
    ]
    return ", ".join(found) or "unknown"
