"""BuilderFlag.MONITOR_MEMORY: what a build takes of the memory of the host and of the device, in the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from minirt.api.boundary import Sink
from minirt.runtime.device import Device, available

_MIB = 1 << 20
_STATUS = Path("/proc/self/status")


@contextmanager
def monitored(sink: Sink, on: bool) -> Iterator[None]:
    """Log what the memory in use becomes while inside, in MiB, and the most that the process ever had, where asked."""
    if not on:
        yield
        return
    before, _ = _used()
    try:
        yield
    finally:
        now, most = _used()
        changes, totals = (", ".join(f"{k} {v}" for k, v in row.items()) for row in (_change(before, now), now))
        sink.log("INFO", f"[MemUsageChange] Building engine: {changes}, now: {totals} (MiB)")
        sink.log("INFO", f"[MemUsageStats] Peak memory of the process: CPU {most} MiB")


def _change(before: dict[str, int], now: dict[str, int]) -> dict[str, str]:
    return {name: f"{size - before[name]:+d}" for name, size in now.items()}


def _used() -> tuple[dict[str, int], int]:
    """Return MiB in use, of the process and of the first device where there is one; and the most of the process."""
    lines = _STATUS.read_text().splitlines() if _STATUS.exists() else []
    rows = {name: rest for name, _, rest in (line.partition(":") for line in lines)}
    now, most = (int(rows.get(name, "0").split()[0]) >> 10 for name in ("VmRSS", "VmHWM"))
    used = {"CPU": now}
    if available():
        device = Device(0)
        used["GPU"] = (device.memory - device.free_memory()) // _MIB
    return used, most
