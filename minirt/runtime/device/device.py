"""Devices: what each can do, and making one current for a stretch of calls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from minirt.errors import DeviceError
from minirt.runtime.device.driver import check, driver, fail


@dataclass(frozen=True)
class Properties:
    """Facts of a device; sizes are bytes."""

    name: str
    capability: tuple[int, int]
    multiprocessors: int
    memory: int
    l2: int
    shared_per_block: int


@dataclass(frozen=True)
class Device:
    """One CUDA device by its index; equal indices are equal devices. Making one asks nothing of CUDA."""

    index: int = 0

    @property
    def properties(self) -> Properties:
        """Facts of the device; raises DeviceError when there is no such device."""
        return _properties(self.index)

    @property
    def name(self) -> str:
        """The product's name, such as "NVIDIA H100 80GB HBM3"."""
        return self.properties.name

    @property
    def arch(self) -> str:
        """The architecture to compile for: "sm_90a" on Hopper, whose wgmma and TMA need the suffix, else "sm_NN"."""
        return architecture(self.properties.capability)

    @property
    def multiprocessors(self) -> int:
        """Number of streaming multiprocessors."""
        return self.properties.multiprocessors

    @property
    def memory(self) -> int:
        """Bytes of device memory in all."""
        return self.properties.memory

    @property
    def l2(self) -> int:
        """Bytes of second-level cache."""
        return self.properties.l2

    @property
    def shared_limit(self) -> int:
        """Most bytes of shared memory that one block may ask for."""
        return self.properties.shared_per_block

    def free_memory(self) -> int:
        """Bytes of device memory that are free now."""
        with self.current():
            free, _ = driver().runtime.memGetInfo()
        return int(free)

    def synchronize(self) -> None:
        """Wait for all work on the device; raises DeviceError with a fault that happened there."""
        with self.current():
            try:
                driver().runtime.deviceSynchronize()
            except Exception as error:
                fail(error, f"work on cuda:{self.index} failed")

    def current(self) -> Current:
        """Make the device this thread's current one within a `with`, and the one before it again afterwards."""
        return Current(self.index)

    def releasing(self) -> Releasing:
        """The same for calls that give something back, which may be while the caller's stream is capturing."""
        return Releasing(self.index)


class Current:
    """The stretch of a `with` in which one device is this thread's current one."""

    __slots__ = ("_before", "_index", "_runtime")

    def __init__(self, index: int) -> None:
        self._index = index
        self._runtime = driver().runtime
        self._before = index

    def __enter__(self) -> None:
        self._before = self._runtime.getDevice()
        try:
            self._runtime.setDevice(self._index)  # also where equal: a new thread has no context before
        except Exception as error:
            fail(error, f"cuda:{self._index} cannot be used")

    def __exit__(self, *_: object) -> None:
        if self._before != self._index:
            self._runtime.setDevice(self._before)


class Relaxed:
    """The stretch of a `with` in which this thread may free things though some stream is capturing.

    Python's collector runs when it likes, also within a caller's capture, which a plain cudaFree would break off.
    """

    __slots__ = ("_mode",)

    def __enter__(self) -> None:
        self._mode = _exchanged(driver().cuda.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_RELAXED)

    def __exit__(self, *_: object) -> None:
        _exchanged(self._mode)


class Releasing(Current):
    """`Relaxed` where the device is this thread's current one too."""

    __slots__ = ("_relaxed",)

    def __enter__(self) -> None:
        super().__enter__()
        self._relaxed = Relaxed()
        self._relaxed.__enter__()

    def __exit__(self, *_: object) -> None:
        self._relaxed.__exit__()
        super().__exit__()


def _exchanged(mode: Any) -> Any:
    return check(driver().cuda.cuThreadExchangeStreamCaptureMode(mode), "leaving a capture alone")


def device_count() -> int:
    """How many CUDA devices are visible; raises DeviceError where no driver answers."""
    return int(driver().runtime.getDeviceCount())


def architecture(capability: tuple[int, int]) -> str:
    """The architecture to compile for a compute capability: (9, 0) is "sm_90a", others are "sm_NN"."""
    major, minor = capability
    return f"sm_{major}{minor}{'a' if capability == (9, 0) else ''}"


@lru_cache(maxsize=64)
def _properties(index: int) -> Properties:
    count = device_count()
    if not 0 <= index < count:
        raise DeviceError(f"there is no device cuda:{index}; {count} are visible")
    found = driver().runtime.getDeviceProperties(index)
    return Properties(
        name=found["name"].decode(),
        capability=(int(found["major"]), int(found["minor"])),
        multiprocessors=int(found["multiProcessorCount"]),
        memory=int(found["totalGlobalMem"]),
        l2=int(found["l2CacheSize"]),
        shared_per_block=int(found["sharedMemPerBlockOptin"]),
    )
