"""Matrix products on the CPU: float32 tiles over packed columns, and plain loops for every other type.

Columns of the second operand are packed into blocks as wide as a tile: once at load where it is constant, else by a
launch of their own.  Narrow floats are widened first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from minirt.ir.scalar import Body, arg, cast, const, encode
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.finishing import Finish, Moves, epilogue_of, finish_with, moved_args, unfinished, unmoved
from minirt.kernels.cpu.matrix import MatrixSpec, blocking, matrix_unit, pack_matrix, pick_vectors, task_grain
from minirt.kernels.cpu.nest import Nest, Strides, collapse, function_text, is_one, same, spread
from minirt.kernels.cpu.pointwise import map_launch, region_line
from minirt.kernels.kernel import KERNELS, Kernel, Operand, Order, Problem, Target, pack
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, Unit
from minirt.types.dim import Dim, ceil, divide, mul, product
from minirt.types.dtype import Array, bf16, dtype_of, f16, f32
from minirt.types.tensor import Tensor

THREADS = 4
"""Threads that tasks are cut for: a constant, so that a plan does not depend on the machine that made it."""
FAR = 1 << 40
_FLOATS = (f32, f16, bf16)

Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]


@dataclass(frozen=True)
class Product:
    """A product's sizes and strides: batch loops (a, b, y, extras), then rows, columns and depth."""

    batch: Nest
    sizes: tuple[Dim, Dim, Dim]
    a: tuple[Dim, Dim]
    b: tuple[Dim, Dim]
    y: tuple[Dim, Dim]
    extras: tuple[tuple[Dim, Dim], ...]

    def outer(self, operand: int) -> tuple[Dim, Dim]:
        """An operand's strides along the two batch loops."""
        if is_one(self.batch.size):
            return 0, 0
        strides = self.batch.strides[operand]
        return (strides[0], strides[1]) if self.batch.rank == 2 else (0, strides[0])

    @property
    def counts(self) -> tuple[Dim, Dim]:
        """Extents of the two batch loops."""
        return (self.batch.dims[0], self.batch.dims[1]) if self.batch.rank == 2 else (1, self.batch.dims[0])

    @property
    def moves(self) -> Moves:
        """How the extra operands move."""
        return tuple((*self.outer(3 + i), *last) for i, last in enumerate(self.extras))


def read_product(problem: Problem) -> Product:
    """Sizes and strides of a product's operands."""
    op, y = problem.op, problem.outputs[0]
    assert isinstance(op, Gemm)
    a, b = problem.inputs[:2]
    lead = y.shape[:-2]

    def outer(operand: Operand) -> Strides:
        batch = Tensor(operand.type.dtype, operand.shape[:-2])
        return spread(Operand(batch, operand.strides[:-2]), lead)

    def inner(operand: Operand, swapped: bool) -> tuple[Dim, Dim]:
        first, second = operand.strides[-2:]
        return (second, first) if swapped else (first, second)

    extras = [spread(e, y.shape) for e in problem.inputs[2:]]
    strides = [outer(a), outer(b), outer(y), *(e[:-2] for e in extras)]
    order = [i for i in y.type.order if i < len(lead)]
    depth = a.shape[-2] if op.trans_a else a.shape[-1]
    found = Product(
        collapse(lead, order, strides), (y.shape[-2], y.shape[-1], depth), inner(a, op.trans_a), inner(b, op.trans_b),
        (y.strides[-2], y.strides[-1]), tuple((e[-2], e[-1]) for e in extras),
    )  # fmt: skip
    return _rows_over(problem, found)


