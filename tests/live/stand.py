"""Everything that is needed to measure one conversation: the room, a person's mouth, tapes, the process."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hotpin import models, registry
from hotpin import settings as all_settings
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Frame, Samples
from hotpin.bench import words
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from tests.live.material import Clip
from tests.live.rig import Echo, Room, room
from tests.live.sound import Mouth, Tape
from tests.live.subject_process import Subject, environment

LIVE = {"turn.barge_in": "true", "sessions.store": "memory"}
"""What every measured conversation is set to."""

SCRIPTED = {**LIVE, "llm.engine": "scripted"}


@dataclass
class Stand:
    """One conversation under measurement."""

    room: Room
    mouth: Mouth
    person: Tape
    """What is said into the microphone, without the echo."""
    loudspeaker: Tape
    subject: Subject
    folder: Path

    def place(self, clip: Clip, since: float) -> float:
        """Tell when a clip that was said after ``since`` began, in s on the monotonic clock."""
        heard = self.person.since(since).first_sound
        assert heard is not None, f"{clip.name} did not reach the microphone"
        return heard - clip.first_sound

    def type(self, text: str) -> int:
        """Type a message; return how many events there were before."""
        return self.subject.tell(f"type {text}")


@contextmanager
def stand(settings: Mapping[str, str], echo: Echo | None = None) -> Iterator[Stand]:
    """Set up a room with a conversation in it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hotpin-live-")))
        (folder / "rig").mkdir(mode=0o700)
        here = stack.enter_context(room(folder / "rig", echo))
        mouth = stack.enter_context(Mouth(here.environment))
        person = stack.enter_context(Tape(here.environment, "mic_in.monitor", here.stream_of(mouth.pid)))
        loudspeaker = stack.enter_context(Tape(here.environment, "speaker.monitor"))
        subject = stack.enter_context(Subject(environment(here.environment, folder, settings), folder / "log"))
        yield Stand(here, mouth, person, loudspeaker, subject, folder)


class Listener:
    """A recogniser that tells what can be heard in a sound, as ``hotpin stt-test`` does."""

    def __init__(self, settings: Settings) -> None:
        self._stt: Stt = registry.build_stt(settings)
        self._stt.load()

    def words(self, samples: Samples) -> str:
        stream = self._stt.stream()
        for start in range(0, len(samples), FRAME_SAMPLES):
            stream.feed(Frame(samples[start : start + FRAME_SAMPLES], start=start / CAPTURE_RATE))
        return stream.finish().text

    def close(self) -> None:
        self._stt.close()


def defaults() -> Settings:
    """The defaults, with the models of this machine."""
    return all_settings.load({"models.dir": str(models.models_dir(all_settings.load()))}, {})


def words_heard(reply: str, transcript: str) -> int:
    """Tell how many words of a reply were played, by what a recogniser makes of the last seconds of it.

    It is the end of the place in the reply that is most like a part of what was understood: in a sound that ends within
    a word, a recogniser makes up how the sentence goes on.
    """
    written, heard = words.normalised(reply), words.normalised(transcript)
    best = end = 0
    likeness = [0] * (len(written) + 1)  # of what was understood so far and the reply up to each of its words
    for word in heard:
        before, likeness = likeness, [0]
        for place, wanted in enumerate(written):
            same = 1 if word == wanted else -1
            likeness.append(max(before[place] + same, before[place + 1] - 1, likeness[place] - 1, 0))
            if likeness[-1] >= best and same > 0:
                best, end = likeness[-1], place + 1
    return end
