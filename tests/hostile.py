"""Files as an attacker makes them: taken apart, altered, and sealed with a right checksum."""

import hashlib
import io
import json
import os
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np

from softmax_reg._npz import storage

_MARK, _DIGEST = storage._MARK, storage._DIGEST_BYTES


def data():
    """Return rows of three classes that overlap."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4))
    scores = X @ rng.normal(size=(4, 3)) + rng.gumbel(size=(60, 3))
    return X, np.array(["a", "b", "c"])[scores.argmax(axis=1)]


def output_of(code, **options):
    """Return what a process of its own prints that runs this code."""
    root = str(Path(__file__).parents[1])
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sealed(data):
    """Return bytes that end as a file does, with the checksum that belongs to them."""
    payload = data[:-_DIGEST]
    return payload + hashlib.sha256(payload).hexdigest().encode()


def apart(data):
    """Return the header and the members, bytes of npy files by name, of a file."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = np.load(io.BytesIO(members.pop("header.npy")))
    return json.loads(header.tobytes()), members


def npy(array):
    """Return an array as the bytes of an npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def together(header, members, compression=zipfile.ZIP_STORED):
    """Return a file of a header (JSON, or its text) and members, pairs or a dict, of bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    pairs = members.items() if isinstance(members, dict) else members
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.filterwarnings("ignore", "Duplicate name")
        archive.writestr("header.npy", npy(np.frombuffer(text, np.uint8)))
        for name, body in pairs:
            archive.writestr(name, body)
        archive.comment = _MARK + bytes(_DIGEST)
    return sealed(buffer.getvalue())


# Random alterations: each takes (rng, data) and returns other data.

VALUES = [
    None, True, False, 0, 1, -1, 3, 2**31, 2**63, -(2**63), 2**70, 10**400, 0.5, -0.5, 1e308,
    1e-320, float("nan"), float("inf"), float("-inf"), "", "a", "auto", "lbfgs", "x" * 5000,
    "\ud800", "../x",
    [], [[]], [0], ["a", "b"], [1e300] * 30, {}, {"a": 1}, {"tuple": []}, {"tuple": [1, "a"]},
    {"array": [1, 2], "dtype": "<f8"}, {"array": ["a"] * 3, "dtype": "<U150000000"},
    {"array": [300, -1], "dtype": "|u1"}, {"array": [[1], [2, 3]], "dtype": "<f8"},
    {"array": [1], "dtype": "|O"}, {"dict": [[1, 2]]}, {"dict": [[[], 2]]}, {"dict": 3},
    {"object": "LossLogger", "arguments": {"path": "written.csv"}},
    {"object": "Checkpoint", "arguments": {"path": "written.npz"}},
    {"object": "EarlyStopping", "arguments": {}}, {"object": "LBFGS", "arguments": {}},
    {"object": "LBFGS", "arguments": {"memory": -1}}, {"object": ["LBFGS"], "arguments": {}},
    {"object": "LBFGS", "arguments": {"points": 1}}, {"object": "Constant", "arguments": {}},
    {"object": "Constant", "arguments": {"rate": "a"}}, {"object": "SGD", "arguments": []},
    {"object": "WarmUp", "arguments": {"after": 1}},
    {"RandomState": ["MT19937", [0] * 624, 10**9, 0, 0.0]}, {"RandomState": []},
    {"RandomState": ["MT19937", [1] * 624, 624, 0, 0.0]},
]  # fmt: skip


def _pick(rng, items):
    items = list(items)
    return items[rng.integers(len(items))]


def flip(rng, data):
    """Alter a few bytes anywhere."""
    altered = bytearray(data)
    for _ in range(rng.integers(1, 4)):
        altered[rng.integers(len(data))] ^= int(rng.integers(1, 256))
    return sealed(bytes(altered))


def cut(rng, data):
    """Leave out, repeat or overwrite a stretch."""
    start = int(rng.integers(len(data)))
    stop = start + int(2 ** rng.uniform(0, np.log2(len(data))))
    middle = _pick(
        rng, [b"", data[start:stop] * 2, bytes(len(data[start:stop])), data[: stop - start]]
    )
    return sealed(data[:start] + middle + data[stop:])


def rewrite_member(rng, data):
    """Replace, rename, repeat, drop or exchange a member, or a value in it."""
    header, members = apart(data)
    name = _pick(rng, members)
    pairs = list(members.items())
    match int(rng.integers(7)):
        case 0:
            pairs = [pair for pair in pairs if pair[0] != name]
        case 1:
            pairs.append((name, members[_pick(rng, members)]))
        case 2:
            new = _pick(
                rng, [*members, "predict.npy", "../x.npy", "a/b/c.npy", "run/x.npy", "x", ".npy"]
            )
            pairs = [(new if key == name else key, body) for key, body in pairs]
        case 3:
            body = members[_pick(rng, members)]
            pairs = [(key, body if key == name else old) for key, old in pairs]
        case 4:
            pairs = [(key, npy(_any_array(rng)) if key == name else old) for key, old in pairs]
        case _:
            body = npy(_with_another_value(rng, np.load(io.BytesIO(members[name]))))
            pairs = [(key, body if key == name else old) for key, old in pairs]
    compression = zipfile.ZIP_DEFLATED if rng.random() < 0.05 else zipfile.ZIP_STORED
    return together(header, pairs, compression)


def _any_array(rng):
    shape = _pick(
        rng, [(), (0,), (1,), (3,), (3, 4), (4, 3), (1, 4), (12,), (15,), (0, 5), (2, 2, 2)]
    )
    dtype = _pick(rng, ["f8", "f4", "f2", "i8", "i4", "u1", "?", "U3", "c16", "M8[D]", "S4", "O"])
    return rng.integers(-5, 50, size=shape).astype(dtype)


def _with_another_value(rng, array):
    array = np.array(array)
    if array.dtype.kind not in "fiu" or not array.size:
        return _any_array(rng)
    if rng.random() < 0.2:
        return _pick(rng, [array[..., np.newaxis], array.ravel()[:-1], array.T, array.astype("f4")])
    values = [0, 1, -1, 7, 127, 10**9, 2**31 - 1, -(2**31), 2**62]
    if array.dtype.kind == "f":
        values = [0.0, -1.0, 1e-300, 1e150, 1.7e308, np.nan, np.inf, -np.inf, 1e9, 0.5]
    with np.errstate(all="ignore"):
        array.flat[rng.integers(array.size)] = np.array(_pick(rng, values)).astype(array.dtype)
    return array


def rewrite_header(rng, data):
    """Replace, drop or add something in the header."""
    header, members = apart(data)
    branch = header
    while True:
        keys = list(branch) if isinstance(branch, dict) else range(len(branch))
        if not len(keys):
            break
        key = _pick(rng, keys)
        if isinstance(branch[key], dict | list) and rng.random() < 0.8:
            branch = branch[key]
            continue
        match int(rng.integers(4)):
            case 0:
                del branch[key]
            case 1 if isinstance(branch, dict):
                names = [
                    "x",
                    "callbacks",
                    "predict",
                    "C",
                    "coef_",
                    "solver",
                    "\u03b3" * 300,
                    "run/w",
                ]
                branch[_pick(rng, names)] = _pick(rng, VALUES)
            case _:
                branch[key] = _pick(rng, VALUES)
        break
    return together(header, members)


ALTERATIONS = {
    "flip": flip,
    "cut": cut,
    "member": rewrite_member,
    "header": rewrite_header,
}
