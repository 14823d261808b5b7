"""From what a user names to a solver: the registry, "auto", and the parameters that it takes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import softmax_reg.solvers.methods as methods
from softmax_reg._checks.shown import shown
from softmax_reg._compat import validate_parameter_constraints
from softmax_reg.solvers.solver import Solver

__all__ = ["SOLVERS", "make_solver", "warn_of_unused"]


def _named() -> dict[str, type[Solver]]:
    found: dict[str, type[Solver]] = {}
    for kind in vars(methods).values():
        if isinstance(kind, type) and issubclass(kind, Solver):
            if not kind.name or kind.name in found:
                raise TypeError(f"{kind.__name__}.name is {kind.name!r}: give it one of its own.")
            found[kind.name] = kind
    return found


# The classes of `methods`, by the names that users call them by.
SOLVERS = _named()


def make_solver(
    solver: str | Solver, parameters: Mapping[str, object], is_smooth: bool
) -> tuple[Solver, str]:
    """Return the solver object and its name.

    Parameters
    ----------
    solver : str or Solver
        A name in `SOLVERS`, "auto", or an object, which brings its own hyper-parameters.
    parameters : mapping
        Hyper-parameters by name; a named solver takes those that it has.
    is_smooth : bool
        Whether the penalty has no norm with kinks.  "auto" is "lbfgs" then, else "prox-newton".

    Raises
    ------
    ValueError
        If the solver cannot handle the penalty.
    """
    if isinstance(solver, Solver):
        is_named = type(solver) in SOLVERS.values()
        chosen, name = solver, solver.name if is_named else type(solver).__name__
    else:
        name = solver if solver != "auto" else ("lbfgs" if is_smooth else "prox-newton")
        used = SOLVERS[name]().get_params().keys() & parameters.keys()
        chosen = SOLVERS[name](**{field: parameters[field] for field in used})
        chosen.hands_over = chosen.hands_over or solver == "auto"
    validate_parameter_constraints(chosen.constraints, chosen.get_params(), type(chosen).__name__)
    if chosen.needs_smooth and not is_smooth:
        able = sorted(other for other, kind in SOLVERS.items() if not kind.needs_smooth)
        raise ValueError(
            f"solver={name!r} cannot handle the norm in penalty={parameters.get('penalty')!r} with "
            f"l1_ratio={parameters.get('l1_ratio')}. Leave solver out, or use one of {able}, or "
            "the ridge penalty, penalty='elasticnet' with l1_ratio=0."
        )
    return chosen, name


def warn_of_unused(
    solver: str | Solver, name: str, parameters: Mapping[str, object], level: int
) -> None:
    """Warn of the hyper-parameters that the solver does not use and that were given.

    Parameters
    ----------
    solver : str or Solver
        As the user names it.
    name : str
        What `make_solver` made of it.
    parameters : mapping
        As for `make_solver`.
    level : int
        As `stacklevel` of `warnings.warn`, counted from the caller.
    """
    own = isinstance(solver, Solver)
    used = set() if own else SOLVERS[name]().get_params().keys()
    defaults = {k: v for kind in SOLVERS.values() for k, v in kind().get_params().items()}
    for knob in sorted((parameters.keys() & defaults.keys()) - used):
        if parameters[knob] == defaults[knob]:
            continue
        able = sorted(other for other, kind in SOLVERS.items() if knob in kind().get_params())
        which = f"solver={solver!r}" + (f", here {name!r}" if solver == "auto" else "")
        remedy = (
            "give it to the solver itself"
            if own
            else f"choose one of the solvers {able}, or leave it out"
        )
        warnings.warn(
            f"{knob}={shown(parameters[knob])} has no effect with {which}: {remedy}.",
            UserWarning,
            stacklevel=level + 1,
        )
