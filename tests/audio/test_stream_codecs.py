"""What browsers stream is decoded as it arrives, however it is cut; bombs and damage are bounded."""

import struct
import threading
import time
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpin.audio.codecs import Mp3Encoder, wav_bytes
from hotpin.audio.demux.opus import MARK as OPUS_MARK
from hotpin.audio.frame import CAPTURE_RATE, FRAME_SAMPLES, Samples
from hotpin.audio.stream_codecs import StreamDecoder
from hotpin.audio.stream_recording import Limits, TooMuchAudioError
from hotpin.errors import AudioError

from .sounds import AMPLITUDE, level, tone, wav
from .streams import STREAMS, decoded, joined, pieces, stream

SECONDS = 1.0
"""Of the recordings."""

CODEC_LOSS = 0.1
"""Of the level: AAC and MP3 turn everything down a little."""

LATEST = 0.1
"""s that sound may be held back."""

SILENT_OPUS = b"\x78\x00"
"""A packet of 20 ms."""

OPUS_HEAD = struct.pack("<8sBBHIhB", OPUS_MARK, 1, 1, 312, 48_000, 0, 0)


@cache
def recording(kind: str, channels: int = 1, seconds: float = SECONDS) -> bytes:
    return stream(kind, tone(STREAMS[kind][2], seconds), channels=channels)


def assert_the_tone(samples: Samples, seconds: float = SECONDS) -> None:
    hertz = np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) * CAPTURE_RATE / len(samples)
    assert hertz == pytest.approx(440, rel=0.05)
    assert level(samples) * np.sqrt(2) == pytest.approx(AMPLITUDE, rel=CODEC_LOSS)
    # Headers take up to a tenth of a file as short as these, encoders begin with silence.
    assert len(samples) / CAPTURE_RATE == pytest.approx(seconds, abs=0.15)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", STREAMS)
def test_every_format_is_recognised_and_decoded(kind: str, channels: int) -> None:
    assert_the_tone(decoded(recording(kind, channels)))


@pytest.mark.parametrize("kind", STREAMS)
def test_frames_are_whole_and_follow_each_other(kind: str) -> None:
    decoder = StreamDecoder()
    frames = [frame for piece in pieces(recording(kind), 1_000) for frame in decoder.feed(piece)]
    assert all(len(frame.samples) == FRAME_SAMPLES and frame.rate == CAPTURE_RATE for frame in frames)
    frames += decoder.finish()
    assert [frame.start for frame in frames] == pytest.approx([0.02 * n for n in range(len(frames))])


@settings(max_examples=5, deadline=None)
@given(st.sampled_from(sorted(STREAMS)), st.data())
def test_cuts_anywhere_change_nothing(kind: str, data: st.DataObject) -> None:
    whole = recording(kind)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=40)))
    decoder = StreamDecoder()
    ends = [0, *cuts, len(whole)]
    frames = [frame for i in range(len(ends) - 1) for frame in decoder.feed(whole[ends[i] : ends[i + 1]])]
    again = joined(frames + decoder.finish())
    assert np.array_equal(again, decoded(whole))


@pytest.mark.parametrize("kind", ["WebM", "Ogg", "MP4 AAC", "MP3"])
def test_byte_by_byte_it_is_the_same(kind: str) -> None:
    data = recording(kind, seconds=0.5)
    assert np.array_equal(decoded(data, 1), decoded(data))


