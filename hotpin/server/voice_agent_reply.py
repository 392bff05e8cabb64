"""The order in which a voice agent tells of its turns; without input or output of its own."""

from collections.abc import Callable, Mapping
from typing import Any

from hotpin.server.socket_playback import Sound

PIECE_BYTES = 4096
"""Bytes of audio in one message at most, before base64."""

Tell = Callable[[Mapping[str, Any]], None]

SendAudio = Callable[[Sound, bytes, int], None]
"""Sends a piece of a reply, and the voice's samples that are complete with it; the piece may be empty at the end."""


class AgentReply:
    """Turns what happens into messages: processing, transcription, whole text, generating, audio, idle.

    Text and audio are made side by side; audio that is there before the text is whole waits for it, unless the client
    wants the reply as it comes.
    """

    def __init__(self, tell: Tell, send_audio: SendAudio, *, streamed: bool) -> None:
        self._tell = tell
        self._send_audio = send_audio
        self._streamed = streamed
        self._next = 0
        """Turns that were asked for while this one is on."""
        self._begin_anew()

    def expect(self) -> None:
        """Take that the person has finished, and a turn begins."""
        if self._on:
            self._next += 1
        else:
            self._begin()

    def heard(self, text: str) -> None:
        """Take the person's words."""
        self._words = text
        if text:
            if not self._on:
                self._begin()
            self._tell({"type": "transcription", "text": text, "is_final": True})

    def written(self, text: str) -> None:
        """Take the whole text of the reply; one that comes after its turn was cancelled is passed over."""
        if not self._words:
            return
        self._written = True
        self._tell({"type": "llm_response", "text": text})
        self._generate()
        for sound in self._held:
            self._send(sound)
        self._held.clear()
        self._end_if_over()

    def sounded(self, sound: Sound) -> None:
        """Take a piece of the reply."""
        if sound.dropped:
            self._held.clear()
            self._dropped = True
        elif self._written or (self._streamed and self._words):
            if sound.data:
                self._generate()
            self._send(sound)
        else:
            self._held.append(sound)
        if sound.last:
            self._sounded = True
        self._end_if_over()

    def failed(self) -> None:
        """Take that the turn has failed; what there is of its reply is given all the same."""
        self._failed = True

    def none(self) -> None:
        """Take that there is no reply."""
        self._end()

    def _begin_anew(self) -> None:
        self._on = False
        self._generating = False  # told so
        self._written = False
        self._sounded = False  # to its end
        self._dropped = False
        self._failed = False
        self._words = ""
        self._held: list[Sound] = []
        self._samples = 0  # of the voice, that are not complete with what has been sent

    def _begin(self) -> None:
        self._on = True
        self._status("processing")

    def _generate(self) -> None:
        if not self._generating:
            self._generating = True
            self._status("generating_audio")

    def _send(self, sound: Sound) -> None:
        self._samples += sound.samples
        pieces = [sound.data[at : at + PIECE_BYTES] for at in range(0, len(sound.data), PIECE_BYTES)]
        for piece in pieces[:-1]:
            self._send_audio(sound, piece, 0)
        if pieces or sound.last:
            self._send_audio(sound, pieces[-1] if pieces else b"", self._samples)
            self._samples = 0

    def _end_if_over(self) -> None:
        if self._sounded and (self._written or self._failed or self._dropped or not self._words):
            self._end(told=self._on)

    def _end(self, *, told: bool = True) -> None:
        self._begin_anew()
        if told:
            self._status("idle")
        if self._next:
            self._next -= 1
            self._begin()

    def _status(self, status: str) -> None:
        self._tell({"type": "status_update", "status": status})
