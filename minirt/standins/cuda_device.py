"""The facts of the one device of the stand-ins."""

from __future__ import annotations

import enum
from typing import Any

from minirt.errors import ApiError
from minirt.standins import host_memory


class cudaDeviceAttr(enum.IntEnum):
    """The attributes that `cudaDeviceGetAttribute` answers."""

    cudaDevAttrMaxThreadsPerBlock = 1
    cudaDevAttrMaxSharedMemoryPerBlock = 8
    cudaDevAttrWarpSize = 10
    cudaDevAttrClockRate = 13
    cudaDevAttrMultiProcessorCount = 16
    cudaDevAttrIntegrated = 18
    cudaDevAttrUnifiedAddressing = 41
    cudaDevAttrComputeCapabilityMajor = 75
    cudaDevAttrComputeCapabilityMinor = 76
    cudaDevAttrMemoryPoolsSupported = 115


ATTRIBUTES = {
    "maxThreadsPerBlock": 1024,
    "maxThreadsPerMultiProcessor": 2048,
    "maxThreadsDim": (1024, 1024, 64),
    "maxGridSize": (2**31 - 1, 65535, 65535),
    "sharedMemPerBlock": 48 << 10,
    "sharedMemPerBlockOptin": 227 << 10,
    "sharedMemPerMultiprocessor": 228 << 10,
    "totalConstMem": 64 << 10,
    "warpSize": 32,
    "regsPerBlock": 65536,
    "regsPerMultiprocessor": 65536,
    "multiProcessorCount": 1,
    "clockRate": 1_000_000,
    "memoryClockRate": 1_000_000,
    "memoryBusWidth": 64,
    "l2CacheSize": 1 << 20,
    "persistingL2CacheMaxSize": 0,
    "textureAlignment": 512,
    "integrated": 1,
    "canMapHostMemory": 1,
    "unifiedAddressing": 1,
    "managedMemory": 1,
    "concurrentKernels": 1,
    "concurrentManagedAccess": 1,
    "asyncEngineCount": 1,
    "computeMode": 0,
    "ECCEnabled": 0,
    "tccDriver": 0,
    "isMultiGpuBoard": 0,
    "kernelExecTimeoutEnabled": 0,
    "streamPrioritiesSupported": 0,
    "memoryPoolsSupported": 0,
    "pciDomainID": 0,
    "pciBusID": 0,
    "pciDeviceID": 0,
}
"""What scripts print of a device: limits as CUDA's own, and one multiprocessor that shares the host's memory."""

_BY_NUMBER = {
    1: "maxThreadsPerBlock",
    8: "sharedMemPerBlock",
    10: "warpSize",
    13: "clockRate",
    16: "multiProcessorCount",
    18: "integrated",
    41: "unifiedAddressing",
    75: "major",
    76: "minor",
    115: "memoryPoolsSupported",
}


class CUuuid:
    """The identity of a device."""

    def __init__(self) -> None:
        self.bytes = bytes(16)


class cudaDeviceProp:
    """Facts of the one device."""

    def __init__(self) -> None:
        vars(self).update(ATTRIBUTES)
        self.name = host_memory.NAME.encode()
        self.uuid = CUuuid()
        self.major, self.minor = host_memory.CAPABILITY
        self.multiProcessorCount = 1
        self.totalGlobalMem = host_memory.free_and_total()[1]

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"minirt's stand-in of cudaDeviceProp, for machines without a GPU, has no '{name}'")

    def attribute(self, attribute: int) -> int:
        """Return a fact by its number; raises ApiError for one that is not known."""
        if attribute not in _BY_NUMBER:
            raise ApiError(f"device attribute {attribute} is not known here")
        return int(getattr(self, _BY_NUMBER[attribute]))

    def __repr__(self) -> str:
        return "\n".join(f"{name} : {value}" for name, value in vars(self).items())
