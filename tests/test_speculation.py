"""Whether to run ahead, by what it has gained and cost."""

from hotpin.speculation import LEAST_PAUSES, RETRY_PAUSES, Speculation


def test_it_is_tried_before_anything_is_known() -> None:
    assert Speculation().begin()


def test_it_goes_on_where_it_gains() -> None:
    speculation = Speculation()
    for _ in range(30):
        assert speculation.begin()
        speculation.confirm(gained=0.4)
        assert speculation.begin()
        speculation.drop()
        speculation.waste(cpu_seconds=0.2, late=0.1)
    assert speculation.ahead.begun == 60
    assert speculation.ahead.hit_rate == 0.5
    assert round(speculation.ahead.wasted_cpu_seconds, 6) == 6.0


def test_it_is_left_where_it_costs_more_than_it_gains_and_tried_now_and_then() -> None:
    speculation = Speculation()
    tried = 0
    for _ in range(400):
        if speculation.begin():
            tried += 1
            speculation.drop()
            speculation.waste(cpu_seconds=2.0, late=1.5)
    assert 400 // RETRY_PAUSES <= tried < 400 // RETRY_PAUSES + 40


def test_a_few_pauses_at_the_start_are_no_reason_to_leave_it() -> None:
    speculation = Speculation()
    for _ in range(LEAST_PAUSES):
        assert speculation.begin()
        speculation.drop()
        speculation.waste(cpu_seconds=2.0, late=1.5)
    assert not speculation.begin()


def test_it_comes_back_when_the_machine_is_idle_again() -> None:
    speculation = Speculation()
    for _ in range(100):
        if speculation.begin():
            speculation.drop()
            speculation.waste(cpu_seconds=2.0, late=1.5)
    tried = 0
    for _ in range(400):
        if speculation.begin():
            tried += 1
            speculation.confirm(gained=0.4)
    assert tried > 200
