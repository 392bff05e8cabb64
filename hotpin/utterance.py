"""What a person is saying, recognised while they speak: mic → stt.

The listener hands over what it hears; the recogniser's worker does the rest. In a pause the words so far can be asked
for as if they were all, and after the end the person may still be found to go on.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

import numpy as np

from hotpin.audio.frame import Frame, Samples
from hotpin.cancel import Cancelled, Ticket
from hotpin.endpoint import without_end
from hotpin.events import Failed, Partial
from hotpin.prosody.base import HEARD_SECONDS
from hotpin.stt.base import SttStream, Transcript
from hotpin.surroundings import Surroundings
from hotpin.turn_io import Words
from hotpin.worker import Ahead, certain, running_ahead

FEED_SECONDS = 0.2
"""s of audio handed to the recogniser at a time while the person speaks: how often partial words can change."""

Then = Callable[[Transcript | None], None]
"""Told of the words, on the recogniser's thread, also if they are no longer wanted; ``None`` if it failed, which has
been published."""


class Utterance:
    """One utterance. Its methods are called by the listener; what runs on the worker begins with an underscore."""

    def __init__(self, ticket: Ticket, around: Surroundings) -> None:
        self.ticket = ticket
        self._around = around
        self._stream: SttStream | None = None
        self._unfed: list[Frame] = []
        self._unfed_seconds = 0.0
        self._last: deque[Frame] = deque()
        self._last_seconds = 0.0
        self._partial = ""
        self._deaf = False
        """Whether the recogniser has failed: half a question is not answered."""

    def hear(self, frame: Frame) -> None:
        """Take audio of the utterance; waits only if the recogniser is half a minute behind."""
        self._keep(frame)
        self._unfed.append(frame)
        self._unfed_seconds += frame.seconds
        if self._unfed_seconds >= FEED_SECONDS - frame.seconds / 2:
            self._submit_feed(shown=True)

    def hear_on(self, frames: list[Frame]) -> None:
        """Take what was heard since the utterance seemed to be over."""
        end = self._last[-1].end if self._last else float("-inf")
        for frame in frames:
            if frame.start >= end - frame.seconds / 2:
                self.hear(frame)

    def understand(self) -> None:
        """Find out what was said so far, to its last word."""
        self._submit_words(self.ticket, lambda _: None, final=False, ahead=certain)

    def draft(self, ticket: Ticket, then: Then, ahead: Ahead) -> None:
        """Understand what was heard so far as if it were the whole, for the work of ``ticket``; others come first."""
        self._submit_words(ticket, then, final=False, ahead=ahead)

    def finish(self, ticket: Ticket, then: Then) -> None:
        """Understand the whole, for the work of ``ticket``; waits while the recogniser is half a minute behind."""
        self._submit_words(ticket, then, final=True, ahead=certain)

    def end(self) -> Samples:
        """Give the last seconds of it, int16, shape (n,), 16 kHz: what prosody listens to."""
        return np.concatenate([frame.samples for frame in self._last]) if self._last else np.zeros(0, np.int16)

    def _submit_feed(self, *, shown: bool) -> None:
        frames, self._unfed, self._unfed_seconds = self._unfed, [], 0.0
        # What is certain behind it makes it certain as well; until then it can wait for whoever has finished.
        self._around.engines.stt_worker.submit(
            self.ticket, partial(self._feed, frames, shown), wait=True, ahead=running_ahead
        )

    def _submit_words(self, ticket: Ticket, then: Then, *, final: bool, ahead: Ahead) -> None:
        self._submit_feed(shown=False)
        job = partial(self._understand, ticket.cancelled, then, final)
        self._around.engines.stt_worker.submit(ticket, job, wait=True, ahead=ahead)

    # --- on the worker ---

    def _feed(self, frames: list[Frame], shown: bool) -> None:
        if self._deaf:
            return
        try:
            self._stream = self._stream or self._around.engines.stt.stream()
            for frame in frames:
                self._stream.feed(frame)
            shown = shown and not self._around.engines.stt_worker.others_wait(self.ticket.conversation)
            found = self._stream.partial(self.ticket.cancelled) if shown else None
        except Exception as error:
            self._fail(error)
            return
        if found is not None and found.text != self._partial and not self.ticket.cancelled():
            # What is written in the middle of a sentence ends in a full stop all the same: that tells nothing yet.
            self._around.understood(self.ticket, Words(without_end(found.text)))
            self._show(found.text)

    def _understand(self, cancelled: Cancelled, then: Then, final: bool) -> None:
        if self._deaf or self._stream is None:
            then(None)
            return
        try:
            transcript = self._stream.finish(cancelled) if final else self._stream.draft(cancelled)
        except Exception as error:
            self._fail(error)
            then(None)
            return
        if not final and not cancelled():
            self._around.understood(self.ticket, Words(transcript.text, True, transcript.confidence))
            if transcript.text != self._partial:
                self._show(transcript.text)
        then(transcript)

    def _show(self, text: str) -> None:
        self._partial = text
        self._around.publish(Partial(self.ticket.conversation, self.ticket.turn, text))

    def _fail(self, error: Exception) -> None:
        self._deaf = True
        if not self.ticket.cancelled():
            self._around.publish(Failed(self.ticket.conversation, self.ticket.turn, "stt", error))

    def _keep(self, frame: Frame) -> None:
        self._last.append(frame)
        self._last_seconds += frame.seconds
        while self._last_seconds - self._last[0].seconds >= HEARD_SECONDS:
            self._last_seconds -= self._last.popleft().seconds
