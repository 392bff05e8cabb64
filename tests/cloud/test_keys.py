"""Keys and words: where they may go, and that they are never seen."""

import logging
import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from hotpin import registry
from hotpin import settings as all_settings
from hotpin.cloud import http, service
from hotpin.errors import HotpinError, SettingsError
from hotpin.llm.base import Llm, Message
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.cloud.conftest import BuildLlm, BuildTts, choosing_engine
from tests.fakes.api_server import ApiServer, Reply, Script, events, failing
from tests.fakes.counterparts import KEY, pointed_at

WORDS = "xylophone"
QUESTION = Message("user", f"What is a {WORDS}?")


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTPIN_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "script",
    [
        failing(500, KEY),
        failing(401, KEY),
        failing(401, KEY, KEY),
        failing(400, f"{KEY} {WORDS[:3]}"),
        Reply.reset,
        Reply.hang,
        events(f'{{"{KEY}": "{WORDS}"'),
        events(f'{{"error": {{"message": "{KEY} {WORDS}"}}}}'),
    ],
    ids=["500", "401", "401 with it as code", "400", "reset", "time-out", "malformed", "error"],
)
def test_neither_key_nor_words_are_in_any_error_or_log(
    api: ApiServer, llm: BuildLlm, tts: BuildTts, caplog: pytest.LogCaptureFixture, script: Script
) -> None:
    caplog.set_level(logging.DEBUG)
    api.usual = script
    seen = []
    for work in (
        lambda: llm(timeout_seconds=0.1).reply("s", [QUESTION]),
        lambda: tts("elevenlabs", timeout_seconds=0.1).speak(WORDS),
    ):
        with pytest.raises(HotpinError) as caught:
            list(work())
        seen += traceback.format_exception(caught.value)
        seen += [str(caught.value), repr(caught.value)]
    seen += [record.getMessage() for record in caplog.records]
    text = "\n".join(seen)
    assert KEY not in text
    assert WORDS not in text.replace(repr(WORDS), "")
    assert not any(KEY in asked.path or WORDS in asked.path for asked in api.asked)


def test_a_key_is_not_in_the_text_of_any_object(settings: Settings) -> None:
    chosen = pointed_at(settings, "http://127.0.0.1:9")
    engines: list[Llm | Stt | Tts] = [
        registry.build_llm(choosing_engine(chosen, "llm", "groq")),
        registry.build_stt(choosing_engine(chosen, "stt", "openai")),
        registry.build_tts(choosing_engine(chosen, "tts", "elevenlabs")),
    ]
    infos = [engine.info for engine in engines]
    for thing in (chosen, service.groq(chosen), *engines, *infos):
        assert KEY not in f"{thing!r} {thing}"


@pytest.mark.parametrize(("stage", "engine"), [("llm", "openai"), ("llm", "groq"), ("stt", "openai"), ("stt", "groq")])
def test_without_its_key_an_engine_says_which_one_is_missing(settings: Settings, stage: str, engine: str) -> None:
    built = getattr(registry, f"build_{stage}")(choosing_engine(settings, stage, engine))
    with pytest.raises(SettingsError, match=f"{engine.upper()}_API_KEY"):
        built.load()


@pytest.mark.parametrize("engine", ["openai", "elevenlabs"])
def test_without_its_key_a_voice_asks_nobody(settings: Settings, engine: str) -> None:
    built = registry.build_tts(choosing_engine(settings, "tts", engine))
    for call in (built.load, lambda: list(built.speak("Hello."))):
        with pytest.raises(SettingsError, match=f"{engine.upper()}_API_KEY"):
            call()


@pytest.mark.parametrize("key", ["sk-secret\r\nX-Other: 1", "sk-sécret", "sk secret"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(settings: Settings, key: str) -> None:
    chosen = pointed_at(settings, "http://127.0.0.1:9", openai_api_key=SecretStr(key))
    with pytest.raises(SettingsError, match="OPENAI_API_KEY is no key") as caught:
        registry.build_llm(choosing_engine(chosen, "llm", "openai")).load()
    assert key not in str(caught.value)


def test_a_key_alone_switches_nothing_on(empty_home: None) -> None:
    keys = dict.fromkeys(("OPENAI_API_KEY", "GROQ_API_KEY", "ELEVENLABS_API_KEY"), KEY)
    chosen = all_settings.load({}, keys)
    assert [service.of(chosen, stage) for stage in ("stt", "llm", "tts")] == [None] * 3
    assert (chosen.stt.engine, chosen.llm.engine, chosen.tts.engine) == ("whisper", "auto", "hibari")


@pytest.mark.slow
def test_offline_nothing_elsewhere_is_asked_but_this_machine_is(api: ApiServer, settings: Settings) -> None:
    offline = settings.model_copy(update={"models": settings.models.model_copy(update={"offline": True})})
    there = pointed_at(offline, api.url, openai_base_url="https://example.org/v1")
    with pytest.raises(SettingsError, match=r"example\.org, and models\.offline"):
        registry.build_llm(choosing_engine(there, "llm", "openai")).load()
    here = registry.build_llm(choosing_engine(pointed_at(offline, api.url), "llm", "openai"))
    here.load()
    assert "".join(here.reply("s", [QUESTION])) == "It is Paris."


@pytest.mark.parametrize(
    ("url", "leaves"),
    [
        ("http://localhost:11434/v1", False),
        ("http://127.0.0.2/v1", False),
        ("http://[::1]:8080/v1", False),
        ("http://192.168.1.5:8000/v1", True),
        ("http://localhost.example.org/v1", True),
        ("https://api.openai.com/v1", True),
    ],
)
def test_what_goes_to_this_machine_does_not_leave_it(settings: Settings, url: str, leaves: bool) -> None:
    chosen = pointed_at(settings, "http://127.0.0.1:9", openai_base_url=url)
    info = registry.build_llm(choosing_engine(chosen, "llm", "openai")).info
    assert info.leaves is leaves
    assert info.ahead is not leaves
    assert ("without encryption" in info.detail) is (leaves and url.startswith("http:"))


@pytest.mark.parametrize(
    "address", ["localhost:11434", "ftp://x/v1", "https://me:secret@x/v1", "http://x/v1?key=secret", "http://"]
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused(address: str, empty_home: None) -> None:
    with pytest.raises(SettingsError, match="openai_base_url") as caught:
        all_settings.load({"cloud.openai_base_url": address}, {})
    assert "http://127.0.0.1:11434/v1" in str(caught.value)


@pytest.mark.slow
def test_no_proxy_hears_what_goes_to_this_machine(
    api: ApiServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    client = http.HttpClient()
    asked = service.groq(pointed_at(settings, api.url))
    request = http.Request("/anything", HotpinError, 1 << 20, json={})
    assert b"Paris" in b"".join(client.body(asked, request, lambda: False))
