"""How long a silence ends the turn."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotpin.endpoint import Ending, EndpointPolicy, Evidence, finished, silence_needed, without_end

FALLS = Ending(level=-12.0, voicing=0.2)
STAYS_UP = Ending(level=-1.0, voicing=0.9)

POLICY = EndpointPolicy(unknown=0.5, finished=0.3, unfinished=2.0)


@pytest.mark.parametrize(
    ("words", "wait"),
    [
        ("", 0.5),
        ("   ", 0.5),
        ("What time is it?", 0.3),
        ("Turn on the lamp.", 0.3),
        ("Stop!", 0.3),
        ('He said "go."', 0.3),
        ("何時ですか？", 0.3),
        ("turn on the lamp", 0.5),
        ("and then I, um", 2.0),
        ("Um.", 2.0),
        ("I would like,", 2.0),
        ("well...", 2.0),
        ("so it was like…", 2.0),
        ("the reason is -", 2.0),
        ("turn on the", 2.0),
        ("because", 2.0),
        ("What's", 2.0),
    ],
)
def test_words_decide_how_long_a_silence_ends_the_turn(words: str, wait: float) -> None:
    assert silence_needed(words, POLICY) == wait


@pytest.mark.parametrize(
    "waits",
    [(0.5, 0.0, 0.5, 2.0), (0.5, 0.6, 0.7, 2.0), (0.5, 0.3, 0.5, 0.4), (0.5, 0.3, 0.2, 2.0), (0.5, 0.3, 2.1, 2.0)],
)
def test_waits_that_are_out_of_order_are_refused(waits: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="in order"):
        EndpointPolicy(*waits)


# --- by all that is known ---

QUESTION = Evidence("What time is it?", -0.2, 0.97, 0.8, FALLS, 0.95)


def test_a_finished_question_is_likelier_the_end_than_an_unfinished_one() -> None:
    cut = Evidence("What time is...", -0.6, 0.1, 0.01, STAYS_UP, 0.05)
    assert finished(QUESTION) > 0.9
    assert finished(cut) < 0.05


@pytest.mark.parametrize(
    "less",
    [
        replace(QUESTION, complete=0.01),
        replace(QUESTION, sound=0.02),
        replace(QUESTION, ending=STAYS_UP),
        replace(QUESTION, confidence=-1.2),
        replace(QUESTION, full_stop=0.5),
    ],
    ids=["sentence", "sound", "ending", "confidence", "full stop"],
)
def test_each_piece_of_evidence_counts(less: Evidence) -> None:
    assert finished(less) < finished(QUESTION) - 0.005


@pytest.mark.parametrize(
    "less",
    [
        replace(QUESTION, complete=None),
        replace(QUESTION, sound=None),
        replace(QUESTION, ending=None),
        replace(QUESTION, confidence=None),
        replace(QUESTION, full_stop=None),
    ],
    ids=["sentence", "sound", "ending", "confidence", "full stop"],
)
def test_what_nobody_can_tell_does_not_decide(less: Evidence) -> None:
    assert finished(less) > 0.6


def test_a_recogniser_without_punctuation_is_not_taken_for_unfinished() -> None:
    plain = finished(Evidence("what time is it", complete=0.8, ending=FALLS))
    assert abs(plain - finished(Evidence("What time is it?", -0.5, 0.9, 0.8, FALLS))) < 0.15


def test_where_the_recogniser_does_not_tell_of_the_full_stop_it_counts_whether_one_is_written() -> None:
    likely = [finished(replace(QUESTION, words=words, full_stop=None)) for words in ("What, time is it,", "What time?")]
    assert likely[0] < likely[1] - 0.005


@given(
    st.builds(
        Evidence,
        words=st.text(max_size=40),
        confidence=st.none() | st.floats(-50.0, 0.0),
        full_stop=st.none() | st.floats(0.0, 1.0),
        complete=st.none() | st.floats(0.0, 1.0),
        ending=st.none() | st.builds(Ending, *[st.floats(-1e3, 1e3)] * 2),
        sound=st.none() | st.floats(0.0, 1.0),
    )
)
def test_it_is_a_probability_whatever_the_evidence(evidence: Evidence) -> None:
    assert 0.0 <= finished(evidence) <= 1.0


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_surer_the_end_the_shorter_the_wait(one: float, other: float) -> None:
    policy = EndpointPolicy()
    surer, less_sure = max(one, other), min(one, other)
    assert silence_needed("what time is it", policy, surer) <= silence_needed("what time is it", policy, less_sure)
    assert policy.finished <= silence_needed("what time is it", policy, one) <= policy.unfinished


@pytest.mark.parametrize(("likely", "wait"), [(0.05, 2.0), (0.4, 2.0), (0.6, 0.7), (0.9, 0.3), (1.0, 0.3)])
def test_there_is_one_wait_for_the_unfinished_one_for_the_doubtful_and_one_for_the_finished(
    likely: float, wait: float
) -> None:
    policy = EndpointPolicy(unknown=0.5, finished=0.3, doubtful=0.7, unfinished=2.0)
    assert silence_needed("what time is it", policy, likely) == wait


def test_a_hesitation_waits_however_sure_the_rest_is() -> None:
    assert silence_needed("and then I, um", EndpointPolicy(), 0.99) == EndpointPolicy().unfinished


@pytest.mark.parametrize(
    ("words", "plain"),
    [("What time is it?", "What time is it"), ("well...", "well"), ('He said "no."', 'He said "no'), ("?!", "")],
)
def test_the_recognisers_punctuation_at_the_end_is_left_out(words: str, plain: str) -> None:
    assert without_end(words) == plain
