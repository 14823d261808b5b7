"""How do you fit a CSV file that is larger than memory?

Writes one, of as many megabytes as --megabytes says, and fits it a chunk at a time: at no time are
more than a few chunks in memory. With --convert the chunks are first copied to .npy files, which
read ten times as fast as CSV is parsed.
"""

import argparse
import resource
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

from softmax_reg import CSVSource, NpySource, SoftmaxRegression

N_FEATURES, CHUNK = 20, 10_000
MIB = 2.0**20


def write_csv(path, megabytes):
    """Write measurements in odd units, and which of three kinds each row is; return the rows."""
    rng = np.random.default_rng(0)
    directions, units = rng.normal(size=(N_FEATURES, 3)), 10.0 ** rng.uniform(-2, 3, N_FEATURES)
    n_rows = 0
    while n_rows == 0 or path.stat().st_size < megabytes * MIB:
        X = rng.normal(size=(CHUNK, N_FEATURES))
        kinds = (X @ directions + 3.0 * rng.gumbel(size=(CHUNK, 3))).argmax(axis=1)
        frame = pd.DataFrame(X * units, columns=[f"sensor_{j}" for j in range(N_FEATURES)])
        frame["kind"] = np.array(["low", "medium", "high"])[kinds]
        frame.to_csv(path, mode="a", header=n_rows == 0, index=False, float_format="%.9g")
        n_rows += CHUNK
    return n_rows


def peak_memory():
    """Return the largest resident size so far; Linux counts in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2.0**10


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--megabytes", type=float, default=10.0, help="try 400")
parser.add_argument("--convert", action="store_true", help="copy to .npy files first")
options = parser.parse_args()

with TemporaryDirectory() as folder:
    path = Path(folder, "sensors.csv")
    n_rows = write_csv(path, options.megabytes)
    size = path.stat().st_size / MIB
    print(f"{n_rows} rows of {N_FEATURES} features: a CSV file of {size:.0f} MiB\n")

    before, start = peak_memory(), perf_counter()
    source = CSVSource(path, target="kind")
    if options.convert:
        source = NpySource.write(Path(folder, "npy"), source)
        print(f"copied to .npy files in {perf_counter() - start:.0f} s")
    model = SoftmaxRegression(tol=1e-5, verbose=2).fit(source)

    seconds, extra = perf_counter() - start, peak_memory() - before
    print(f"\nfitted in {seconds:.1f} s with {extra:.0f} MiB of memory more than before the fit")
    print(f"mean loss {model.loss_curve_[0]:.3f} -> {model.loss_curve_[-1]:.3f}")
