"""Launches packed once and repeated: the host's cost is one driver call."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from minirt.errors import DeviceError
from minirt.runtime.device.arguments import ArgumentBlock, Kind
from minirt.runtime.device.driver import check, driver, fail
from minirt.runtime.device.modules import Kernel

Dim3 = tuple[int, int, int]
_NO_CLUSTER: Dim3 = (1, 1, 1)
_MAX_GRID = (2**31 - 1, 65535, 65535)


class PackedLaunch:
    """One launch of a kernel, with everything that the driver asks for laid out beforehand.

    `cluster` groups blocks (sm_90 and later). `programmatic` lets the kernel start before the one in front of it on the
    stream has ended; it must then wait for that one itself (griddepcontrol.wait). A context that has made the kernel's
    device current calls `run`; it is not safe to `set` in one thread while another runs.
    """

    def __init__(
        self,
        kernel: Kernel,
        grid: Dim3,
        block: Dim3,
        kinds: Sequence[Kind],
        values: Sequence[object],
        *,
        cluster: Dim3 = _NO_CLUSTER,
        programmatic: bool = False,
    ) -> None:
        self.kernel = kernel
        self.block = block
        self.cluster = cluster
        self.programmatic = programmatic
        self.arguments = ArgumentBlock(kinds, values)
        self._launch = driver().launcher.launchKernel
        self._params = self.arguments.params
        self.resize(grid)

    def resize(self, grid: Dim3) -> None:
        """Change the number of blocks; an empty grid launches nothing."""
        if min(grid) < 0 or grid[0] > _MAX_GRID[0] or grid[1] > _MAX_GRID[1] or grid[2] > _MAX_GRID[2]:
            raise DeviceError(f"a grid of {grid} blocks cannot be launched", f"kernel '{self.kernel.entry}'")
        self.grid = grid
        self.empty = 0 in grid
        self._call = partial(self._launch, self.kernel.handle, *grid, *self.block, self.kernel.shared)
        self._configs: dict[bool, Any] = {}

    def set(self, index: int, value: object) -> None:
        """Change one argument in place: an address, a number, or the address under a tensor map."""
        self.arguments.set(index, value)

    def run(self, stream: int) -> None:
        """Put the launch on `stream`, after what is there; the kernel's device must be current.

        Raises DeviceError naming the kernel.
        """
        if self.empty:
            return
        if self.cluster != _NO_CLUSTER:
            self._run_extended(stream, early=False)
            return
        try:
            self._call(stream, self._params, 0)
        except Exception as error:
            fail(error, f"launching {self.grid} blocks of {self.block} threads failed", self._where())

    def run_early(self, stream: int) -> None:
        """Put the launch on `stream`; if it is `programmatic`, it may start beside the launch before. It costs more."""
        if self.programmatic and not self.empty:
            self._run_extended(stream, early=True)
        else:
            self.run(stream)

    def _run_extended(self, stream: int, *, early: bool) -> None:
        cuda = driver().cuda
        config = self._configs.get(early)
        if config is None:
            config = self._configs[early] = self._configure(early=early)
        config.hStream = cuda.CUstream(stream)
        result = cuda.cuLaunchKernelEx(config, cuda.CUfunction(self.kernel.handle), self._params, 0)
        check(result, f"{self._where()}: launching {self.grid} blocks of {self.block} threads")

    def _configure(self, *, early: bool) -> Any:
        cuda = driver().cuda
        config = cuda.CUlaunchConfig()
        config.gridDimX, config.gridDimY, config.gridDimZ = self.grid
        config.blockDimX, config.blockDimY, config.blockDimZ = self.block
        config.sharedMemBytes = self.kernel.shared
        attributes = []
        if self.cluster != _NO_CLUSTER:
            attributes.append(_attribute("CLUSTER_DIMENSION"))
            dims = attributes[-1].value.clusterDim
            dims.x, dims.y, dims.z = self.cluster
        if early:
            attributes.append(_attribute("PROGRAMMATIC_STREAM_SERIALIZATION"))
            attributes[-1].value.programmaticStreamSerializationAllowed = 1
        config.attrs = attributes
        config.numAttrs = len(attributes)
        return config

    def _where(self) -> str:
        return f"kernel '{self.kernel.entry}' on cuda:{self.kernel.device.index}"


def _attribute(name: str) -> Any:
    cuda = driver().cuda
    attribute = cuda.CUlaunchAttribute()
    attribute.id = getattr(cuda.CUlaunchAttributeID, f"CU_LAUNCH_ATTRIBUTE_{name}")
    return attribute
