"""Where the time of a plan goes: what each step takes, moves and computes, and the least that it could take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from minirt.plan.plan import KernelStep, LoopStep
from minirt.runtime.cpu.backend import CpuSegment
from minirt.runtime.device import CudaSegment
from minirt.runtime.device.repetition import repeated_times
from minirt.runtime.executor import Executor
from minirt.runtime.groups import Group
from minirt.types.dtype import DType
from minirt.types.tensor import Tensor

_CPU_SAMPLES = 5


@dataclass(frozen=True)
class Ceilings:
    """What a machine can do: GB/s of memory, TFLOP/s of matrix units by element type, microseconds a launch costs."""

    bandwidth: float
    rates: dict[str, float]
    launch: float = 1.0

    def floor(self, time: StepTime) -> float:
        """The least microseconds that the step could take; a rate that is not known counts as endless."""
        rate = self.rates.get(time.dtype, 0.0)
        work = time.flops / rate / 1e6 if rate else 0.0
        return max(time.bytes / self.bandwidth / 1e3, work) + self.launch


@dataclass(frozen=True)
class StepTime:
    """A step of a plan as it was measured; ``dtype`` is its first operand's, ``entries`` its launches' kernels."""

    label: str
    kernel: str
    entries: tuple[str, ...]
    microseconds: float
    bytes: int
    flops: int
    dtype: str

    @property
    def bandwidth(self) -> float:
        """GB/s."""
        return self.bytes / self.microseconds / 1e3 if self.microseconds else 0.0

    @property
    def rate(self) -> float:
        """TFLOP/s."""
        return self.flops / self.microseconds / 1e6 if self.microseconds else 0.0


def step_times(executor: Executor, stream: int = 0) -> list[StepTime]:
    """Each step that kernels do, measured on an executor that has run: its sizes and addresses are those of that run.

    On a device each launch is repeated alone, which leaves no results of use. Steps of the host are not measured.
    """
    found: list[StepTime] = []
    for group, segment in executor.segments():
        found += _group_times(executor, group, segment, stream)
    return found


def _group_times(executor: Executor, group: Group, segment: object, stream: int) -> Iterator[StepTime]:
    assert isinstance(segment, CpuSegment | CudaSegment)
    on_device = isinstance(segment, CudaSegment)
    times, at, evaluate = _launch_times(segment, stream), 0, executor.frame.evaluate
    entries = [x.kernel.entry for x in segment.launches] if isinstance(segment, CudaSegment) else segment.entries
    for step in group.steps:
        if isinstance(step, LoopStep):
            yield StepTime(step.label, "Loop", (), sum(times), 0, 0, "")
            continue
        assert isinstance(step, KernelStep)
        taken = next(c for c in step.choices if evaluate(c.guard))
        grids = [x.grid if on_device else x.grid[:1] for x in taken.launches]
        count = sum(min(evaluate.integer(n) for n in grid) > 0 for grid in grids)
        kind: DType | None = step.reads[0].type.dtype if step.reads and isinstance(step.reads[0].type, Tensor) else None
        yield StepTime(
            step.label, taken.kernel, tuple(entries[at : at + count]), sum(times[at : at + count]),
            evaluate.integer(step.bytes), evaluate.integer(step.flops), kind.name if kind else "",
        )  # fmt: skip
        at += count


def _launch_times(segment: CpuSegment | CudaSegment, stream: int) -> list[float]:
    if isinstance(segment, CudaSegment):
        return repeated_times(segment.device, segment.launches, stream)
    samples = [[t for _, _, t in segment.profile(stream)] for _ in range(_CPU_SAMPLES)]
    return [sorted(times)[_CPU_SAMPLES // 2] for times in zip(*samples, strict=True)]
