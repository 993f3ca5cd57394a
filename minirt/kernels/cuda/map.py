"""Pointwise regions and copies: any broadcasting, any strides, 16 bytes at a time where elements lie side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.ir.op import Op
from minirt.ir.scalar import Body, arg, cast, decode, encode, index
from minirt.ir.scalar_cuda import cuda_function, index_axes, prints, register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import (
    Generated,
    Param,
    Value,
    blocks,
    kernel_text,
    raw_storage,
    size_params,
    size_values,
    storage,
    stride_params,
    stride_values,
)
from minirt.kernels.cuda.nest import Nest, broadcast_strides, coordinates, nest, offset, same
from minirt.kernels.kernel import Operand, Problem
from minirt.ops.cast import BitCast
from minirt.ops.layout import Relayout
from minirt.ops.movement import Expand, Iota, Reshape, Slice, Transpose
from minirt.ops.pointwise import Elementwise
from minirt.plan.launch import Address, Launch, Launches, Spec
from minirt.types.dim import Dim, mul
from minirt.types.dtype import DType, dtype_of
from minirt.types.tensor import Tensor

MOVES = (Relayout, Transpose, Expand, Slice, Reshape, BitCast)
"""Ops that copy elements as they are."""
_MAX_VECTOR = 8
_RAW_TYPES = {8: "u8", 16: "u16", 32: "u32", 64: "u64"}
_MAX_OPERANDS = 64
_UNROLL = "#pragma unroll\n"


@dataclass(frozen=True)
class Piece:
    """An operand of a map: where it is, its strides along the shape's axes, and whether it starts on 16 bytes."""

    at: Address
    dtype: DType
    strides: tuple[Dim, ...]
    aligned: bool = True


def region(op: Op, inputs: Sequence[Operand]) -> Body:
    """What one element of the op's results is; copies move bits, whatever they mean."""
    if isinstance(op, Elementwise):
        return op.body(tuple(o.type.dtype for o in inputs))
    if isinstance(op, Iota):
        return Body((), (cast(index(op.axis - len(op.shape)), op.dtype),))
    held = raw_dtype(inputs[0].type.dtype)
    return Body((held,), (arg(0, held),))


def raw_dtype(dtype: DType) -> DType:
    """The unsigned type as wide as the element, for moving bits whatever they mean."""
    return dtype_of(_RAW_TYPES[dtype.bits])


class MapVector(Generated):
    """A pointwise region or a strided copy: each thread handles a few vectors of neighbouring elements."""

    ops = (Elementwise, Iota, *MOVES)

    def rejects(self, problem: Problem) -> str:
        """Types without a register form, or too many operands."""
        if isinstance(problem.op, MOVES):
            dtype = problem.inputs[0].type.dtype
            if isinstance(problem.op, Reshape) and not problem.outputs[0].dense:
                return "a reshaped result must be dense"
            return "" if raw_storage(dtype) else f"elements of type {dtype} cannot be moved one by one"
        if len(problem.inputs) + len(problem.outputs) > _MAX_OPERANDS:
            return f"{len(problem.inputs)} operands are more than {_MAX_OPERANDS}"
        return prints(region(problem.op, problem.inputs))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        return Launches((launch_map(problem, *pieces_of(problem)),))

    def params(self, spec: Spec) -> list[Param]:
        """Addresses, the number of elements, sizes where some operand is not flat, and their strides."""
        body, modes = decode(spec["body"]), [*spec["in"], *spec["out"]]
        out = [Param("ptr", f"x{i}", f"const {storage(d)}") for i, d in enumerate(body.args)]
        out += [Param("ptr", f"y{i}", storage(r.dtype)) for i, r in enumerate(body.results)]
        out.append(Param("I", "n"))
        if any(mode != "flat" for mode in modes) or spec["index"]:
            out += size_params(spec["rank"])
        for name, mode in zip(names_of(body), modes, strict=True):
            out += stride_params(name, spec["rank"]) if mode != "flat" else []
        return out

    def text(self, spec: Spec) -> CudaSource:
        """Loads of all vectors, then for each the region and the stores."""
        return kernel_text(
            "map_vector",
            self.params(spec),
            _map_body(spec),
            self.threads,
            spec["wide"],
            cuda_function(decode(spec["body"]), "region"),
        )


def pieces_of(problem: Problem) -> tuple[Body, list[Piece], list[Piece], Tensor]:
    """The region, its operands and results, and the type that it walks over."""
    body, result = region(problem.op, problem.inputs), problem.outputs[0].type
    if isinstance(problem.op, MOVES):
        return (body, *_moved(problem.op, problem, body.args[0]))
    ins = [
        Piece(Address("in", i), d, broadcast_strides(o, result.shape), o.aligned)
        for i, (o, d) in enumerate(zip(problem.inputs, body.args, strict=True))
    ]
    outs = [
        Piece(Address("out", i), r.dtype, o.strides, o.aligned)
        for i, (o, r) in enumerate(zip(problem.outputs, body.results, strict=True))
    ]
    return body, ins, outs, result


