"""Resizing by nearest, linear or cubic interpolation, with places worked out exactly in whole numbers.

An element at i along an axis reads x at (a * i + b) / d, with a, b and d whole; so a nearest neighbour or the edge of a
cell is never missed by rounding.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from minirt.ir.scalar_cuda import register_type
from minirt.kernels.cuda.generate import Param, Value, storage
from minirt.kernels.cuda.nest import INT_LIMIT, same
from minirt.kernels.cuda.pool import channels_last
from minirt.kernels.cuda.walk import Walk, Walker
from minirt.kernels.kernel import Order, Problem
from minirt.ops.resize import UP, Resize
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dim import Dim, Expr, is_integral, less, maximum, mul, select
from minirt.types.dtype import DType, dtype_of

_TYPES = ("f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")
_MAX_AXES = 3
_GEOMETRY = ("size", "stride", "a", "b", "d")


class ResizeWalk(Walk):
    """Walks over the output; a thread computes a few neighbouring channels where they are innermost."""

    ops = (Resize,)
    entry = "resize"

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """Channels last where only an image's spatial axes change."""
        rank = len(problem.inputs[0].shape)
        if rank >= 3 and all(axis >= 2 for axis in _changed(problem)):
            return (channels_last(rank),), (channels_last(rank),)
        return (None,), (None,)

    def rejects(self, problem: Problem) -> str:
        """Crops, filters that widen, many axes, scales that are no ratio of whole numbers."""
        op = problem.op
        assert isinstance(op, Resize)
        if problem.inputs[0].type.dtype.name not in _TYPES:
            return f"elements of type {problem.inputs[0].type.dtype} are not resized"
        if op.coordinates == "tf_crop_and_resize":
            return "crops are not resized"
        if op.antialias and op.mode != "nearest":
            return "filters are not widened for antialiasing"
        changed = _changed(problem)
        if len(changed) > _MAX_AXES:
            return f"{len(changed)} axes change, more than {_MAX_AXES}"
        if any(_ratio(problem, axis) is None for axis in changed):
            return "a scale is no ratio of whole numbers"
        return ""

    def timed(self, problem: Problem) -> int:
        """From the usual level on."""
        return 3

    def tactics(self, problem: Problem) -> list[Spec]:
        """Places are worked out once for several vectors of channels, where there are so many."""
        found: list[Spec] = [{"several": 2}, {"several": 4}]
        specs = [self.launch(problem, tactic).steps[0].unit.spec for tactic in found]
        return [*(t for t, spec in zip(found, specs, strict=True) if spec["several"] == t["several"]), {}]

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Resize)
        changed, dtype = _changed(problem), x.type.dtype
        rest = tuple(0 if axis in changed else s for axis, s in enumerate(x.strides))
        kind, width = storage(dtype), dtype.bits // 8
        aligned = x.aligned and all(problem.divisible(x.strides[axis], 16 // width) for axis in changed)
        walkers = [
            Walker("y", Address("out", 0), kind, width, y.strides, y.aligned, True),
            Walker("x", Address("in", 0), f"const {kind}", width, rest, aligned, True),
        ]
        values: dict[str, Value] = {}
        wide = False
        for k, axis in enumerate(changed):
            place = _place(op, problem, axis)
            numbers = (x.shape[axis], x.strides[axis], *place)
            values |= {f"{name}{k}": number for name, number in zip(_GEOMETRY, numbers, strict=True)}
            reach = mul(mul(place[0], 2), op.sizes[axis]) + mul(place[2], 2)
            wide = wide or max(map(abs, problem.bounds(reach))) > INT_LIMIT
        spec: Spec = {
            "mode": op.mode, "nearest": op.nearest, "dtype": dtype.name, "axes": len(changed), "far": wide,
            "cubic_a": float(op.cubic_a), "exclude": op.exclude_outside,
        }  # fmt: skip
        several = int(tactic.get("several", 1))
        return Launches((self.walked(problem, y.shape, y.type.order, walkers, spec, values, changed, several),))

    def extra(self, spec: Spec) -> list[Param]:
        """Geometry of every axis that changes."""
        kind = "i64" if spec["far"] else "i32"
        names = [(name, "I" if name in ("size", "stride") else kind) for name in _GEOMETRY]
        return [Param(sort, f"{name}{k}") for k in range(spec["axes"]) for name, sort in names]

    def move(self, spec: Spec) -> str:
        """Taps along every axis, their weighted sum, the store."""
        dtype = dtype_of(spec["dtype"])
        number = "i64" if spec["far"] else "int"
        real = "double" if dtype.bits == 64 or dtype.is_integer else "float"
        text: str = f"typedef {register_type(dtype) if spec['mode'] == 'nearest' else real} R;\ntypedef {number} N;\n"
        for k, place in enumerate(spec["places"]):
            at = f"c{place}" if place >= 0 else "0"
            text += f"const N at{k} = a{k} * (N){at} + b{k};\n{_taps(spec, k)}"
        several, last = int(spec["several"]), f"n{spec['rank'] - 1}"
        if several == 1:
            return text + self._vector(spec, "o_x", "o_y")
        inside = self._vector(spec, f"o_x + u * {last}", f"o_y + u * {last}")
        return f"{text}#pragma unroll\nfor (int u = 0; u < {several}; u++) {{\n{inside}}}\n"

    def _vector(self, spec: Spec, source: str, to: str) -> str:
        """One vector of neighbours, of those that begin at ``source``, to ``to``."""
        dtype, vector = dtype_of(spec["dtype"]), int(spec["vector"])
        if spec["mode"] == "nearest":
            where = " + ".join([source, *(f"(I)tap{k} * stride{k}" for k in range(spec["axes"]))])
            return f"R sum[{vector}];\n{_read(vector, where, 'sum')}{_write(vector, storage(dtype), 'sum[0]', to)}"
        count = 2 if spec["mode"] == "linear" else 4
        text: str = f"R sum[{vector}];\nfor (int j = 0; j < {vector}; j++) sum[j] = 0;\n"
        for k in range(spec["axes"]):
            text += f"#pragma unroll\nfor (int t{k} = 0; t{k} < {count}; t{k}++) {{\n"
        where = " + ".join([source, *(f"(I)taps{k}[t{k}] * stride{k}" for k in range(spec["axes"]))])
        weight = " * ".join(f"share{k}[t{k}]" for k in range(spec["axes"])) or "1"
        text += f"R v[{vector}];\n{_read(vector, where, 'v')}const R w = {weight};\n"
        text += f"for (int j = 0; j < {vector}; j++) sum[j] += w * v[j];\n" + "}\n" * spec["axes"]
        result = "sum[0]" if dtype.is_float else f"to_integer<{storage(dtype)}>({_within(dtype)})"
        return text + _write(vector if dtype.is_float else 1, storage(dtype), result, to, vector)

    def head(self, spec: Spec) -> str:
        """Division of whole numbers that rounds down."""
        return "template <class N> DEV N floor_div(N a, N b) { return (a >= 0 ? a : a - b + 1) / b; }\n"


class ResizeAnywhere(ResizeWalk):
    """ResizeWalk from and to images that lie in any order."""

    rank = 60

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """Any."""
        return (None,), (None,)


def _changed(problem: Problem) -> list[int]:
    op = problem.op
    assert isinstance(op, Resize)
    sizes = zip(op.sizes, problem.inputs[0].shape, op.scales, strict=True)
    return [axis for axis, (new, old, scale) in enumerate(sizes) if not (same(new, old) and scale == 1)]


def _ratio(problem: Problem, axis: int) -> tuple[Dim, Dim] | None:
    """The scale as whole numbers (p, q), p / q; None where it is none."""
    op, size = problem.op, problem.inputs[0].shape[axis]
    assert isinstance(op, Resize)
    scale = op.scales[axis]
    if not isinstance(scale, Expr):
        exact = Fraction(scale)
        return exact.numerator, exact.denominator
    if is_integral(scale):
        return scale, 1
    return (op.sizes[axis], size) if same(mul(scale, size), op.sizes[axis]) else None


def _place(op: Resize, problem: Problem, axis: int) -> tuple[Dim, Dim, Dim]:
    """The whole numbers (a, b, d) of the axis."""
    ratio = _ratio(problem, axis)
    assert ratio is not None
    (p, q), size, count = ratio, problem.inputs[0].shape[axis], op.sizes[axis]
    if op.coordinates == "asymmetric":
        return q, 0, p
    if op.coordinates == "align_corners":
        return size - 1, 0, maximum(count - 1, 1)
    shift: Dim = q if op.coordinates == "tf_half_pixel_for_nn" else q - p
    if op.coordinates == "half_pixel_symmetric":
        shift = shift + mul(size, p) - mul(count, q)
    if op.coordinates == "pytorch_half_pixel":
        shift = select(less(1, count), shift, 0)
    return mul(q, 2), shift, mul(p, 2)


_ROUNDING = {
    "floor": "floor_div(at, d)",
    "ceil": "-floor_div(-at, d)",
    "round_prefer_floor": "-floor_div(d - 2 * at, 2 * d)",
    "round_prefer_ceil": "floor_div(2 * at + d, 2 * d)",
}


def _taps(spec: Spec, k: int) -> str:
    """``tap`` or ``taps`` and ``share`` of axis k."""
    top = f"(N)(size{k} - 1)"
    if spec["mode"] == "nearest":
        place = _ROUNDING[spec["nearest"]].replace("at", f"at{k}").replace("d)", f"d{k})").replace("(d ", f"(d{k} ")
        place = place.replace("+ d,", f"+ d{k},")
        return f"const N near{k} = {place};\nconst N tap{k} = near{k} < 0 ? 0 : near{k} < {top} ? near{k} : {top};\n"
    if spec["mode"] == "linear":
        text = f"const N in{k} = at{k} < 0 ? 0 : at{k} < {top} * d{k} ? at{k} : {top} * d{k};\n"
        text += f"const N base{k} = in{k} / d{k};\nconst R part{k} = (R)(in{k} - base{k} * d{k}) / (R)d{k};\n"
        text += f"const N taps{k}[2] = {{base{k}, base{k} < {top} ? base{k} + 1 : {top}}};\n"
        return text + f"const R share{k}[2] = {{1 - part{k}, part{k}}};\n"
    a = repr(spec["cubic_a"])
    text = f"const N base{k} = floor_div(at{k}, d{k});\nconst R part{k} = (R)(at{k} - base{k} * d{k}) / (R)d{k};\n"
    text += f"N taps{k}[4];\nR share{k}[4], whole{k} = 0;\n#pragma unroll\nfor (int t = 0; t < 4; t++) {{\n"
    text += f"const N p = base{k} + t - 1;\nconst R s = t < 2 ? part{k} + (1 - t) : (t - 1) - part{k}, A = (R){a};\n"
    text += f"share{k}[t] = s <= 1 ? ((A + 2) * s - (A + 3)) * s * s + 1 : ((s - 5) * s + 8) * s * A - 4 * A;\n"
    if spec["exclude"]:
        text += f"if (p < 0 || p > {top}) share{k}[t] = 0;\n"
    text += f"whole{k} += share{k}[t];\ntaps{k}[t] = p < 0 ? 0 : p < {top} ? p : {top};\n}}\n"
    if spec["exclude"]:
        text += f"for (int t = 0; t < 4; t++) share{k}[t] /= whole{k};\n"
    return text


def _within(dtype: DType) -> str:
    limits = np.iinfo(dtype.numpy)
    return f"fmin(fmax(sum[0] * {UP!r}, {float(limits.min)!r}), {float(limits.max)!r})"


def _read(vector: int, where: str, to: str) -> str:
    if vector == 1:
        return f"{to}[0] = (R)widen(x[{where}]);\n"
    return f"load_vector<{vector}>({to}, x + {where});\n"


def _write(vector: int, kind: str, single: str, to: str, held: int = 1) -> str:
    if vector > 1:
        return f"store_vector<{vector}>(y + {to}, sum);\n"
    if held > 1:
        each = single.replace("sum[0]", "sum[j]")
        return f"for (int j = 0; j < {held}; j++) y[{to} + j] = {each};\n"
    return f"y[{to}] = Narrow<{kind}>::of({single});\n"
