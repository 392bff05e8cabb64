"""Every setting with its unit, default and reason, once.

Later sources win: defaults, ``config.toml`` in the config folder, ``.env`` (config folder, then working folder), the
environment (``HOTPIN_SECTION__KEY``, and the names of earlier designs), then options of the command line.
``setting_sources.py`` reads them, ``setting_layers.py`` lays them over each other and checks the result.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from hotpin.turn import TurnPolicy
from hotpin.wake.policy import WakePolicy

_TURN = TurnPolicy()  # the numbers stand there, once
_WAKE = WakePolicy()

_DURATION = re.compile(r"(\d{1,12}(?:\.\d+)?)\s*([a-z]*)")
_ADDRESS = re.compile(r"https?://[^\s/?#@]+(/[^\s?#@]*)?")
_PASSWORD = re.compile(r"(?P<scheme>\s*(?!sqlite)[A-Za-z]+://)(?P<user>[^/:@]*):(?P<password>.*)@")
_UNITS = {"s": 1, "second": 1, "m": 60, "minute": 60, "h": 3600, "hour": 3600, "d": 86_400, "day": 86_400}
_LONGEST = timedelta(days=36_500)  # what is longer cannot be added to a date


def _duration(value: object) -> object:
    """Read ``30 days`` and ``12h``; plain numbers are seconds."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip().lower())
    unit = (match[2] or "s") if match else ""
    seconds = _UNITS.get(unit) or (None if unit == "ms" else _UNITS.get(unit.removesuffix("s")))
    if match is None or seconds is None:
        raise ValueError("a number with a unit, such as 30 days, 12 hours or 90 minutes; without one it is seconds")
    return timedelta(seconds=min(float(match[1]) * seconds, _LONGEST.total_seconds()))


_KOKORO_LANGUAGES = {"a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt", "z": "zh"}
_OTHER_CODES = {**_KOKORO_LANGUAGES, "cmn": "zh", "jpn": "ja", "kor": "ko", "eng": "en"}


def _language(value: object) -> object:
    """Take ``EN`` and ``en-US`` for ``en``, and Kokoro's own letters for what they mean."""
    if not isinstance(value, str):
        return value
    code = re.split("[-_]", value.strip().lower())[0]
    return _OTHER_CODES.get(code, code)


def _model(value: object) -> object:
    """Take the short and the hub's names of Whisper models."""
    if not isinstance(value, str):
        return value
    short = value.strip().removeprefix("openai/").removeprefix("whisper-")
    return f"whisper-{short}" if short in ("tiny", "base", "small", "medium") else value.strip()


def _wake_word(value: object) -> object:
    """Take ``Hey Jarvis`` for ``hey_jarvis``."""
    return re.sub(r"[\s_-]+", "_", value.strip().lower()) if isinstance(value, str) else value


def _unset_if_blank(value: object) -> object:
    return None if value == "" else value


def _address(value: object) -> object:
    """Take the address of a server; a name or password in it would be shown, and belongs into the key."""
    if isinstance(value, str) and value and not _ADDRESS.fullmatch(value):
        raise ValueError("an address such as http://127.0.0.1:11434/v1, without a name, password or question mark")
    return value


def _upper(value: object) -> object:
    return value.strip().upper() if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
