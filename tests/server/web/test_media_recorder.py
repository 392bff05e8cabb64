"""What a real browser's MediaRecorder makes is decoded, whatever it is asked for."""

import base64
from pathlib import Path

import numpy as np
import pytest

from hotpin.audio.codecs import wav_bytes
from hotpin.audio.frame import CAPTURE_RATE
from hotpin.audio.stream_codecs import StreamDecoder
from tests.audio.sounds import tone
from tests.audio.streams import joined

from .chromium import page
from .stub import RATE, stub

pytestmark = pytest.mark.e2e

KINDS = ["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "audio/mp4;codecs=mp4a.40.2"]
CHUNKS = 8

_RECORD = """
(async () => {{
  if (!MediaRecorder.isTypeSupported("{kind}")) return null;
  const stream = await navigator.mediaDevices.getUserMedia({{ audio: true }});
  const recorder = new MediaRecorder(stream, {{ mimeType: "{kind}", audioBitsPerSecond: 24000 }});
  const chunks = [];
  recorder.ondataavailable = ({{ data }}) => {{
    chunks.push(data);
    if (chunks.length === {chunks} && recorder.state === "recording") recorder.stop();
  }};
  const stopped = new Promise((done) => (recorder.onstop = done));
  recorder.start(250);
  await stopped;
  const texts = [];
  for (const chunk of chunks) {{
    const bytes = new Uint8Array(await chunk.arrayBuffer());
    texts.push(btoa(String.fromCharCode(...bytes)));
  }}
  return texts;
}})()
"""


@pytest.mark.parametrize("kind", KINDS)
def test_a_browsers_recording_is_decoded_chunk_by_chunk(tmp_path: Path, kind: str) -> None:
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(wav_bytes(tone(CAPTURE_RATE, 30.0), CAPTURE_RATE))
    with stub(tone(RATE)) as server, page(microphone) as browser:
        browser.open(server.url)
        chunks = browser.value(_RECORD.format(kind=kind, chunks=CHUNKS))
    if chunks is None:
        pytest.skip(f"this browser does not record {kind}")
    decoder = StreamDecoder()
    heard = [decoder.feed(base64.b64decode(chunk)) for chunk in chunks]
    samples = joined([frame for frames in heard for frame in frames] + decoder.finish())
    assert len(samples) / CAPTURE_RATE > 0.2 * CHUNKS  # MP4 comes in longer pieces than it is asked for
    assert sum(map(bool, heard)) >= CHUNKS // 2  # it comes as it is spoken, not at the end
    assert np.argmax(np.abs(np.fft.rfft(samples.astype(float)))) * CAPTURE_RATE / len(samples) == pytest.approx(
        440, abs=5
    )
