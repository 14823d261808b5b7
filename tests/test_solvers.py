"""Every solver of the registry on every kind of small problem, and the loop that runs them all."""

import pickle
import warnings
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from objectives import (
    CONTAINERS,
    HANDLES_L1,
    STOCHASTIC,
    objective_of,
    rows_and_labels,
    small_objective,
    somewhere,
)
from problems import newton
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from softmax_reg.schedules import Constant, Cosine, InverseScaling, Step, WarmUp
from softmax_reg.solvers import LBFGS, SGD, SOLVERS, GradientDescent, Nesterov, Solver, minimize

each_solver = pytest.mark.parametrize("name", SOLVERS)
each_descent = pytest.mark.parametrize("kind", [GradientDescent, Nesterov, SGD])

PROBLEMS = {
    "K=3": {},
    "K=2": {"n_classes": 2},
    "no-intercept": {"fit_intercept": False},
    "K=2-no-intercept": {"n_classes": 2, "fit_intercept": False},
    "strong-penalty": {"alpha": 3.0},
    "weak-penalty": {"alpha": 1e-4},
    "csr": {"container": "csr"},
    "csc": {"container": "csc"},
    "fortran": {"container": "fortran"},
    "recomputed": {"memory": 0},
}


def run(solver, objective, w=None, *, tol=1e-9, max_iter=2000, **options):
    w = np.zeros(objective.size, dtype=objective.dtype) if w is None else w
    rng = np.random.default_rng(0)
    return minimize(solver, objective, w, tol=tol, max_iter=max_iter, rng=rng, **options)


def optimum_of(objective, alpha):
    """Return F at the optimum, from the Newton method of the tests."""
    X, codes, s = objective.data.X, objective.data.codes, objective.data.weights
    X = X if isinstance(X, np.ndarray) else X.toarray()
    found = newton(X, codes, 1.0 / (alpha * s.sum()), objective.fit_intercept, s)
    return found.value


# The registry


@each_solver
def test_a_solver_is_a_dataclass_whose_fields_are_its_parameters(name):
    kind = SOLVERS[name]
    assert issubclass(kind, Solver)
    assert is_dataclass(kind)
    solver = kind()
    assert solver.get_params() == {field.name: field.default for field in fields(kind)}
    assert solver.set_params(**solver.get_params()) is solver
    with pytest.raises(ValueError, match=f"{kind.__name__} has no parameter 'wrong'"):
        solver.set_params(wrong=1)


@each_solver
def test_a_solver_survives_clone_and_pickling(name):
    solver = SOLVERS[name]()
    assert clone(solver) == solver
    assert clone(solver) is not solver
    assert pickle.loads(pickle.dumps(solver)) == solver
    assert repr(solver).startswith(SOLVERS[name].__name__ + "(")


def test_every_solver_has_a_name_of_its_own():
    assert len(set(SOLVERS.values())) == len(SOLVERS)
    assert "sgd" in STOCHASTIC
    assert set(HANDLES_L1) >= {"gd", "nesterov"}


# Every solver on every problem


@pytest.mark.parametrize("problem", PROBLEMS)
@each_solver
def test_every_solver_reaches_the_optimum_of_every_problem(name, problem):
    options = PROBLEMS[problem]
    objective = small_objective(**options)
    tol = 1e-5 if name in STOCHASTIC else 1e-9
    result = run(SOLVERS[name](), objective, tol=tol)
    assert result.converged
    assert result.point.optimality <= tol
    best = optimum_of(objective, options.get("alpha", 0.03))
    assert result.point.value <= best * (1.0 + (1e-6 if name in STOCHASTIC else 1e-12)) + 1e-15


@pytest.mark.parametrize("container", CONTAINERS)
@each_solver
def test_every_solver_works_in_float32(name, container):
    objective = small_objective(dtype=np.float32, container=container)
    result = run(SOLVERS[name](), objective, tol=1e-4)
    assert result.converged
    assert result.point.w.dtype == np.float32
    assert result.loss_curve.dtype == np.float64
    assert_allclose(result.point.value, optimum_of(objective, 0.03), rtol=1e-5)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("name", [name for name in HANDLES_L1 if name not in STOCHASTIC])
