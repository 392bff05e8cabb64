"""From the click to the reply that is heard: a real browser, the real server, real engines."""

import base64
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydantic import SecretStr

from hotpin.app import App
from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, Frame, Samples
from hotpin.audio.resample import Resampler
from hotpin.bench import words
from hotpin.errors import HotpinError
from hotpin.server.run import ServerThread
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from tests.conftest import choosing, skip_or_fail

from .chromium import Page, page

pytestmark = pytest.mark.e2e

QUESTIONS = Path(__file__).parents[3] / "assets" / "questions"
QUESTION, NEXT_QUESTION = QUESTIONS / "1-france.wav", QUESTIONS / "3-spider.wav"
PERSONAS = ["hotpin", "receptionist", "sales", "callcenter"]
KNOWN_TO_FEW = "a-token-of-the-tests"
READY = "document.getElementById('status').textContent === 'Ready'"
ANSWERED = (
    "document.getElementById('conversation').childElementCount >= 2 && document.getElementById('interrupt').disabled"
)
HOLD_SECONDS = 0.6

_PERSON = """
const context = new AudioContext();
const mouth = context.createMediaStreamDestination();
navigator.mediaDevices.getUserMedia = async () => mouth.stream;
globalThis.say = async (wav) => {
  const bytes = Uint8Array.from(atob(wav), (letter) => letter.charCodeAt(0));
  const source = context.createBufferSource();
  source.buffer = await context.decodeAudioData(bytes.buffer);
  source.connect(mouth);
  source.start();
};
0
"""
"""A microphone into which the test speaks when it wants to."""


@pytest.fixture(scope="module")
def app(settings: Settings) -> Iterator[App]:
    with App(settings) as built:
        try:
            built.load()
        except HotpinError as error:
            skip_or_fail(f"the engines cannot be loaded: {error}")
        yield built


@pytest.fixture(scope="module")
def url(app: App, settings: Settings) -> Iterator[str]:
    thread = ServerThread(choosing(settings, "server", port=0), app)
    thread.start()
    yield thread.url
    thread.close()


@pytest.fixture
def guarded_url(app: App, settings: Settings) -> Iterator[str]:
    server = settings.server.model_copy(update={"port": 0, "token": SecretStr(KNOWN_TO_FEW)})
    thread = ServerThread(settings.model_copy(update={"server": server}), app)
    thread.start()
    yield thread.url
    thread.close()


def question_samples() -> Samples:
    with wave.open(str(QUESTION)) as file:
        resampler = Resampler(file.getframerate(), CAPTURE_RATE)
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int16)
    return np.concatenate([resampler.push(samples), resampler.flush()])


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """A question after a moment of silence, and silence for as long as anybody listens."""
    path = tmp_path / "microphone.wav"
    silence = np.zeros(CAPTURE_RATE, np.int16)
    path.write_bytes(wav_bytes(np.concatenate([silence[:8_000], question_samples(), *[silence] * 30]), CAPTURE_RATE))
    return path


def hold_to_ask(browser: Page) -> None:
    """Hold the button as long as the question takes, from when the microphone is open."""
    seconds = len(question_samples()) / CAPTURE_RATE + HOLD_SECONDS
    browser.value(
        "globalThis.opened = new Promise((done) => {"
        "  const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
        "  navigator.mediaDevices.getUserMedia = (wanted) => ask(wanted).finally(done);"
        "}), 0"
    )
    browser.press("talk")
    browser.value(f"opened.then(() => new Promise((done) => setTimeout(done, {1000 * seconds})))")
    browser.release("talk")


def understood(whisper: Stt, browser: Page) -> list[str]:
    """The words that the loudspeaker has played."""
    samples, rate = browser.played()
    resampler = Resampler(rate, CAPTURE_RATE)
    stream = whisper.stream()
    stream.feed(Frame(np.concatenate([resampler.push(samples), resampler.flush()])))
    return words.normalised(stream.finish().text)


