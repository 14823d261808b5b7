"""The rows that training does not see: a share of those given, or the user's own, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from softmax_reg._checks.shown import shown
from softmax_reg._compat import check_sample_weight, train_test_split
from softmax_reg.dataset.class_shares import are_class_shares, class_shares
from softmax_reg.dataset.dataset import Dataset
from softmax_reg.dataset.offsets import as_offset
from softmax_reg.dataset.reservoir import stacked
from softmax_reg.dataset.rows import merge_duplicates
from softmax_reg.dataset.sources import BatchSource
from softmax_reg.dataset.targets import ClassShares, Labels, Targets
from softmax_reg.dataset.user_rows import validated
from softmax_reg.dataset.validation import read_source
from softmax_reg.dataset.weights import check_total

__all__ = ["TRANSFORM_TOO", "Users", "hold_out", "unseen_rows"]

# Held-out rows of a source are kept in memory up to this size, and read for each iteration above.
_HELD_BYTES = 16 << 20

TRANSFORM_TOO = (
    "Where a pipeline transforms X, X_val has to be transformed, too: give "
    "pipeline[:-1].transform(X_val) or, with metadata routing, name it in "
    "make_pipeline(..., transform_input=['X_val'])."
)
Users = tuple[Any, Any, Any, Any]  # X_val, y_val, sample_weight_val, offset_val


def unseen_rows(
    estimator: Any,
    data: Dataset,
    users: Users,
    stops_early: bool,
    rng: np.random.Generator,
) -> tuple[Dataset, Dataset | None]:
    """Return the rows to train on, and those that are held out, if any.

    Parameters
    ----------
    estimator : SoftmaxRegression
        It has seen the data.
    data : Dataset
        The rows given to train on.
    users : tuple
        X_val, y_val, sample_weight_val, offset_val, or four times None.
    stops_early : bool
        Whether rows have to be held out if the user gave none.
    rng : Generator

    Raises
    ------
    ValueError
        If the user's rows do not go with X, or X has too few to hold some out.
    """
    if _is_given(users):
        held = _users_rows(estimator, users, data)
        _check_known(held)
        return data, held
    if not stops_early:
        return data, None
    training, held_out = hold_out(data, estimator.validation_fraction, rng)
    X, part = data.rows.origin.only(held_out)
    offset = None if data.given_offset is None else data.given_offset[part]
    held = _beside(data, X, data.given[part], (data.weights - training)[part], offset)
    return data.with_weights(training, data.sample_weight), held


def _beside(
    training: Dataset, X: Any, targets: Targets, weights: NDArray, offset: NDArray | None
) -> Dataset:
    """Return other rows as data of the same classes and in the same precision, not smoothed."""
    return Dataset.of(
        *(X, training.classes, targets, weights),
        present=training.present,
        dtype=training.dtype,
        offset=offset,
    )


def _is_given(users: Users) -> bool:
    """Return whether the user gave rows of their own.

    Raises
    ------
    ValueError
        If a part of them is missing, or given twice.
    """
    X_val, y_val, sample_weight_val, offset_val = users
    if isinstance(X_val, BatchSource):
        if y_val is not None or sample_weight_val is not None:
            raise ValueError(
                f"X_val is a {type(X_val).__name__}, which brings its own labels and weights, "
                "batch by batch: leave y_val and sample_weight_val out."
            )
        return True
    if (X_val is None) != (y_val is None):
        missing, there = ("X_val", "y_val") if X_val is None else ("y_val", "X_val")
        raise ValueError(f"{there} was given without {missing}. Give both, or neither.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val was given without X_val and y_val, which it weights.")
    if X_val is None and offset_val is not None:
        raise ValueError("offset_val was given without X_val and y_val, to which it belongs.")
    return X_val is not None


def _offset_of(users: Users, n_rows: int, training: Dataset) -> NDArray | None:
    """Return the offset of the user's rows.

    Raises
    ------
    ValueError
        If it is missing, or cannot be used.
    """
    offset_val = users[-1]
    if offset_val is None:
        if training.given_offset is not None:
            raise ValueError(
                "The rows to train on have an offset, but those of X_val have none. Give "
                "offset_val, or offset_val=0 if they are to have none."
            )
        return None
    return as_offset(offset_val, n_rows, training.classes, "offset_val")


def _users_rows(estimator: Any, users: Users, training: Dataset) -> Dataset:
    """Return the user's rows, with their weights times those of the classes."""
    X_val, y_val, sample_weight_val, _ = users
    if isinstance(X_val, BatchSource):
        return _rows_of_source(estimator, users, training)
    are_shares = are_class_shares(y_val)
    try:
        if are_shares:
            X_val = validated(estimator, X_val)
        else:
            X_val, y_val = validated(estimator, X_val, y_val)
    except ValueError as error:
        is_like_X = getattr(X_val, "shape", ())[1:] == (estimator.n_features_in_,)
        hint = "" if is_like_X else f" {TRANSFORM_TOO}"
        raise ValueError(f"X_val and y_val cannot be used beside X and y: {error}{hint}") from error
    targets: Targets
    if are_shares:
        targets = _shares(y_val, training, X_val)
    else:
        targets = Labels(_codes(y_val, training.classes), len(training.classes))
    if sample_weight_val is not None and not np.any(sample_weight_val):
        raise ValueError("sample_weight_val sums to zero. Give some rows a positive weight.")
    try:
        weights = check_sample_weight(
            sample_weight_val, X_val, dtype=X_val.dtype, ensure_non_negative=True
        )
        check_total(weights)
    except ValueError as error:
        raise ValueError(f"sample_weight_val cannot be used: {error}") from error
    factors, targets = targets.of_classes(training.per_class)
    offset = _offset_of(users, X_val.shape[0], training)
    weights = (weights * factors).astype(X_val.dtype)
    return _beside(training, merge_duplicates(X_val), targets, weights, offset)


