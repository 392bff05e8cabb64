"""Settings of a conversation: its sound, its turns, what is remembered of it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from hotpin.setting_types import Duration, Probability, Seconds, Section, unset_if_blank
from hotpin.turn_policy import TurnPolicy
from hotpin.wake.policy import WakePolicy

_TURN = TurnPolicy()  # the numbers stand there, once
_WAKE = WakePolicy()

_PASSWORD = re.compile(r"(?P<scheme>\s*(?!sqlite)[A-Za-z]+://)(?P<user>[^/:@]*):(?P<password>.*)@")


def _wake_word(value: object) -> object:
    """Take ``Hey Jarvis`` for ``hey_jarvis``."""
    return re.sub(r"[\s_-]+", "_", value.strip().lower()) if isinstance(value, str) else value


class AudioSettings(Section):
    """Sound devices."""

    input: str = ""
    """Name, part of a name or index of the microphone; empty means the system's default."""

    output: str = ""
    """Name, part of a name or index of the loudspeaker; empty means the system's default."""

    echo: Literal["auto", "off", "half-duplex"] = "auto"
    """``auto``: the loudspeaker's echo is taken out of what the microphone hears, and until that works, speech is
    ignored while Hotpin speaks. ``off`` is for headphones: it is always listened to. ``half-duplex`` is for rooms where
    the echo cannot be removed: it is never listened to while Hotpin speaks, and a key interrupts."""

    noise_suppression: bool = False
    """Whether steady noise is removed from what the microphone hears, by up to 12 dB. Off, because Whisper understood
    no more with it: it made as many word errors."""

    chimes: Annotated[bool | None, BeforeValidator(unset_if_blank)] = None
    """Whether short sounds tell that Hotpin listens, falls asleep, still thinks or has failed. Empty means only where
    no screen tells it: in the daemon."""


class DialogSettings(Section):
    """What the model is given."""

    agent: str = "hotpin"
    """The persona: ``hotpin``, ``receptionist``, ``sales``, ``callcenter``, or one of your own."""

    prompt: str = ""
    """Another system prompt than the persona's."""

    max_turns: int = Field(default=10, ge=1, le=1000)
    """Question-and-answer pairs of history that go to the model."""

    keep_turns: int = Field(default=6, ge=1, le=1000)
    """Pairs kept when the history is trimmed: in one step, so that the model's cached prefix breaks rarely."""


class SessionsSettings(Section):
    """Conversations that are kept."""

    store: str = "sqlite"
    """``sqlite`` (a file in the data folder), ``sqlite:///FILE`` (in the working folder), ``sqlite:////FOLDER/FILE``,
    ``sqlite:///~/FILE``, ``redis://HOST:6379/0`` (shared by several machines; ``rediss://`` over TLS; needs
    ``pip install 'hotpin[redis]'``), or ``memory``: gone when Hotpin ends."""

    redis_password: SecretStr = SecretStr("")
    """The password of that Redis. Best kept in the environment or in ``.env``; one that stands in the address is taken
    out of it, so that it is shown nowhere."""

    ttl: Duration = timedelta(days=30)
    """How long a session is kept after its last turn: ``30 days``, ``12 hours``, or seconds; 0 means for ever."""

    forget_on_disconnect: bool = False
    """Whether a session is deleted as soon as it ends."""

    @model_validator(mode="before")
    @classmethod
    def _hide_password(cls, values: Any) -> Any:  # noqa: ANN401 - not checked yet
        store = values.get("store", "") if isinstance(values, Mapping) else ""
        match = _PASSWORD.match(str(store))
        if match is None:
            return values
        from urllib.parse import unquote

        user = f"{match['user']}@" if match["user"] else ""
        address = f"{match['scheme']}{user}{str(store)[match.end() :]}"
        return {**values, "store": address, "redis_password": unquote(match["password"])}


class TurnSettings(Section):
    """Turn-taking; see turn.py and endpoint.py for what each value does."""

    start_threshold: Probability = _TURN.start_threshold
    """VAD probability from which a frame counts as speech when none was going on."""

    stop_threshold: Probability = _TURN.stop_threshold
    """VAD probability below which a frame counts as silence during speech."""

    start_seconds: Seconds = _TURN.start_seconds
    """Speech this long begins an utterance: a click is shorter."""

    pre_roll_seconds: Seconds = _TURN.pre_roll_seconds
    """Audio kept from before the detected start, so that the first word is never clipped."""

    min_speech_seconds: Seconds = _TURN.min_speech_seconds
    """An utterance with less speech than this is dropped as noise."""

    wait_seconds: Seconds = _TURN.endpoint.unknown
    """Silence that ends a turn when nothing is known of its words."""

    finished_wait_seconds: Seconds = _TURN.endpoint.finished
    """Silence that ends a turn whose words are a finished sentence."""

    doubtful_wait_seconds: Seconds = _TURN.endpoint.doubtful
    """Silence that ends a turn whose words may be finished or not; what is more likely finished waits less."""

    unfinished_wait_seconds: Seconds = _TURN.endpoint.unfinished
    """Silence that ends a turn whose words are plainly unfinished, as after "and then I, um"."""

    max_utterance_seconds: Seconds = _TURN.max_utterance_seconds
    """A hands-free utterance is ended here: a television never pauses."""

    prosody: str = "auto"
    """What tells from the sound whether a sentence is over: ``smart-turn`` (a small network), ``auto`` (that, where its
    model was fetched and there are two cores), or empty: only the words and how the voice dies away."""

    speculate: bool = True
    """Whether the pipeline runs ahead in a pause: answers come sooner, for more processor time."""

    speculate_seconds: Seconds = _TURN.speculate_seconds or 0.0
    """Silence after which it does."""

    hands_free: bool = True
    """Whether it listens without being told; otherwise each utterance needs a key or the command ``listen``."""

    barge_in: bool = True
    """Whether speech interrupts the reply, wherever the person can be told from the reply's own echo."""

    echo_tail_seconds: Seconds = _TURN.echo_tail_seconds
    """Where they can't, nothing is heard for so long after a reply: its sound is still on the way through the room."""

    cancel_seconds: Seconds = _TURN.cancel_seconds
    """Unbroken speech over the reply this long cancels it even if no word is understood yet; until then the reply is
    only paused. A slow "mm-hm" takes 0.9 s."""

    resume_seconds: Seconds = _TURN.resume_seconds
    """A paused reply goes on after this much silence if nobody can tell what was said; sooner where it is known that
    it was a cough or an "uh-huh"."""


class WakeSettings(Section):
    """The wake word; see wake/policy.py for what each value does."""

    word: Annotated[str, BeforeValidator(_wake_word)] = ""
    """What Hotpin is called by: ``hey_jarvis``, ``okay_nabu``, ``hey_mycroft``, ``alexa`` or ``hey_rhasspy``; empty
    means that it always listens. The first three are least often heard by mistake."""

    engine: str = "open-wakeword"
    """``open-wakeword``; needs ``pip install 'hotpin[wake]'``."""

    threshold: Probability = _WAKE.threshold
    """Probability from which the word counts as said; higher is called by mistake less often, and missed more often."""

    refractory_seconds: Seconds = _WAKE.refractory_seconds
    """After the word, it is not heard again for so long: it rings on for up to 1.2 s."""

    follow_up_seconds: Seconds = _WAKE.follow_up_seconds
    """After a reply, what is said within this time needs no wake word."""

    sleep_seconds: Seconds = _WAKE.sleep_seconds
    """Without speech for so long after the wake word, it falls asleep again."""
