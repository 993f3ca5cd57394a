"""Products of a few rows that normalize the rows themselves, or join two products."""

from __future__ import annotations

from minirt.ir.scalar import encode
from minirt.ir.scalar_cuda import prints
from minirt.kernels.cuda.gemm_kernels import GemmVector, by_k, packs_b
from minirt.kernels.cuda.matrix_kernel import Value
from minirt.kernels.cuda.matrix_problem import Form
from minirt.kernels.cuda.nest import is_one, same
from minirt.kernels.kernel import Operand, Problem
from minirt.ops.row_gemm import RowGemm
from minirt.plan.launch import Address, Launches, Pack, Spec
from minirt.types.dim import Dim

_MAX_BYTES = 44 << 10  # of rows in shared memory, which is declared


class RowGemmVector(GemmVector):
    """At most eight rows: normalized by each block, multiplied by rows of one matrix or two."""

    ops = (RowGemm,)

    def refuses(self, problem: Problem, form: Form) -> str:
        """Also matrices that are not read along k, in one way, and rows that shared memory does not hold."""
        op, k, b = _op(problem), form.sizes["k"], problem.inputs[1]
        if not (packs_b(problem, form, True) or by_k(form, "b")):
            return "b is not contiguous along k"
        if op.gated and any(x != y for x, y in zip(_lies(b), _lies(problem.inputs[2]), strict=True)):
            return "the two matrices lie in two ways"
        if op.kind:
            reason = prints(op.norm(1).finish(problem.inputs[0].type.dtype))
            rows = _rows(int(problem.bounds(form.sizes["m"])[1]))
            if reason or not isinstance(k, int):
                return reason or f"K = {k} is not known"
            if rows * k * problem.inputs[0].type.dtype.bits > 8 * _MAX_BYTES:
                return f"{rows} rows of {k} are too many for shared memory"
        return super().refuses(problem, form)

    def ranking(self, problem: Problem) -> list[Spec]:
        """As many warps for a result as for two of a single product."""
        return self.shares(problem, 1 if _op(problem).gated else 2)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op = _op(problem)
        spec, form, values, grid, packs = self.pieces(problem, tactic, 1 if op.gated else 2)
        if op.gated:
            spec = {**spec, "sums": op.sums}
            packs = (*packs, *(Pack(2, p.function, p.spec) for p in packs))
            values["b2"] = Address("pack", 1) if packs else Address("in", 2)
        if op.kind:
            made, more = self._norm(problem, form, bool(spec["fast"]))
            spec, values = {**spec, "norm": made}, {**values, **more}
        return self.launches(spec, form, values, grid, packs)

    def _norm(self, problem: Problem, form: Form, fast: bool) -> tuple[Spec, dict[str, Value]]:
        """The normalization's fields of the spec, and its arguments."""
        op, dtype = _op(problem), problem.inputs[0].type.dtype
        before, extras, sides = op.parts(problem.inputs)
        values: dict[str, Value] = {}
        modes = []
        for i, side in enumerate(sides):
            step: Dim = 0 if is_one(side.type.size) else side.strides[-1]
            whole = fast and side.aligned and same(step, 1)
            modes.append(0 if same(step, 0) else 1 if whole else 2)
            values |= {f"s{i}": Address("in", len(before) + len(extras) + i), f"s{i}_k": step}
        ahead = all(side.constant for side in sides)
        spec: Spec = {
            "kind": op.kind, "epsilon": op.epsilon, "k": form.sizes["k"], "modes": modes, "ahead": ahead,
            "body": encode(op.norm(1).finish(dtype)),
        }  # fmt: skip
        return spec, values


def _op(problem: Problem) -> RowGemm:
    assert isinstance(problem.op, RowGemm)
    return problem.op


def _rows(most: int) -> int:
    return 1 << (most - 1).bit_length()


def _lies(b: Operand) -> tuple[object, ...]:
    return (b.constant, b.aligned, *map(str, b.strides))