def _rows_over(problem: Problem, found: Product) -> Product:
    """The product with batch loops that b does not move along as rows: a row alone reads all of b for itself."""
    batch, (rows, columns, depth) = found.batch, found.sizes
    count, steps = batch.dims[-1], [s[-1] for s in batch.strides]
    if is_one(count) or not same(steps[1], 0):
        return found
    joins = True
    own = [found.a[0], 0, found.y[0], *(e[0] for e in found.extras)]
    if is_one(rows) or all(same(step, mul(rows, row)) for step, row in zip(steps, own, strict=True)):
        joined = steps if is_one(rows) else own
        outer = Nest(batch.dims[:-1], tuple(s[:-1] for s in batch.strides), batch.axes[:-1])
        batch = outer if batch.rank > 1 else Nest((1,), tuple((1,) for _ in steps), (-1,))
        rows = mul(rows, count)
    elif problem.likely(rows) < problem.likely(count):
        joined = steps
        changed = tuple((*s[:-1], row) for s, row in zip(batch.strides, own, strict=True))
        batch = Nest((*batch.dims[:-1], rows), changed, batch.axes)
        rows, joins = count, False
    else:
        return found
    extras = tuple((row, e[1]) for row, e in zip(joined[3:], found.extras, strict=True))
    made = replace(
        found, batch=batch, sizes=(rows, columns, depth), a=(joined[0], found.a[1]), y=(joined[2], found.y[1]),
        extras=extras,
    )  # fmt: skip
    return _rows_over(problem, made) if joins else made


class GemmTiled(Kernel):
    """Batched products with an epilogue, by register tiles of float32."""

    ops = (Gemm,)
    rank = 40

    def orders(self, problem: Problem) -> Orders:
        """Rows of the result are contiguous; extra operands too, unless they are constant along columns."""
        rank = problem.outputs[0].type.rank
        extras: list[Order | None] = []
        for extra, (_, column) in zip(problem.inputs[2:], read_product(problem).extras, strict=True):
            plain = is_one(column) or same(column, 0)
            extras.append(None if plain else Order(tuple(range(extra.type.rank))))
        return (None, None, *extras), (Order(tuple(range(rank)), pitched=True),)

    def rejects(self, problem: Problem) -> str:
        """Other element types, more than two batch loops, epilogues that the tiles cannot finish."""
        assert isinstance(problem.op, Gemm)
        dtype = problem.inputs[0].type.dtype
        if dtype not in _FLOATS:
            return f"products of {dtype} are not made of float32 tiles"
        return self.misplaced(problem) or unfinished(problem.op.body(dtype))

    @staticmethod
    def misplaced(problem: Problem) -> str:
        """Why operands and result do not lie as tiles are read and stored; "" where they do."""
        found = read_product(problem)
        if found.batch.rank > 2:
            return "more than two batch loops"
        if not is_one(found.y[1]):
            return "rows of the result are not contiguous"
        return unmoved(found.moves)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """Widening and packing where they are needed, then the product."""
        assert isinstance(problem.op, Gemm)
        a, b = problem.inputs[:2]
        steps: list[Launch] = []
        work: list[Dim] = []
        found, place_a = read_product(problem), Address("in", 0)
        if a.type.dtype is not f32:
            launch, widened = widen_launch(a, place_a, len(work))
            steps.append(launch)
            work.append(mul(a.type.size, 4))
            place_a = Address("work", len(work) - 1)
            found = read_product(Problem(problem.op, (widened, *problem.inputs[1:]), problem.outputs, problem.target))
        depth, columns = found.sizes[2], problem.likely(found.sizes[1])
        spec = MatrixSpec(pick_vectors(columns), chunk=_chunk(columns, problem.likely(depth)))
        packs: list[Pack] = []
        blocks = pieces(found.sizes[1], spec.width)
        if b.constant and b.dense:
            packs.append(Pack(1, "pack_product", {"width": spec.width, "transposed": problem.op.trans_b}))
            place_b, outer_b = Address("pack", 0), packed_batch(b, found, blocks * depth * spec.width)
        else:
            place_b = Address("work", len(work))
            count, loops = pack_loops(found)
            work.append(count * blocks * depth * (spec.width * 4))
            steps.append(_pack_launch(b, found, loops, spec, len(work) - 1))
            outer_b = packed_strides(loops, blocks * depth * spec.width)
        body = problem.op.body(a.type.dtype)
        finish = finish_with(body, found.moves, 2, steps, work)
        steps.append(self.product(problem, found, spec, (place_a, place_b), outer_b, depth, finish))
        return Launches(tuple(steps), tuple(work), tuple(packs))

    @staticmethod
    def product(
        problem: Problem,
        found: Product,
        spec: MatrixSpec,
        places: tuple[Address, Address],
        outer_b: tuple[Dim, Dim],
        stored: Dim,
        finish: Finish,
    ) -> Launch:
        """The product over packed columns, in blocks of ``stored`` rows."""
        rows, columns, depth = found.sizes
        images, groups = found.counts
        outer_a, outer_y = found.outer(0), found.outer(2)
        values: list[Dim] = [images, groups, rows, FAR, columns, depth, 1, 1, 1, 1, 1, 1, 0, 0, 1, FAR]
        values += [*outer_a, 0, *found.a, *outer_b, mul(stored, spec.width), spec.width]
        likely = [max(1, problem.likely(v)) for v in values]
        block, run = blocking(spec, likely[0] * likely[1], likely[2], likely[4], likely[5], THREADS)
        args: list[Arg] = [places[0], places[1], places[0], *map(Integer, values), Integer(block), Integer(run)]
        args += moved_args(Address("out", 0), (*outer_y, found.y[0], 1))
        args += finish.args
        tasks = images * groups * pieces(rows, block) * pieces(pieces(columns, spec.width), run)
        made = matrix_spec(spec, is_one(found.a[1]), finish.spec)
        grain = task_grain([0, 0, 0, *likely, block, run], spec.width)
        return Launch(Unit("GemmTiled", made), tuple(args), (tasks, grain, 1))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The matrix kernel with this epilogue."""
        return matrix_source(spec)


def _chunk(columns: int, depth: int) -> int:
    """Products in a row: as many as onnxruntime (MLAS, float32, weights as they are) adds, so that sums are bit-equal.

    The numbers of a quantized net are rounded right after, and a sum that is one bit off can round the other way.
    """
    found, wide = 128, 128
    while columns < depth and wide > 16 and wide // 2 >= columns:
        found, wide = found * 2, wide // 2
    return found


def pieces(value: Dim, size: int) -> Dim:
    """How many pieces of a size hold the value."""
    return ceil(divide(value, size))


def matrix_spec(spec: MatrixSpec, dense: bool, epilogue: Spec) -> Spec:
    """A launch's compile-time spec; ``dense``: the depth is contiguous."""
    return {"vectors": spec.vectors, "lanes": spec.lanes, "dense": dense, "chunk": spec.chunk, **epilogue}


