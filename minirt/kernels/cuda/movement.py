"""Concatenation, padding, and tensors of sizes."""

from __future__ import annotations

from typing import cast

from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import (
    STORAGE,
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
from minirt.kernels.cuda.nest import coordinates, is_one, nest, offset
from minirt.kernels.cuda.walk import Walk, Walker, copy_text, vector_of
from minirt.kernels.kernel import Operand, Order, Problem
from minirt.ops.movement import Concat, Dims, Pad
from minirt.plan.launch import Address, Launch, Launches, Spec
from minirt.types.dim import Dim, Expr, is_integral, mul
from minirt.types.dtype import dtype_of

_MAX_VALUES = 256
_OPERANDS = 8  # of one launch


Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]


def _like(problem: Problem, operand: int) -> Orders:
    """Any operands, and results in the memory order of one of them."""
    order = Order(problem.inputs[operand].type.order)
    return (None,) * len(problem.inputs), (order,) * len(problem.outputs)


class ConcatCopies(Generated):
    """A copy into a slice of the result for each operand: in one launch, whose blocks share the operands out."""

    ops = (Concat,)
    unroll = 2

    def orders(self, problem: Problem) -> Orders:
        """The result lies as its first operand that has a layout of its own."""
        return _like(problem, next((i for i, x in enumerate(problem.inputs) if x.type.layout), 0))

    def rejects(self, problem: Problem) -> str:
        """Elements that are not 8 to 64 bits wide."""
        dtype = problem.outputs[0].type.dtype
        return "" if raw_storage(dtype) else f"elements of type {dtype} cannot be moved one by one"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch for every few operands."""
        op, (y,) = problem.op, problem.outputs
        assert isinstance(op, Concat)
        begin: Dim = 0
        parts: list[tuple[int, Dim]] = []
        for i, x in enumerate(problem.inputs):
            if not any(not isinstance(size, Expr) and size == 0 for size in x.shape):
                parts.append((i, mul(begin, y.strides[op.axis])))
            begin = begin + x.shape[op.axis]
        several = [parts[i : i + _OPERANDS] for i in range(0, len(parts), _OPERANDS)]
        return Launches(tuple(self._together(problem, some) for some in several))

    def _together(self, problem: Problem, parts: list[tuple[int, Dim]]) -> Launch:
        y = problem.outputs[0]
        kind, width = raw_storage(y.type.dtype), y.type.dtype.bits // 8
        operands, wide, end = [], False, cast(Dim, 0)
        values: dict[str, Value] = {}
        for number, (i, at) in enumerate(parts):
            x, to, source = problem.inputs[i], f"y{number}_", f"x{number}_"
            start = mul(at, width)
            walkers = (
                Walker(to, Address("out", 0, start), kind, width, y.strides, _starts(problem, y, start), True),
                Walker(source, Address("in", i), f"const {kind}", width, x.strides, x.aligned, True),
            )
            made = nest(x.shape, [w.strides for w in walkers], y.type.order)
            vector = vector_of(problem, made, walkers)
            end = end + blocks(made.total, self.threads * self.unroll * vector)[0]
            operands.append([made.rank, vector])
            wide = wide or made.wide(problem.bounds)
            values |= {f"y{number}": walkers[0].at, f"x{number}": walkers[1].at, f"n{number}": made.total}
            values |= {f"end{number}": end, **size_values(made, f"n{number}_")}
            values |= {**stride_values(made, 0, f"y{number}"), **stride_values(made, 1, f"x{number}")}
        spec: Spec = {"kind": kind, "operands": operands, "wide": wide}
        return self.launched(spec, values, (end, 1, 1))

    def params(self, spec: Spec) -> list[Param]:
        """For each operand both addresses, its elements, where its blocks end, sizes and strides."""
        out: list[Param] = []
        for i, (rank, _) in enumerate(spec["operands"]):
            out += [Param("ptr", f"y{i}", spec["kind"]), Param("ptr", f"x{i}", f"const {spec['kind']}")]
            out += [Param("I", f"n{i}"), Param("I", f"end{i}"), *size_params(rank, f"n{i}_")]
            out += [*stride_params(f"y{i}", rank), *stride_params(f"x{i}", rank)]
        return out

    def text(self, spec: Spec) -> CudaSource:
        """The block's operand, then its vectors: all loads before the stores."""
        body, begin = "const I block = blockIdx.x;\n", "0"
        for i, (rank, vector) in enumerate(spec["operands"]):
            whole = f"Vector<{spec['kind']}, {vector}>"
            body += f"if (block < end{i}) {{\n{whole} held[{self.unroll}];\nI to[{self.unroll}];\n"
            body += f"const I first = (block - {begin}) * {self.threads * self.unroll} + threadIdx.x;\n"
            loop = f"#pragma unroll\nfor (int u = 0; u < {self.unroll}; u++) {{\n"
            body += (
                f"{loop}const I e = (first + u * {self.threads}) * {vector};\nto[u] = -1;\nif (e >= n{i}) continue;\n"
            )
            body += coordinates(rank, "e", sizes=f"n{i}_") + f"to[u] = {offset(rank, f'y{i}')};\n"
            body += f"held[u] = *(const {whole}*)(x{i} + {offset(rank, f'x{i}')});\n}}\n"
            body += f"{loop}if (to[u] >= 0) *({whole}*)(y{i} + to[u]) = held[u];\n}}\nreturn;\n}}\n"
            begin = f"end{i}"
        return kernel_text("concat", self.params(spec), body, self.threads, spec["wide"])


def _starts(problem: Problem, y: Operand, nbytes: Dim) -> bool:
    """True where the place so many bytes into the result is on 16 bytes."""
    return y.aligned and problem.divisible(nbytes, 16)


