"""Data larger than the memory that a fit may take: in processes that may allocate no more.

RLIMIT_DATA counts what a process allocates for itself, and not the pages of files that it maps to
read: so it forbids copies of X, and allows to look at X itself (RLIMIT_AS would count both).
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pages import ROOT

from softmax_reg import NpySource, SoftmaxRegression

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.platform != "linux", reason="platform: RLIMIT_DATA counts mapped memory on Linux alone"
    ),
]

N, P, K, MIB = 50_000, 256, 3, 1 << 20
X_BYTES = 8 * N * P

CAPPED_FIT = """
import resource, sys, threading
from pathlib import Path
import numpy as np, pandas as pd
from softmax_reg import CSVSource, NpySource, SoftmaxRegression

kind, solver, cap, stack = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
threading.stack_size(stack)
SoftmaxRegression(tol=0.1).fit(np.eye(3), [0, 1, 2])  # what the first fit alone allocates
status = Path("/proc/self/status").read_text().split()
now = 1024 * int(status[status.index("VmData:") + 1])
resource.setrlimit(resource.RLIMIT_DATA, (now + cap, now + cap))
model = SoftmaxRegression(solver=solver, tol=1e-3, random_state=0)
if kind == "load":
    np.load("X.npy")
elif kind == "memmap":
    model.fit(np.load("X.npy", mmap_mode="r"), np.load("y.npy", mmap_mode="r"))
elif kind == "npy":
    model.fit(NpySource("."))
else:
    model.set_params(tol=0.1).fit(CSVSource(["rows.csv"] * 6, target="y", chunksize=300))
if kind != "load":
    assert model.converged_
    np.save(f"coef_{kind}_{solver}.npy", model.coef_)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with X.npy, y.npy, the same as X_1.npy, y_1.npy, and rows of it as CSV."""
    folder, rng = tmp_path_factory.mktemp("large"), np.random.default_rng(0)
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float64, (N, P))
    y, W = np.empty(N, dtype=int), rng.normal(size=(P, K)) / np.sqrt(P)
    with open(folder / "rows.csv", "w", encoding="utf-8") as file:
        file.write(",".join([*(f"x{j}" for j in range(P)), "y"]) + "\n")
        for start in range(0, N, 5000):
            rows = rng.standard_normal((5000, P))
            y[start : start + 5000] = (rows @ W + rng.gumbel(size=(5000, K))).argmax(axis=1)
            X[start : start + 5000] = rows * np.geomspace(0.1, 100.0, P)
            if start == 0:
                lines = np.column_stack([X[start : start + 5000], y[start : start + 5000]])
                np.savetxt(file, lines, fmt=["%.7g"] * P + ["%d"], delimiter=",")
    X.flush()
    np.save(folder / "y.npy", y)
    (folder / "X_1.npy").hardlink_to(folder / "X.npy")
    (folder / "y_1.npy").hardlink_to(folder / "y.npy")
    return folder


def capped_fit(folder, kind, solver, cap, stack=8 * MIB):
    # Each thread has malloc take more from the system, used or not, unless told otherwise.
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", CAPPED_FIT, kind, solver, str(cap), str(stack)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MALLOC_ARENA_MAX": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def in_memory(folder):
    X, y = np.load(folder / "X.npy"), np.load(folder / "y.npy")
    return {
        solver: SoftmaxRegression(solver=solver, tol=1e-3, random_state=0).fit(X, y)
        for solver in ("auto", "sgd")
    }


def test_the_cap_forbids_to_load_the_rows(folder):
    done = capped_fit(folder, "load", "auto", 32 * MIB)
    assert "MemoryError" in done.stderr


@pytest.mark.parametrize("solver", ["auto", "sgd"])
def test_a_memory_map_is_fitted_in_a_third_of_its_size_and_bit_for_bit_as_in_memory(
    folder, in_memory, solver
):
    cap = 32 * MIB
    assert X_BYTES > 3 * cap
    done = capped_fit(folder, "memmap", solver, cap)
    assert done.returncode == 0, done.stderr
    assert_array_equal(np.load(folder / f"coef_memmap_{solver}.npy"), in_memory[solver].coef_)


@pytest.mark.parametrize("stack", [8 * MIB, 128 * MIB], ids=["threads", "no-room-for-threads"])
def test_a_folder_is_fitted_in_a_quarter_of_its_size(folder, in_memory, stack):
    done = capped_fit(folder, "npy", "auto", 24 * MIB, stack)
    assert done.returncode == 0, done.stderr
    coef, whole = np.load(folder / "coef_npy_auto.npy"), in_memory["auto"].coef_
    scale = np.geomspace(0.1, 100.0, P)
    assert_allclose(coef * scale, whole * scale, atol=1e-8)  # the same steps, to rounding
    # Nor does a source in this process give anything else.
    model = SoftmaxRegression(tol=1e-3).fit(NpySource(folder))
    assert_array_equal(model.coef_, coef)


def test_csv_files_larger_than_the_memory_allowed_are_fitted(folder):
    cap = 64 * MIB
    assert 6 * Path(folder / "rows.csv").stat().st_size > cap
    done = capped_fit(folder, "csv", "auto", cap)
    assert done.returncode == 0, done.stderr


CAPPED_USE = """
import resource, sys
from pathlib import Path
import numpy as np, pandas as pd
from softmax_reg import CSVSource, SoftmaxRegression, SoftmaxRegressionCV

kind, cap = sys.argv[1], int(sys.argv[2])
X, y = np.load("X.npy", mmap_mode="r"), np.load("y.npy")
X = pd.DataFrame(X[:500], columns=[f"x{j}" for j in range(X.shape[1])])
model = SoftmaxRegression(C=1e-4, tol=0.1).fit(X, y[:500])  # what the first fit alone allocates
one = CSVSource("rows.csv", target="y", columns=["x0"], chunksize=300)
SoftmaxRegression(C=1e-4, tol=0.5).fit(one)
expected, rows = model.score(X, y[:500]), CSVSource(["rows.csv"] * 4, target="y", chunksize=300)
status = Path("/proc/self/status").read_text().split()
now = 1024 * int(status[status.index("VmData:") + 1])
resource.setrlimit(resource.RLIMIT_DATA, (now + cap, now + cap))
if kind == "load":
    np.concatenate([X for X, _ in rows])
elif kind == "predict":
    proba = model.predict_proba(rows)
    assert proba.shape == (20_000, 3)
    assert (proba.argmax(axis=1)[:500] == model.predict(X)).all()
elif kind == "score":
    assert abs(model.score(rows) - expected) < 0.5
elif kind == "validate":
    model.set_params(tol=0.5).fit(X, y[:500], X_val=rows)
    assert len(model.validation_loss_curve_) == model.n_iter_[0] + 1
else:
    SoftmaxRegressionCV(Cs=[1e-6], cv=2, tol=0.5, refit=False).fit(rows)
"""


@pytest.mark.parametrize("kind", ["load", "predict", "score", "validate", "cross-validate"])
def test_csv_files_larger_than_the_memory_allowed_are_predicted_scored_and_validated(folder, kind):
    cap = 40 * MIB
    assert 2 * 4 * 5000 * 8 * P > 1.9 * cap
    done = subprocess.run(
        [sys.executable, "-c", CAPPED_USE, kind, str(cap)],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MALLOC_ARENA_MAX": "1",
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        text=True,
    )
    assert ("MemoryError" in done.stderr) == (kind == "load"), done.stderr
    assert (done.returncode == 0) == (kind != "load"), done.stderr
