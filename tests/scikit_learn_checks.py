"""scikit-learn's checks of an estimator, in which libraries that no extra brings may be missing."""

from unittest import SkipTest

import pytest


def run(check, estimator):
    """Run a check; that of arrays on a GPU, or of PyTorch, is skipped where there is none."""
    try:
        check(estimator)
    except SkipTest as reason:
        if "array_api" not in str(check) or "array_api_strict is not installed" in str(reason):
            raise
        pytest.skip(f"platform: {reason}")
