"""Pooling over windows, channels last: a thread computes one output pixel of a few neighbouring channels."""

from __future__ import annotations

from minirt.ir.scalar_cuda import register_type
from minirt.kernels.cuda.generate import Param, Value, storage
from minirt.kernels.cuda.reduce import identity
from minirt.kernels.cuda.walk import Walk, Walker
from minirt.kernels.kernel import Order, Problem
from minirt.ops.pooling import Pool, PoolIndices
from minirt.plan.launch import Address, Launches, Spec
from minirt.types.dim import Dim
from minirt.types.dtype import DType, dtype_of

_GEOMETRY = ("size", "taps", "step", "gap", "begin", "end", "stride")


def channels_last(rank: int) -> Order:
    """Axes of an image with the channels innermost, also as a slice of more channels."""
    return Order((0, *range(2, rank), 1), pitched=True)


class PoolWalk(Walk):
    """Walks over the output; every tap inside the image takes part."""

    ops = (Pool, PoolIndices)
    entry = "pool"

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """Channels last, so that neighbouring threads and vectors run along them."""
        return (channels_last(len(problem.inputs[0].shape)),), (channels_last(len(problem.outputs[0].shape)),)

    def rejects(self, problem: Problem) -> str:
        """Types without a register form."""
        dtype = problem.inputs[0].type.dtype
        return "" if dtype.name in _TYPES else f"elements of type {dtype} are not pooled"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, Pool | PoolIndices)
        rank, dtype = len(op.kernel), x.type.dtype
        spatial = list(range(2, rank + 2))
        outer = tuple(0 if axis in spatial else s for axis, s in enumerate(x.strides))
        kind = "index" if isinstance(op, PoolIndices) else op.kind
        vectors = kind != "index"
        bytes_ = dtype.bits // 8
        walkers = [
            Walker("y", Address("out", 0), storage(y.type.dtype), bytes_, y.strides, y.aligned and vectors, True),
            Walker(
                "x", Address("in", 0), f"const {storage(dtype)}", bytes_, outer, x.aligned and _whole(problem), True
            ),
        ]
        values: dict[str, Value] = {"power": float(op.p) if isinstance(op, Pool) else 0.0}
        for k, axis in enumerate(spatial):
            window: tuple[Dim, ...] = (op.kernel[k], op.strides[k], op.dilations[k], op.pads[k], op.pads[rank + k])
            numbers = (x.shape[axis], *window, x.strides[axis])
            values |= {f"{name}{k}": number for name, number in zip(_GEOMETRY, numbers, strict=True)}
        values |= {"images": x.shape[0], "channels": x.shape[1]}
        spec: Spec = {
            "kind": kind, "axes": rank, "dtype": dtype.name, "padded": isinstance(op, Pool) and op.include_pad,
            "column_major": isinstance(op, PoolIndices) and op.column_major,
        }  # fmt: skip
        sealed = [*spatial, 0, 1] if kind == "index" else spatial
        return Launches((self.walked(problem, y.shape, y.type.order, walkers, spec, values, sealed),))

    def extra(self, spec: Spec) -> list[Param]:
        """Geometry of every spatial axis, and the norm's power."""
        out = [Param("I", f"{name}{k}") for k in range(spec["axes"]) for name in _GEOMETRY]
        return [*out, Param("I", "channels"), Param("f32", "power")]

    def move(self, spec: Spec) -> str:
        """Gather the window's taps, finish, store."""
        dtype = dtype_of(spec["dtype"])
        kind, vector, axes = register_type(dtype), spec["vector"], range(spec["axes"])
        total = "i64" if spec["kind"] == "average" and dtype.is_integer else kind
        start = identity("max", dtype) if spec["kind"] in ("max", "index") else "0"
        text = f"typedef {total} R;\nR total[{vector}];\n"
        text += f"for (int j = 0; j < {vector}; j++) total[j] = (R){start};\n"
        text += "i64 found = -1;\n" if spec["kind"] == "index" else ""
        for k in axes:
            place = spec["places"][k]
            text += f"const I first{k} = {f'c{place}' if place >= 0 else '0'} * step{k} - begin{k};\n"
        for k in axes:
            text += f"#pragma unroll 1\nfor (I t{k} = 0; t{k} < taps{k}; t{k}++) {{\n"
            text += f"const I p{k} = first{k} + t{k} * gap{k};\nif (p{k} < 0 || p{k} >= size{k}) continue;\n"
        at = " + ".join(["o_x", *(f"p{k} * stride{k}" for k in axes)])
        text += f"R v[{vector}];\n"
        text += f"load_vector<{vector}>(v, x + {at});\n" if vector > 1 else f"v[0] = (R)widen(x[{at}]);\n"
        text += f"for (int j = 0; j < {vector}; j++) {{ {_each(spec, dtype)} }}\n" + "}\n" * len(axes)
        return text + _finish(spec, dtype)


