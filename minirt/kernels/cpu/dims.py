"""Tensors of sizes on the CPU: numbers known at bind, written to memory."""

from __future__ import annotations

from minirt.ir.scalar import Body, arg, cast, encode
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import function_text
from minirt.kernels.cpu.pointwise import region_line, unsupported
from minirt.kernels.kernel import Kernel, Order, Problem, Target
from minirt.ops.movement import Dims
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import is_integral
from minirt.types.dtype import dtype_of, i64


class DimsWrite(Kernel):
    """Writes the values, one argument each."""

    ops = (Dims,)

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """The result is dense and row-major."""
        return (), (Order(tuple(range(problem.outputs[0].type.rank))),)

    def rejects(self, problem: Problem) -> str:
        """Values that may be fractions, results with gaps."""
        assert isinstance(problem.op, Dims)
        if not problem.outputs[0].dense:
            return "the result must be dense"
        if problem.op.dtype.is_float and not all(map(is_integral, problem.op.values)):
            return "a value may not be whole"  # where whole numbers are asked for, a fraction is an error at bind
        return unsupported((problem.op.dtype,))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the values."""
        assert isinstance(problem.op, Dims)
        values = problem.op.values
        args: tuple[Arg, ...] = (Address("out", 0), *(Integer(v) for v in values))
        unit = Unit(self.name, {"dtype": problem.op.dtype.name})
        return Launches((Launch(unit, args, (len(values), 1 << 20, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """A loop over the arguments."""
        body = encode(Body((i64,), (cast(arg(0, i64), dtype_of(spec["dtype"])),)))
        imports = [region_line("put", {"body": body, "args": ["value"], "outs": ["1"], "coords": []})]
        lines = ["p = args[0]", "for j in range(lo, hi):", "    put(j, args[1 + j], p)"]
        return CpuUnit(self.name, function_text(imports, lines))
