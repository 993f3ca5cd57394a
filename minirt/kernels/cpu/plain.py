"""Products and convolutions on the CPU of any element type, strides and epilogue, by plain loops.

Four rows (output pixels) at a time are multiplied with a row of the second operand, whose columns LLVM vectorises; sums
are kept in the accumulator's type on the stack.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minirt.ir.scalar import Body, arg, call, cast, decode, encode, uses_index
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.convolution import Image, extra_images, image_of, paired
from minirt.kernels.cpu.gemm import FAR, packed_batch, pieces, read_product
from minirt.kernels.cpu.nest import function_text, is_one, same
from minirt.kernels.cpu.pointwise import region_line, unsupported
from minirt.kernels.kernel import KERNELS, Kernel, Operand, Problem, Target, pack
from minirt.ops.convolution import Conv
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import Array, DType, dtype_of

ROWS, BLOCK = 4, 256
_WORDS = {"f32": "float32", "f64": "float64", "i32": "int32", "u32": "uint32", "i64": "int64", "u64": "uint64"}
_SIZES = "images groups rows width columns depth kh kw sh sw dh dw ph pw h w".split()
_FIRST = "x x_image x_group x_row x_pixel x_depth".split()
_SECOND = "b b_image b_group b_block b_kh b_kw b_depth b_column".split()


@dataclass(frozen=True)
class Moved:
    """An operand of the epilogue, or a result: strides along image, group, row, pixel and column."""

    operand: Operand
    address: Address
    strides: tuple[Dim, Dim, Dim, Dim, Dim]

    @property
    def place(self) -> str:
        """How it moves along columns."""
        step = self.strides[4]
        return "1" if is_one(step) else "0" if same(step, 0) else "s"


def plain_launch(
    problem: Problem,
    sizes: list[Dim],
    first: tuple[Address, list[Dim]],
    second: tuple[Address, list[Dim]],
    moved: list[Moved],
    body: Body,
) -> Launch:
    """The launch: ``sizes`` as in _SIZES, strides of both operands in elements, then what the epilogue moves.

    A task is four rows of a block of columns; blocks of the second operand are its third stride apart.
    """
    dtype = problem.inputs[0].type.dtype
    size = dtype.bits // 8
    args: list[Arg] = [*map(Integer, sizes), first[0], *(Integer(mul(s, size)) for s in first[1])]
    args += [second[0], *(Integer(mul(s, size)) for s in second[1][:-1]), Integer(second[1][-1])]
    for each in moved:
        wide = each.operand.type.dtype.bits // 8
        args += [each.address, *(Integer(mul(s, wide)) for s in each.strides[:4]), Integer(each.strides[4])]
    spec: Spec = {
        "dtype": dtype.name, "body": encode(body), "dense": is_one(second[1][-1]), "places": [m.place for m in moved],
    }  # fmt: skip
    tasks = mul(mul(sizes[0], sizes[1]), mul(pieces(sizes[2], ROWS), pieces(sizes[4], BLOCK)))
    work = [min(BLOCK, problem.likely(sizes[4])), *(problem.likely(sizes[i]) for i in (5, 6, 7))]
    grain = max(1, 100_000 // max(1, ROWS * int(np.prod(work))))
    return Launch(Unit("PlainProduct", spec), tuple(args), (tasks, grain, 1))


class PlainProduct(Kernel):
    """The loops of plain products and convolutions."""

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Tasks of four rows; blocks of columns; taps; depth."""
        dtype, body = dtype_of(spec["dtype"]), decode(spec["body"])
        held = accumulator(dtype)
        places = spec["places"]
        imports = [
            "from numba import types, float32, float64, int32, uint32, int64, uint64",
            "from minirt.kernels.cpu.ordered import stack",
            "from minirt.kernels.cpu.tile import address_of",
            f"block = stack(types.{_WORDS[held.name]}, {ROWS * BLOCK})",
            region_line("pick", _picking(dtype, held)),
            region_line("clear", _clearing(held)),
            region_line("gather", _gathering(dtype, held, spec["dense"])),
            region_line("finish", _finishing(body, places)),
        ]
        return CpuUnit("plain_product", function_text(imports, _statements(spec, held, len(body.args) - 1)))


