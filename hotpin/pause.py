"""Somebody falls silent before their turn is over: when to run ahead, and when the silence has ended the turn.

Pure: no clock, no audio. How long to wait follows from what is found out in the pause, where the pipeline runs ahead in
it, otherwise from the words.
"""

import math

from hotpin.endpoint import silence_needed
from hotpin.turn_io import DropSpeculation, Judged, Speculate, Weigh
from hotpin.turn_policy import TurnPolicy

_WEIGH_SECONDS = 0.03
"""s of silence from which the sound before it is judged. Smart Turn takes 0.03 to 0.09 s of a core: begun before the
recogniser has work to do, it keeps nobody waiting. Within words the VAD seldom hears a silence."""

_USUAL_LATENESS, _MOST_LATENESS = 0.05, 0.2
"""s that the VAD always goes on hearing speech after the sound has died away (0.03 to 0.23 at 56 ends, median 0.07);
and s beyond that are believed: where there is noise, the last syllables may be hardly louder than the room."""

_SUDDEN_DB, _FAINTEST_DBFS = 10.0, -70.0
"""dB that a sound must be louder than the pause was, to be perhaps the beginning of a word; and dBFS that any pause is
taken to have at least: what is fainter is nothing."""

_BENEFIT_SECONDS = 0.1
"""s that a turn's end waits for such a sound at most: the VAD knows a word by then. Without, a reply was heard for a
moment by who had just gone on, in 6 of 150 utterances with a pause in them."""


class Pause:
    """The silence after what was said so far. Used from the turn machine's thread."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._ahead_after: float | None = None  # s of silence, when the pipeline began to run ahead, if it does
        self._judged: Judged | None = None  # what came of that
        self._weighed = False  # how it sounds has been asked
        self._quietest = math.inf  # dBFS
        self._sudden = False  # something is much louder than that

    def hear(self, level: float, *, speech: bool) -> None:
        """Take a frame's level in dBFS, and whether the VAD takes it for speech."""
        self._sudden = not speech and level >= self._quietest + _SUDDEN_DB
        self._quietest = math.inf if speech else max(min(self._quietest, level), _FAINTEST_DBFS)

    def is_ended_by(self, run: float) -> bool:
        """Whether speech of ``run`` s ends it: while the pipeline runs ahead, a click does not."""
        return run > 0.0 and (self._ahead_after is None or run >= self._policy.start_seconds)

    def run_ahead(self, run: float, silence: float, speech: float) -> list[Weigh | Speculate | DropSpeculation]:
        """Tell what is to be done ahead of the end of the turn, or no longer.

        Args:
            run: s of unbroken speech until now.
            silence: s since the last speech.
            speech: s of speech in the utterance.
        """
        after = self._policy.speculate_seconds
        if self._ahead_after is not None:
            if not self.is_ended_by(run):
                return []
            self._ahead_after = self._judged = None
            return [DropSpeculation()]
        if after is None or silence < min(after, _WEIGH_SECONDS) or speech < self._policy.min_speech_seconds:
            self._weighed = False
            return []
        actions: list[Weigh | Speculate | DropSpeculation] = [] if self._weighed else [Weigh()]
        self._weighed = True
        if silence >= after:
            self._ahead_after = silence
            actions.append(Speculate())
        return actions

    def judge(self, judged: Judged) -> bool:
        """Take what was found out while running ahead; tell whether it is still wanted."""
        if self._ahead_after is None:
            return False
        self._judged = judged
        return True

    def ends_turn(self, run: float, silence: float, words: str) -> bool:
        """Whether the silence has ended the turn.

        Args:
            run: s of unbroken speech until now: perhaps a click, perhaps the beginning of a word.
            silence: s since the last speech.
            words: those heard so far.
        """
        word_may_begin = run > 0.0 or self._sudden
        return silence + self._lateness() >= self._wait(words) + _BENEFIT_SECONDS * word_may_begin

    def _lateness(self) -> float:
        """Return how long the VAD went on hearing speech, beyond the little that it always does."""
        if self._judged is None or self._judged.silence is None or self._ahead_after is None:
            return 0.0
        late = self._judged.silence - self._ahead_after - _USUAL_LATENESS
        return late if 0.0 < late <= _MOST_LATENESS else 0.0

    def _wait(self, words: str) -> float:
        """Return the s of silence that end the turn, by what is known now."""
        policy = self._policy.endpoint
        if self._judged is not None:
            return silence_needed(self._judged.text or words, policy, self._judged.finished)
        # As long as the words are not known there is nothing to say, so nothing is lost by waiting for them.
        return policy.unfinished if self._ahead_after is not None else silence_needed(words, policy)
