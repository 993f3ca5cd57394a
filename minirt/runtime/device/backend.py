"""CUDA as a target: device memory, and launches that become a graph once they are used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from minirt.errors import DeviceError
from minirt.flags import flags
from minirt.plan.launch import Address, Arg, Integer, Launch, Real, TensorMap, Unit
from minirt.runtime.backend import Bases, Transfer, Work
from minirt.runtime.device.arguments import Kind
from minirt.runtime.device.arrivals import Arrival, dependencies
from minirt.runtime.device.branches import Touched, touched, waits_of
from minirt.runtime.device.device import Current, Device
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import CapturedGraph, Graph
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.memory import DeviceMemory, PinnedMemory, copy
from minirt.runtime.device.modules import Kernel, Module
from minirt.runtime.device.streams import Stream, is_capturing, synchronize
from minirt.runtime.device.tensor_maps import Im2colMap, TiledMap
from minirt.types.dtype import Array
from minirt.types.evaluate import Evaluator

_OVERLAPS = (9, 0)
"""The compute capability from which a launch may be set up while the one before it runs."""
_MOST_APART = 2000
_WORTH_A_GRAPH = 3
"""Fewer launches than this cost the host less one by one than as a graph."""

Slot = tuple[int, int, int]  # launch, argument, bytes beyond the buffer's start


class CudaSegment:
    """Launches packed for one set of sizes: run one by one at first, as one graph from the second time on.

    New addresses are written into the arguments in place; the graph takes them over before its next launch.
    """

    def __init__(
        self,
        device: Device,
        labels: Sequence[str],
        launches: Sequence[PackedLaunch | Arrival],
        slots: Mapping[int, list[Slot]],
        waits: list[list[int]] | None = None,
    ) -> None:
        self.device, self._waits = device, waits
        self._labels, self._launches, self._slots = labels, launches, slots
        self._changed: set[int] = set()
        self._graph: Graph | None = None
        self._used = False
        self._worth = len(launches) >= _WORTH_A_GRAPH and flags().cuda_graph

    def patch(self, buffer: int, address: int) -> None:
        """Give a caller's buffer a new address."""
        for number, argument, offset in self._slots.get(buffer, ()):
            self._set(number, argument, address + offset)
            self._changed.add(number)

    def run(self, stream: int) -> None:
        """Put every launch on the stream; on a stream that is capturing they are recorded one by one."""
        with self.device.current():
            if self._worth and self._used and not is_capturing(stream):
                self._run_graph(stream)
                return
            for launch in self._launches:
                launch.run(stream)
        self._used = True

    def _run_graph(self, stream: int) -> None:
        if self._graph is None:
            self._graph = Graph(self.device, self._launches, self._waits or dependencies(self._launches))
        else:
            for number in self._changed:
                self._graph.update(self._launches[number])
        self._changed.clear()
        self._graph.launch(stream)

    def _set(self, number: int, argument: int, address: int) -> None:
        try:
            launch = self._launches[number]
            assert isinstance(launch, PackedLaunch)
            launch.set(argument, address)
        except DeviceError as error:
            raise DeviceError(error.what, f"node {self._labels[number]!r}", error.fix) from error

    @property
    def launches(self) -> Sequence[PackedLaunch]:
        """The launches, in order."""
        return [x for x in self._launches if isinstance(x, PackedLaunch)]

    @property
    def has_graph(self) -> bool:
        """True once the launches are submitted as a graph."""
        return self._graph is not None

    def profile(self, stream: int) -> list[tuple[str, str, float]]:
        """Run once and wait: for each launch its node, its kernel's entry and its microseconds on the device."""
        events = [Event(self.device) for _ in range(len(self._launches) + 1)]
        with self.device.current():
            events[0].record(stream)
            for launch, event in zip(self._launches, events[1:], strict=True):
                launch.run(stream)
                event.record(stream)
        synchronize(stream)
        times = [1e3 * b.milliseconds_since(a) for a, b in zip(events, events[1:], strict=False)]
        entries = [x.kernel.entry if isinstance(x, PackedLaunch) else "weights arrive" for x in self._launches]
        return list(zip(self._labels, entries, times, strict=True))


