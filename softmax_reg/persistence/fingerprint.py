"""Whether data are those of a checkpoint: a few facts and checksums that are cheap to compare."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import shown
from softmax_reg.dataset.rows import as_rows

__all__ = ["Labelled", "differences", "fingerprint"]

_N_ROWS = 64

Labelled = tuple[Any, NDArray, NDArray]  # X, the class and the weight of each row


def fingerprint(
    X: Any, classes: NDArray, codes: NDArray, weights: NDArray, held_out: Labelled | None
) -> dict[str, Any]:
    """Return facts about the data of a fit, for JSON.

    Parameters
    ----------
    X : {ndarray, sparse matrix, Rows} of shape (n_samples, n_features)
        64 of its rows, evenly spaced, are looked at; of a stream, of those that are at hand.
    classes : ndarray of shape (n_classes,)
    codes : ndarray of shape (n_samples,)
    weights : ndarray of shape (n_samples,)
    held_out : tuple (X, codes, weights) or None
        The rows that the fit does not see, if there are any.
    """
    facts = {"the classes": repr(classes.tolist()), **_facts("", X, codes, weights)}
    return facts if held_out is None else facts | _facts(" (held out)", *held_out)


def _facts(where: str, X: Any, codes: NDArray, weights: NDArray) -> dict[str, Any]:
    origin = as_rows(X)
    at_hand = origin.sample
    sample = origin.take(
        at_hand[np.unique(np.linspace(0, len(at_hand) - 1, _N_ROWS).astype(np.intp))]
    )
    sample_format = sample.format if sp.issparse(sample) else "dense"
    if sp.issparse(sample):
        sample = sample.tocsr()
        sample.sort_indices()
        parts = [sample.indptr.astype(np.int64), sample.indices.astype(np.int64), sample.data]
    else:
        parts = [sample]
    return {
        f"the shape of X{where}": list(X.shape),
        f"the dtype of X{where}": np.dtype(X.dtype).name,
        f"the format of X{where}": sample_format,
        f"the labels{where}": _checksum(codes.astype(np.int64)),
        f"the weights{where}": _checksum(weights),
        f"the rows of X{where}": _checksum(*parts),
    }


def differences(then: dict[str, Any], now: dict[str, Any]) -> str:
    """Return in words what differs; "" if nothing does."""
    told = []
    for name, value in now.items():
        if then.get(name) != value:
            is_readable = name.split()[1] in ("shape", "dtype", "format", "classes")
            before = shown(str(then.get(name)), 300)
            told.append(f"{name}: {before}, now {value}" if is_readable else name)
    return "; ".join(told)


def _checksum(*arrays: NDArray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
