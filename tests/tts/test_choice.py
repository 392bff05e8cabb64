"""Which voice speaks a language."""

from collections.abc import Iterator, Sequence

import pytest

from hotpin.audio.frame import Frame
from hotpin.cancel import Cancelled, never
from hotpin.errors import TtsError
from hotpin.registry import EngineInfo
from hotpin.tts.base import Voice, find_voice
from hotpin.tts.choice import choose

ADA, BOB, CHLOE = Voice("ada", ("en",)), Voice("bob", ("en", "de")), Voice("chloe", ("fr",))


class Voices:
    """An engine of which only the voices matter; blends are voices too."""

    def __init__(self, *voices: Voice) -> None:
        self.voices: Sequence[Voice] = voices
        self.info = EngineInfo("choir", "three")

    def voice(self, name: str = "") -> Voice:
        if ":" in name:
            return Voice(name, ("fr",))
        return find_voice("choir", self.voices, name)

    def load(self) -> None:
        raise AssertionError("to choose, nothing need be loaded")

    def speak(self, text: str, voice: str = "", cancelled: Cancelled = never) -> Iterator[Frame]:
        raise AssertionError("to choose, nothing need be said")

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("wanted", "language", "chosen", "told"),
    [
        ("", "en", "ada", False),
        ("", "fr", "chloe", False),
        ("", "de", "bob", False),
        ("", "auto", "ada", False),
        ("", "", "ada", False),
        ("chloe", "auto", "chloe", False),
        ("chloe", "", "chloe", False),
        ("chloe", "fr", "chloe", False),
        ("bob", "de", "bob", False),
        ("bob", "en", "bob", False),
        ("chloe", "en", "ada", True),
        ("ada", "de", "bob", True),
        ("bob", "fr", "chloe", True),
        ("chloe:0.6,ada:0.4", "fr", "chloe:0.6,ada:0.4", False),
        ("chloe:0.6,ada:0.4", "en", "ada", True),
    ],
)
def test_the_wanted_voice_speaks_what_it_can_and_another_the_rest(
    wanted: str, language: str, chosen: str, told: bool
) -> None:
    choice = choose(Voices(ADA, BOB, CHLOE), wanted, language)
    assert choice.voice == chosen
    assert bool(choice.notice) == told
    if told:
        assert all(repr(name) in choice.notice for name in (wanted, chosen, language))


@pytest.mark.parametrize("wanted", ["", "ada"])
def test_a_language_that_no_voice_speaks_is_refused(wanted: str) -> None:
    with pytest.raises(TtsError, match="choir has no voice that speaks 'ko'") as caught:
        choose(Voices(ADA, BOB, CHLOE), wanted, "ko")
    assert "tts.engine" in caught.value.fix


@pytest.mark.parametrize("language", ["en", "auto", "ko"])
def test_a_voice_that_does_not_exist_lists_those_that_do(language: str) -> None:
    with pytest.raises(TtsError, match="'nobody'") as caught:
        choose(Voices(ADA, BOB, CHLOE), "nobody", language)
    assert "ada, bob, chloe" in caught.value.fix
