"""What is written: whole files, over files alone, with errors of the user's path; logs go on."""

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hostile import data, output_of
from numpy.testing import assert_array_equal
from sklearn.exceptions import ConvergenceWarning

from softmax_reg import SoftmaxRegression
from softmax_reg._npz import files
from softmax_reg.callbacks import Checkpoint, LossLogger

needs_posix = pytest.mark.skipif(os.name == "nt", reason="no FIFO, no limits")


# What is no regular file


@needs_posix
@pytest.mark.parametrize("kind", ["FIFO", "directory", "device", "socket"])
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path, kind):
    path, model = tmp_path / "x", SoftmaxRegression().fit(*data())
    held = None
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "device":
        path.symlink_to("/dev/full")
    else:
        held = socket.socket(socket.AF_UNIX)
        held.bind(os.path.relpath(path))
    before = os.stat(path)
    for method in ("load", "resume"):
        with pytest.raises(ValueError, match=rf"/x' is a {kind}, not a file"):
            getattr(SoftmaxRegression, method)(path)
    with pytest.raises(OSError, match="is there") as told:
        model.save(path)
    assert told.value.filename == str(path)
    with pytest.raises(OSError, match=r"is there|needs the path of a file"):
        SoftmaxRegression(callbacks=Checkpoint(path)).fit(*data())
    after = os.stat(path)
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x"]
    if held is not None:
        held.close()


@needs_posix
def test_a_loop_of_links_is_an_error_of_the_users_path(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="levels of symbolic links") as told:
        SoftmaxRegression().fit(*data()).save(tmp_path / "a")
    assert told.value.filename == str(tmp_path / "a")


@needs_posix
def test_a_link_to_a_file_is_followed_and_so_is_one_to_nowhere(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "m.npz")
    model = SoftmaxRegression().fit(*data())
    for _ in range(2):
        model.save(tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert_array_equal(SoftmaxRegression.load(tmp_path / "link").coef_, model.coef_)
    assert [entry.name for entry in (tmp_path / "folder").iterdir()] == ["m.npz"]


# Writing


@pytest.mark.parametrize("length", [200, 244, 255])
def test_a_name_as_long_as_the_disk_takes_is_written(tmp_path, length):
    path = tmp_path / ("x" * (length - 4) + ".npz")
    SoftmaxRegression().fit(*data()).save(path)
    SoftmaxRegression(callbacks=Checkpoint(path)).fit(*data())
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_save_names_the_path_that_was_given(tmp_path, monkeypatch):
    model = SoftmaxRegression().fit(*data())
    for path in (tmp_path / "missing" / "m.npz", tmp_path / ("x" * 300)):
        with pytest.raises(OSError, match=path.name) as told:
            model.save(path)
        assert told.value.filename == str(path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device", "temporary")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as told:
        model.save(tmp_path / "m.npz")
    assert told.value.filename == str(tmp_path / "m.npz")
    assert ".tmp" not in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_the_warning_of_a_checkpoint_names_its_path(tmp_path, monkeypatch):
    X, y = data()

    def remove(progress):
        if progress.n_iter == 1:
            (tmp_path / "folder" / "c.npz").unlink()
            (tmp_path / "folder").rmdir()

    (tmp_path / "folder").mkdir()
    callbacks = [Checkpoint(tmp_path / "folder" / "c.npz", every=3), remove]
    with pytest.warns(RuntimeWarning, match=r"could not be written.*folder/c\.npz'"):
        SoftmaxRegression(callbacks=callbacks).fit(X, y)


@pytest.mark.parametrize("callback", [Checkpoint, LossLogger])
def test_a_missing_folder_is_told_before_a_fit_begins(tmp_path, callback):
    path = tmp_path / "missing" / "x"
    model = SoftmaxRegression(callbacks=callback(path))
    with pytest.raises(FileNotFoundError, match=r"make .*missing' first") as told:
        model.fit("not looked at", None)
    assert told.value.filename == str(path)
    (tmp_path / "missing").write_text("a file")
    with pytest.raises(NotADirectoryError, match="needs a folder"):
        model.fit("not looked at", None)
    with pytest.raises(IsADirectoryError, match="needs the path of a file"):
        model.set_params(callbacks=callback(tmp_path)).fit("not looked at", None)


@pytest.mark.skipif(files.fcntl is None, reason="no locks")
def test_what_killed_writers_left_is_removed_and_what_living_ones_write_is_not(tmp_path):
    model, path = SoftmaxRegression().fit(*data()), tmp_path / "m.npz"
    path.touch()
    prefix = []
    real = files._remove_stale
    files._remove_stale = lambda folder, start: prefix.append(start)
    try:
        model.save(path)
    finally:
        files._remove_stale = real
    names = [f"{prefix[0]}{letters}.tmp" for letters in ("dead", "alive")]
    for name in names:
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".softmax_reg-of-another.tmp").touch()
    with (tmp_path / names[1]).open("rb") as alive:
        files.fcntl.flock(alive, files.fcntl.LOCK_EX)
        model.save(path)
        left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"m.npz", names[1], ".softmax_reg-of-another.tmp"}


