"""Settings of the engines: on this machine, and elsewhere."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from hotpin.setting_types import Address, Language, Probability, Section, unset_if_blank


def _model(value: object) -> object:
    """Take the short and the hub's names of Whisper models."""
    if not isinstance(value, str):
        return value
    short = value.strip().removeprefix("openai/").removeprefix("whisper-")
    return f"whisper-{short}" if short in ("tiny", "base", "small", "medium") else value.strip()


class VadSettings(Section):
    """Voice activity detection."""

    engine: str = "silero"
    """``silero`` (a small network, robust in noise) or ``webrtc`` (cheaper, fooled by noise)."""


class SttSettings(Section):
    """Speech recognition."""

    engine: str = "whisper"
    """``whisper`` (many languages, good in noise) or ``vosk`` (words appear while they are spoken); elsewhere:
    ``openai`` or ``groq``."""

    model: Annotated[str, BeforeValidator(_model)] = ""
    """A model of the manifest, or a folder; empty means the engine's first that knows the language. ``base`` and
    ``openai/whisper-base`` mean ``whisper-base``."""

    language: Language = Field(default="en", pattern="^([a-z]{2,3}|auto)$")
    """ISO 639-1 code, or ``auto`` to find it out from each utterance (one more decoder step)."""

    threads: int = Field(default=0, ge=0, le=64)
    """Threads of the recogniser; 0 means as many as there are cores, 4 at most. Vosk always uses 1."""

    fallback: str = ""
    """The engine of this machine that understands a turn where one elsewhere cannot be reached; empty for none. It is
    loaded at the start: its model cannot be fetched any more when the network is gone."""


class LlmSettings(Section):
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

    temperature: Annotated[float | None, BeforeValidator(unset_if_blank)] = Field(default=None, ge=0.0, le=2.0)
    """Randomness of the reply, 0 for none. Empty means what the persona's file says, else what the manifest recommends
    for the model, else 0.7."""

    max_tokens: Annotated[int | None, BeforeValidator(unset_if_blank)] = Field(default=None, ge=1, le=4096)
    """Tokens of one reply at most. Empty means the persona's, which is 150 unless its file says otherwise."""

    fallback: str = ""
    """The engine of this machine that answers a turn where one elsewhere cannot be reached; empty for none. It is
    loaded at the start."""


class TtsSettings(Section):
    """The voice."""

    engine: str = "hibari"
    """``hibari`` (English, small and quick), ``kokoro`` (54 voices, 9 languages), ``kokoro-torch`` (the same on a
    graphics card) or ``pyttsx3`` (the system's voices); elsewhere: ``openai`` or ``elevenlabs``."""

    model: str = ""
    """A model of the manifest, or a file, for engines that have several; empty means the engine's first."""

    voice: str = ""
    """A voice of the engine, or for Kokoro a blend such as ``af_heart:0.6,bf_emma:0.4``; empty means the persona's."""

    language: Language = Field(default="", pattern="^([a-z]{2,3})?$")
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


class CloudSettings(Section):
    """Engines elsewhere. A key alone never switches one on."""

    timeout_seconds: float = Field(default=10.0, ge=0.1, le=120.0)
    """Until the first piece of an answer at most, repeated attempts included, and between its pieces. A model that
    reads a long prompt on a slow machine of your own may need more."""

    speculate: bool = False
    """Whether engines elsewhere run ahead in a pause too: answers come sooner, and what is thrown away is paid for.
    Servers on this machine always do."""

    openai_base_url: Address = "https://api.openai.com/v1"
    """Where the engines ``openai`` are: OpenAI, or a compatible server such as http://127.0.0.1:11434/v1 (Ollama). The
    key is sent there."""

    openai_stt_base_url: Address = ""
    """Where the recogniser ``openai`` is, if elsewhere than ``openai_base_url``."""

    openai_tts_base_url: Address = ""
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

    groq_base_url: Address = "https://api.groq.com/openai/v1"
    """Where the engines ``groq`` are."""

    groq_model: str = "llama-3.1-8b-instant"
    """The language model of the engine ``groq``: its quickest."""

    groq_stt_model: str = "whisper-large-v3-turbo"
    """Its recogniser."""

    groq_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""

    elevenlabs_base_url: Address = "https://api.elevenlabs.io"
    """Where ElevenLabs is: it has other addresses for accounts whose data must stay in a region."""

    elevenlabs_model: str = "eleven_monolingual_v1"
    """Its voice model. This one speaks English only; ``eleven_multilingual_v2`` and ``eleven_flash_v2_5`` speak 29 more
    languages."""

    elevenlabs_stability: Probability = 0.5
    """How evenly its voices speak."""

    elevenlabs_similarity_boost: Probability = 0.75
    """How closely they keep to the original."""

    elevenlabs_api_key: SecretStr = SecretStr("")
    """Best kept in the environment or in ``.env``."""
