"""The system's voices: what is particular to an engine that lives in a child process."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from hotpin.errors import ModelError, TtsError
from hotpin.settings import Settings
from hotpin.tts import pyttsx3, pyttsx3_process
from hotpin.tts.pyttsx3 import Pyttsx3Tts, sentences
from tests.conftest import Loaded, choosing, skip_or_fail

SENTENCE = "What is the capital of France?"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def build(settings: Settings, folder: Path) -> Iterator[Callable[..., Pyttsx3Tts]]:
    """Makes engines with other ``tts`` settings."""
    built: list[Pyttsx3Tts] = []

    def make(**values: str | float) -> Pyttsx3Tts:
        built.append(pyttsx3.build(choosing(settings, "tts", engine="pyttsx3", **values)))
        return built[-1]

    yield make
    for engine in built:
        engine.close()


@pytest.fixture
def tts(build: Callable[..., Pyttsx3Tts]) -> Pyttsx3Tts:
    engine = build()
    try:
        engine.load()
    except ModelError as error:
        skip_or_fail(str(error))
    return engine


@pytest.fixture
def shared(loaded: Loaded) -> Pyttsx3Tts:
    """An engine that other tests use too: nothing may be done to its child."""
    engine = loaded.tts("pyttsx3")
    assert isinstance(engine, Pyttsx3Tts)
    return engine


def pid(tts: Pyttsx3Tts) -> int:
    assert tts._child
    return tts._child.pid


def seconds(tts: Pyttsx3Tts, text: str) -> float:
    return sum(frame.seconds for frame in tts.speak(text))


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("…", []),
        ("Well, I said: it rains. It does!", ["Well, I said: it rains.", "It does!"]),
        ("Dr. Smith is here. Hello", ["Dr. Smith is here.", "Hello"]),
        ("[[x]] <speak>yes</speak>\x00", ["x yes"]),
        ("\x0150p Hello", ["50p Hello"]),
    ],
)
def test_text_is_cut_into_sentences_without_markup(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@pytest.mark.parametrize(("language", "name"), [("en", "en-us"), ("de", "de"), ("zh", "cmn"), ("auto", "en-us")])
def test_the_default_voice_speaks_the_language_of_the_settings(language: str, name: str) -> None:
    found = [("gmw/de", "de"), ("gmw/en", "en-gb"), ("gmw/en-us", "en-us"), ("roa/fr", "fr-fr"), ("sit/cmn", "cmn")]
    voices = [{"id": identifier, "name": tag, "languages": [tag], "gender": ""} for identifier, tag in found]
    default = pyttsx3._named({"voices": voices, "default": "gmw/en"}, language)[1][0]
    assert default.name == name
    assert default.speaks(language)


def test_long_identifiers_give_way_to_names_and_equal_names_to_identifiers() -> None:
    found = [
        ("com.apple.voice.Sam", "Sam", "en_US"),
        ("com.apple.voice.Zoe", "Zoe", "fr_FR"),
        ("other.Zoe", "Zoe", "fr"),
    ]
    voices = [
        {"id": identifier, "name": name, "languages": [tag], "gender": "female"} for identifier, name, tag in found
    ]
    ids, named = pyttsx3._named({"voices": voices, "default": "com.apple.voice.Zoe"}, "fr")
    assert [voice.name for voice in named] == ["Zoe", "other.Zoe", "Sam"]
    assert (named[2].languages, named[2].title) == (("en",), "Sam, female")
    assert ids["Sam"] == "com.apple.voice.Sam"


def test_voices_have_short_names_of_their_own_and_codes_of_languages(shared: Pyttsx3Tts) -> None:
    names = [voice.name for voice in shared.voices]
    assert len(set(names)) == len(names)
    assert all(voice.title and code.isalpha() and len(code) < 5 for voice in shared.voices for code in voice.languages)
    assert not any("/" in name for name in names)


def test_a_child_that_is_killed_is_told_and_the_next_speech_has_another(tts: Pyttsx3Tts, folder: Path) -> None:
    first = pid(tts)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(TtsError, match="ended unexpectedly") as caught:
        seconds(tts, SENTENCE)
    assert caught.value.retryable
    assert not list(folder.iterdir())
    assert seconds(tts, SENTENCE) > 1
    assert pid(tts) != first


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there")
def test_a_hang_is_killed_and_told(tts: Pyttsx3Tts, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pyttsx3_process, "SPEAK_SECONDS", 0.1)
    monkeypatch.setattr(pyttsx3_process, "SPEAK_SECONDS_A_CHARACTER", 0.0)
    hung = pid(tts)
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(TtsError, match="hung") as caught:
        seconds(tts, SENTENCE)
    assert caught.value.retryable
    assert not is_running(hung)
    assert not list(folder.iterdir())
    monkeypatch.undo()
    assert seconds(tts, SENTENCE) > 1


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there")
def test_cancelling_does_not_wait_for_a_speech_that_is_being_made(tts: Pyttsx3Tts) -> None:
    stuck = pid(tts)
    os.kill(stuck, signal.SIGSTOP)
    asked: list[None] = []

    def cancelled() -> bool:
        asked.append(None)
        return len(asked) > 3

    assert list(tts.speak(SENTENCE, cancelled=cancelled)) == []
    assert len(asked) < 10
    assert not is_running(stuck)
    assert seconds(tts, SENTENCE) > 1


@pytest.mark.skipif(sys.platform == "win32", reason="nothing stops a process there")
def test_closing_ends_a_speech_in_another_thread(tts: Pyttsx3Tts) -> None:
    os.kill(pid(tts), signal.SIGSTOP)
    asked, failures = threading.Event(), list[TtsError]()

    def cancelled() -> bool:
        asked.set()
        return False

    def speak() -> None:
        try:
            list(tts.speak(SENTENCE, cancelled=cancelled))
        except TtsError as error:
            failures.append(error)

    speaker = threading.Thread(target=speak)
    speaker.start()
    assert asked.wait(2)
    tts.close()
    speaker.join(2)
    assert not speaker.is_alive()


def test_nothing_is_left_behind(tts: Pyttsx3Tts, folder: Path) -> None:
    child = pid(tts)
    (private,) = folder.iterdir()
    assert private.stat().st_mode & 0o077 == 0 or sys.platform == "win32"
    for _ in tts.speak(SENTENCE + " Yes. No."):
        assert not list(private.iterdir())
    tts.close()
    assert not list(folder.iterdir())
    assert not is_running(child)
    tts.close()


@pytest.mark.slow
def test_each_text_gets_its_own_speech(tts: Pyttsx3Tts) -> None:
    texts = ["Yes.", SENTENCE, "Once there was a cat that lived in a house by the sea."]
    expected = [seconds(tts, text) for text in texts]
    for _ in range(20):
        assert [seconds(tts, text) for text in texts] == pytest.approx(expected, rel=0.1)


@pytest.mark.slow
def test_a_faster_rate_takes_less_time(shared: Pyttsx3Tts, build: Callable[..., Pyttsx3Tts]) -> None:
    assert seconds(build(rate=350), SENTENCE) < 0.7 * seconds(shared, SENTENCE)


def test_the_speech_of_macos_is_read_although_it_is_aiff(tmp_path: Path) -> None:
    import av

    file = tmp_path / "speech.wav"
    tone = (10_000 * np.sin(np.arange(22_050) / 10)).astype(np.int16)
    with av.open(file, "w", format="aiff") as container:
        stream = container.add_stream("pcm_s16be", rate=22_050, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="s16", layout="mono")
        frame.rate = 22_050
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    heard = pyttsx3._heard(file, "alex", {})
    assert heard is not None
    assert (heard.rate, len(heard.samples)) == (22_050, len(tone))


def test_silence_is_no_frame(tmp_path: Path) -> None:
    file = tmp_path / "speech.wav"
    with wave.open(str(file), "wb") as silence:
        silence.setparams((1, 2, 22_050, 0, "NONE", ""))
        silence.writeframes(bytes(2000))
    assert pyttsx3._heard(file, "alex", {}) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hiding", "fix"),
    [
        (("pyttsx3.py", "raise ModuleNotFoundError('pyttsx3')"), r"pip install 'hotpin\[pyttsx3\]'"),
        # What loads the library is taken away, so that none is found.
        (("sitecustomize.py", "import ctypes\nctypes.cdll.LoadLibrary = None"), "apt-get install espeak-ng"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring their voices")
def test_what_is_missing_is_told_with_the_line_that_mends_it(
    build: Callable[..., Pyttsx3Tts], folder: Path, monkeypatch: pytest.MonkeyPatch, hiding: tuple[str, str], fix: str
) -> None:
    module, program = hiding
    place = folder / "hiding"
    place.mkdir()
    (place / module).write_text(program)
    monkeypatch.setenv("PYTHONPATH", str(place))
    engine = build()
    for use in (engine.load, lambda: engine.voices, lambda: list(engine.speak(SENTENCE))):
        with pytest.raises(ModelError, match=fix):
            use()
    assert list(folder.iterdir()) == [place]


@pytest.mark.slow
def test_neither_the_working_folder_nor_ours_stands_in_for_the_package(
    build: Callable[..., Pyttsx3Tts], shared: Pyttsx3Tts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "pyttsx3.py").write_text("raise ImportError")
    monkeypatch.chdir(folder)
    assert build().voices == shared.voices


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("speaking", [False, True])
def test_the_child_ends_when_its_parent_is_killed(tts: Pyttsx3Tts, tmp_path: Path, speaking: bool) -> None:
    program = (
        "from hotpin import settings\n"
        "from hotpin.tts import pyttsx3\n"
        "tts = pyttsx3.build(settings.load({'tts.engine': 'pyttsx3'}, {}))\n"
        "tts.load()\n"
        "def tell(): print(tts._child.pid, flush=True)\n"
        + (
            "tts._child.speak('a ' * 10_000, 'gmw/en-us', 80, tell)"  # asked whether to go on, it tells
            if speaking
            else "tell(); import time; time.sleep(60)"
        )
    )
    folder = tmp_path / "folder"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder), "HOTPIN_HOME": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        assert list(folder.iterdir())
        parent.kill()
    # Nobody can wait for a process that is not one's own child, but for its end of a file.
    for _ in range(500):
        if not list(folder.iterdir()):
            break
        threading.Event().wait(0.01)
    assert not list(folder.iterdir())
    for _ in range(500):
        if not is_running(child) or "Z" in Path(f"/proc/{child}/stat").read_text():
            break
        threading.Event().wait(0.01)
    else:
        pytest.fail("it still runs")


@pytest.mark.slow
@pytest.mark.parametrize("text", ["word " * 2000, "a" * 10_000, "7" * 10_000, "漢" * 10_000])
def test_ten_thousand_letters_do_no_harm(tts: Pyttsx3Tts, text: str) -> None:
    child = pid(tts)
    seconds(tts, text)
    assert seconds(tts, SENTENCE) > 1
    assert pid(tts) == child


def test_the_child_ends_when_its_parent_is_killed_while_it_asks(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    program = Path(pyttsx3_process.__file__).with_name("pyttsx3_child.py")
    child = subprocess.run(
        [sys.executable, "-P", program, folder / "speech.wav"],
        input=b'{"text": "Hel',
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert child.stderr == b""
    assert not folder.exists()
