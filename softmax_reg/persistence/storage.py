"""Files that are whole or not there at all: npz archives with a header and a checksum, no pickle.

The checksum, SHA-256 of all that comes before it, is the end of the archive's comment: NumPy reads
such a file like any npz.  A file is written beside its destination, forced to the disk and renamed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCHEMA", "flatten", "read", "unflatten", "write"]

# Raised when a reader of the version before would misread a file.
SCHEMA = 1

_MARK = b"softmax_reg sha256 "
_DIGEST_BYTES = 64
_HEADER = "header"

Path = str | os.PathLike[str]


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> None:
    """Write a file in one stroke: whoever reads it sees the old one or the new one, whole.

    Parameters
    ----------
    path : str or path-like
    header : mapping
        What JSON can hold; a key "schema" is added.
    arrays : mapping of str to ndarray
        Of any dtype but object.

    Raises
    ------
    OSError
        If the file cannot be written; one that was there before is still there then.
    """
    text = json.dumps({"schema": SCHEMA, **header})
    members: dict[str, Any] = {_HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = _MARK + bytes(_DIGEST_BYTES)
    payload = buffer.getvalue()[:-_DIGEST_BYTES]
    _replace(path, payload + hashlib.sha256(payload).hexdigest().encode())


def _replace(path: Path, data: bytes) -> None:
    """Put data at a path: a new file in the same folder, forced to the disk, then renamed."""
    destination = os.path.realpath(path)
    folder, name = os.path.split(destination)
    temporary = os.path.join(folder, f".{name}.{secrets.token_hex(8)}.tmp")
    try:
        # Not `tempfile`: its files may be read by their owner alone.
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, destination)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    if hasattr(os, "O_DIRECTORY"):  # the new name too; Windows cannot open folders
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return the header and the arrays of a file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it was not written by `write`, was cut off or altered since, or is of a newer schema.
    """
    name = os.fspath(path)
    with open(path, "rb") as file:
        data = file.read()
    payload, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(payload).hexdigest().encode() != digest:
        ours = _MARK in data or data[:4] == b"PK\x03\x04"
        raise ValueError(
            f"{name!r} is damaged: its checksum is wrong. It was cut off or altered after it was "
            "written, or is an npz file of another kind. Use an older copy."
            if ours
            else f"{name!r} is no file of softmax_reg. Give a file that save or Checkpoint wrote."
        )
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    header = json.loads(arrays.pop(_HEADER).tobytes())
    if header["schema"] > SCHEMA:
        raise ValueError(
            f"{name!r} has schema {header['schema']}, written by softmax_reg "
            f"{header.get('version', 'of a later version')}; this version reads schemas up to "
            f"{SCHEMA}. Upgrade softmax_reg."
        )
    return header, arrays


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, NDArray]:
    """Return the arrays, numbers, strings and lists in nested dicts as arrays named "a/b/c".

    None and empty dicts are left out.

    Raises
    ------
    TypeError
        If something in it is not made of numbers or strings.

    Examples
    --------
    >>> flatten({"rate": 0.5, "pairs": {"steps": [[1.0, 2.0]]}})
    {'rate': array(0.5), 'pairs/steps': array([[1., 2.]])}
    """
    arrays: dict[str, NDArray] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            arrays |= flatten(value, f"{prefix}{key}/")
        elif value is not None:
            array = np.asarray(value)
            if array.dtype.hasobject:
                raise TypeError(
                    f"{prefix}{key} is of type {type(value).__name__}, not made of numbers or "
                    "strings alone: a file without pickle cannot hold it."
                )
            arrays[f"{prefix}{key}"] = array
    return arrays


def unflatten(arrays: Mapping[str, NDArray]) -> dict[str, Any]:
    """Return the nested dicts of `flatten`; arrays without dimensions become Python's numbers.

    Examples
    --------
    >>> unflatten({"rate": np.array(0.5), "pairs/steps": np.array([[1.0, 2.0]])})
    {'rate': 0.5, 'pairs': {'steps': array([[1., 2.]])}}
    """
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *folders, key = name.split("/")
        branch = tree
        for folder in folders:
            branch = branch.setdefault(folder, {})
        branch[key] = array if array.ndim else array.item()
    return tree
