"""Means of float32 where TF32 is not allowed: eight float32 partial sums, which meet as a tree.

The order of addition is the CPU target's (``minirt/kernels/cpu/reduce_lanes.py`` says why), to the bit where the same
axis is contiguous: lane k adds the elements k, k + 8, .. one after another. That chain bounds the time: 4 cycles an
addition, and 6.4 with all else, counted in machine code (160 x 160: 20,500 cycles, 12 us). Loads run ahead of it.
"""

from __future__ import annotations

from minirt.ir.scalar import Body
from minirt.kernels.cuda.nest import coordinates
from minirt.kernels.cuda.reduce import ReduceRows, Terms, value_text
from minirt.kernels.cuda.rows import Rows, full_shape
from minirt.kernels.kernel import Problem
from minirt.ops.reduce import Reduce
from minirt.plan.launch import Spec
from minirt.types.dim import Dim, product
from minirt.types.dtype import DType, f32

LANES = 8
LONGEST = 1 << 16
"""Elements of a row up to which all are added in float32."""
_BATCH = 32
"""Elements that a thread loads at once, at the most."""
_AHEAD_FROM = 1024
"""Elements of a row from which loads run ahead of the additions."""
_HOW: Spec = {"group": LANES, "columns": 8, "lines": LANES, "threads": 8 * LANES, "cluster": 1, "vector": 1}


class ReduceLanes(ReduceRows):
    """Eight threads for each mean of exact float32, which add in the order of the CPU target.

    The kernel that it is derived from, faster but adding in another order, is not timed beside it.
    """

    ops = (Reduce,)
    rank = 40
    files = ("groups.cuh", "lanes.cuh")

    def rejects(self, problem: Problem) -> str:
        """All but means of float32 that must be exact, and rows too long for eight chains."""
        op = problem.op
        assert isinstance(op, Reduce)
        count = op.sources()
        dtypes = [o.type.dtype for o in problem.inputs[:count]] + list(op.prologue.dtypes if op.prologue else ())
        if op.kind != "mean" or any(d is not f32 for d in dtypes) or problem.tf32:
            return "only means of float32 with TF32 off are added in eight sums"
        if problem.bounds(_length(full_shape(problem.inputs[:count]), op.axes))[1] > LONGEST:
            return f"rows may have more than {LONGEST} elements"
        return super().rejects(problem)

    def sharing(self, problem: Problem, terms: Terms) -> Spec | None:
        """Eight threads a row and eight rows a block, one element at a time."""
        op = problem.op
        assert isinstance(op, Reduce)
        length, batch = problem.likely(_length(terms.shape, op.axes)), _BATCH
        while batch > 4 and LANES * batch >= 2 * length:
            batch //= 2
        modes = ["any"] * (len(terms.sources) + 1 + len(terms.extras))
        return {**_HOW, "modes": modes, "batch": batch, "ahead": length >= _AHEAD_FROM}

    def parts(self, problem: Problem, made: Rows) -> int:
        """A row is never split."""
        return 1

    def block(self, spec: Spec) -> tuple[int, int, int]:
        """Lines of threads that load ahead, of which the first adds; or only that one."""
        return (spec["threads"], 4 if spec["ahead"] else 1, 1)

    def sums(self, spec: Spec, source: Body, total: DType) -> str:
        """Each thread's elements in turn, then the threads' sums.

        In rows what eight does not divide comes last, in columns it goes to the first lanes, as on the CPU.
        """
        loads, value = value_text(spec, source)
        where, inner = coordinates(spec["reduced"], "r", "d", "m"), spec["mode"] == "inner"
        first, apart = ("threadIdx.x & ~7", 1) if inner else ("threadIdx.x & 7", 8)
        how = "sum_ahead" if spec["ahead"] else f"sum_by_batches<{spec['batch']}>"
        text = f"const auto value = [&](I r) {{\n{where}{loads}constexpr int j = 0;\nreturn {value};\n}};\n"
        text += f"const I top = {f'length - length % {LANES}' if inner else 'length'};\n"
        text += f"float total[1] = {{lanes_met({how}(part, top, value), {first}, {apart})}};\n"
        text += "if (threadIdx.y) return;\n" if spec["ahead"] else ""
        return text + ("for (I r = top; r < length; r++) total[0] = total[0] + value(r);\n" if inner else "")


def _length(shape: tuple[Dim, ...], axes: tuple[int, ...]) -> Dim:
    """Elements of a row."""
    return product([shape[axis] for axis in axes])
