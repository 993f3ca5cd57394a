"""What the kernel classes of matrix products and convolutions share: from named values to launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from minirt.ir.scalar import postorder
from minirt.kernels.cuda import gemm_source, gemv_source, slim_source, wgmma_source
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.matrix_problem import MATRIX_DTYPES, Form, epilogue_refusal
from minirt.kernels.cuda.matrix_source import Source, element_bytes
from minirt.kernels.cuda.matrix_time import Work, room
from minirt.kernels.cuda.nest import same
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, TensorMap, Unit
from minirt.types.dim import Dim, ceil, divide, minimum, mul

Value = Address | TensorMap | Dim
Dims = Sequence[Dim]

ANY_NUMBER = (*MATRIX_DTYPES, "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")
GENERATORS: dict[str, Callable[[Spec], Source]] = {
    "mma": gemm_source.mma, "fma": gemm_source.fma, "simt": gemm_source.simt, "gemv": gemv_source.gemv,
    "split_sum": gemm_source.split_sum,
    "depthwise": gemm_source.depthwise, "depthwise_mma": gemm_source.depthwise_mma, "wgmma": wgmma_source.wgmma,
    "patch": gemm_source.patch, "slim": slim_source.slim,
    "stem": slim_source.stem,
}  # fmt: skip


def up(a: Dim, b: int) -> Dim:
    """a / b, rounded up."""
    return ceil(divide(a, b))


class Matrix(Kernel):
    """Base of the matrix kernels; ``method`` names the generator."""

    target = "cuda"
    method: ClassVar[str] = ""
    dtypes: tuple[str, ...] = MATRIX_DTYPES
    few: ClassVar[int] = 8
    """How many of its tactics are tried where not all are."""

    def source(self, spec: Spec, target: Target) -> CudaSource:
        """What to compile."""
        made = GENERATORS[spec["method"]](spec)
        return CudaSource(made.text, made.entry)

    def timed(self, problem: Problem) -> int:
        """From the usual level on."""
        return 3

    def ranking(self, problem: Problem) -> list[Spec]:
        """All tactics, fastest by the model of time first."""
        return [{}]

    def tactics(self, problem: Problem) -> list[Spec]:
        """Those that the model likes best."""
        return self.ranking(problem)[: self.few]

    def further(self, problem: Problem) -> list[Spec]:
        """The others."""
        return self.ranking(problem)[self.few :]

    def unfit(self, problem: Problem) -> str:
        """Why the target, the types or the epilogue are not for this kernel; "" where they are."""
        dtype, target = problem.inputs[0].type.dtype, problem.target
        if self.method == "wgmma" and target.arch != "sm_90a":
            return f"wgmma is an instruction of sm_90a, not of {target.arch}"
        if target.capability < 80:
            return f"{target.arch} has no mma.sync for 16-bit floats with 16 steps of k"
        if dtype.name not in self.dtypes:
            return f"products of {dtype} are not among {', '.join(self.dtypes)}"
        if problem.inputs[1].type.dtype is not dtype:
            return "the operands have two types"
        return epilogue_refusal(problem)

    def thrice(self, problem: Problem) -> bool:
        """True where tensor cores form each product of 32-bit floats as the sum of three TF32 products."""
        return self.method == "mma" and exact(problem)

    def one(self, spec: Spec, values: Mapping[str, Value], grid: tuple[Dim, Dim, Dim]) -> Launch:
        """One launch of the kernel that ``spec`` describes."""
        made = GENERATORS[spec["method"]](spec)
        args = tuple(_argument(kind, values[name]) for name, kind in made.args)
        even = spec["method"] == "gemv"
        return Launch(Unit(self.name, spec), args, grid, (made.threads, 1, 1), made.shared, follows=True, even=even)

    def launches(
        self,
        spec: Spec,
        form: Form,
        values: dict[str, Value],
        grid: tuple[Dim, Dim, Dim],
        packs: tuple[Pack, ...],
        parts: int = 1,
    ) -> Launches:
        """The kernel, and the sum after it where K is split."""
        if parts == 1:
            return Launches((self.one(spec, values, grid),), (), packs)
        m, n, batch = form.sizes["m"], form.sizes["n"], mul(form.sizes["nb0"], form.sizes["nb1"])
        values |= {"partial": Address("work", 0), "parts": parts}
        keep = ("body", "modes", "out", "split_m", "index", "dtype", "batched")
        total: Spec = {"method": "split_sum", **{key: spec[key] for key in keep}}
        second = self.one(total, values, (up(mul(mul(batch, m), up(n, 4)), 256), 1, 1))
        scratch = mul(mul(mul(batch, m), n), 4 * parts)
        return Launches((self.one(spec, values, grid), second), (scratch,), packs)


def _argument(kind: str, value: Value) -> Arg:
    if isinstance(value, Address | TensorMap):
        return value
    return Integer(value, 64 if kind == "i64" else 32)


def persistent(tiles: Dim, problem: Problem, per_sm: int) -> Dim:
    """Blocks of a kernel whose blocks take tiles in turn."""
    return minimum(tiles, problem.target.multiprocessors * per_sm)


def wgmma_grid(form: Form, tactic: Spec, problem: Problem) -> tuple[Dim, Dim, Dim]:
    """Blocks of a wgmma kernel: they take tiles in turn, or clusters of them one tile each."""
    (bm, bn), (cm, cn), parts = tactic["tile"], tactic["share"], int(tactic["parts"])
    s, blocks, most = form.sizes, cm * cn * parts, problem.target.multiprocessors
    tiles = mul(mul(up(s["m"], bm * cm), up(s["n"], bn * cn)), mul(s["nb0"], s["nb1"]))
    if parts > 1:
        return (mul(tiles, blocks), 1, 1)
    most = room(most, blocks)
    return (mul(minimum(tiles, most * int(tactic["per_sm"]) // blocks), blocks), 1, 1)


def wgmma_spec(tactic: Spec, problem: Problem, form: Form) -> Spec:
    """The fields of a wgmma kernel's spec that the tactic decides, but for the tile."""
    kept: Spec = {key: tactic[key] for key in ("stages", "consumers", "per_sm")}
    kept["ahead"] = problem.inputs[1].constant
    shares = {key: tactic[key] for key in ("share", "parts", "turns")}
    odd = form.c.mode(problem, form.sizes["n"]) == 2 and same(form.c.n, 1) and form.c.bits == 16
    odd = odd and problem.outputs[0].type.dtype.is_float
    return {"method": "wgmma", **shares, "odd": odd, **kept}


