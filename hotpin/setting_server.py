"""Settings of the embedded server."""

from pydantic import Field, SecretStr

from hotpin.setting_types import Section


class ServerSettings(Section):
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
