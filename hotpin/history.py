"""What was said so far, as the model is given it.

The system prompt and the turns are a stable prefix of every prompt: the model keeps what it has evaluated and reads
only the new words. Dropping the oldest turn at every reply would break that prefix every time; so the history grows
past what is kept and is trimmed in one step, while nobody waits.
"""

from dataclasses import dataclass

from hotpin.llm.base import Message


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its reply."""

    heard: str
    """What the person said or typed; never blank."""

    reply: str
    """The part of the reply that the person heard, as it was written; empty if nothing was."""


class History:
    """The turns of one conversation. Changed from one thread, the conversation's, and read from any.

    The turns are replaced as a whole and never altered, so what was handed out never changes.

    A question whose reply was not heard stays without one, and is joined to the question after it: most models refuse
    two messages of one role in a row, a made-up reply ("…") would be imitated by a small model, and a question that
    follows on an unheard reply usually completes or corrects the one before.
    """

    def __init__(self, system_prompt: str, max_turns: int = 10, keep_turns: int = 6) -> None:
        """Begin an empty history.

        Args:
            system_prompt: what the model is told before the first question; blank means there is no such message.
            max_turns: question-and-answer pairs that go to the model at most.
            keep_turns: pairs that are left when the history is trimmed.

        Raises:
            ValueError: if ``max_turns`` is below 1 or ``keep_turns`` is not between 1 and ``max_turns``.
        """
        if max_turns < 1:
            raise ValueError(f"max_turns must be at least 1, got {max_turns}")
        if not 1 <= keep_turns <= max_turns:
            raise ValueError(f"keep_turns must be between 1 and max_turns ({max_turns}), got {keep_turns}")
        self._system = [Message("system", system_prompt.strip())] if system_prompt.strip() else []
        self._max_turns = max_turns
        self._keep_turns = keep_turns
        self._turns: tuple[Turn, ...] = ()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Every turn since the last trim, the oldest first."""
        return self._turns

    def prefix(self) -> list[Message]:
        """Return the messages that come before the next question: what the model can evaluate ahead."""
        messages, _ = self._told()
        return messages

    def messages(self, question: str) -> list[Message]:
        """Return the prompt for ``question``: system prompt, ``max_turns`` pairs at most, the question.

        Raises:
            ValueError: if the question is blank.
        """
        messages, unanswered = self._told()
        return [*messages, Message("user", "\n".join([*unanswered, _said(question)]))]

    def add(self, heard: str, reply: str) -> None:
        """Add a turn: the person's words and the reply.

        Raises:
            ValueError: if ``heard`` is blank.
        """
        self._turns = (*self._turns, Turn(_said(heard), reply.strip()))

    def amend_last(self, spoken: str) -> None:
        """Cut the last reply down to what was heard of it, when it was interrupted; blank if nothing was.

        Raises:
            ValueError: if there is no turn.
        """
        if not self._turns:
            raise ValueError("there is no turn to amend")
        *before, last = self._turns
        self._turns = (*before, Turn(last.heard, spoken.strip()))

    def trim(self) -> bool:
        """Drop the oldest turns once there are more than the model is given; to be called while nobody waits.

        Returns:
            Whether the prefix has changed and is worth evaluating ahead.
        """
        if len(self._turns) <= self._max_turns:
            return False
        self._turns = self._turns[-self._keep_turns :]
        return True

    def _told(self) -> tuple[list[Message], list[str]]:
        """Return the messages up to the last reply that was heard, and the questions since."""
        messages = list(self._system)
        unanswered: list[str] = []
        for turn in self._turns[-self._max_turns :]:
            unanswered.append(turn.heard)
            if turn.reply:
                messages += [Message("user", "\n".join(unanswered)), Message("assistant", turn.reply)]
                unanswered = []
        return messages, unanswered


def _said(words: str) -> str:
    words = words.strip()
    if not words:
        raise ValueError("the question is blank")
    return words
