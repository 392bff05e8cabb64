"""Why a server did not answer, in words for people."""

import json
import re

import httpx2

from hotpin.cloud.service import Service
from hotpin.errors import HotpinError

MAX_REFUSAL_BYTES = 8192
"""Of what a server says of a refusal."""

MAX_REASON_LETTERS = 200
"""Of it, what a person is shown."""

_TOO_MANY, _SERVER_FAILED, _TIMED_OUT = 429, 500, 408
_REFUSED_KEY = (401, 403)
_NO_CREDIT = "insufficient_quota"
"""What a 429 says that no waiting helps against."""

_CODE = re.compile(r"[a-z0-9_]{1,60}")


async def refusal(response: httpx2.Response, service: Service, kind: type[HotpinError]) -> HotpinError:
    """Make the error that says why a server refused, without what it may know of the key."""
    code, reason = _reason(await _beginning(response))
    status, host = response.status_code, service.host
    if status in _REFUSED_KEY:
        why = f" ({code})" if _CODE.fullmatch(service.without_key(code)) else ""
        fix = f"Check {service.key_name}" if service.headers() else f"Set {service.key_name}"
        return kind(f"{host} refused the key{why}", f"{fix} in the environment or in .env")
    if status == _TOO_MANY and code != _NO_CREDIT:
        return failed(service, kind, f"{host} is asked too often (429)")
    if status >= _SERVER_FAILED or status == _TIMED_OUT:
        return failed(service, kind, f"{host} failed ({status})")
    reason = " ".join(service.without_key(reason).split())[:MAX_REASON_LETTERS]
    said = f": {reason}" if reason.isprintable() and reason else ""
    return kind(f"{host} refused the request ({status}){said}")


async def _beginning(response: httpx2.Response) -> bytes:
    said = b""
    try:
        async for piece in response.aiter_raw():
            said += piece
            if len(said) > MAX_REFUSAL_BYTES:
                break
    except httpx2.HTTPError:
        pass
    return said


def _reason(said: bytes) -> tuple[str, str]:
    """Find code and message in the JSON of a refusal, in any of the shapes in use."""
    try:
        found = json.loads(said)
    except ValueError:
        return "", ""
    if isinstance(found, dict):
        found = found.get("error") or found.get("detail") or found
    if isinstance(found, str):
        return "", found
    if not isinstance(found, dict):
        return "", ""
    return str(found.get("code") or found.get("status") or ""), str(found.get("message") or "")


def asked_pause(response: httpx2.Response, pause: float) -> float:
    """Give the seconds after which the server wants to be asked again, else ``pause``."""
    try:
        return max(0.0, float(response.headers["retry-after"]))
    except (KeyError, ValueError):
        return pause


def failed(service: Service, kind: type[HotpinError], message: str) -> HotpinError:
    """Make the error of a server that may be well again later."""
    fix = "Try again in a moment" if service.is_here else "Try again in a moment, or set a fallback of this machine"
    return kind(message, fix, retryable=True)
