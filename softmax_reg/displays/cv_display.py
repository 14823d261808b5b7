"""A picture of a cross-validation: the score for each C, and which C was chosen.

Reads fitted attributes and imports no estimator. matplotlib is imported when it is drawn.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from softmax_reg.displays._estimators import fitted_model
from softmax_reg.displays._plotting import (
    COLORS,
    GUIDE,
    Floats,
    Kwargs,
    axes_for,
    one_for_each,
    spelled_out,
)

__all__ = ["CVDisplay"]

_MARKERS = ("o", "s", "^", "D", "v", "P")
_LOSS_PREFIX = "neg_"
_MOST_COUNTS = 12


class CVDisplay:
    """The mean score of the folds for each C, with one standard error up and down.

    Draw with `from_estimator`. There is a curve for each l1_ratio. The star marks what was chosen;
    the vertical lines are the C with the best mean and the smallest C within one standard error of
    it; the horizontal line is one standard error from the best mean, and a model on its better side
    is not clearly worse (Breiman et al. 1984, section 3.4.3). The numbers above are those of the
    features with a coefficient that is not 0, in the mean over the folds.

    Parameters
    ----------
    Cs : ndarray of shape (n_Cs,)
        The values of C.
    l1_ratios : ndarray of shape (n_l1_ratios,)
        The values of l1_ratio.
    scores : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        The score of each fold, larger is better.
    C : float
        The C that was chosen.
    l1_ratio : float
        The l1_ratio that was chosen.
    score_name : str, default="score"
        What the scores are, as scikit-learn names it; of a name that begins with "neg_" the loss
        is drawn.
    n_active : ndarray of shape (n_l1_ratios, n_Cs), default=None
        The number of features in the models, a mean over the folds; None draws none.

    Attributes
    ----------
    means : ndarray of shape (n_l1_ratios, n_Cs)
        What is drawn: the mean over the folds.
    errors : ndarray of shape (n_l1_ratios, n_Cs)
        Their standard errors; 0 with a single fold.
    lines_ : list of matplotlib ErrorbarContainer
        One for each l1_ratio.
    ax_ : matplotlib Axes
        Where they were drawn.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from sklearn.datasets import load_wine
    >>> from softmax_reg import CVDisplay, SoftmaxRegressionCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = SoftmaxRegressionCV(Cs=[0.01, 1.0, 100.0]).fit(X, y)
    >>> display = CVDisplay.from_estimator(model, ax=Figure().subplots())
    >>> display.ax_.get_ylabel()
    'Log loss, mean of 5 folds'
    """

    lines_: list[Any]
    ax_: Any
    figure_: Any

    def __init__(
        self,
        Cs: ArrayLike,
        l1_ratios: ArrayLike,
        scores: ArrayLike,
        C: float,
        l1_ratio: float,
        score_name: str = "score",
        n_active: ArrayLike | None = None,
    ) -> None:
        self.Cs, self.l1_ratios = np.asarray(Cs, np.float64), np.asarray(l1_ratios, np.float64)
        self.scores, self.C, self.l1_ratio = np.asarray(scores, np.float64), C, l1_ratio
        self.score_name = score_name
        self.n_active = None if n_active is None else np.asarray(n_active, np.float64)
        expected = (len(self.l1_ratios), len(self.Cs))
        if self.scores.ndim != 3 or self.scores.shape[1:] != expected:
            raise ValueError(
                f"scores must have shape (n_folds, {expected[0]}, {expected[1]}), one for each "
                f"l1_ratio and each C; got {self.scores.shape}"
            )
        if not np.isfinite(self.Cs).all():
            raise ValueError(
                "C=inf has no place on a logarithmic axis. Draw the others: "
                "CVDisplay(Cs[:-1], l1_ratios, scores[..., :-1], C, l1_ratio)."
            )
        sign = -1.0 if score_name.startswith(_LOSS_PREFIX) else 1.0
        n_folds = len(self.scores)
        self.means: Floats = sign * self.scores.mean(axis=0)
        self.errors: Floats = self.scores.std(axis=0, ddof=min(1, n_folds - 1)) / np.sqrt(n_folds)

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, **plot_options: Any) -> Self:
        """Draw what a fitted `SoftmaxRegressionCV` tried and chose.

        Parameters
        ----------
        estimator : object
            Fitted, with `Cs_`, `l1_ratios_`, `scores_`, `coefs_paths_`, `C_` and `l1_ratio_`, or a
            pipeline whose last step has them; a `LogisticRegressionCV` with
            `use_legacy_attributes=False` has them too.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        **plot_options
            Further keywords of `plot`.

        Returns
        -------
        display : CVDisplay

        Raises
        ------
        AttributeError
            If the estimator is not fitted.
        ValueError
            As `plot` does.
        """
        estimator = fitted_model(estimator, "scores_")
        if isinstance(estimator.scores_, dict):
            raise ValueError(
                f"{type(estimator).__name__} has its scores_ by class. Fit it with "
                "use_legacy_attributes=False."
            )
        scoring = getattr(estimator, "scoring", None)
        name = getattr(scoring, "__name__", "score") if callable(scoring) else scoring
        return cls(
            estimator.Cs_,
            estimator.l1_ratios_,
            estimator.scores_,
            float(estimator.C_),
            float(estimator.l1_ratio_),
            str(name or "accuracy"),
            _active(estimator),
        ).plot(ax, **plot_options)

    def plot(self, ax: Any = None, *, curve_kwargs: Kwargs = None) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        curve_kwargs : dict or sequence of dict, default=None
            Keywords of matplotlib's `errorbar`, for all the curves or for each l1_ratio.

        Returns
        -------
        display : CVDisplay
            This object, with `lines_`, `ax_` and `figure_`.

        Raises
        ------
        ValueError
            If the number of `curve_kwargs` is not that of the curves.
        """
        n_curves = len(self.l1_ratios)
        kwargs = one_for_each(curve_kwargs or {}, n_curves, "curve_kwargs")
        self.ax_ = axes_for(ax)
        self.figure_ = self.ax_.figure
        order = np.argsort(self.Cs)
        self.lines_ = []
        for i, l1_ratio in enumerate(self.l1_ratios):
            # Bars of several curves would hide one another on the very same C.
            shift = 1.02 ** (i - (n_curves - 1) / 2)
            style = _curve_style(i) | {"label": f"l1_ratio = {l1_ratio:g}"}
            self.lines_.append(
                self.ax_.errorbar(
                    self.Cs[order] * shift,
                    self.means[i, order],
                    self.errors[i, order],
                    **(style | spelled_out(kwargs[i])),
                )
            )
        self._mark()
        self._widen()
        self._label()
        self._count()
        return self

    def _mark(self) -> None:
        """Mark what was chosen, the best, and what is within one standard error of it."""
        is_loss = self.score_name.startswith(_LOSS_PREFIX)
        sign = 1.0 if is_loss else -1.0
        best = np.unravel_index(int(np.nanargmax(-sign * self.means)), self.means.shape)
        limit = self.means[best] + sign * self.errors[best]
        self.ax_.axhline(
            limit, **(GUIDE | {"linestyle": "--"}), label="one standard error from the best"
        )
        with np.errstate(invalid="ignore"):
            near = sign * self.means[best[0]] <= sign * limit
        at_best, at_limit = self.Cs[best[1]], self.Cs[near].min()
        self.ax_.axvline(at_best, **GUIDE, label=f"best: C = {at_best:.3g}")
        if at_limit < at_best:
            style = GUIDE | {"linestyle": "-."}
            self.ax_.axvline(at_limit, **style, label=f"within one error: C = {at_limit:.3g}")
        at_C = np.flatnonzero(self.Cs == self.C)
        at_l1_ratio = np.flatnonzero(self.l1_ratios == self.l1_ratio)
        if len(at_C) and len(at_l1_ratio):  # a mean over the folds need not be on the grid
            chosen = f"chosen: C = {self.C:.3g}, l1_ratio = {self.l1_ratio:g}"
            self.ax_.plot(
                [self.C], [self.means[at_l1_ratio[0], at_C[0]]], label=chosen,
                marker="*", markersize=15, markerfacecolor="white", markeredgecolor="black",
                linestyle="none", zorder=4,
            )  # fmt: skip

    def _count(self) -> None:
        """Write the numbers of features above the curves, of the l1_ratio that was chosen."""
        if self.n_active is None:
            return
        row = int(np.argmin(np.abs(self.l1_ratios - self.l1_ratio)))
        order = np.argsort(self.Cs)
        shown = order[:: max(-(-len(order) // _MOST_COUNTS), 1)]
        above = self.ax_.secondary_xaxis("top")
        above.set_xticks(self.Cs[shown], [f"{self.n_active[row, j]:.0f}" for j in shown])
        above.minorticks_off()
        above.set_xlabel("Features with a coefficient that is not 0")

    def _widen(self) -> None:
        """Make room for every C, also without a mean, and for a decade: ticks would overlap."""
        low, high = float(self.Cs.min()), float(self.Cs.max())
        centre, half = (
            np.sqrt(low) * np.sqrt(high),
            max(np.sqrt(high) / np.sqrt(low), np.sqrt(10.0)),
        )
        at = self.means[np.isfinite(self.means)][0]
        self.ax_.update_datalim([(centre / half, at), (centre * half, at)])
        self.ax_.autoscale_view()

    def _label(self) -> None:
        name = self.score_name.removeprefix(_LOSS_PREFIX).replace("_", " ")
        self.ax_.set(
            xlabel="C (weaker penalty to the right)",
            ylabel=f"{name[:1].upper()}{name[1:]}, mean of {len(self.scores)} folds",
            xscale="log",
        )
        self.ax_.grid(color="0.9", linewidth=0.6)
        self.ax_.set_axisbelow(True)
        self.ax_.legend()


def _curve_style(i: int) -> dict[str, Any]:
    color = COLORS[i % len(COLORS)]
    return {
        "color": color,
        "marker": _MARKERS[i % len(_MARKERS)],
        "markersize": 5,
        "linewidth": 1.6,
        "capsize": 3,
        "elinewidth": 1.0,
    }


def _active(estimator: Any) -> Floats | None:
    """Return the number of features in the models of each l1_ratio and C, a mean over the folds."""
    coefs = getattr(estimator, "coefs_paths_", None)
    if coefs is None:
        return None
    coefs = np.asarray(coefs)[..., : estimator.coef_.shape[1]]
    with np.errstate(invalid="ignore"):
        active: Floats = (np.abs(coefs).max(axis=3) > 0.0).sum(axis=-1).mean(axis=0)
    return active
