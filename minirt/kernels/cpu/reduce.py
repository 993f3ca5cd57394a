"""Reductions on the CPU: along rows, or across rows with the contiguous axis kept.

Sums and products of floats accumulate in float64, means of float32 as ``reduce_lanes`` says; greatest and least compare
integers of the same order, so that NaN wins; integers wrap as their type does.
"""

from __future__ import annotations

from dataclasses import dataclass

from minirt.ir.op import broadcast
from minirt.ir.scalar import Body, Scalar, arg, call, cast, decode, encode, rebuild, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import Nest, NestText, Strides, collapse, function_text, is_one, nest_args, spread
from minirt.kernels.cpu.pointwise import MOST_LOOPS, grain, region_line, unsupported
from minirt.kernels.cpu.reduce_lanes import (
    LANES,
    block_gathered,
    block_of_lanes,
    lanes_cleared,
    row_of_lanes,
)
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.reduce import Reduce, highest, lowest
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, mul, product
from minirt.types.dtype import DType, bool_, f32, f64, i64, u8

BLOCK = 256
"""Columns that are reduced together where the contiguous axis is kept."""
_START = {"sum": "0", "mean": "0", "prod": "1"}
_KEYS = {("max", "f32"): -2139095041, ("min", "f32"): 2139095040}
_KEYS |= {("max", "f64"): -9218868437227405313, ("min", "f64"): 9218868437227405312}


@dataclass(frozen=True)
class Split:
    """A reduction's loops: over what is kept (operands and results), and over what is reduced (operands)."""

    kept: Nest
    reduced: Nest
    columns: bool

    @property
    def count(self) -> Dim:
        """Elements behind each result."""
        return product(self.reduced.dims)


def split(
    shape: tuple[Dim, ...],
    axes: tuple[int, ...],
    order: list[int],
    sources: list[Strides],
    others: list[Strides],
    leading: int = 0,
) -> Split:
    """The loops over ``shape``: ``order`` are the kept axes in the result's memory order.

    Columns are reduced together where one of the first ``leading`` operands (0: of all) is contiguous along a kept
    axis.
    """
    fast = next(
        (
            a
            for s in sources[: leading or len(sources)]
            for a in range(len(shape))
            if is_one(s[a]) and not is_one(shape[a])
        ),
        -1,
    )
    columns = fast >= 0 and fast not in axes
    if columns:
        order = [*(a for a in order if a != fast), fast]
    inner = sorted(axes, key=lambda a: (is_one(sources[0][a]), sum(is_one(s[a]) for s in sources)))
    return Split(collapse(shape, order, [*sources, *others]), collapse(shape, inner, sources), columns)


def source_args(loops: Split, number: int, operand: Operand, address: Address) -> list[Arg]:
    """An operand's address and its strides along the kept loops.

    In rows the innermost stride is in bytes and always there; in columns as ``operand_args`` has it.
    """
    size = operand.type.dtype.bits // 8
    *outer, inner = loops.kept.strides[number]
    args: list[Arg] = [address, *(Integer(mul(s, size)) for s in outer)]
    if not loops.columns:
        return [*args, Integer(mul(inner, size))]
    return [*args, Integer(inner)] if loops.kept.place(number) == "s" else args


def reduced_args(loops: Split, number: int, operand: Operand) -> list[Arg]:
    """An operand's strides along the reduced loops: bytes, but elements along the innermost of rows."""
    size = operand.type.dtype.bits // 8
    *outer, inner = loops.reduced.strides[number]
    args: list[Arg] = [Integer(mul(s, size)) for s in outer]
    if loops.columns:
        return [*args, Integer(mul(inner, size))]
    return [*args, Integer(inner)] if loops.reduced.place(number) == "s" else args


