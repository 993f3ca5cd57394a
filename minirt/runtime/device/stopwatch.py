"""Measured times of launches: medians by events around graphs of many runs, over buffers that the cache cannot hold."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf

import numpy as np

from minirt.errors import DeviceError
from minirt.plan.launch import Launch, Unit
from minirt.runtime.device.backend import CudaBackend
from minirt.runtime.device.device import Device
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import Graph
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.memory import DeviceMemory, copy, fill
from minirt.runtime.device.streams import Stream, synchronize
from minirt.types.dtype import Array

_ALIGNMENT = 256
_MOST_SETS = 64
_SAMPLE_US = 300.0
_LONGEST_GRAPH = 256
_WARM_SECONDS = 0.03
_ABANDONED = ((1, 1.3), (2, 1.1))  # after so many samples, who is slower than the best by this factor
_SAMPLES = 7
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Room:
    """A buffer of a bench: its bytes, and the element type of the random numbers in it ("": zeros)."""

    nbytes: int
    dtype: str = ""


@dataclass(frozen=True)
class Bench:
    """Ways to do one thing: buffers, whose numbers the launches' addresses are, sizes of dims, launches of each way."""

    rooms: tuple[Room, ...]
    sizes: Mapping[str, int]
    trials: tuple[tuple[Launch, ...], ...]


class TrialFault(DeviceError):
    """A trial's kernel faulted, after which the process cannot use the device any more; ``trial`` is its number."""

    def __init__(self, what: str, trial: int) -> None:
        super().__init__(what)
        self.trial = trial


class _Bases:
    """Where the buffers of one set lie."""

    def __init__(self, start: int, offsets: Sequence[int]) -> None:
        self.start, self.offsets = start, offsets

    def address(self, buffer: int) -> int:
        """Where the buffer starts."""
        return self.start + self.offsets[buffer]

    def outside(self, buffer: int) -> bool:
        """False: nothing moves."""
        return False

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """Unknown: launches run one after the other."""
        return None


