"""Options for `pandas.read_csv`: which can be used, under one name each."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

__all__ = ["checked_options", "counts_every_row", "reading_options", "with_texts"]

# Of read_csv, and who decides on them here.
_COUNTS = ("chunksize", "iterator", "nrows", "skipfooter")


@cache
def counts_every_row() -> bool:
    """Return whether pandas' C parser counts the fields of the first row of each chunk, too.

    Before pandas 3 it cuts such a row where it is too long.
    """
    import pandas as pd

    try:
        with pd.read_csv(io.StringIO("a\n1\n2,3\n"), chunksize=1) as chunks:
            list(chunks)
    except pd.errors.ParserError:
        return True
    return False


def checked_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, with `sep` for its aliases and an engine that has them all.

    Raises
    ------
    ValueError
        If one of them cannot be used.
    """
    options = dict(options)
    if refused := sorted(set(_COUNTS) & options.keys()):
        raise ValueError(
            f"options of CSVSource cannot hold {', '.join(map(repr, refused))}: it reads its "
            "files to the end, in batches. Use its own parameter chunksize for the rows of a "
            "batch; to read fewer rows, write them to a file of their own."
        )
    if options.get("engine") not in (None, "c", "python"):
        raise ValueError(
            f"options of CSVSource cannot hold the engine {options['engine']!r}, which reads no "
            "batches. Use 'c', the default, or 'python'."
        )
    if options.get("usecols") is not None and options.get("names") is not None:
        raise ValueError(
            "options of CSVSource cannot hold both 'names' and 'usecols'. Give a name for each "
            "column of the file, and choose features with columns=[...]."
        )
    if options.pop("delim_whitespace", False):
        options["sep"] = r"\s+"
    if (delimiter := options.pop("delimiter", None)) is not None:
        options["sep"] = delimiter
    sep = options.get("sep", ",")
    is_simple = isinstance(sep, str) and (len(sep.encode()) == 1 or sep == r"\s+")
    if options.get("engine") is None:
        needs_python = (
            not is_simple
            or callable(options.get("on_bad_lines"))
            or (options.get("on_bad_lines", "error") != "error" and not counts_every_row())
        )
        options["engine"] = "python" if needs_python else "c"
    return options


def with_texts(
    options: Mapping[str, Any], used: Sequence[Any], texts: Sequence[Any]
) -> dict[str, Any]:
    """Return options with which some columns are read as the text that the file holds.

    What the user says of a column comes first.
    """
    given, converted = options.get("dtype"), options.get("converters") or {}
    if isinstance(given, Mapping):
        kinds = dict(given)
    else:
        kinds = {} if given is None else dict.fromkeys(used, given)
    kinds |= {name: str for name in texts if name not in kinds and name not in converted}
    return {**options, "dtype": kinds} if texts else {**options}


def reading_options(
    options: Mapping[str, Any], names: Sequence[Any], used: Sequence[Any], beyond: str | None
) -> dict[str, Any]:
    """Return options with which all columns are read, those that are not used as one byte each.

    Parameters
    ----------
    options : dict
        As `checked_options` returns them.
    names : list
        All columns of the file.
    used : list
        Those to be read as what they are.
    beyond : str or None
        The name for a column beyond the last one, if there is to be one.
    """
    options = {name: option for name, option in options.items() if name != "usecols"}
    is_c = options["engine"] == "c"
    if is_c:
        # A column is of one type within a chunk, not of several within parts of it.
        options.setdefault("low_memory", False)
    if isinstance(options.get("header"), list) or "parse_dates" in options:
        return options
    unused = [name for name in names if name not in used]
    if beyond is not None:
        options.setdefault("header", None if options.get("names") is not None else 0)
        options["names"] = [*names, beyond]
        unused.append(beyond)
    given = options.get("dtype")
    if isinstance(given, Mapping):
        kinds = dict(given) | {name: given[name] for name in used if name in given}
    else:
        kinds = {} if given is None else dict.fromkeys(used, given)
    options["dtype"] = kinds | dict.fromkeys(unused, "S1" if is_c else object)
    converters: Mapping[Any, Callable[..., Any]] = options.get("converters") or {}
    options["converters"] = {n: f for n, f in converters.items() if n not in unused} or None
    return options
