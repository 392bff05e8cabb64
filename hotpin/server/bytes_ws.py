"""``/ws/{session_id}``: one whole utterance in, one whole WAV out."""

from io import BytesIO

from starlette.websockets import WebSocket

from hotpin.app import VOICE_RATE
from hotpin.audio import wav
from hotpin.audio.codecs import wrap_pcm
from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.errors import AudioError
from hotpin.events import Event, Failed
from hotpin.server import door, messages, problems
from hotpin.server.link import BUSY, FAILED, NOT_AUDIO, POLICY, TOO_BIG, UNSUPPORTED, Link
from hotpin.server.manner import Manner
from hotpin.server.messages import ProtocolError
from hotpin.server.problems import Problem
from hotpin.server.services import Services
from hotpin.server.socket_mic import pcm_samples
from hotpin.server.socket_playback import Sound
from hotpin.server.talk import Talk

PROTOCOL = "bytes"

_SAMPLE_BYTES = 2
_RIFF = b"RIFF"
_FOREIGN = (b"\x1aE\xdf\xa3", b"OggS", b"fLaC", b"ID3", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"%PDF", b"PK\x03\x04")
"""What other files begin with: taken for samples, they would be heard as noise."""


def utterance(data: bytes) -> Samples:
    """Read one utterance: a WAV file, or raw 16-bit 16 kHz mono; int16, shape (n,), 16 kHz.

    Raises:
        AudioError: if it is neither.
    """
    if data.startswith(_RIFF):
        return _wav(data)
    if len(data) % _SAMPLE_BYTES or data.startswith(_FOREIGN) or _is_text(data):
        raise AudioError("this is neither a WAV file nor raw 16-bit audio", "Send WAV, or raw PCM at 16 kHz, mono")
    return pcm_samples(data)


def _wav(data: bytes) -> Samples:
    import numpy as np

    # Imported late: it takes 0.1 s, and only where somebody sends a WAV.
    from hotpin.audio.stream_codecs import StreamDecoder

    if wav.read_head(BytesIO(data)) is None:
        raise AudioError("this WAV has no samples")
    decoder = StreamDecoder()
    frames = [*decoder.feed(data), *decoder.finish()]
    return np.concatenate([frame.samples for frame in frames]) if frames else np.zeros(0, np.int16)


def _is_text(data: bytes) -> bool:
    """Whether it is plain text, which no recording is."""
    return bool(data) and data.isascii() and all(byte >= 32 or byte in b"\t\r\n" for byte in data)  # noqa: PLR2004


async def serve(socket: WebSocket, services: Services, session_id: str) -> None:
    """Serve one client until it goes."""
    await door.receive(socket, services, PROTOCOL, lambda link: _greet(socket, services, link, session_id))


async def _greet(socket: WebSocket, services: Services, link: Link, session_id: str) -> None:
    try:
        messages.session_id(session_id)
        door.check_token(socket, services, "")
    except ProtocolError as error:
        link.close(POLICY, error.message)
        return
    async with services.sessions.hold(session_id, link):
        await BytesClient(services, link, session_id).serve()


class BytesClient:
    """One client of ``/ws/{session_id}``."""

    def __init__(self, services: Services, link: Link, session_id: str) -> None:
        self._link = link
        self._services = services
        self._pending = 0
        self._whole = bytearray()
        self._talk = Talk(services, Manner(PROTOCOL, session_id, link.address, paced=False), self)

    async def serve(self) -> None:
        """Serve until it is cancelled."""
        await self._talk.check()
        await self._talk.hold(self._read())

    async def _read(self) -> None:
        limits = self._services.limits
        while not self._link.closing:
            message = await self._link.receive()
            if isinstance(message, str):
                self._link.close(UNSUPPORTED, "audio is sent in binary messages; there are no text messages here")
            elif self._pending >= limits.max_concurrent_turns + limits.max_queued_turns:
                self.refused(problems.BUSY)
            else:
                await self._take(message)
        await self._link.wait_closed()

    async def _take(self, data: bytes) -> None:
        try:
            samples = await self._services.in_thread(utterance, data) if data else pcm_samples(b"")
        except AudioError:
            self._link.close(NOT_AUDIO, "this is neither a WAV file nor raw 16-bit audio at 16 kHz, mono")
            return
        if len(samples) > self._services.limits.max_audio_seconds * CAPTURE_RATE:
            self._link.close(TOO_BIG, f"an utterance may have {self._services.limits.max_audio_seconds:g} s")
            return
        if len(samples) and not self._talk.hear(samples):
            self.refused(problems.BUSY)
            return
        self._pending += 1
        self._talk.end_of_speech()

    # --- what the conversation tells ---

    def happened(self, event: Event) -> None:
        """Close the connection where a turn fails: there is no other way to tell."""
        if isinstance(event, Failed) and (problem := problems.of_failure(event)) is not None:
            self._complain(problem)
            self._link.close(BUSY if problem is problems.BUSY else FAILED, problem.message)

    def sounded(self, sound: Sound) -> None:
        """Send the reply once it is whole."""
        self._whole += sound.data
        if not sound.last:
            return
        samples = len(self._whole) // _SAMPLE_BYTES
        self._link.send(wrap_pcm(bytes(self._whole), VOICE_RATE), lambda: self._talk.delivered(sound.ticket, samples))
        self._whole.clear()
        self._pending -= 1

    def refused(self, problem: Problem) -> None:
        """Close the connection: it may come back later."""
        self._complain(problem)
        self._link.close(BUSY, problem.message)

    def unheard(self) -> None:
        """Answer an empty message."""
        self._pending -= 1
        self._link.send(wrap_pcm(b"", VOICE_RATE))

    def _complain(self, problem: Problem) -> None:
        self._services.metrics.errors.labels(PROTOCOL, problem.code).inc()