def matrix_source(spec: Spec) -> CpuUnit:
    """The matrix kernel of a launch's compile-time spec."""
    made = MatrixSpec(spec["vectors"], spec["lanes"], spec["dense"], True, epilogue_of(spec), spec["chunk"])
    return matrix_unit(made)


def widen_launch(x: Operand, place: Address, work: int, layout: tuple[int, ...] = ()) -> tuple[Launch, Operand]:
    """A copy of x as float32 in a scratch buffer, in this layout (or its own), and how it is read there."""
    wide = Tensor(f32, x.shape, layout or x.type.layout)
    body = Body((x.type.dtype,), (cast(arg(0, x.type.dtype), f32),))
    result = Operand(wide, wide.strides)
    return map_launch(body, (x,), (result,), (place, Address("work", work))), result


@pack
def pack_product(matrix: Array, spec: Spec) -> Array:
    """Columns of a constant [..., K, N] (or, transposed, [..., N, K]) in blocks: [..., blocks, K, width]."""
    plain = np.swapaxes(matrix, -1, -2) if spec["transposed"] else matrix
    return pack_matrix(plain.astype(np.float32), spec["width"])


def packed_batch(b: Operand, found: Product, each: Dim) -> tuple[Dim, Dim]:
    """Batch strides of a constant's packed copy: those of the dense constant, in matrices of ``each``."""
    size = mul(b.shape[-1], b.shape[-2])
    first, second = found.outer(1)
    if same(size, 0):
        return 0, 0
    return divide(mul(first, each), size), divide(mul(second, each), size)


