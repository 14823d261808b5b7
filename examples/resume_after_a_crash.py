"""What is left of a long fit when its process is killed? All but the last few iterations.

A child process fits and is killed; this one goes on from its checkpoint, to the very same bits.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import Checkpoint

X, y = load_digits(return_X_y=True)
EVERY = 5


def train(path: str, *others) -> SoftmaxRegression:
    """Fit with a checkpoint every few iterations."""
    callbacks = [Checkpoint(path, every=EVERY), *others]
    return SoftmaxRegression(solver="gd", tol=1e-5, callbacks=callbacks).fit(X, y)


def pretend_to_be_slow(progress) -> None:
    """Take a tenth of a second for each iteration, as a larger table would."""
    time.sleep(0.1)


if __name__ == "__main__" and len(sys.argv) == 2:  # the child
    train(sys.argv[1], pretend_to_be_slow)
elif __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/digits.npz"
        child = subprocess.Popen([sys.executable, __file__, path])
        while not Path(path).exists():
            time.sleep(0.01)
        time.sleep(2.0)
        child.kill()  # SIGKILL: there is no time left to save anything
        child.wait()

        # No file makes a callback: they are given again, here without the one that makes it slow.
        model = SoftmaxRegression.resume(path, callbacks=Checkpoint(path, every=EVERY))
        print(f"killed; the checkpoint is of iteration {model.n_iter_[0]}")
        print(f"it predicts already: accuracy {model.score(X, y):.3f}")

        model.fit(X, y)
        whole = train(f"{folder}/whole.npz")
        print(f"resumed, it ended after {model.n_iter_[0]} iterations")
        print(f"a fit that nothing interrupted ended after {whole.n_iter_[0]}")
        same = np.array_equal(model.coef_, whole.coef_)
        print(f"their coefficients are the same, bit for bit: {same}")

        model.save(f"{folder}/model.npz")
        again = SoftmaxRegression.load(f"{folder}/model.npz")
        same = np.array_equal(again.predict_proba(X), model.predict_proba(X))
        print(f"saved and loaded, so are the predictions: {same}")
