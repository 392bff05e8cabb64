"""Percentiles, and two choices compared turn by turn."""

import numpy as np
import pytest

from hotpin.bench.figures import Paired, Percentiles


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [
        ([], None, None),
        ([None, None], None, None),
        ([2.0], 2.0, 2.0),
        ([3.0, None, 1.0, 2.0], 2.0, 2.9),
        ([float(n) for n in range(101)], 50.0, 95.0),
        ([1 / 3], 0.3333, 0.3333),
    ],
)
def test_percentiles_are_taken_of_what_there_is(
    values: list[float | None], p50: float | None, p95: float | None
) -> None:
    assert Percentiles.of(values) == Percentiles(p50, p95)


def test_a_percentile_that_is_not_there_is_a_dash() -> None:
    assert str(Percentiles(None, 1.234)).split() == ["-", "1.23", "s"]


def test_what_both_choices_met_with_cancels_out() -> None:
    noise = [0.0, 3.0, 1.0, 8.0, 0.5, 2.0, 5.0]
    found = Paired.of([(1.0 + n, 0.8 + n) for n in noise])
    assert (found.difference, found.low, found.high, found.quicker, found.n) == (-0.2, -0.2, -0.2, 7, 7)
    assert found.ratio == pytest.approx(2.8 / 3.0, abs=1e-4)
    assert found.verdict == "quicker"


def test_a_slower_choice_is_called_slower() -> None:
    assert Paired.of([(1.0, 1.0 + n / 10) for n in range(1, 8)]).verdict == "slower"


def test_a_pair_with_a_missing_half_does_not_count() -> None:
    found = Paired.of([(1.0, 2.0), (None, 9.0), (9.0, None)])
    assert (found.n, found.ratio, found.difference) == (1, 2.0, 1.0)


def test_few_pairs_do_not_tell_anything() -> None:
    assert Paired.of([(1.0, 0.1)] * 5).verdict == "too few pairs to tell"
    assert Paired.of([(1.0, 0.1)] * 6).verdict == "quicker"


def test_without_pairs_there_is_nothing_to_compare() -> None:
    assert Paired.of([]) == Paired(0, None, None, None, None, 0)
    assert Paired.of([(0.0, 0.0)]).ratio is None


def test_a_difference_that_comes_and_goes_is_noise() -> None:
    found = Paired.of([(1.0, 1.0 + (-1) ** n * 0.1) for n in range(20)])
    assert found.verdict == "no difference that could be told from noise"


def test_the_median_difference_is_within_its_bounds_as_often_as_is_said() -> None:
    random = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        found = Paired.of([(1.0, 1.1 + value) for value in random.exponential(1.0, 15) - np.log(2)])
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.1 <= found.high
    assert hits >= 0.93 * 400