def exact(problem: Problem) -> bool:
    """True where 32-bit floats may not be rounded to TF32.

    Fused multiply-adds are asked first, and sum as a CPU does.  Three TF32 products for one are their only rival, where
    timed, of operands that are copied by whole 16 bytes: what is gathered one by one gains nothing.
    """
    return problem.inputs[0].type.dtype.name == "f32" and not problem.tf32


def step_width(problem: Problem) -> int:
    """Elements of k that an mma kernel takes at a time: 64 bytes."""
    return 64 // element_bytes(problem.inputs[0].type.dtype.name)


def map_type(dtype: str) -> str:
    """A tensor map's type: 32-bit floats are rounded to TF32 on their way in."""
    return "tf32" if dtype == "f32" else dtype


def work_of(problem: Problem, form: Form, step: Dim) -> Work:
    """What the model of time reads; ``step`` is the steps along k."""
    size = element_bytes(problem.inputs[0].type.dtype.name)
    m, n, k, batch = (problem.likely(form.sizes[x]) for x in ("m", "n", "k", "nb0"))
    batch *= problem.likely(form.sizes["nb1"])
    # of an image no more than what taps touch
    a = m * k * batch if not form.image else min(problem.likely(problem.inputs[0].type.size), m * k * batch)
    wide = sum(e.bits // 8 for e in form.extras if e.mode(problem, form.sizes["n"]) and e.m != (0, 0, 0))
    moved = float((a + n * k * batch) * size + m * n * batch * (form.c.bits // 8 + wide))
    taps = bool(form.image) and k > problem.likely(form.image["g_c"])
    steps, among = problem.likely(step), problem.target.multiprocessors
    ops = sum(bool(one.args) for one in postorder(form.body.results)) - 1  # but for rounding the result
    return Work(m, n, k, steps, batch, moved, among, size, taps, max(0, ops), problem.inputs[1].constant)
