"""Who is asked: address, key, and how long an answer may take."""

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

from hotpin.errors import SettingsError
from hotpin.registry import EngineInfo
from hotpin.settings import CloudSettings

if TYPE_CHECKING:
    from hotpin.cloud import Stage
    from hotpin.settings import Settings


@dataclass(frozen=True, slots=True)
class Service:
    """A server and the right to ask it."""

    engine: str
    """The name of the engine that asks it."""

    base_url: str
    """What every path is put behind."""

    key: SecretStr
    """Empty where none is set."""

    key_name: str
    """The environment name that the key is best kept under."""

    key_needed: bool
    """Whether nothing can be asked without one."""

    timeout_seconds: float
    """s until the first piece of an answer at most, repeated attempts included, and between its pieces."""

    offline: bool = False
    """Whether the network may not be used."""

    ahead: bool = False
    """Whether it may be asked for what may be thrown away."""

    key_header: str = "Authorization"
    """The HTTP header that the key goes into; ``Authorization`` says ``Bearer`` before it."""

    @property
    def host(self) -> str:
        """The server's name as a person should see it, with its port where one is given."""
        return urlsplit(self.base_url).netloc

    @property
    def is_here(self) -> bool:
        """Whether the server runs on this machine, so that nothing leaves it."""
        name = urlsplit(self.base_url).hostname or ""
        try:
            return ipaddress.ip_address(name).is_loopback
        except ValueError:
            return name == "localhost"

    def info(self, model: str, detail: str = "") -> EngineInfo:
        """Describe an engine that asks it for ``model``."""
        encrypted = self.is_here or self.base_url.startswith("https:")
        described = ", ".join(filter(None, (f"at {self.host}", "" if encrypted else "without encryption", detail)))
        return EngineInfo(
            self.engine, model, described, self.host, leaves=not self.is_here, ahead=self.is_here or self.ahead
        )

    def check(self) -> None:
        """Refuse what cannot be asked; asks nothing.

        Raises:
            SettingsError: if the network may not be used, or the key is missing or cannot be one.
        """
        key = self.key.get_secret_value()
        if self.offline and not self.is_here:
            raise SettingsError(
                f"the engine {self.engine!r} is at {self.host}, and models.offline forbids the network",
                "Choose an engine of this machine, or: hotpin config set models.offline false",
            )
        if self.key_needed and not key:
            raise SettingsError(
                f"the engine {self.engine!r} needs a key for {self.host}",
                f"Set {self.key_name} in the environment or in .env",
            )
        if not all("!" <= letter <= "~" for letter in key):
            raise SettingsError(f"{self.key_name} is no key: it has characters that none has", "Copy it again")

    def headers(self) -> dict[str, str]:
        """Give the headers that carry the key; none where there is no key."""
        key = self.key.get_secret_value()
        if not key:
            return {}
        return {self.key_header: f"Bearer {key}" if self.key_header == "Authorization" else key}

    def without_key(self, text: str) -> str:
        """Take the key out of what the server says."""
        key = self.key.get_secret_value()
        return text.replace(key, "***") if key else text


def of(settings: "Settings", stage: "Stage") -> Service | None:
    """Give the server that the settings choose for a stage; ``None`` where its engine is of this machine."""
    match getattr(settings, stage).engine:
        case "openai":
            return openai(settings, stage)
        case "groq":
            return groq(settings)
        case "elevenlabs":
            return elevenlabs(settings)
    return None


def openai(settings: "Settings", stage: "Stage") -> Service:
    """Give OpenAI, or the compatible server that the settings name for this stage."""
    cloud = settings.cloud
    own = {"stt": cloud.openai_stt_base_url, "tts": cloud.openai_tts_base_url}.get(stage, "")
    return _service(settings, "openai", own or cloud.openai_base_url, cloud.openai_api_key)


def groq(settings: "Settings") -> Service:
    """Give Groq."""
    return _service(settings, "groq", settings.cloud.groq_base_url, settings.cloud.groq_api_key)


def elevenlabs(settings: "Settings") -> Service:
    """Give ElevenLabs."""
    cloud = settings.cloud
    return _service(settings, "elevenlabs", cloud.elevenlabs_base_url, cloud.elevenlabs_api_key, "xi-api-key")


def _service(
    settings: "Settings", engine: str, base_url: str, key: SecretStr, key_header: str = "Authorization"
) -> Service:
    vendor = CloudSettings.model_fields[f"{engine}_base_url"].default
    return Service(
        engine,
        base_url.rstrip("/"),
        SecretStr(key.get_secret_value().strip()),
        f"{engine.upper()}_API_KEY",
        key_needed=base_url == vendor,
        timeout_seconds=settings.cloud.timeout_seconds,
        offline=settings.models.offline,
        ahead=settings.cloud.speculate,
        key_header=key_header,
    )
