"""What a person sees of a benchmark: the terminal's lines, the page, the advice."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from hotpin.bench import summary
from hotpin.bench.advice import advised
from hotpin.bench.page import page
from hotpin.bench.report import Report, paired
from hotpin.bench.timeline import waterfall
from hotpin.settings import Settings
from hotpin.speculation import Ahead
from tests.conftest import choosing

from .measured import AHEAD, CUT_OFF, FAILED, SILENT, TIMING, paused, report, turn, unfinished

SLOW_WORDS = replace(TIMING, stt_final=5.0, llm_first_token=5.1, tts_first_audio=5.2, first_audio=5.3)
GAPPY = replace(turn(), result=replace(turn().result, gaps=(0.4,)))

# --- the waterfall ---


def test_stages_follow_one_another_up_to_the_first_sound() -> None:
    _, row, _ = waterfall([turn()], 80)
    name, bar, total = row[:10].strip(), row[10:-9], row[-9:].strip()
    assert (name, total) == ("01", "1.00 s")
    assert re.fullmatch(r"·+\|w+t+c+p+♪ *", bar)
    assert bar.count("w") > bar.count("t")


def test_work_done_in_the_wait_is_drawn_where_it_was_done() -> None:
    bar = waterfall([turn(AHEAD)], 100)[1][10:-9]
    assert re.fullmatch(r"·+w+t+c+·+\|p*♪ *", bar)


def test_no_row_is_wider_than_the_terminal() -> None:
    late = turn(replace(TIMING, first_audio=60.0))
    rows = waterfall([*[turn()] * 60, late, CUT_OFF, FAILED], 72)
    assert max(map(len, rows[:-1])) <= 72
    assert "›" in rows[61]
    assert "cut off" in rows[62]
    assert "not answered" in rows[63]


def test_turns_that_all_failed_can_be_drawn() -> None:
    assert "not answered" in waterfall([FAILED, SILENT], 10)[1]


# --- the terminal ---


def shown(given: Report) -> str:
    return "\n".join(summary.lines({"as they are": given}, None, 100))


def test_a_person_reads_where_the_time_goes() -> None:
    text = shown(report(turn(SLOW_WORDS)))
    assert re.search(r"voice to voice +4\.30 s +4\.30 s", text)
    assert "People wait longest for: words" in text
    assert "1 turns, 0 not answered" in text
    assert "unspeculated" not in text
    assert "Ran ahead" not in text


def test_a_person_reads_what_running_ahead_gained() -> None:
    given = report(turn(AHEAD), unfinished(turn()), sample=[turn()], speculates=True, ahead=Ahead(4, 3, 1.25))
    text = shown(given)
    assert re.search(r"unspeculated +0\.70 s", text)
    assert re.search(r"unfinished endings +1\.00 s", text)
    assert "Ran ahead in 4 pauses, 3 of them the end of a turn (75%); 1.2 s" in text


def test_a_report_without_any_answer_can_be_read() -> None:
    text = shown(report(SILENT))
    assert "1 not answered" in text
    assert "Nothing was answered" in text


def test_two_choices_are_set_against_each_other() -> None:
    base, changed = report(*[turn()] * 6), report(*[turn(replace(TIMING, first_audio=1.8))] * 6)
    reports = {"the settings as they are": base, "llm.threads=1": changed}
    text = "\n".join(summary.lines(reports, paired(base, changed), 100))
    assert re.search(r"voice to voice +0\.80 +-0\.200 s +-0\.200 … -0\.200 s +6 of 6", text)
    assert text.endswith("Voice to voice: quicker")
    given = summary.as_dict(reports, paired(base, changed))
    assert given["voice_to_voice"] == base.as_dict()["voice_to_voice"]
    other = given["vs"]
    assert isinstance(other, dict)
    assert other["setting"] == "llm.threads=1"
    assert other["paired"]["voice to voice"]["ratio"] == 0.8
    assert other["voice_to_voice"] == changed.as_dict()["voice_to_voice"]


# --- the page ---


class Page(HTMLParser):
    """Collects what matters of a page, and that every element that is opened is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def everything() -> str:
    base = report(turn(), turn(AHEAD), paused(turn()), paused(CUT_OFF), unfinished(turn()), SILENT, advice=["Hurry"])
    return page({"as they are": base, "a.b=<c>": base}, paired(base, base))


def test_the_page_is_whole_and_asks_nobody_for_anything() -> None:
    text = everything()
    found = Page(text)
    assert found.open == []
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.tags}
    assert not re.search(r"https?:|//|@import|url\(", text)
    assert "default-src 'none'" in text


def test_the_page_is_for_everybody() -> None:
    text = everything()
    found = Page(text)
    assert ("html", {"lang": "en"}) in found.tags
    assert "prefers-color-scheme: dark" in text
    charts = [attributes for tag, attributes in found.tags if tag == "svg"]
    assert len(charts) == 6
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
    tables = [tag for tag, _ in found.tags if tag == "table"]
    assert len(tables) == len([tag for tag, _ in found.tags if tag == "caption"]) == 7


