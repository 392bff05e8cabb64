"""A conversation over a socket, from end to end: the quick one of these tests."""

from tests.server.clients import PlainClient, tone, wav_samples
from tests.server.conftest import Server

REPLY_SAMPLES = 24_000  # two clauses of the fake voice


def test_every_end_of_speech_gets_one_whole_wav(server: Server) -> None:
    client = PlainClient(server.ws)
    for _ in range(5):
        assert wav_samples(client.ask(tone(1.0))) == REPLY_SAMPLES
    history = server.llm.prompts[-1]
    assert [message.role for message in history] == ["system", *["user", "assistant"] * 4, "user"]
    assert history[2].content == server.llm.text
