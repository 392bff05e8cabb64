"""What each command means to a conversation."""

from time import monotonic
from typing import Any

from hotpin.control.protocol import Command, ControlError, Request, done
from hotpin.conversation import Conversation
from hotpin.events import Failed, TurnDone

SPEECH_SECONDS = 600.0
"""s that a text may take to be heard by those who wait for it."""


def carry_out(request: Request, conversation: Conversation) -> dict[str, Any]:
    """Carry out a command that is about the conversation, and answer it; from any thread.

    Raises:
        HotpinError: if it cannot be carried out.
    """
    match request.command:
        case Command.SAY if request.wait:
            return done(heard=_say_and_wait(conversation, request.text))
        case Command.SAY:
            conversation.say(request.text)
        case Command.MUTE:
            conversation.mute()
        case Command.UNMUTE:
            conversation.unmute()
        case Command.LISTEN:
            conversation.listen()
        case Command.INTERRUPT:
            conversation.interrupt()
        case other:
            raise ControlError(f"{other} is not about a conversation")
    return done()


def _say_and_wait(conversation: Conversation, text: str) -> bool:
    """Have a text spoken; return whether it was heard to its end."""
    deadline = monotonic() + SPEECH_SECONDS
    with conversation.bus.subscribe() as events:
        conversation.say(text)
        while (left := deadline - monotonic()) > 0:
            event = events.get(left)
            # A reply that it interrupts is over first. Interrupted itself before its turn came, it has no words.
            if isinstance(event, TurnDone) and not event.heard and event.reply.split() in ([], text.split()):
                return bool(event.reply) and event.spoken == event.reply
            if isinstance(event, Failed) and event.stage in ("tts", "audio"):
                raise ControlError("it could not be spoken", "See the daemon's log")
    raise ControlError("it was not spoken in time")
