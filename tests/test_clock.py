"""Time as it passes, and time that jumps over every wait."""

import time

import pytest

from hotpin.clock import Clock, RealClock, SkippingClock


@pytest.fixture(params=[RealClock, SkippingClock])
def clock(request: pytest.FixtureRequest) -> Clock:
    made: Clock = request.param()
    return made


def test_time_only_grows(clock: Clock) -> None:
    moments = []
    for wait in (0.0, 0.001, -5.0, 0.002):
        moments.append(clock.now())
        clock.wait_until(moments[-1] + wait)
    assert moments == sorted(moments)


def test_waiting_lasts_until_the_moment(clock: Clock) -> None:
    moment = clock.now() + 0.03
    clock.wait_until(moment)
    assert clock.now() >= moment


def test_what_has_passed_is_not_waited_for(clock: Clock) -> None:
    began = time.monotonic()
    clock.wait_until(clock.now() - 60.0)
    assert time.monotonic() - began < 1.0
    assert clock.now() - began < 1.0


def test_a_real_wait_takes_its_time() -> None:
    began = time.monotonic()
    RealClock().wait_until(began + 0.03)
    assert time.monotonic() - began >= 0.03


def test_a_skipped_wait_takes_none_and_moves_the_clock() -> None:
    clock = SkippingClock()
    began = time.monotonic()
    for hour in range(1, 4):
        clock.wait_until(began + hour * 3_600.0)
    assert time.monotonic() - began < 1.0
    assert clock.now() - began == pytest.approx(3 * 3_600.0, abs=1.0)


def test_work_between_skipped_waits_keeps_its_true_length() -> None:
    clock = SkippingClock()
    clock.wait_until(clock.now() + 3_600.0)
    before = clock.now()
    time.sleep(0.02)  # the work
    assert 0.02 <= clock.now() - before < 1.0
