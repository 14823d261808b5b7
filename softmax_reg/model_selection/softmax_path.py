"""`SoftmaxPath`: the optima along a regularisation path, and the table that they print as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SoftmaxPath"]

# Rows of a path that are printed; those in the middle are left out.
_SHOWN = 20


@dataclass(frozen=True, repr=False)
class SoftmaxPath:
    """The optima along a regularisation path, as `softmax_path` returns them.

    Attributes
    ----------
    Cs_ : ndarray of shape (n_Cs,), float64
        The values of C, rising.
    l1_ratio_ : float
        Share of the L1 norm in the penalty.
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coefs_ : ndarray of shape (n_Cs, n_outputs, n_features)
        The coefficients at each C, in the dtype of X; n_outputs is 1 with two classes, else
        n_classes.
    intercepts_ : ndarray of shape (n_Cs, n_outputs)
        The intercepts; zeros if `fit_intercept` is False.  Of a class without weight -1e30, its
        coefficients being 0.
    objective_ : ndarray of shape (n_Cs,), float64
        F, as `SoftmaxRegression` states it.
    deviance_ : ndarray of shape (n_Cs,), float64
        -2 sum_i s_i log P_i[y_i], the sum over the training rows.
    null_deviance_ : float
        The deviance with all coefficients zero.
    optimality_ : ndarray of shape (n_Cs,), float64
        How far each solution is from a minimiser, as `SoftmaxRegression.optimality_`.
    n_iter_ : ndarray of shape (n_Cs,), int32
        Iterations done at each C.
    converged_ : ndarray of shape (n_Cs,), bool
        Whether each reached `tol`, or what rounding lets be seen.
    feature_names_in_ : ndarray of shape (n_features,), dtype object, or None
        The names of the features, if X had string names for all of them.
    scale_ : ndarray of shape (n_features,), float64, or None
        The deviation of each feature, if the penalty is in units of them (`standardize`); as
        `SoftmaxRegression.scale_`.
    """

    Cs_: NDArray
    l1_ratio_: float
    classes_: NDArray
    coefs_: NDArray
    intercepts_: NDArray
    objective_: NDArray
    deviance_: NDArray
    null_deviance_: float
    optimality_: NDArray
    n_iter_: NDArray
    converged_: NDArray
    feature_names_in_: NDArray | None = None
    scale_: NDArray | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the path as a table.

        Returns
        -------
        frame : DataFrame
            For each C a row: `C` (float64), `features` with a coefficient that is not 0 (int64),
            `deviance explained`, from 0 to 1, `objective` (float64), `iterations` (int32) and
            `converged` (bool).

        Examples
        --------
        >>> from sklearn.datasets import load_wine
        >>> from softmax_reg import softmax_path
        >>> softmax_path(*load_wine(return_X_y=True), Cs=3).to_frame()[["C", "features"]].round(4)
                C  features
        0  0.0000         0
        1  0.0046         1
        2  0.4596         7
        """
        import pandas as pd

        columns = {
            "C": self.Cs_,
            "features": self.n_active_,
            "deviance explained": self.deviance_explained_,
            "objective": self.objective_,
            "iterations": self.n_iter_,
            "converged": self.converged_,
        }
        return pd.DataFrame(columns)

    def __repr__(self) -> str:
        frame = self.to_frame()
        formats = {
            "C": "{:.4g}".format,
            "deviance explained": "{:.1%}".format,
            "objective": "{:.6g}".format,
        }
        table = frame.to_string(formatters=formats, index=False, max_rows=_SHOWN)
        return f"{self._title}\n{table}"

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(index=False, max_rows=_SHOWN, float_format="{:.4g}".format)
        return f"<p>{self._title}</p>{table}"

    @property
    def _title(self) -> str:
        n_features, n_classes = self.coefs_.shape[2], len(self.classes_)
        return (
            f"SoftmaxPath of {len(self.Cs_)} values of C, l1_ratio {self.l1_ratio_:g}, "
            f"{n_features} features, {n_classes} classes"
        )

    @property
    def degrees_of_freedom_(self) -> NDArray[np.intp]:
        """Number of coefficients that are not zero at each C, shape (n_Cs,).

        For the lasso in least squares an unbiased estimate of the degrees of freedom: H. Zou,
        T. Hastie and R. Tibshirani (2007), "On the degrees of freedom of the lasso", theorem 1.
        """
        return np.count_nonzero(self.coefs_, axis=(1, 2))

    @property
    def n_active_(self) -> NDArray[np.intp]:
        """Number of features with a coefficient that is not zero at each C, shape (n_Cs,)."""
        return np.count_nonzero(self.coefs_.any(axis=1), axis=1)

    @property
    def deviance_explained_(self) -> NDArray:
        """1 - deviance / null deviance at each C, shape (n_Cs,)."""
        return 1.0 - self.deviance_ / self.null_deviance_
