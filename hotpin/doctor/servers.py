"""Checks of engines elsewhere: address, key, fallback. Nothing is asked of them."""

from collections.abc import Iterator

from hotpin import cloud
from hotpin.cloud import service
from hotpin.doctor.check import Check
from hotpin.errors import SettingsError
from hotpin.settings import Settings


def servers(chosen: Settings) -> Iterator[Check]:
    """Whether each engine elsewhere that the settings choose can be asked, and which keys are there for nothing."""
    used = set()
    for stage in cloud.STAGES:
        server = service.of(chosen, stage)
        if server is None:
            continue
        used.add(server.engine)
        fallback = getattr(chosen, stage).fallback
        try:
            server.check()
            cloud.check_fallback(chosen, stage)
        except SettingsError as error:
            yield Check(f"{stage} server", ok=False, detail=error.message, fix=error.fix)
            continue
        key = f"{server.key_name} is set" if server.headers() else "without a key"
        where = "this machine" if server.is_here else "elsewhere"
        detail = f"{server.engine} at {server.host} ({where}), {key}, fallback: {fallback or 'none'}"
        yield Check(f"{stage} server", ok=True, detail=detail)
    idle = [
        name for name in sorted(cloud.ENGINES - used) if getattr(chosen.cloud, f"{name}_api_key").get_secret_value()
    ]
    if idle:
        yield Check("unused keys", ok=True, detail=f"{', '.join(idle)}: no engine of theirs is chosen", required=False)
