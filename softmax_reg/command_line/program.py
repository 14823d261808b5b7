"""`main`: runs a command, tells errors in one line, and returns the exit status."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from softmax_reg._compat import ConvergenceWarning
from softmax_reg.command_line.arguments import parsed
from softmax_reg.command_line.commands import COMMANDS

__all__ = ["main"]

# The statuses that `arguments` documents; those above 128 are a shell's for SIGINT and SIGPIPE.
_DONE, _WRONG, _NOT_CONVERGED, _INTERRUPTED, _CLOSED = 0, 2, 3, 130, 141


def main(arguments: list[str] | None = None) -> int:
    """Run the command `softmax-reg`.

    Parameters
    ----------
    arguments : list of str or None, default=None
        What follows the name of the command; None means the arguments of the process.

    Returns
    -------
    status : int
        0 done, 2 wrong input, 3 not converged, 130 interrupted, 141 the output was closed.

    Raises
    ------
    SystemExit
        With status 2 if the arguments are wrong; 0 after help.
    """
    given = parsed(arguments)
    try:
        with _warnings_told() as told:
            is_interrupted = COMMANDS[given.command](given)
            sys.stdout.flush()
    except KeyboardInterrupt:
        return _end("interrupted", _INTERRUPTED)
    except BrokenPipeError:
        # What is left in the buffer has no reader, and Python flushes it at the end.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        return _end("the reader of the output was closed", _CLOSED)
    except (OSError, ValueError) as error:
        return _end(f"error: {_in_words(error)}", _WRONG)
    if is_interrupted:
        return _INTERRUPTED
    return _NOT_CONVERGED if any(issubclass(kind, ConvergenceWarning) for kind in told) else _DONE


def _end(message: str, status: int) -> int:
    print(f"softmax-reg: {message}", file=sys.stderr)
    return status


def _in_words(error: Exception) -> str:
    """Return the message of an error in one line."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split())


@contextmanager
def _warnings_told() -> Iterator[list[type[Warning]]]:
    """Print each warning in one line to standard error; yield a list of their categories."""
    told: list[type[Warning]] = []

    def tell(message: Any, category: type[Warning], *place: Any, **more: Any) -> None:
        told.append(category)
        print(f"softmax-reg: warning: {' '.join(str(message).split())}", file=sys.stderr)

    with warnings.catch_warnings():
        for category in (UserWarning, RuntimeWarning, FutureWarning):
            warnings.simplefilter("always", category)
        warnings.showwarning = tell
        yield told
