"""``hotpin bench`` with real engines, as a person runs it."""

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE
from tests.commands.conftest import hotpin, real_models  # noqa: F401 - fixtures
from tests.commands.hotpin_process import Hotpin
from tests.conftest import Spoken

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

QUESTION = "What is the capital of France?"


@pytest.fixture
def asked(tmp_path: Path, spoken: Spoken) -> Path:
    """A folder with two utterances, one of which plainly goes on."""
    folder = tmp_path / "asked"
    folder.mkdir()
    for name, text, unfinished in (("01", QUESTION, False), ("02", "Tell me about the", True)):
        speech = np.concatenate([np.zeros(4_800, np.int16), spoken(text)])
        end = int(np.flatnonzero(np.abs(speech.astype(int)) > 200)[-1]) / CAPTURE_RATE
        (folder / f"{name}.wav").write_bytes(wav_bytes(speech, CAPTURE_RATE))
        label = {"text": text, "speech_end_s": round(end, 3), "unfinished": unfinished}
        (folder / f"{name}.json").write_text(json.dumps(label))
    return folder


def test_two_settings_are_compared_turn_by_turn(hotpin: Hotpin, asked: Path) -> None:  # noqa: F811
    page = hotpin.home / "found.html"
    ran = hotpin("bench", "--utterances", asked, "--vs", "llm.threads=1", "--html", page, "--json")
    found = ran.json()
    assert (found["voice_to_voice"]["n"], found["unfinished"]["n"]) == (1, 1)
    assert found["voice_to_voice"]["failed"] == found["vs"]["voice_to_voice"]["failed"] == 0
    assert found["vs"]["setting"] == "llm.threads=1"
    assert found["vs"]["engines"]["llm"]["detail"].startswith("1 thread")
    assert found["vs"]["paired"]["voice to voice"]["n"] == 1
    assert (found["word_errors"], found["words"] >= 10, found["cpu_seconds"] > 0) == (0, True, True)
    assert found["steady_rss_mb"] is None or 100 < found["steady_rss_mb"] <= found["peak_rss_mb"]
    assert "turn 4 of 4" in ran.err or "without speculation" in ran.err
    assert QUESTION in page.read_text(encoding="utf-8")


def test_ctrl_c_shows_what_was_measured_so_far(hotpin: Hotpin, asked: Path) -> None:  # noqa: F811
    with hotpin.start("bench", "--utterances", asked, "--repeat", "100") as process:
        assert process.stderr is not None
        assert any("turn 1 of" in line for line in process.stderr)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10.0)
    assert time.monotonic() - began < 3.0
    assert process.returncode == 130
    assert "Interrupted" in err
    assert "voice to voice" in out
    assert "0 not answered" in out


@pytest.mark.parametrize(
    ("arguments", "words", "status"),
    [
        (["--vs", "threads=1"], "section.key=value", 2),
        (["--vs", "llm.threads"], "section.key=value", 2),
        (["--html", "found.txt"], ".html", 2),
        (["--html", "nowhere/found.html"], "there is no folder", 2),
        (["--vs", "llm.lunch=1"], "there is no setting llm.lunch", 1),
        (["--vs", "llm.threads=many"], "llm.threads is 'many'", 1),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_measured(
    hotpin: Hotpin,  # noqa: F811
    arguments: list[str],
    words: str,
    status: int,
) -> None:
    hotpin("bench", *arguments).refused(words, status=status)
