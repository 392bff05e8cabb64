"""What it costs: processor time while nobody speaks, memory and descriptors in a long conversation."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.live.figures import Findings
from tests.live.material import Clip
from tests.live.stand import Stand

MB = 1e6


@dataclass(frozen=True)
class Usage:
    """What a process holds."""

    cpu_seconds: float
    rss_mb: float
    private_mb: float
    """Without files that are mapped, such as a model: their pages come as they are read, and can be had back."""
    threads: int
    descriptors: int

    @classmethod
    def of(cls, pid: int) -> "Usage":
        folder = Path("/proc") / str(pid)
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        resident, shared = map(int, (folder / "statm").read_text().split()[1:3])
        page_mb = os.sysconf("SC_PAGE_SIZE") / MB
        return cls(
            ticks / os.sysconf("SC_CLK_TCK"),
            resident * page_mb,
            (resident - shared) * page_mb,
            int(fields[17]),
            len(os.listdir(folder / "fd")),  # noqa: PTH208 - they are only counted
        )


def idle(pid: int, seconds: float, settle: float = 5.0) -> Findings:
    """Measure a process while nobody speaks."""
    time.sleep(settle)
    before, began = Usage.of(pid), time.monotonic()
    time.sleep(seconds)
    after, passed = Usage.of(pid), time.monotonic() - began
    share = (after.cpu_seconds - before.cpu_seconds) / passed
    return Findings(
        "idle",
        {
            "seconds": round(passed, 1),
            "core_percent": round(100 * share, 2),
            "rss_mb": round(after.rss_mb, 1),
            "threads": after.threads,
            "descriptors": after.descriptors,
        },
    )


def endurance(stand: Stand, clips: Sequence[Clip], seconds: float, warm_up: float) -> Findings:
    """Talk for ``seconds``; what counts is how much more is held at the end than after ``warm_up`` s."""
    found = Findings("endurance")
    subject = stand.subject
    began = time.monotonic()
    number = 0
    while (passed := time.monotonic() - began) < seconds:
        since = len(subject.events)
        stand.mouth.say(clips[number % len(clips)].samples)
        number += 1
        done = subject.find("TurnDone", since=since, timeout=120.0)
        subject.wait_listening()
        usage = Usage.of(subject.pid)
        found.rows.append(
            {
                "at": round(passed, 1),
                "answered": done is not None,
                "rss_mb": round(usage.rss_mb, 1),
                "private_mb": round(usage.private_mb, 1),
                "threads": usage.threads,
                "descriptors": usage.descriptors,
            }
        )
    steady = [row for row in found.rows if float(row["at"] or 0) >= warm_up] or found.rows[-1:]
    first, last = steady[0], steady[-1]
    grown = float(last["rss_mb"] or 0) / float(first["rss_mb"] or 1) - 1
    found.summary = {
        "seconds": round(time.monotonic() - began, 1),
        "turns": len(found.rows),
        "answered": sum(bool(row["answered"]) for row in found.rows),
        "rss_mb_first": first["rss_mb"],
        "rss_mb_last": last["rss_mb"],
        "rss_mb_most": max(float(row["rss_mb"] or 0) for row in steady),
        "rss_growth_percent": round(100 * grown, 2),
        "private_mb_first": first["private_mb"],
        "private_mb_last": last["private_mb"],
        "threads_first": first["threads"],
        "threads_last": last["threads"],
        "descriptors_first": first["descriptors"],
        "descriptors_last": last["descriptors"],
    }
    return found
