"""Matrix products on CUDA: wgmma, mma.sync, a few rows at memory speed, and plain multiply-adds for the rest."""

from __future__ import annotations

from math import ceil, log2
from typing import Any, ClassVar

from minirt.ir.op import Op
from minirt.kernels.cuda import weights as weights  # registers the packing functions
from minirt.kernels.cuda.matrix_kernel import (
    ANY_NUMBER,
    Matrix,
    Value,
    exact,
    map_type,
    step_width,
    up,
    wgmma_grid,
    wgmma_spec,
    work_of,
)
from minirt.kernels.cuda.matrix_problem import Form, gemm_form, vector
from minirt.kernels.cuda.matrix_source import element_bytes
from minirt.kernels.cuda.matrix_tiles import estimate, needs_rows, ranked
from minirt.kernels.cuda.matrix_time import Work
from minirt.kernels.cuda.nest import is_one, same
from minirt.kernels.kernel import Order, Problem
from minirt.ops.gemm import Gemm
from minirt.ops.row_gemm import RowGemm
from minirt.plan.launch import Address, Launches, Pack, Spec, TensorMap
from minirt.types.dim import Dim, divide, mul

_MAX_BATCH = 65535
_SHORT_K = 512
_LARGE = 256
_BUSY_WARPS = 20  # of a multiprocessor that keep its memory busy
_MOST_AHEAD = 40 << 20  # bytes of a constant that a cache may be asked for before its turn
Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]


class Product(Matrix):
    """Base of the kernels of Gemm."""

    def form(self, problem: Problem) -> Form | str:
        """The problem's form, or why it has none."""
        return gemm_form(problem)

    def work(self, problem: Problem) -> Work:
        """What the model of time reads."""
        form, width = self.form(problem), step_width(problem) * (2 if self.method == "wgmma" else 1)
        assert isinstance(form, Form)
        return work_of(problem, form, up(form.sizes["k"], width))

    def orders(self, problem: Problem) -> Orders:
        """A result whose columns are innermost: a layout that it would inherit is kept only if it is such."""
        shape, rank = problem.outputs[0].shape, problem.outputs[0].type.rank
        layouts = (o.type.layout for o in problem.inputs if o.type.layout and o.shape == shape)
        inherited = next(layouts, ())
        out = Order(tuple(range(rank)), pitched=True) if inherited and inherited[-1] != rank - 1 else None
        return (None,) * len(problem.inputs), (out,)

    def rejects(self, problem: Problem) -> str:
        """Types and epilogue, then what the method needs."""
        reason = self.unfit(problem)
        if reason:
            return reason
        form = self.form(problem)
        if isinstance(form, str):
            return form
        batch = problem.bounds(mul(form.sizes["nb0"], form.sizes["nb1"]))[1]
        if self.method != "wgmma" and batch > _MAX_BATCH:
            return f"a batch of up to {batch:.0f} products exceeds {_MAX_BATCH}"
        return self.refuses(problem, form)

    def refuses(self, problem: Problem, form: Form) -> str:
        """Why the method does not take this form; "" where it does."""
        return ""


def by_k(form: Form, side: str) -> bool | None:
    """True where an operand's k is contiguous, False where its rows are, None where neither."""
    strides = form.a if side == "a" else form.b
    row = "m" if side == "a" else "n"
    if same(strides["k"], 1) or (is_one(form.sizes["k"]) and not same(strides[row], 1)):
        return True
    return False if same(strides[row], 1) or is_one(form.sizes[row]) else None


def packs_b(problem: Problem, form: Form, always: bool) -> bool:
    """True where a constant b is better held as rows along k."""
    return (
        problem.inputs[1].constant
        and by_k(form, "b") is not True
        and (always or not problem.divisible(form.sizes["n"], 8))
    )


