"""The words of the command `softmax-reg`, and its help."""

from __future__ import annotations

import argparse
import csv
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from typing import Any

from softmax_reg._version import __version__

__all__ = ["parsed"]

_ENDS = """\
exit status:
  0    done
  2    a wrong argument, file, column or value; no model was written
  3    the fit did not converge; the model was written all the same
  130  interrupted by Ctrl-C; what a fit had reached was written, of --cv nothing
  141  the reader of the output was closed
"""
_EXAMPLES = """\
examples:
  softmax-reg fit train.csv --target label --out model.npz
  softmax-reg fit train.csv --target label --out model.npz --cv
  softmax-reg predict model.npz new.csv > proba.csv
  softmax-reg show model.npz

Predictions and tables are written to standard output, all else to standard error.
"""

_HOLDS_OUT = "holds out the rows of each fold in turn"
_NOT_WITH_CV = {
    "C": "chooses C",
    "valid": _HOLDS_OUT,
    "early_stopping": _HOLDS_OUT,
    "checkpoint": "writes no checkpoints",
}


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """Return the arguments of a command line, None for that of the process.

    Raises
    ------
    SystemExit
        With status 2 if they are wrong, as told on standard error; 0 after help.
    """
    parser = ArgumentParser(
        prog="softmax-reg",
        description="Multinomial logistic regression for CSV files.",
        epilog=f"{_EXAMPLES}\n{_ENDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"softmax-reg {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, what: str, more: str = "") -> ArgumentParser:
        return commands.add_parser(
            name,
            help=what,
            description=f"{what[:1].upper()}{what[1:]}.{more}",
            epilog=_ENDS,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    fit = command("fit", "fit a model to CSV files", " Features need no scaling.")
    _add_fit(fit)
    predict = command("predict", "write the probability of each class for each row of CSV files")
    predict.add_argument("model", metavar="MODEL", help="what fit has written")
    predict.add_argument("files", metavar="CSV", nargs="+", help="rows to predict")
    predict.add_argument("--labels", action="store_true", help="write the predicted labels instead")
    _add_format(predict)
    show = command("show", "show a model: how it was fitted, and its coefficients")
    show.add_argument("model", metavar="MODEL", help="what fit has written")
    show.add_argument("--csv", action="store_true", help="write all coefficients, as CSV")
    given = parser.parse_args(arguments)
    if given.command == "fit":
        _check(fit, given)
    return given


def _add_fit(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("files", metavar="CSV", nargs="+", help="rows to learn from, with a header")
    add("--target", metavar="COLUMN", required=True, help="the column of the labels")
    add("--out", metavar="MODEL", required=True, help="the file to write, such as model.npz")
    reading = parser.add_argument_group("the columns")
    add = reading.add_argument
    add("--columns", metavar="A,B,...", type=_names, help="the features; default: all others")
    add("--weights", metavar="COLUMN", help="the column of the weights of the rows")
    add(
        "--categories",
        metavar="A,B,...",
        type=_names_or_auto,
        help='features of text, to be one-hot encoded; "auto" takes all that hold text',
    )
    add(
        "--missing",
        metavar="VALUE",
        type=_mean_or_number,
        help='what stands for an empty field: "mean" or a number; default: none may be empty',
    )
    _add_format(reading)
    model = parser.add_argument_group("the model")
    add = model.add_argument
    add(
        "--C",
        metavar="NUMBER",
        type=_positive,
        help="the inverse strength of the penalty, or inf; default: 1",
    )
    add("--l1-ratio", metavar="SHARE", type=_share, help="of the L1 norm in it; default: 0")
    add("--standardize", action="store_true", help="penalise features in units of their deviations")
    add("--balanced", action="store_true", help="give all classes the same weight")
    add(
        "--cv",
        metavar="FOLDS",
        nargs="?",
        type=_whole(2),
        const=5,
        help="choose C by cross-validation with so many folds; default: 5",
    )
    run = parser.add_argument_group("the run")
    add = run.add_argument
    add("--valid", metavar="CSV", help="other rows, to measure the loss and the accuracy on")
    add(
        "--early-stopping",
        action="store_true",
        help="end when the loss on rows that are held out, or on those of --valid, falls no more",
    )
    add(
        "--checkpoint",
        metavar="FILE",
        help="write there, every ten iterations, where the fit stands; if the file is there, go on "
        "from it: after a crash run the same command again",
    )
    add("--max-iter", metavar="N", type=_whole(1), help="at most so many iterations; default: 1000")
    add("--quiet", action="store_true", help="no lines of progress and no summary")


def _add_format(parser: Any) -> None:
    parser.add_argument(
        "--sep", metavar="MARK", help='what separates fields; default: ","; "tab" for a tab'
    )
    parser.add_argument(
        "--decimal", metavar="MARK", help='the decimal mark of numbers; default: "."'
    )


def _check(parser: ArgumentParser, given: argparse.Namespace) -> None:
    """End with status 2 if what is given for a fit contradicts itself."""
    if given.cv is not None:
        for name, why in _NOT_WITH_CV.items():
            if getattr(given, name):
                parser.error(f"--cv {why}: leave --{name.replace('_', '-')} out")


def _names(text: str) -> list[str]:
    """Return the names of a list; one with a comma in it may stand in double quotes.

    >>> _names('age,"height, in cm"')
    ['age', 'height, in cm']
    """
    return next(csv.reader([text], skipinitialspace=True), [])


def _names_or_auto(text: str) -> list[str] | str:
    return text if text == "auto" else _names(text)


def _mean_or_number(text: str) -> str | float:
    return text if text == "mean" else _number(text, "mean or a number")


def _positive(text: str) -> float:
    if not (value := _number(text, "a positive number")) > 0.0:
        raise ArgumentTypeError(f"must be a positive number, got {text!r}")
    return value


def _share(text: str) -> float:
    if not 0.0 <= (value := _number(text, "a number from 0 to 1")) <= 1.0:
        raise ArgumentTypeError(f"must be a number from 0 to 1, got {text!r}")
    return value


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentTypeError(f"must be {what}, got {text!r}") from None


def _whole(least: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"must be a whole number, at least {least}, got {text!r}")
        return int(text)

    return whole
