"""Somebody speaks over a reply, which is paused: do they want to speak, or only show that they follow?

Pure: no clock, no audio. What was said is asked for in the first pause: while somebody speaks, a recogniser's last word
may be half a word, and Whisper completes it.
"""

import re

from hotpin.turn_io import CancelReply, ResumePlayback, Understand, Words
from hotpin.turn_policy import TurnPolicy
from hotpin.wake.policy import is_stop

_BACKCHANNELS = re.compile(r"(?:(?:[mhua]+|him|oh|yeah|yes|yep|ok|okay|right|sure|i see|go on)\b\W*)+")
"""What a listener says to show that they follow; not a wish to speak. What recognisers spell with nothing but m, h, u
and a is a hum or a laugh, and Whisper's "him" is a "hm"."""

_SHORT_SECONDS, _UNSURE = 0.6, -1.1
"""In less speech than this, words of less confidence than that are none: 75 of 76 commands of synthetic voices were
understood with more or lasted longer; of 18 hums that were taken for words, 5 had less."""

_BLIP_SECONDS = 0.3
"""s of speech that are no word, whatever is understood, unless it is "stop". While a reply is paused there is no echo:
what was one ends as soon as the devices and the room are silent, and Whisper makes words of its rest."""

_AFTER_NOTHING_SECONDS, _AFTER_BACKCHANNEL_SECONDS = 0.6, 0.8
"""s of silence until the reply goes on, after no word and after an "uh-huh" that was understood as one."""


def is_backchannel(words: str) -> bool:
    """Whether words, said over a reply, only show that the person follows."""
    return _BACKCHANNELS.fullmatch(words.strip().lower()) is not None


class SpeechOverReply:
    """Speech over a paused reply, not yet known to be meant."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._so_far = ""
        self._asked = False  # what was said before the present pause is being understood
        self._understood: Words | None = None  # what came of that

    @property
    def follows(self) -> bool:
        """Whether the person was understood to say nothing but that they follow."""
        return self._understood is not None and is_backchannel(self._understood.text)

    def hear(self, words: Words) -> None:
        """Take words of it."""
        self._so_far = words.text
        if words.whole and self._asked:
            self._understood = words

    def judge(self, run: float, speech: float, silence: float) -> Understand | CancelReply | ResumePlayback | None:
        """Return what is to be done, if anything, after another frame.

        Args:
            run: s of unbroken speech until now.
            speech: s of speech in all.
            silence: s since the last speech.
        """
        if run >= self._policy.start_seconds:
            self._asked, self._understood = False, None
        goes_on = run >= self._policy.cancel_seconds and not is_backchannel(self._so_far)
        if goes_on or self._is_meant(speech):
            return CancelReply()
        if not self._asked and silence >= self._policy.understand_seconds:
            self._asked = True
            return Understand()
        return ResumePlayback() if silence >= self._patience(speech) else None

    def _is_meant(self, speech: float) -> bool:
        words = self._understood
        if words is None or not words.text.strip() or self.follows:
            return False
        if speech < _BLIP_SECONDS:
            return is_stop(words.text)
        return words.confidence is None or words.confidence >= _UNSURE or speech >= _SHORT_SECONDS

    def _patience(self, speech: float) -> float:
        """Return the s of silence until the reply goes on."""
        if self._understood is None and speech >= _BLIP_SECONDS:
            return self._policy.resume_seconds
        soon = _AFTER_BACKCHANNEL_SECONDS if self.follows else _AFTER_NOTHING_SECONDS
        return min(soon, self._policy.resume_seconds)