def test_solvers_of_an_l1_norm_agree_on_the_optimum_and_on_what_is_zero(name, fit_intercept):
    objective = small_objective(alpha=0.3, l1_ratio=0.6, fit_intercept=fit_intercept)
    result, reference = (run(solver, objective) for solver in (SOLVERS[name](), Nesterov()))
    assert_allclose(result.point.value, reference.point.value, rtol=1e-9)
    W, _ = objective.unpack(result.point.w)
    assert_array_equal(W == 0.0, objective.unpack(reference.point.w)[0] == 0.0)
    assert (W == 0.0).any()
    assert (W != 0.0).any()


@each_solver
def test_from_the_optimum_no_step_is_made(name):
    objective = small_objective()
    best = run(SOLVERS["newton-cholesky"](), objective, tol=1e-11).point.w
    result = run(SOLVERS[name](), objective, best, tol=1e-8)
    assert result.n_iter == 0
    assert result.converged
    assert_array_equal(result.point.w, best)
    assert len(result.loss_curve) == 1


def centred(objective, w):
    """Return w with coefficients that sum to zero over the classes."""
    W, b = objective.unpack(w)
    return objective.pack(W - W.mean(axis=1, keepdims=True), b - b.mean())


@each_solver
def test_a_start_far_away_is_no_obstacle(name):
    objective = small_objective()
    tol = 1e-4 if name in STOCHASTIC else 1e-8
    start = centred(objective, somewhere(objective, size=20.0))
    result = run(SOLVERS[name](), objective, start, tol=tol)
    assert result.converged
    assert_allclose(result.point.value, optimum_of(objective, 0.03), rtol=1e-6)


@each_solver
def test_a_start_that_is_not_centred_is_no_obstacle(name):
    objective = small_objective()
    tol = 1e-4 if name in STOCHASTIC else 1e-8
    result = run(SOLVERS[name](), objective, somewhere(objective), tol=tol)
    assert result.converged
    assert_allclose(result.point.value, optimum_of(objective, 0.03), rtol=1e-6)


@each_solver
def test_the_starting_point_is_not_written_to_and_the_run_can_be_repeated(name):
    objective = small_objective()
    w = centred(objective, somewhere(objective))
    w.flags.writeable = False
    first, second = (run(SOLVERS[name](), objective, w, tol=1e-4) for _ in range(2))
    assert_array_equal(first.point.w, second.point.w)
    assert_array_equal(first.loss_curve, second.loss_curve)


@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "nesterov"])
def test_a_solver_that_needs_no_tuning_never_climbs(name):
    # Nesterov's method may: its momentum overshoots, then it restarts.
    X, codes, weights = rows_and_labels(n_samples=200)
    objective = objective_of(X, codes, weights, alpha=1e-4)
    curve = run(SOLVERS[name](), objective, tol=1e-4).loss_curve
    assert (np.diff(curve) <= 1e-14).all()


@each_solver
def test_a_point_is_where_the_loss_curve_says(name):
    objective, seen = small_objective(), []
    result = run(SOLVERS[name](), objective, tol=1e-4, callbacks=[seen.append])
    values = [objective.at(progress.point.w).value for progress in seen]
    assert_allclose(result.loss_curve, values, rtol=1e-11)
    assert [progress.n_iter for progress in seen] == list(range(result.n_iter + 1))


# Hyper-parameters


@pytest.mark.parametrize("memory", [1, 3, 50])
def test_lbfgs_converges_with_any_memory(memory):
    objective = small_objective()
    assert run(LBFGS(memory=memory), objective).converged


