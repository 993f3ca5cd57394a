"""Tactics of plugins, timed while an engine is built: the fastest on the target, at the best sizes of a profile."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from minirt.build.targets import cuda_target
from minirt.errors import DeviceError, MinirtError
from minirt.kernels.kernel import Target
from minirt.ops.user_call import Needs, Range, Row, Runner, UserCall, plugins
from minirt.runtime.backend import Memory
from minirt.runtime.cpu.backend import HostMemory, bytes_at
from minirt.runtime.device import Device, available
from minirt.runtime.device.events import Event
from minirt.runtime.device.memory import DeviceMemory, copy
from minirt.runtime.device.streams import Stream, synchronize
from minirt.trace import Detail, say
from minirt.types.dtype import Array

_RUNS = 20
_SECONDS = 0.05
"""What the timing of one tactic may take, beyond two runs."""


@dataclass
class Contest:
    """Times plugins for a target; equal calls at equal sizes once. ``rounds`` multiplies the runs."""

    target: Target
    rounds: int = 1
    known: dict[object, int] = field(default_factory=dict)

    def fastest(
        self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range], needs: Needs, label: str
    ) -> int:
        """The plugin's fastest tactic; its first where there is no other, or nothing to time on.

        Tactics that fail are left out; raises MinirtError, of the first, where all do.
        """
        ranges = (*inputs, *outputs)
        sized = all(n >= 0 for r in ranges for n in r.usual)
        if len(needs.tactics) < 2 or not sized or not self._here():
            return needs.tactic
        key = call, tuple((r.type.dtype.name, r.usual) for r in ranges), needs.tactics
        if key not in self.known:
            try:
                stage = self._stage(call, inputs, outputs, needs.workspace)
            except DeviceError as error:  # memory is short: the first stays
                say(Detail.PHASES, f"{label} is not timed: {error}")
                return needs.tactic
            self.known[key] = self._winner(call, needs.tactics, stage, label)
        return self.known[key]

    def _here(self) -> bool:
        """True where this machine has the target."""
        return self.target.kind == "cpu" or (available() and cuda_target() == self.target)

    def _winner(self, call: UserCall, tactics: Sequence[int], stage: _Stage, label: str) -> int:
        times: dict[int, float] = {}
        failures: list[MinirtError] = []
        on_device = self.target.kind == "cuda"
        timed = _on_device if on_device else _on_host
        for tactic in tactics:
            try:
                times[tactic] = timed(plugins(call).attach(call, tactic, on_device), stage, _RUNS * self.rounds)
                say(Detail.PHASES, f"{label}: tactic {tactic} takes {1e6 * times[tactic]:.1f} us")
            except MinirtError as error:
                failures.append(error)
                say(Detail.PHASES, f"{label}: tactic {tactic} does not run: {error}")
        if not times:
            raise failures[0]
        return min(times, key=times.__getitem__)

    def _stage(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range], workspace: int) -> _Stage:
        """Memory for operands of the best sizes, with numbers in it."""
        on_device = self.target.kind == "cuda"

        def room(nbytes: int) -> Memory:
            return DeviceMemory(Device(0), nbytes) if on_device else HostMemory(nbytes)

        held = [room(r.type.dtype.nbytes(math.prod(r.usual))) for r in (*inputs, *outputs)]
        for number, source in call.aliases:
            held[len(inputs) + number] = held[source]
        for memory, given in zip(held, inputs, strict=False):
            _fill(memory.address, _numbers(given), on_device)
        rows = [Row(m.address, r.type.dtype, r.usual) for m, r in zip(held, (*inputs, *outputs), strict=True)]
        return _Stage(rows[: len(inputs)], rows[len(inputs) :], room(workspace), held)


@dataclass(frozen=True)
class _Stage:
    """What a plugin is timed on."""

    inputs: Sequence[Row]
    outputs: Sequence[Row]
    work: Memory
    held: Sequence[Memory]

    def run(self, runner: Runner, stream: int) -> None:
        """Run the plugin once."""
        runner.enqueue(self.inputs, self.outputs, self.work.address, stream)


def _numbers(given: Range) -> Array:
    dtype, count = given.type.dtype, math.prod(given.usual)
    if dtype.is_float:
        return np.random.default_rng(0).standard_normal(count).astype(np.float32).astype(dtype.numpy)
    return np.zeros(count, dtype.numpy)


def _fill(address: int, array: Array, on_device: bool) -> None:
    raw = np.ascontiguousarray(array).view(np.uint8)
    if on_device:
        copy(Device(0), address, raw.ctypes.data, raw.nbytes, 0)
        synchronize(0)
    else:
        bytes_at(address, raw.nbytes)[...] = raw


def _on_host(runner: Runner, stage: _Stage, runs: int) -> float:
    stage.run(runner, 0)
    best, until = math.inf, time.perf_counter() + _SECONDS
    for _ in range(runs):
        start = time.perf_counter()
        stage.run(runner, 0)
        end = time.perf_counter()
        best = min(best, end - start)
        if end > until:
            break
    return best


def _on_device(runner: Runner, stage: _Stage, runs: int) -> float:
    device = Device(0)
    with device.current():
        stream, start, end = Stream(device), Event(device), Event(device)
        stage.run(runner, stream.handle)
        stream.synchronize()
        best, until = math.inf, time.perf_counter() + _SECONDS
        for _ in range(runs):
            start.record(stream.handle)
            stage.run(runner, stream.handle)
            end.record(stream.handle)
            end.synchronize()
            best = min(best, end.milliseconds_since(start) / 1e3)
            if time.perf_counter() > until:
                break
    return best
