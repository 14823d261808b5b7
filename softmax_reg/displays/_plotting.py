"""What the displays share: colours, and how data, names, styles and axes are taken.

matplotlib is imported when a picture is drawn; nothing is shown and no global setting changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from softmax_reg._checks.shown import shown

__all__ = [
    "COLORS",
    "GUIDE",
    "Floats",
    "Kwargs",
    "across_and_down",
    "as_curve",
    "axes_for",
    "one_for_each",
    "shortened",
    "spelled_out",
]

Floats: TypeAlias = NDArray[np.float64]
Kwargs: TypeAlias = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None

# Okabe and Ito (2008), "Color Universal Design", without their yellow, too pale for thin lines.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GUIDE: dict[str, Any] = {"color": "0.45", "linewidth": 1.0, "linestyle": ":", "zorder": 1}


def as_curve(values: ArrayLike, name: str) -> Floats:
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or curve.size == 0:
        raise ValueError(f"{name} must be one-dimensional and not empty, got shape {curve.shape}")
    return curve


def one_for_each(given: Any, n_curves: int, name: str) -> list[Any]:
    """Return a list of `n_curves` items; a single one is for all, but a name for one curve only."""
    if isinstance(given, Mapping):
        return [given] * n_curves
    items = [given] if isinstance(given, str) else list(given)
    if len(items) != n_curves:
        raise ValueError(
            f"{name} must hold one item for each of {n_curves} curves, got {shown(given)}"
        )
    return items


def spelled_out(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Replace matplotlib's short names, "c" for "color", so that they override the defaults."""
    from matplotlib.cbook import normalize_kwargs
    from matplotlib.lines import Line2D

    return dict(normalize_kwargs(dict(kwargs), Line2D))


def axes_for(ax: Any) -> Any:
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots(layout="constrained")[1]


def across_and_down(n: int, most: int = 3) -> tuple[int, int]:
    """Return how many panels are in a row, and how many rows there are."""
    across = min(n, most)
    return across, -(-n // across)


def shortened(name: str, longest: int) -> str:
    """Return a name of at most so many characters; what is left out is in the middle.

    >>> shortened("worst concave points of the largest nucleus", 20)
    'worst con…st nucleus'
    """
    if len(name) <= longest:
        return name
    start = (longest - 1) // 2
    return f"{name[:start]}…{name[start + 1 - longest :]}"
