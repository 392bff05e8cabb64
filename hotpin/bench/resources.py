"""What a benchmark costs, and the machine it ran on."""

import os
import platform
import resource
import sys
from pathlib import Path

from hotpin.environment import available_cores

STATM = Path("/proc/self/statm")
MEMINFO = Path("/proc/meminfo")


def peak_rss_mb() -> float:
    """Return the most memory this process has held, in MB (1e6 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB elsewhere (getrusage(2)).
    return round(peak * (1 if sys.platform == "darwin" else 1024) / 1e6, 1)


def rss_mb() -> float | None:
    """Return the memory this process holds now, in MB (1e6 bytes); ``None`` where the system has no such file."""
    try:
        pages = int(STATM.read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


def available_mb() -> float | None:
    """Return how much memory can be had without swapping, in MB (1e6 bytes); ``None`` where nobody tells."""
    try:
        lines = MEMINFO.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, ValueError, IndexError, StopIteration):
        return None


def machine() -> dict[str, object]:
    """Describe this machine."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": available_cores(),
        "memory_gb": round(memory / 1e9, 1),
        "python": platform.python_version(),
    }
