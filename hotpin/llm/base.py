"""The contract of a language model."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from hotpin.cancel import Cancelled, never
from hotpin.registry import EngineInfo

Role = Literal["system", "user", "assistant"]

MAX_TEMPERATURE = 2.0
"""Beyond it the text is noise."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ReplyOptions:
    """How to write one reply."""

    temperature: float = 0.7
    """Randomness of the choice of tokens; 0 always takes the likeliest."""

    max_tokens: int = 150
    """Tokens at most: two or three spoken sentences."""

    stop: tuple[str, ...] = ()
    """Texts that end the reply, beside the model's own end-of-turn tokens; they are not part of it."""

    def __post_init__(self) -> None:
        """Refuse what no model can do."""
        if not 0.0 <= self.temperature <= MAX_TEMPERATURE:
            raise ValueError(f"temperature must be between 0 and {MAX_TEMPERATURE:g}, got {self.temperature}")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}")


class Llm(Protocol):
    """A loaded model. Used from one thread, the model's worker."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is."""
        ...

    def load(self) -> None:
        """Read the model; a second call does nothing.

        Raises:
            ModelError: if the model is missing or damaged.
        """
        ...

    def prepare(self, session: str, messages: Sequence[Message], cancelled: Cancelled = never) -> None:
        """Evaluate ``messages`` ahead, as the beginning of a later ``reply`` of the same session.

        Raises:
            LlmError: if the engine fails.
        """
        ...

    def reply(
        self,
        session: str,
        messages: Sequence[Message],
        options: ReplyOptions | None = None,
        cancelled: Cancelled = never,
    ) -> Iterator[str]:
        """Write the assistant's next message, piece by piece as it comes.

        Only what differs from the session's last prompt is evaluated. ``cancelled`` is asked between prefill batches
        and between tokens; once it is true the iterator ends. The last message must be the user's and not empty.

        Raises:
            LlmError: if the messages are unusable or the engine fails.
        """
        ...

    def hear(self, session: str, words: str, cancelled: Cancelled = never) -> None:
        """Read ahead what is being said, as the beginning of what ``finished`` of the same session is asked later.

        Raises:
            LlmError: if the engine fails.
        """
        ...

    def finished(self, session: str, words: str, cancelled: Cancelled = never) -> float | None:
        """Tell how likely all has been said with ``words``, 0 to 1.

        It is what the model gives to all that ends a sentence or the utterance, as the next token; so the words must
        come without their last punctuation. What was said before in the conversation does not count.

        Returns:
            the probability; ``None`` where the engine cannot tell, or was cancelled.

        Raises:
            LlmError: if there are no words, or the engine fails.
        """
        ...

    def rest(self, session: str) -> None:
        """Note that nothing is expected of ``session`` for a while: what is kept for it may go first."""
        ...

    def forget(self, session: str) -> None:
        """Drop whatever is kept for ``session``; an unknown one is ignored."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
