"""Where lines of progress are printed, how often, and how long what is left may take.

Lines at steps 1, 2, 5, 10, ... stay; on a terminal and in a notebook one below them is written over
and over.
"""

from __future__ import annotations

import shutil
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, ClassVar, TextIO

__all__ = ["ProgressLine", "RemainingTime", "duration", "in_one_line"]

# Seconds between two updates of a line that is rewritten, and at most between two of a log.
_SHORTEST, _LONGEST = 0.1, 10.0
# The end is known when so many estimates of it differ by no more than this factor.
_FEWEST, _AGREED = 4, 1.5


class ProgressLine:
    """What printers of progress have in common: `tell` for everything that happens, then `finish`.

    Parameters
    ----------
    every : int or None, default=None
        How many steps are between two lines that stay; None means lines at steps 0, 1, 2, 5, 10,
        20, ..., in a log file at least every ten seconds, and where a line can be written over one
        below them that is kept up to date.
    file : text stream or None, default=None
        Where to print; None means `sys.stdout` as it is at that time.
    """

    order: ClassVar[int] = 0

    def __init__(self, every: int | None = None, file: TextIO | None = None) -> None:
        self.every, self.file = every, file
        self._start()

    def _start(self) -> None:
        self._last: tuple[int, float, Callable[..., str]] | None = None
        self._stayed, self._shown_at, self._end = -1, 0.0, ""
        self._screen: Any = None

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
        self._screen = self._screen or _screen(self._stream)
        waited = seconds - self._shown_at
        if self._is_step(n) or (not self._screen.is_live and self._waits_too_long(waited)):
            self._show(stays=True)
        elif self._screen.is_live and self.every is None and waited >= _SHORTEST:
            self._show(stays=False)

    def go_on_from(self, n: int) -> None:
        """Take the lines up to step n as printed."""
        self._stayed = n

    def conclude(self, reason: str) -> None:
        """Take note of why what is told has ended, for the last line."""
        self._end = reason

    def finish(self) -> None:
        """Print what was told last, if it has not been, and why it was the last."""
        if self._last is not None:
            if self._last[0] != self._stayed:
                self._show(stays=True, is_last=True)
            if self._end:
                self._screen.show(self._end, stays=True)
        self._start()

    def _is_step(self, n: int) -> bool:
        if self.every is not None:
            return n // self.every > self._stayed // self.every  # what is told may jump over it
        return _last_round(n) > self._stayed

    def _waits_too_long(self, seconds: float) -> bool:
        return self.every is None and seconds >= _LONGEST

    @property
    def _stream(self) -> TextIO:
        return sys.stdout if self.file is None else self.file

    def _show(self, stays: bool, is_last: bool = False) -> None:
        assert self._last is not None
        n, seconds, text = self._last
        self._screen.show(text(self._screen.width, is_last), stays)
        self._stayed, self._shown_at = n if stays else self._stayed, seconds


class _Log:
    """A stream whose lines stay."""

    is_live = False
    width: int | None = None

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def show(self, line: str, stays: bool) -> None:
        print(line, file=self._stream, flush=True)


class _Terminal(_Log):
    """A stream whose last line can be written over."""

    is_live = True

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._written = 0

    @property
    def width(self) -> int | None:  # type: ignore[override]
        return shutil.get_terminal_size().columns - 1

    def show(self, line: str, stays: bool) -> None:
        over = "\r" + line.ljust(self._written)
        print(over, end="\n" if stays else "", file=self._stream, flush=True)
        self._written = 0 if stays else len(line)


class _Notebook:
    """One output of a notebook, which is replaced: what is saved is what was seen last."""

    is_live = True
    width: int | None = None

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display, self._handle = display, None
        self._lines: list[str] = []

    def show(self, line: str, stays: bool) -> None:
        text = {"text/plain": "\n".join([*self._lines, line])}
        if self._handle is None:
            self._handle = self._display(text, raw=True, display_id=True)
        else:
            self._handle.update(text, raw=True)
        self._lines += [line] if stays else []


def _screen(stream: TextIO) -> Any:
    if type(stream).__module__.partition(".")[0] == "ipykernel":
        from IPython.display import display  # type: ignore[import-not-found]

        return _Notebook(display)
    is_terminal = hasattr(stream, "isatty") and stream.isatty()
    return _Terminal(stream) if is_terminal else _Log(stream)


class RemainingTime:
    """How long the rest may take, judged by the second half of the time it took so far."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self._counts: list[int] = []
        self._ends: list[float] = []

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

    def expect(self, left: float | None) -> None:
        """Take note of what is left by the last note, None if unknown."""
        self._ends.append(self._seconds[-1] + (inf if left is None else left))

    @property
    def known(self) -> float | None:
        """What is left where the expectations of the second half of the time agree, else None.

        They agree where none leaves more than `_AGREED` times as much as another.
        """
        now, lately = self._seconds[-1], self._ends[self._half() :]
        least, most = min(lately) - now, max(lately) - now
        is_known = len(lately) >= _FEWEST and 0.0 < most <= _AGREED * least < inf
        return self._ends[-1] - now if is_known else None

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
