"""Reads and writes at places given by data, on the CPU.

A negative index counts from the end of its axis.  An index outside the axis is an error in ONNX; here a read takes the
nearest element and a write is left out, so memory stays whole.
"""

from __future__ import annotations

from dataclasses import dataclass

from minirt.ir.scalar import Body, Scalar, arg, call, cast, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.movement import HOLDER, Move, copy_launch, unmovable
from minirt.kernels.cpu.nest import Nest, NestText, Strides, collapse, function_text, nest_args, operand_args
from minirt.kernels.cpu.pointwise import MOST_LOOPS, region_line, unsupported
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.indexing import Gather, GatherElements, GatherND, ScatterElements, ScatterND
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, maximum, mul
from minirt.types.dtype import DType, dtype_of, i64

_GRAIN = 16384


@dataclass(frozen=True)
class Indexed:
    """Loops over what is moved: ``moved`` elements one by one, ``base`` the tensor that the indices point into.

    ``base`` has stride 0 along loops that an index decides; ``named`` are (size, stride) of the axes that the
    coordinates name, which lie ``apart`` elements from each other.
    """

    shape: tuple[Dim, ...]
    base: Strides
    indices: Strides
    moved: Strides
    named: tuple[tuple[Dim, Dim], ...]
    apart: Dim = 0

    def nest(self, order: tuple[int, ...]) -> Nest:
        """The loops: over base, indices, and what is moved."""
        return collapse(self.shape, order, [self.base, self.indices, self.moved])


def _replaced(strides: Strides, axis: int, by: Strides) -> Strides:
    return (*strides[:axis], *by, *strides[axis + 1 :])


def indexed(problem: Problem, base: Operand, moved: Operand) -> Indexed:
    """How an op's indices (operand 1) point into ``base`` for each element of ``moved``."""
    op, indices = problem.op, problem.inputs[1]
    if isinstance(op, Gather):
        axis, rank = op.axis, indices.type.rank
        own = _replaced(base.strides, axis, (0,) * rank)
        places = (*(0,) * axis, *indices.strides, *(0,) * (base.type.rank - axis - 1))
        return Indexed(moved.shape, own, places, moved.strides, ((base.shape[axis], base.strides[axis]),))
    if isinstance(op, GatherElements | ScatterElements):
        own = _replaced(base.strides, op.axis, (0,))
        named = ((base.shape[op.axis], base.strides[op.axis]),)
        return Indexed(moved.shape, own, indices.strides, moved.strides, named)
    assert isinstance(op, GatherND | ScatterND)
    batch = op.batch_dims if isinstance(op, GatherND) else 0
    depth, lead = indices.shape[-1], indices.type.rank - 1
    assert isinstance(depth, int)
    rest = base.strides[batch + depth :]
    own = (*base.strides[:batch], *(0,) * (lead - batch), *rest)
    places = (*indices.strides[:-1], *(0,) * len(rest))
    axes = range(batch, batch + depth)
    corners = tuple((base.shape[a], base.strides[a]) for a in axes)
    return Indexed(moved.shape, own, places, moved.strides, corners, indices.strides[-1])


