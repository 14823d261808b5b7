"""The members of an npz archive, read strictly: stored, plain, and as long as they say.

Only what `numpy.savez` writes is read.  `zipfile` and `numpy.load` take more: compressed members,
a directory that points anywhere, headers that are evaluated; and that takes memory without bound.
Here an array takes as much as its bytes in the file, and nothing else is made.
"""

from __future__ import annotations

import math
import re
import struct
import sys
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from softmax_reg._npz.checks import Damaged, require

__all__ = ["first_name", "read_archive"]

# APPNOTE.TXT of PKWARE, section 4.3.7: signature, version, flags, method, time, date, CRC, packed
# and real size, lengths of name and extra field.
_LOCAL = struct.Struct("<4sHHHHHIIIHH")
_SIGNATURE, _DIRECTORY = b"PK\x03\x04", b"PK\x01\x02"
# Section 4.5.3: where sizes are larger than 32 bits can say, or may be.
_ZIP64 = struct.Struct("<HHQQ")
_SAYS_ZIP64 = 0xFFFFFFFF
_UTF8 = 0x800
_STORED = 0
# numpy.lib.format, version 1.0, as it is written; nothing has to be evaluated.
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(..)"
    rb"\{'descr': '([<>|](?:b1|[iu][1248]|f(?:2|4|8|12|16)|U[1-9]\d{0,8}|[mM]8(?:\[\w{1,10}\])?))',"
    rb" 'fortran_order': (True|False), "
    rb"'shape': \(((?:\d{1,18}(?:, \d{1,18}){0,7},?)?)\), \} *\n",
    re.DOTALL,
)
_LONGEST_HEADER = 1 << 16


def first_name(head: bytes) -> bytes:
    """Return the name of the first member of an archive that begins so; b"" if it is none."""
    if len(head) < _LOCAL.size or head[:4] != _SIGNATURE:
        return b""
    length = _LOCAL.unpack_from(head)[-2]
    return head[_LOCAL.size : _LOCAL.size + length]


def read_archive(data: bytes) -> dict[str, NDArray]:
    """Return the arrays of an archive by name.

    Raises
    ------
    Damaged
        If it is not as `numpy.savez` writes one, or an array is not made of numbers or strings.
    """
    arrays: dict[str, NDArray] = {}
    for name, body in _members(data):
        require(name.endswith(".npy"), f"its member {name[:80]!r} is no array")
        key = name.removesuffix(".npy")
        require(key not in arrays, f"its member {name[:80]!r} is there twice")
        arrays[key] = _array(name[:80], body)
    return arrays


def _members(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yield name and bytes of each member, one after the other from the start."""
    at = 0
    while data[at : at + 4] == _SIGNATURE:
        start = at + _LOCAL.size
        require(start <= len(data), "it ends within a member")
        *_, n_name, n_extra = fields = _LOCAL.unpack_from(data, at)
        _, _, flags, method, _, _, _, packed, size, _, _ = fields
        is_plain = method == _STORED and flags in (0, _UTF8)
        require(is_plain, "a member is compressed or encrypted, which save never does")
        try:
            name = data[start : start + n_name].decode()
        except UnicodeDecodeError as error:
            raise Damaged("the name of a member is no text") from error
        start += n_name
        if size == packed == _SAYS_ZIP64:
            require(n_extra >= _ZIP64.size and start + n_extra <= len(data), "a member has no size")
            kind, _, size, packed = _ZIP64.unpack_from(data, start)
            require(kind == 1, "a member has no size")
        start += n_extra
        at = start + size
        require(size == packed and at <= len(data), f"the size of {name[:80]!r} is wrong")
        yield name, memoryview(data)[start:at]
    require(data[at : at + 4] == _DIRECTORY, "its members do not follow one another")


def _array(name: str, body: memoryview) -> NDArray:
    """Return the array whose npy file this is, in memory of its own."""
    match = _NPY.match(bytes(body[:_LONGEST_HEADER]))
    require(match, f"{name!r} is no array of numbers or strings")
    assert match is not None
    length, descr, in_fortran_order, dims = match.groups()
    require(match.end() == 10 + struct.unpack("<H", length)[0], f"{name!r} has a wrong header")
    shape = tuple(int(n) for n in dims.rstrip(b",").split(b",")) if dims else ()
    values = body[match.end() :]
    try:
        dtype = np.dtype(descr.decode())
        n_bytes = math.prod(shape) * dtype.itemsize
        require(n_bytes == len(values), f"{name!r} says {n_bytes} bytes and has {len(values)}")
        is_fortran = in_fortran_order == b"True"
        array = np.ndarray(shape, dtype, values, order="F" if is_fortran else "C")
    except (TypeError, ValueError) as error:
        if isinstance(error, Damaged):
            raise
        raise Damaged(f"{name!r} is no array: {error}") from error
    if dtype.kind == "b":
        is_right = (np.frombuffer(values, np.uint8) <= 1).all()
        require(is_right, f"{name!r} holds what is neither true nor false")
    if dtype.kind == "U":  # Python fails on what is no character
        is_right = (np.frombuffer(values, f"{dtype.str[0]}u4") <= sys.maxunicode).all()
        require(is_right, f"{name!r} holds what is no text")
    return array.copy(order="K")
