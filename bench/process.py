"""What a process costs: its CPU and memory, from /proc, its children included."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

import attrs

TICKS = os.sysconf("SC_CLK_TCK")


@attrs.frozen
class Sample:
    """CPU seconds since the start; resident KiB now and at most."""

    user: float = 0.0
    system: float = 0.0
    resident: int = 0
    peak: int = 0


def sample(pid: int) -> Sample:
    """Sum a process and its descendants; reaped children count as their parent's."""
    user = system = resident = peak = 0
    for member in _family(pid):
        try:
            stat, status = Path(f"/proc/{member}/stat").read_text(), Path(f"/proc/{member}/status").read_text()
        except OSError:  # it ended meanwhile
            continue
        fields = stat.rpartition(")")[2].split()
        user += int(fields[11]) + int(fields[13])
        system += int(fields[12]) + int(fields[14])
        memory = {line.split()[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Vm")}
        resident += memory.get("VmRSS:", 0)
        peak += memory.get("VmHWM:", 0)
    return Sample(user / TICKS, system / TICKS, resident, peak)


def _family(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(entry.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def cost(before: Sample, after: Sample, certificates: int) -> dict[str, float]:
    """Return what a run cost the process."""
    user, system = after.user - before.user, after.system - before.system
    return {
        "cpu_ms_per_certificate": 1000 * (user + system) / certificates,
        "user_ms_per_certificate": 1000 * user / certificates,
        "system_ms_per_certificate": 1000 * system / certificates,
        "resident_mb": after.resident / 1024,
        "peak_mb": after.peak / 1024,
        "growth_kb_per_certificate": (after.resident - before.resident) / certificates,
    }


def calibrate() -> float:
    """Return CPU ns per turn of a fixed loop: on a shared host CPU time itself stretches, and this shows it."""
    turns = 100_000
    times = []
    for _ in range(9):
        start = time.process_time_ns()
        total = 0
        for number in range(turns):
            total += number
        times.append((time.process_time_ns() - start) / turns)
    return statistics.median(times)