_Address = Annotated[str, BeforeValidator(_address)]
_Language = Annotated[str, BeforeValidator(_language)]
_Seconds = Annotated[float, Field(ge=0.0, le=3600.0)]
_Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class _Section(BaseModel):
    """A group of settings; unknown keys are errors, so that a typo does not go unnoticed."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)  # it may be a key


class AudioSettings(_Section):
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

    chimes: Annotated[bool | None, BeforeValidator(_unset_if_blank)] = None
    """Whether short sounds tell that Hotpin listens, falls asleep, still thinks or has failed. Empty means only where
    no screen tells it: in the daemon."""


class VadSettings(_Section):
    """Voice activity detection."""

    engine: str = "silero"
    """``silero`` (a small network, robust in noise) or ``webrtc`` (cheaper, fooled by noise)."""


class SttSettings(_Section):
    """Speech recognition."""

    engine: str = "whisper"
    """``whisper`` (many languages, good in noise) or ``vosk`` (words appear while they are spoken); elsewhere:
    ``openai`` or ``groq``."""

    model: Annotated[str, BeforeValidator(_model)] = ""
    """A model of the manifest, or a folder; empty means the engine's first that knows the language. ``base`` and
    ``openai/whisper-base`` mean ``whisper-base``."""

    language: _Language = Field(default="en", pattern="^([a-z]{2,3}|auto)$")
    """ISO 639-1 code, or ``auto`` to find it out from each utterance (one more decoder step)."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the recogniser; 0 means as many as there are cores, 4 at most. Vosk always uses 1."""

    fallback: str = ""
    """The engine of this machine that understands a turn where one elsewhere cannot be reached; empty for none. It is
    loaded at the start: its model cannot be fetched any more when the network is gone."""


class LlmSettings(_Section):
    """The language model."""

    engine: str = "auto"
    """``llama-cpp-python``, ``xllamacpp``, or ``auto``: the first of them that is installed; elsewhere: ``openai`` (and
    whatever is compatible with it) or ``groq``."""

    model: str = "smollm2-135m-instruct"
    """A model of the manifest, or the path of a GGUF file."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the model; 0 means as many as there are cores, 8 at most."""

    context: int = Field(default=2048, ge=512, le=131_072)
    """Tokens of context; never more than the model was trained on. Ten spoken turns need about half of it, and every
    thousand costs 23 MB with SmolLM2-135M, 130 MB with Mistral 7B."""

    temperature: Annotated[float | None, BeforeValidator(_unset_if_blank)] = Field(default=None, ge=0.0, le=2.0)
    """Randomness of the reply, 0 for none. Empty means what the persona's file says, else what the manifest recommends
    for the model, else 0.7."""

    max_tokens: Annotated[int | None, BeforeValidator(_unset_if_blank)] = Field(default=None, ge=1, le=4096)
    """Tokens of one reply at most. Empty means the persona's, which is 150 unless its file says otherwise."""

    fallback: str = ""
    """The engine of this machine that answers a turn where one elsewhere cannot be reached; empty for none. It is
    loaded at the start."""


class TtsSettings(_Section):
    """The voice."""

    engine: str = "hibari"
    """``hibari`` (English, small and quick), ``kokoro`` (54 voices, 9 languages), ``kokoro-torch`` (the same on a
    graphics card) or ``pyttsx3`` (the system's voices); elsewhere: ``openai`` or ``elevenlabs``."""

    model: str = ""
    """A model of the manifest, or a file, for engines that have several; empty means the engine's first."""

    voice: str = ""
    """A voice of the engine, or for Kokoro a blend such as ``af_heart:0.6,bf_emma:0.4``; empty means the persona's."""

    language: _Language = Field(default="", pattern="^([a-z]{2,3})?$")
    """ISO 639-1 code of what is spoken; empty means the recogniser's language."""

    speed: float = Field(default=1.0, ge=0.5, le=2.0)
    """1.0 is the voice's own pace."""

    rate: int = Field(default=175, ge=50, le=500)
    """Words per minute of the system's voices, before ``speed``."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the voice; 0 means what suits the engine: 1 for hibari, as many as there are cores for Kokoro."""

    fallback: str = ""
    """The engine of this machine that speaks where one elsewhere cannot be reached; empty for none. It is loaded at the
    start."""


class DialogSettings(_Section):
    """What the model is given."""

    agent: str = "hotpin"
    """The persona: ``hotpin``, ``receptionist``, ``sales``, ``callcenter``, or one of your own."""

    prompt: str = ""
    """Another system prompt than the persona's."""

    max_turns: int = Field(default=10, ge=1, le=1000)
    """Question-and-answer pairs of history that go to the model."""

    keep_turns: int = Field(default=6, ge=1, le=1000)
    """Pairs kept when the history is trimmed: in one step, so that the model's cached prefix breaks rarely."""


