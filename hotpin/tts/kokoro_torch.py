"""Kokoro through the optional package ``kokoro``, for a machine with a graphics card.

It runs the model in torch; voices, blends and pronunciation are those of the engine ``kokoro``. Nothing is downloaded:
the weights are the files that ``tts.model`` names, or those in the model hub's cache.

Unverified: the weights could not be had where this was written. It was run with random weights on a CPU only.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hotpin.errors import ModelError, TtsError
from hotpin.registry import EngineInfo
from hotpin.tts.kokoro import KokoroTts, Synthesis

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hotpin.settings import Settings

REPO = "hexgrad/Kokoro-82M"
WEIGHTS = "kokoro-v1_0.pth"
CONFIG = "config.json"

_SEED = 0
"""Of the noise in consonants and breath: the same text always sounds the same."""


def build(settings: "Settings") -> KokoroTts:
    """Build the voice from the settings, not yet loaded."""
    return KokoroTts(settings, EngineInfo("kokoro-torch", settings.tts.model or WEIGHTS), _open_torch)


def _open_torch(settings: "Settings", threads: int) -> Synthesis:
    missing = next((name for name in ("torch", "kokoro") if find_spec(name) is None), None)
    if missing:
        raise TtsError(
            f"the tts engine 'kokoro-torch' needs the Python module {missing!r}, which is not installed",
            "Install it with pip install 'hotpin[kokoro-torch]', or choose the engine kokoro",
        )
    weights, config = _files(settings.tts.model)
    import torch  # type: ignore[import-not-found, unused-ignore]
    from kokoro import KModel

    torch.set_num_threads(threads)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = KModel(repo_id=REPO, config=str(config), model=str(weights)).to(device).eval()
    except Exception as error:  # a wrong file fails anywhere in the unpickling
        raise ModelError(
            f"the voice model {weights} cannot be read: {type(error).__name__}", _fix("Fetch it again")
        ) from error

    def synthesise(tokens: list[int], style: "npt.NDArray[np.float32]", speed: float) -> "npt.NDArray[np.float32]":
        torch.manual_seed(_SEED)
        ids = torch.tensor([[0, *tokens, 0]], dtype=torch.long, device=device)
        audio, _ = model.forward_with_tokens(ids, torch.from_numpy(style)[None].to(device), speed)
        samples: npt.NDArray[np.float32] = audio.reshape(-1).cpu().numpy()
        return samples

    return synthesise


def _files(name: str) -> tuple[Path, Path]:
    """Find the weights and their configuration, without any network.

    Raises:
        ModelError: if one of them is not there.
    """
    weights, config = Path(WEIGHTS), Path(CONFIG)
    if name:
        path = Path(name).expanduser()
        weights = path / WEIGHTS if path.is_dir() else path
        config = weights.with_name(CONFIG)
    else:
        from huggingface_hub import try_to_load_from_cache

        cached = [try_to_load_from_cache(REPO, file) for file in (WEIGHTS, CONFIG)]
        if all(isinstance(path, str) for path in cached):
            weights, config = (Path(str(path)) for path in cached)
    for path in (weights, config):
        if not path.is_file():
            raise ModelError(f"there is no file {path} of the voice model", _fix("Fetch it"))
    return weights, config


def _fix(verb: str) -> str:
    return f"{verb} with: hf download {REPO} {WEIGHTS} {CONFIG}; or name the folder it is in as tts.model"
