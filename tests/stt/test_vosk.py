"""Vosk: words while they are spoken, joined segments, recognisers that are used again, folders that are none."""

import gc
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from hotpin import models, registry
from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.endpoint import EndpointPolicy, silence_needed
from hotpin.errors import HotpinError, ModelError, SttError
from hotpin.settings import Settings
from hotpin.stt.base import Stt, SttStream, Transcript, Word
from hotpin.stt.vosk import _Guard
from hotpin.stt.vosk_model import _FST_MAGIC, check_folder
from tests.conftest import Loaded, Spoken, choosing, skip_or_fail

WHOLE = (
    "am/final.mdl",
    "conf/model.conf",
    "conf/mfcc.conf",
    "graph/HCLr.fst",
    "graph/Gr.fst",
    "graph/disambig_tid.int",
    "ivector/final.ie",
    "ivector/final.mat",
    "ivector/final.dubm",
    "ivector/global_cmvn.stats",
    "ivector/splice.conf",
    "ivector/online_cmvn.conf",
)
STATIC = ("am/final.mdl", "conf/model.conf", "conf/fbank.conf", "graph/HCLG.fst", "graph/words.txt")
OLDER = ("final.mdl", "mfcc.conf", "HCLr.fst", "Gr.fst", "disambig_tid.int", "word_boundary.int")

BYE = "Ask her to bring these things with her from the store."


@pytest.fixture(scope="module")
def vosk(loaded: Loaded) -> Stt:
    return loaded.stt("vosk")