def indexed_args(found: Indexed, nest: Nest, operands: list[tuple[Operand, Address]]) -> list[Arg]:
    """Arguments: loops, base, indices, moved; then size and stride in bytes of each named axis, and the spacing."""
    args = nest_args(nest)
    for i, (operand, address) in enumerate(operands):
        args += operand_args(nest, i, address, operand.type.dtype.bits // 8)
    size = operands[0][0].type.dtype.bits // 8
    for extent, stride in found.named:
        args += [Integer(extent), Integer(mul(stride, size))]
    return [*args, Integer(found.apart)]


def _unreadable(problem: Problem, found: Indexed) -> str:
    rank = found.nest(tuple(range(len(found.shape)))).rank
    if rank > MOST_LOOPS:
        return f"{rank} loops are more than {MOST_LOOPS}"
    return unsupported((problem.inputs[1].type.dtype,))


class GatherStrided(Kernel):
    """Gather, GatherElements and GatherND of any strides."""

    ops = (Gather, GatherElements, GatherND)

    def rejects(self, problem: Problem) -> str:
        """Elements of odd sizes, too many loops."""
        found = indexed(problem, problem.inputs[0], problem.outputs[0])
        return unmovable(problem.outputs[0].type.dtype) or _unreadable(problem, found)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the result."""
        (data, indices), (result,) = problem.inputs, problem.outputs
        found = indexed(problem, data, result)
        nest = found.nest(result.type.order)
        spec: Spec = {
            "bits": data.type.dtype.bits, "index": indices.type.dtype.name, "rank": nest.rank,
            "places": [nest.place(i) for i in range(3)], "depth": len(found.named),
        }  # fmt: skip
        operands = [(data, Address("in", 0)), (indices, Address("in", 1)), (result, Address("out", 0))]
        args = indexed_args(found, nest, operands)
        return Launches((Launch(Unit(self.name, spec), tuple(args), (nest.size, _GRAIN, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows that one index places, or elements each with its own."""
        holder, places = HOLDER[spec["bits"]], spec["places"]
        move = {
            "body": encode(Body((holder,), (arg(0, holder),))),
            "args": places[:1],
            "outs": places[2:],
            "coords": [],
        }
        loops, head = _head(spec)
        row = _placed(
            spec, loops, f"move(j, {_at(loops, 0, 'to')}, {loops.address(2)})", "k = min(max(k, 0), z{d} - 1)"
        )
        imports = [region_line("move", move), index_line(spec)]
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


def index_line(spec: Spec) -> str:
    """The line of kernel text that makes ``index(j, address, stride)``, an index as i64."""
    dtype = dtype_of(spec["index"])
    body = encode(Body((dtype,), (cast(arg(0, dtype), i64),)))
    return region_line("index", {"body": body, "args": ["s"], "outs": ["value"], "coords": []})


def _head(spec: Spec) -> tuple[NestText, list[str]]:
    loops = NestText(spec["rank"], spec["places"])
    head = loops.head()
    for d in range(spec["depth"]):
        head += [f"z{d} = args[{loops.count + 2 * d}]", f"t{d} = args[{loops.count + 2 * d + 1}]"]
    return loops, [*head, f"apart = args[{loops.count + 2 * spec['depth']}]"]


def _at(loops: NestText, operand: int, address: str) -> str:
    return f"{address}, s{operand}" if loops.places[operand] == "s" else address


def _placed(spec: Spec, loops: NestText, statement: str, bound: str) -> list[str]:
    """A row: the address ``to`` that the coordinates give, then ``statement`` for each j; ``bound`` checks ``k``."""
    place = loops.places[1]
    size = dtype_of(spec["index"]).bits // 8
    moved = {"0": "0", "1": f"j * {size}", "s": f"j * s1 * {size}"}[place]
    find = ["to = p0", "inside = True"]
    for d in range(spec["depth"]):
        find += [f"k = index({d}, p1 + {moved}, apart)", f"k += z{d} if k < 0 else 0"]
        find += [bound.format(d=d), f"to += k * t{d}"]
    each = f"for j in range(c{loops.last}, stop):"
    if place == "0":
        return [*find, "if inside:", f"    {each}", f"        {statement}"]
    return [each, *(f"    {line}" for line in find), "    if inside:", f"        {statement}"]


_MEETS = {"add": "add", "mul": "mul", "max": "max", "min": "min"}


class ScatterStrided(Kernel):
    """ScatterElements and ScatterND: a copy of the data, then the updates one after another."""

    ops = (ScatterElements, ScatterND)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        op, data = problem.op, problem.inputs[0]
        assert isinstance(op, ScatterElements | ScatterND)
        found = indexed(problem, problem.outputs[0], problem.inputs[2])
        plain = op.reduction == "none"
        bad = unmovable(data.type.dtype) if plain else unsupported((data.type.dtype,))
        return bad or _unreadable(problem, found)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The copy, then one serial launch over the updates: a place may be written twice."""
        op = problem.op
        assert isinstance(op, ScatterElements | ScatterND)
        (data, indices, updates), (result,) = problem.inputs, problem.outputs
        copy = copy_launch(Move(data.shape, result.type.order, data.strides, result.strides), data.type.dtype)
        found = indexed(problem, result, updates)
        nest = found.nest(tuple(range(len(found.shape))))
        dtype = HOLDER[data.type.dtype.bits] if op.reduction == "none" else data.type.dtype
        spec: Spec = {
            "dtype": dtype.name, "index": indices.type.dtype.name, "rank": nest.rank, "reduction": op.reduction,
            "places": [nest.place(i) for i in range(3)], "depth": len(found.named),
        }  # fmt: skip
        operands = [(result, Address("out", 0)), (indices, Address("in", 1)), (updates, Address("in", 2))]
        args = indexed_args(found, nest, operands)
        return Launches((copy, Launch(Unit(self.name, spec), tuple(args), (nest.size, maximum(nest.size, 1), 1))))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """For each update its place, then what meets there."""
        dtype, places = dtype_of(spec["dtype"]), spec["places"]
        out = "s" if places[0] == "0" else places[0]
        if spec["reduction"] == "none":
            put: Spec = {"body": encode(Body((dtype,), (arg(0, dtype),))), "args": [places[2]], "outs": [out]}
        else:
            put = {"body": encode(_meeting(spec["reduction"], dtype)), "args": [out + "@0", places[2]], "outs": [out]}
        loops, head = _head(spec)
        to = "to, 0" if places[0] == "0" else _at(loops, 0, "to")
        operands = [loops.address(2), to] if spec["reduction"] == "none" else [to, loops.address(2), to]
        row = _placed(spec, loops, f"put(j, {', '.join(operands)})", "inside = inside and 0 <= k < z{d}")
        imports = [region_line("put", {**put, "coords": []}), index_line(spec)]
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


def _meeting(reduction: str, dtype: DType) -> Body:
    result: Scalar = call(_MEETS[reduction], wide(arg(0, dtype)), wide(arg(1, dtype)))
    return Body((dtype, dtype), (cast(result, dtype),))