def _moved(op: Op, problem: Problem, held: DType) -> tuple[list[Piece], list[Piece], Tensor]:
    """Source and result of a copy, and the type whose axes it walks over."""
    (x,), (y,) = problem.inputs, problem.outputs
    at, strides, walked = Address("in", 0), x.strides, y.type
    aligned, written = x.aligned, y.strides
    if isinstance(op, Transpose):
        strides = tuple(x.strides[axis] for axis in op.perm)
    elif isinstance(op, Expand):
        strides = broadcast_strides(x, y.shape)
    elif isinstance(op, Slice):
        start: Dim = 0
        for begin, stride in zip(op.starts, x.strides, strict=True):
            start = start + mul(begin, stride)
        at = Address("in", 0, mul(start, held.bits // 8))
        aligned = aligned and problem.divisible(at.offset, 16)
        strides = tuple(mul(s, step) for s, step in zip(x.strides, op.steps, strict=True))
    elif isinstance(op, Reshape):
        walked, written = x.type, Tensor(held, x.shape).strides
    return [Piece(at, held, strides, aligned)], [Piece(Address("out", 0), held, written, y.aligned)], walked


def launch_map(problem: Problem, body: Body, ins: Sequence[Piece], outs: Sequence[Piece], result: Tensor) -> Launch:
    """A launch of MapVector over the axes of ``result``, in its memory order."""
    axes = [axis + result.rank for axis in index_axes(body)]
    pieces = [*ins, *outs]
    walked = nest(result.shape, [p.strides for p in pieces], result.order, axes)
    width, modes = _vector(problem, walked, pieces, bool(axes))
    vectors = problem.likely(walked.total) // width
    unroll = 2 if vectors > 1 << 19 and len(pieces) * width <= 32 else 1
    spec: Spec = {
        "body": encode(body), "in": modes[: len(ins)], "out": modes[len(ins) :], "rank": walked.rank, "vector": width,
        "unroll": unroll, "wide": walked.wide(problem.bounds), "whole": problem.divisible(walked.sizes[-1], width),
        "tail": not problem.divisible(walked.total, width), "index": [walked.place(axis) for axis in axes],
    }  # fmt: skip
    values: dict[str, Value] = {"n": walked.total, **size_values(walked)}
    for i, (name, piece) in enumerate(zip(names_of(body), pieces, strict=True)):
        values |= {name: piece.at, **stride_values(walked, i, name)}
    return MapVector().launched(spec, values, blocks(walked.total, width * unroll * MapVector.threads))


def names_of(body: Body) -> list[str]:
    """Parameter names of a region's operands, then of its results."""
    return [f"x{i}" for i in range(len(body.args))] + [f"y{i}" for i in range(len(body.results))]


def _vector(problem: Problem, walked: Nest, pieces: Sequence[Piece], indexed: bool) -> tuple[int, list[str]]:
    """Elements a vector, and how each operand is read: "flat", "row" or "one" (of a row's vector), or "any"."""
    flat = [walked.flat(i) and p.aligned for i, p in enumerate(pieces)]
    bits = [p.dtype.bits for i, p in enumerate(pieces) if flat[i]]
    for width in (_MAX_VECTOR, 4, 2):
        whole = problem.divisible(walked.sizes[-1], width)
        modes = [_mode(problem, walked, i, p, width if whole else 0, flat[i]) for i, p in enumerate(pieces)]
        served = [p.dtype.bits for p, mode in zip(pieces, modes, strict=True) if mode in ("flat", "row")]
        if not served or width * min(served) > 128:
            continue
        if whole or bits:
            return width, modes
    return 1, ["flat" if f else "any" for f in flat]


def _mode(problem: Problem, walked: Nest, number: int, piece: Piece, width: int, flat: bool) -> str:
    if flat:
        return "flat"
    *outer, inner = walked.strides[number]
    if width and same(inner, 0):
        return "one"
    lies = width and same(inner, 1) and piece.aligned and all(problem.divisible(s, width) for s in outer)
    return "row" if lies else "any"


def _map_body(spec: Spec) -> str:
    """The entry function's statements."""
    body = decode(spec["body"])
    width, unroll, rank = spec["vector"], spec["unroll"], spec["rank"]
    ins = list(zip([f"x{i}" for i in range(len(body.args))], spec["in"], strict=True))
    outs = list(zip([f"y{i}" for i in range(len(body.results))], spec["out"], strict=True))
    held = "".join(f"{register_type(d)} v{i}[{unroll}][{width}];\n" for i, d in enumerate(body.args))
    split = any(mode != "flat" for _, mode in ins + outs) or bool(spec["index"])
    loads = "".join(_load(i, name, mode, spec) for i, (name, mode) in enumerate(ins))
    stepped = _stepped(spec) and any(mode == "any" for _, mode in ins)
    loads += (
        _step_loop(spec, [(f"v{i}[u][j]", name) for i, (name, mode) in enumerate(ins) if mode == "any"])
        if stepped
        else ""
    )
    where = coordinates(rank, "e") if split else ""
    first = f"const I first = (I)blockIdx.x * {256 * unroll} + threadIdx.x;\n"
    loop = f"{_UNROLL}for (int u = 0; u < {unroll}; u++) {{\n"
    loop += f"const I e = (first + u * 256) * {width};\nif (e >= n) break;\n"
    text = first + held
    if ins:
        text += f"{loop}{where}{loads}}}\n"
    return text + f"{loop}{where}{_results(body, spec, outs)}}}\n"


def _stepped(spec: Spec) -> bool:
    """True where a vector may cross the end of a row, so that coordinates advance element by element."""
    return spec["vector"] > 1 and not spec["whole"]


def _load(number: int, name: str, mode: str, spec: Spec) -> str:
    width, rank = spec["vector"], spec["rank"]
    to = f"v{number}[u]"
    if mode == "flat":
        fast = f"load_vector<{width}>({to}, {name} + e);\n"
        if not spec["tail"]:
            return fast
        slow = f"for (int j = 0; j < {width}; j++) {to}[j] = widen({name}[e + j < n ? e + j : e]);\n"
        return f"if (e + {width} <= n) {fast}else {slow}"
    at = offset(rank, name)
    if mode == "row":
        return f"load_vector<{width}>({to}, {name} + {at});\n"
    if mode == "one":
        return f"{{ const auto w = widen({name}[{at}]);\n{_UNROLL}for (int j = 0; j < {width}; j++) {to}[j] = w; }}\n"
    if _stepped(spec):
        return ""
    each = f"{to}[j] = widen({name}[o + j * {name}_{rank - 1}]);"
    return f"{{ const I o = {at};\n{_UNROLL}for (int j = 0; j < {width}; j++) {each} }}\n"


def _step_loop(spec: Spec, reads: Sequence[tuple[str, str]], inside: str = "") -> str:
    """Element by element, with coordinates ``d0`` .. carried over the ends of rows."""
    width, rank = spec["vector"], spec["rank"]
    start = "".join(f"I d{axis} = c{axis};\n" for axis in range(rank))
    carry = "++d0;"
    for axis in range(1, rank):
        carry = f"if (++d{axis} == n{axis}) {{ d{axis} = 0; {carry} }}"
    loads = "".join(f"{to} = widen({name}[{offset(rank, name, 'd')}]);\n" for to, name in reads)
    each = f"if (e + j < n) {{\n{loads}{inside}{carry}\n}}"
    return f"{{\n{start}{_UNROLL}for (int j = 0; j < {width}; j++) {each}\n}}\n"


def _results(body: Body, spec: Spec, outs: Sequence[tuple[str, str]]) -> str:
    width, rank = spec["vector"], spec["rank"]
    kinds = [register_type(r.dtype) for r in body.results]
    held = "".join(f"{kind} r{i}[{width}];\n" for i, kind in enumerate(kinds))
    names = "d" if _stepped(spec) else "c"
    last = rank - 1
    index = [
        f"(i64){names}{a}" + (" + j" if a == last and names == "c" else "") if a >= 0 else "(i64)0"
        for a in spec["index"]
    ]
    args = [f"v{i}[u][j]" for i in range(len(body.args))] + index
    call = f"r0[j] = region({', '.join(args)});\n"
    if len(body.results) > 1:
        call = f"region({', '.join([*args, *(f'r{i}[j]' for i in range(len(body.results)))])});\n"
    strided = [(i, name) for i, (name, mode) in enumerate(outs) if mode == "any"]
    stores = "".join(_store(i, name, mode, spec) for i, (name, mode) in enumerate(outs) if mode != "any")
    if _stepped(spec) and (index or strided):
        puts = "".join(f"{name}[{offset(rank, name, 'd')}] = {_narrow(body, i)};\n" for i, name in strided)
        return held + _step_loop(spec, (), call + puts) + stores
    puts = "".join(f"{name}[{offset(rank, name)} + j * {name}_{last}] = {_narrow(body, i)};\n" for i, name in strided)
    return f"{held}#pragma unroll\nfor (int j = 0; j < {width}; j++) {{\n{call}{puts}}}\n{stores}"


def _narrow(body: Body, number: int) -> str:
    return f"Narrow<{storage(body.results[number].dtype)}>::of(r{number}[j])"


def _store(number: int, name: str, mode: str, spec: Spec) -> str:
    width, rank = spec["vector"], spec["rank"]
    kind = storage(decode(spec["body"]).results[number].dtype)
    at = "e" if mode == "flat" else offset(rank, name)
    fast = f"store_vector<{width}>({name} + {at}, r{number});\n"
    if mode != "flat" or not spec["tail"]:
        return fast
    slow = f"for (int j = 0; j < {width}; j++) if (e + j < n) {name}[e + j] = Narrow<{kind}>::of(r{number}[j]);\n"
    return f"if (e + {width} <= n) {fast}else {slow}"