KERNELS["PlainProduct"] = PlainProduct()


def _picking(dtype: DType, held: DType) -> Spec:
    body = encode(Body((dtype,), (cast(arg(0, dtype), held),)))
    return {"body": body, "args": ["0"], "outs": ["value"], "coords": []}


def _clearing(held: DType) -> Spec:
    return {"body": encode(Body((held,), (arg(0, held),))), "args": ["value"], "outs": ["1"], "coords": []}


def _gathering(dtype: DType, held: DType, dense: bool) -> Spec:
    second = cast(arg(2 * ROWS, dtype), held)
    sums = tuple(call("add", arg(r, held), call("mul", arg(ROWS + r, held), second)) for r in range(ROWS))
    body = encode(Body((held,) * (2 * ROWS) + (dtype,), sums))
    places = [f"1@{r}" for r in range(ROWS)] + ["value"] * ROWS + ["1" if dense else "s"]
    return {"body": body, "args": places, "outs": ["1"] * ROWS, "coords": []}


def _finishing(body: Body, places: list[str]) -> Spec:
    extras = len(body.args) - 1
    return {"body": encode(body), "args": ["1", *places[:extras]], "outs": places[extras:], "coords": []}


def _statements(spec: Spec, held: DType, extras: int) -> list[str]:
    places = spec["places"]
    names = [*_SIZES, *_FIRST, *_SECOND]
    for i in range(len(places)):
        names += [f"{word}{i}" for word in ("e", "image_", "group_", "row_", "pixel_", "column_")]
    zero, size = f"{_WORDS[held.name]}(0)", held.bits // 8
    lines = [f"{name} = args[{i}]" for i, name in enumerate(names)]
    lines += ["sums = address_of(block())", *(f"acc{r} = sums + {r * BLOCK * size}" for r in range(ROWS))]
    lines += [f"cuts = (rows + {ROWS - 1}) // {ROWS}", f"blocks = (columns + {BLOCK - 1}) // {BLOCK}"]
    lines += ["for task in range(lo, hi):"]
    body = ["rest = task // cuts", f"m = (task - rest * cuts) * {ROWS}", "outer = rest // blocks"]
    body += ["part = rest - outer * blocks", "image = outer // groups"]
    body += ["group = outer - image * groups", "xs = x + image * x_image + group * x_group"]
    body += ["bs = b + image * b_image + group * b_group + part * b_block"]
    for r in range(ROWS):  # rows beyond the last repeat it
        body += [f"oh{r} = min(m + {r}, rows - 1) // width", f"ow{r} = min(m + {r}, rows - 1) - oh{r} * width"]
    inner = [f"first = part * {BLOCK}", f"last = min(columns, first + {BLOCK})"]
    inner += [f"for r in range({ROWS}):", "    for j in range(last - first):"]
    inner += [f"        clear(j, {zero}, sums + r * {BLOCK * size})"]
    inner += ["for u in range(kh):", "    for v in range(kw):", *_tap(spec, zero)]
    inner += [
        f"for r in range(min({ROWS}, rows - m)):",
        "    row = (m + r) // width",
        "    pixel = m + r - row * width",
    ]
    operands = []
    for i, place in enumerate(places):
        wide = "" if place == "0" else f" + first * column_{i} * {_itemsize(spec, i, extras)}"
        inner.append(
            f"    at{i} = e{i} + image * image_{i} + group * group_{i} + row * row_{i} + pixel * pixel_{i}{wide}"
        )
        operands.append(f"at{i}, column_{i}" if place == "s" else f"at{i}")
    inner += [
        "    for j in range(last - first):",
        f"        finish(j, sums + r * {BLOCK * size}, {', '.join(operands)})",
    ]
    return lines + [f"    {line}" for line in [*body, *inner]]


