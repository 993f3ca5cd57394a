"""CUDA as a target: device memory, and launches that become a graph once they are used again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from minirt.errors import DeviceError
from minirt.flags import flags
from minirt.plan.launch import Launch, Unit
from minirt.runtime.backend import Again, Bases, Manner, Transfer, Work
from minirt.runtime.device.arrivals import Arrival
from minirt.runtime.device.branches import MOST_APART, Touched, touched, waits_of
from minirt.runtime.device.device import Current, Device
from minirt.runtime.device.early import is_early, is_short
from minirt.runtime.device.graphs import CapturedGraph
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.memory import DeviceMemory, PinnedMemory, copy
from minirt.runtime.device.modules import Kernel, Module
from minirt.runtime.device.plain import Plain
from minirt.runtime.device.ranges import Marked
from minirt.runtime.device.recipes import Numbers, Recipe, recipe_of
from minirt.runtime.device.rerun import rerun
from minirt.runtime.device.segments import CudaSegment, Slot
from minirt.runtime.device.streams import Stream, is_capturing, synchronize
from minirt.types.dtype import Array

_OVERLAPS = (9, 0)
"""The compute capability from which a launch may be set up while the one before it runs."""
_MOST_RECIPES = 1 << 13


class CudaBackend:
    """Runs launches whose units are cubins and the names of their entries, on one device."""

    host_memory = False

    def __init__(self, device: Device, compiled: Mapping[Unit, tuple[bytes, str]], shared: Mapping[Unit, int]) -> None:
        """Loads every cubin; ``shared`` is the most dynamic shared memory that a launch of each unit asks for."""
        self.device = device
        modules: dict[bytes, Module] = {}
        self._kernels: dict[Unit, Kernel] = {}
        self._sized: dict[tuple[Unit, int], Kernel] = {}
        self._recipes: dict[int, Recipe] = {}
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

    def segment(
        self, launches: Sequence[tuple[str, Work]], sizes: Mapping[str, int], bases: Bases,
        lanes: Sequence[int] = (), manner: Manner | None = None,
    ) -> CudaSegment:  # fmt: skip
        """The launches, packed; those with an empty grid are left out."""
        integer, address, outside = Numbers(sizes).__getitem__, cache(bases.address), cache(bases.outside)
        asked = flags()
        overlaps = asked.overlap if self.device.properties.capability >= _OVERLAPS else False
        labels, packed = list[str](), list[PackedLaunch | Arrival]()
        order: list[int] = []  # of each item; of the launch before one that is left out
        slots: dict[int, list[Slot]] = {}
        kept, spread = list[Launch](), list[int]()  # and the lanes of what is kept
        last, reader, before = -1, -1, False  # before: whether the launch before is short
        for number, (label, launch) in enumerate(launches):
            order.append(len(packed))
            if isinstance(launch, Transfer):
                after = order[launch.after] if launch.after >= 0 else -1
                packed.append(Arrival(launch.target, launch.source, launch.nbytes, False, True, self.device, after))
                labels.append(label)
                continue
            recipe = self._recipe(launch)
            grid = recipe.grid(integer)
            if min(grid) <= 0:
                order[-1] = last
                continue
            last = order[-1]
            try:
                short = is_short(grid, launch.even, self.device.multiprocessors)
                early = launch.follows and is_early(overlaps, before, short)
                made, before = recipe.packed(grid, integer, address, programmatic=early), short
            except DeviceError as error:
                raise DeviceError(error.what, f"node {label!r}, kernel '{recipe.kernel.entry}'", error.fix) from error
            for place, buffer, offset in recipe.buffers:
                if outside(buffer):
                    reader = reader if launch.writes is not None and buffer in launch.writes else len(packed)
                    slots.setdefault(buffer, []).append((len(packed), place, integer(offset)))
            labels.append(label)
            packed.append(made)
            kept.append(launch)
            spread += lanes[number : number + 1]

        def waits() -> list[list[int]] | None:
            """What each waits for; None for the one before it. Weights that arrive are waited for in their order."""
            if asked.branches is False or len(kept) < len(packed) or len(packed) > MOST_APART:
                return None
            return self._waits(kept, packed, bases, everywhere=asked.branches is True)

        crossing = self._crossing(kept, len(packed), bases, spread)
        plain = Plain(self.device, labels, packed, manner, spread, crossing, reader)
        return CudaSegment(self.device, labels, packed, slots, {b: bases.address(b) for b in slots}, waits, plain)

    def _crossing(
        self, kept: Sequence[Launch], count: int, bases: Bases, lanes: Sequence[int]
    ) -> list[list[int]] | None:
        """What launches one by one wait for: those before them whose memory they touch; None on one stream."""
        apart = any(lanes) and len(lanes) == len(kept) == count <= MOST_APART
        return waits_of([touched(x, bases) for x in kept]) if apart else None

    def _waits(
        self, kept: Sequence[Launch], packed: Sequence[PackedLaunch | Arrival], bases: Bases, *, everywhere: bool
    ) -> list[list[int]] | None:
        many = self.device.multiprocessors
        grids = [x.grid for x in packed if isinstance(x, PackedLaunch)]
        apart = [everywhere or is_short(grid, x.even, many) for x, grid in zip(kept, grids, strict=True)]
        touches = [touched(x, bases) if on else Touched(anything=True) for x, on in zip(kept, apart, strict=True)]
        found = waits_of(touches)
        return None if all(waits == [i - 1] for i, waits in enumerate(found) if i) else found

    def _recipe(self, launch: Launch) -> Recipe:
        found = self._recipes.get(id(launch))  # a recipe holds its launch, so that no other gets its id
        if found is None:
            if len(self._recipes) >= _MOST_RECIPES:  # launches of loops written out come and go
                self._recipes.clear()
            found = self._recipes[id(launch)] = recipe_of(launch, self._kernel(launch))
        return found

    def _kernel(self, launch: Launch) -> Kernel:
        found = self._sized.get((launch.unit, launch.shared))
        if found is None:
            largest = self._kernels[launch.unit]
            found = Kernel(largest.module, largest.entry, launch.shared)
            self._sized[launch.unit, launch.shared] = found
        return found

    def streams(self, count: int) -> list[Stream]:
        """Fresh streams, which wait for no other."""
        return [Stream(self.device) for _ in range(count)]

    def marked(self, text: str) -> Marked:
        """An NVTX range."""
        return Marked(text)

    def again(self, parts: Sequence[Again], name: str) -> Callable[[int, bool], bool]:
        """What makes a run of these parts again."""
        return rerun(self.device, parts, name)

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
        self._recipes.clear()
        self._kernels.clear()
        self._sized.clear()