class PadWalk(Walk):
    """Walks over the result; a place outside the operand takes the constant, or a place inside by the mode's rule."""

    ops = (Pad,)
    entry = "pad"

    def orders(self, problem: Problem) -> Orders:
        """The result lies as the operand."""
        return _like(problem, 0)

    def rejects(self, problem: Problem) -> str:
        """Elements that are not 8 to 64 bits wide."""
        dtype = problem.outputs[0].type.dtype
        return "" if raw_storage(dtype) else f"elements of type {dtype} cannot be moved one by one"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch."""
        op, x, (y,) = problem.op, problem.inputs[0], problem.outputs
        assert isinstance(op, Pad)
        kind, width = raw_storage(y.type.dtype), y.type.dtype.bits // 8
        padded = [a for a in range(len(y.shape)) if not (_zero(op.begins[a]) and _zero(op.ends[a]))]
        padded = [a for a in padded if not is_one(y.shape[a])]
        rest = tuple(0 if a in padded else s for a, s in enumerate(x.strides))
        walkers = [
            Walker("y", Address("out", 0), kind, width, y.strides, y.aligned, True),
            Walker("x", Address("in", 0), f"const {kind}", width, rest, _shift_aligned(problem, padded, width), True),
        ]
        values: dict[str, Value] = {}
        for k, axis in enumerate(padded):
            values |= {f"begin{k}": op.begins[axis], f"size{k}": x.shape[axis], f"stride{k}": x.strides[axis]}
        if op.mode == "constant":
            values["value"] = Address("in", 1)
        spec: Spec = {"mode": op.mode, "kind": kind, "axes": len(padded)}
        return Launches((self.walked(problem, y.shape, y.type.order, walkers, spec, values, padded),))

    def extra(self, spec: Spec) -> list[Param]:
        """Geometry of the padded axes, and the constant."""
        out = [Param("I", f"{name}{k}") for k in range(spec["axes"]) for name in ("begin", "size", "stride")]
        return out + ([Param("ptr", "value", f"const {spec['kind']}")] if spec["mode"] == "constant" else [])

    def move(self, spec: Spec) -> str:
        """Find the place along every padded axis, move the vector."""
        text = "bool inside = true;\nI at = 0;\n"
        for k, place in enumerate(spec["places"]):
            rule = _RULES[spec["mode"]].replace("size", f"size{k}")
            text += f"{{ I p = {f'c{place}' if place >= 0 else '0'} - begin{k};\n{rule}at += p * stride{k}; }}\n"
        copy = copy_text(spec, "y + o_y", "x + o_x + at", spec["kind"])
        if spec["mode"] != "constant":
            return text + copy
        vector = spec["vector"]
        return text + f"if (inside) {copy}else for (int j = 0; j < {vector}; j++) y[o_y + j] = *value;\n"


_RULES = {
    "constant": "inside = inside && p >= 0 && p < size; p = inside ? p : 0;\n",
    "edge": "p = p < 0 ? 0 : p < size ? p : size - 1;\n",
    "wrap": "p %= size; p = p < 0 ? p + size : p;\n",
    "reflect": "const I turn = size > 1 ? 2 * size - 2 : 1; p %= turn; p = p < 0 ? p + turn : p;\n"
    "p = p < size ? p : turn - p;\n",
}


def _zero(value: Dim) -> bool:
    return not isinstance(value, Expr) and value == 0


def _shift_aligned(problem: Problem, padded: list[int], width: int) -> bool:
    x = problem.inputs[0]
    return x.aligned and all(problem.divisible(x.strides[axis], 16 // width) for axis in padded)


class ConcatAnywhere(ConcatCopies):
    """ConcatCopies into a result whose place is given."""

    rank = 60

    def orders(self, problem: Problem) -> Orders:
        """Any."""
        return (None,) * len(problem.inputs), (None,)


class PadAnywhere(PadWalk):
    """PadWalk into a result whose place is given."""

    rank = 60

    def orders(self, problem: Problem) -> Orders:
        """Any."""
        return (None,) * len(problem.inputs), (None,)


class DimsArguments(Generated):
    """Writes sizes that are known at bind, each an argument of the launch."""

    ops = (Dims,)
    threads = 32

    def rejects(self, problem: Problem) -> str:
        """Too many values, values that may be fractions, types without a register form."""
        op = problem.op
        assert isinstance(op, Dims)
        if len(op.values) > _MAX_VALUES:
            return f"{len(op.values)} values are more than {_MAX_VALUES}"
        if op.dtype.is_float and not all(map(is_integral, op.values)):
            return "a value may not be whole"  # where whole numbers are asked for, a fraction is an error at bind
        if not problem.outputs[0].dense:
            return "the result must be dense"
        return "" if op.dtype.name in STORAGE else f"sizes are not written as {op.dtype}"

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch of one thread."""
        op = problem.op
        assert isinstance(op, Dims)
        values: dict[str, Value] = {"y": Address("out", 0), **{f"v{i}": value for i, value in enumerate(op.values)}}
        spec: Spec = {"count": len(op.values), "dtype": op.dtype.name}
        step: Launch = self.launched(spec, values, (1, 1, 1), (1, 1, 1))
        return Launches((step,))

    def params(self, spec: Spec) -> list[Param]:
        """The result, and its elements."""
        return [Param("ptr", "y", _storage(spec)), *(Param("i64", f"v{i}") for i in range(spec["count"]))]

    def text(self, spec: Spec) -> CudaSource:
        """One store a value."""
        body = "".join(f"y[{i}] = Narrow<{_storage(spec)}>::of(v{i});\n" for i in range(spec["count"]))
        return kernel_text("dims", self.params(spec), body, self.threads, False)


def _storage(spec: Spec) -> str:
    return storage(dtype_of(spec["dtype"]))
