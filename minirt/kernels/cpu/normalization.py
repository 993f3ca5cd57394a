"""Normalization on the CPU: over rows, or over columns where the contiguous axis is kept, with an epilogue.

Sums and sums of squares are gathered in float64 in one pass; the mean is taken away in two float32 parts.
"""

from __future__ import annotations

from minirt.ir.scalar import Body, Scalar, arg, call, cast, encode, rebuild, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.constants import CONSTANT_IMPORTS, constant_args, constant_lines, lift
from minirt.kernels.cpu.nest import NestText, function_text, nest_args, spread
from minirt.kernels.cpu.pointwise import MOST_LOOPS, grain, region_line, unsupported
from minirt.kernels.cpu.reduce import ReducedText, Split, reduced_args, source_args, split
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.ops.normalization import Normalization
from minirt.plan.launch import Address, Integer, Launch, Launches, Real, Spec, Unit
from minirt.types.dtype import DType, dtype_of, f64

BLOCK = 128
"""Columns normalized together where the contiguous axis is kept."""


class NormalizeStrided(Kernel):
    """Layer and root-mean-square normalization over any axes of any strides."""

    ops = (Normalization,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        bad = unsupported(tuple(o.type.dtype for o in problem.inputs + problem.outputs))
        if bad:
            return bad
        loops = self._split(problem)
        most = max(loops.kept.rank, loops.reduced.rank)
        return f"{most} loops are more than {MOST_LOOPS}" if most > MOST_LOOPS else ""

    def _split(self, problem: Problem) -> Split:
        op, y = problem.op, problem.outputs[0]
        assert isinstance(op, Normalization)
        order = [a for a in y.type.order if a not in op.axes]
        strides = [spread(o, y.shape) for o in problem.inputs + problem.outputs]
        return split(y.shape, op.axes, order, strides, [], 1)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over what is kept."""
        op, loops = problem.op, self._split(problem)
        assert isinstance(op, Normalization)
        operands, inputs = problem.inputs + problem.outputs, len(problem.inputs)
        write, constants = lift(_writing(op, problem.inputs[0].type.dtype))
        spec: Spec = {
            "rms": op.kind == "rms", "dtype": problem.inputs[0].type.dtype.name, "write": encode(write),
            "columns": loops.columns, "ranks": [loops.kept.rank, loops.reduced.rank], "inputs": inputs,
            "constants": [d.name for d, _ in constants],
            "kept": [loops.kept.place(i) for i in range(len(operands))],
            "reduced": [loops.reduced.place(i) for i in range(len(operands))],
        }  # fmt: skip
        args = nest_args(loops.kept)
        for i, operand in enumerate(operands):
            args += source_args(loops, i, operand, Address("in", i) if i < inputs else Address("out", i - inputs))
        args += nest_args(loops.reduced)
        for i, operand in enumerate(operands):
            args += reduced_args(loops, i, operand)
        args += [Integer(loops.count), Real(op.epsilon, 64), *constant_args(constants)]
        piece = grain((write,), 3 * min(4096, problem.likely(loops.count)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows one by one, or blocks of columns together."""
        text = _columns(spec) if spec["columns"] else _rows(spec)
        return CpuUnit(self.name, text, ("contract", "reassoc", "nsz"))


def _writing(op: Normalization, dtype: DType) -> Body:
    """Arguments 0 to 2 are the mean, 1 / deviation and what is left of the mean; then x and the extra operands."""
    total = dtype.compute
    mean, scale, shift = (arg(i, total) for i in range(3))
    number = call("add", call("mul", call("sub", wide(arg(3, dtype)), mean), scale), shift)
    body = op.finish(dtype)

    def leaf(node: Scalar) -> Scalar:
        if node.fn != "arg":
            return node
        assert isinstance(node.value, int)
        return number if node.value == 0 else arg(node.value + 3, node.dtype)

    return Body((total, total, total, dtype, *body.args[1:]), rebuild(body.results, leaf))


def _imports(spec: Spec, places: list[str]) -> list[str]:
    dtype = dtype_of(spec["dtype"])
    value = Body((dtype,), (cast(wide(arg(0, dtype)), f64),))
    inputs = spec["inputs"]
    given = ["value"] * 3 + places[:inputs] + ["value"] * len(spec["constants"])
    write = {"body": spec["write"], "args": given, "outs": places[inputs:], "coords": []}
    return [
        "import math",
        CONSTANT_IMPORTS,
        "from numba import types, float32, float64",
        "from minirt.kernels.cpu.ordered import stack",
        "from minirt.kernels.cpu.pointers import as_f64",
        region_line("value", {"body": encode(value), "args": places[:1], "outs": ["value"], "coords": []}),
        region_line("write", write),
    ]


def _moments(real: str, rms: bool, place: str) -> list[str]:
    """Statements from the sums to mean, scale and shift; ``place`` is "" or an index of the blocks."""
    mean = "float64(0)" if rms else f"sums{place} / count"
    return [
        f"exact = {mean}",
        f"spread = squares{place} / count - exact * exact",
        "if spread < 0:",
        "    spread = float64(0)",
        "steep = float64(1) / math.sqrt(spread + epsilon)",
        f"mean{place} = {real}(exact)",
        f"scale{place} = {real}(steep)",
        f"shift{place} = {real}((float64(mean{place}) - exact) * steep)",
    ]


def _rows(spec: Spec) -> str:
    count = len(spec["kept"])
    loops = NestText(spec["ranks"][0], ["s"] * count)
    head = loops.head()
    reduced = ReducedText(spec["ranks"][1], spec["reduced"], False, loops.count)
    head += _scalars(spec, reduced)
    starts = [f"p{i} + j * s{i}" for i in range(count)]
    row = ["sums = float64(0)", "squares = float64(0)"]
    gather = [f"v = value(r, {reduced.operand(0)})", "squares += v * v"]
    row += reduced.loops(starts[:1], gather if spec["rms"] else [*gather, "sums += v"])
    row += _moments(_real(spec), spec["rms"], "")
    operands = ", ".join(_with_constants(spec, [reduced.operand(i) for i in range(count)]))
    row += reduced.loops(starts, [f"write(r, mean, scale, shift, {operands})"])
    row = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in row)]
    return function_text(_imports(spec, spec["reduced"]), head + loops.rows(row))