@each_descent
@pytest.mark.parametrize(
    "schedule",
    [
        0.02,
        Constant(0.02),
        InverseScaling(0.05),
        Step(0.02, every=50),
        Cosine(0.02, period=80),
        WarmUp(Constant(0.02)),
        lambda t: 0.02,
    ],
    ids=lambda schedule: getattr(schedule, "__name__", str(schedule)),
)
def test_a_given_learning_rate_or_schedule_descends(kind, schedule):
    objective = small_objective()
    result = run(kind(learning_rate=schedule), objective, max_iter=100)
    assert result.n_iter == 100
    assert result.loss_curve[-1] < result.loss_curve[50] < result.loss_curve[0]


@each_descent
def test_the_schedule_is_asked_for_each_iteration_or_epoch_in_turn(kind):
    objective, asked = small_objective(), []

    def schedule(t):
        asked.append(t)
        return 1e-3

    run(kind(learning_rate=schedule), objective, max_iter=5)
    assert_array_equal(np.unique(asked), np.arange(5))


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000, "auto"])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_sgd_takes_any_batch_size(batch_size, momentum):
    objective = small_objective()
    solver = SGD(batch_size=batch_size, momentum=momentum)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = run(solver, objective, tol=1e-4, max_iter=200)
    assert result.point.value <= optimum_of(objective, 0.03) * 1.001


def test_sgd_on_one_batch_of_all_rows_is_gradient_descent():
    objective = small_objective()
    whole = run(SGD(learning_rate=0.01, batch_size=60), objective, max_iter=10)
    plain = run(GradientDescent(learning_rate=0.01), objective, max_iter=10)
    assert_allclose(whole.loss_curve, plain.loss_curve, rtol=1e-12)


def test_momentum_is_polyaks():
    X, codes, weights = rows_and_labels()
    objective = objective_of(X, codes, weights)
    rate, share = 0.003, 0.7
    solver = SGD(learning_rate=rate, batch_size=60, momentum=share)
    result = run(solver, objective, max_iter=6)
    w, velocity = np.zeros(objective.size), np.zeros(objective.size)
    for _ in range(6):
        velocity = share * velocity - rate * objective.at(w).gradient
        w = w + velocity
    assert_allclose(result.point.w, w, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.6])
def test_momentum_does_not_change_what_is_minimised(momentum, l1_ratio):
    X, codes, weights = rows_and_labels()
    objective = objective_of(X / X.std(axis=0), codes, weights, alpha=0.1, l1_ratio=l1_ratio)
    solver = SGD(learning_rate=0.1, batch_size=60, momentum=momentum)
    result = run(solver, objective, tol=1e-7, max_iter=5000)
    assert result.converged
    assert_allclose(result.point.value, run(Nesterov(), objective).point.value, rtol=1e-10)


def test_rows_of_weight_zero_are_never_drawn():
    X, codes, weights = rows_and_labels()
    X[weights == 0.0] = 1e100  # would spoil everything
    objective = objective_of(X, codes, weights)
    result = run(SGD(learning_rate=0.003, batch_size=5), objective, max_iter=5)
    assert result.loss_curve[-1] < result.loss_curve[0]


def test_nesterovs_method_overtakes_gradient_descent_and_restarts():
    X, codes, weights = rows_and_labels(n_samples=200, n_features=8)
    objective = objective_of(X, codes, weights, alpha=1e-4, l1_ratio=0.5)
    slow, fast = (run(kind(), objective, tol=1e-7) for kind in (GradientDescent, Nesterov))
    assert fast.n_iter < slow.n_iter


# The loop


@dataclass
class Leap(Solver):
    """A solver of the user's own: damped steps against the gradient's sign."""

    size: float = 0.1
    needs_smooth = True

    def points(self, objective, w, rng, state):
        size, point = self.size, objective.at(w)
        while True:
            new = objective.at(point.w - size * np.sign(point.gradient))
            if new.value < point.value:
                point = new
                yield point
            else:
                size *= 0.5