def test_the_page_shows_the_turns_the_pauses_and_the_slow_stage() -> None:
    text = everything()
    assert "People wait longest for: <b>end of turn</b>" in text
    assert "<li>Hurry</li>" in text
    assert "Pauses in 2 utterances; in 1 a reply was heard before the person had finished" in text
    assert "(unfinished)" in text
    assert "2 turns are not drawn" in text


def test_what_was_said_cannot_break_the_page() -> None:
    evil = turn(text='<script>alert("x")</script>', heard="<b>&</b>")
    text = page({"as they are": report(evil)})
    assert Page(text).open == []
    assert "<script" not in text
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in text


def test_a_page_without_any_answer_can_be_read() -> None:
    assert "No turn was answered" in page({"as they are": report(SILENT)})


# --- advice ---


def advice(given: Report, settings: Settings) -> str:
    return "\n".join(advised(given, settings).advice)


def test_slow_words_name_other_recognisers(settings: Settings) -> None:
    text = advice(report(turn(SLOW_WORDS)), settings)
    assert "hotpin bench --vs stt.engine=vosk" in text
    assert "hotpin models pull whisper-tiny" in text
    assert "whisper-small" not in text


def test_an_engine_that_has_another_model_set_is_told_with_its_model(settings: Settings) -> None:
    text = advice(report(turn(SLOW_WORDS)), choosing(settings, "stt", model="whisper-base"))
    assert "stt.engine=vosk and stt.model=vosk-small-en-us" in text


def test_recognisers_of_another_language_are_not_advised(settings: Settings) -> None:
    text = advice(report(turn(SLOW_WORDS)), choosing(settings, "stt", language="fr"))
    assert "vosk" not in text


def test_threads_that_do_not_fit_the_machine_are_named(settings: Settings) -> None:
    assert "--vs stt.threads=0" in advice(report(turn(SLOW_WORDS)), choosing(settings, "stt", threads=64))


def test_a_slow_voice_names_a_quicker_one(settings: Settings) -> None:
    slow = replace(TIMING, tts_first_audio=5.0, first_audio=5.1)
    text = advice(report(turn(slow)), choosing(settings, "tts", engine="kokoro"))
    assert "tts.engine=hibari" in text
    assert "hotpin models pull hibari" not in text


def test_a_slow_model_names_smaller_ones(settings: Settings) -> None:
    slow = replace(TIMING, llm_first_token=5.0, tts_first_audio=5.1, first_audio=5.2)
    text = advice(report(turn(slow)), choosing(settings, "llm", model="smollm2-1.7b-instruct"))
    assert "llm.model=smollm2-360m-instruct" in text
    assert "mistral" not in text
    smallest = advice(report(turn(slow)), settings)
    assert "No quicker llm model is known for 'en'" in smallest


def test_a_long_wait_names_the_setting_that_decides_it(settings: Settings) -> None:
    assert "--vs turn.finished_wait_seconds=0.2" in advice(report(turn()), settings)
    late = turn(replace(TIMING, endpoint=1.55))
    assert "--vs turn.wait_seconds=0.33" in advice(report(late), settings)
    ahead = advice(report(late, speculates=True), settings)
    assert "stt.engine=vosk" in ahead
    assert "turn.wait_seconds" not in ahead
    in_doubt = turn(replace(TIMING, stt_final=1.25, endpoint=1.85, first_audio=1.9))
    assert "--vs turn.doubtful_wait_seconds=0.57" in advice(report(in_doubt, speculates=True), settings)


def test_late_playing_is_blamed_on_the_machine(settings: Settings) -> None:
    assert "other programs" in advice(report(turn(replace(TIMING, first_audio=5.0))), settings)


def test_cut_offs_and_gaps_have_their_remedies(settings: Settings) -> None:
    text = advice(report(turn(), CUT_OFF, GAPPY), choosing(settings, "tts", engine="kokoro"))
    assert "1 of 3 replies were heard before the person had finished" in text
    assert "--vs turn.wait_seconds=0.75" in text
    assert "3 gaps, the longest 0.4 s" in text


def test_without_an_answer_there_is_nothing_to_advise(settings: Settings) -> None:
    assert advised(report(), settings).advice == ()


@pytest.mark.parametrize("stage", ["end of turn", "words", "first token", "first clause", "playing"])
def test_every_advice_is_a_setting_that_there_is(settings: Settings, stage: str) -> None:
    from hotpin.setting_layers import setting_names

    moments = ["speech_end", "endpoint", "stt_final", "llm_first_token", "tts_first_audio", "first_audio"]
    names = ["end of turn", "words", "first token", "first clause", "playing"]
    at, timing = 1.0, replace(TIMING)
    for name, moment in zip(names, moments[1:], strict=True):
        at += 5.0 if name == stage else 0.1
        timing = replace(timing, **{moment: at})
    given = report(turn(timing))
    assert given.slow_stage == stage
    text = advice(given, settings)
    assert text
    assert set(re.findall(r"--vs ([a-z_.]+)=", text)) <= set(setting_names())