@pytest.mark.skipif(files.fcntl is None, reason="no locks")
def test_a_writer_whose_new_file_is_removed_takes_another_one(tmp_path, monkeypatch):
    real, removed = files._is_ours, []

    def late(file):
        if not removed:
            removed.append(file.name)
            os.unlink(file.name)
        return real(file)

    monkeypatch.setattr(files, "_is_ours", late)
    SoftmaxRegression().fit(*data()).save(tmp_path / "m.npz")
    assert removed
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.npz"]
    monkeypatch.setattr(files, "_is_ours", lambda file: bool(os.unlink(file.name)))
    with pytest.raises(OSError, match="keep removing"):
        SoftmaxRegression().fit(*data()).save(tmp_path / "m.npz")


@needs_posix
@pytest.mark.slow
def test_writers_that_are_killed_beside_others_leave_a_whole_file_and_nothing_else(tmp_path):
    path = tmp_path / "m.npz"
    code = (
        "from softmax_reg._npz import files\n"
        f"while True: files.replace({str(path)!r}, bytes(1 << 20))"
    )
    root = str(Path(__file__).parents[1])
    rng = np.random.default_rng(0)
    for _ in range(6):
        writers = [
            subprocess.Popen([sys.executable, "-c", code], cwd=root, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        while not path.exists():
            assert [writer.poll() for writer in writers] == [None] * 3
        try:
            writers[0].wait(timeout=float(rng.uniform(0.1, 1.0)))
        except subprocess.TimeoutExpired:
            pass
        assert [writer.poll() for writer in writers] == [None] * 3
        for writer in writers:
            writer.kill()
            writer.communicate()
        assert path.read_bytes() == bytes(1 << 20)
    files.replace(path, b"whole")
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.npz"]


# The log


def test_a_log_on_a_full_disk_warns_once_and_the_fit_goes_on(tmp_path, monkeypatch):
    X, y = data()
    expected = SoftmaxRegression().fit(X, y)
    path, opened_files = tmp_path / "log.csv", []
    real = open

    def failing(name, *args, **kwargs):
        file = real(name, *args, **kwargs)
        opened_files.append(name)
        if 3 <= len(opened_files) < 6:
            real_write = file.write

            def write(text):
                real_write(text[: len(text) // 2])  # there is room for half a row
                file.flush()
                raise OSError(errno.ENOSPC, "No space left on device")

            return type("Full", (), {
                "write": staticmethod(write), "__enter__": lambda self: self,
                "__exit__": lambda self, *error: file.close(),
            })()  # fmt: skip
        return file

    monkeypatch.setattr("softmax_reg.callbacks.loss_logger.open", failing, raising=False)
    logger = LossLogger(path)
    with pytest.warns(RuntimeWarning, match=r"log\.csv' could not be written.*No space") as told:
        model = SoftmaxRegression(callbacks=logger).fit(X, y)
    assert len(told) == 1
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(pd.read_csv(path)["iteration"], np.arange(model.n_iter_[0] + 1))
    assert_array_equal(pd.read_csv(path)["loss"], logger.to_frame()["loss"])


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is full")
def test_a_log_on_a_disk_that_is_full_from_the_start_warns():
    with pytest.warns(RuntimeWarning, match=r"/dev/full' could not be written.*No space"):
        model = SoftmaxRegression(callbacks=LossLogger("/dev/full")).fit(*data())
    assert len(model.callbacks.rows) == model.n_iter_[0] + 1


@pytest.mark.slow
@needs_posix
def test_a_limit_on_the_size_of_files_costs_the_log_and_the_checkpoint_and_not_the_fit(tmp_path):
    code = (
        "import warnings, resource, numpy as np\n"
        "from softmax_reg import SoftmaxRegression\n"
        "from softmax_reg.callbacks import LossLogger, Checkpoint\n"
        "rng = np.random.default_rng(0); X = rng.normal(size=(60, 4)); y = np.arange(60) % 3\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150, 150))\n"
        "with warnings.catch_warnings(record=True) as told:\n"
        "    warnings.simplefilter('always')\n"
        "    model = SoftmaxRegression(callbacks=LossLogger('log.csv')).fit(X, y)\n"
        "print(model.converged_, len(told), open('log.csv').read()[-1] == '\\n')"
    )
    assert output_of(code, cwd=tmp_path).split() == ["True", "1", "True"]


# What resume is given


def test_resume_takes_callbacks_and_their_paths_from_the_user_alone(tmp_path):
    X, y = data()
    callbacks = [LossLogger(tmp_path / "a.csv"), Checkpoint(tmp_path / "c.npz", every=2)]
    expected = SoftmaxRegression(callbacks=callbacks, max_iter=5, tol=0.0, solver="gd")
    with pytest.warns(ConvergenceWarning):
        expected.fit(X, y)
    with pytest.warns(UserWarning, match=r"had the callbacks LossLogger\('.*a\.csv'\)"):
        model = SoftmaxRegression.resume(tmp_path / "c.npz")
    (checkpoint,) = model.callbacks
    assert (checkpoint.path, checkpoint.every) == (tmp_path / "c.npz", 2)
    (tmp_path / "a.csv").unlink()
    logger = LossLogger(tmp_path / "b.csv")
    model = SoftmaxRegression.resume(tmp_path / "c.npz", callbacks=logger)
    assert model.callbacks[0] is logger
    assert isinstance(model.callbacks[1], Checkpoint)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, y)
    assert_array_equal(pd.read_csv(tmp_path / "b.csv")["loss"], expected.loss_curve_)
    assert not (tmp_path / "a.csv").exists()
    own = Checkpoint(tmp_path / "other.npz")
    assert SoftmaxRegression.resume(tmp_path / "c.npz", callbacks=[own]).callbacks == [own]
    with pytest.raises(TypeError, match="cannot be called"):
        SoftmaxRegression.resume(tmp_path / "c.npz", callbacks=3)


def test_a_callback_that_remembers_text_is_refused_when_it_is_written(tmp_path):
    class Own:
        def __call__(self, progress):
            pass

        def get_state(self):
            return {"text": "abc"}

        def set_state(self, state):
            raise AssertionError

    callbacks = [Own(), Checkpoint(tmp_path / "c.npz")]
    with pytest.raises(TypeError, match=r"Own 0/text holds str.*has to be numbers"):
        SoftmaxRegression(callbacks=callbacks).fit(*data())


def test_a_logger_takes_numbers_alone():
    with pytest.raises(ValueError, match="column loss of a log must hold numbers"):
        LossLogger().set_state({"iteration": [0], "loss": [";command;"]})