class PoolAnywhere(PoolWalk):
    """PoolWalk from and to images that lie in any order."""

    rank = 60

    def orders(self, problem: Problem) -> tuple[tuple[Order | None, ...], tuple[Order | None, ...]]:
        """Any."""
        return (None,), (None,)


_TYPES = ("f16", "bf16", "f32", "f64", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64")


def _whole(problem: Problem) -> bool:
    """True where every pixel of x starts on 16 bytes if the first does."""
    x = problem.inputs[0]
    return all(problem.divisible(s, 128 // x.type.dtype.bits) for s in x.strides[2:])


def _each(spec: Spec, dtype: DType) -> str:
    if spec["kind"] == "max":
        return "total[j] = greatest(total[j], v[j]);"
    if spec["kind"] == "average":
        return "total[j] += v[j];"
    if spec["kind"] == "lp":
        size = "fabs(v[j])" if dtype.bits == 64 else "fabsf(v[j])"
        return f"total[j] += pow{'' if dtype.bits == 64 else 'f'}({size}, (R)power);"
    order = list(range(spec["axes"]))
    place, step = "", "1"
    for k in order if spec["column_major"] else reversed(order):
        place += f" + (i64)p{k} * {step}"
        step += f" * size{k}"
    return f"if (found < 0 || v[j] > total[j]) {{ total[j] = v[j]; found = 0{place}; }}"


def _finish(spec: Spec, dtype: DType) -> str:
    vector, axes, held = spec["vector"], range(spec["axes"]), storage(dtype)
    text = ""
    if spec["kind"] == "index":
        image, channel = (f"c{place}" if place >= 0 else "0" for place in spec["places"][-2:])
        pixels = " * ".join(f"(i64)size{k}" for k in axes)
        return f"y[o_y] = found + ((i64){image} * channels + {channel}) * {pixels};\n"
    if spec["kind"] == "average":
        text += "I count = 1;\n"
        for k in axes:
            low, high = ("-begin", f"size{k} + end") if spec["padded"] else ("", f"size{k}")
            low = f"{low}{k}" if low else "0"
            text += f"{{ I inside = 0; for (I t = 0; t < taps{k}; t++) {{ const I p = first{k} + t * gap{k}; "
            text += f"inside += p >= {low} && p < {high}{k if spec['padded'] else ''}; }}\ncount *= inside; }}\n"
        text += f"for (int j = 0; j < {vector}; j++) total[j] = total[j] / (R)count;\n"
    if spec["kind"] == "lp":
        root = "pow" if dtype.bits == 64 else "powf"
        text += f"for (int j = 0; j < {vector}; j++) total[j] = {root}(total[j], 1 / (R)power);\n"
    if vector > 1:
        return text + f"store_vector<{vector}>(y + o_y, total);\n"
    return text + f"y[o_y] = Narrow<{held}>::of(total[0]);\n"
