"""The page in a real browser, whose microphone is a recording, against a server that answers by a script."""

import threading
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, Samples
from tests.audio.sounds import AMPLITUDE, tone

from .chromium import Page, page
from .stub import AGENTS, RATE, Stub, stub

pytestmark = pytest.mark.e2e

KNOWN_TO_FEW = "known-to-few"
REPLY = tone(RATE, 2.0, hertz=300.0)
READY = "document.getElementById('status').textContent === 'Ready'"
QUIET = "document.getElementById('interrupt').disabled"
SOUNDING = "played.some((block) => block.some((value) => value))"


@pytest.fixture
def microphone(tmp_path: Path) -> Path:
    """Half a second of silence, then a tone."""
    path = tmp_path / "microphone.wav"
    samples = np.concatenate([np.zeros(CAPTURE_RATE // 2, np.int16), tone(CAPTURE_RATE, 15.0)])
    path.write_bytes(wav_bytes(samples, CAPTURE_RATE))
    return path


def sound(samples: Samples) -> Samples:
    """Without the silence around it."""
    loud = np.flatnonzero(np.abs(samples) > 20)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples[:0]


def hertz(samples: Samples, rate: int) -> float:
    return float(np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) * rate / len(samples))


def choose(browser: Page, name: str, value: str) -> None:
    browser.value(f"document.getElementById('{name}').value = '{value}'")
    browser.value(f"document.getElementById('{name}').dispatchEvent(new Event('change'))")


def ask(browser: Page, server: Stub, blocks: int = 20) -> None:
    """Hold the button until ``blocks`` of 20 ms have been heard."""
    before = server.signals.count("audio")
    browser.press("talk")
    server.wait_for("audio", before + blocks)
    browser.release("talk")


def hands_free(browser: Page) -> None:
    browser.value("document.querySelector('details').open = true")
    browser.click("hands-free")
    browser.wait(READY)


def test_from_the_click_to_the_reply_that_is_heard_without_a_gap(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        browser.open(server.url)
        browser.wait(READY)
        ask(browser, server, blocks=100)
        browser.wait(f"document.getElementById('latency').textContent.endsWith(' s') && {QUIET}")
        assert browser.text("conversation") == "You: What is the time?Hotpin: It is noon."
        samples, rate = browser.played()
        assert rate == RATE
        assert np.abs(sound(samples).astype(int) - sound(REPLY)).max() <= 1
        heard = sound(server.samples())
        assert hertz(heard, CAPTURE_RATE) == pytest.approx(440, abs=3)
        assert np.abs(heard).max() > AMPLITUDE / 4


def test_the_pages_own_policy_lets_it_work(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone, recorded=False) as browser:
        browser.open(server.url)
        browser.wait(READY)
        ask(browser, server)
        browser.wait(f"document.getElementById('latency').textContent.endsWith(' s') && {QUIET}")
        assert browser.problems() == []


def test_a_reply_is_heard_before_it_is_complete(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        server.held_back = threading.Event()
        browser.open(server.url)
        browser.wait(READY)
        ask(browser, server)
        server.wait_for("EOS")
        browser.wait(SOUNDING)
        assert not server.held_back.is_set()
        assert "It is" in browser.text("replying")
        server.held_back.set()
        browser.wait(QUIET)
        assert browser.text("replying") == ""


@pytest.mark.parametrize("how", ["button", "Escape"])
def test_an_interrupted_reply_falls_silent_and_its_rest_is_not_played(microphone: Path, how: str) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        server.held_back = threading.Event()
        browser.open(server.url)
        browser.wait(READY)
        ask(browser, server)
        browser.wait(SOUNDING)
        if how == "button":
            browser.click("interrupt")
        else:
            browser.key("keyDown", "Escape", "Escape")
        # The script's server reads this only when it has given its whole reply.
        server.held_back.set()
        server.wait_for("cancel")
        browser.wait("document.getElementById('conversation').childElementCount === 2")
        assert browser.value(QUIET)
        assert len(sound(browser.played()[0])) < 0.6 * len(REPLY)
        ask(browser, server)
        server.wait_for("EOS", 2)
        browser.wait("document.getElementById('conversation').childElementCount === 4")
        browser.wait(QUIET)
        assert len(sound(browser.played()[0])) > len(REPLY)


def test_the_space_bar_is_held_to_talk(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        browser.open(server.url)
        browser.wait(READY)
        browser.key("keyDown", " ", "Space")
        server.wait_for("audio", 20)
        assert browser.value("document.getElementById('talk').ariaPressed") == "true"
        browser.key("keyUp", " ", "Space")
        server.wait_for("EOS")
        assert server.signals.count("EOS") == 1


def test_a_screen_reader_presses_once_to_talk_and_once_to_send(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        browser.open(server.url)
        browser.wait(READY)
        browser.value("document.getElementById('talk').click()")
        server.wait_for("audio", 20)
        browser.value("document.getElementById('talk').click()")
        server.wait_for("EOS")


def test_hands_free_the_server_hears_all_the_time_and_speech_interrupts(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        browser.open(server.url)
        browser.wait(READY)
        hands_free(browser)
        browser.click("talk")
        server.wait_for("audio", 50)
        assert server.hellos[-1]["vad"] is True
        assert server.hellos[-1]["echo_cancelled"] is True
        assert "EOS" not in server.signals
        server.answer(server.connections[-1])
        server.wait_for("cancel")
        browser.wait(QUIET)
        assert len(sound(browser.played()[0])) < len(REPLY)
        assert browser.text("latency").startswith("about ")
        browser.click("talk")
        assert browser.text("talk") == "Start listening"


def test_a_reply_that_was_played_before_its_end_was_known_is_over(microphone: Path) -> None:
    with stub(REPLY) as server, page(microphone) as browser:
        server.end_held_back = threading.Event()
        browser.open(server.url)
        browser.wait(READY)
        ask(browser, server)
        browser.played()
        server.end_held_back.set()
        browser.wait(QUIET)


def test_only_voices_that_the_server_has_are_offered() -> None:
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        browser.wait(READY)
        browser.wait("document.getElementById('voices').options.length")
        offered = browser.value("[...document.getElementById('voices').options].map((one) => one.value)")
        assert offered == ["af_heart", "am_michael"]


def test_persona_voice_and_session_are_the_persons_choice() -> None:
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        browser.wait(READY)
        first = server.hellos[-1]
        assert set(first) == {"session_id", "events", "vad"}
        for name, value in {"agent": "sales", "voice": "am_michael", "session": "kitchen"}.items():
            choose(browser, name, value)
            browser.wait(READY)
        server.wait_for("hello", 4)
        expected = {"session_id": "kitchen", "events": True, "vad": False, "agent": "sales", "voice": "am_michael"}
        assert server.hellos[-1] == expected
        assert browser.text("agent-about") == AGENTS[1]["description"]
        browser.open(server.url)
        server.wait_for("hello", 5)
        assert server.hellos[-1] == expected


def test_the_token_is_asked_for_and_forgotten_with_the_tab() -> None:
    with stub(REPLY, KNOWN_TO_FEW) as server, page() as browser:
        browser.open(server.url)
        browser.wait("!document.getElementById('token-form').hidden")
        browser.value("document.getElementById('token').value = 'wrong'")
        browser.value("document.getElementById('token-form').requestSubmit()")
        browser.wait("document.getElementById('problem').textContent.includes('not this server')")
        browser.value(f"document.getElementById('token').value = '{KNOWN_TO_FEW}'")
        browser.value("document.getElementById('token-form').requestSubmit()")
        browser.wait(READY)
        assert server.subprotocols == [["hotpin", f"token.{KNOWN_TO_FEW}"]]
        assert browser.value("document.getElementById('token-form').hidden")
        kept = browser.value("[JSON.stringify(localStorage), location.href, document.cookie].join()")
        assert KNOWN_TO_FEW not in kept
        browser.open(server.url)
        browser.wait(READY)


def test_a_lost_connection_comes_back_to_the_same_session() -> None:
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        browser.wait(READY)
        server.connections[-1].close(1011, "gone")
        browser.wait("document.getElementById('status').textContent.startsWith('Connection lost (gone)')")
        server.wait_for("hello", 2)
        browser.wait(READY)
        assert server.hellos[0] == server.hellos[1]


def test_a_session_that_goes_on_elsewhere_is_left_alone() -> None:
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        browser.wait(READY)
        server.connections[-1].close(4409, "this session goes on in a newer connection")
        browser.wait("document.getElementById('problem').textContent.includes('newer connection')")
        assert browser.text("status") == "Not connected"


def test_an_error_of_the_server_is_shown() -> None:
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        browser.wait(READY)
        server.tell(type="error", code="BUSY", message="too many turns are being answered", retryable=True)
        browser.wait("document.getElementById('problem').textContent.includes('You can try again')")


def test_a_microphone_that_is_refused_is_explained() -> None:
    with stub(REPLY) as server, page(None, "--use-fake-device-for-media-stream") as browser:
        browser.open(server.url)
        browser.command("Browser.setPermission", permission={"name": "microphone"}, setting="denied")
        browser.wait(READY)
        browser.press("talk")
        browser.wait("document.getElementById('problem').textContent.startsWith('The microphone was refused')")
        browser.release("talk")
        assert browser.text("talk") == "Hold to talk"
        assert "EOS" not in server.signals


def test_an_insecure_page_says_what_to_do() -> None:
    with stub(REPLY) as server, page(None, "--host-resolver-rules=MAP hotpin.example 127.0.0.1") as browser:
        browser.open(server.url.replace("127.0.0.1", "hotpin.example"))
        browser.wait("document.getElementById('problem').textContent.includes('hotpin config tls')")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_small_phone_and_every_control_has_a_name(scheme: str) -> None:
    with stub(REPLY) as server, page() as browser:
        browser.command("Emulation.setDeviceMetricsOverride", width=320, height=568, deviceScaleFactor=2, mobile=True)
        browser.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(server.url)
        browser.wait(READY)
        browser.value("document.querySelector('details').open = true")
        assert browser.value("document.documentElement.scrollWidth") == 320
        nodes = browser.command("Accessibility.getFullAXTree")["nodes"]
        controls = [
            node for node in nodes if node["role"]["value"] in ("button", "textbox", "combobox", "checkbox", "log")
        ]
        assert len(controls) >= 7
        assert all(node["name"]["value"] for node in controls)
        background = browser.value("getComputedStyle(document.body).backgroundColor")
        assert (background == "rgb(250, 250, 250)") == (scheme == "light")


@pytest.mark.parametrize("rate", [44_100, 48_000, 22_050, 8_000])
def test_the_microphone_is_resampled_without_ghosts(rate: int) -> None:
    script = """import("/web/capture-worklet.js").then(({{ Resampler }}) => {{
      const resampler = new Resampler({rate}, 16000);
      const wave = Float32Array.from({{ length: {rate} }}, (_, at) => Math.sin(2 * Math.PI * {hertz} * at / {rate}));
      const out = [];
      for (let at = 0; at < wave.length; at += 128) out.push(...resampler.push(wave.subarray(at, at + 128)));
      return out;
    }})"""
    with stub(REPLY) as server, page() as browser:
        browser.open(server.url)
        kept = np.array(browser.value(script.format(rate=rate, hertz=1000)))
        assert len(kept) == pytest.approx(16_000, abs=60)
        middle = kept[2_000:14_000]
        best = np.sin(2 * np.pi * 1000 * np.arange(len(middle)) / 16_000)
        best_q = np.cos(2 * np.pi * 1000 * np.arange(len(middle)) / 16_000)
        fitted = best * (middle @ best) * 2 / len(middle) + best_q * (middle @ best_q) * 2 / len(middle)
        assert np.sqrt(np.mean((middle - fitted) ** 2)) < 1e-3
        if rate > 20_000:
            folded = np.array(browser.value(script.format(rate=rate, hertz=9_500)))
            assert np.sqrt(np.mean(folded[2_000:14_000] ** 2)) < 1e-3
