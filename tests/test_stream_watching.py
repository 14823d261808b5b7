"""What `partial_fit` tells those who watch a stream, and what it warns of."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from problems import data

from softmax_reg import SoftmaxRegression
from softmax_reg.callbacks import Checkpoint, LossLogger

X, Y = data("wine")
BATCHES = np.array_split(np.random.default_rng(0).permutation(len(Y)), 6)


def learn(model, batches=BATCHES):
    for rows in batches:
        model.partial_fit(X[rows], Y[rows], classes=[0, 1, 2])
    return model


def test_a_logger_has_a_row_for_each_batch_and_a_checkpoint_a_model_that_goes_on(tmp_path):
    logger, path = LossLogger(accuracy=True), tmp_path / "stream.npz"
    model = learn(SoftmaxRegression(callbacks=[logger, Checkpoint(path, every=3)]), BATCHES[:4])
    assert_array_equal(logger.to_frame()["loss"], model.loss_curve_)
    loaded = SoftmaxRegression.load(path)
    assert loaded.n_iter_[0] == 3
    assert_array_equal(learn(loaded, BATCHES[3:]).coef_, learn(model, BATCHES[4:]).coef_)


def test_verbose_prints_batches_and_what_is_not_used_is_warned_of_once(capsys):
    model = SoftmaxRegression(verbose=1, solver="sgd", learning_rate=0.1)
    with pytest.warns(UserWarning, match="no use of solver='sgd', learning_rate=0.1") as told:
        learn(model)
    assert len(told) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[1]) for line in lines] == [1, 2, 5]
