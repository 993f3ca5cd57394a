"""Which target to build for and to run on: what is asked for, or what is here."""

from __future__ import annotations

import re

from minirt.errors import ApiError
from minirt.flags import flags
from minirt.kernels.kernel import Target
from minirt.runtime.device import Device, available

CPU = Target("cpu")

_KIB = 1024
_SIZES: dict[int, tuple[int, int]] = {
    75: (40, 64), 80: (108, 163), 86: (84, 99), 87: (16, 163), 89: (142, 99), 90: (132, 227), 100: (148, 227),
    103: (148, 227), 110: (20, 227), 120: (188, 99), 121: (48, 99),
}  # fmt: skip
"""Multiprocessors of a large product, and KiB of shared memory that a block may ask for (CUDA programming guide,
"Technical Specifications per Compute Capability"), for building where there is no such device."""

_NAME = re.compile(r"cuda:sm_(\d{2,3})[af]?")


def cuda_target(index: int = 0) -> Target:
    """A CUDA device as a target; raises DeviceError where there is none."""
    device = Device(index)
    return Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)


def target_of(name: str) -> Target:
    """The target called ``name``: "cpu", "cuda" (the first device), or "cuda:sm_NN", which needs no device.

    Raises ApiError for another name, DeviceError for "cuda" where no device answers.
    """
    if name == "cpu":
        return CPU
    if name == "cuda":
        return cuda_target()
    found = _NAME.fullmatch(name)
    capability = int(found.group(1)) if found else 0
    if capability not in _SIZES:
        known = ", ".join(f"cuda:sm_{n}" for n in _SIZES)
        raise ApiError(f"no target is called {name!r}", fix=f"say cpu, cuda, or one of {known}")
    full = "cuda:sm_90a" if capability == 90 else name  # the matrix and copy instructions of sm_90 need the "a"
    if available() and cuda_target().name == full:
        return cuda_target()
    multiprocessors, shared = _SIZES[capability]
    return Target(full, multiprocessors, shared * _KIB)


def default_target() -> Target:
    """What MINIRT_TARGET names, or else the first CUDA device, or else the CPU.

    Raises ApiError where MINIRT_TARGET names no target, DeviceError where it says "cuda" and no device answers.
    """
    asked = flags().target
    if asked:
        return target_of(asked)
    return cuda_target() if available() else CPU