def _tap(spec: Spec, zero: str) -> list[str]:
    """Statements for tap (u, v): where each row reads, then the sums over the depth."""
    lines = []
    for r in range(ROWS):
        lines += [f"top = oh{r} * sh - ph + u * dh", f"side = ow{r} * sw - pw + v * dw"]
        lines += [f"in{r} = 0 <= top < h and 0 <= side < w", f"q{r} = xs + top * x_row + side * x_pixel"]
    lines += ["to = bs + u * b_kh + v * b_kw", "for k in range(depth):"]
    lines += [f"    a{r} = pick(0, q{r} + k * x_depth) if in{r} else {zero}" for r in range(ROWS)]
    sums = ", ".join(f"acc{r}" for r in range(ROWS))
    values = ", ".join(f"a{r}" for r in range(ROWS))
    place = "to + k * b_depth" + ("" if spec["dense"] else ", b_column")
    lines += ["    for j in range(last - first):", f"        gather(j, {sums}, {values}, {place}, {sums})"]
    return [f"        {line}" for line in lines]


def _itemsize(spec: Spec, number: int, extras: int) -> int:
    body = decode(spec["body"])
    kind = body.args[1 + number] if number < extras else body.dtypes[number - extras]
    return kind.bits // 8


def _unfit(problem: Problem, body: Body) -> str:
    if uses_index(body.results):
        return "an epilogue that reads coordinates is not taken"
    return unsupported(tuple(o.type.dtype for o in problem.inputs + problem.outputs))


class GemmPlain(Kernel):
    """Products of every type, with any epilogue."""

    ops = (Gemm,)
    rank = 90

    def rejects(self, problem: Problem) -> str:
        """More than two batch loops."""
        assert isinstance(problem.op, Gemm)
        if read_product(problem).batch.rank > 2:
            return "more than two batch loops"
        if len({o.strides for o in problem.outputs}) > 1:
            return "results in different orders"
        return _unfit(problem, problem.op.body(problem.inputs[0].type.dtype))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch; a constant with its columns apart is turned at load."""
        op, found = problem.op, read_product(problem)
        assert isinstance(op, Gemm)
        rows, columns, depth = found.sizes
        sizes: list[Dim] = [*found.counts, rows, FAR, columns, depth, 1, 1, 1, 1, 1, 1, 0, 0, 1, FAR]
        a: list[Dim] = [*found.outer(0), 0, *found.a]
        b: list[Dim] = [*found.outer(1), mul(found.b[1], BLOCK), 0, 0, *found.b]
        place, packs = Address("in", 1), tuple[Pack, ...]()
        second = problem.inputs[1]
        if second.constant and second.dense:
            packs = (Pack(1, "pack_turned", {"transposed": op.trans_b}),)
            wide, each = block_of(columns)
            batch = packed_batch(second, found, mul(mul(wide, each), depth))
            b, place = [*batch, mul(depth, each), 0, 0, each, 1], Address("pack", 0)
        moved = [
            Moved(e, Address("in", 2 + i), (*found.outer(3 + i), 0, *found.extras[i]))
            for i, e in enumerate(problem.inputs[2:])
        ]
        moved += [Moved(y, Address("out", i), (*found.outer(2), 0, *found.y)) for i, y in enumerate(problem.outputs)]
        body = op.body(problem.inputs[0].type.dtype)
        return Launches((plain_launch(problem, sizes, (Address("in", 0), a), (place, b), moved, body),), (), packs)


class ConvPlain(Kernel):
    """Convolutions of every type over one or two spatial axes, with any strides and epilogue."""

    ops = (Conv,)
    rank = 90

    def rejects(self, problem: Problem) -> str:
        """More spatial axes."""
        assert isinstance(problem.op, Conv)
        if problem.outputs[0].type.rank not in (3, 4):
            return f"{problem.outputs[0].type.rank - 2} spatial axes are not taken"
        return _unfit(problem, problem.op.body(problem.inputs[0].type.dtype))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch; constant weights are turned at load."""
        op, (x, w), y = problem.op, problem.inputs[:2], problem.outputs[0]
        assert isinstance(op, Conv)
        rank = y.type.rank - 2
        source, result = image_of(x.shape, x.strides), image_of(y.shape, y.strides)
        weights = image_of(w.shape, w.strides)
        each, depth = pieces(w.shape[0], op.groups), w.shape[1]
        sizes: list[Dim] = [x.shape[0], op.groups, mul(*result.size), result.size[1], each, depth, *weights.size]
        sizes += [*paired(op.strides, 1), *paired(op.dilations, 1), *paired(op.pads[:rank], 0), *source.size]
        image, channel, row, pixel = source.strides
        a: list[Dim] = [image, mul(channel, depth), row, pixel, channel]
        per_out, per_in, per_row, per_tap = weights.strides
        b: list[Dim] = [0, mul(per_out, each), mul(per_out, BLOCK), per_row, per_tap, per_in, per_out]
        place, packs = Address("in", 1), tuple[Pack, ...]()
        if w.constant and w.dense:
            packs, place = (Pack(1, "pack_plain", {"groups": op.groups}),), Address("pack", 0)
            blocks, width = block_of(each)
            tap = mul(depth, width)
            row = mul(weights.size[1], tap)
            block = mul(weights.size[0], row)
            b = [0, mul(blocks, block), block, row, tap, width, 1]
        images = extra_images(problem, 2)
        moved = [Moved(e, Address("in", 2 + i), _placed(images[i], each)) for i, e in enumerate(problem.inputs[2:])]
        moved += [
            Moved(o, Address("out", i), _placed(image_of(o.shape, o.strides), each))
            for i, o in enumerate(problem.outputs)
        ]
        body = op.body(x.type.dtype)
        return Launches((plain_launch(problem, sizes, (Address("in", 0), a), (place, b), moved, body),), (), packs)


