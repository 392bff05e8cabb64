"""One function per folder. ``HOTPIN_HOME`` puts every one of them under a single folder."""

import os
from pathlib import Path

APP_NAME = "hotpin"
HOME_VARIABLE = "HOTPIN_HOME"


def config_dir() -> Path:
    """Folder of ``config.toml`` and a person's own personas."""
    return _folder("config")


def cache_dir() -> Path:
    """Folder of what can be fetched or made again, such as models."""
    return _folder("cache")


def data_dir() -> Path:
    """Folder of what must not be lost, such as sessions."""
    return _folder("data")


def runtime_dir() -> Path:
    """Folder of what is only there while Hotpin runs, such as the daemon's socket; emptied when the system starts."""
    import warnings

    with warnings.catch_warnings():
        # Without a login session, as in cron, another folder is taken: no news for whoever only asks.
        warnings.simplefilter("ignore")
        return _folder("runtime")


def control_socket() -> Path:
    """Where the daemon listens for commands; there only while it runs."""
    return runtime_dir() / "control.sock"


def systemd_units_dir() -> Path:
    """Folder of a person's own systemd units: systemd's choice, so ``HOTPIN_HOME`` does not move it."""
    import platformdirs

    return platformdirs.user_config_path() / "systemd" / "user"


def config_file() -> Path:
    """The person's own settings; need not exist."""
    return config_dir() / "config.toml"


def agents_dir() -> Path:
    """Folder of a person's own personas, one TOML file each; need not exist."""
    return config_dir() / "agents"


def tls_dir() -> Path:
    """Folder of the certificate that ``hotpin config tls`` makes."""
    return config_dir() / "tls"


def sessions_file() -> Path:
    """Default database of the sessions (setting ``sessions.store`` names another)."""
    return data_dir() / "sessions.sqlite"


def models_dir() -> Path:
    """Default folder of the models (setting ``models.dir`` names another)."""
    return cache_dir() / "models"


def assets_dir() -> Path:
    """Folder of the sounds and questions that come with Hotpin: in the wheel, or beside the package in a checkout."""
    return _shipped("assets")


def manifest_file() -> Path:
    """The list of known models: in the wheel, or beside the package in a checkout."""
    return _shipped("models") / "manifest.toml"


def unit_template() -> Path:
    """The systemd user unit that ``hotpin daemon --install`` fills in: in the wheel, or in a checkout."""
    return _shipped("packaging") / "hotpin.service"


def _shipped(name: str) -> Path:
    packaged = Path(__file__).parent / "_shipped" / name
    return packaged if packaged.exists() else Path(__file__).parent.parent / name


def _folder(kind: str) -> Path:
    home = os.environ.get(HOME_VARIABLE)
    if home:
        return Path(home).expanduser() / kind
    # Imported late: `hotpin --help` needs no folder.
    import platformdirs

    folder = {
        "config": platformdirs.user_config_path,
        "cache": platformdirs.user_cache_path,
        "data": platformdirs.user_data_path,
        "runtime": platformdirs.user_runtime_path,
    }[kind]
    return folder(APP_NAME, appauthor=False)
