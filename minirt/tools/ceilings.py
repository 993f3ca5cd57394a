"""What the machine can do at the most: measured figures of known GPUs, a measured copy elsewhere."""

from __future__ import annotations

import time

import numpy as np

from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from minirt.runtime.measure import Ceilings

_HOPPER = {"f16": 700.0, "bf16": 700.0, "f32": 370.0, "f8e4m3fn": 1270.0, "f8e5m2": 1270.0, "i8": 880.0, "u8": 880.0}
KNOWN = {
    "H100": Ceilings(3000.0, _HOPPER, 1.0),
    "H200": Ceilings(4300.0, _HOPPER, 1.0),
}
"""By a part of the product's name: copies and cuBLAS products as measured (f32: TF32); see docs/benchmarks.md."""

_COPY_BYTES = 1 << 28
_COPIES = 5


def ceilings_of(target: Target) -> Ceilings:
    """The ceilings of the machine that runs a target; on an unknown one bytes alone bound the time."""
    if target.kind == "cpu":
        return Ceilings(_host_copy(), {}, 0.0)
    name = dev.Device(0).name
    for part, known in KNOWN.items():
        if part in name:
            return known
    return Ceilings(_device_copy(), {}, 1.0)


def _host_copy() -> float:
    source = np.ones(_COPY_BYTES // 8, np.uint8)
    target = np.empty_like(source)
    times = []
    for _ in range(_COPIES):
        start = time.perf_counter()
        np.copyto(target, source)
        times.append(time.perf_counter() - start)
    return 2 * source.nbytes / min(times) / 1e9


def _device_copy() -> float:
    device = dev.Device(0)
    a, b = dev.DeviceMemory(device, _COPY_BYTES), dev.DeviceMemory(device, _COPY_BYTES)
    start, end = dev.Event(device), dev.Event(device)
    times = []
    with device.current():
        for _ in range(_COPIES):
            start.record(0)
            dev.copy(device, b.address, a.address, _COPY_BYTES, 0)
            end.record(0)
            end.synchronize()
            times.append(end.milliseconds_since(start))
    return 2 * _COPY_BYTES / min(times) / 1e6
