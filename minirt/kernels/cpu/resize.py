"""Resizing on the CPU: axis by axis, from tables of places and weights.

The tables of each axis are made by a launch of their own, since sizes may be known only then.  Between axes numbers are
kept in float32 (float64 for float64 and integers); "nearest" moves elements untouched.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from minirt.ir.scalar import Body, Scalar, arg, call, cast, const, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.gemm import Orders
from minirt.kernels.cpu.movement import HOLDER, Move, copy_launch
from minirt.kernels.cpu.nest import NestText, collapse, function_text, nest_args, operand_args, same
from minirt.kernels.cpu.pointwise import MOST_LOOPS, region_line, unsupported
from minirt.kernels.kernel import KERNELS, Kernel, Operand, Order, Problem, Target
from minirt.ops.resize import UP, Resize
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Real, Spec, Unit
from minirt.types.dim import Dim, Expr, mul
from minirt.types.dtype import DType, dtype_of, f32, f64
from minirt.types.tensor import Tensor

_MOST_TAPS = 24


@dataclass(frozen=True)
class _Step:
    """One axis: its extent before and after, the scale (or None where it is their ratio), and the taps."""

    axis: int
    size: Dim
    count: Dim
    scale: Fraction | None
    taps: int


def _steps(op: Resize, shape: tuple[Dim, ...]) -> list[_Step] | str:
    if op.coordinates == "tf_crop_and_resize":
        return "cropping is not taken"
    found: list[_Step] = []
    for axis, (size, count, scale) in enumerate(zip(shape, op.sizes, op.scales, strict=True)):
        if same(size, count) and same(scale, 1):
            continue
        known = None if isinstance(scale, Expr) else Fraction(scale)
        ratio = same(mul(scale, size), count)
        if known is None and not ratio:
            return f"the scale of axis {axis} is not known"
        taps = {"nearest": 1, "linear": 2, "cubic": 4}[op.mode]
        if op.antialias and op.mode != "nearest":
            if known is None:
                return "antialiasing by a scale that is not known"
            taps = 2 * ceil((2 if op.mode == "cubic" else 1) / min(1.0, float(known)))
        if taps > _MOST_TAPS:
            return f"{taps} taps are more than {_MOST_TAPS}"
        found.append(_Step(axis, size, count, known, taps))
    return found


class ResizeAxes(Kernel):
    """Nearest, linear and cubic resizing along any axes of any strides."""

    ops = (Resize,)

    def orders(self, problem: Problem) -> Orders:
        """The result lies as the operand does."""
        return (None,), (Order(problem.inputs[0].type.order, pitched=True),)

    def rejects(self, problem: Problem) -> str:
        """Cropping, unknown scales, very wide filters."""
        assert isinstance(problem.op, Resize)
        x, y = problem.inputs[0], problem.outputs[0]
        found = _steps(problem.op, x.shape)
        if isinstance(found, str):
            return found
        if y.type.rank > MOST_LOOPS:
            return f"rank {y.type.rank} is more than {MOST_LOOPS}"
        return unsupported((x.type.dtype,))

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """Tables, then a pass, for each axis that changes."""
        op, x, y = problem.op, problem.inputs[0], problem.outputs[0]
        assert isinstance(op, Resize)
        steps = _steps(op, x.shape)
        assert not isinstance(steps, str)
        if not steps:
            return Launches((copy_launch(Move(y.shape, y.type.order, x.strides, y.strides), x.type.dtype),))
        work: list[Dim] = []
        launches: list[Launch] = []
        source, place = x, Address("in", 0)
        for number, step in enumerate(steps):
            work += [mul(step.count, 8 * step.taps), mul(step.count, 8 * step.taps)]
            tables = (Address("work", len(work) - 2), Address("work", len(work) - 1))
            launches.append(_table_launch(op, step, tables))
            result, to = y, Address("out", 0)
            if number + 1 < len(steps):
                result = _between(op, source, step, y.type.layout)
                work.append(mul(result.type.size, result.type.dtype.bits // 8))
                to = Address("work", len(work) - 1)
            launches.append(_pass_launch(op, step, (source, place), (result, to), tables))
            source, place = result, to
        return Launches(tuple(launches), tuple(work))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """One axis, with its tables."""
        loops = NestText(spec["rank"], spec["places"])
        head = loops.head()
        names = ("stride", "marks", "shares")
        head += [f"{name} = args[{loops.count + i}]" for i, name in enumerate(names)]
        head += ["marks_of, shares_of = i64(marks), f64(shares)"]
        taps, at = spec["taps"], spec["loop"]
        inner = at == loops.last
        index = "0" if at < 0 else "j" if inner else f"c{at}"
        find = [f"t = {index} * {taps}"]
        find += [f"q{k} = p0 + marks_of[t + {k}] * stride" for k in range(taps)]
        operands = [f"q{k}, s0" if spec["places"][0] == "s" else f"q{k}" for k in range(taps)]
        if not spec["move"]:
            find += [f"w{k} = shares_of[t + {k}]" for k in range(taps)]
            operands = [*(f"w{k}" for k in range(taps)), *operands]
        each = f"for j in range(c{loops.last}, stop):"
        statement = f"blend(j, {', '.join([*operands, loops.address(1)])})"
        row = [each, *(f"    {s}" for s in [*find, statement])] if inner else [*find, each, f"    {statement}"]
        body = _blend(dtype_of(spec["from"]), dtype_of(spec["to"]), taps, spec["move"], spec["round"])
        values = ["value"] * (0 if spec["move"] else taps)
        text = {"body": encode(body), "args": values + [spec["places"][0]] * taps, "outs": [spec["places"][1]]}
        imports = ["from minirt.kernels.cpu.pointers import f64, i64", region_line("blend", {**text, "coords": []})]
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


def _between(op: Resize, source: Operand, step: _Step, layout: tuple[int, ...]) -> Operand:
    shape = tuple(step.count if a == step.axis else d for a, d in enumerate(source.shape))
    dtype = source.type.dtype
    kept = dtype if op.mode == "nearest" else f64 if dtype.is_integer or dtype is f64 else f32
    made = Tensor(kept, shape, layout)
    return Operand(made, made.strides)


def _pass_launch(
    op: Resize,
    step: _Step,
    source: tuple[Operand, Address],
    result: tuple[Operand, Address],
    tables: tuple[Address, Address],
) -> Launch:
    (x, place), (y, to) = source, result
    strides = tuple(0 if a == step.axis else s for a, s in enumerate(x.strides))
    nest = collapse(y.shape, y.type.order, [strides, y.strides], frozenset({step.axis}))
    move = op.mode == "nearest"
    names = [(HOLDER[o.type.dtype.bits] if move else o.type.dtype).name for o in (x, y)]
    spec: Spec = {
        "from": names[0], "to": names[1], "rank": nest.rank, "taps": step.taps, "move": move,
        "loop": nest.axes.index(step.axis) if step.axis in nest.axes else -1, "round": op.antialias,
        "places": [nest.place(0), nest.place(1)],
    }  # fmt: skip
    args: list[Arg] = nest_args(nest)
    args += operand_args(nest, 0, place, x.type.dtype.bits // 8)
    args += operand_args(nest, 1, to, y.type.dtype.bits // 8)
    args += [Integer(mul(x.strides[step.axis], x.type.dtype.bits // 8)), *tables]
    return Launch(Unit("ResizeAxes", spec), tuple(args), (nest.size, max(1, 32_768 // step.taps), 1))


def _blend(source: DType, result: DType, taps: int, move: bool, rounds: bool) -> Body:
    if move:
        return Body((source,), (arg(0, source),))
    held = f64 if source is f64 or source.is_integer else f32
    total: Scalar | None = None
    for k in range(taps):
        x = wide(arg(taps + k, source))
        part = call("mul", cast(arg(k, f64), held), cast(x, held))
        total = part if total is None else call("add", total, part)
    assert total is not None
    if result.is_integer:
        total = call("round", total) if rounds else call("mul", total, const(UP, f64))
    return Body((f64,) * taps + (source,) * taps, (cast(total, result),))


def _table_launch(op: Resize, step: _Step, tables: tuple[Address, Address]) -> Launch:
    spec: Spec = {
        "mode": op.mode, "coordinates": op.coordinates, "nearest": op.nearest, "outside": op.exclude_outside,
        "antialias": op.antialias, "taps": step.taps, "ratio": step.scale is None,
    }  # fmt: skip
    scale = Fraction(1) if step.scale is None else step.scale
    over, under = Real(float(scale.numerator), 64), Real(float(scale.denominator), 64)
    args = (*tables, Integer(step.size), Integer(step.count), over, under, Real(op.cubic_a, 64))
    return Launch(Unit("ResizeTable", spec), args, (step.count, 4096, 1))


_PLACE = {
    "asymmetric": "x * under / over",
    "tf_half_pixel_for_nn": "(x + 0.5) * under / over",
    "align_corners": "x * (size - 1) / (count - 1) if count > 1 else 0.0",
    "pytorch_half_pixel": "(x + 0.5) * under / over - 0.5 if count > 1 else 0.0",
    "half_pixel": "(x + 0.5) * under / over - 0.5",
    "half_pixel_symmetric": "size / 2 * (1 - count / (scale * size)) + (x + 0.5) * under / over - 0.5",
}
_NEAREST = {
    "floor": "math.floor(at)",
    "ceil": "math.ceil(at)",
    "round_prefer_floor": "math.ceil(at - 0.5)",
    "round_prefer_ceil": "math.floor(at + 0.5)",
}
_SHARE = {
    "linear": ["share = max(0.0, 1.0 - d)"],
    "cubic": [
        "share = 0.0",
        "if d <= 1:",
        "    share = ((a + 2) * d - (a + 3)) * d * d + 1",
        "elif d < 2:",
        "    share = ((d - 5) * d + 8) * d * a - 4 * a",
    ],
}


class ResizeTable(Kernel):
    """For each element along an axis the elements that go into it, and their shares."""

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The formulas of ONNX Resize, in float64; places halfway between elements are exact."""
        taps = spec["taps"]
        lines = ["marks, shares = i64(args[0]), f64(args[1])", "size, count = args[2], args[3]"]
        lines += ["over, under, a = as_f64(args[4]), as_f64(args[5]), as_f64(args[6])"]
        if spec["ratio"]:
            lines.append("over, under = float64(count), float64(size)")
        lines.append("scale = over / under")
        body = ["x = float64(i)", f"at = {_PLACE[spec['coordinates']]}"]
        if spec["mode"] == "nearest":
            body += [f"k = int64({_NEAREST[spec['nearest']]})", "marks[i] = min(max(k, 0), size - 1)"]
        else:
            body += self._filter(spec, taps)
        imports = ["import math", "from numba import float64, int64"]
        imports.append("from minirt.kernels.cpu.pointers import as_f64, f64, i64")
        return CpuUnit("resize_table", function_text(imports, [*lines, "for i in range(lo, hi):", *_indented(body)]))

    def _filter(self, spec: Spec, taps: int) -> list[str]:
        body = [] if spec["mode"] == "cubic" or spec["antialias"] else ["at = min(max(at, 0.0), float64(size - 1))"]
        body += ["base = int64(math.floor(at))", f"shrink = {'min(1.0, scale)' if spec['antialias'] else '1.0'}"]
        inner = [f"k = base + t - {taps // 2 - 1}", "d = abs(at - k) * shrink", *_SHARE[spec["mode"]]]
        if spec["outside"]:
            inner += ["if k < 0 or k >= size:", "    share = 0.0"]
        inner += [f"marks[i * {taps} + t] = min(max(k, 0), size - 1)", f"shares[i * {taps} + t] = share"]
        body += ["total = 0.0", f"for t in range({taps}):", *_indented([*inner, "total += share"])]
        if spec["outside"] or spec["antialias"]:
            body += [f"for t in range({taps}):", f"    shares[i * {taps} + t] = shares[i * {taps} + t] / total"]
        return body


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]


KERNELS["ResizeTable"] = ResizeTable()
