"""Has the person finished? Collects in a pause what tells, from the workers that find it out.

The words come from the recogniser, whether they are a whole sentence from the language model, how it sounds from the
prosody engine, if there is one. The listener is told once, when all of it is there.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hotpin.audio.frame import CAPTURE_RATE, Samples
from hotpin.cancel import Ticket
from hotpin.endpoint import Ending, Evidence, finished, without_end
from hotpin.errors import BusyError
from hotpin.prosody.ending import ending
from hotpin.stt.base import Transcript
from hotpin.surroundings import Surroundings
from hotpin.turn_io import Judged
from hotpin.worker import Worker, running_ahead

log = logging.getLogger(__name__)

UNHEARD_SAMPLES = CAPTURE_RATE // 50
"""Samples of the pause that a prosody engine is not given: silence is taken for an end, whatever was said."""

Ask = Callable[[], Ending | float | None]
"""What finds out one thing; ``None`` where it cannot be told."""


class Weighing:
    """What is known of one pause, from its beginning on.

    Args:
        ticket: the work that runs ahead in it.
        around: what the turns of the conversation share.
        sound: the end of the utterance, when the pause has just begun; int16, shape (n,), 16 kHz.
    """

    def __init__(self, ticket: Ticket, around: Surroundings, sound: Samples) -> None:
        self.ticket = ticket
        self._around = around
        self._given_up = False
        self._lock = threading.Lock()  # guards the two that follow
        self._evidence = Evidence()
        self._missing = {"words", "complete", "ending"}
        if (prosody := around.engines.prosody) is not None:
            self._missing.add("sound")
            heard = sound[: max(len(sound) // 2, len(sound) - UNHEARD_SAMPLES)]
            self._submit("sound", around.engines.prosody_worker, partial(prosody.finished, heard))

    def give_up(self) -> None:
        """Find out no more: the person went on before anything ran ahead."""
        self._given_up = True

    def add_ending(self, sound: Samples) -> None:
        """Take the end of the utterance with more of the pause: what tells how the voice died away."""
        self._submit("ending", self._around.engines.prosody_worker, partial(ending, sound))

    def add_words(self, transcript: Transcript) -> None:
        """Take the words before the pause, and ask the model whether they are a whole sentence."""
        text = transcript.text.strip()
        if not text:  # where nothing was understood, more may come that makes it clear
            self._around.judged(self.ticket, Judged("", 0.0))
            return
        self._add("words", words=text, confidence=transcript.confidence, full_stop=transcript.full_stop)
        ticket, engines = self.ticket, self._around.engines
        sentence = without_end(text)
        if sentence:
            ask = partial(engines.llm.finished, ticket.conversation, sentence, ticket.cancelled)
            self._submit("complete", engines.llm_worker, ask)
        else:
            self._add("complete")

    def _submit(self, what: str, worker: Worker, ask: Ask) -> None:
        try:
            worker.submit(self.ticket, partial(self._find_out, what, ask), ahead=running_ahead)
        except BusyError:
            self._add(what)

    def _find_out(self, what: str, ask: Ask) -> None:
        if self._given_up:
            return
        try:
            found = ask()
        except Exception as error:
            # Only a hint is missing; where it matters the turn itself will report what is wrong.
            log.info("%s could not be weighed: %s", what, type(error).__name__)
            found = None
        self._add(what, **{what: found})

    def _add(self, what: str, **found: Any) -> None:  # noqa: ANN401 - fields of Evidence
        with self._lock:
            self._evidence = replace(self._evidence, **found)
            self._missing.discard(what)
            complete, evidence = not self._missing, self._evidence
        if complete and not self.ticket.cancelled():
            silence = evidence.ending.silence if evidence.ending else None
            self._around.judged(self.ticket, Judged(evidence.words, finished(evidence), silence))
