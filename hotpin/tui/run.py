"""Calls on the full screen of a terminal, which is left as it was."""

from dataclasses import replace
from typing import TYPE_CHECKING

from hotpin import paths
from hotpin.errors import HotpinError
from hotpin.tui.app import Interface
from hotpin.tui.call import Hold, Plan
from hotpin.tui.terminal import kept_clean

if TYPE_CHECKING:
    from hotpin.settings import Settings


def run(settings: "Settings", session_id: str, agent: str = "", *, hold: Hold | None = None) -> None:
    """Hold a call on the full screen until the person leaves.

    Args:
        settings: the engines, devices and rules.
        session_id: the session to go on with, or a new one.
        agent: the persona that answers; empty means the session's, else that of the settings.
        hold: makes the calls; without it they are live ones at this machine alone.

    Raises:
        HotpinError: if there is no terminal, or the interface has crashed.
    """
    log_file = paths.cache_dir() / "interface.log"
    with kept_clean(log_file):
        plan = Plan(settings, session_id, agent)
        interface = Interface(plan if hold is None else replace(plan, hold=hold))
        try:
            interface.run()
        finally:
            interface.call.close()
    if interface.return_code:
        raise HotpinError("the full-screen interface has crashed", f"What is known is in {log_file}")
