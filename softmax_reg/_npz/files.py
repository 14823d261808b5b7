"""Files on the disk: read only if they are regular ones, replaced in one stroke.

A file is written beside its destination, forced to the disk and renamed.  The writer holds a lock
on it meanwhile, so that the next writer can tell what a killed one has left, and removes it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["Path", "check_folder", "open_regular", "replace"]

Path = str | os.PathLike[str]

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
# Cleaners that take a new file for a stale one can do so between its opening and its locking only.
_ATTEMPTS = 16


def open_regular(path: Path) -> BinaryIO:
    """Return a regular file, open for reading; never wait for what is none.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it is a directory, a FIFO, a device or a socket.
    """
    name = os.fsdecode(path)
    _refuse_to_read(name, os.stat(name).st_mode)
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    file = open(os.open(name, flags), "rb")
    try:
        _refuse_to_read(name, os.fstat(file.fileno()).st_mode)  # it may be another by now
    except BaseException:
        file.close()
        raise
    return file


def _refuse_to_read(name: str, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise ValueError(f"{name!r} is {_kind(mode)}, not a file. Give a file that save wrote.")


def _kind(mode: int) -> str:
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "no regular file")


def check_folder(path: Path, what: str) -> None:
    """Raise OSError if the folder of a file that is to be written is missing.

    Parameters
    ----------
    path : path-like
    what : str
        Who wants to write it, for the error.
    """
    name = os.fsdecode(path)
    folder = os.path.dirname(os.path.abspath(name))
    if not os.path.isdir(folder):
        kind = errno.ENOTDIR if os.path.lexists(folder) else errno.ENOENT
        raise OSError(kind, f"{what} needs a folder that is there: make {folder!r} first", name)
    if os.path.isdir(name):
        raise OSError(errno.EISDIR, f"{what} needs the path of a file", name)


def replace(path: Path, data: bytes) -> None:
    """Put data at a path: whoever reads it sees the old file or the new one, whole.

    A link to a file is followed.  Only a regular file is replaced.

    Raises
    ------
    OSError
        With this path, if the data cannot be written or something else than a file is there.
    """
    name = os.fsdecode(path)
    try:
        _refuse_to_replace(name)
        destination = os.path.realpath(name)
        folder, base = os.path.split(destination)
        prefix = f".softmax_reg-{hashlib.sha256(os.fsencode(base)).hexdigest()[:12]}-"
        _remove_stale(folder, prefix)
        _write_and_rename(folder, prefix, destination, data)
        _sync_folder(folder)
    except OSError as error:
        if error.errno is None:
            raise
        # Of the user's path, not of a temporary one.
        raise OSError(error.errno, error.strerror, name) from None


def _refuse_to_replace(name: str) -> None:
    try:
        mode = os.stat(name).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "A directory is there", name)
    if not stat.S_ISREG(mode):
        raise FileExistsError(errno.EEXIST, f"Not a file but {_kind(mode)} is there", name)


def _write_and_rename(folder: str, prefix: str, destination: str, data: bytes) -> None:
    with _new_file(folder, prefix) as (temporary, file):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        if fcntl is None:
            file.close()  # Windows renames no open file
        os.replace(temporary, destination)


@contextmanager
def _new_file(folder: str, prefix: str) -> Iterator[tuple[str, BinaryIO]]:
    """Give a new file that its writer has locked; remove it if the block fails."""
    for _ in range(_ATTEMPTS):
        temporary = os.path.join(folder, f"{prefix}{secrets.token_hex(8)}.tmp")
        # Not `tempfile`: its files may be read by their owner alone.
        with open(temporary, "xb") as file:
            try:
                if not _is_ours(file):
                    continue
                yield temporary, file
            except BaseException:
                file.close()
                with suppress(OSError):
                    os.unlink(temporary)
                raise
            return
    raise OSError(errno.EAGAIN, "Other writers keep removing the new file")


def _is_ours(file: BinaryIO) -> bool:
    """Lock a new file; return False if a cleaner had it first."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # there are no locks here, and so no cleaners
    return os.fstat(file.fileno()).st_nlink > 0


def _remove_stale(folder: str, prefix: str) -> None:
    """Remove what killed writers of the same file have left: what no one holds a lock on."""
    if fcntl is None:
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.name.startswith(prefix) and entry.name.endswith(".tmp")):
                continue
            with suppress(OSError):
                flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK
                descriptor = os.open(entry.path, flags)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(entry.path)
                finally:
                    os.close(descriptor)


def _sync_folder(folder: str) -> None:
    """Force the new name to the disk; Windows cannot open folders."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
