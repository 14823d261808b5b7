"""The command `softmax-reg`: fits CSV files, predicts them and shows models, without code."""

from softmax_reg.command_line.program import main

__all__ = ["main"]
