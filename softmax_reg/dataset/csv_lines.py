"""Which line of a CSV file a row stands in, and how many fields it has: for error messages.

pandas counts records.  An editor counts lines, and a record takes several if a quoted field holds
line breaks.  Files are read here as the options for pandas say, but a record at a time, which
takes two to four times as long as pandas: only when something is wrong.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any, NamedTuple

__all__ = ["Record", "Unsupported", "decoding_fault", "head", "records"]

# Options that change what a record is in ways that are not followed here.
_NOT_FOLLOWED = ("dialect", "lineterminator")

_SUFFIXES = {".gz": "gzip", ".bz2": "bz2", ".xz": "xz", ".zip": "zip"}


class Unsupported(ValueError):
    """The options are beyond this reader; messages name rows, then, not lines."""


class Record(NamedTuple):
    """A row of the table: the line it begins in, counted from 1, and how many fields it has."""

    line: int
    n_fields: int


@contextmanager
def _opened(path: Path, compression: Any) -> Iterator[IO[bytes]]:
    """Open a file, decompressed as pandas does, for reading bytes."""
    method = compression.get("method") if isinstance(compression, Mapping) else compression
    if method == "infer":
        method = _SUFFIXES.get(path.suffix.lower())
        if method is None and path.suffix.lower() in (".zst", ".tar", ".tgz"):
            raise Unsupported
    if method == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
            yield file
        return
    openers: dict[Any, Callable[..., Any]] = {
        None: open, "gzip": gzip.open, "bz2": bz2.open, "xz": lzma.open
    }  # fmt: skip
    if method not in openers:
        raise Unsupported
    with openers[method](path, "rb") as file:
        yield file


def head(path: Path, options: Mapping[str, Any]) -> tuple[Record | None, Record | None]:
    """Return the header of a table and its first row; None where it has none."""
    read = records(path, options, with_header=True)
    n_before = _n_before(options)
    before = list(islice(read, n_before))
    return before[-1] if len(before) == n_before > 0 else None, next(read, None)


def records(path: Path, options: Mapping[str, Any], with_header: bool = False) -> Iterator[Record]:
    """Yield the rows of a table.

    Parameters
    ----------
    path : path
    options : dict
        Of `pandas.read_csv`.
    with_header : bool, default=False
        Whether to begin with what comes before the first row.

    Raises
    ------
    Unsupported
        If the options are beyond this reader.
    """
    n_before = 0 if with_header else _n_before(options)
    encoding = str(options.get("encoding") or "utf-8")
    encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
    with _opened(path, options.get("compression", "infer")) as file:
        text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
        yield from islice(_split(text, options), n_before, None)


def _n_before(options: Mapping[str, Any]) -> int:
    """Return how many records there are before the first row."""
    header = options.get("header", "infer")
    if header == "infer":
        header = 0 if options.get("names") is None else None
    if not (header is None or isinstance(header, int)):
        raise Unsupported
    if any(options.get(name) is not None for name in _NOT_FOLLOWED):
        raise Unsupported
    return 0 if header is None else header + 1


def _split(lines: Iterator[str], options: Mapping[str, Any]) -> Iterator[Record]:
    """Yield the records that are neither skipped nor blank nor comments."""
    count_fields, is_quoted = _counter(options)
    is_skipped = _skips(options.get("skiprows"))
    comment, skips_blanks = options.get("comment"), options.get("skip_blank_lines", True)
    blanks = " \t\r\n".replace(_separator(options), "")
    n_lines = 0
    for number, line in enumerate(lines):
        begin, n_taken = n_lines + 1, 1
        is_blank = not line.strip(blanks) and skips_blanks
        is_comment = bool(comment) and line.lstrip(blanks).startswith(str(comment))
        n_fields = 0
        if not (is_blank or is_comment):
            if comment and not is_quoted(line):
                line = line.split(str(comment))[0]
            n_fields, n_taken = count_fields(line, lines)
        n_lines += n_taken
        if not (is_blank or is_comment or is_skipped(number)):
            yield Record(begin, n_fields)


def _skips(skiprows: Any) -> Callable[[int], bool]:
    if skiprows is None:
        return lambda number: False
    if callable(skiprows):
        return skiprows
    if isinstance(skiprows, int):
        return lambda number: number < skiprows
    skipped = set(skiprows)
    return lambda number: number in skipped


def _separator(options: Mapping[str, Any]) -> str:
    sep = options.get("sep", ",")
    if not isinstance(sep, str):
        raise Unsupported  # pandas guesses it
    return sep


def _counter(
    options: Mapping[str, Any],
) -> tuple[Callable[[str, Iterator[str]], tuple[int, int]], Callable[[str], bool]]:
    """Return a function of a record's first line and those after it, and one that sees quotes.

    The first returns how many fields and lines the record has.
    """
    sep, quote = _separator(options), options.get("quotechar", '"') or ""

    def is_quoted(line: str) -> bool:
        return bool(quote) and quote in line

    if sep == r"\s+":

        def split(line: str, lines: Iterator[str]) -> tuple[int, int]:
            if is_quoted(line):
                raise Unsupported
            return len(line.split()), 1

        return split, is_quoted
    if len(sep) > 1:
        pattern = re.compile(sep)
        return lambda line, lines: (len(pattern.split(line.strip())), 1), is_quoted
    dialect = {
        name: options[name]
        for name in ("quotechar", "quoting", "doublequote", "escapechar", "skipinitialspace")
        if options.get(name) is not None
    }

    def parse(line: str, lines: Iterator[str]) -> tuple[int, int]:
        reader = csv.reader(chain([line], lines), delimiter=sep, **dialect)
        try:
            return len(next(reader)), reader.line_num
        except csv.Error as error:
            raise Unsupported from error

    return parse, is_quoted


def decoding_fault(path: Path, options: Mapping[str, Any]) -> str:
    """Return in words where a file is not text in its encoding, and which it may be."""
    encoding = str(options.get("encoding") or "utf-8")
    fault, start = "", b""
    with _opened(path, options.get("compression", "infer")) as file:
        for number, content in enumerate(file, 1):
            start = start or content
            try:
                content.decode(encoding)
            except UnicodeError as error:
                byte = content[getattr(error, "start", 0)]
                fault = f": line {number} holds the byte 0x{byte:02x}"
                break
    is_marked = start[:2] in (b"\xff\xfe", b"\xfe\xff")
    guess = "utf-16" if is_marked else "utf-16-le" if b"\0" in start else "latin-1"
    return (
        f"{path} is not text in {encoding}{fault}. Give the encoding of the file, perhaps "
        f"options={{'encoding': {guess!r}}}."
    )
