"""Servers for engines elsewhere that do the real work, with engines of this machine behind the published APIs."""

import io
import threading
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from hotpin.audio.frame import Frame, Samples
from hotpin.settings import Settings
from hotpin.stt.base import Stt
from hotpin.tts.base import Tts
from tests.fakes.api_server import Reply, Script, streamed

KEY = "sk_secret_0123456789abcdef"


def pointed_at(settings: Settings, url: str, **values: object) -> Settings:
    """Give the settings with every engine elsewhere at ``url``, and other ``cloud`` values."""
    key = SecretStr(KEY)
    addresses = {"openai_base_url": f"{url}/v1", "groq_base_url": f"{url}/v1", "elevenlabs_base_url": url}
    keys = {"openai_api_key": key, "groq_api_key": key, "elevenlabs_api_key": key}
    cloud = settings.cloud.model_copy(update={**addresses, **keys, **values})
    return settings.model_copy(update={"cloud": cloud})


def transcribing(stt: Stt) -> Script:
    """Understand what is sent."""

    def script(reply: Reply) -> None:
        with wave.open(io.BytesIO(reply.asked.form["file"])) as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        stream = stt.stream()
        stream.feed(Frame(samples))
        reply.json({"text": stream.finish().text})

    return script


def speaking(fast: Tts, normal: Tts) -> Script:
    """Speak what is sent, at 24 kHz, with a voice for either speed."""

    def speak(asked: dict[str, Any]) -> Iterator[Samples]:
        speed = asked.get("speed") or asked.get("voice_settings", {}).get("speed") or 1.0
        voice = fast if speed > 1.0 else normal
        return (frame.samples for frame in voice.speak(asked.get("input") or asked["text"]))

    return streamed(speak)


@contextmanager
def chatting(model: Path) -> Iterator[str]:
    """Run llama.cpp's own server for a GGUF file; give its address."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.n_ctx = 2048
    params.n_parallel = 1
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
    params.warmup = params.fit_params = params.ui = False
    params.cache_ram_mib = 0
    params.verbosity = -1
    params.api_keys = [KEY]
    server = xllamacpp.Server(params)
    # Its thread may not have begun yet, and a server that is freed before that never ends.
    done = threading.Event()
    server.handle_completions({"prompt": " ", "max_tokens": 0}, lambda _: done.is_set())
    yield server.listening_address