def packed_b(problem: Problem, form: Form, ordered: bool = False) -> tuple[dict[str, Dim], Pack]:
    """Strides of b packed with rows along k, each a multiple of 16 bytes, and the packing."""
    each = 128 // problem.inputs[1].type.dtype.bits
    k = form.sizes["k"]
    assert isinstance(k, int), "constants have known shapes"
    row = -(-k // each) * each
    scale = {key: 0 if same(form.b[key], 0) else divide(mul(form.b[key], row), k) for key in ("b0", "b1")}
    # with trans_b b is of one k: its rows lie as asked, but are not padded
    lies = isinstance(problem.op, Gemm | RowGemm) and problem.op.trans_b
    spec = {"row": row, "ordered": 1} if ordered else {"row": row}
    return {**scale, "n": row, "k": 1}, Pack(1, "pack_rows" if lies else "pack_transposed", spec)


def ordered_b(problem: Problem, form: Form, along: bool) -> tuple[dict[str, Dim], Pack]:
    """Strides of b packed as ``orders_columns`` says, and the packing."""
    if along:
        return packed_b(problem, form, True)
    return {"b0": 0, "b1": 0, "n": 1, "k": mul(up(form.sizes["n"], 32), 32)}, Pack(1, "pack_columns", {})


def orders_columns(problem: Problem, along: bool) -> bool:
    """True where b is a constant matrix, packed in the order of columns in which a lane's sums are neighbours."""
    lies = along or not (isinstance(problem.op, Gemm) and problem.op.trans_b)  # of one k: its only column is its row
    return problem.inputs[1].constant and problem.inputs[1].type.rank == 2 and lies


def matrix_values(
    problem: Problem, form: Form, pack: bool
) -> tuple[dict[str, Value], dict[str, Dim], tuple[Pack, ...]]:
    """Arguments by name, strides of b as it will lie, and packings."""
    strides, packs = dict(form.b), ()
    address = Address("in", 1)
    if pack:
        strides, made = packed_b(problem, form)
        packs, address = (made,), Address("pack", 0)  # type: ignore[assignment]
    values: dict[str, Value] = {**form.values(), "a": Address("in", 0), "b": address}
    return values | {f"b_{key}": value for key, value in strides.items()}, strides, packs


def copied(problem: Problem, form: Form, pack: bool) -> tuple[int, int]:
    """Elements a copy of a and of b."""
    row_a = form.a["m"] if by_k(form, "a") else form.a["k"]
    row_b = form.b["n"] if by_k(form, "b") else form.b["k"]
    vec_b = [] if pack else [row_b, form.b["b0"], form.b["b1"]]
    return (
        vector(problem, problem.inputs[0], (row_a, form.a["b0"], form.a["b1"])),
        vector(problem, problem.inputs[1], vec_b, pack),
    )


class GemmVector(Product):
    """At most eight rows: every byte of b is read once, by lanes that run along k or n."""

    ops: ClassVar[tuple[type[Op], ...]] = (Gemm,)
    rank = 5
    method = "gemv"
    rows = (1, 8)
    """The fewest and the most rows."""

    def refuses(self, problem: Problem, form: Form) -> str:
        """Too few rows or too many, or rows of a that are not contiguous along k."""
        most = problem.bounds(form.sizes["m"])[1]
        fewest, limit = self.rows
        if not fewest <= most <= limit:
            return f"up to {most:.0f} rows are {f'more than {limit}' if most > limit else f'fewer than {fewest}'}"
        if not same(form.a["k"], 1):
            return "a is not contiguous along k"
        return "b has no contiguous axis" if by_k(form, "b") is None and not problem.inputs[1].constant else ""

    def ranking(self, problem: Problem) -> list[Spec]:
        """How many warps share a row of b along k: as many as keep the memory busy, as far as k is long enough."""
        return self.shares(problem, 2)

    def shares(self, problem: Problem, columns: int) -> list[Spec]:
        """The tactics where a warp makes so many results at a time."""
        form = self.form(problem)
        assert isinstance(form, Form)
        loops = [2] if self.rows[1] > 8 or problem.likely(form.sizes["k"]) <= _SHORT_K else [2, 4]
        if not (packs_b(problem, form, True) or by_k(form, "b")):
            return [{"share": 1, "unroll": unroll} for unroll in loops]
        n, k, batch = (problem.likely(form.sizes[x]) for x in ("n", "k", "nb0"))
        warps = ceil(n / columns) * batch * problem.likely(form.sizes["nb1"])
        turn = 32 * 128 // problem.inputs[0].type.dtype.bits  # elements that a warp reads of a row at a time
        shares = [s for s in (1, 2, 4, 8) if s == 1 or k >= 2 * s * turn]
        best = next((s for s in shares if warps * s >= _BUSY_WARPS * problem.target.multiprocessors), shares[-1])
        shares.sort(key=lambda s: abs(log2(s / best)))
        return [{"share": share, "unroll": unroll} for share in shares for unroll in loops]

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        return self.launches(*self.pieces(problem, tactic, 2))

    def pieces(
        self, problem: Problem, tactic: Spec, each: int
    ) -> tuple[Spec, Form, dict[str, Value], tuple[Dim, Dim, Dim], tuple[Pack, ...]]:
        """What a launch is made of whose warps make ``each`` results: spec, form, arguments, grid and packings."""
        form = self.form(problem)
        assert isinstance(form, Form)
        pack = packs_b(problem, form, True)
        values, b, packs = matrix_values(problem, form, pack)
        along, (vec_a, vec_b) = pack or bool(by_k(form, "b")), copied(problem, form, pack)
        wide = 128 // problem.inputs[0].type.dtype.bits
        fast = vec_b == wide and (vec_a == wide if along else problem.divisible(form.sizes["n"], wide))
        fast = fast and (not along or problem.divisible(form.sizes["k"], wide))
        most = int(problem.bounds(form.sizes["m"])[1])
        rows = next((r for r in (1, 2, 4, 8) if r >= most), 16)
        held = problem.likely(mul(form.sizes["n"], form.sizes["k"])) * problem.inputs[1].type.dtype.bits // 8
        ahead = problem.inputs[1].constant and along and fast and held <= _MOST_AHEAD
        spec: Spec = {
            "method": "gemv", **form.fields(problem), "rows": rows, "b_by_k": along, "fast": fast, "ahead": ahead,
            **tactic,
        }  # fmt: skip
        values |= {"lda": form.a["m"], "ldb": b["n"] if along else b["k"]}
        columns = 8 * each // int(tactic["share"]) if along else 8 * (wide if fast else 1)
        batch = mul(form.sizes["nb0"], form.sizes["nb1"])
        turns = 1 if most <= rows else up(form.sizes["m"], rows)
        return spec, form, values, (up(form.sizes["n"], columns), turns, batch), packs


class GemmRows(GemmVector):
    """The same for up to 32 rows, sixteen at a time, where it may be faster than tensor cores."""

    ops = (Gemm,)
    rank = 35
    rows = (9, 32)

    def refuses(self, problem: Problem, form: Form) -> str:
        """Also a b that cannot be read along k: the sums of its columns would take all registers."""
        along = packs_b(problem, form, True) or by_k(form, "b")
        return super().refuses(problem, form) or ("" if along else "b is not contiguous along k")


class GemmMma(Product):
    """Tensor cores by mma.sync, any shape and alignment; 32-bit floats as TF32, or as three TF32 products."""

    ops = (Gemm,)
    rank = 20
    method = "mma"

    def refuses(self, problem: Problem, form: Form) -> str:
        """Operands without a contiguous axis."""
        sides = [x for x in "ab" if by_k(form, x) is None and not (x == "b" and problem.inputs[1].constant)]
        return f"operand {sides[0]} is contiguous along no axis of the product" if sides else ""

    def timed(self, problem: Problem) -> int:
        """Later where a product is large and wgmma takes it, which no other kernel was ever seen to beat there."""
        form = self.form(problem)
        assert isinstance(form, Form)
        large = all(problem.likely(form.sizes[x]) >= _LARGE for x in "mnk")
        return 4 if large and not GemmWgmma().rejects(problem) else super().timed(problem)

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles and splits of k, fastest by the model first."""
        return ranked(self.work(problem), self.method, self.thrice(problem))

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """By the model of time, which knows no sums of three products."""
        return 0.0 if exact(problem) else estimate(self.work(problem), tactic, self.method)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The product, and the sum of its parts."""
        form = self.form(problem)
        assert isinstance(form, Form)
        pack = packs_b(problem, form, False)
        values, b, packs = matrix_values(problem, form, pack)
        vec_a, vec_b = copied(problem, form, pack)
        a_by_k, b_by_k = bool(by_k(form, "a")), pack or bool(by_k(form, "b"))
        bm, bn = tactic["tile"]
        bk, parts = step_width(problem), int(tactic["parts"])
        spec: Spec = {
            "method": self.method, **form.fields(problem), "tile": [bm, bn, bk], "warps": tactic["warps"], "stages": 4,
            "a_by_k": a_by_k, "b_by_k": b_by_k, "vec_a": vec_a, "vec_b": vec_b, "split": parts > 1,
            "x3": self.thrice(problem),
        }  # fmt: skip
        values |= {
            "lda": form.a["m"] if a_by_k else form.a["k"], "ldb": b["n"] if b_by_k else b["k"],
            "k_part": mul(up(up(form.sizes["k"], bk), parts), bk),
        }  # fmt: skip
        grid = (mul(up(form.sizes["m"], bm), up(form.sizes["n"], bn)), parts, mul(form.sizes["nb0"], form.sizes["nb1"]))
        return self.launches(spec, form, values, grid, packs, parts)


class GemmWgmma(Product):
    """Hopper's tensor cores fed by its copy engine: persistent blocks, any sizes, rows of 16-byte multiples."""

    ops = (Gemm,)
    rank = 10
    method = "wgmma"
    few = 12

    def orders(self, problem: Problem) -> Orders:
        """Also rows of a along k: a copy costs less than gathering."""
        (_, *others), out = super().orders(problem)
        rank = problem.inputs[0].type.rank
        last = (rank - 1, rank - 2) if isinstance(problem.op, Gemm) and problem.op.trans_a else (rank - 2, rank - 1)
        return (Order((*range(rank - 2), *last), pitched=True), *others), out

    def _pack(self, problem: Problem, form: Form) -> bool:
        return packs_b(problem, form, problem.inputs[0].type.dtype.bits == 32)

    def refuses(self, problem: Problem, form: Form) -> str:
        """Alignment, layouts that the instruction does not read, and fp32 asked for exactly."""
        dtype = problem.inputs[0].type.dtype
        if dtype.bits == 32 and not problem.tf32:
            return "TF32 is not allowed"
        if not same(form.a["k"], 1):
            return "a is not contiguous along k"
        pack, each = self._pack(problem, form), 128 // dtype.bits
        if not pack and by_k(form, "b") is not True and (dtype.bits == 32 or not same(form.b["n"], 1)):
            return f"b of {dtype} is not contiguous along k"
        if min(copied(problem, form, pack)) < each:
            return f"rows are not multiples of 16 bytes (K = {form.sizes['k']}, N = {form.sizes['n']})"
        return ""

    def ranking(self, problem: Problem) -> list[Spec]:
        """Tiles and splits of k, fastest by the model first."""
        form = self.form(problem)
        assert isinstance(form, Form)
        along = problem.inputs[1].constant or by_k(form, "b") is True
        ordered = orders_columns(problem, self._pack(problem, form) or by_k(form, "b") is True)
        return ranked(self.work(problem), "wgmma", along=along, ordered=ordered)

    def expected(self, problem: Problem, tactic: Spec) -> float:
        """By the model of time."""
        return estimate(self.work(problem), tactic, "wgmma")

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The product."""
        form = self.form(problem)
        assert isinstance(form, Form)
        pack = self._pack(problem, form) or (needs_rows(tactic) and packs_b(problem, form, True))
        values, b, packs = matrix_values(problem, form, pack)
        b_by_k = pack or by_k(form, "b") is True
        ordered = orders_columns(problem, b_by_k)
        if ordered:
            b, made = ordered_b(problem, form, b_by_k)
            packs, values["b"] = (made,), Address("pack", 0)
        dtype, (cm, cn) = problem.inputs[0].type.dtype, tactic["share"]
        (bm, bn), bk, s = tactic["tile"], 1024 // dtype.bits, form.sizes
        n = mul(up(s["n"], 32), 32) if ordered else s["n"]
        spec: Spec = {
            **wgmma_spec(tactic, problem, form), **form.fields(problem), "tile": [bm, bn, bk], "b_by_k": b_by_k,
            "ordered": ordered,
        }  # fmt: skip
        a = {"row": form.a["m"], "b0": form.a["b0"], "b1": form.a["b1"]}
        values |= _map("ta", values["a"], dtype.name, (s["k"], s["m"]), a, s, (bk, bm // cn))
        rows: dict[str, Dim] = {"row": b["n"] if b_by_k else b["k"], "b0": b["b0"], "b1": b["b1"]}
        inner = (s["k"], n) if b_by_k else (n, s["k"])
        values |= _map("tb", values["b"], dtype.name, inner, rows, s, (bk, bn // cm) if b_by_k else (64, bk))
        values["k_part"] = up(up(s["k"], bk), int(tactic["parts"]))
        return self.launches(spec, form, values, wgmma_grid(form, tactic, problem), packs)


def _map(
    name: str,
    address: Value,
    dtype: str,
    inner: tuple[Dim, Dim],
    strides: dict[str, Dim],
    sizes: Any,
    box: tuple[int, int],
) -> dict[str, Value]:
    """The tensor map of an operand, and whether its batch coordinates move; a batch axis that it lacks has size 1."""
    assert isinstance(address, Address)
    size = element_bytes(dtype)
    pitch = mul(up(mul(inner[0], size), 16), 16) if same(strides["row"], 0) else mul(strides["row"], size)
    moves = {axis: not same(strides[axis], 0) for axis in ("b0", "b1")}
    batch = {axis: mul(strides[axis], size) if moves[axis] else pitch for axis in moves}
    dims = (*inner, *(sizes[f"n{axis}"] if moves[axis] else 1 for axis in ("b1", "b0")))
    made = TensorMap(address, map_type(dtype), dims, (pitch, batch["b1"], batch["b0"]), (*box, 1, 1), (1, 1, 1, 1))
    return {name: made, f"{name}_b0": int(moves["b0"]), f"{name}_b1": int(moves["b1"])}


class GemmSimt(Product):
    """Plain multiply-adds: any shape, any strides, and the types that tensor cores lack."""

    ops = (Gemm,)
    rank = 40
    method = "simt"
    dtypes = ANY_NUMBER

    def timed(self, problem: Problem) -> int:
        """Where all is tried: what other kernels take is hardly ever faster here."""
        return 5

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        form = self.form(problem)
        assert isinstance(form, Form)
        m, n = form.sizes["m"], form.sizes["n"]
        large = problem.likely(m) * problem.likely(n) >= 128 * 128 * problem.target.multiprocessors
        side = 128 if large and problem.inputs[0].type.dtype.bits <= 32 else 64
        spec: Spec = {
            "method": "simt", **form.fields(problem), "tile": [side, side],
            "a_by_k": by_k(form, "a") is not False, "b_by_k": by_k(form, "b") is not False,
        }  # fmt: skip
        values: dict[str, Value] = {
            **form.values(), "a": Address("in", 0), "b": Address("in", 1), "lda": form.a["m"], "ldb": form.b["n"],
        }  # fmt: skip
        grid = (mul(up(m, side), up(n, side)), 1, mul(form.sizes["nb0"], form.sizes["nb1"]))
        return self.launches(spec, form, values, grid, ())