class Stopwatch:
    """Times benches on one device, in memory that it keeps from one to the next.

    It does so on ``stream``, or for 0 on one of its own, and takes at least ``least`` samples of each trial.
    """

    def __init__(self, device: Device, stream: int = 0, least: int = 1) -> None:
        self.device, self._least = device, least
        self._own = None if stream else Stream(device)
        self._stream = stream if self._own is None else self._own.handle
        self._memory = DeviceMemory(device, 0)
        self._blocks: dict[str, DeviceMemory] = {}
        self._events = Event(device), Event(device)
        self._warm = False

    def times(self, bench: Bench, compiled: Mapping[Unit, tuple[bytes, str]], rounds: int = 1) -> list[float | None]:
        """Microseconds of each trial; None for one that cannot be launched.

        ``rounds`` multiplies the samples. Raises TrialFault where a kernel faults, DeviceError where memory is short.
        """
        starts, offsets = self._sets(bench)
        shared: dict[Unit, int] = {}
        for launch in (x for trial in bench.trials for x in trial):
            shared[launch.unit] = max(launch.shared, shared.get(launch.unit, 0))
        backend = CudaBackend(self.device, {unit: compiled[unit] for unit in shared}, shared)
        runs: list[list[list[PackedLaunch]] | None] = []
        for number, trial in enumerate(bench.trials):
            runs.append(self._packed(backend, trial, bench.sizes, [_Bases(s, offsets) for s in starts], number))
        with self.device.current():
            return self._race(runs, rounds)

    def _sets(self, bench: Bench) -> tuple[list[int], list[int]]:
        """Where each set of buffers starts, filled; as many sets as overflow the second-level cache twice."""
        offsets, size = [], 0
        for room in bench.rooms:
            offsets.append(size)
            size += -(-room.nbytes // _ALIGNMENT) * _ALIGNMENT
        size = max(size, _ALIGNMENT)
        most = max(1, (self.device.free_memory() + self._memory.nbytes) // 2 // size)
        count = max(1, min(ceil(2 * self.device.l2 / size), _MOST_SETS, most))
        if self._memory.nbytes < count * size:
            self._memory.close()
            self._memory = DeviceMemory(self.device, 0)  # what is held where there is no room for more
            self._memory = DeviceMemory(self.device, count * size)
        starts = [self._memory.address + i * size for i in range(count)]
        fill(self.device, self._memory.address, 0, count * size, self._stream)
        for start in starts:
            for room, offset in zip(bench.rooms, offsets, strict=True):
                self._randomize(room, start + offset)
        synchronize(self._stream)
        return starts, offsets

    def _randomize(self, room: Room, address: int) -> None:
        if not room.dtype:
            return
        if room.dtype not in self._blocks:
            data = random_block(room.dtype)
            self._blocks[room.dtype] = DeviceMemory(self.device, data.nbytes)
            self._blocks[room.dtype].upload(data)
        block = self._blocks[room.dtype]
        done = min(room.nbytes, block.nbytes)
        copy(self.device, address, block.address, done, self._stream)
        while done < room.nbytes:  # doubling: a copy of what is there already
            part = min(done, room.nbytes - done)
            copy(self.device, address + done, address, part, self._stream)
            done += part

    def _packed(
        self, backend: CudaBackend, trial: Sequence[Launch], sizes: Mapping[str, int], bases: list[_Bases], number: int
    ) -> list[list[PackedLaunch]] | None:
        """A trial's launches over each set, once run; None where the driver refuses them."""
        labelled = [("trial", launch) for launch in trial]
        try:
            found = [list(backend.segment(labelled, sizes, b).launches) for b in bases]
            with self.device.current():
                for launch in found[0]:
                    launch.run(self._stream)
        except DeviceError:
            found = []
        try:
            synchronize(self._stream)
        except DeviceError as error:
            raise TrialFault(error.what, number) from error
        return found if found and found[0] else None

    def _race(self, runs: Sequence[list[list[PackedLaunch]] | None], rounds: int) -> list[float | None]:
        """Samples by turns, so that a change of clocks meets every trial; who falls behind is asked no more."""
        racing: dict[int, Callable[[], float]] = {}
        samples: dict[int, list[float]] = {}
        for number, sets in enumerate(runs):
            if sets is None:
                continue
            sample = self._sampler(sets, 1)
            if not self._warm:
                self._spin(sample)
            sample()
            once = sample()
            again = int(
                min(_SAMPLE_US / max(once * len(sets), 1e-3), _LONGEST_GRAPH / max(1, len(sets[0]) * len(sets)))
            )
            racing[number] = self._sampler(sets, again) if again > 1 else sample
            samples[number] = [racing[number]()]
        factors = dict(_ABANDONED)
        for turn in range(1, max(_SAMPLES * rounds, self._least)):
            if turn >= self._least:
                limit = min((_median(s) for s in samples.values()), default=inf) * factors.get(turn, inf)
                racing = {n: sample for n, sample in racing.items() if _median(samples[n]) <= limit}
            if len(racing) < 2 and turn > max(2, self._least - 1):
                break
            for number, sample in racing.items():
                samples[number].append(sample())
        return [_median(samples[n]) if n in samples else None for n in range(len(runs))]

    def _sampler(self, sets: Sequence[Sequence[PackedLaunch]], times: int) -> Callable[[], float]:
        """Measures one run in microseconds: a graph goes ``times`` over all sets."""
        graph = Graph(self.device, [launch for _ in range(times) for one in sets for launch in one])
        count = times * len(sets)
        start, end = self._events
        stream = self._stream

        def sample() -> float:
            start.record(stream)
            graph.launch(stream)
            end.record(stream)
            end.synchronize()
            return end.milliseconds_since(start) * 1e3 / count

        graph.launch(stream)
        synchronize(self._stream)
        return sample

    def _spin(self, sample: Callable[[], float]) -> None:
        """Bring the clocks up."""
        until = time.monotonic() + _WARM_SECONDS
        while time.monotonic() < until:
            sample()
        self._warm = True

    def close(self) -> None:
        """Free the memory."""
        for memory in (self._memory, *self._blocks.values()):
            memory.close()
        self._blocks.clear()


def random_block(dtype: str) -> Array:
    """Bytes of numbers that no kernel stumbles over: small floats and bytes; zeros where they may be indices."""
    rng = np.random.default_rng(0)
    if dtype in ("f16", "f32", "f64"):
        kind = {"f16": np.float16, "f32": np.float32, "f64": np.float64}[dtype]
        return (rng.standard_normal(_BLOCK, np.float32) * 0.5).astype(kind).view(np.uint8)
    if dtype == "bf16":
        wide = (rng.standard_normal(_BLOCK, np.float32) * 0.5).view(np.uint32)
        return (wide >> 16).astype(np.uint16).view(np.uint8)
    if dtype in ("i8", "u8"):
        return rng.integers(0, 8, _BLOCK, np.uint8)
    return np.full(_BLOCK, dtype == "bool", np.uint8)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[(len(values) - 1) // 2]  # of two the lesser: what disturbs a sample makes it longer
