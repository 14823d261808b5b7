"""The version of the package, and those of all that it runs with."""

from __future__ import annotations

from softmax_reg._compat import show_versions_of_scikit_learn

__all__ = ["__version__", "show_versions"]

__version__ = "0.1.0"


def show_versions() -> None:
    """Print what a report of a fault needs: the versions, the system and the threads.

    Examples
    --------
    >>> import softmax_reg
    >>> softmax_reg.show_versions()  # doctest: +ELLIPSIS
    softmax_reg: ...
    <BLANKLINE>
    System:
    ...
    """
    print(f"softmax_reg: {__version__}")
    show_versions_of_scikit_learn()
