"""Measures a live conversation from outside: what is said into a microphone, and what a loudspeaker plays.

    python -m tests.live hands-free --count 50
    python -m tests.live own-voice --replies 10
    python -m tests.live barging-in --count 4
    python -m tests.live noise --minutes 10 --stories 6
    python -m tests.live unplugging --times 5
    python -m tests.live idle --seconds 60
    python -m tests.live endurance --minutes 30
    python -m tests.live full
    python -m tests.live quick

Each starts a sound server of its own, with a microphone, a loudspeaker and an echo between them, and a conversation in
a process of its own; nothing else on the machine hears of it. It prints one JSON object on standard output and a table
on standard error. Where the text of a reply does not matter, a scripted model tells a long story; recogniser, voice and
voice activity detector are the real ones.
"""
