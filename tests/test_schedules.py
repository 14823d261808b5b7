"""Every schedule gives a positive rate for every epoch, of the shape its formula says."""

import pickle
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from softmax_reg import SoftmaxRegression
from softmax_reg.schedules import (
    Constant,
    Cosine,
    InverseScaling,
    Rates,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
)

# For every subclass an instance with the rate 0.4; a new schedule adds its own here.
EXAMPLES = {
    Constant: Constant(0.4),
    InverseScaling: InverseScaling(0.4, power=0.75),
    Step: Step(0.4, factor=0.5, every=3),
    Cosine: Cosine(0.4, period=20, floor=0.01),
    WarmUp: WarmUp(Constant(0.4), epochs=4),
    ReduceOnPlateau: ReduceOnPlateau(0.4, patience=3),
}
EPOCHS = np.arange(0.0, 60.0, 0.5)

each_schedule = pytest.mark.parametrize("schedule", EXAMPLES.values(), ids=str)


def test_every_schedule_has_an_example_here():
    assert set(Schedule.__subclasses__()) == set(EXAMPLES)


@each_schedule
def test_a_rate_is_positive_and_no_larger_than_the_one_given(schedule):
    rates = np.array([schedule(t) for t in EPOCHS])
    assert (rates > 0.0).all()
    assert (rates <= 0.4).all()
    assert rates.max() == 0.4


@each_schedule
def test_a_rate_only_falls_after_the_warm_up(schedule):
    start = schedule.epochs - 1 if isinstance(schedule, WarmUp) else 0
    rates = [schedule(t) for t in EPOCHS if t >= start]
    assert (np.diff(rates) <= 1e-17).all()


@each_schedule
def test_a_schedule_survives_pickling_and_compares_by_value(schedule):
    assert pickle.loads(pickle.dumps(schedule)) == schedule
    assert Rates(schedule, {}).schedule == schedule


def test_known_rates():
    assert_allclose([InverseScaling(1.0, 1.0)(t) for t in (0, 1, 3)], [1.0, 0.5, 0.25])
    assert_allclose([Step(1.0, 0.1, 2)(t) for t in (0, 1, 2, 3, 4)], [1.0, 1.0, 0.1, 0.1, 0.01])
    assert_allclose([Cosine(1.0, 4)(t) for t in (0, 1, 2, 4, 9)], [1, 0.5 + 0.5**1.5, 0.5, 0, 0],
                    atol=1e-15)  # fmt: skip
    assert_allclose([WarmUp(Step(1.0, 0.5, 4), 2)(t) for t in (0, 1, 2, 4)], [0.5, 1, 1, 0.5])


def test_a_number_is_a_constant_schedule_and_a_function_is_itself():
    assert Rates(0.3, {}).schedule == Constant(0.3)
    assert Rates(1, {}).schedule == Constant(1.0)

    def schedule(t):
        return 1.0 / (1.0 + t)

    assert Rates(schedule, {}).schedule is schedule


@pytest.mark.parametrize("wrong", [None, "a", -0.1, np.nan, np.inf])
def test_a_schedule_that_returns_no_rate_is_named(wrong):
    with pytest.raises(ValueError, match="learning_rate returned"):
        Rates(lambda t: wrong, {}).next(SimpleNamespace(value=1.0))


@pytest.mark.parametrize("wrong", [0, -3, np.nan, None])
@pytest.mark.parametrize(
    ("kind", "name"),
    [(Step, "every"), (Cosine, "period"), (ReduceOnPlateau, "patience"), (WarmUp, "epochs")],
)
def test_a_number_of_epochs_that_is_not_positive_is_refused_in_fit_by_name(kind, name, wrong):
    schedule = kind(Constant(0.1) if kind is WarmUp else 0.1, **{name: wrong})
    model = SoftmaxRegression(solver="gd", learning_rate=schedule, max_iter=5)
    with pytest.raises(ValueError, match=f"{name} of {kind.__name__} must be .*, got {wrong!r}"):
        model.fit([[0.0], [1.0], [3.0]], [0, 1, 0])
    assert not hasattr(model, "coef_")


@each_schedule
def test_rates_go_on_from_what_they_remember(schedule):
    losses = [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    points = [SimpleNamespace(value=loss) for loss in losses]
    whole, memory = Rates(schedule, {}), {}
    expected = [whole.next(point) for point in points]
    first = Rates(schedule, memory)
    rates = [first.next(point) for point in points[:5]]
    then = Rates(schedule, {"t": memory["t"], "losses": np.array(memory["losses"])})
    assert rates + [then.next(point) for point in points[5:]] == expected


def test_a_warm_up_lets_its_schedule_see_the_losses():
    rates = Rates(WarmUp(ReduceOnPlateau(0.4, patience=2), epochs=1), {})
    assert [rates.next(SimpleNamespace(value=1.0)) for _ in range(4)] == [0.4, 0.4, 0.2, 0.2]
