"""What watches a run: early stopping, a record of the losses, lines of progress, checkpoints.

A callback is called with a `Progress` for every point, the starting point too; True means stop,
whatever else it returns means nothing.  All are called, always, in this order: printers, loggers,
early stopping, then the user's own.
"""

from softmax_reg.callbacks.checkpoint import Checkpoint
from softmax_reg.callbacks.early_stopping import EarlyStopping
from softmax_reg.callbacks.loss_logger import LossLogger
from softmax_reg.callbacks.path_progress import PathPoint, PathProgress
from softmax_reg.callbacks.print_progress import PrintProgress
from softmax_reg.solvers.events import Callback, Progress

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "LossLogger",
    "PathPoint",
    "PathProgress",
    "PrintProgress",
    "Progress",
]
