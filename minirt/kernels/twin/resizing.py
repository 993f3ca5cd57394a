"""Resizing of every kind, axis by axis: what tuned kernels refuse (crops, filters widened on a GPU, many axes).

For each axis a table of places and shares is made in float64, then a pass sums what they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from minirt.kernels.kernel import Operand, Problem
from minirt.kernels.twin.recipe import Call, Data, Planned, Recipe, operand_data, register, split_text, strides_of
from minirt.ops.resize import UP, Resize
from minirt.plan.launch import Address
from minirt.types.dim import Dim, Expr, ceil, divide, is_integral, maximum, mul, product
from minirt.types.dtype import DType, dtype_of, f32, f64, i64
from minirt.types.evaluate import parts
from minirt.types.tensor import Tensor

Flags = Mapping[str, str | int]
_PLACE = {
    "asymmetric": "i / scale",
    "tf_half_pixel_for_nn": "(i + 0.5) / scale",
    "align_corners": "i * (size - 1.0) / (many - 1.0) if many > 1.0 else 0.0",
    "pytorch_half_pixel": "(i + 0.5) / scale - 0.5 if many > 1.0 else 0.0",
    "half_pixel": "(i + 0.5) / scale - 0.5",
    "half_pixel_symmetric": "size / 2.0 * (1.0 - many / (scale * size)) + (i + 0.5) / scale - 0.5",
    "tf_crop_and_resize": "start * (size - 1.0) + i * (end - start) * (size - 1.0) / (many - 1.0) "
    "if many > 1.0 else 0.5 * (start + end) * (size - 1.0)",
}
_NEAREST = {
    "floor": "floor(at)", "ceil": "ceil(at)", "round_prefer_floor": "ceil(at - 0.5)",
    "round_prefer_ceil": "floor(at + 0.5)",
}  # fmt: skip
_SHARES = """total = 0.0
for t in range(taps):
    k = int(floor(at)) + t - (taps // 2 - 1)
    d = abs(at - real(k)) * shrink
SHARE
    if OUTSIDE and (k < 0 or k >= extent):
        share = 0.0
    marks[e * taps + t] = min(max(k, 0), extent - 1)
    shares[e * taps + t] = share
    total = total + share
if EVEN:
    for t in range(taps):
        shares[e * taps + t] = shares[e * taps + t] / total
"""
_FILTER = {
    "linear": "    share = max(0.0, 1.0 - d)\n",
    "cubic": "    far = ((d - 5.0) * d + 8.0) * d * slope - 4.0 * slope if d < 2.0 else 0.0\n"
    "    share = ((slope + 2.0) * d - (slope + 3.0)) * d * d + 1.0 if d <= 1.0 else far\n",
}


def crop_of(op: Resize, axis: int) -> tuple[float, float]:
    """The part of an axis that is resized."""
    if op.coordinates != "tf_crop_and_resize" or not op.roi:
        return (0.0, 1.0)
    return (op.roi[axis], op.roi[axis + len(op.sizes)])


def axes_of(op: Resize, x: Operand) -> list[int]:
    """The axes that change."""
    pairs = enumerate(zip(op.sizes, x.shape, op.scales, strict=True))
    return [
        a for a, (new, old, scale) in pairs if not (_same(new, old) and scale == 1 and crop_of(op, a) == (0.0, 1.0))
    ]


def _same(a: Dim, b: Dim) -> bool:
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


def taps_of(op: Resize, axis: int) -> Dim:
    """How many elements go into one along an axis."""
    if op.mode == "nearest":
        return 1
    reach = 2 if op.mode == "cubic" else 1
    return mul(2, ceil(mul(reach, maximum(1, divide(1, op.scales[axis]))))) if op.antialias else 2 * reach


def _ratio(op: Resize, axis: int, size: Dim) -> tuple[Dim, Dim] | None:
    """Whole numbers, the scale of an axis being the first over the second; None where there are none."""
    scale = op.scales[axis]
    if not isinstance(scale, Expr):
        return Fraction(scale).numerator, Fraction(scale).denominator
    if _same(mul(scale, size), op.sizes[axis]):
        return op.sizes[axis], size
    ratio = parts(scale)
    return ratio if ratio is not None and all(map(is_integral, ratio)) else None


def _effort(each: int, taps: Dim) -> int:
    """Work of a sum of taps; where only the sizes tell how many there are, of some."""
    return each * (taps if isinstance(taps, int) else 16)


class ResizeRecipe(Recipe):
    """A table and a pass for each axis."""

    name = "ResizeAny"
    ops = (Resize,)
    rank = 95

    def rejects(self, problem: Problem) -> str:
        """Scales that are no ratio of whole numbers."""
        op, (x,) = problem.op, problem.inputs
        assert isinstance(op, Resize)
        for axis in axes_of(op, x):
            if _ratio(op, axis, x.shape[axis]) is None:
                return f"the scale of axis {axis} is not known"
        return ""

    def plan(self, problem: Problem) -> Planned:
        """Tables and passes; then what lies outside a crop."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Resize)
        axes = axes_of(op, x)
        move = op.mode == "nearest"
        held = x.type.dtype if move else f64 if x.type.dtype.is_integer or x.type.dtype is f64 else f32
        calls: list[Call] = []
        work: list[Dim] = []
        source, at = x, Address("in", 0)
        beyond: dict[str, Data] = {}
        for number, axis in enumerate(axes or [0]):
            table = self._table(op, axis, x.shape[axis], work, f64 if held is f64 else f32)
            if op.coordinates == "tf_crop_and_resize":
                beyond[f"beyond{axis}"] = table.data["beyond"]
            last = number + 1 >= len(axes)
            shape = tuple(op.sizes[a] if a == axis else d for a, d in enumerate(source.shape))
            made = Tensor(held, shape)
            result, to = (y, Address("out", 0)) if last else (Operand(made, made.strides), Address("work", len(work)))
            if not last:
                work.append(mul(product(shape), held.bits // 8))
            data = {"x": _data(source, at, move), "y": _data(result, to, move), **_tables(table)}
            numbers = {**strides_of("x", source), **strides_of("y", result), "taps": taps_of(op, axis)}
            numbers |= {f"n{a}": n for a, n in enumerate(shape)}
            whole = last and y.type.dtype.is_integer
            flags: Flags = {
                "rank": len(shape), "axis": axis, "move": int(move), "round": int(whole and op.antialias),
                "up": int(whole and not move and not op.antialias),
                "clip": y.type.dtype.name if whole and y.type.dtype.bits <= 16 else "",
            }  # fmt: skip
            calls += [table, Call("sum", data, numbers, product(shape), {}, flags, _effort(10, taps_of(op, axis)))]
            source, at = result, to
        if beyond:
            numbers = {**strides_of("y", y), **{f"n{a}": n for a, n in enumerate(y.shape)}}
            marks = ",".join(name[6:] for name in beyond)
            out = {"y": operand_data("out", 0, y), **beyond}
            given = {"value": op.extrapolation}
            calls.append(Call("fill", out, numbers, product(y.shape), given, {"rank": y.type.rank, "axes": marks}))
        return Planned(calls, work)

    def _table(self, op: Resize, axis: int, size: Dim, work: list[Dim], held: DType) -> Call:
        taps, count = taps_of(op, axis), op.sizes[axis]
        room = mul(count, taps)
        start = len(work)
        work += [mul(room, 8), mul(room, held.bits // 8), mul(count, 8)]
        dtypes = {"marks": (i64, room), "shares": (held, room), "beyond": (i64, count)}
        data = {n: Data(Address("work", start + k), d, span) for k, (n, (d, span)) in enumerate(dtypes.items())}
        ratio = _ratio(op, axis, size)
        assert ratio is not None
        numbers = {"extent": size, "wanted": count, "taps": taps, "over": ratio[0], "under": ratio[1]}
        begin, end = crop_of(op, axis)
        reals = {"slope": float(op.cubic_a), "start": float(begin), "end": float(end)}
        flags: Flags = {
            "mode": op.mode, "coordinates": op.coordinates, "nearest": op.nearest, "outside": int(op.exclude_outside),
            "antialias": int(op.antialias),
        }  # fmt: skip
        return Call("table", data, numbers, count, reals, flags, _effort(20, taps), double=True)

    def text(self, routine: str, flags: Flags) -> str:
        """A row of a table; one element of a pass; one element outside."""
        if routine == "table":
            return _table_text(flags)
        rank = int(flags["rank"])
        text = split_text([f"c{a}" for a in range(rank)], [f"n{a}" for a in range(rank)])
        to = " + ".join(f"c{a} * y_{a}" for a in range(rank))
        if routine == "fill":
            tests = " or ".join(f"beyond{a}[c{a}] != 0" for a in str(flags["axes"]).split(","))
            return f"{text}if {tests}:\n    y[{to}] = value\n"
        axis = int(flags["axis"])
        base = " + ".join(f"c{a} * x_{a}" for a in range(rank) if a != axis) or "0"
        if flags["move"]:
            return f"{text}y[{to}] = x[{base} + marks[c{axis}] * x_{axis}]\n"
        text += f"base = {base}\nrow = c{axis} * taps\nsum = 0.0\nfor t in range(taps):\n"
        text += f"    sum = sum + shares[row + t] * x[base + marks[row + t] * x_{axis}]\n"
        text += "sum = round(sum)\n" if flags["round"] else f"sum = sum * {UP!r}\n" if flags["up"] else ""
        if flags["clip"]:
            limits = np.iinfo(dtype_of(str(flags["clip"])).numpy)
            text += f"sum = min(max(sum, {float(limits.min)!r}), {float(limits.max)!r})\n"
        return f"{text}y[{to}] = sum\n"


def _data(operand: Operand, at: Address, raw: bool) -> Data:
    span = operand_data("in", 0, operand).span
    return Data(at, operand.type.dtype, span, raw)


def _tables(table: Call) -> dict[str, Data]:
    return {name: table.data[name] for name in ("marks", "shares")}


def _table_text(flags: Flags) -> str:
    coordinates, mode = str(flags["coordinates"]), str(flags["mode"])
    text = "i = real(e)\nsize = real(extent)\nmany = real(wanted)\nscale = real(over) / real(under)\n"
    text += f"at = {_PLACE[coordinates]}\nbeyond[e] = 1 if at < 0.0 or at > size - 1.0 else 0\n"
    if mode == "nearest":
        return f"{text}marks[e] = min(max(int({_NEAREST[str(flags['nearest'])]}), 0), extent - 1)\n"
    if mode == "linear" and not flags["antialias"]:
        text += "at = min(max(at, 0.0), size - 1.0)\n"
    text += "shrink = min(1.0, scale)\n" if flags["antialias"] else "shrink = 1.0\n"
    body = _SHARES.replace("SHARE\n", _FILTER[mode]).replace("OUTSIDE", str(bool(flags["outside"])))
    return text + body.replace("EVEN", str(bool(flags["outside"] or flags["antialias"])))


register(ResizeRecipe())