class SessionsSettings(_Section):
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


class TurnSettings(_Section):
    """Turn-taking; see turn.py and endpoint.py for what each value does."""

    start_threshold: _Probability = _TURN.start_threshold
    """VAD probability from which a frame counts as speech when none was going on."""

    stop_threshold: _Probability = _TURN.stop_threshold
    """VAD probability below which a frame counts as silence during speech."""

    start_seconds: _Seconds = _TURN.start_seconds
    """Speech this long begins an utterance: a click is shorter."""

    pre_roll_seconds: _Seconds = _TURN.pre_roll_seconds
    """Audio kept from before the detected start, so that the first word is never clipped."""

    min_speech_seconds: _Seconds = _TURN.min_speech_seconds
    """An utterance with less speech than this is dropped as noise."""

    wait_seconds: _Seconds = _TURN.endpoint.unknown
    """Silence that ends a turn when nothing is known of its words."""

    finished_wait_seconds: _Seconds = _TURN.endpoint.finished
    """Silence that ends a turn whose words are a finished sentence."""

    doubtful_wait_seconds: _Seconds = _TURN.endpoint.doubtful
    """Silence that ends a turn whose words may be finished or not; what is more likely finished waits less."""

    unfinished_wait_seconds: _Seconds = _TURN.endpoint.unfinished
    """Silence that ends a turn whose words are plainly unfinished, as after "and then I, um"."""

    max_utterance_seconds: _Seconds = _TURN.max_utterance_seconds
    """A hands-free utterance is ended here: a television never pauses."""

    prosody: str = "auto"
    """What tells from the sound whether a sentence is over: ``smart-turn`` (a small network), ``auto`` (that, where its
    model was fetched and there are two cores), or empty: only the words and how the voice dies away."""

    speculate: bool = True
    """Whether the pipeline runs ahead in a pause: answers come sooner, for more processor time."""

    speculate_seconds: _Seconds = _TURN.speculate_seconds or 0.0
    """Silence after which it does."""

    hands_free: bool = True
    """Whether it listens without being told; otherwise each utterance needs a key or the command ``listen``."""

    barge_in: bool = True
    """Whether speech interrupts the reply, wherever the person can be told from the reply's own echo."""

    echo_tail_seconds: _Seconds = _TURN.echo_tail_seconds
    """Where they can't, nothing is heard for so long after a reply: its sound is still on the way through the room."""

    cancel_seconds: _Seconds = _TURN.cancel_seconds
    """Unbroken speech over the reply this long cancels it even if no word is understood yet; until then the reply is
    only paused. An "uh-huh" takes 0.6 s, and is understood 0.5 s after it began."""

    resume_seconds: _Seconds = _TURN.resume_seconds
    """A paused reply goes on after this much silence without words: it was a cough or an "uh-huh"."""


class WakeSettings(_Section):
    """The wake word; see wake/policy.py for what each value does."""

    word: Annotated[str, BeforeValidator(_wake_word)] = ""
    """What Hotpin is called by: ``hey_jarvis``, ``okay_nabu``, ``hey_mycroft``, ``alexa`` or ``hey_rhasspy``; empty
    means that it always listens. The first three are least often heard by mistake."""

    engine: str = "open-wakeword"
    """``open-wakeword``; needs ``pip install 'hotpin[wake]'``."""

    threshold: _Probability = _WAKE.threshold
    """Probability from which the word counts as said; higher is called by mistake less often, and missed more often."""

    refractory_seconds: _Seconds = _WAKE.refractory_seconds
    """After the word, it is not heard again for so long: it rings on for up to 1.2 s."""

    follow_up_seconds: _Seconds = _WAKE.follow_up_seconds
    """After a reply, what is said within this time needs no wake word."""

    sleep_seconds: _Seconds = _WAKE.sleep_seconds
    """Without speech for so long after the wake word, it falls asleep again."""


