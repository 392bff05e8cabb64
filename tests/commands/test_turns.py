"""Whole turns from the command line, with real engines."""

import json
import signal
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio import files
from hotpin.bench import words
from hotpin.stt.base import Stt
from tests.commands.conftest import MakeWav
from tests.commands.hotpin_process import Hotpin
from tests.conftest import Spoken

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("real_models")]

QUESTION = "What is the capital of France?"
STAGES = ["speech_end", "endpoint", "stt_final", "llm_first_token", "tts_first_audio", "first_audio"]
ENGINES = ["llama-cpp-python", "xllamacpp"]


def heard_in(stt: Stt, path: Path) -> list[str]:
    stream = stt.stream()
    for frame in files.read(path):
        stream.feed(frame)
    return words.normalised(stream.finish().text)


def quiet(seconds: float) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    return np.zeros(int(seconds * 16_000), np.int16)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_recorded_question_gets_a_spoken_reply(
    hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken, whisper: Stt, engine: str
) -> None:
    question = make_wav("question.wav", np.concatenate([quiet(0.3), spoken(QUESTION), quiet(0.5)]))
    reply = hotpin.home / "reply.wav"
    turn = hotpin("ask", "--audio", question, "--out", reply, "--temperature", "0", "--llm", engine, "--json").json()
    assert words.normalised(turn["heard"]) == words.normalised(QUESTION)
    assert "Paris" in turn["reply"]
    moments = [turn["timing"][stage] for stage in STAGES]
    assert moments == sorted(moments)
    assert 0.3 < moments[0] < turn["audio_seconds"]
    assert words.errors(words.normalised(turn["reply"]), heard_in(whisper, reply)) <= 1


def test_a_typed_question_gets_a_spoken_reply(hotpin: Hotpin, whisper: Stt) -> None:
    reply = hotpin.home / "reply.wav"
    turn = hotpin("ask", QUESTION, "--out", reply, "--temperature", "0", "--json").json()
    assert turn["heard"] == QUESTION
    assert turn["timing"]["speech_end"] is None
    assert turn["timing"]["first_audio"] > 0
    assert "paris" in heard_in(whisper, reply)


def test_in_real_time_the_end_of_speech_is_found_by_itself(hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken) -> None:
    speech = spoken(QUESTION)
    question = make_wav("question.wav", np.concatenate([quiet(0.3), speech, quiet(4.0)]))
    turn = hotpin("ask", "--audio", question, "--real-time", "--out", hotpin.home / "reply.wav", "--json").json()
    assert words.normalised(turn["heard"]) == words.normalised(QUESTION)
    end = 0.3 + len(speech) / 16_000
    assert turn["timing"]["endpoint"] == pytest.approx(end + 0.4, abs=0.3)


def test_what_is_shown_is_what_happened(hotpin: Hotpin) -> None:
    ran = hotpin("ask", QUESTION, "--temperature", "0", "--out", hotpin.home / "reply.wav")
    assert ran.out.startswith(f"You: {QUESTION}\nHotpin: ")
    assert "Paris" in ran.out
    assert "first token" in ran.err or "first clause" in ran.err


def test_the_demo_answers_its_questions(hotpin: Hotpin, whisper: Stt) -> None:
    out = hotpin.home / "replies.wav"
    ran = hotpin("demo", "--out", out, "--json").json()
    assert ran["turns"][0]["heard"] == QUESTION
    replies = [word for turn in ran["turns"] for word in words.normalised(turn["reply"])]
    assert "paris" in replies
    assert words.errors(replies, heard_in(whisper, out)) <= len(replies) // 8


def test_recogniser_and_voice_can_be_tried_alone(hotpin: Hotpin) -> None:
    out = hotpin.home / "hello.wav"
    made = hotpin("tts-test", "--text", "Good morning, everybody.", "--out", out, "--json").json()
    assert made["real_time_factor"] == pytest.approx(made["wall_seconds"] / made["audio_seconds"], rel=0.01)
    with wave.open(str(out)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(made["audio_seconds"], abs=0.01)
    heard = hotpin("stt-test", "--input", out, "--json").json()
    assert words.normalised(heard["text"]) == ["good", "morning", "everybody"]
    assert heard["audio_seconds"] == pytest.approx(made["audio_seconds"], abs=0.01)
    assert (heard["engine"], heard["model"], made["engine"], made["voice"]) == (
        "whisper",
        "whisper-base",
        "hibari",
        "heart",
    )


def test_a_benchmark_of_recordings_measures_what_is_heard(hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken) -> None:
    speech = spoken(QUESTION)
    make_wav("01.wav", np.concatenate([quiet(0.5), speech]))
    audible = int(np.flatnonzero(np.abs(speech) > 200)[-1])
    label = {"text": QUESTION, "speech_end_s": round(0.5 + audible / 16_000, 3)}
    (hotpin.home / "01.json").write_text(json.dumps(label))
    report = hotpin("bench", "--utterances", hotpin.home, "--repeat", "2", "--json").json()
    assert report["voice_to_voice"]["n"] == len(report["turns"]) == 2
    assert (report["voice_to_voice"]["failed"], report["wer"], report["cut_offs"]) == (0, 0.0, 0)
    for turn in report["turns"]:
        timing = turn["timing"]
        assert timing["speech_end"] == label["speech_end_s"]
        assert turn["speech_end_detected"] == pytest.approx(timing["speech_end"], abs=0.15)
        assert turn["voice_to_voice"] == pytest.approx(timing["first_audio"] - timing["speech_end"], abs=1e-3)
    assert {"machine", "engines", "critical_path", "unspeculated", "peak_rss_mb"} <= set(report)


def test_ten_minutes_of_audio_are_answered_in_bounded_memory(hotpin: Hotpin, make_wav: MakeWav, spoken: Spoken) -> None:
    sentence = spoken("The train to the north leaves at noon, and it is never late.")
    every_minute = np.concatenate([sentence, quiet(60.0 - len(sentence) / 16_000)])
    long = make_wav("long.wav", np.concatenate([every_minute] * 10))
    ran, peak = hotpin.measured("ask", "--audio", long, "--out", hotpin.home / "reply.wav", "--json")
    assert words.normalised(ran.json()["heard"]).count("train") == 10
    assert peak < 1_000_000, f"{peak} KiB"


def test_a_very_long_typed_question_is_answered(hotpin: Hotpin) -> None:
    turn = hotpin("ask", "Tell me about trains. " * 3000, "--out", hotpin.home / "reply.wav", "--json").json()
    assert turn["reply"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", [["bench"], ["ask", "Tell me a long story.", "--out", "x.wav", "--real-time"]])
def test_ctrl_c_stops_at_once_and_leaves_nothing_behind(
    hotpin: Hotpin, command: list[str], how: signal.Signals
) -> None:
    with hotpin.start(*command) as process:
        assert process.stderr is not None
        assert any("Loaded" in line for line in process.stderr)
        began = time.monotonic()
        process.send_signal(how)
        process.communicate(timeout=10.0)
        assert process.returncode == 130
        assert time.monotonic() - began < 2.0
    assert list(hotpin.home.glob("*.wav")) + list(hotpin.home.glob(".*.part")) == []


def test_no_answer_is_a_failure_and_leaves_no_file(hotpin: Hotpin) -> None:
    rambling = "word " * 400 + QUESTION
    ran = hotpin("ask", rambling, "--temperature", "0", "--out", hotpin.home / "reply.wav", "--json")
    if ran.status == 0:  # a model may also find an answer to that; then it has to be one
        assert ran.json()["reply"]
    else:
        ran.refused("no answer")
        assert not (hotpin.home / "reply.wav").exists()
