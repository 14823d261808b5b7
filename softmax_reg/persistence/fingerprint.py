"""Whether data are those of a checkpoint: a few facts and checksums that are cheap to compare."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._npz.checks import shown
from softmax_reg.dataset.dataset import Dataset

__all__ = ["differences", "fingerprint"]

_N_ROWS = 64


def fingerprint(data: Dataset, held_out: Dataset | None) -> dict[str, Any]:
    """Return facts about the data of a fit, for JSON.

    Parameters
    ----------
    data : Dataset
        64 of its rows, evenly spaced, are looked at; of a stream, of those that are at hand.
    held_out : Dataset or None
        The rows that the fit does not see, if there are any.
    """
    facts = {"the classes": repr(data.classes.tolist()), **_facts("", data)}
    return facts if held_out is None else facts | _facts(" (held out)", held_out)


def _facts(where: str, data: Dataset) -> dict[str, Any]:
    origin, X = data.rows.origin, data.X
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
    offset = data.given_offset
    told = {} if offset is None else {f"the offset{where}": _checksum(offset)}
    return told | {
        f"the shape of X{where}": list(X.shape),
        f"the dtype of X{where}": np.dtype(X.dtype).name,
        f"the format of X{where}": sample_format,
        f"the labels{where}": _checksum(*data.given.arrays()),
        f"the weights{where}": _checksum(data.weights.astype(X.dtype, copy=False)),
        f"the rows of X{where}": _checksum(*parts),
    }


def differences(then: dict[str, Any], now: dict[str, Any]) -> str:
    """Return in words what differs; "" if nothing does."""
    told = []
    for name in now | then:
        value = now.get(name)
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
