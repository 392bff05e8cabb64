"""What single widgets show."""

import pytest
from textual.app import App, ComposeResult

from hotpin.timing import Timing
from hotpin.tui.widgets.level import LevelMeter
from hotpin.tui.widgets.transcript import MAX_ENTRIES, Transcript
from hotpin.tui.widgets.waterfall import Row, Waterfall, rows

SPOKEN = Timing(10.0, 10.2, 10.4, 10.5, 10.6, 10.7, 10.75)


class Shelf(App[None]):
    """One of each, with nothing behind them."""

    def compose(self) -> ComposeResult:
        yield Transcript(id="transcript")
        yield Waterfall()
        yield LevelMeter(id="level")


def test_a_spoken_turn_has_every_stage_and_a_typed_one_begins_with_the_first_token() -> None:
    assert [row.name for row in rows(SPOKEN)] == ["end of turn", "words", "first token", "first clause", "playing"]
    typed = Timing(llm_first_token=0.2, tts_first_audio=0.3, first_audio=0.31)
    assert rows(typed)[0] == Row("first token", 0.0, 0.2)
    assert rows(Timing()) == []


@pytest.mark.asyncio
async def test_the_stages_lie_on_one_time_line_under_the_total_in_ms() -> None:
    shelf = Shelf()
    async with shelf.run_test():
        waterfall = shelf.query_one(Waterfall)
        waterfall.show_turn(SPOKEN, 0.0)
        total, end_of_turn, *_, playing = str(waterfall.render()).splitlines()
        assert total == "voice to voice 750 ms"
        assert end_of_turn.endswith("400 ms")
        assert playing.index("█") > end_of_turn.rindex("█")


@pytest.mark.asyncio
async def test_a_turn_taken_back_and_said_anew_is_shown_once() -> None:
    shelf = Shelf()
    async with shelf.run_test() as pilot:
        transcript = shelf.query_one(Transcript)
        transcript.hear(1, "I would like")
        transcript.add_reply(1, "What")
        transcript.hear(1, "I would like tea")
        transcript.end_reply(1, "Here it is.")
        await pilot.pause()
        assert [str(entry.render()) for entry in transcript.children] == [
            "You: I would like tea",
            "Hotpin: Here it is.",
        ]


@pytest.mark.asyncio
async def test_what_comes_of_a_reply_after_its_interruption_is_not_shown_and_the_unheard_part_is_dim() -> None:
    shelf = Shelf()
    async with shelf.run_test() as pilot:
        transcript = shelf.query_one(Transcript)
        transcript.hear(1, "hello")
        transcript.add_reply(1, "One two three ")
        transcript.interrupt(1, "One two")
        transcript.add_reply(1, "four")
        await pilot.pause()
        reply = transcript.children[1].render()
        assert str(reply) == "Hotpin: One two three (interrupted)"


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_long_conversation_keeps_its_newest_entries() -> None:
    shelf = Shelf()
    async with shelf.run_test() as pilot:
        transcript = shelf.query_one(Transcript)
        for turn in range(MAX_ENTRIES):
            transcript.hear(turn, f"question {turn}")
            transcript.end_reply(turn, "Yes.")
        await pilot.pause()
        assert len(transcript.children) == MAX_ENTRIES
        assert str(transcript.children[-2].render()) == f"You: question {MAX_ENTRIES - 1}"


@pytest.mark.asyncio
async def test_terminal_commands_in_what_was_said_are_not_drawn() -> None:
    shelf = Shelf()
    async with shelf.run_test() as pilot:
        transcript = shelf.query_one(Transcript)
        transcript.hear(1, "[b]bold\x1b[2J")
        await pilot.pause()
        assert str(transcript.children[0].render()) == "You: [b]bold[2J"


@pytest.mark.asyncio
async def test_the_level_meter_shows_whether_the_threshold_is_passed() -> None:
    shelf = Shelf()
    async with shelf.run_test():
        meter = shelf.query_one(LevelMeter)
        meter.show_level(-30.0, 0.4)
        assert str(meter.render()) == f"level {'█' * 10}{'·' * 10}  speech {'█' * 8}··│{'·' * 9} no"
        meter.show_level(3.0, 1.0)
        assert str(meter.render()) == f"level {'█' * 20}  speech {'█' * 10}│{'█' * 9} yes"
        meter.gaps = 3
        meter.show_level(3.0, 1.0)
        assert str(meter.render()).endswith(" yes  sound lost 3 times")
