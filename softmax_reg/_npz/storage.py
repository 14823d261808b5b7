"""Files that are whole or not there at all: npz archives with a header and a checksum, no pickle.

The checksum, SHA-256 of all that comes before it, is the end of the archive's comment: NumPy reads
such a file like any npz.  It tells damage and not who wrote a file: all that is read is looked at
as if someone had made it to do harm.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.archive import first_name, read_archive
from softmax_reg._npz.checks import Damaged, require
from softmax_reg._npz.files import Path, open_regular, replace
from softmax_reg._npz.headers import parse

__all__ = ["SCHEMA", "flatten", "is_version", "naming", "read", "unflatten", "write"]

# Raised when a reader of the version before would misread a file.
SCHEMA = 1

_MARK = b"softmax_reg sha256 "
_DIGEST_BYTES = 64
_HEADER = "header"
_LONGEST_HEAD = 64


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
        If the file cannot be written, or what is there is no regular file; what was there before
        is still there then.
    """
    text = json.dumps({"schema": SCHEMA, **header})
    members: dict[str, Any] = {_HEADER: np.frombuffer(text.encode(), np.uint8), **arrays}
    buffer = io.BytesIO()
    np.savez(buffer, **members)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.comment = _MARK + bytes(_DIGEST_BYTES)
    payload = buffer.getvalue()[:-_DIGEST_BYTES]
    replace(path, payload + hashlib.sha256(payload).hexdigest().encode())


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Return the header and the arrays of a file.

    It takes the memory of the file twice, for its bytes and its arrays; where the header is most of
    it, what JSON makes of the header can take more, but never 32 times the file.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it was not written by `write`, was cut off or altered since, or is of a newer schema.
    """
    name = os.fspath(path)
    with open_regular(path) as file, naming(path):
        try:
            data = _bytes_of(file, name)
        except OSError as error:
            raise OSError(error.errno, error.strerror, name) from error
        arrays = read_archive(data)
        text = arrays.pop(_HEADER)
        require(text.dtype == np.uint8 and text.ndim == 1, "its header is no text")
        header = parse(text.tobytes())
    if header["schema"] > SCHEMA:
        version = header.get("version")
        raise ValueError(
            f"{name!r} has schema {header['schema']}, written by softmax_reg "
            f"{version if is_version(version) else 'of a later version'}; this version reads "
            f"schemas up to {SCHEMA}. Upgrade softmax_reg."
        )
    return header, arrays


def _bytes_of(file: BinaryIO, name: str | bytes) -> bytes:
    """Return the whole file, once its two ends say that it is one of ours.

    Raises
    ------
    Damaged
        If its checksum is wrong.
    ValueError
        If it is a file of another kind.
    """
    head = file.read(_LONGEST_HEAD)
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _DIGEST_BYTES - len(_MARK), 0))
    has_mark = file.read(len(_MARK)) == _MARK
    if not (has_mark or first_name(head) == f"{_HEADER}.npy".encode()):
        raise ValueError(
            f"{name!r} is not a softmax_reg file. Give a file that save or Checkpoint wrote."
        )
    require(has_mark, "its end is missing")
    file.seek(0)
    try:
        data = file.read(size)
    except MemoryError as error:
        raise Damaged(f"its {size} bytes do not fit into memory") from error
    digest = hashlib.sha256(memoryview(data)[:-_DIGEST_BYTES]).hexdigest().encode()
    require(digest == data[-_DIGEST_BYTES:], "its checksum is wrong")
    require(first_name(head) == f"{_HEADER}.npy".encode(), "it does not begin with its header")
    return data


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what a block finds wrong in a file into an error that names the file."""
    try:
        yield
    except Damaged as error:
        raise ValueError(
            f"{os.fspath(path)!r} is damaged: {error}. It was cut off or altered after it was "
            "written. Use an older copy."
        ) from error


def is_version(version: Any) -> bool:
    """Return whether this is the number of a version, fit to be shown."""
    return isinstance(version, str) and re.fullmatch(r"[\w.+!-]{1,40}", version) is not None


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

    Raises
    ------
    Damaged
        If a name is that of an array and of a dict.

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
            require(isinstance(branch, dict), f"{name!r} is in what is no folder")
        require(key not in branch, f"{name!r} is there twice")
        branch[key] = array if array.ndim else array.item()
    return tree