def _shares(Y: Any, training: Dataset, X_val: Any) -> ClassShares:
    """Return the shares of the user's rows; columns without a name are those of the classes."""
    named = getattr(Y, "columns", None)
    labels = training.classes if named is None else None
    classes, targets = class_shares(Y, labels, X_val.shape[0], X_val.dtype, "y_val")
    if not np.array_equal(classes, training.classes):
        raise ValueError(
            f"The columns of y_val are {shown(classes)}, but the classes are "
            f"{shown(training.classes)}. Give a column for each class, named after it."
        )
    return targets


def _rows_of_source(estimator: Any, users: Users, training: Dataset) -> Dataset:
    """Return what `_users_rows` does; few rows of a source are held, others read for each loss."""
    try:
        seen = read_source(estimator, users[0], reset=False)
    except ValueError as error:
        raise ValueError(f"X_val cannot be used beside X and y: {error}") from error
    codes, weights = seen.labelled(_codes(seen.labels, training.classes))
    if not weights.any():
        raise ValueError("The weights of X_val sum to zero. Give some rows a positive weight.")
    rows = seen.rows(training.classes, codes)
    n_bytes = rows.dtype.itemsize * rows.shape[0] * rows.per_row
    X = stacked([X for _, X in rows.batches()]) if n_bytes <= _HELD_BYTES else rows
    factors, targets = Labels(codes, len(training.classes)).of_classes(training.per_class)
    offset = _offset_of(users, len(codes), training)
    return _beside(training, X, targets, (weights * factors).astype(rows.dtype), offset)


def _check_known(held: Dataset) -> None:
    """Raise ValueError if no row has a weight, or one whose class has none in the training."""
    weighted = np.flatnonzero(held.given.totals(held.weights))
    if not len(weighted):
        raise ValueError(
            "The weights of the rows of X_val, with those of their classes, are all zero. Give "
            "some rows a positive weight."
        )
    if unknown := held.classes[np.setdiff1d(weighted, held.present)].tolist():
        raise ValueError(
            f"X_val has rows, with a weight, of classes without any in the training: {unknown}. "
            "The fit gives these the probability 0, and so the rows an infinite loss. Leave them "
            "out, or train on some of them."
        )


def _codes(y_val: NDArray, classes: NDArray) -> NDArray[np.intp]:
    """Return the position of each label among the classes; labels equal as Python's == has it."""
    position = {label: code for code, label in enumerate(classes.tolist())}
    labels = y_val.tolist()  # they may be of kinds that do not sort: "a" and 3
    if unknown := list(dict.fromkeys(label for label in labels if label not in position)):
        raise ValueError(
            f"y_val holds labels that y does not: {shown(unknown)}. The classes of y are "
            f"{shown(classes)}. Leave those rows out, or train on some of them."
        )
    return np.array([position[label] for label in labels], dtype=np.intp)


def hold_out(
    data: Dataset, fraction: float, rng: np.random.Generator
) -> tuple[NDArray, NDArray[np.intp]]:
    """Return weights that are zero on the held-out rows, and those rows, stratified by class.

    Zero weights leave rows out of the training without a copy of the others.  Rows with shares of
    several classes are drawn without regard to these.

    Raises
    ------
    ValueError
        If a class has too few rows to be split.
    """
    active, weights, targets = data.active, data.weights, data.given
    training = weights.copy()
    try:
        _, held_out = train_test_split(
            active,
            test_size=fraction,
            stratify=targets.codes[active] if isinstance(targets, Labels) else None,
            random_state=int(rng.integers(2**31)),
        )
        training[held_out] = 0.0
        is_split = np.array_equal(np.flatnonzero(targets.totals(training)), data.present)
    except ValueError:
        is_split = False
    if not is_split:
        _, labels, _ = targets[active].expanded()
        counts = np.bincount(labels.codes, minlength=len(data.classes))[data.present]
        raise ValueError(
            f"early_stopping cannot hold out validation_fraction={fraction} of {len(active)} rows "
            f"and keep each of {len(counts)} classes in both parts: the smallest has "
            f"{counts.min()} row(s). Give more rows, another fraction, or "
            "early_stopping=False."
        )
    return training, held_out
