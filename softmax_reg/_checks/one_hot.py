"""Labels as one-hot rows, shares or counts: refused, with the line that takes them.

They are not taken as they are: `predict` returns labels in one dimension, and scikit-learn's scores
and splitters would compare the two, or take y for several labels a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

__all__ = ["told_of_one_hot"]


def told_of_one_hot(y: Any) -> str:
    """Return what to do where y has a column for each class, or ""."""
    is_frame = hasattr(y, "columns")
    try:
        values = y.toarray() if sp.issparse(y) else np.asarray(y)
    except ValueError:  # rows of several lengths
        return ""
    if values.ndim != 2 or values.shape[1] < 2 or values.dtype.kind not in "buif":
        return ""
    if not np.isin(values, (0, 1)).all():
        return _told_of_shares(values)
    if not (values.sum(axis=1) == 1).all():
        return ""
    as_array = "y" if hasattr(y, "argmax") else "np.asarray(y)"
    line = "y.idxmax(axis=1)" if is_frame else f"{as_array}.argmax(axis=1)"
    return (
        f"y should be a 1d array of labels, but it is one-hot, of shape {values.shape}. Write "
        f"fit(X, {line}): predict then returns those labels."
    )


def _told_of_shares(values: Any) -> str:
    """Return which method takes rows of shares or of counts, or ""."""
    if not (np.isfinite(values).all() and (values >= 0).all()):
        return ""
    what, line = "counts", "fit_counts(X, y)"
    if np.allclose(values.sum(axis=1), 1.0, atol=1e-6):
        what, line = "shares", "fit_proba(X, y)"
    elif not (values == np.trunc(values)).all():
        return ""
    return (
        f"y should be a 1d array of labels, but it has the shape {values.shape}. If it holds "
        f"{what} of the classes in each row, write {line}."
    )