def _placed(image: Image, each: Dim) -> tuple[Dim, Dim, Dim, Dim, Dim]:
    first, channel, row, pixel = image.strides
    return first, mul(channel, each), row, pixel, channel


def block_of(columns: Dim) -> tuple[Dim, Dim]:
    """How many blocks a constant's columns are packed in, and how wide they are."""
    if isinstance(columns, int):
        return pieces(columns, BLOCK), min(BLOCK, columns)
    return pieces(columns, BLOCK), BLOCK


def _blocked(columns: Array) -> Array:
    """[..., K, N] as [..., blocks, K, width], filled with zeros."""
    *outer, count = columns.shape
    width = min(BLOCK, max(count, 1))
    blocks = -(-count // width)
    filled = np.zeros((*outer, blocks * width), columns.dtype)
    filled[..., :count] = columns
    return np.ascontiguousarray(np.swapaxes(filled.reshape(*outer, blocks, width), -3, -2))


@pack
def pack_turned(matrix: Array, spec: Spec) -> Array:
    """A constant [..., K, N], or transposed [..., N, K], as [..., blocks, K, width]."""
    return _blocked(np.swapaxes(matrix, -1, -2) if spec["transposed"] else matrix)


@pack
def pack_plain(weights: Array, spec: Spec) -> Array:
    """[O, C / groups, kernel...] as [groups, blocks, kernel..., C / groups, width]."""
    groups = spec["groups"]
    split = weights.reshape(groups, weights.shape[0] // groups, *weights.shape[1:])
    turned = np.moveaxis(split, (1, 2), (-1, -2))
    taps = turned.shape[1:-2]
    rows = turned.reshape(groups, -1, turned.shape[-1])
    packed = _blocked(rows)
    return np.ascontiguousarray(packed.reshape(groups, packed.shape[1], *taps, weights.shape[1], packed.shape[-1]))
