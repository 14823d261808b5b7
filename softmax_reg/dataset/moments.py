"""The weighted mean and variance of each feature, by one pass over the rows.

The variance is a difference, mean square minus squared mean, of deviations from one of the rows: a
large mean then takes no digits.  T. F. Chan, G. H. Golub and R. J. LeVeque (1983), "Algorithms for
computing the sample variance", The American Statistician 37, 242-247, eq. 1.7.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from softmax_reg._compat import cached_property
from softmax_reg.dataset.block import Block
from softmax_reg.dataset.dataset import Dataset

__all__ = ["Moments"]

# Where the variance of a column of sparse X is so small a share of its mean square, the difference
# of the two has lost half its digits.
_CANCELLED = 1e-8


class Moments:
    """What a pass over the rows finds; the pass is made at once.

    Parameters
    ----------
    data : Dataset
        Some rows must have a weight.
    from_zero : bool, default=False
        Whether all is about zero: `mean` is 0 then, and `variance` the mean square.

    Raises
    ------
    ValueError
        If the squares of a feature are too large to be summed up.
    """

    def __init__(self, data: Dataset, from_zero: bool = False) -> None:
        self.data, self.from_zero = data, from_zero
        self._pivot = np.zeros(data.shape[1])
        if not (data.rows.is_sparse or from_zero):  # zeros of sparse X are to stay zeros
            self._pivot = self._heaviest_row()
        self._first, self._second = self._sums()
        _ = self.variance  # a second pass perhaps: not within another one

    def of_features(self, kept: NDArray[np.intp], data: Dataset) -> Moments:
        """Return those of some features, which are the columns of `data`."""
        part = object.__new__(Moments)
        part.data, part.from_zero = data, self.from_zero
        part._pivot, part._first = self._pivot[kept], self._first[kept]
        part._second = self._second[kept]
        part.mean, part.variance = self.mean[kept], self.variance[kept]
        return part

    @cached_property
    def mean(self) -> NDArray[np.float64]:
        """Of each feature, shape (n_features,); 0 if all is from zero."""
        return self._pivot if self.from_zero else self._pivot + self._first

    @cached_property
    def variance(self) -> NDArray[np.float64]:
        """Of each feature about `mean`, shape (n_features,); exactly 0 for a constant one."""
        if self.from_zero:
            return self._second
        mean, variance = self.mean, self._second - self._first**2
        if self.data.rows.is_sparse:
            doubtful = variance <= _CANCELLED * mean**2
            if doubtful.any():
                variance = np.where(doubtful, self._variance_about(mean, doubtful), variance)
        # What rounding leaves of a constant column is no variance: of deviations from one of its
        # entries the rounding of the column itself, of a difference of squares much more.
        eps = float(np.finfo(self.data.dtype).eps)
        with np.errstate(over="ignore"):
            return np.where(variance <= (4.0 * eps) ** 2 * mean**2, 0.0, variance)

    @cached_property
    def hides_variance(self) -> bool:
        """Whether, from zero, the variance of some dense feature is lost beside its mean square."""
        if not self.from_zero or self.data.rows.is_sparse:
            return False
        few, square = float(np.finfo(self.data.dtype).eps) ** 0.5, self._first**2
        lost = np.flatnonzero(self._second - square < few * square)
        if not len(lost):
            return False
        of_one_row = self._heaviest_row()[lost]  # a constant column has no variance to lose
        return bool(self.data.reduce(partial(_n_different, lost, of_one_row))[0][0])

    def _heaviest_row(self) -> NDArray[np.float64]:
        sample = self.data.sample
        heaviest = sample[[np.argmax(self.data.weights[sample])]]
        return np.asarray(self.data.rows.origin.take(heaviest)[0], dtype=np.float64)

    def _sums(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return mean and mean square of the deviations from the pivot."""
        sums = self.data.reduce(partial(_sums_about, self._pivot))
        first, second = (total / self.data.total_weight for total in sums)
        _check_squares(first, second)
        return first, second

    def _variance_about(self, mean: NDArray, wanted: NDArray[np.bool_]) -> NDArray:
        """Return the variance of some columns of a sparse X, by a pass about their means."""
        sums = self.data.reduce(partial(_sums_about_means, mean, wanted))
        first, second, present = (total / self.data.total_weight for total in sums)
        # What is not stored is 0, which deviates from the mean by the mean.
        absent = np.maximum(1.0 - present, 0.0)
        absent[absent <= 64.0 * np.finfo(np.float64).eps] = 0.0
        return second + absent * mean**2 - (first - absent * mean) ** 2


def _n_different(columns: NDArray[np.intp], row: NDArray, block: Block) -> tuple[NDArray]:
    differs = (block.X[:, columns] != row) & (block.weights > 0.0)[:, np.newaxis]
    return (np.array([np.count_nonzero(differs)]),)


def _sums_about(pivot: NDArray, block: Block) -> tuple[NDArray, NDArray]:
    s, X = block.weights.astype(np.float64, copy=False), block.X
    with np.errstate(over="ignore", invalid="ignore"):  # whoever asked looks at that
        if sp.issparse(X):
            squares = X.astype(np.float64)
            squares.data **= 2
            return np.asarray(s @ X), np.asarray(s @ squares)
        D = X - pivot
        first = s @ D
        D *= D
        return first, s @ D


def _sums_about_means(
    mean: NDArray, wanted: NDArray[np.bool_], block: Block
) -> tuple[NDArray, NDArray, NDArray]:
    s = block.weights.astype(np.float64, copy=False)
    D, ones = block.X.astype(np.float64), block.X.astype(np.float64)
    column = _columns_of(D)
    D.data = np.where(wanted[column], D.data - mean[column], 0.0)
    first = np.asarray(s @ D)
    D.data **= 2
    ones.data[...] = 1.0
    return first, np.asarray(s @ D), np.asarray(s @ ones)


def _columns_of(X: sp.spmatrix) -> NDArray[np.intp]:
    """Return the column of each number that is stored."""
    columns: NDArray[np.intp] = X.indices
    return columns if X.format == "csr" else np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))


def _check_squares(first: NDArray, second: NDArray) -> None:
    root = float(np.finfo(np.float64).max) ** 0.5
    is_wrong = ~np.isfinite(second) | (np.abs(first) > root)
    if is_wrong.any():
        raise ValueError(
            f"Feature {np.argmax(is_wrong)} of X, counted from 0, has numbers too large to be "
            f"squared and summed up, near {root:.2g} or above. Rescale it."
        )
