"""How long a silence ends the turn."""

import pytest

from hotpin.endpoint import EndpointPolicy, silence_needed

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


@pytest.mark.parametrize("waits", [(0.5, 0.0, 2.0), (0.5, 0.6, 2.0), (0.5, 0.3, 0.4)])
def test_waits_that_are_out_of_order_are_refused(waits: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="in order"):
        EndpointPolicy(*waits)