class ReducedText:
    """Statements of the loops over the reduced axes, for ``sources`` operands, reading arguments from ``first`` on."""

    def __init__(self, rank: int, places: list[str], columns: bool, first: int) -> None:
        self.rank, self.places, self.columns, self.count = rank, places, columns, first

    def head(self) -> list[str]:
        """Reads sizes m{d} and strides u{i}_{d}, v{i}."""
        names = [f"m{d}" for d in range(self.rank)]
        for i, place in enumerate(self.places):
            names += [f"u{i}_{d}" for d in range(self.rank - 1 + self.columns)]
            if not self.columns and place == "s":
                names.append(f"v{i}")
        names.append("count")
        lines = [f"{name} = args[{self.count + k}]" for k, name in enumerate(names)]
        self.count += len(names)
        return lines

    def loops(self, starts: list[str], inner: list[str], whole: bool = False) -> list[str]:
        """Loops around ``inner``, where ``a{i}`` are addresses and, in rows, ``r`` counts the innermost loop.

        ``whole``: ``inner`` is that loop itself.
        """
        lines = [f"a{i}_0 = {start}" for i, start in enumerate(starts)]
        outer = self.rank - 1 + self.columns
        pad = ""
        for d in range(outer):
            lines.append(f"{pad}for r{d} in range(m{d}):")
            pad += "    "
            lines += [f"{pad}a{i}_{d + 1} = a{i}_{d} + r{d} * u{i}_{d}" for i in range(len(starts))]
        lines += [f"{pad}a{i} = a{i}_{outer}" for i in range(len(starts))]
        if not self.columns and not whole:
            lines.append(f"{pad}for r in range(m{self.rank - 1}):")
            pad += "    "
        return lines + [pad + line for line in inner]

    def operand(self, number: int) -> str:
        """What a region takes for an operand in a row."""
        return f"a{number}, v{number}" if self.places[number] == "s" else f"a{number}"


@dataclass(frozen=True)
class Accumulation:
    """How numbers are gathered: the accumulator's type, what a region gives for each element, and how they meet."""

    held: DType
    body: Body
    start: str
    meet: str  # statement text with {acc} and {value}; {value} is the region's call, which takes {acc} if combines
    combines: bool
    finish: str = "{acc}"
    lanes: bool = False
    """Whether float32 partial sums come before the accumulator."""

    @property
    def kind(self) -> str:
        """Numba's name of the accumulator's type."""
        keyed = "key" in self.meet
        return {"f32": "int32", "f64": "int64"}[self.held.name] if keyed else _NUMBA[self.held.name]


_NUMBA = {
    "f32": "float32", "f64": "float64", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8",
    "u16": "uint16", "u32": "uint32", "u64": "uint64",
}  # fmt: skip


def accumulation(kind: str, prologue: Body) -> Accumulation:
    """How ``kind`` of the prologue's result is gathered."""
    value = wide(prologue.results[0])
    if value.dtype.is_float:
        if kind in ("max", "min"):
            start = f"{'int32' if value.dtype is f32 else 'int64'}({_KEYS[kind, value.dtype.name]})"
            meet = f"{{acc}} = {kind}({{acc}}, key_{kind}({{value}}))"
            return Accumulation(value.dtype, Body(prologue.args, (value,)), start, meet, False, "from_key({acc})")
        sign = "*" if kind == "prod" else "+"
        lanes = kind == "mean" and value.dtype is f32
        body = Body(prologue.args, (value if lanes else cast(value, f64),))
        meet = f"{{acc}} = {{acc}} {sign} {{value}}"
        return Accumulation(f64, body, f"float64({_START[kind]})", meet, False, lanes=lanes)
    if kind in ("max", "min"):
        held = u8 if value.dtype is bool_ else value.dtype
        numpy = u8.numpy if held is u8 and value.dtype is bool_ else held.numpy
        edge = lowest(numpy) if kind == "max" else (1 if value.dtype is bool_ else highest(numpy))
        fn = kind
    else:
        held, edge, fn = i64, int(_START[kind]), "mul" if kind == "prod" else "add"
    shifted = rebuild((cast(value, held),), _shifted)[0]
    combined = Body((held, *prologue.args), (call(fn, arg(0, held), shifted),))
    return Accumulation(held, combined, f"{_NUMBA[held.name]}({int(edge)})", "{acc} = {value}", True)