def _columns(spec: Spec) -> str:
    count = len(spec["kept"])
    loops = NestText(spec["ranks"][0], spec["kept"])
    head = loops.head()
    reduced = ReducedText(spec["ranks"][1], spec["reduced"], True, loops.count)
    head += _scalars(spec, reduced)
    names = ("sums", "squares", "mean", "scale", "shift")
    head += [f"{name} = {name}_block()" for name in names]
    places = [f"a{i}, s{i}" if spec["kept"][i] == "s" else f"a{i}" for i in range(count)]
    starts = [f"p{i}" for i in range(count)]
    body = [f"after = min(stop, first + {BLOCK})", "for k in range(after - first):"]
    body += ["    sums[k] = float64(0)", "    squares[k] = float64(0)"]
    gather = ["for j in range(first, after):", f"    v = value(j, {places[0]})"]
    gather += ["    sums[j - first] = sums[j - first] + v", "    squares[j - first] = squares[j - first] + v * v"]
    body += reduced.loops(starts[:1], gather)
    body += ["for k in range(after - first):", *(f"    {s}" for s in _moments(_real(spec), spec["rms"], "[k]"))]
    at = "mean[j - first], scale[j - first], shift[j - first]"
    body += reduced.loops(
        starts, ["for j in range(first, after):", f"    write(j, {at}, {', '.join(_with_constants(spec, places))})"]
    )
    row = [f"for first in range(c{loops.last}, stop, {BLOCK}):", *(f"    {line}" for line in body)]
    kinds = ["float64", "float64"] + [_real(spec)] * 3
    blocks = [f"{n}_block = stack(types.{k}, {BLOCK})" for n, k in zip(names, kinds, strict=True)]
    return function_text([*_imports(spec, spec["kept"]), *blocks], head + loops.rows(row))


def _scalars(spec: Spec, reduced: ReducedText) -> list[str]:
    """Statements that read the sizes of the reduced loops, epsilon, and the epilogue's constants."""
    lines = reduced.head()
    epsilon = f"epsilon = as_f64(args[{reduced.count}])"
    return [*lines, epsilon, *constant_lines(spec["constants"], reduced.count + 1)]


def _with_constants(spec: Spec, operands: list[str]) -> list[str]:
    inputs = spec["inputs"]
    return [*operands[:inputs], *(f"k{i}" for i in range(len(spec["constants"]))), *operands[inputs:]]


def _real(spec: Spec) -> str:
    return "float64" if spec["dtype"] == "f64" else "float32"
