"""The four engines together: loaded side by side, and what happens when one cannot be."""

import threading
from collections.abc import Callable, Iterator

import pytest

from hotpin.cancel import Generation, Ticket
from hotpin.engines import ALL_KINDS, LOADING_LANES, Engines
from hotpin.errors import HotpinError, ModelError, SettingsError, TtsError
from hotpin.registry import Kind
from hotpin.settings import Settings
from tests.conftest import choosing
from tests.fakes.engines import fake_engines

TIMEOUT = 5.0


@pytest.fixture
def engines() -> Iterator[Engines]:
    made = fake_engines()
    yield made
    made.close()


@pytest.fixture
def closed(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> list[Kind]:
    """Collects which engines have been closed."""
    done: list[Kind] = []

    def noting(kind: Kind) -> Callable[[], None]:
        return lambda: done.append(kind)

    for kind in ALL_KINDS:
        monkeypatch.setattr(getattr(engines, kind), "close", noting(kind))
    return done


def raising(error: Exception) -> Callable[[], None]:
    def load() -> None:
        raise error

    return load


def loading(engines: Engines, monkeypatch: pytest.MonkeyPatch, **loads: Callable[[], object]) -> None:
    """Let the engines of these kinds load otherwise."""
    for kind, load in loads.items():
        monkeypatch.setattr(getattr(engines, kind), "load", load)


def test_the_engines_of_the_settings_are_built_and_not_loaded(settings: Settings) -> None:
    engines = Engines.build(choosing(settings, "vad", engine="webrtc"))
    assert engines.infos["vad"] == engines.vad.info
    assert {kind: info.name for kind, info in engines.infos.items() if kind not in ("llm", "prosody")} == {
        "vad": "webrtc",
        "stt": "whisper",
        "tts": "hibari",
    }
    with pytest.raises(HotpinError, match="not been loaded"):
        engines.stt.stream()
    engines.close()


def test_an_unknown_engine_is_refused(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="nobody"):
        Engines.build(choosing(settings, "tts", engine="nobody"))


def test_the_lanes_are_loaded_side_by_side(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(len(LOADING_LANES))
    loading(engines, monkeypatch, **{lane[0]: lambda: together.wait(TIMEOUT) for lane in LOADING_LANES})
    ready: list[Kind] = []
    engines.load(loaded=ready.append)
    assert sorted(ready) == sorted(ALL_KINDS)


@pytest.mark.parametrize("lane", LOADING_LANES)
def test_what_is_in_one_lane_is_loaded_one_after_the_other(engines: Engines, lane: tuple[Kind, ...]) -> None:
    ready: list[Kind] = []
    engines.load(loaded=ready.append)
    assert [kind for kind in ready if kind in lane] == list(lane)


def test_only_what_is_needed_is_loaded(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    loading(engines, monkeypatch, stt=raising(AssertionError("not needed")))
    ready: list[Kind] = []
    engines.load(("llm", "tts"), ready.append)
    assert set(ready) == {"llm", "tts"}


def test_the_first_error_in_the_order_of_need_is_told_when_all_of_it_have_ended(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts_failed = threading.Event()

    def late() -> None:
        assert tts_failed.wait(TIMEOUT)
        raise ModelError("no words")

    def early() -> None:
        tts_failed.set()
        raise TtsError("no voice")

    loading(engines, monkeypatch, stt=late, tts=early)
    ready: list[Kind] = []
    with pytest.raises(ModelError, match="no words"):
        engines.load(loaded=ready.append)
    assert ready == ["vad"]


def test_after_an_error_nothing_further_of_its_lane_is_loaded(
    engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading(engines, monkeypatch, vad=raising(ModelError("no ears")), stt=lambda: pytest.fail("too late"))
    with pytest.raises(ModelError, match="no ears"):
        engines.load()


def test_an_error_of_a_library_is_explained(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    cause = RuntimeError("bad magic number")
    loading(engines, monkeypatch, llm=raising(cause))
    with pytest.raises(HotpinError, match="llm engine could not be loaded: RuntimeError: bad magic number") as caught:
        engines.load()
    assert caught.value.__cause__ is cause
    assert "hotpin doctor" in caught.value.fix


def test_a_missing_module_is_named(engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
    loading(engines, monkeypatch, vad=raising(ModuleNotFoundError("No module named 'ears'", name="ears")))
    with pytest.raises(HotpinError, match="vad engine needs the Python module 'ears'"):
        engines.load()


def test_closing_ends_the_workers_and_frees_the_engines(engines: Engines, closed: list[Kind]) -> None:
    engines.close()
    assert sorted(closed) == sorted(ALL_KINDS)
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    for worker in (engines.stt_worker, engines.llm_worker, engines.tts_worker):
        assert not worker.submit(ticket, lambda: pytest.fail("a closed worker works"))


@pytest.mark.parametrize("kind", ["stt", "prosody", "llm", "tts"])
def test_an_engine_in_use_is_not_freed_and_the_other_workers_end(
    engines: Engines,
    closed: list[Kind],
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    workers = {name: getattr(engines, f"{name}_worker") for name in ("stt", "prosody", "llm", "tts")}
    counter = Generation()
    ticket = Ticket("kitchen", 1, counter.number, counter)
    begun, done = threading.Event(), threading.Event()
    busy = workers.pop(kind)

    def work() -> None:
        begun.set()
        done.wait(TIMEOUT)

    busy.submit(ticket, work)
    assert begun.wait(TIMEOUT)
    close = busy.close
    monkeypatch.setattr(busy, "close", lambda: close(timeout=0.01))
    engines.close()
    assert closed == []
    assert "still busy" in caplog.text
    assert not any(worker.submit(ticket, begun.clear) for worker in workers.values())
    done.set()