@pytest.fixture(scope="module")
def korean(settings: Settings) -> Path:
    """The folder of the Korean model."""
    try:
        return models.resolve(settings, "stt", "vosk-small-ko")
    except HotpinError as error:
        skip_or_fail(str(error))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder that looks like a model: nothing in it is more than its first bytes."""

    def make(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(_FST_MAGIC if name.endswith(".fst") else b"1\n")
        return tmp_path

    return make


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * CAPTURE_RATE), np.int16)


def feed(stream: SttStream, sound: Samples) -> SttStream:
    for start in range(0, len(sound), FRAME_SAMPLES):
        stream.feed(Frame(sound[start : start + FRAME_SAMPLES]))
    return stream


# --- words and times ---


@pytest.mark.slow
def test_words_appear_before_the_end_and_are_not_final(vosk: Stt, spoken: Spoken) -> None:
    stream = vosk.stream()
    partials: list[Transcript | None] = []
    for start in range(0, len(sound := spoken(BYE)), FRAME_SAMPLES):
        stream.feed(Frame(sound[start : start + FRAME_SAMPLES]))
        partials.append(stream.partial())
    told = [partial.text for partial in partials if partial and partial.text]
    assert not any(partial is None or partial.final for partial in partials)
    assert len(set(told)) > 2
    assert len(told) > len(partials) / 3
    assert stream.finish().text


@pytest.mark.slow
def test_segments_are_joined_and_their_words_are_in_order(vosk: Stt, spoken: Spoken) -> None:
    pause, sound = silence(3.0), spoken(BYE)  # longer than Vosk waits before it ends a segment
    alone = feed(vosk.stream(), np.concatenate((sound, pause))).finish()
    stream = feed(vosk.stream(), np.concatenate((sound, pause, sound, pause)))
    before = stream.partial()
    whole = stream.finish()
    assert before is not None
    assert whole.text.startswith(before.text)
    assert whole.text.startswith(alone.text)
    assert len(whole.words) > 1.5 * len(alone.words)
    assert whole.text == " ".join(word.text for word in whole.words)
    times = [time for word in whole.words for time in (word.start, word.end)]
    assert times == sorted(times)
    second = len(sound) / CAPTURE_RATE + 3.0
    assert any(second < word.start < second + 1.0 for word in whole.words)
    assert all(0.0 < word.confidence <= 1.0 for word in whole.words)


@pytest.mark.slow
def test_speech_without_a_pause_is_heard_to_its_end(vosk: Stt, spoken: Spoken) -> None:
    sound = np.concatenate([spoken(BYE)] * 12)
    seconds = len(sound) / CAPTURE_RATE
    assert seconds > 25.0
    result = feed(vosk.stream(), sound).finish()
    gaps = np.diff([0.0, *(word.start for word in result.words), seconds])
    assert gaps.max() < 3.0


@pytest.mark.slow
def test_times_count_from_the_beginning_of_the_stream(vosk: Stt, spoken: Spoken) -> None:
    first = [
        feed(vosk.stream(), np.concatenate((silence(lead), spoken(BYE)))).finish().words[0].start for lead in (1.0, 6.0)
    ]
    assert first[1] - first[0] == pytest.approx(5.0, abs=0.25)


# --- recognisers are used again ---


@pytest.mark.slow
def test_an_utterance_is_understood_the_same_whatever_came_before(vosk: Stt, spoken: Spoken) -> None:
    sound = spoken(BYE)
    expected = feed(vosk.stream(), sound).finish()
    given_up = feed(vosk.stream(), spoken("One, two, three."))
    del given_up  # not finished
    gc.collect()
    assert feed(vosk.stream(), sound).finish().text == expected.text
    assert feed(vosk.stream(), spoken("One, two, three.")).finish(lambda: True).text == ""
    again = feed(vosk.stream(), sound).finish()
    assert again.text == expected.text
    assert [word.start for word in again.words] == pytest.approx([word.start for word in expected.words], abs=0.04)


@pytest.mark.slow
def test_a_stream_that_is_dropped_gives_its_recogniser_back_at_once(vosk: Stt, spoken: Spoken) -> None:
    feed(vosk.stream(), spoken(BYE)).finish()
    gc.disable()
    try:
        began = perf_counter()
        for _ in range(10):
            stream = feed(vosk.stream(), silence(0.1))
            stream.draft()
            del stream
        assert perf_counter() - began < 1.0  # two new recognisers take longer
    finally:
        gc.enable()


@pytest.mark.slow
def test_words_after_a_draft_or_the_end_keep_their_times(vosk: Stt, spoken: Spoken) -> None:
    said = np.concatenate((spoken(BYE), silence(0.6)))
    stream = vosk.stream()
    for _ in range(3):
        feed(stream, said).draft()
    words = stream.finish().words
    assert words == stream.finish().words
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    third = 2 * len(said) / CAPTURE_RATE
    assert any(third - 0.1 < word.start < third + 1.0 for word in words)
    partial = stream.partial()
    assert partial is not None
    assert partial.text == " ".join(word.text for word in words)


@pytest.mark.slow
def test_streams_that_are_open_outlive_the_engine(settings: Settings, korean: Path, spoken: Spoken) -> None:
    stt = registry.build_stt(choosing(settings, "stt", engine="vosk", model=str(korean)))
    stt.load()
    stream = feed(stt.stream(), spoken(BYE))
    stt.close()
    assert stream.finish().text


# --- languages ---


@pytest.mark.slow
def test_a_language_that_the_model_does_not_know_is_refused_before_it_is_read(settings: Settings, korean: Path) -> None:
    stt = registry.build_stt(choosing(settings, "stt", engine="vosk", model="vosk-small-ko", language="de"))
    began = perf_counter()
    with pytest.raises(SttError, match=r"'vosk-small-ko' does not understand the language 'de'.*knows ko"):
        stt.load()
    assert perf_counter() - began < 0.5


@pytest.mark.parametrize(("language", "model"), [("ko", "vosk-small-ko"), ("en", "vosk-small-en-us")])
def test_the_language_chooses_the_model(settings: Settings, language: str, model: str) -> None:
    stt = registry.build_stt(choosing(settings, "stt", engine="vosk", language=language))
    assert stt.info.model == model


@pytest.mark.parametrize("words", ["그 는", "what is the capital of france", "turn on the light"])
def test_words_without_punctuation_are_never_taken_for_a_finished_sentence(words: str) -> None:
    policy = EndpointPolicy()
    assert silence_needed(words, policy) == policy.unknown


# --- only what was said ---


def test_words_where_the_detector_heard_nothing_are_dropped() -> None:
    guard = _Guard()
    for probability in [0.1] * 100 + [0.9] * 50 + [0.1] * 100:
        guard.hear(probability)
    guard.begin(200)  # the first second was skipped
    words = [Word("before", 0.1, 0.4), Word("said", 1.1, 1.5), Word("after", 3.0, 3.3)]
    assert guard.spoken(words) == [Word("said", 2.1, 2.5)]


def test_what_is_never_surely_speech_has_no_words() -> None:
    guard = _Guard()
    for _ in range(100):
        guard.hear(0.6)
    assert guard.spoken([Word("invented", 0.5, 1.0)]) == []


def test_speech_that_is_cut_by_the_bound_of_a_segment_stays_sure() -> None:
    guard = _Guard()
    guard.hear(0.9)
    guard.spoken([])
    guard.hear(0.5)
    assert [word.text for word in guard.spoken([Word("on", 0.02, 0.04)])] == ["on"]
    guard.hear(0.1)
    guard.spoken([])
    assert not guard.sure


# --- folders ---


@pytest.mark.parametrize("names", [WHOLE, STATIC, OLDER], ids=["lookahead graph", "static graph", "older"])
def test_every_layout_that_vosk_reads_is_accepted(folder: Callable[..., Path], names: tuple[str, ...]) -> None:
    check_folder(folder(*names))


@pytest.mark.parametrize(
    ("names", "missing"),
    [(names, name) for names in (WHOLE, OLDER) for name in names if name != "word_boundary.int"],
)
def test_a_missing_file_is_named(folder: Callable[..., Path], names: tuple[str, ...], missing: str) -> None:
    path = folder(*names)
    (path / missing).unlink()
    with pytest.raises(ModelError, match=f"{path} is not a Vosk model: missing: .*{Path(missing).name}"):
        check_folder(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("graph/Gr.fst", b""),
        ("graph/HCLr.fst", b"version https://"),
        ("graph/disambig_tid.int", b""),
        ("graph/disambig_tid.int", b"11906\n119"),
        ("conf/model.conf", b""),
        ("am/final.mdl", b""),
        ("ivector/splice.conf", b""),
    ],
)
def test_a_damaged_file_is_named(folder: Callable[..., Path], name: str, content: bytes) -> None:
    path = folder(*WHOLE)
    (path / name).write_bytes(content)
    with pytest.raises(ModelError, match=f"damaged: {name}"):
        check_folder(path)


def test_what_is_no_folder_or_another_engine_s_is_refused(folder: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such folder"):
        check_folder(tmp_path / "gone")
    (tmp_path / "model.zip").write_bytes(b"PK")
    with pytest.raises(ModelError, match="a file, not a folder"):
        check_folder(tmp_path / "model.zip")
    with pytest.raises(ModelError, match=r"not a Vosk model: missing: am/final\.mdl"):
        check_folder(folder("model.bin", "config.json", "tokenizer.json"))


@pytest.mark.slow
def test_a_model_that_only_kaldi_can_tell_is_damaged_is_named(settings: Settings, korean: Path, tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(korean, copy, ignore=lambda folder, names: [n for n in names if n == "HCLr.fst"])
    with (korean / "graph" / "HCLr.fst").open("rb") as whole:
        (copy / "graph" / "HCLr.fst").write_bytes(whole.read(1 << 20))
    stt = registry.build_stt(choosing(settings, "stt", engine="vosk", model=str(copy)))
    with pytest.raises(ModelError, match=f"the Vosk model in {copy} cannot be read"):
        stt.load()


# --- as a whole process ---


@pytest.fixture
def recording(tmp_path: Path, spoken: Spoken) -> Path:
    path = tmp_path / "said.wav"
    path.write_bytes(wav_bytes(np.concatenate([spoken(BYE)] * 3), CAPTURE_RATE))
    return path


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "hotpin", "stt-test", "--stt", "vosk", *map(str, arguments)]


@pytest.mark.e2e
def test_a_recording_is_transcribed_by_a_folder_of_one_s_own(recording: Path, korean: Path) -> None:
    done = subprocess.run(
        command("--stt-model", korean, "--language", "ko", "--input", recording, "--json"),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    result = json.loads(done.stdout)
    assert (result["engine"], result["model"]) == ("vosk", str(korean))
    assert result["text"]
    assert "LOG" not in done.stderr
    assert "VoskAPI" not in done.stderr


@pytest.mark.e2e
def test_a_folder_that_is_no_model_is_told_in_one_line(recording: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        command("--stt-model", tmp_path, "--input", recording), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert f"{tmp_path} is not a Vosk model: missing: am/final.mdl" in done.stderr


@pytest.mark.e2e
def test_ctrl_c_ends_it_at_once(spoken: Spoken, korean: Path, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    long.write_bytes(wav_bytes(np.concatenate([spoken(BYE)] * 200), CAPTURE_RATE))
    process = subprocess.Popen(
        command("--stt-model", korean, "--input", long), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "Loaded" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    began = perf_counter()
    process.communicate(timeout=30)
    assert perf_counter() - began < 1.5
    assert process.returncode == 130
