"""Where lines of progress are printed, how often, and how long what is left may take.

On a terminal and in a notebook one line is written over and over; a log file gets new lines, ever
fewer of them.
"""

from __future__ import annotations

import shutil
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TextIO

__all__ = ["Lines", "Pace", "duration", "in_one_line"]

# Seconds between two updates of a line that is rewritten, and at most between two of a log.
_SHORTEST, _LONGEST = 0.1, 10.0


class Lines:
    """What printers of progress have in common: `tell` for everything that happens, then `finish`.

    Parameters
    ----------
    verbose : int, default=1
        From 2 on everything that is told gets a line of its own.
    file : text stream or None, default=None
        Where to print; None means `sys.stdout` as it is at that time.
    """

    order: ClassVar[int] = 0

    def __init__(self, verbose: int = 1, file: TextIO | None = None) -> None:
        self.verbose, self.file = verbose, file
        self._start()

    def _start(self) -> None:
        self._last: tuple[int, float, Callable[..., str]] | None = None
        self._shown, self._shown_at, self._width = -1, 0.0, 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.verbose})"

    def __deepcopy__(self, memo: Any) -> Lines:
        return type(self)(self.verbose, self.file)  # a stream has no copies

    def tell(self, n: int, seconds: float, text: Callable[[int | None, bool], str]) -> None:
        """Print a line if it is time for one.

        Parameters
        ----------
        n : int
            How much has been done, in steps that rise.
        seconds : float
            Since the beginning, by the clock of what is told.
        text : callable (width, is_last) -> str
            The line; if `width` is not None, not longer than that.
        """
        self._last = n, seconds, text
        waited = seconds - self._shown_at
        if self._is_live:
            due = self._shown < 0 or waited >= _SHORTEST
        else:
            # What is told may jump over a round number.
            due = self.verbose > 1 or _last_round(n) > self._shown or waited >= _LONGEST
        if due:
            self._show()

    def finish(self) -> None:
        """Print what was told last, if it has not been, and end the line."""
        if self._last is not None:
            if self._is_live or self._last[0] != self._shown:
                self._show(is_last=True)
            if self._is_live:
                print(file=self._stream, flush=True)
        self._start()

    @property
    def _stream(self) -> TextIO:
        return sys.stdout if self.file is None else self.file

    @property
    def _is_live(self) -> bool:
        """Whether what is printed can be written over."""
        stream = self._stream
        in_notebook = type(stream).__module__.partition(".")[0] == "ipykernel"
        on_terminal = hasattr(stream, "isatty") and stream.isatty()
        return self.verbose == 1 and (in_notebook or on_terminal)

    def _show(self, is_last: bool = False) -> None:
        assert self._last is not None
        n, seconds, text = self._last
        if self._is_live:
            line = text(shutil.get_terminal_size().columns - 1, is_last)
            print("\r" + line.ljust(self._width), end="", file=self._stream, flush=True)
            self._width = len(line)
        else:
            print(text(None, is_last), file=self._stream, flush=True)
        self._shown, self._shown_at = n, seconds


class Pace:
    """How long the rest may take, judged by the second half of the time it took so far."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._counts: list[int] = []

    def note(self, n: int, seconds: float) -> None:
        """Take note of what has been done by then."""
        self._seconds.append(seconds)
        self._counts.append(n)

    def until(self, n: int) -> float | None:
        """Return the seconds until so much will have been done, None if unknown."""
        half = self._half()
        done = self._counts[-1] - self._counts[half]
        if done < 1:
            return None
        return (self._seconds[-1] - self._seconds[half]) / done * (n - self._counts[-1])

    def _half(self) -> int:
        """Return the position of the last note taken before half of the time had gone."""
        return max(bisect_right(self._seconds, self._seconds[-1] / 2.0) - 1, 0)


def in_one_line(parts: dict[str, str], dropped: Sequence[str], width: int | None) -> str:
    """Return the parts that are not empty, without the first ones of `dropped` if too long."""
    line = "  ".join(filter(None, parts.values()))
    for least in dropped:
        if width is not None and len(line) > width:
            parts = {name: part for name, part in parts.items() if name != least}
            line = "  ".join(filter(None, parts.values()))
    return line[:width]  # one that wraps could not be taken back


def _last_round(n: int) -> int:
    """Return the last of 0, 1, 2, 5, 10, 20, 50, ... up to n."""
    power = 10 ** (len(str(n)) - 1)
    return power * max(k for k in (0, 1, 2, 5) if k * power <= n)


def duration(seconds: float) -> str:
    """Return seconds in two or three digits.

    >>> [duration(t) for t in (0.234, 12.3, 200, 7500, 1e6)]
    ['0.23 s', '12 s', '3.3 min', '2.1 h', '278 h']
    """
    if seconds < 60.0:
        return f"{seconds:.2g} s"
    number, unit = (seconds / 60.0, "min") if seconds < 3600.0 else (seconds / 3600.0, "h")
    return f"{number:.1f} {unit}" if number < 10.0 else f"{number:.0f} {unit}"