class CudaBackend:
    """Runs launches whose units are cubins and the names of their entries, on one device."""

    host_memory = False

    def __init__(self, device: Device, compiled: Mapping[Unit, tuple[bytes, str]], shared: Mapping[Unit, int]) -> None:
        """Loads every cubin; ``shared`` is the most dynamic shared memory that a launch of each unit asks for."""
        self.device = device
        modules: dict[bytes, Module] = {}
        self._kernels: dict[Unit, Kernel] = {}
        self._sized: dict[tuple[Unit, int], Kernel] = {}
        for unit, (cubin, entry) in compiled.items():
            if cubin not in modules:
                modules[cubin] = Module(device, cubin)
            most = shared.get(unit, 0)
            self._sized[unit, most] = Kernel(modules[cubin], entry, most)
            self._kernels[unit] = self._sized[unit, most]

    def allocate(self, nbytes: int) -> DeviceMemory:
        """Uninitialised memory of the device."""
        return DeviceMemory(self.device, nbytes)

    def pinned(self, nbytes: int) -> PinnedMemory:
        """Uninitialised page-locked host memory."""
        return PinnedMemory(nbytes)

    def segment(self, launches: Sequence[tuple[str, Work]], sizes: Mapping[str, int], bases: Bases) -> CudaSegment:
        """The launches, packed; those with an empty grid are left out."""
        evaluate = Evaluator(sizes)
        overlaps = flags().overlap and self.device.properties.capability >= _OVERLAPS
        labels: list[str] = []
        packed: list[PackedLaunch | Arrival] = []
        places: list[int] = []  # of each item; of the launch before one that is left out
        slots: dict[int, list[Slot]] = {}
        touches: list[Touched] = []
        last = -1
        for label, launch in launches:
            places.append(len(packed))
            if isinstance(launch, Transfer):
                after = places[launch.after] if launch.after >= 0 else -1
                packed.append(Arrival(launch.target, launch.source, launch.nbytes, False, True, self.device, after))
                labels.append(label)
                continue
            x, y, z = (evaluate.integer(n) for n in launch.grid)
            if min(x, y, z) <= 0:
                places[-1] = last
                continue
            last = places[-1]
            kernel = self._kernel(launch)
            try:
                kinds, values = _arguments(launch.args, evaluate, bases)
                made = PackedLaunch(
                    kernel, (x, y, z), launch.block, kinds, values, cluster=launch.cluster,
                    programmatic=launch.follows and overlaps,
                )  # fmt: skip
            except DeviceError as error:
                raise DeviceError(error.what, f"node {label!r}, kernel '{kernel.entry}'", error.fix) from error
            for number, arg in enumerate(launch.args):
                at = arg.address if isinstance(arg, TensorMap) else arg
                if isinstance(at, Address) and bases.outside(at.index):
                    slots.setdefault(at.index, []).append((len(packed), number, evaluate.integer(at.offset)))
            labels.append(label)
            packed.append(made)
            touches.append(touched(launch, bases) if flags().branches else Touched())
        apart = flags().branches and len(touches) == len(packed) <= _MOST_APART  # else weights arrive, in their order
        return CudaSegment(self.device, labels, packed, slots, waits_of(touches) if apart else None)

    def _kernel(self, launch: Launch) -> Kernel:
        found = self._sized.get((launch.unit, launch.shared))
        if found is None:
            largest = self._kernels[launch.unit]
            found = Kernel(largest.module, largest.entry, launch.shared)
            self._sized[launch.unit, launch.shared] = found
        return found

    def read(self, address: int, nbytes: int, stream: int) -> NDArray[np.uint8]:
        """The bytes at the address, copied once the work on the stream is done; raises DeviceError for its faults."""
        out = np.empty(nbytes, np.uint8)
        copy(self.device, out.ctypes.data, address, nbytes, stream)
        synchronize(stream)
        return out

    def write(self, address: int, data: Array, stream: int) -> None:
        """Copy a contiguous host array to the address, in stream order; the array may be changed at once."""
        copy(self.device, address, data.ctypes.data, data.nbytes, stream)
        synchronize(stream)

    def copy(self, target: int, source: int, nbytes: int, stream: int) -> None:
        """Copy bytes between addresses, in stream order."""
        copy(self.device, target, source, nbytes, stream)

    def capturing(self, stream: int) -> bool:
        """True where work put on the stream is recorded into a graph of the caller's."""
        return is_capturing(stream)

    def current(self) -> Current:
        """Within it the device is this thread's current one."""
        return self.device.current()

    def record(self, run: Callable[[int], None]) -> CapturedGraph:
        """The graph of what `run` puts on a stream of our own; the caller keeps alive what the work refers to."""
        stream = Stream(self.device)
        try:
            graph = CapturedGraph(self.device, stream.handle, run)
        finally:
            stream.close()
        graph.forget()
        return graph

    def finish(self) -> None:
        """Wait for all work on the device."""
        self.device.synchronize()

    def free(self) -> int:
        """Bytes of the device's memory that nothing uses."""
        return self.device.free_memory()

    def close(self) -> None:
        """Unload the modules, once no segment refers to them."""
        self._kernels.clear()
        self._sized.clear()


def _arguments(args: Sequence[Arg], evaluate: Evaluator, bases: Bases) -> tuple[list[Kind], list[object]]:
    kinds: list[Kind] = []
    values: list[object] = []
    for arg in args:
        if isinstance(arg, Address):
            kinds.append("ptr")
            values.append(_address(arg, evaluate, bases))
        elif isinstance(arg, Integer):
            kinds.append("i64" if arg.bits == 64 else "i32")
            values.append(evaluate.integer(arg.value))
        elif isinstance(arg, Real):
            kinds.append("f64" if arg.bits == 64 else "f32")
            values.append(float(arg.value))
        else:
            kinds.append("map")
            values.append((_tensor_map(arg, evaluate), _address(arg.address, evaluate, bases)))
    return kinds, values


def _address(arg: Address, evaluate: Evaluator, bases: Bases) -> int:
    return bases.address(arg.index) + evaluate.integer(arg.offset)


def _tensor_map(arg: TensorMap, evaluate: Evaluator) -> TiledMap | Im2colMap:
    dims = tuple(evaluate.integer(d) for d in arg.dims)
    strides = tuple(evaluate.integer(s) for s in arg.strides)
    if arg.channels:
        return Im2colMap(
            arg.dtype, dims, strides, arg.lower, arg.upper, arg.channels, arg.pixels, arg.element_strides, arg.swizzle
        )
    return TiledMap(arg.dtype, dims, strides, arg.box, arg.element_strides, arg.swizzle)
