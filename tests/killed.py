"""Fits that are killed: run as a script it forks one for every line that it reads.

Forking a process that has imported everything takes milliseconds, so that many fits can be killed.
A line is JSON: the arguments of `fit_or_resume`; the answer is the process id of the child.
"""

import json
import os
import signal
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import Checkpoint


def data():
    """Return data on which no solver is done at once: features of different size, noisy labels."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 6)) @ rng.normal(size=(6, 6)) * 10.0 ** np.arange(-2, 4)
    scores = X / X.std(axis=0) @ rng.normal(size=(6, 3)) + rng.gumbel(size=(150, 3))
    return X, np.array(["a", "b", "c"])[scores.argmax(axis=1)]


def slow(progress):
    """Take a few milliseconds."""
    time.sleep(0.003)


def fit_or_resume(path, done, every, params, pause=True):
    """Fit with a checkpoint, from where it stands if there is one; save the model when done."""
    callbacks = [Checkpoint(path, every=every), *([slow] if pause else [])]
    if Path(path).exists():
        model = SoftmaxRegression.resume(path, callbacks=callbacks)
    else:
        model = SoftmaxRegression(callbacks=callbacks, **params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(*data())
    model.save(done)
    return model


def serve():
    """Fork a fit for every line; children that have ended are not waited for."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            fit_or_resume(**json.loads(line))
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    serve()