def test_a_solver_of_the_users_own_runs_through_the_loop():
    objective = small_objective()
    result = run(Leap(), objective, tol=1e-5)
    assert result.converged
    assert_allclose(result.point.value, optimum_of(objective, 0.03), rtol=1e-8)
    assert clone(Leap(size=0.3)).size == 0.3


@each_solver
def test_a_callback_is_shown_every_point_and_may_stop_the_run(name):
    objective, seen = small_objective(alpha=1e-4), []

    def stop_at_two(progress):
        seen.append(progress)
        return progress.n_iter == 2

    result = run(SOLVERS[name](), objective, tol=1e-14, callbacks=[stop_at_two])
    assert [progress.n_iter for progress in seen] == [0, 1, 2]
    assert all(progress.max_iter == 2000 for progress in seen)
    assert result.n_iter == 2
    assert result.converged is False
    assert result.point is seen[-1].point


def test_all_callbacks_are_called_even_if_the_first_one_stops():
    objective, seen = small_objective(), []
    run(LBFGS(), objective, callbacks=[lambda progress: True, seen.append])
    assert len(seen) == 1


@each_solver
def test_the_limit_on_iterations_is_kept_and_named(name):
    objective = small_objective(alpha=1e-6)
    with pytest.warns(ConvergenceWarning) as record:
        result = run(SOLVERS[name](), objective, tol=1e-14, max_iter=1)
    (warning,) = record
    assert result.n_iter == 1
    assert len(result.loss_curve) == 2
    assert "max_iter=1" in str(warning.message)
    assert f"{result.point.optimality:.2e}" in str(warning.message)
    assert not result.converged
    lowest = optimum_of(objective, 1e-6)
    assert result.point.value - lowest > 1e-6 * lowest
    assert result.point.value - result.excess <= lowest


@each_solver
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_tolerance_of_zero_ends_where_rounding_does(name, dtype):
    objective = small_objective(dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        result = run(SOLVERS[name](), objective, tol=0.0)
    assert result.n_iter < 2000
    accuracy = 1e-5 if dtype == np.float32 else 1e-12
    accuracy = 1e-3 if name in STOCHASTIC else accuracy
    assert_allclose(result.point.value, optimum_of(objective, 0.03), rtol=accuracy)


@pytest.mark.parametrize("kind", [GradientDescent, Nesterov])
def test_a_rate_that_does_not_descend_ends_with_its_own_remedy(kind):
    objective = small_objective()
    with pytest.warns(ConvergenceWarning, match="learning_rate='auto'"):
        run(kind(learning_rate=10.0), objective)


def test_a_solver_that_yields_nothing_is_told_apart_from_one_that_converged():
    class Idle(Solver):
        needs_smooth = True
        is_conditioned = False  # else Newton's method would go on

        def get_params(self, deep=True):
            return {}

        def points(self, objective, w, rng, state):
            return iter(())

    with pytest.warns(ConvergenceWarning, match="Idle did not converge"):
        result = run(Idle(), small_objective())
    assert result.n_iter == 0
    assert result.converged is False


def test_a_value_that_is_not_finite_is_an_error_that_names_the_iteration():
    class Lost(Solver):
        is_conditioned = False

        def get_params(self, deep=True):
            return {}

        def points(self, objective, w, rng, state):
            yield objective.at(w)
            yield objective.at(np.full_like(w, np.inf))

    with np.errstate(all="ignore"), pytest.raises(ValueError, match="not finite after iteration 2"):
        run(Lost(), small_objective())


def test_an_interrupt_between_points_keeps_the_last_one():
    class Interrupted(GradientDescent):
        def points(self, objective, w, rng, state):
            for i, point in enumerate(super().points(objective, w, rng, state)):
                if i == 2:
                    raise KeyboardInterrupt
                yield point

    with pytest.warns(ConvergenceWarning, match="interrupted after 2 iterations"):
        result = run(Interrupted(), small_objective())
    assert result.n_iter == 2
    assert_allclose(result.loss_curve[-1], result.point.value, rtol=1e-14)
