"""The echo canceller in a room made of numbers: delay, reverberation, a loudspeaker that clips, clocks that drift."""

import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soxr

from hotpin.audio import files
from hotpin.audio.echo import MAX_RATE, MIN_RATE, REST_SECONDS, EchoCanceller, NoEcho
from hotpin.audio.echo_quality import EchoQuality
from hotpin.audio.echo_reference import PAUSE_SECONDS, REFERENCE_SECONDS, Reference
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples, to_float, to_int16
from hotpin.bench import words
from hotpin.errors import AudioError
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from hotpin.vad.silero import SileroVad
from tests.conftest import skip_or_fail

Sound = npt.NDArray[np.floating]

SPEECH = Path(__file__).parents[3] / "shared" / "speech"
VOICE_RATE = 24_000
BUFFER_SECONDS = 0.04
"""s by which a loudspeaker is given its sound before it is heard."""

SENTENCES = (
    "The capital of France is Paris, a city on the river Seine with about two million people.",
    "There are seven days in a week, and a year has fifty two weeks and one day more.",
    "A spider has eight legs, and that is why it is not counted among the insects.",
    "Penguins live in the southern half of the world, mostly on the ice and on the coasts around it.",
    "If you would like to hear more, just ask me, and I will tell you about the animals that live there.",
)

PEOPLE = {
    "librivox_austen_0880": "He was not an ill-disposed young man.",
    "speechbrain_spk1_1": "The child almost hurt the small dog.",
    "speechbrain_spk1_5": "Sunday is the best part of the week.",
    "vctk_p287_clean_2": "Ask her to bring these things with her from the store.",
}
"""Recordings of real people, and what they say."""


@dataclass(frozen=True)
class Room:
    """What becomes of the loudspeaker's sound on its way to the microphone."""

    delay: float = 0.06  # s
    drift_ppm: float = 0.0  # how much faster the microphone's clock runs
    gain_db: float = 0.0
    clip: float = 0.3  # of full scale: where the loudspeaker goes no further
    noise_dbfs: float = -65.0

    def heard(self, played: Samples, rate: int) -> Sound:
        """What arrives at the microphone, at 16 kHz, in [-1, 1]: 3 dB more reverberation than direct sound."""
        rng = np.random.default_rng(1)
        distorted = self.clip * np.tanh(to_float(played) / self.clip)
        arriving = soxr.resample(distorted, rate, CAPTURE_RATE * (1 + self.drift_ppm / 1e6))
        tail = int(0.3 * CAPTURE_RATE)
        response = 0.08 * rng.standard_normal(tail) * np.exp(-6.9 * np.arange(tail) / tail)
        response[0] = 1.0
        response *= 10 ** (self.gain_db / 20) / np.sqrt(np.sum(response**2))
        size = 1 << int(len(arriving) + tail).bit_length()
        echo = np.fft.irfft(np.fft.rfft(arriving, size) * np.fft.rfft(response, size), size)[: len(arriving)]
        late = np.concatenate((np.zeros(int(self.delay * CAPTURE_RATE)), echo))
        noise: Sound = 10 ** (self.noise_dbfs / 20) * rng.standard_normal(len(late))
        return late + noise


@dataclass
class Heard:
    """What came of a recording."""

    raw: Samples
    cleaned: Samples
    converged: list[bool] = field(default_factory=list)  # after each frame, where it was asked for
    quality: EchoQuality | None = None

    def removed_db(self, since: float, until: float | None = None) -> float:
        part = slice(int(since * CAPTURE_RATE), None if until is None else int(until * CAPTURE_RATE))
        return level(self.raw[part]) - level(self.cleaned[part])


def level(samples: Samples) -> float:
    """In dBFS."""
    return float(10 * np.log10(np.mean(to_float(samples).astype(float) ** 2) + 1e-12))


def canceller(*, noise_suppression: bool = False) -> EchoCanceller:
    try:
        return EchoCanceller(noise_suppression=noise_suppression)
    except AudioError as error:
        skip_or_fail(str(error))


