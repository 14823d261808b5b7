"""What the rows say of their classes: one class each, or a share of every class.

With t_ik the share of class k in row i, whose sum over k is 1, and label smoothing e, a row has

    loss -sum_k y_ik log p_ik,   derivative by its scores p_i - y_i,   y = (1 - e) t + e / K

(C. Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision", section 7).
Whatever the model, the loss is at least the entropy of y, which is 0 where a row has one class.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

__all__ = ["ClassShares", "Labels", "Targets"]


class Targets(ABC):
    """The targets of some rows.

    Attributes
    ----------
    codes : ndarray of shape (n,), intp
        The class of each row, or that of its largest share.
    n_classes : int
        K.
    smoothing : float
        e.
    """

    __slots__ = ()

    codes: NDArray[np.intp]
    n_classes: int
    smoothing: float

    def __len__(self) -> int:
        return len(self.codes)

    @abstractmethod
    def __getitem__(self, rows: slice | NDArray) -> Self:
        """Return those of some rows."""

    @abstractmethod
    def among(self, present: NDArray[np.intp], smoothing: float) -> Self:
        """Return the targets among some of the classes, in their order, smoothed."""

    @abstractmethod
    def of_classes(self, per_class: NDArray) -> tuple[NDArray, Self]:
        """Return what weights of the classes make of the weight of each row, and of its targets."""

    @abstractmethod
    def entropy(self, shares: NDArray) -> float:
        """Return sum_i shares_i sum_k -y_ik log y_ik, the shares summing to 1: no loss is less."""

    @abstractmethod
    def arrays(self) -> tuple[NDArray, ...]:
        """Return what the targets are made of."""

    @abstractmethod
    def right(self, codes: NDArray[np.intp]) -> NDArray:
        """Return the share that each row has of a class, not smoothed, shape (n,)."""

    @abstractmethod
    def expanded(self) -> tuple[NDArray[np.intp], Labels, NDArray]:
        """Return rows with one class each that say the same, if t is not smoothed.

        Returns
        -------
        rows : ndarray of shape (m,), intp
            Which row each of them is, in order.
        labels : Labels
        shares : ndarray of shape (m,)
            What each weighs beside its row.
        """

    @property
    @abstractmethod
    def have_all(self) -> bool:
        """Whether every y is positive."""

    @abstractmethod
    def _spare(self, chosen: NDArray[np.bool_]) -> None:
        """Set `chosen` to False where t is positive."""

    @abstractmethod
    def _mean(self, A: NDArray) -> NDArray:
        """Return sum_k t_k A_k of each row, shape (n,); 0 times infinity is 0."""

    @abstractmethod
    def _add(self, A: NDArray, factor: float) -> None:
        """Add factor * t to A, in place."""

    @abstractmethod
    def _totals(self, weights: NDArray) -> NDArray:
        """Return sum_i weights_i t_ik, shape (n_classes,)."""

    @property
    def own(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The places of the classes `codes` in an array of shape (n, n_classes)."""
        return np.arange(len(self.codes)), self.codes

    def losses(self, log_P: NDArray) -> NDArray:
        """Return -sum_k y_k log p_k of each row, shape (n,)."""
        losses, e = -self._mean(log_P), self.smoothing
        if e:
            losses *= 1.0 - e
            losses -= (e / self.n_classes) * log_P.sum(axis=1)
        return losses

    def residuals(self, P: NDArray) -> NDArray:
        """Turn P, in place, into P - Y."""
        self._subtract_others(P)
        # p_y - 1 is minus the sum of the others, which keeps its digits where p_y is about 1: a
        # feature that is large in such a row multiplies what is lost.
        own = self.own
        P[own] = 0.0
        P[own] = P @ _minus_ones(self.n_classes, P.dtype)
        return P

    def _subtract_others(self, P: NDArray) -> None:
        """Subtract y from P, but for the classes `codes`."""
        if self.smoothing:
            P -= self.smoothing / self.n_classes

    def add_to(self, A: NDArray, factor: float) -> None:
        """Add factor * y to A, in place."""
        self._add(A, factor * (1.0 - self.smoothing))
        if self.smoothing:
            A += factor * self.smoothing / self.n_classes

    def totals(self, weights: NDArray) -> NDArray:
        """Return sum_i weights_i y_ik, shape (n_classes,)."""
        e, totals = self.smoothing, self._totals(weights)
        return (1.0 - e) * totals + e / self.n_classes * totals.sum() if e else totals

    def spare(self, chosen: NDArray[np.bool_]) -> None:
        """Set `chosen`, of shape (n, n_classes), to False, in place, where y is positive."""
        if self.smoothing:
            chosen[...] = False
        else:
            self._spare(chosen)


