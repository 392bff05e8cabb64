"""What is no audio is refused in one clear line, and no file or name can make Hotpin open another."""

import os
import struct
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.files import read
from hotpin.errors import AudioError

from .sounds import KINDS, assert_tone, encode, samples_of, tone, wav

LATIN_1_NAME = "café.wav" if sys.platform == "darwin" else os.fsdecode(b"caf\xe9.wav")
"""A name that is not UTF-8, where the system allows one."""

GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"


def refused(path: Path, raw_rate: int | None = None) -> str:
    """The one line a person is shown."""
    with pytest.raises(AudioError) as caught:
        list(read(path, raw_rate=raw_rate))
    assert caught.value.fix
    assert "\n" not in str(caught.value)
    return str(caught.value)


def video(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packets in (stream.encode(picture), stream.encode(None)):
            container.mux(packets)
    return path


def test_a_file_with_pictures_only_is_said(tmp_path: Path) -> None:
    assert "no audio track" in refused(video(tmp_path / "mute.mp4"))


def test_a_raw_rate_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "speech.raw").write_bytes(b"\0\0")
    assert "0 Hz" in refused(tmp_path / "speech.raw", raw_rate=0)


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.wav").startswith("there is no file '")


def test_a_folder_is_said(tmp_path: Path) -> None:
    assert "is a folder. Name one audio file" in refused(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    assert "not an ordinary file" in refused(tmp_path / "pipe.wav")


def test_a_file_that_may_not_be_read_is_said(locked_folder: Path) -> None:
    assert "may not be read. Allow it: chmod u+r" in refused(locked_folder / "secret.wav")


def test_a_name_that_no_file_can_have_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in refused(tmp_path / ("x" * 300))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.wav", b"", "is empty (0 bytes)"),
        ("empty.raw", b"", "is empty (0 bytes)"),
        ("header.wav", wav(b""), "holds no sound"),
        ("header44.wav", wav(b"", rate=44_100), "holds no sound"),
        ("half.raw", b"\0", "holds no sound"),
        ("half.wav", wav(b"")[:30], "not audio of a known format"),
        ("text.wav", b"This is not a recording at all.\n" * 200, "not audio of a known format"),
        ("text.mp3", b"This is not a recording at all.\n" * 200, "not audio of a known format"),
        ("noise.wav", np.random.default_rng(3).bytes(50_000), "not audio of a known format"),
        ("picture.wav", GIF, "not audio of a known format"),
        ("fast.wav", wav(b"\0" * 100, rate=2_000_000_000), "2000000000 Hz"),
        ("order.wav", b"RIFF\x24\0\0\0WAVEdata\0\0\0\0", "not audio of a known format"),
        ("chunks.wav", b"RIFF\x24\0\0\0WAVEjunk\xff\xff\xff\xff", "not audio of a known format"),
    ],
)
def test_a_file_without_sound_is_one_clear_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    message = refused(tmp_path / name)
    assert said in message


def test_a_sample_format_that_cannot_be_decoded_is_said(tmp_path: Path) -> None:
    path = encode(tmp_path / "s64.wav", "pcm_s64le", 44_100, [tone(44_100)])
    assert "sample format s64" in refused(path)


@pytest.mark.parametrize("codec_tag", [0x1234, 0x0050])
def test_a_codec_that_is_not_known_is_one_clear_line(tmp_path: Path, codec_tag: int) -> None:
    data = bytearray(wav(tone(16_000).tobytes()))
    data[20:22] = struct.pack("<H", codec_tag)
    (tmp_path / "strange.wav").write_bytes(data)
    assert "holds no sound that can be decoded" in refused(tmp_path / "strange.wav")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n"),
        ("list.wav", "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{0}\n#EXT-X-ENDLIST\n"),
        ("list.m3u", "{0}\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile {0}\n"),
        ("list.mpd", '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{0}</BaseURL></MPD>'),
        ("call.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"),
    ],
)
def test_a_list_of_other_files_opens_none_of_them(tmp_path: Path, name: str, content: str) -> None:
    secret = encode(tmp_path / "secret.mp3", "libmp3lame", 44_100, [tone(44_100)])
    (tmp_path / name).write_text(content.format(secret))
    assert "not audio of a known format" in refused(tmp_path / name)


@pytest.mark.parametrize(
    "name",
    ["concat:a.wav|a.wav", "subfile,,start,0,end,200,,:a.wav", "file:a.wav", "http://127.0.0.1:9/a.wav", "pipe:0", "-"],
)
def test_a_name_is_never_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.wav").write_bytes(wav_bytes(tone(44_100), 44_100))
    assert "there is no file" in refused(Path(name))


@pytest.mark.parametrize("name", ["concat:a.wav|b.wav", "line\nbreak.wav", LATIN_1_NAME, "x.m3u8", "%d.png"])
def test_any_name_is_just_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(wav_bytes(tone(44_100), 44_100))
    assert_tone(samples_of(tmp_path / name), 1.0)


def test_a_strange_name_cannot_spoil_the_terminal(tmp_path: Path) -> None:
    message = refused(tmp_path / os.fsdecode(b"caf\xe9\x1b[2J.wav"))
    assert message.isprintable()
    assert message.encode()


@pytest.fixture(scope="module")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("small")
    kinds = [kind for kind in KINDS if kind[0] != "capture.wav"]
    return [
        wav(tone(16_000, 0.1).tobytes()),
        *(encode(folder / name, codec, rate, [tone(rate, 0.1)]).read_bytes() for name, codec, rate in kinds),
    ]


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_broken_in_a_file_it_is_decoded_or_refused(
    tmp_path_factory: pytest.TempPathFactory, small_files: list[bytes], data: st.DataObject
) -> None:
    content = bytearray(data.draw(st.sampled_from(small_files)))
    for at, value in data.draw(st.dictionaries(st.integers(0, 300), st.integers(0, 255), max_size=8)).items():
        content[at] = value
    path = tmp_path_factory.getbasetemp() / "broken.bin"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)))])
    try:
        frames = list(read(path))
    except AudioError:
        return
    assert sum(len(frame.samples) for frame in frames) > 0
