"""Rows that a check has refused: which columns, an example value, and the line that mends it.

Nothing here runs before a check has failed, so that good data cost nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown

__all__ = ["told_of_rows"]

_MOST_NAMES = 8


class _Fault(NamedTuple):
    """What is wrong in a column: of which kind, where first, how often, and that value."""

    kind: str
    row: int
    n_rows: int
    value: Any


class _Found(NamedTuple):
    """The columns with a fault of one kind."""

    names: list[Any]
    faults: list[_Fault]


def told_of_rows(X: Any, model: str, is_new: bool, why: str) -> tuple[str, str]:
    """Return what is wrong in X with what to do, and without; twice "" if nothing is.

    Parameters
    ----------
    X : anything
        What the user gave.
    model : str
        The class of the estimator, "" if there is none.
    is_new : bool
        Whether X defines the features; else it comes beside rows of numbers.
    why : str
        What the check said.
    """
    if told := _told_of_shape(X):
        return told, told
    is_frame = hasattr(X, "columns")
    found: dict[str, _Found] = {}
    for name, values in _columns(X):
        if fault := _fault(values):
            names, faults = found.setdefault(fault.kind, _Found([], []))
            names.append(name)
            faults.append(fault)
    heads = [_head(kind, of, is_frame, why) for kind, of in found.items()]
    lines = [_remedy(kind, of.names, is_frame, model, is_new) for kind, of in found.items()]
    mended = (f"{head} {line}" for head, line in zip(heads, lines, strict=True))
    return "\n".join(mended), "\n".join(heads)


def _told_of_shape(X: Any) -> str:
    """Return what is wrong with X as a whole, or ""."""
    if X is None:
        return "X is None. Give the rows: an array or a frame of shape (n_samples, n_features)."
    if isinstance(X, Mapping):
        return "X is a dict, not rows of numbers. Give pandas.DataFrame(X)."
    shape = _shape(X)
    if getattr(getattr(X, "dtype", None), "kind", "") == "c":
        return (
            f"Complex data not supported: X has the dtype {X.dtype}. Give the real and the "
            "imaginary parts as features: np.hstack([X.real, X.imag])."
        )
    if isinstance(X, list | tuple) and shape is None:
        lengths = [np.size(row) for row in X]
        other = next((i for i, length in enumerate(lengths) if length != lengths[0]), 0)
        return (
            f"The rows of X are of several lengths: row 0 has {lengths[0]} values, row {other} has "
            f"{lengths[other]}. Give each row one value for each feature."
        )
    if shape is not None and len(shape) < 2 and not isinstance(X, str):
        what = "scalar" if not shape else "1D"
        one = f"has the shape {shape}" if shape else f"is {shown(X)}"
        line = "X.reshape(-1, 1) if it is one feature, X.reshape(1, -1) if it is one row"
        if hasattr(X, "to_frame"):
            line = "X.to_frame() if it is one feature, X.to_frame().T if it is one row"
        elif isinstance(X, list | tuple):
            line = "np.reshape(X, (-1, 1)) if it is one feature, [X] if it is one row"
        return f"Expected 2D array, got {what} array instead: X {one}. Reshape your data: {line}."
    if shape is not None and len(shape) == 2 and shape[0] and not shape[1]:
        return f"X has 0 feature(s) (shape={shape}) while a minimum of 1 is required."
    return ""


def _shape(X: Any) -> tuple[int, ...] | None:
    """Return the shape, None of rows that have several lengths."""
    try:
        return tuple(X.shape) if hasattr(X, "shape") else np.shape(X)
    except ValueError:
        return None


def _columns(X: Any) -> Iterator[tuple[Any, NDArray]]:
    """Yield name, or number, and values of each column."""
    if hasattr(X, "columns"):
        for j, name in enumerate(X.columns):  # several may have one name
            yield name, np.asarray(X.iloc[:, j] if hasattr(X, "iloc") else X[name])
        return
    if sp.issparse(X):
        csc = X.tocsc()
        for j in range(csc.shape[1]):
            column = csc[:, [j]]
            if column.data.dtype.kind not in "fc" or np.isfinite(column.data).all():
                yield j, np.empty(0)
            else:
                yield j, column.toarray().ravel()
        return
    array = np.asarray(X, dtype=object if isinstance(X, list | tuple) else None)
    if array.ndim == 2:
        yield from enumerate(array.T)


def _fault(values: NDArray) -> _Fault | None:
    """Return what is wrong in a column of values, if anything is."""
    kind, n = values.dtype.kind, len(values)
    if not n or kind in "biu":
        return None
    if kind in "mM":
        return _Fault("date" if kind == "M" else "duration", 0, n, values[0])
    if kind != "f":
        import pandas as pd

        missing = np.asarray(pd.isna(values))
        is_number = np.array([_is_number(value) for value in values]) | missing
        if not is_number.all():
            row = int(np.flatnonzero(~is_number)[0])
            has_numbers = bool((is_number & ~missing).any())
            of = _kind_of(values[row], has_numbers)
            return _Fault(of, row, int(np.count_nonzero(~is_number)), values[row])
        values = np.where(missing, np.nan, values.astype(object)).astype(np.float64)
    for name, wrong in (("missing", np.isnan(values)), ("infinite", np.isinf(values))):
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            return _Fault(name, row, int(np.count_nonzero(wrong)), values[row])
    return None


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except OverflowError:
        return True
    except (TypeError, ValueError):
        return False
    return True


def _kind_of(value: Any, has_numbers: bool) -> str:
    """Return of which kind a value is that is no number, in a column that may have numbers."""
    if isinstance(value, str):
        is_comma = _is_number(value.replace(".", "").replace(",", "."))
        return "comma" if is_comma else "mixed" if has_numbers else "text"
    if isinstance(value, timedelta | np.timedelta64):
        return "duration"
    if hasattr(value, "year") or isinstance(value, np.datetime64):
        return "period" if hasattr(value, "to_timestamp") else "date"
    return "object"


def _head(kind: str, found: _Found, is_frame: bool, why: str) -> str:
    """Return what is wrong in columns."""
    names, faults = found
    fault, where = faults[0], _where(names, is_frame)
    if kind in ("missing", "infinite"):
        what = "NaN" if kind == "missing" else "infinity"
        if kind == "infinite" and isinstance(fault.value, np.float32):
            what += " or a value too large for dtype('float32')"
        several = "" if len(names) == 1 else f" of {_where(names[:1], is_frame)}"
        return (
            f"Input X contains {what} in {where}, the first in row {fault.row}{several}, "
            f"{sum(one.n_rows for one in faults)} values in all."
        )
    verb = "holds" if len(names) == 1 else "hold"
    # The check knows best what it cannot make a number of.
    because = f" ({why})" if kind == "object" else ""
    example = f"such as {_value(fault.value)} in row {fault.row}{because}."
    return f"{where[0].upper()}{where[1:]} of X {verb} {_WORDS[kind]}, {example}"


_WORDS = {
    "text": "text",
    "comma": "text",
    "mixed": "text beside numbers",
    "date": "dates",
    "period": "periods of time",
    "duration": "durations",
    "object": "objects that are no numbers",
}
_OF_FRAMES = {"comma", "mixed", "date", "period", "duration"}
_REMEDIES = {
    "comma": 'Its decimal mark is a comma: {first}.str.replace(",", ".").astype(float), or '
    'pandas.read_csv(..., decimal=",").',
    "mixed": 'If it should be numbers, pandas.to_numeric({first}, errors="coerce") makes NaN of '
    "the text; if it should be text, {first}.astype(str) can be encoded.",
    "date": "Make numbers of them: with d = pandas.to_datetime({first}), d.dt.month is one, or "
    "(d - d.min()).dt.days.",
    "period": "Make numbers of them, such as {first}.dt.month.",
    "duration": "Make numbers of them: pandas.to_timedelta({first}).dt.total_seconds().",
    "object": "Make a number of each, or leave the column out.",
    "infinite": "Correct these values, or make NaN of them, X.replace([np.inf, -np.inf], np.nan), "
    "and put SimpleImputer() before the model.",
}


def _remedy(kind: str, names: list[Any], is_frame: bool, model: str, is_new: bool) -> str:
    """Return what to do, a line to write if there is one."""
    if not is_new and kind not in ("missing", "infinite"):
        return "Give numbers there, as in the rows of the fit."
    if not is_frame and kind in _OF_FRAMES:
        return "Give a DataFrame, and numbers in their place."
    columns = shown(names) if len(names) <= _MOST_NAMES else "[...]"
    encoder = f'(OneHotEncoder(handle_unknown="ignore"), {columns})'
    steps = {
        "missing": "SimpleImputer()",
        "text": f'make_column_transformer({encoder}, remainder="passthrough")',
    }
    if kind not in steps:
        return _REMEDIES[kind].format(first=f"X[{names[0]!r}]")
    verb = "Fill the gaps" if kind == "missing" else "Encode it"
    line = (
        f"make_pipeline({steps[kind]}, {model}())" if model else f"{steps[kind]}.fit_transform(X)"
    )
    return f"{verb}: {line}."


def _where(names: list[Any], is_frame: bool) -> str:
    told = ", ".join(shown(name) for name in names[:_MOST_NAMES])
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"column{'s' if len(names) > 1 else ''} {told}{more}"


def _value(value: Any) -> str:
    """Return a value as the user would write it."""
    import pandas as pd

    if isinstance(value, np.datetime64):
        return str(pd.Timestamp(value))
    if isinstance(value, np.timedelta64 | timedelta):
        return str(pd.Timedelta(value))
    return str(value) if hasattr(value, "year") else shown(value)
