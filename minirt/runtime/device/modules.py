"""Modules of machine code and the kernels in them."""

from __future__ import annotations

import weakref

from minirt.errors import DeviceError
from minirt.runtime.device.device import Device
from minirt.runtime.device.driver import check, driver, fail

_MAX_DYNAMIC_SHARED = 8  # CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
_SHARED_WITHOUT_ASKING = 48 * 1024


class Module:
    """A cubin loaded on one device; unloaded when nothing refers to it or to a kernel of it any more."""

    def __init__(self, device: Device, cubin: bytes) -> None:
        self.device = device
        with device.current():
            try:
                self._handle = int(driver().launcher.moduleLoadData(cubin))
            except Exception as error:
                fail(error, f"{len(cubin)} bytes of machine code do not load on {device.name} ({device.arch})")
        self._finalizer = weakref.finalize(self, _unload, device, self._handle)
        self._finalizer.atexit = False

    def function(self, entry: str) -> int:
        """The CUfunction of the entry; raises DeviceError when the module has none of that name."""
        with self.device.current():
            try:
                return int(driver().launcher.moduleGetFunction(self._handle, entry))
            except Exception as error:
                fail(error, f"the module holds no kernel '{entry}'")


class Kernel:
    """An entry function of a module, ready to launch with up to `shared` bytes of dynamic shared memory a block."""

    def __init__(self, module: Module, entry: str, shared: int = 0) -> None:
        self.module = module
        self.device = module.device
        self.entry = entry
        self.shared = shared
        self.handle = module.function(entry)
        with self.device.current():
            self._prepare()

    def _prepare(self) -> None:
        found = driver()
        if self.shared > self.device.shared_limit:
            limit = self.device.shared_limit
            raise DeviceError(f"needs {self.shared} bytes of shared memory, {limit} are the limit", self._where())
        try:
            # Loading is lazy by default, and a first launch that loads may not be captured into a graph
            check(found.cuda.cuFuncLoad(found.cuda.CUfunction(self.handle)), "loading the function")
            granted = int(found.launcher.funcGetAttribute(_MAX_DYNAMIC_SHARED, self.handle))
            if self.shared > max(granted, _SHARED_WITHOUT_ASKING):  # never lowered: kernels of one entry share it
                found.launcher.funcSetAttribute(self.handle, _MAX_DYNAMIC_SHARED, self.shared)
        except DeviceError:
            raise
        except Exception as error:
            fail(error, f"{self.shared} bytes of shared memory are refused", self._where())

    def attribute(self, name: str) -> int:
        """A function attribute by its CUDA name, such as "NUM_REGS", "LOCAL_SIZE_BYTES", "MAX_THREADS_PER_BLOCK"."""
        launcher = driver().launcher
        with self.device.current():
            return int(launcher.funcGetAttribute(getattr(launcher, f"CU_FUNC_ATTRIBUTE_{name}"), self.handle))

    def blocks_per_multiprocessor(self, threads: int) -> int:
        """How many blocks of `threads` threads run at once on one multiprocessor."""
        with self.device.current():
            occupancy = driver().launcher.occupancyMaxActiveBlocksPerMultiprocessor
            return int(occupancy(self.handle, threads, self.shared))

    def _where(self) -> str:
        return f"kernel '{self.entry}' on cuda:{self.device.index}"


def _unload(device: Device, handle: int) -> None:
    with device.releasing():
        driver().launcher.moduleUnload(handle)
