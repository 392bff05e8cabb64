"""A stored session as the history that a conversation goes on with."""

from hotpin.history import History, Turn
from hotpin.sessions.base import Session


def earlier_turns(session: Session | None) -> list[Turn]:
    """Give the turns of ``session`` as the model is told of them: of each reply what was heard.

    A turn of which nothing was understood is left out: it has no question.
    """
    stored = session.turns if session else ()
    return [Turn(turn.heard.strip(), turn.spoken.strip()) for turn in stored if turn.heard.strip()]


def restored(session: Session | None, prompt: str, max_turns: int = 10, keep_turns: int = 6) -> History:
    """Make the history that a conversation in ``session`` begins with; an empty one if there is no session.

    It has no more turns than a trim leaves: its first evaluation is short, and no trim follows at once.

    Args:
        session: with its last turns, the oldest first.
        prompt: the system prompt.
        max_turns: question-and-answer pairs that go to the model at most.
        keep_turns: pairs that are left when the history is trimmed.

    Raises:
        ValueError: if ``max_turns`` or ``keep_turns`` is out of range.
    """
    history = History(prompt, max_turns, keep_turns)
    for turn in earlier_turns(session)[-keep_turns:]:
        history.add(turn.heard, turn.reply)
    return history
