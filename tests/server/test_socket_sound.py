"""The two ends of a conversation over a socket."""

import time
from itertools import pairwise

import numpy as np
import pytest

from hotpin.audio.frame import FRAME_SAMPLES
from hotpin.cancel import Generation, Ticket
from hotpin.clock import SkippingClock
from hotpin.server.socket_mic import SocketMicrophone
from hotpin.server.socket_playback import SocketPlayback, Sound

RATE = 24_000


def samples(seconds: float, rate: int = 16_000) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.full(round(seconds * rate), 1000, np.int16)


def test_audio_that_comes_at_once_is_read_as_frames_that_follow_each_other() -> None:
    clock = SkippingClock()
    mic = SocketMicrophone(clock, 10.0)
    before = time.monotonic()
    assert mic.hear(samples(1.0))
    frames = [frame for _ in range(50) if (frame := mic.read(0.0)) is not None]
    assert time.monotonic() - before < 0.5
    assert all(one.end == pytest.approx(other.start) for one, other in pairwise(frames))
    assert clock.now() >= frames[-1].end


def test_a_mark_is_called_when_all_before_it_has_been_read() -> None:
    mic = SocketMicrophone(SkippingClock(), 10.0)
    called: list[str] = []
    mic.hear(samples(0.05))  # two frames and a half
    mic.mark(lambda: called.append("first"))
    mic.mark(lambda: called.append("second"))
    mic.hear(samples(0.02))
    lengths = [len(frame.samples) for _ in range(3) if (frame := mic.read(0.0)) is not None]
    assert (lengths, called) == ([FRAME_SAMPLES, FRAME_SAMPLES, FRAME_SAMPLES // 2], [])
    assert mic.read(0.0) is None
    assert called == ["first"]
    assert mic.read(0.0) is None
    assert called == ["first", "second"]
    assert mic.read(0.0) is not None


def test_what_waits_is_bounded() -> None:
    mic = SocketMicrophone(SkippingClock(), 1.0)
    assert mic.hear(samples(0.8))
    assert not mic.hear(samples(0.4))
    while mic.read(0.0) is not None:
        pass
    assert mic.hear(samples(0.4))


def test_a_closed_microphone_gives_nothing() -> None:
    mic = SocketMicrophone(SkippingClock(), 1.0)
    mic.hear(samples(0.5))
    mic.close()
    assert mic.read(10.0) is None
    assert not mic.ended


class Stage:
    """A playback whose pieces are kept, and a reply for it."""

    def __init__(self, *, paced: bool = True) -> None:
        self.given: list[Sound] = []
        self.playback = SocketPlayback(RATE, SkippingClock(), self.given.append, paced=paced)
        self.turns = Generation()
        self.ticket = Ticket("kitchen", 1, 0, self.turns)

    @property
    def sent(self) -> int:
        return sum(sound.samples for sound in self.given)


def test_a_reply_is_given_at_once_however_long_it_is() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket)
    assert stage.playback.write(stage.ticket, 0, samples(60.0, RATE))
    stage.playback.end(stage.ticket)
    assert stage.sent == 60 * RATE
    assert [sound.last for sound in stage.given] == [False, True]
    assert not stage.playback.progress().finished


def test_a_held_reply_is_given_when_it_is_wanted() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket, held=True)
    stage.playback.write(stage.ticket, 0, samples(0.5, RATE))
    stage.playback.end(stage.ticket)
    assert stage.given == []
    stage.playback.release(stage.ticket)
    assert stage.sent == RATE // 2
    assert stage.given[-1].last


def test_nobody_learns_of_a_held_reply_that_is_dropped() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket, held=True)
    stage.playback.write(stage.ticket, 0, samples(0.5, RATE))
    stage.playback.flush()
    stage.playback.release(stage.ticket)
    assert stage.given == []


def test_a_reply_that_is_dropped_is_told_once() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket)
    stage.playback.write(stage.ticket, 0, samples(0.5, RATE))
    stage.playback.flush()
    stage.playback.flush()
    assert not stage.playback.write(stage.ticket, 0, samples(0.5, RATE))
    assert [(sound.last, sound.dropped) for sound in stage.given] == [(False, False), (True, True)]


def test_nothing_is_heard_before_it_has_arrived() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket)
    stage.playback.write(stage.ticket, 0, samples(0.5, RATE))
    stage.playback.end(stage.ticket)
    progress = stage.playback.progress()
    assert (progress.first_audible, progress.fractions, progress.written) == (None, {0: 0.0}, True)


def test_no_more_is_heard_than_there_was_time_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stage = Stage()
    stage.playback.begin(stage.ticket)
    for clause in range(2):
        stage.playback.write(stage.ticket, clause, samples(1.0, RATE))
    stage.playback.end(stage.ticket)
    stage.playback.delivered(stage.ticket, 2 * RATE)
    now += 1.5
    progress = stage.playback.progress()
    assert progress.fractions == {0: 1.0, 1: pytest.approx(0.5)}
    assert stage.playback.queued_seconds == pytest.approx(0.5)
    assert not progress.finished
    now += 0.5
    assert stage.playback.progress().finished


def test_no_more_is_heard_than_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stage = Stage()
    stage.playback.begin(stage.ticket)
    stage.playback.write(stage.ticket, 0, samples(1.0, RATE), share=0.5)
    stage.playback.delivered(stage.ticket, RATE // 2)
    now += 10.0
    assert stage.playback.progress().fractions == {0: pytest.approx(0.25)}


def test_a_whole_file_is_heard_once_it_has_arrived() -> None:
    stage = Stage(paced=False)
    stage.playback.begin(stage.ticket)
    stage.playback.write(stage.ticket, 0, samples(1.0, RATE))
    stage.playback.end(stage.ticket)
    stage.playback.delivered(stage.ticket, RATE)
    assert stage.playback.progress().finished


def test_whoever_goes_on_has_heard_a_reply_that_was_given_to_its_end() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket)
    stage.playback.write(stage.ticket, 0, samples(1.0, RATE))
    stage.playback.complete()
    assert stage.playback.progress().fractions == {0: 0.0}
    stage.playback.end(stage.ticket)
    stage.playback.complete()
    assert stage.playback.progress().finished
    assert stage.playback.progress().fractions == {0: 1.0}


def test_a_reply_without_sound_is_over_at_once() -> None:
    stage = Stage()
    stage.playback.begin(stage.ticket)
    stage.playback.end(stage.ticket)
    assert stage.playback.progress().finished
    assert [sound.last for sound in stage.given] == [True]
