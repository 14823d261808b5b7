"""One fit, measured: in a process with its number of threads fixed, killed at the time limit.

A worker loads its problem once and fits whatever it is asked to, so contenders take turns in one
process; loading, imports, a warm-up fit and the harness's objective are outside the clock.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.contenders import Shape
from benchmarks.ladders import Setting

# What OpenBLAS, MKL, BLIS, Accelerate and the OpenMP run-times read when they are loaded.
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_START_SECONDS = 300.0  # loading a problem and importing the packages
_WARM_UP_SECONDS = 120.0
_REST_SECONDS = 0.02  # BLAS threads spin for a while after their work


@dataclass(frozen=True)
class Task:
    """What a worker works on."""

    problem: str
    data: Path | None
    toy: bool
    threads: int  # 0: as many as the libraries take by themselves


@dataclass
class Outcome:
    """What came of a fit: status "ok", "timeout" or "error"."""

    status: str
    seconds: float
    objective: float = float("nan")
    n_iter: int = -1
    solver: str = ""
    converged: bool | None = None
    warned: str = ""
    detail: str = ""


class Bench(Protocol):
    """What a worker fits on: made of X, y and the number of threads."""

    def warm_up(self, name: str) -> None:
        """Let a contender import, start its threads and fit something tiny, once."""

    def fit(self, name: str, setting: Any) -> tuple[Outcome, Any]:
        """Fit and measure; return what came of it, and what was fitted or None."""

    def objective(self, fitted: Any, setting: Any) -> float:
        """Return the objective of what was fitted."""


class Worker:
    """A process that fits on demand; it starts when first needed and again after it was killed."""

    def __init__(self, task: Task, bench: Callable[[Any, Any, int], Bench] | None = None) -> None:
        self.task, self._bench = task, bench or _Bench
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Any = None
        self._shape: Shape | None = None
        self._in_step = True  # whether no answer is due

    def launch(self) -> None:
        """Start the process if need be, without waiting for it."""
        if self._process is not None:
            return
        self._pipe, theirs = self._context.Pipe()
        arguments = (theirs, self.task, self._bench)
        self._process = self._context.Process(target=_serve, args=arguments, daemon=True)
        with _threads_in_environment(self.task.threads):
            self._process.start()
        theirs.close()
        self._shape = None

    def start(self) -> Shape:
        """Wait until the process is ready; return the shape of its problem."""
        self.launch()
        if self._shape is None:
            self._shape = self._receive(_START_SECONDS)
        assert self._shape is not None
        return self._shape

    def fit(self, contender: str, setting: Any, limit: float) -> Outcome:
        """Fit once, for at most `limit` seconds."""
        self.start()
        seconds = float("nan")
        try:
            self._pipe.send((contender, setting))
            self._receive(_WARM_UP_SECONDS)
            began = time.perf_counter()
            try:
                self._receive(limit)
            except TimeoutError:
                return Outcome("timeout", time.perf_counter() - began, detail="killed at the limit")
            return self._receive(_START_SECONDS)
        except TimeoutError:
            return Outcome("error", seconds, detail="the worker does not answer")
        except (EOFError, OSError):
            return Outcome("error", seconds, detail="the process died, out of memory perhaps")
        finally:
            if not self._in_step:
                self.close()

    def _receive(self, limit: float) -> Any:
        self._in_step = False
        if not self._pipe.poll(limit):
            raise TimeoutError
        message = self._pipe.recv()
        self._in_step = True
        return message

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None


@contextmanager
def _threads_in_environment(threads: int) -> Iterator[None]:
    """Set what a starting process reads as its number of threads, for a while."""
    before = {name: os.environ.pop(name, None) for name in _THREAD_VARIABLES}
    if threads:
        os.environ |= dict.fromkeys(_THREAD_VARIABLES, str(threads))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


# What follows runs in the worker.


def _serve(pipe: Any, task: Task, kind: Callable[[Any, Any, int], Bench]) -> None:
    """Answer requests until the pipe closes: "ready", "fitted" and an Outcome for each."""
    import signal

    import scipy.sparse as sp

    from benchmarks.problems import registry

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that asks
    X, y = registry(task.data)[task.problem].load(task.toy)
    bench = kind(X, y, task.threads)
    pipe.send(Shape(X.shape[0], X.shape[1], int(y.max()) + 1, bool(sp.issparse(X))))
    while True:
        try:
            name, setting = pipe.recv()
        except EOFError:
            return
        bench.warm_up(name)
        gc.collect()
        time.sleep(_REST_SECONDS)
        pipe.send("ready")
        outcome, fitted = bench.fit(name, setting)
        pipe.send("fitted")
        if fitted is not None:
            outcome.objective = bench.objective(fitted, setting)
        pipe.send(outcome)


class _Bench:
    """The contenders of the race under an L2 penalty, by the wall time of their fits."""

    def __init__(self, X: Any, y: Any, threads: int) -> None:
        from benchmarks.contenders import contenders

        self.X, self.y, self.threads = X, y, threads
        self.known, self.warm = contenders(), set[str]()

    def warm_up(self, name: str) -> None:
        if name in self.warm:
            return
        self.warm.add(name)
        self._import_and_fit(self.known[name])
        gc.freeze()  # what was imported need not be looked through before each fit

    def _import_and_fit(self, contender: Any) -> None:
        import numpy as np
        import scipy.sparse as sp

        if contender.needs == "sklearnex" and self.threads:
            import daal4py

            daal4py.daalinit(self.threads)  # its thread pool reads no environment variable
        rng = np.random.default_rng(0)
        X, y = rng.standard_normal((120, 4)), np.arange(120) % 3
        X[:, 0] += y
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            setting = contender.ladder.setting(contender.ladder.first)
            try:
                contender.fit(sp.csr_matrix(X) if sp.issparse(self.X) else X, y, setting)
            except Exception:
                return  # the fit that is measured will say what is wrong

    def fit(self, name: str, setting: Setting) -> tuple[Outcome, Any]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            began = time.perf_counter()
            try:
                fitted = self.known[name].fit(self.X, self.y, setting)
            except Exception as error:
                return Outcome("error", time.perf_counter() - began, detail=one_line(error)), None
            seconds = time.perf_counter() - began
        # Only what tells the user that the fit may be wrong counts as a warning.
        telling = [
            w for w in caught if not issubclass(w.category, (FutureWarning, DeprecationWarning))
        ]
        warned = telling[0].category.__name__ if telling else ""
        detail = one_line(telling[0].message) if telling else ""
        outcome = Outcome("ok", seconds, warned=warned, detail=detail, n_iter=fitted.n_iter)
        outcome.solver = fitted.solver
        outcome.converged = not warned if fitted.converged is None else bool(fitted.converged)
        return outcome, fitted

    def objective(self, fitted: Any, setting: Setting) -> float:
        import numpy as np

        from benchmarks.objective import objective
        from benchmarks.problems import C

        with np.errstate(all="ignore"):
            return objective(self.X, self.y, fitted.W, fitted.b, C)


def one_line(error: BaseException | Any) -> str:
    """Return what an error or a warning says, short enough for a line of a table."""
    kind = f"{type(error).__name__}: " if isinstance(error, Exception) else ""
    return (kind + " ".join(str(error).split()))[:120].replace("#", "")
