"""Which target to build for and to run on."""

from __future__ import annotations

from minirt.errors import ApiError, DeviceError
from minirt.flags import flags
from minirt.kernels.kernel import Target
from minirt.runtime.device.device import Device, device_count
from minirt.runtime.device.driver import available


def cuda_target(index: int = 0) -> Target:
    """Return a CUDA device as a target; raises DeviceError where there is none."""
    device = Device(index)
    return Target(f"cuda:{device.arch}", device.multiprocessors, device.properties.shared_per_block)


def default_target() -> Target:
    """Return what MINIRT_TARGET names, else the first CUDA device where one answers, else the CPU."""
    asked = flags().target
    if asked == "cpu":
        return Target("cpu")
    if asked.startswith("cuda:sm_"):
        return _named(asked)
    if asked == "cuda":
        return cuda_target()
    if asked:
        raise ApiError(f"'{asked}' is no target", "MINIRT_TARGET", "use cpu, cuda or cuda:sm_NN")
    try:
        return cuda_target() if available() and device_count() else Target("cpu")
    except DeviceError:
        return Target("cpu")


def _named(name: str) -> Target:
    """Return a CUDA target by name, with the facts of the device where that is what answers."""
    try:
        here = cuda_target() if available() and device_count() else None
    except DeviceError:
        here = None
    return here if here is not None and here.name == name else Target(name)
