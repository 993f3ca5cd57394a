"""A driver that does nothing but count: what minirt asks of CUDA, where there is no device."""

from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from minirt.runtime.device import driver as door
from minirt.runtime.device import tensor_maps
from minirt.runtime.device.device import _properties as _properties_of
from minirt.runtime.device.driver import Driver

_ADDRESSES = itertools.count(1)


class Pretend:
    """The modules that reach CUDA, pretended: ``calls`` counts by name, ``capturing`` holds streams that capture.

    ``launched`` holds the handles of graphs in the order in which they were launched, ``elapsed`` is the milliseconds
    that events measure. ``relaxed_calls`` counts those calls that were made in relaxed capture mode.
    Memory is the host's.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.relaxed_calls: Counter[str] = Counter()
        self.relaxed = False
        self.capturing: set[int] = set()
        self.launched: list[int] = []
        self.elapsed = 0.0
        self._held: dict[int, Any] = {}

    def driver(self) -> Driver:
        """The modules."""
        launcher = SimpleNamespace(
            launchKernel=self._count("launchKernel"), funcGetAttribute=self._count("funcGetAttribute", 0),
            funcSetAttribute=self._count("funcSetAttribute"), moduleLoadData=lambda cubin: next(_ADDRESSES) << 8,
            moduleGetFunction=lambda module, entry: next(_ADDRESSES) << 8, moduleUnload=self._count("moduleUnload"),
        )  # fmt: skip
        return Driver(None, self._runtime(), launcher, _Bindings(self))

    def _runtime(self) -> Any:
        handles = ("eventCreateWithFlags", "streamCreateWithFlags")
        nothing = (
            "setDevice",
            "streamSynchronize",
            "deviceSynchronize",
            "eventRecord",
            "eventDestroy",
            "streamDestroy",
        )
        constants = ("memcpyDefault", "streamDefault", "streamNonBlocking", "eventDefault", "eventDisableTiming")
        return SimpleNamespace(
            getDeviceCount=lambda: 1, getDevice=self._count("getDevice", 0), getDeviceProperties=_properties,
            malloc=self._malloc, free=self._free, memGetInfo=lambda: (1 << 36, 1 << 36), memcpyAsync=self._copy,
            hostAlloc=lambda nbytes, flags: self._malloc(nbytes), hostAllocPortable=1, freeHost=self._free,
            eventElapsedTime=lambda *_: self.elapsed,
            streamIsCapturing=lambda stream: stream in self.capturing, graphLaunch=self._launch,
            pointerGetAttributes=lambda address: SimpleNamespace(type=2), memsetAsync=self._count("memsetAsync"),
            **{name: lambda *_: next(_ADDRESSES) << 8 for name in handles},
            **{name: self._count(name) for name in nothing}, **dict.fromkeys(constants, 0),
        )  # fmt: skip

    def _count(self, name: str, result: Any = None) -> Any:
        def call(*_: Any) -> Any:
            self.calls[name] += 1
            self.relaxed_calls[name] += self.relaxed
            return result

        return call

    def _malloc(self, nbytes: int) -> int:
        self.calls["malloc"] += 1
        memory = ctypes.create_string_buffer(nbytes + 256)
        address = ctypes.addressof(memory)
        address += -address % 256
        self._held[address] = memory
        return address

    def _free(self, address: int) -> None:
        self._count("free")()
        self._held.pop(address, None)

    def _copy(self, destination: int, source: int, nbytes: int, kind: int, stream: int) -> None:
        self.calls["memcpyAsync"] += 1
        ctypes.memmove(destination, source, nbytes)

    def _launch(self, graph: int, stream: int) -> None:
        self.calls["graphLaunch"] += 1
        self.launched.append(graph)


class _Bindings:
    """cuda.bindings.driver: its structures are real, its functions succeed without doing anything."""

    def __init__(self, owner: Pretend) -> None:
        self._owner = owner
        self._real = importlib.import_module("cuda.bindings.driver")

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu") or name.startswith("cuuint"):
            found = getattr(self._real, name)
        else:
            found = self._function(name)
        setattr(self, name, found)
        return found

    def cuThreadExchangeStreamCaptureMode(self, mode: Any) -> tuple[int, Any]:  # noqa: N802 - cuda.bindings' name
        modes = self._real.CUstreamCaptureMode
        before = modes.CU_STREAM_CAPTURE_MODE_RELAXED if self._owner.relaxed else modes.CU_STREAM_CAPTURE_MODE_GLOBAL
        self._owner.relaxed = mode == modes.CU_STREAM_CAPTURE_MODE_RELAXED
        return 0, before

    def _function(self, name: str) -> Any:
        made = {
            "cuGraphCreate": self._real.CUgraph, "cuGraphInstantiate": self._real.CUgraphExec,
            "cuGraphAddKernelNode": self._real.CUgraphNode, "cuGraphAddMemcpyNode": self._real.CUgraphNode,
            "cuTensorMapEncodeTiled": _Map, "cuTensorMapEncodeIm2col": _Map, "cuCtxGetCurrent": self._real.CUcontext,
        }.get(name)  # fmt: skip

        def call(*_: Any) -> tuple[Any, ...]:
            self._owner.calls[name] += 1
            self._owner.relaxed_calls[name] += self._owner.relaxed
            return (0,) if made is None else (0, made(next(_ADDRESSES) << 8))

        return call


class _Map:
    def __init__(self, _: int) -> None:
        self._memory = ctypes.create_string_buffer(128)

    def getPtr(self) -> int:  # noqa: N802 - the name that cuda.bindings gives it
        return ctypes.addressof(self._memory)


def _properties(index: int) -> dict[str, Any]:
    return {
        "name": b"pretended", "major": 9, "minor": 0, "multiProcessorCount": 132, "totalGlobalMem": 80 << 30,
        "l2CacheSize": 50 << 20, "sharedMemPerBlockOptin": 227 << 10, "sharedMemPerMultiprocessor": 228 << 10,
        "regsPerMultiprocessor": 65536, "uuid": b"\0" * 16,
    }  # fmt: skip


def _forget() -> None:
    """Nothing that one driver made is left for another."""
    gc.collect()
    _properties_of.cache_clear()
    tensor_maps._MADE.clear()


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretend]:
    """A pretended device for a test."""
    made = Pretend()
    found = made.driver()
    _forget()
    monkeypatch.setattr(door, "_load", lambda: found)
    yield made
    _forget()