class Labels(Targets):
    """One class for each row."""

    __slots__ = ("codes", "n_classes", "smoothing")

    def __init__(self, codes: NDArray[np.intp], n_classes: int, smoothing: float = 0.0) -> None:
        self.codes, self.n_classes, self.smoothing = codes, n_classes, smoothing

    def __getitem__(self, rows: slice | NDArray) -> Labels:
        return Labels(self.codes[rows], self.n_classes, self.smoothing)

    def among(self, present: NDArray[np.intp], smoothing: float) -> Labels:
        n_classes, codes = len(present), self.codes
        if n_classes < self.n_classes:
            codes = np.minimum(np.searchsorted(present, codes), n_classes - 1)
        return Labels(codes, n_classes, smoothing)

    def of_classes(self, per_class: NDArray) -> tuple[NDArray, Labels]:
        return per_class[self.codes], self

    def arrays(self) -> tuple[NDArray, ...]:
        return (self.codes.astype(np.int64),)

    def right(self, codes: NDArray[np.intp]) -> NDArray:
        return codes == self.codes

    def expanded(self) -> tuple[NDArray[np.intp], Labels, NDArray]:
        n = len(self.codes)
        return np.arange(n), Labels(self.codes, self.n_classes), np.ones(n)

    @property
    def have_all(self) -> bool:
        return self.smoothing > 0.0

    def _spare(self, chosen: NDArray[np.bool_]) -> None:
        chosen[self.own] = False

    def _mean(self, A: NDArray) -> NDArray:
        return A[np.arange(len(self.codes)), self.codes]

    def _add(self, A: NDArray, factor: float) -> None:
        A[self.own] += factor

    def _totals(self, weights: NDArray) -> NDArray:
        return np.bincount(self.codes, weights, self.n_classes)

    def entropy(self, shares: NDArray) -> float:
        rest = self.smoothing / self.n_classes
        y = np.array([1.0 - self.smoothing + rest] + [rest] * (self.n_classes - 1))
        return float(entr(y).sum()) if self.smoothing else 0.0


class ClassShares(Targets):
    """A share of every class for each row.

    Parameters
    ----------
    shares : ndarray of shape (n, n_classes)
        t, not negative; the sum of each row is 1.
    codes : ndarray of shape (n,), intp, or None, default=None
        The class of the largest share of each row; None finds it.
    smoothing : float, default=0.0
    """

    def __init__(
        self, shares: NDArray, codes: NDArray[np.intp] | None = None, smoothing: float = 0.0
    ) -> None:
        self.shares, self.smoothing, self.n_classes = shares, smoothing, shares.shape[1]
        self.codes = shares.argmax(axis=1) if codes is None else codes

    def __getitem__(self, rows: slice | NDArray) -> ClassShares:
        return ClassShares(self.shares[rows], self.codes[rows], self.smoothing)

    def among(self, present: NDArray[np.intp], smoothing: float) -> ClassShares:
        if len(present) == self.n_classes:
            return ClassShares(self.shares, self.codes, smoothing)
        return ClassShares(np.asfortranarray(self.shares[:, present]), None, smoothing)

    def of_classes(self, per_class: NDArray) -> tuple[NDArray, ClassShares]:
        weighted = self.shares * per_class
        factors = weighted.sum(axis=1)
        counted = factors > 0.0
        weighted[counted] /= factors[counted, np.newaxis]
        weighted[~counted] = self.shares[~counted]
        return factors, ClassShares(weighted.astype(self.shares.dtype, order="F"))

    def arrays(self) -> tuple[NDArray, ...]:
        return (self.shares,)

    def right(self, codes: NDArray[np.intp]) -> NDArray:
        return self.shares[np.arange(len(codes)), codes]

    def expanded(self) -> tuple[NDArray[np.intp], Labels, NDArray]:
        rows, codes = np.nonzero(self.shares)
        return rows, Labels(codes, self.n_classes), self.shares[rows, codes]

    @property
    def have_all(self) -> bool:
        return self.smoothing > 0.0 or bool((self.shares > 0.0).all())

    def _spare(self, chosen: NDArray[np.bool_]) -> None:
        chosen &= self.shares == 0.0

    def _mean(self, A: NDArray) -> NDArray:
        mean = np.einsum("ik,ik->i", self.shares, A)
        if np.isfinite(mean).all():
            return mean
        return np.where(self.shares > 0.0, self.shares * A, 0.0).sum(axis=1)

    def _subtract_others(self, P: NDArray) -> None:
        self.add_to(P, -1.0)

    def _add(self, A: NDArray, factor: float) -> None:
        A += self.shares if factor == 1.0 else factor * self.shares

    def _totals(self, weights: NDArray) -> NDArray:
        return weights.astype(np.float64, copy=False) @ self.shares

    def entropy(self, shares: NDArray) -> float:
        y = np.zeros(self.shares.shape, order="F")
        self.add_to(y, 1.0)
        return float(np.vdot(shares.astype(np.float64, copy=False), entr(y).sum(axis=1)))


@cache
def _minus_ones(n: int, dtype: np.dtype) -> NDArray:
    return np.full(n, -1.0, dtype)