class ModelsSettings(_Section):
    """Where models are."""

    dir: str = ""
    """Folder of the models; empty means the cache folder."""

    offline: bool = False
    """Never touch the network."""


class LogSettings(_Section):
    """Logs; words that were said or written never go there."""

    level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = "WARNING"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL."""

    debug: bool = False
    """Whether errors are shown with their tracebacks."""


class ServerSettings(_Section):
    """The embedded server."""

    host: str = "127.0.0.1"
    """Address it listens on; any other than loopback needs a token."""

    port: int = Field(default=8000, ge=0, le=65_535)
    """Port it listens on; 0 means any free one."""

    frontend_url: str = "http://localhost:3000"
    """Origins that browsers may connect from, separated by commas."""

    name: str = "Hotpin"
    """What it calls itself."""

    token: SecretStr = SecretStr("")
    """Asked of every client where it is set; ``hotpin config token`` makes one. Needed on any host but loopback."""

    insecure: bool = False
    """Whether every machine that can reach this one is let in without a token."""

    allowed_hosts: str = ""
    """Names beside its own address that clients may reach it by, separated by commas: as in ``pi.lan,hotpin.example``.
    Any other name in a Host header is refused, since a page elsewhere could have made it point here."""

    tls_cert: str = ""
    """PEM file of the certificate; with it the server speaks https and wss, without which browsers on other devices
    give a page no microphone."""

    tls_key: str = ""
    """PEM file of the certificate's key; empty if it stands in the same file."""

    max_concurrent_turns: int = Field(default=2, ge=1, le=64)
    """Turns that are worked on at a time: more would only slow each other down on a small machine."""

    max_queued_turns: int = Field(default=8, ge=0, le=1000)
    """Turns that may wait for that; more are refused as busy, since their answers would come too late to be of use."""

    turns_per_minute: int = Field(default=60, ge=1, le=10_000)
    """Turns of one address, or of one session on this machine: no person speaks faster, a broken client does."""

    max_connections: int = Field(default=256, ge=1, le=10_000)
    """WebSockets at a time."""

    max_connections_per_address: int = Field(default=16, ge=1, le=10_000)
    """WebSockets at a time from one address; loopback has no such bound, since it may be a proxy for all."""

    max_message_bytes: int = Field(default=4_194_304, ge=4096, le=268_435_456)
    """Bytes of one message: two minutes of raw 16 kHz audio."""

    max_audio_seconds: float = Field(default=120.0, ge=1.0, le=3600.0)
    """s of audio that one utterance may have, and that may wait to be heard."""

    max_turn_seconds: float = Field(default=120.0, ge=1.0, le=3600.0)
    """s after which a turn that is still being answered is given up."""

    send_buffer_bytes: int = Field(default=8_388_608, ge=65_536, le=268_435_456)
    """Bytes that may wait for one client to read them: nearly three minutes of speech. One that is further behind is
    disconnected, since nobody else shall wait for it."""

    send_seconds: float = Field(default=10.0, ge=0.1, le=600.0)
    """s that a client may take to read one message."""

    handshake_seconds: float = Field(default=10.0, ge=0.1, le=600.0)
    """s that a client has for its first message, where the protocol wants one."""

    idle_seconds: float = Field(default=600.0, ge=1.0, le=86_400.0)
    """s without any message in either direction after which a connection is closed."""

    release_seconds: float = Field(default=30.0, ge=0.1, le=86_400.0)
    """s without audio after which a connection gives its listener and what it hears with back; both return with the
    next audio. Silent connections so cost next to nothing."""

    voice_agent_buffer_bytes: int = Field(default=0, ge=0, le=268_435_456)
    """Bytes of encoded audio after which ``/ws/voice-agent`` answers without being asked; 0 means never, since it cuts
    people off."""


