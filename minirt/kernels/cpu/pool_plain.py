"""Pooling on the CPU of any element type, up to three spatial axes and any strides; and where maxima lie."""

from __future__ import annotations

from minirt.ir.scalar import Body, Scalar, arg, call, cast, const, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import Nest, NestText, collapse, function_text, nest_args, operand_args
from minirt.kernels.cpu.pointwise import region_line, unsupported
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.pooling import Pool, PoolIndices
from minirt.ops.reduce import lowest
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import DType, dtype_of, f32, f64, i64

_MOST_AXES = 3


class PoolPlain(Kernel):
    """Windows one element after another."""

    ops = (Pool, PoolIndices)
    rank = 90

    def rejects(self, problem: Problem) -> str:
        """More than three spatial axes."""
        rank = problem.outputs[0].type.rank - 2
        if rank > _MOST_AXES:
            return f"{rank} spatial axes are more than {_MOST_AXES}"
        return unsupported((problem.inputs[0].type.dtype,))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the result."""
        op, x, y = problem.op, problem.inputs[0], problem.outputs[0]
        assert isinstance(op, Pool | PoolIndices)
        rank = y.type.rank
        spatial = range(2, rank)
        still = tuple(s if a < 2 else 0 for a, s in enumerate(x.strides))
        nest = collapse(y.shape, y.type.order, [still, y.strides], frozenset(range(rank)))
        spec: Spec = {
            "dtype": x.type.dtype.name, "rank": nest.rank, "places": [nest.place(0), nest.place(1)],
            "loops": [nest.axes.index(a) if a in nest.axes else -1 for a in range(rank)],
            "kind": op.kind if isinstance(op, Pool) else "indices",
            "p": op.p if isinstance(op, Pool) else 0,
            "pads": isinstance(op, Pool) and op.include_pad,
        }  # fmt: skip
        args = _arguments(op, nest, x, y)
        columns = isinstance(op, PoolIndices) and op.column_major
        steps = _steps([x.shape[a] for a in spatial], columns)
        for i, a in enumerate(spatial):
            size = x.type.dtype.bits // 8
            numbers: list[Dim] = [x.shape[a], mul(x.strides[a], size), op.kernel[i], op.strides[i], op.dilations[i]]
            numbers += [op.pads[i], op.pads[i + rank - 2], steps[i]]
            args += [Integer(n) for n in numbers]
        args.append(Integer(x.shape[1]))
        taps = 1
        for k in op.kernel:
            taps *= k
        return Launches((Launch(Unit(self.name, spec), tuple(args), (nest.size, max(1, 20_000 // taps), 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """For each element the loops over its window."""
        return CpuUnit("pool_plain", _text(spec), ("contract",))


def _arguments(op: Pool | PoolIndices, nest: Nest, x: Operand, y: Operand) -> list[Arg]:
    args = nest_args(nest)
    args += operand_args(nest, 0, Address("in", 0), x.type.dtype.bits // 8)
    return args + operand_args(nest, 1, Address("out", 0), y.type.dtype.bits // 8)


def _steps(sizes: list[Dim], columns: bool) -> list[Dim]:
    """How far apart neighbours along each axis lie in a flattened plane."""
    steps: list[Dim] = [1] * len(sizes)
    order = range(len(sizes)) if columns else range(len(sizes) - 1, -1, -1)
    step: Dim = 1
    for axis in order:
        steps[axis] = step
        step = mul(step, sizes[axis])
    return steps


def _bodies(spec: Spec) -> tuple[DType, Body, Body, str]:
    """The accumulator's type, how an element meets it, the last step, and where it starts."""
    dtype: DType = dtype_of(spec["dtype"])
    x = wide(arg(1, dtype))
    kind = spec["kind"]
    held = x.dtype if kind in ("max", "indices") else f64 if dtype is f64 else f32
    total, number = arg(0, held), cast(x, held)
    if kind in ("max", "indices"):
        met: Scalar = call("max", total, number)
        start = repr(lowest(held.numpy)) if held.is_integer else "-inf"
        return held, Body((held, dtype), (met,)), Body((held, i64), (cast(total, dtype),)), start
    if kind == "lp":
        power = call("pow", call("abs", number), const(float(spec["p"]), held))
        last = call("pow", total, const(1.0 / spec["p"], held))
        return held, Body((held, dtype), (call("add", total, power),)), Body((held, i64), (cast(last, dtype),)), "0"
    mean = call("div", total, cast(arg(1, i64), held))
    return held, Body((held, dtype), (call("add", total, number),)), Body((held, i64), (cast(mean, dtype),)), "0"


_WORDS = {
    "f32": "float32", "f64": "float64", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64", "u8": "uint8",
    "u16": "uint16", "u32": "uint32", "u64": "uint64",
}  # fmt: skip


def _text(spec: Spec) -> str:
    held, meet, last, start = _bodies(spec)
    indices = spec["kind"] == "indices"
    loops = NestText(spec["rank"], spec["places"])
    head, axes = loops.head(), len(spec["loops"]) - 2
    names = [f"{word}{i}" for i in range(axes) for word in "ztkgdbew"] + ["channels"]
    head += [f"{name} = args[{loops.count + i}]" for i, name in enumerate(names)]
    places = ["0" if loop < 0 else "j" if loop == loops.last else f"c{loop}" for loop in spec["loops"]]
    word = _WORDS[held.name]
    row = [f"acc = {word}({start if start != '-inf' else '-math.inf'})", "count = int64(0)", "best = int64(-1)"]
    row.append("x = p0" + {"s": " + j * s0 * SIZE", "0": "", "1": " + j * SIZE"}[loops.places[0]])
    pad, address, mark, inside = "", "x", f"({places[0]} * channels + {places[1]}) * PLANE", []
    for i in range(axes):
        row += [f"{pad}for u{i} in range(k{i}):", f"{pad}    i{i} = {places[i + 2]} * g{i} - b{i} + u{i} * d{i}"]
        pad += "    "
        address += f" + i{i} * t{i}"
        mark += f" + i{i} * w{i}"
        inside.append(f"0 <= i{i} < z{i}")
    padded = " and ".join(f"-b{i} <= i{i} < z{i} + e{i}" for i in range(axes))
    found = ["count += 1"] if not spec["pads"] else []
    body = [f"if {' and '.join(inside)}:", f"    was = meet(0, acc, {address})"]
    if indices:
        body += ["    if best < 0 or was != acc and not (acc != acc):", f"        best = {mark}"]
    body += ["    acc = was", *(f"    {line}" for line in found)]
    if spec["pads"]:
        body += [f"if {padded}:", "    count += 1"]
    row += [pad + line for line in body]
    done = "finish(j, best, " if indices else "finish(j, acc, count, "
    row.append(f"{done}{loops.address(1)})")
    plane = " * ".join(f"z{i}" for i in range(axes)) or "1"
    text = [line.replace("SIZE", str(dtype_of(spec["dtype"]).bits // 8)).replace("PLANE", f"({plane})") for line in row]
    every = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in text)]
    finish = Body((i64,), (arg(0, i64),)) if indices else last
    given = ["value"] * len(finish.args)
    imports = ["import math", "from numba import " + ", ".join(sorted(set(_WORDS.values())))]
    imports += [
        region_line("meet", {"body": encode(meet), "args": ["value", "0"], "outs": ["value"], "coords": []}),
        region_line("finish", {"body": encode(finish), "args": given, "outs": [spec["places"][1]], "coords": []}),
    ]
    return function_text(imports, head + loops.rows(every))