@pytest.mark.parametrize("kind", ["WebM", "MP3", "WAV"])
def test_sound_comes_out_at_most_a_tenth_of_a_second_after_it_came_in(kind: str) -> None:
    data = recording(kind)
    decoder = StreamDecoder()
    heard = 0.0
    for number, piece in enumerate(pieces(data, size := len(data) // 20), start=1):
        heard += sum(frame.seconds for frame in decoder.feed(piece))
        # Headers and the encoder's own delay stand before the sound.
        assert heard >= SECONDS * number * size / len(data) - LATEST - 0.1


@pytest.mark.parametrize("kind", ["WebM", "Ogg", "MP4 AAC", "MP3"])
def test_a_recording_goes_on_after_the_end_of_an_utterance(kind: str) -> None:
    data = recording(kind)
    decoder = StreamDecoder()
    first = decoder.feed(data[: len(data) // 2]) + decoder.finish()
    second = decoder.feed(data[len(data) // 2 :]) + decoder.finish()
    assert_the_tone(joined(first), SECONDS / 2)
    assert_the_tone(joined(second), SECONDS / 2)


@pytest.mark.parametrize("after", [kind for kind in STREAMS if not kind.startswith("MP3")])
@pytest.mark.parametrize("before", ["WebM", "MP4 AAC", "WAV"])
def test_a_header_begins_a_new_recording_even_if_the_last_one_was_cut_short(before: str, after: str) -> None:
    """All but an MP3: nothing but the bytes before tells its frames from other sound."""
    decoder = StreamDecoder()
    first = recording(before, seconds=0.5)
    decoder.feed(first[: len(first) * 4 // 5 - 3])
    decoder.finish()
    assert_the_tone(joined(decoder.feed(recording(after)) + decoder.finish()))


def test_recordings_joined_without_a_cut_between_them_are_told_apart() -> None:
    for kind in ("WebM", "Ogg", "MP4 AAC", "WAV"):
        assert_the_tone(decoded(recording(kind) + recording(kind)), 2 * SECONDS)


def test_a_wav_that_does_not_know_its_length_is_all_sound() -> None:
    data = tone(CAPTURE_RATE).tobytes()
    for size in (0, 2**32 - 1):
        assert len(decoded(wav(data, size=size))) == pytest.approx(CAPTURE_RATE, abs=160)


def test_a_wav_passes_through_without_a_change() -> None:
    samples = tone(CAPTURE_RATE)
    assert np.array_equal(decoded(wav_bytes(samples, CAPTURE_RATE)), samples)


def test_a_tag_before_an_mp3_is_passed_over() -> None:
    tag = b"ID3\4\0\0" + bytes([0, 0, 100 >> 7, 100 & 0x7F]) + b"\xff\xfb\x90\x64" * 25
    assert_the_tone(decoded(tag + recording("MP3"), 7))


def test_an_mp3_of_one_encoder_plays_to_its_end() -> None:
    encoder = Mp3Encoder(24_000)
    samples = tone(24_000, SECONDS)
    data = b"".join(encoder.push(piece) for piece in np.split(samples, 50)) + encoder.flush()
    assert_the_tone(decoded(data))


def test_the_mp3_encoder_holds_back_less_than_a_tenth_of_a_second() -> None:
    for rate in (16_000, 22_050, 24_000):
        encoder, decoder, heard = Mp3Encoder(rate), StreamDecoder(), 0.0
        for number, piece in enumerate(np.array_split(tone(rate, SECONDS), 50), start=1):
            data = encoder.push(piece)
            heard += sum(frame.seconds for frame in decoder.feed(data))
            assert heard >= 0.02 * number - 0.1 - 0.02  # the last: what the frames of the decoder wait for


@pytest.mark.parametrize(
    "data",
    [
        b"GIF89a" + bytes(100),
        b"<!doctype html><html></html>",
        b'{"type": "audio_chunk"}',
        b"\0" * 100,
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1",
        b"RIFF\0\0\0\0AVI LIST",
        b"fLaC\0\0\0\x22" + bytes(100),
    ],
)
def test_what_is_no_audio_is_said_at_once(data: bytes) -> None:
    decoder = StreamDecoder()
    for _ in range(2):
        with pytest.raises(AudioError, match="cannot begin with the bytes") as caught:
            decoder.feed(data)
        assert caught.value.fix
    assert decoder.finish() == []
    assert_the_tone(joined(decoder.feed(recording("WebM")) + decoder.finish()))


def test_a_few_bytes_wait_for_more_and_are_said_at_the_end() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(b"\x1a\x45") == []
    with pytest.raises(AudioError, match="before its first sound"):
        decoder.finish()
    assert decoder.finish() == []


def test_nothing_gives_nothing() -> None:
    decoder = StreamDecoder()
    assert decoder.feed(b"") == []
    assert decoder.finish() == []


def test_a_header_alone_is_silence() -> None:
    decoder = StreamDecoder()
    data = recording("WebM")
    assert decoder.feed(data[: data.index(b"\x1f\x43\xb6\x75")]) == []
    assert decoder.finish() == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("WebM", b"A_OPUS", b"A_FLAC", "no plain Opus track, it has 'A_FLAC'"),
        ("Ogg", b"OpusHead", b"Speex   ", "is not Opus, it begins with b'Speex"),
        ("MP4 AAC", b"mp4a", b"alac", "no AAC or Opus track, it has 'alac'"),
        ("MP4 AAC", b"moov", b"free", "not fragmented"),
        ("WAV", b"fmt \x10\0\0\0\1\0", b"fmt \x10\0\0\0\x11\0", "format 17 with 16 bits"),
    ],
)
def test_a_codec_that_is_not_known_is_named(kind: str, old: bytes, new: bytes, said: str) -> None:
    data = recording(kind).replace(old, new)
    with pytest.raises(AudioError, match=said):
        StreamDecoder().feed(data)


def test_what_was_heard_before_the_damage_comes_with_the_next_call() -> None:
    data = recording("WebM")
    cluster = b"\x1f\x43\xb6\x75"
    at = data.index(cluster, data.index(cluster) + 1)
    decoder = StreamDecoder()
    with pytest.raises(AudioError, match="the WebM recording is damaged"):
        decoder.feed(data[:at] + b"\0" * 10 + data[at:])
    assert_the_tone(joined(decoder.finish()))


def test_damaged_packets_cost_themselves_alone() -> None:
    data = bytearray(recording("Ogg"))
    for at in range(len(data) // 3, len(data) // 3 + 200):
        data[at] ^= 0x55
    samples = decoded(bytes(data))
    assert len(samples) / CAPTURE_RATE == pytest.approx(SECONDS, abs=0.4)


@pytest.mark.parametrize("kind", STREAMS)
def test_a_recording_cut_short_gives_what_there_is(kind: str) -> None:
    data = recording(kind)
    assert_the_tone(decoded(data[: len(data) // 2]), SECONDS / 2)


def ogg_page(packets: list[bytes], flags: int = 0) -> bytes:
    return (
        struct.pack("<4sBBqIIIB", b"OggS", 0, flags, 0, 1, 0, 0, len(packets))
        + bytes(map(len, packets))
        + b"".join(packets)
    )


def test_many_long_packets_in_few_bytes_are_refused() -> None:
    """Opus says 60 ms in two bytes: a megabyte could hold hours."""
    minute = ogg_page([b"\x18\0"] * 255)
    bomb = ogg_page([OPUS_HEAD], 2) + minute * 400
    decoder = StreamDecoder(Limits(bytes_per_second=1))
    begun = time.monotonic()
    with pytest.raises(TooMuchAudioError):
        decoder.feed(bomb)
    assert time.monotonic() - begun < 5
    assert sum(frame.seconds for frame in decoder.finish()) <= 61
    assert_the_tone(joined(decoder.feed(recording("Ogg")) + decoder.finish()))


def test_less_than_a_hundred_bytes_a_second_are_refused() -> None:
    """However many recordings they are divided among."""
    decoder = StreamDecoder()
    dense = ogg_page([OPUS_HEAD], 2) + ogg_page([b"\x18\0"] * 100)
    frames = decoder.feed(dense) + decoder.feed(dense)
    assert sum(frame.seconds for frame in frames) > 10
    with pytest.raises(TooMuchAudioError):
        decoder.feed(dense)


def test_a_recording_without_end_is_ended() -> None:
    decoder = StreamDecoder(Limits(recording_seconds=1.0))
    with pytest.raises(TooMuchAudioError):
        decoder.feed(recording("WAV"))


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param(recording("WebM")[:60] * 5_000, id="headers"),
        pytest.param(ogg_page([OPUS_HEAD], 2) * 20_000, id="tracks"),
        pytest.param(b"\xff\xfb\x10\x64" + bytes(100), id="silence"),
        pytest.param(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 500_000, id="chunks"),
        pytest.param(b"\0\0\0\x08ftyp" + b"\0\0\0\x08free" * 500_000, id="boxes"),
        pytest.param(recording("MP3")[:2_000] + b"\xff" * 2_000_000, id="beginnings of frames"),
        pytest.param(recording("Ogg")[:2_000] + b"OggS" * 500_000, id="beginnings of pages"),
        pytest.param(recording("WebM")[:2_000] + b"\xec\x80" * 1_000_000, id="empty elements"),
        pytest.param(b"\0\0\0\x08ftyp" + b"\xff\xff\xff\xfffree", id="a huge box"),
        pytest.param(b"\x1a\x45\xdf\xa3\x01\xff\xff\xff\xff\xff\xff\xfe", id="a huge element"),
        pytest.param(b"\x1a\x45\xdf\xa3\x80" + b"\x18\x53\x80\x67\x81" * 500_000, id="segments in segments"),
    ],
)
def test_headers_without_end_take_little_time_and_memory(endless: bytes) -> None:
    decoder = StreamDecoder()
    begun = time.monotonic()
    for piece in pieces(endless, 2**22):
        try:
            assert len(decoder.feed(piece)) <= 50 * 61
        except AudioError:
            break
    assert time.monotonic() - begun < 2


def test_a_fragment_that_claims_millions_of_samples_is_refused() -> None:
    data = bytearray(recording("MP4 AAC"))
    at = data.index(b"trun") + 8
    data[at : at + 4] = b"\x7f\xff\xff\xff"
    with pytest.raises(AudioError, match="claims 2147483647 samples"):
        StreamDecoder().feed(bytes(data))


def test_a_silent_talker_has_no_thread() -> None:
    before = threading.active_count()
    decoders = [StreamDecoder() for _ in range(20)]
    for decoder in decoders:
        decoder.feed(recording("WebM"))
    assert threading.active_count() == before


def test_after_close_a_header_is_needed() -> None:
    decoder = StreamDecoder()
    decoder.feed(recording("WebM")[:2_000])
    decoder.close()
    with pytest.raises(AudioError):
        decoder.feed(recording("WebM")[2_000:])


@pytest.mark.slow
@pytest.mark.parametrize("kind", STREAMS)
def test_damage_of_any_kind_ends_in_sound_or_an_error_within_bounded_time(kind: str) -> None:
    whole = recording(kind)
    rng = np.random.default_rng(sum(kind.encode()))
    longest = 0.0
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(rng.integers(1, 12)):
            at = int(rng.integers(0, len(data) if rng.random() < 0.5 else min(600, len(data))))
            match rng.integers(4):
                case 0:
                    data[at] = rng.integers(256)
                case 1:
                    del data[at : at + int(rng.integers(1, 300))]
                case 2:
                    data[at:at] = rng.bytes(int(rng.integers(1, 300)))
                case _:
                    data[at : at + 8] = bytes([255]) * 8
        decoder = StreamDecoder()
        begun = time.monotonic()
        seconds = 0.0
        for piece in [*pieces(bytes(data), 3_000), None]:
            try:
                frames = decoder.finish() if piece is None else decoder.feed(piece)
            except AudioError:
                continue
            seconds += sum(frame.seconds for frame in frames)
        longest = max(longest, time.monotonic() - begun)
        assert seconds < 20
    assert longest < 5
    assert_the_tone(decoded(whole))