def replies(browser: Page) -> list[str]:
    """The texts of the replies that are shown."""
    shown: list[str] = browser.value(
        "[...document.querySelectorAll('#conversation .hotpin')].map((entry) => entry.lastChild.textContent)"
    )
    return shown


def assert_heard_as_shown(whisper: Stt, browser: Page) -> None:
    shown = words.normalised(replies(browser)[-1])
    heard = understood(whisper, browser)
    assert heard, f"nothing was heard of {shown}"
    assert words.errors(shown, heard) <= 0.5 * len(shown) + 2, f"{heard} was heard of {shown}"


@pytest.mark.parametrize("persona", PERSONAS)
def test_each_persona_answers_a_spoken_question_aloud(url: str, microphone: Path, whisper: Stt, persona: str) -> None:
    with page(microphone) as browser:
        browser.open(url)
        browser.wait(READY)
        browser.wait(f"[...document.getElementById('agent').options].some((one) => one.value === '{persona}')")
        browser.value(f"document.getElementById('agent').value = '{persona}'")
        browser.value("document.getElementById('agent').dispatchEvent(new Event('change'))")
        browser.wait(READY)
        hold_to_ask(browser)
        browser.wait(ANSWERED, 60)
        assert "france" in words.normalised(browser.text("conversation"))
        assert_heard_as_shown(whisper, browser)
        latency = float(browser.text("latency").removesuffix(" s"))
        print(f"{persona}: {latency} s from the release of the button to the first sound")
        assert latency < 10
        assert browser.problems() == []


def test_hands_free_the_question_is_answered_without_a_key(url: str, microphone: Path, whisper: Stt) -> None:
    with page(microphone) as browser:
        browser.open(url)
        browser.wait(READY)
        browser.value("document.querySelector('details').open = true")
        browser.click("hands-free")
        browser.wait("document.getElementById('talk').textContent === 'Start listening'")
        browser.click("talk")
        browser.wait(ANSWERED, 60)
        assert "france" in words.normalised(browser.text("conversation"))
        assert_heard_as_shown(whisper, browser)
        print(f"hands-free: {browser.text('latency')}")


def say(browser: Page, question: Path) -> None:
    browser.value(f"say('{base64.b64encode(question.read_bytes()).decode()}')")


def test_hands_free_whoever_speaks_over_the_reply_interrupts_it_and_is_answered(url: str) -> None:
    with page(None, "--autoplay-policy=no-user-gesture-required") as browser:
        browser.open(url)
        browser.wait(READY)
        browser.value(_PERSON)
        browser.value("document.querySelector('details').open = true")
        browser.click("hands-free")
        browser.wait("document.getElementById('talk').textContent === 'Start listening'")
        browser.click("talk")
        browser.wait("document.getElementById('status').textContent === 'Listening'")
        say(browser, QUESTION)
        browser.wait("played.some((block) => block.some((value) => value))", 60)
        say(browser, NEXT_QUESTION)
        browser.wait("document.querySelectorAll('#conversation .you').length === 2", 60)
        browser.wait("document.querySelectorAll('#conversation .hotpin').length === 2", 60)
        first, second = browser.value(
            "[...document.querySelectorAll('#conversation .you')].map((entry) => entry.textContent)"
        )
        assert "france" in words.normalised(first)
        assert "spider" in words.normalised(second)
        assert replies(browser)[0].endswith("…")


def test_the_page_works_under_the_servers_own_policy_and_token(guarded_url: str, microphone: Path) -> None:
    with page(microphone, recorded=False) as browser:
        browser.open(guarded_url)
        browser.wait("!document.getElementById('token-form').hidden")
        browser.value(f"document.getElementById('token').value = '{KNOWN_TO_FEW}'")
        browser.value("document.getElementById('token-form').requestSubmit()")
        browser.wait(READY)
        hold_to_ask(browser)
        browser.wait(ANSWERED, 60)
        assert replies(browser)[-1]
        assert browser.problems() == []