def _shifted(node: Scalar) -> Scalar:
    return arg(int(node.value) + 1, node.dtype) if node.fn == "arg" and node.value is not None else node


def finishing(op: Reduce, inputs: tuple[DType, ...], held: DType) -> Body:
    """The last step: from the accumulator (argument 0), the count (1) and the extra operands to the results."""
    total = arg(0, held)
    if op.kind == "mean":
        total = call("div", total, cast(arg(1, i64), held))
    start = cast(total, op.reduced(inputs))
    body = op.finish(inputs)

    def leaf(node: Scalar) -> Scalar:
        if node.fn != "arg":
            return node
        return start if node.value == 0 else _shifted(node)

    return Body((held, i64, *body.args[1:]), rebuild(body.results, leaf))


class ReduceStrided(Kernel):
    """Reductions with prologue and epilogue, over any axes of any strides."""

    ops = (Reduce,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        bad = unsupported(tuple(o.type.dtype for o in problem.inputs + problem.outputs))
        if bad:
            return bad
        loops = self._split(problem)
        most = max(loops.kept.rank, loops.reduced.rank)
        return f"{most} loops are more than {MOST_LOOPS}" if most > MOST_LOOPS else ""

    def _split(self, problem: Problem) -> Split:
        op = problem.op
        assert isinstance(op, Reduce)
        count = op.sources()
        shape = broadcast(*(o.shape for o in problem.inputs[:count]))
        kept = [a for a in range(len(shape)) if a not in op.axes]
        result = problem.outputs[0]
        place = {a: a if op.keepdims else kept.index(a) for a in kept}
        back = {v: k for k, v in place.items()}
        order = [back[a] for a in result.type.order if a in back]
        others = [spread(o, result.shape) for o in problem.inputs[count:] + problem.outputs]
        aligned = [tuple(s[place[a]] if a in place else 0 for a in range(len(shape))) for s in others]
        return split(shape, op.axes, order, [spread(o, shape) for o in problem.inputs[:count]], aligned)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the results."""
        op = problem.op
        assert isinstance(op, Reduce)
        loops, count = self._split(problem), op.sources()
        inputs = tuple(o.type.dtype for o in problem.inputs)
        prologue = op.prologue or Body(inputs[:1], (arg(0, inputs[0]),))
        finish = finishing(op, inputs, accumulation(op.kind, prologue).held)
        operands = problem.inputs + problem.outputs
        spec: Spec = {
            "kind": op.kind, "prologue": encode(prologue), "finish": encode(finish), "columns": loops.columns,
            "ranks": [loops.kept.rank, loops.reduced.rank],
            "kept": [loops.kept.place(i) for i in range(len(operands))],
            "reduced": [loops.reduced.place(i) for i in range(count)],
        }  # fmt: skip
        args = nest_args(loops.kept)
        for i, operand in enumerate(operands):
            inside = i < len(problem.inputs)
            address = Address("in", i) if inside else Address("out", i - len(problem.inputs))
            rows = Split(loops.kept, loops.reduced, loops.columns or i >= count)
            args += source_args(rows, i, operand, address)
        args += nest_args(loops.reduced)
        for i, operand in enumerate(problem.inputs[:count]):
            args += reduced_args(loops, i, operand)
        args.append(Integer(loops.count))
        piece = grain((prologue, finish), min(4096, problem.likely(loops.count)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows one by one, or blocks of columns together."""
        text = _columns(spec) if spec["columns"] else _rows(spec)
        return CpuUnit(self.name, text, ("contract", "nsz") if _gather(spec).lanes else ("contract", "reassoc", "nsz"))


def _imports(spec: Spec, gather: Accumulation, places: list[str]) -> list[str]:
    count = len(spec["reduced"])
    value: Spec = {"body": encode(gather.body), "outs": ["value"], "coords": []}
    value["args"] = ["value"] * gather.combines + places
    others = spec["kept"][count:]
    extras = len(spec["finish"][0]) - 2
    finish = {
        "body": spec["finish"],
        "args": ["value", "value", *others[:extras]],
        "outs": others[extras:],
        "coords": [],
    }
    lines = ["from numba import types, " + ", ".join(sorted(set(_NUMBA.values())))]
    lines += ["from minirt.kernels.cpu.ordered import from_key, key_max, key_min, stack"]
    lines += [region_line("value", value), region_line("finish", finish)]
    width = BLOCK if spec["columns"] else 1
    if spec["columns"]:
        lines.append(f"block = stack(types.{gather.kind}, {BLOCK})")
    return [*lines, f"lane_block = stack(types.float32, {LANES * width})"] if gather.lanes else lines


def _gather(spec: Spec) -> Accumulation:
    return accumulation(spec["kind"], decode(spec["prologue"]))


def _rows(spec: Spec) -> str:
    gather, count = _gather(spec), len(spec["reduced"])
    loops = NestText(spec["ranks"][0], ["s"] * count + spec["kept"][count:])
    head = loops.head()
    reduced = ReducedText(spec["ranks"][1], spec["reduced"], False, loops.count)
    head += reduced.head()
    operands = ", ".join(["acc"] * gather.combines + [reduced.operand(i) for i in range(count)])
    steps = [gather.meet.format(acc="acc", value=f"value(r, {operands})")]
    if gather.lanes:
        head.append("lanes = lane_block()")
        steps = row_of_lanes(f"m{reduced.rank - 1}", operands)
    inner = reduced.loops([f"p{i} + j * s{i}" for i in range(count)], steps, gather.lanes)
    rest = ", ".join(loops.address(i) for i in range(count, len(spec["kept"])))
    row = [f"for j in range(c{loops.last}, stop):", f"    acc = {gather.start}", *(f"    {line}" for line in inner)]
    row.append(f"    finish(j, {gather.finish.format(acc='acc')}, count, {rest})")
    return function_text(_imports(spec, gather, spec["reduced"]), head + loops.rows(row))


def _columns(spec: Spec) -> str:
    gather, count = _gather(spec), len(spec["reduced"])
    loops = NestText(spec["ranks"][0], spec["kept"])
    head = loops.head()
    reduced = ReducedText(spec["ranks"][1], spec["reduced"], True, loops.count)
    head += [*reduced.head(), "acc = block()"]
    places = [f"a{i}, s{i}" if spec["kept"][i] == "s" else f"a{i}" for i in range(count)]
    operands = ", ".join(["acc[j - first]"] * gather.combines + places)
    meet = gather.meet.format(acc="acc[j - first]", value=f"value(j, {operands})")
    starts = [f"p{i}" for i in range(count)]
    inner = reduced.loops(starts, ["for j in range(first, last):", f"    {meet}"])
    if gather.lanes:
        head += ["lanes = lane_block()", f"for k in range({BLOCK}):", *(f"    {s}" for s in lanes_cleared(BLOCK, "k"))]
        inner = ["turn = 0", *reduced.loops(starts, block_of_lanes(BLOCK, operands)), *block_gathered(BLOCK)]
    rest = ", ".join(loops.address(i) for i in range(count, len(spec["kept"])))
    row = [f"for first in range(c{loops.last}, stop, {BLOCK}):", f"    last = min(stop, first + {BLOCK})"]
    row += ["    for j in range(last - first):", f"        acc[j] = {gather.start}", *(f"    {line}" for line in inner)]
    done = gather.finish.format(acc="acc[j - first]")
    row += ["    for j in range(first, last):", f"        finish(j, {done}, count, {rest})"]
    return function_text(_imports(spec, gather, spec["kept"][:count]), head + loops.rows(row))