def converse(
    echo: EchoCanceller,
    played: Samples,
    rate: int,
    mic: Sound,
    *,
    block: int = 480,
    drift_ppm: float = 0,
    ask: bool = False,
    since: float = 0.0,
) -> Heard:
    """Play and record as two devices would do it at once, the microphone's clock faster by ``drift_ppm``."""
    raw = to_int16(mic[: len(mic) // FRAME_SAMPLES * FRAME_SAMPLES])
    result = Heard(raw, raw)
    cleaned: list[Samples] = []
    given = 0
    for begin in range(0, len(raw), FRAME_SAMPLES):
        now = (begin + FRAME_SAMPLES) / CAPTURE_RATE / (1 + drift_ppm / 1e6)
        while given / rate < now + BUFFER_SECONDS and given < len(played):
            echo.play(Frame(played[given : given + block], rate, since + given / rate))
            given += block
        start = since + begin / CAPTURE_RATE / (1 + drift_ppm / 1e6)
        frame = Frame(raw[begin : begin + FRAME_SAMPLES], start=start)
        cleaned.append(echo.clean(frame).samples)
        if ask:
            result.converged.append(echo.converged)
    result.cleaned = np.concatenate(cleaned)
    result.quality = echo.quality
    return result


def babble(rate: int, seconds: float = 3.0) -> Samples:
    """Noise in syllables, of the spectrum that speech has: what a canceller can be taught with."""
    rng = np.random.default_rng(2)
    noise = rng.standard_normal(int(rate * seconds))
    spectrum = np.fft.rfft(noise)
    hertz = np.fft.rfftfreq(len(noise), 1 / rate)
    coloured = np.fft.irfft(spectrum / (1 + (hertz / 500) ** 2), len(noise))
    syllables = 0.5 - 0.5 * np.cos(2 * np.pi * 4 * np.arange(len(noise)) / rate)
    sound = coloured * syllables
    return to_int16(0.3 * sound / np.abs(sound).max())


def speech_frames(samples: Samples) -> npt.NDArray[np.bool_]:
    """Where Silero finds speech at the usual threshold, by frames."""
    vad = SileroVad()
    vad.load()
    frames = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    return np.array([vad.probability(Frame(frame)) >= 0.5 for frame in frames])


@pytest.fixture(scope="module")
def reply(hibari: Tts) -> Samples:
    """Half a minute of the assistant's voice, at 24 kHz."""
    pause = np.zeros(VOICE_RATE * 2 // 5, np.int16)
    pieces: list[Samples] = []
    for sentence in SENTENCES:
        frames = list(hibari.speak(sentence))
        assert frames[0].rate == VOICE_RATE
        pieces += [*(frame.samples for frame in frames), pause]
    return np.concatenate(pieces)


def person(name: str, like: Samples) -> Sound:
    """A real person, 16 kHz, as loud as the echo of ``like``."""
    path = SPEECH / "wav16k" / f"{name}.wav"
    if not path.is_file():
        pytest.skip("the recordings in ../shared/speech are not here")
    sound = to_float(np.concatenate([frame.samples for frame in files.read(path)])).astype(float)
    scaled: Sound = sound * 10 ** (level(like) / 20) / np.sqrt(np.mean(sound**2))
    return scaled


@pytest.mark.parametrize(
    ("rate", "block", "delay"),
    [(24_000, 480, 0.06), (24_000, 1_024, 0.15), (48_000, 480, 0.15), (44_100, 333, 0.06)],
)
def test_the_echo_goes_at_every_rate_and_block_of_the_loudspeaker(rate: int, block: int, delay: float) -> None:
    played = babble(rate)
    heard = converse(canceller(), played, rate, Room(delay).heard(played, rate), block=block)
    assert heard.removed_db(1.5, 3.0) > 22


def test_a_loudspeaker_that_changes_its_rate_is_followed() -> None:
    echo = canceller()
    for since, rate in ((0.0, 24_000), (3.0, 48_000)):
        played = babble(rate)
        heard = converse(echo, played, rate, Room().heard(played, rate), since=since)
        assert heard.removed_db(1.5, 3.0) > 22, since


def test_a_person_is_heard_as_before_while_nothing_is_played() -> None:
    voice = to_float(babble(CAPTURE_RATE)).astype(float)
    heard = converse(canceller(), np.zeros(VOICE_RATE * 3, np.int16), VOICE_RATE, voice)
    assert abs(heard.removed_db(1.0)) < 2  # the high-pass filter takes the lowest tones


def test_steady_noise_goes_where_that_is_asked_for() -> None:
    noise = Room(noise_dbfs=-40).heard(np.zeros(VOICE_RATE * 3, np.int16), VOICE_RATE)
    silence = np.zeros(VOICE_RATE * 3, np.int16)
    kept = converse(canceller(), silence, VOICE_RATE, noise).removed_db(2.0)
    suppressed = converse(canceller(noise_suppression=True), silence, VOICE_RATE, noise).removed_db(2.0)
    assert kept < 2
    assert suppressed > kept + 8


def test_a_cleaned_frame_keeps_start_rate_and_length() -> None:
    echo = canceller()
    for length in (FRAME_SAMPLES, 160, 3 * FRAME_SAMPLES, 77):
        frame = echo.clean(Frame(np.zeros(length, np.int16), start=12.5))
        assert (frame.start, frame.rate, len(frame.samples)) == (12.5, CAPTURE_RATE, length)


def test_the_frame_that_came_is_not_written_to() -> None:
    samples = babble(CAPTURE_RATE, 0.02)
    before = samples.copy()
    canceller().clean(Frame(samples))
    assert np.array_equal(samples, before)


def test_one_channel_of_two_is_cleaned_as_if_it_were_alone() -> None:
    two = np.stack((babble(CAPTURE_RATE, 0.2), np.zeros(FRAME_SAMPLES * 10, np.int16)), axis=1)
    alone = canceller().clean(Frame(two[:, 0].copy())).samples
    assert np.array_equal(canceller().clean(Frame(two[:, 0])).samples, alone)


def test_a_loudspeaker_whose_buffer_is_used_again_is_copied() -> None:
    played = babble(VOICE_RATE)
    room = Room().heard(played, VOICE_RATE)

    class Reused(EchoCanceller):
        def play(self, frame: Frame) -> None:
            samples = frame.samples.copy()
            super().play(Frame(samples, frame.rate, frame.start))
            samples[:] = 0

    canceller()  # skips where the package is missing
    assert converse(Reused(), played, VOICE_RATE, room).removed_db(1.5, 3.0) > 22


def test_a_loudspeaker_may_take_single_samples() -> None:
    heard = converse(canceller(), babble(24_000, 0.1), 24_000, np.zeros(CAPTURE_RATE), block=1)
    assert len(heard.cleaned) == CAPTURE_RATE


def test_what_nobody_captures_is_dropped_and_counted() -> None:
    echo = canceller()
    for _ in range(500):
        echo.play(Frame(np.zeros(480, np.int16), VOICE_RATE))
    assert echo.dropped_seconds == pytest.approx(10 - REFERENCE_SECONDS, abs=0.03)


@pytest.mark.slow
def test_after_a_muted_microphone_the_echo_goes_again() -> None:
    echo = canceller()
    played = babble(VOICE_RATE)
    room = Room().heard(played, VOICE_RATE)
    converse(echo, played, VOICE_RATE, room)
    for begin in range(0, len(played), 480):
        echo.play(Frame(played[begin : begin + 480], VOICE_RATE, 3.0 + begin / VOICE_RATE))
    assert converse(echo, played, VOICE_RATE, room, since=6.0).removed_db(1.5, 3.0) > 22


def test_capture_before_anything_is_played_counts_nothing_as_missing() -> None:
    echo = canceller()
    for number in range(10):
        echo.clean(Frame(np.zeros(FRAME_SAMPLES, np.int16), start=number * FRAME_SECONDS))
    assert echo.missing_seconds == 0


def test_a_loudspeaker_that_stops_in_the_middle_is_counted_as_missing() -> None:
    echo = canceller()
    played = babble(VOICE_RATE, 1.0)
    converse(echo, played, VOICE_RATE, np.zeros(2 * CAPTURE_RATE))
    assert 0 < echo.missing_seconds < PAUSE_SECONDS + 0.1


def pulled(reference: Reference, since: float, seconds: float, late: float = 0.0) -> Samples:
    """Pull what was played from ``since`` on; a listener that is late asks later for the same."""
    frames = [since + number * FRAME_SECONDS for number in range(round(seconds / FRAME_SECONDS))]
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    return np.concatenate([reference.pull(Frame(silence, start=start)) for start in frames])


def steps(seconds: float, first: int = 1) -> Samples:
    """A signal that tells its own time: each 10 ms block is one step higher than the one before, at 16 kHz."""
    return np.repeat(np.arange(first, first + round(seconds * 100), dtype=np.int16), 160) * 10


def test_late_callbacks_and_a_late_listener_move_nothing() -> None:
    reference = Reference()
    played = steps(2.0)
    for at in range(0, len(played), 160):
        reference.push(Frame(played[at : at + 160], CAPTURE_RATE, 100.0 + at / CAPTURE_RATE))
        if at == 160 * 50:
            pulled(reference, 100.0, 0.2)
    found = pulled(reference, 100.2, 1.5)
    assert reference.slips == 0
    at = int(found[FRAME_SAMPLES // 2 + 40]) // 10  # in the middle of a step
    assert at == 20 + 1 + 1 + 1  # steps from 1, LEAD_SECONDS, half a frame


def test_silence_of_a_loudspeaker_that_ran_dry_is_put_in_for_as_long_as_it_lasted() -> None:
    reference = Reference()
    played = steps(1.0)
    for number in range(100):
        dry = 0.083 if number >= 50 else 0.0
        reference.push(Frame(played[number * 160 :][:160], CAPTURE_RATE, number / 100 + dry))
    found = pulled(reference, 0.0, 1.0)
    assert reference.slips == 1
    silent = np.flatnonzero(found == 0)
    inside = silent[(silent > 1600) & (silent < 14_000)]
    assert len(inside) == pytest.approx(0.083 * CAPTURE_RATE, abs=32)
    assert inside[0] == pytest.approx(0.49 * CAPTURE_RATE, abs=32)


def test_a_device_s_wrong_times_now_and_then_move_nothing() -> None:
    reference = Reference()
    played = steps(2.0)
    for number in range(200):
        wrong = 0.3 if number % 20 in (7, 8) else 0.0
        reference.push(Frame(played[number * 160 :][:160], CAPTURE_RATE, number / 100 + wrong))
    pulled(reference, 0.0, 1.9)
    assert reference.slips == 0


def test_a_loudspeaker_that_comes_later_than_it_says_is_waited_for() -> None:
    reference = Reference()
    played = steps(3.0)
    for number in range(150):
        for half in (2 * number, 2 * number + 1):
            reference.push(Frame(played[half * 160 :][:160], CAPTURE_RATE, half / 100))
        pulled(reference, number * FRAME_SECONDS + 0.02, FRAME_SECONDS)
    before = reference.missing_seconds
    assert 0 < before < 0.2
    assert 0 < reference.slips < 10


def test_a_loudspeaker_that_rests_between_replies_is_not_taken_for_a_late_one() -> None:
    reference, places = Reference(), []
    for begin in (0.0, 4.0, 8.0, 12.0):
        for number, step in enumerate(steps(1.0).reshape(-1, 160)):
            reference.push(Frame(step, CAPTURE_RATE, begin + number / 100))
        places.append(int(pulled(reference, begin, 0.9)[8_040]))
        assert not pulled(reference, begin + 0.9, 3.1)[4_000:].any()
    assert len(set(places)) == 1


def test_before_any_echo_the_quality_is_unknown() -> None:
    echo = canceller()
    assert echo.quality.segments == 0
    assert echo.quality.erle_db == 0
    assert not echo.converged


def test_the_quality_is_what_was_removed() -> None:
    played = babble(VOICE_RATE, 5.0)
    heard = converse(canceller(), played, VOICE_RATE, Room().heard(played, VOICE_RATE))
    assert heard.quality is not None
    assert heard.quality.converged
    assert heard.quality.echo_dbfs == pytest.approx(level(heard.raw), abs=3)
    assert heard.quality.erle_db > 12
    assert heard.removed_db(2.5) > heard.quality.erle_db - 6  # the room is known by then: an echo alone is muted, too
    assert heard.quality.erle_db == pytest.approx(heard.quality.echo_dbfs - heard.quality.residual_dbfs, abs=6)


def test_an_echo_of_something_else_does_not_converge() -> None:
    played = babble(VOICE_RATE, 5.0)
    other = np.ascontiguousarray(played[::-1])
    heard = converse(canceller(), played, VOICE_RATE, Room(0.04).heard(other, VOICE_RATE), ask=True)
    assert heard.quality is not None
    assert heard.quality.erle_db < 8
    assert not any(heard.converged)


def test_headphones_have_converged_although_there_is_nothing_to_remove() -> None:
    silence = np.zeros(VOICE_RATE, np.int16)
    played = np.concatenate((silence, babble(VOICE_RATE, 5.0)))
    heard = converse(canceller(), played, VOICE_RATE, Room(gain_db=-60).heard(played, VOICE_RATE))
    assert heard.quality is not None
    assert heard.quality.noise_dbfs == pytest.approx(-65, abs=2)
    assert heard.quality.converged


@pytest.mark.parametrize("rate", [MIN_RATE - 1, MAX_RATE + 1])
def test_a_loudspeaker_of_an_unusable_rate_is_refused(rate: int) -> None:
    with pytest.raises(ValueError, match=f"{rate} Hz"):
        canceller().play(Frame(np.zeros(480, np.int16), rate))


def test_capture_at_another_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="48000 Hz"):
        canceller().clean(Frame(np.zeros(960, np.int16), 48_000))


def test_empty_frames_are_refused() -> None:
    empty = np.empty(0, np.int16)
    with pytest.raises(ValueError, match="0 samples"):
        canceller().play(Frame(empty, VOICE_RATE))
    with pytest.raises(ValueError, match="0 samples"):
        canceller().clean(Frame(empty))


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pywebrtc_audio", None)
    with pytest.raises(AudioError) as caught:
        EchoCanceller()
    assert "pip install pywebrtc-audio" in caught.value.fix


def test_with_headphones_everything_passes() -> None:
    echo = NoEcho()
    frame = Frame(babble(CAPTURE_RATE, 0.02), start=3.0)
    echo.play(Frame(np.zeros(480, np.int16), VOICE_RATE))
    assert echo.clean(frame) is frame
    assert echo.converged


@pytest.mark.slow
@pytest.mark.parametrize("drift_ppm", [0, 100, -100])
@pytest.mark.parametrize("delay", [0.06, 0.15])
def test_nothing_of_a_reply_is_taken_for_a_person(reply: Samples, delay: float, drift_ppm: float) -> None:
    room = Room(delay, drift_ppm).heard(reply, VOICE_RATE)
    heard = converse(canceller(), reply, VOICE_RATE, room, drift_ppm=drift_ppm, ask=True)
    assert speech_frames(heard.raw).mean() > 0.5  # or there would have been nothing to find
    assert heard.removed_db(2.0) > 28
    assert np.mean(heard.converged[300:]) > 0.99
    assert not np.any(speech_frames(heard.cleaned) & np.array(heard.converged))


@pytest.mark.slow
@pytest.mark.parametrize("drift_ppm", [150, -150])
def test_clocks_that_drift_for_minutes_do_no_harm(reply: Samples, drift_ppm: float) -> None:
    minutes = np.tile(reply, 12)
    room = Room(0.05, drift_ppm).heard(minutes, VOICE_RATE)
    echo = canceller()
    heard = converse(echo, minutes, VOICE_RATE, room, block=512, drift_ppm=drift_ppm)
    assert heard.removed_db(240.0) > 25  # what drifted by then is as long as the echo takes
    assert echo.missing_seconds < 0.1
    assert echo.dropped_seconds == 0


@pytest.mark.slow
def test_people_who_talk_over_a_reply_are_found_and_understood(reply: Samples, whisper: Stt) -> None:
    """As loud as the echo; the reply pauses 0.3 s after they have begun, as in a conversation."""
    begin = 8.0
    at, first = int(begin * CAPTURE_RATE), int(begin / FRAME_SECONDS)
    played = np.concatenate((reply[: int((begin + 0.3) * VOICE_RATE)], np.zeros(9 * VOICE_RATE, np.int16)))
    late: list[float] = []
    wrong = total = 0
    for name, text in PEOPLE.items():
        for delay in (0.06, 0.15):
            room = Room(delay, 100).heard(played, VOICE_RATE)
            voice = person(name, to_int16(room[:at]))
            onset = int(np.argmax(speech_frames(to_int16(voice))))
            begun = at - onset * FRAME_SAMPLES
            room[begun : begun + len(voice)] += voice
            heard = converse(canceller(), played, VOICE_RATE, room, drift_ppm=100)
            found = speech_frames(heard.cleaned)
            assert not found[50 : first - onset].any()
            late.append(float(np.argmax(found[first:])) * FRAME_SECONDS)
            stream = whisper.stream()
            stream.feed(Frame(heard.cleaned[begun - FRAME_SAMPLES * 10 : begun + len(voice) + FRAME_SAMPLES * 10]))
            wrong += words.errors(words.normalised(text), words.normalised(stream.finish().text))
            total += len(words.normalised(text))
    assert np.median(late) <= 0.2
    assert wrong / total <= 0.25  # what was said at once with the reply is partly lost


def test_loudspeaker_and_listener_work_in_threads_of_their_own() -> None:
    """The loudspeaker is up to four blocks ahead; who comes when is left to the system."""
    played = babble(VOICE_RATE)
    raw = to_int16(Room(0.15).heard(played, VOICE_RATE))
    blocks = len(played) // 480
    echo = canceller()
    space, waiting = threading.Semaphore(4), threading.Semaphore(0)

    def play() -> None:
        for number in range(blocks):
            space.acquire(timeout=10)
            heard_at = BUFFER_SECONDS + number * FRAME_SECONDS
            echo.play(Frame(played[number * 480 : (number + 1) * 480], VOICE_RATE, heard_at))
            waiting.release()

    loudspeaker = threading.Thread(target=play)
    loudspeaker.start()
    cleaned: list[Samples] = []
    for number in range(blocks):
        waiting.acquire(timeout=10)
        frame = Frame(raw[number * FRAME_SAMPLES : (number + 1) * FRAME_SAMPLES], start=number * FRAME_SECONDS)
        cleaned.append(echo.clean(frame).samples)
        space.release()
    loudspeaker.join()
    assert echo.dropped_seconds == 0
    assert echo.missing_seconds < 0.05
    assert Heard(raw[: blocks * FRAME_SAMPLES], np.concatenate(cleaned)).removed_db(1.5) > 22


def test_it_rests_while_nothing_is_played_and_has_unlearned_nothing() -> None:
    sound, silence = babble(CAPTURE_RATE, 6.0), np.zeros(int((REST_SECONDS + 2) * CAPTURE_RATE), np.int16)
    played = np.concatenate((sound, silence, sound[: 2 * CAPTURE_RATE]))
    mic = Room().heard(played, CAPTURE_RATE)[: len(played)]
    heard = converse(canceller(), played, CAPTURE_RATE, mic, block=160)
    rested = slice(int((6 + REST_SECONDS + 1) * CAPTURE_RATE), int((6 + REST_SECONDS + 1.5) * CAPTURE_RATE))
    assert np.array_equal(heard.cleaned[rested], heard.raw[rested])
    again = len(sound) / CAPTURE_RATE + REST_SECONDS + 2
    assert heard.removed_db(again + 0.2) > 15
