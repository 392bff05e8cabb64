"""How native libraries' threads wait."""

import os

import pytest

from hotpin import threads


@pytest.mark.parametrize("chosen", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT"])
def test_how_threads_wait_is_left_to_the_person_who_has_chosen(monkeypatch: pytest.MonkeyPatch, chosen: str) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    monkeypatch.setenv(chosen, "7")
    threads.limit_spinning()
    assert {name: os.environ.get(name) for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")} == {
        "OMP_WAIT_POLICY": None,
        "GOMP_SPINCOUNT": None,
        chosen: "7",
    }


def test_threads_spin_only_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setenv("GOMP_SPINCOUNT", "")  # so that the change is undone after the test
    monkeypatch.delenv("GOMP_SPINCOUNT")
    threads.limit_spinning()
    assert os.environ["GOMP_SPINCOUNT"] == threads.SPIN_COUNT
