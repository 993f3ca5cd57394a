"""Pooling on the CPU: channels-last windows of float32, and plain loops for other types, ranks and strides."""

from __future__ import annotations

from minirt.ir.scalar import Body, arg, cast
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.convolution import (
    FLOATS,
    channels_last,
    image_of,
    paired,
    unplaced,
    widened,
    window_args,
    window_launch,
    window_source,
)
from minirt.kernels.cpu.finishing import finish_with
from minirt.kernels.cpu.gemm import Orders
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.ops.pooling import Pool
from minirt.plan.launch import Launches, Spec
from minirt.types.dim import Dim, mul
from minirt.types.dtype import f32


class PoolWindow(Kernel):
    """Maximum and average of float windows, channels last."""

    ops = (Pool,)
    rank = 30

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images; narrow floats are copied anyway."""
        rank = problem.outputs[0].type.rank
        if rank not in (3, 4):
            return (None,), (None,)
        return (channels_last(rank) if problem.inputs[0].type.dtype is f32 else None,), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """p-norms, integers, other ranks."""
        assert isinstance(problem.op, Pool)
        if problem.op.kind not in ("max", "average"):
            return f"{problem.op.kind} pooling"
        if problem.inputs[0].type.dtype not in FLOATS:
            return f"pooling of {problem.inputs[0].type.dtype}"
        if problem.outputs[0].type.rank not in (3, 4):
            return f"{problem.outputs[0].type.rank - 2} spatial axes are not taken"
        return unplaced(problem, 1)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch, after its input is widened."""
        op, y = problem.op, problem.outputs[0]
        assert isinstance(op, Pool)
        x, place, steps, work = widened(problem)
        size, rank = image_of(x.shape, x.strides).size, y.type.rank - 2
        begins, ends = paired(op.pads[:rank], 0), paired(op.pads[rank:], 0)
        counted: list[Dim] = [*size, 0, 0]
        if op.include_pad:
            counted = [n + e for n, e in zip(size, ends, strict=True)] + [mul(b, -1) for b in begins]
        taps = paired(op.kernel, 1)
        args = window_args(x, y, taps, op.strides, op.dilations, op.pads[:rank], counted)
        args[0] = place
        dtype = problem.inputs[0].type.dtype
        body = Body((f32,), (cast(arg(0, f32), dtype),))
        steps.append(
            window_launch(problem, op.kind, "PoolWindow", args, finish_with(body, (), 1, steps, work).spec, taps)
        )
        return Launches(tuple(steps), tuple(work))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The window kernel."""
        return window_source(spec)
