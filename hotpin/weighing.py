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

UNHEARD_SAMPLES = CAPTURE_RATE // 10
"""Samples of the pause that a prosody engine is not given: long silence is taken for an end, whatever was said."""


class Weighing:
    """What is known of one pause.

    Args:
        ticket: the work that runs ahead in it.
        around: what the turns of the conversation share.
        sound: the end of the utterance, int16, shape (n,), 16 kHz.
    """

    def __init__(self, ticket: Ticket, around: Surroundings, sound: Samples) -> None:
        self._ticket = ticket
        self._around = around
        self._lock = threading.Lock()  # guards the two that follow
        self._evidence = Evidence()
        self._missing = {"words", "complete", "ending"}
        self._ask("ending", around.engines.prosody_worker, partial(ending, sound))
        if (prosody := around.engines.prosody) is not None:
            self._missing.add("sound")
            heard = sound[: max(len(sound) // 2, len(sound) - UNHEARD_SAMPLES)]
            self._ask("sound", around.engines.prosody_worker, partial(prosody.finished, heard))

    def add_words(self, transcript: Transcript) -> None:
        """Take the words before the pause, and ask the model whether they are a whole sentence."""
        text = transcript.text.strip()
        if not text:  # where nothing was understood, more may come that makes it clear
            self._around.judged(self._ticket, Judged("", 0.0))
            return
        self._add("words", words=text, confidence=transcript.confidence, full_stop=transcript.full_stop)
        ticket, around = self._ticket, self._around
        sentence = without_end(text)
        if not sentence:
            self._add("complete")
            return
        ask = partial(around.engines.llm.finished, ticket.conversation, sentence, ticket.cancelled)
        self._ask("complete", around.engines.llm_worker, ask)

    def _ask(self, what: str, worker: Worker, ask: Callable[[], Ending | float | None]) -> None:
        def work() -> None:
            try:
                found = ask()
            except Exception as error:
                # Only a hint is missing; where it matters the turn itself will report what is wrong.
                log.info("%s could not be weighed: %s", what, type(error).__name__)
                found = None
            self._add(what, **{what: found})

        try:
            worker.submit(self._ticket, work, ahead=running_ahead)
        except BusyError:
            self._add(what)

    def _add(self, what: str, **found: Any) -> None:  # noqa: ANN401 - fields of Evidence
        with self._lock:
            self._evidence = replace(self._evidence, **found)
            self._missing.discard(what)
            complete, evidence = not self._missing, self._evidence
        if complete and not self._ticket.cancelled():
            silence = evidence.ending.silence if evidence.ending else None
            self._around.judged(self._ticket, Judged(evidence.words, finished(evidence), silence))