def pack_loops(found: Product) -> tuple[Dim, tuple[tuple[Dim, Dim], tuple[Dim, Dim]]]:
    """How many matrices are packed, and the extent and stride of each of the two batch loops that b moves along."""
    strides = found.outer(1)
    loops = [(1 if s == 0 else n, s) for n, s in zip(found.counts, strides, strict=True)]
    return product([n for n, _ in loops]), (loops[0], loops[1])


def packed_strides(loops: tuple[tuple[Dim, Dim], tuple[Dim, Dim]], each: Dim) -> tuple[Dim, Dim]:
    """Batch strides of matrices that were packed one after another along the loops that they move along."""
    (_, first), (inner, second) = loops
    return (0 if first == 0 else mul(inner, each)), (0 if second == 0 else each)


def _pack_launch(
    b: Operand,
    found: Product,
    loops: tuple[tuple[Dim, Dim], tuple[Dim, Dim]],
    spec: MatrixSpec,
    work: int,
) -> Launch:
    (outer, first), (inner, second) = loops
    blocks, depth, columns = pieces(found.sizes[1], spec.width), found.sizes[2], found.sizes[1]
    values: list[Dim] = [inner, blocks, depth, columns, first, second, *found.b]
    args: list[Arg] = [Address("in", 1), Address("work", work), *map(Integer, values)]
    compiled: Spec = {"dtype": b.type.dtype.name, "width": spec.width, "across": is_one(found.b[0])}
    return Launch(Unit("PackColumns", compiled), tuple(args), (outer * inner * blocks, 1, 1))


class PackColumns(Kernel):
    """Copies columns of a matrix into blocks as wide as a tile, widened to float32, the last one filled with zeros."""

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """A task is a block of a matrix; sources contiguous along the depth are read along it."""
        dtype, width = dtype_of(spec["dtype"]), spec["width"]
        size = dtype.bits // 8
        copy, nothing = encode(Body((dtype,), (cast(arg(0, dtype), f32),))), encode(Body((), (const(0.0, f32),)))
        step = "s" if spec["across"] else "1"
        read = "1" if spec["across"] else "s"
        imports = [
            region_line("put", {"body": copy, "args": [read], "outs": [step], "coords": []}),
            region_line("clear", {"body": nothing, "args": [], "outs": [step], "coords": []}),
        ]
        names = "x, y, inner, blocks, depth, columns, first, second, sk, sn".split(", ")
        lines = [f"{name} = args[{i}]" for i, name in enumerate(names)] + ["for task in range(lo, hi):"]
        body = ["rest = task // blocks", "block = task - rest * blocks", "o = rest // inner", "i = rest - o * inner"]
        body += [f"count = min({width}, columns - block * {width})"]
        body += [f"source = x + {size} * (o * first + i * second + block * {width} * sn)"]
        body += [f"to = y + 4 * task * depth * {width}"]
        if spec["across"]:
            body += ["for j in range(count):", "    for k in range(depth):"]
            body += [f"        put(k, source + j * sn * {size}, to + 4 * j, {width})"]
            body += [f"for j in range(count, {width}):", "    for k in range(depth):"]
            body += [f"        clear(k, to + 4 * j, {width})"]
        else:
            body += ["for k in range(depth):", f"    here = to + 4 * k * {width}", "    for j in range(count):"]
            body += [f"        put(j, source + k * sk * {size}, sn, here)"]
            body += [f"    for j in range(count, {width}):", "        clear(j, here)"]
        return CpuUnit(self.name, function_text(imports, lines + [f"    {line}" for line in body]))


KERNELS["PackColumns"] = PackColumns()