class CloudSettings(_Section):
    """Engines elsewhere. A key alone never switches one on."""

    timeout_seconds: float = Field(default=10.0, ge=0.1, le=120.0)
    """Until the first piece of an answer at most, repeated attempts included, and between its pieces. A model that
    reads a long prompt on a slow machine of your own may need more."""

    speculate: bool = False
    """Whether engines elsewhere run ahead in a pause too: answers come sooner, and what is thrown away is paid for.
    Servers on this machine always do."""

    openai_base_url: _Address = "https://api.openai.com/v1"
    """Where the engines ``openai`` are: OpenAI, or a compatible server such as http://127.0.0.1:11434/v1 (Ollama). The
    key is sent there."""

    openai_stt_base_url: _Address = ""
    """Where the recogniser ``openai`` is, if elsewhere than ``openai_base_url``."""

    openai_tts_base_url: _Address = ""
    """Where the voice engine ``openai`` is, if elsewhere than ``openai_base_url``."""

    openai_model: str = "gpt-4o-mini"
    """The language model of the engine ``openai``."""

    openai_stt_model: str = "whisper-1"
    """Its recogniser."""

    openai_tts_model: str = "tts-1"
    """Its voice model: the one that begins to speak soonest."""

    openai_voices: str = "alloy,ash,coral,echo,fable,nova,onyx,sage,shimmer"
    """Its voices, the default first, separated by commas: a server cannot be asked for them."""

    openai_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""

    groq_base_url: _Address = "https://api.groq.com/openai/v1"
    """Where the engines ``groq`` are."""

    groq_model: str = "llama-3.1-8b-instant"
    """The language model of the engine ``groq``: its quickest."""

    groq_stt_model: str = "whisper-large-v3-turbo"
    """Its recogniser."""

    groq_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""

    elevenlabs_base_url: _Address = "https://api.elevenlabs.io"
    """Where ElevenLabs is: it has other addresses for accounts whose data must stay in a region."""

    elevenlabs_model: str = "eleven_monolingual_v1"
    """Its voice model. This one speaks English only; ``eleven_multilingual_v2`` and ``eleven_flash_v2_5`` speak 29 more
    languages."""

    elevenlabs_stability: _Probability = 0.5
    """How evenly its voices speak."""

    elevenlabs_similarity_boost: _Probability = 0.75
    """How closely they keep to the original."""

    elevenlabs_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""


class Settings(_Section):
    """All settings, checked."""

    audio: AudioSettings = AudioSettings()
    vad: VadSettings = VadSettings()
    stt: SttSettings = SttSettings()
    llm: LlmSettings = LlmSettings()
    tts: TtsSettings = TtsSettings()
    dialog: DialogSettings = DialogSettings()
    turn: TurnSettings = TurnSettings()
    wake: WakeSettings = WakeSettings()
    sessions: SessionsSettings = SessionsSettings()
    models: ModelsSettings = ModelsSettings()
    server: ServerSettings = ServerSettings()
    cloud: CloudSettings = CloudSettings()
    log: LogSettings = LogSettings()


Origin = str
"""Where a value came from, as a person would say it: a file's path, an environment name, an option."""


def load(overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read every source and return the checked settings.

    Args:
        overrides: values of command-line options by dotted name, such as ``{"stt.engine": "whisper"}``; ``None`` values
            are options that were not given.
        environ: the environment; the process's own by default.

    Raises:
        SettingsError: naming where the wrong value stands, what it is, and what is allowed.
    """
    return load_with_origins(overrides, environ)[0]


def load_with_origins(
    overrides: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None
) -> tuple[Settings, Mapping[str, Origin]]:
    """Do as ``load`` does, and say where each value came from that is not a default, by ``section.key``."""
    from hotpin.setting_layers import examine  # it checks by the classes above

    found = examine(overrides, environ)
    found.tell_warnings()
    if found.problems:
        raise found.problems[0].error
    return found.settings, found.origins
