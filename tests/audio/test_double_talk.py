"""Who talks over the loudspeaker, told by bands: voices made of noise, whose colour changes with each syllable."""

from itertools import groupby

import numpy as np
import numpy.typing as npt

from hotpin.audio.double_talk import LEARN_SECONDS, RUN_FRAMES, DoubleTalk
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, FRAME_SECONDS, Samples

DELAY = round(0.08 * CAPTURE_RATE)


def voice(seconds: float, seed: int, syllable: float = 0.2) -> Samples:
    """Syllables of noise, each loudest around another frequency, with a pause after every sixth."""
    chance = np.random.default_rng(seed)
    count = round(syllable * CAPTURE_RATE)
    hertz = np.fft.rfftfreq(count, 1 / CAPTURE_RATE)
    syllables = []
    for number in range(round(seconds / syllable)):
        colour = 1 / (1 + ((hertz - chance.uniform(300, 3_000)) / 600) ** 2)
        sound = np.fft.irfft(np.fft.rfft(chance.standard_normal(count)) * colour, count)
        sound *= np.sin(np.pi * np.arange(count) / count) * (number % 6 != 5)
        syllables.append(8_000 * sound / max(1e-9, np.abs(sound).max()))
    return np.concatenate(syllables).astype(np.int16)


def echo(played: Samples, gain: float = 0.5) -> npt.NDArray[np.float64]:
    """The sound in a room that rings on for 0.3 s."""
    chance = np.random.default_rng(9)
    tail = round(0.3 * CAPTURE_RATE)
    response = 0.05 * chance.standard_normal(tail) * np.exp(-6.9 * np.arange(tail) / tail)
    response[0] = 1.0
    size = 1 << (len(played) + tail).bit_length()
    ringing = np.fft.irfft(np.fft.rfft(played, size) * np.fft.rfft(response, size), size)[: len(played)]
    heard: npt.NDArray[np.float64] = chance.normal(0, 3, len(played))
    heard[DELAY:] += gain * ringing[:-DELAY]
    return heard


def listen(double_talk: DoubleTalk, heard: npt.NDArray[np.float64], played: Samples) -> list[tuple[bool, bool]]:
    """Return for each frame whether it holds an echo, and whether somebody talks."""
    told = []
    for at in range(0, len(played) - FRAME_SAMPLES + 1, FRAME_SAMPLES):
        double_talk.push(heard[at : at + FRAME_SAMPLES].astype(np.int16), played[at : at + FRAME_SAMPLES])
        told.append((double_talk.masked, double_talk.talk))
    return told


def in_a_silent_room() -> DoubleTalk:
    double_talk = DoubleTalk()
    silence = np.zeros(2 * CAPTURE_RATE, np.int16)
    listen(double_talk, echo(silence), silence)
    return double_talk


def learnt(seed: int = 1) -> DoubleTalk:
    double_talk = in_a_silent_room()
    played = voice(10.0, seed)
    listen(double_talk, echo(played), played)
    return double_talk


def test_the_room_is_known_only_after_some_seconds_of_playing() -> None:
    double_talk = in_a_silent_room()
    played = voice(LEARN_SECONDS - 0.2, seed=1)
    listen(double_talk, echo(played), played)
    assert not double_talk.known
    assert learnt().known
    assert learnt().reliable


def test_an_echo_alone_is_never_somebody_for_three_frames() -> None:
    played = voice(20.0, seed=2)
    told = listen(learnt(), echo(played), played)
    runs = [len(list(run)) for talks, run in groupby(talk for _, talk in told) if talks]
    assert max(runs, default=0) < RUN_FRAMES
    assert np.mean([masked for masked, _ in told]) > 0.5


def test_who_talks_over_an_echo_as_loud_as_they_are_is_noticed_at_once() -> None:
    double_talk = learnt()
    late, shares = list[float](), list[float]()
    for seed in range(10, 20):
        played = voice(2.0, seed)
        heard = echo(played)
        begin = CAPTURE_RATE
        person = voice(1.0, seed + 100)[: len(heard) - begin] / 2
        heard[begin : begin + len(person)] += person
        told = [talk for _, talk in listen(double_talk, heard, played)]
        first = round(1.0 / FRAME_SECONDS)
        late.append(told[first:].index(True) * FRAME_SECONDS)
        shares.append(float(np.mean(told[first + 20 : first + 45])))
    assert double_talk.known
    assert np.median(late) <= 0.2  # a syllable takes that long to be loud
    assert np.mean(shares) > 0.5


def test_an_echo_that_comes_sooner_by_two_frames_is_followed() -> None:
    double_talk = learnt()
    played = voice(12.0, seed=20)
    told = listen(double_talk, np.roll(echo(played), -round(0.04 * CAPTURE_RATE)), played)
    assert not any(talk for _, talk in told[400:])


def test_who_talks_when_a_reply_is_paused_for_them_is_not_doubted_in_their_pauses() -> None:
    double_talk = learnt()
    played = voice(2.0, seed=6)
    heard = echo(played)
    played[CAPTURE_RATE:] = 0
    heard[CAPTURE_RATE + DELAY :] = 0
    heard[CAPTURE_RATE - 4_000 : CAPTURE_RATE] += 4 * voice(0.4, seed=106)[1_000:5_000].astype(float)
    told = [talk for _, talk in listen(double_talk, heard, played)]
    paused = round(1.0 / FRAME_SECONDS)
    assert all(told[paused : paused + 20])


def test_while_nothing_is_played_nobody_is_told_from_anything() -> None:
    silence = np.zeros(2 * CAPTURE_RATE, np.int16)
    told = listen(learnt(), voice(2.0, seed=3).astype(float), silence)
    assert told[-1] == (False, False)


def test_with_headphones_there_is_no_room_to_be_known() -> None:
    double_talk = in_a_silent_room()
    played = voice(10.0, seed=4)
    listen(double_talk, echo(played, gain=0.0), played)
    assert not double_talk.known


def test_after_another_room_is_announced_it_is_learnt_anew() -> None:
    double_talk = learnt()
    double_talk.restart()
    assert not double_talk.known
    played = voice(10.0, seed=5)
    listen(double_talk, echo(played, gain=2.0), played)
    assert double_talk.reliable
