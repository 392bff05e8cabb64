"""What several tests of audio need."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

NOBODY = 65_534


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A folder that may be entered but not written to, with an unreadable file ``secret.wav``, even for root."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "secret.wav").write_bytes(b"RIFF")
        (folder / "secret.wav").chmod(0)
        folder.chmod(0o555)
        was = os.geteuid()
        if was == 0:
            os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(was)
            folder.chmod(0o755)
