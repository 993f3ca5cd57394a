"""Softmax and its logarithm on the CPU, along any axis.

The greatest element is found first (as integers of the same order, so that NaN stays), then exponentials are summed in
float64 and kept in the result where that is float32.
"""

from __future__ import annotations

from minirt.ir.scalar import Body, Scalar, arg, call, cast, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import NestText, function_text, nest_args
from minirt.kernels.cpu.pointwise import MOST_LOOPS, grain, region_line, unsupported
from minirt.kernels.cpu.reduce import ReducedText, Split, reduced_args, source_args, split
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.ops.softmax import Softmax
from minirt.plan.launch import Address, Integer, Launch, Launches, Spec, Unit
from minirt.types.dtype import DType, dtype_of, f32, f64

BLOCK = 128
"""Columns computed together where the contiguous axis is not the softmax's."""


class SoftmaxStrided(Kernel):
    """Softmax over any axis of any strides."""

    ops = (Softmax,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        bad = unsupported((problem.inputs[0].type.dtype,))
        rank = self._split(problem).kept.rank
        return bad or (f"{rank} loops are more than {MOST_LOOPS}" if rank > MOST_LOOPS else "")

    def _split(self, problem: Problem) -> Split:
        assert isinstance(problem.op, Softmax)
        (x,), (y,), axis = problem.inputs, problem.outputs, problem.op.axis
        order = [a for a in y.type.order if a != axis]
        return split(x.shape, (axis,), order, [x.strides, y.strides], [], 1)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the rows (or columns)."""
        assert isinstance(problem.op, Softmax)
        loops = self._split(problem)
        spec: Spec = {
            "dtype": problem.inputs[0].type.dtype.name, "log": problem.op.log, "columns": loops.columns,
            "rank": loops.kept.rank, "kept": [loops.kept.place(i) for i in range(2)],
            "reduced": [loops.reduced.place(i) for i in range(2)],
        }  # fmt: skip
        args = nest_args(loops.kept)
        operands = [(problem.inputs[0], Address("in", 0)), (problem.outputs[0], Address("out", 0))]
        for i, (operand, address) in enumerate(operands):
            args += source_args(loops, i, operand, address)
        args += nest_args(loops.reduced)
        for i, (operand, _) in enumerate(operands):
            args += reduced_args(loops, i, operand)
        args.append(Integer(loops.count))
        bodies = _bodies(problem.inputs[0].type.dtype, problem.op.log)
        piece = grain((bodies["gather"], bodies["write"]), min(4096, problem.likely(loops.count)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows one by one, or blocks of columns together."""
        text = _columns(spec) if spec["columns"] else _rows(spec)
        return CpuUnit(self.name, text, ("contract", "reassoc", "nsz"))


def _bodies(dtype: DType, log: bool) -> dict[str, Body]:
    """What the passes compute: the number itself; exp(x - top); the result from top and the sum (or 1 / sum)."""
    held = dtype.compute
    top, x = arg(0, held), wide(arg(1, dtype))
    power = call("exp", call("sub", x, top))
    kept = dtype.bits >= 32 and not log
    stored: tuple[Scalar, ...] = (cast(power, dtype),) if kept else ()
    last = arg(1, held)
    if log:
        written = call("sub", call("sub", wide(arg(2, dtype)), top), last)
    elif kept:
        written = call("mul", arg(2, dtype), last)
    else:
        written = call("mul", call("exp", call("sub", wide(arg(2, dtype)), top)), last)
    return {
        "value": Body((dtype,), (wide(arg(0, dtype)),)),
        "gather": Body((held, dtype), (*stored, cast(power, f64))),
        "write": Body((held, held, dtype), (cast(written, dtype),)),
        "logarithm": Body((f64,), (call("log", arg(0, f64)),)),
    }


def _imports(spec: Spec, places: list[str]) -> list[str]:
    dtype = dtype_of(spec["dtype"])
    bodies = _bodies(dtype, spec["log"])
    kept = len(bodies["gather"].results) == 2
    wanted = {
        "value": (["0"], ["value"]),
        "gather": (["value", "0"], ["1", "value"] if kept else ["value"]),
        "write": (["value", "value", "1" if kept else "0"], ["1"]),
        "logarithm": (["value"], ["value"]),
    }
    lines = ["from numba import types, float32, float64, int32, int64"]
    lines.append("from minirt.kernels.cpu.ordered import from_key, key_max, stack")
    for name, (args, outs) in wanted.items():
        given = [_place(p, places) for p in args]
        if name == "write" and kept:
            given[2] = places[1] + "@0"
        outs = [_place(p, places) for p in outs]
        text = {"body": encode(bodies[name]), "args": given, "outs": outs, "coords": []}
        lines.append(region_line(name, text))
    return lines


def _place(mark: str, places: list[str]) -> str:
    return places[int(mark)] if mark in "01" else mark


def _words(spec: Spec) -> tuple[str, str, str]:
    """Numba's names of the compute type and its key, and the key of -inf."""
    if dtype_of(spec["dtype"]).compute is f32:
        return "float32", "int32", "int32(-2139095041)"
    return "float64", "int64", "int64(-9218868437227405313)"


def _rows(spec: Spec) -> str:
    loops = NestText(spec["rank"], ["s", "s"])
    head = loops.head()
    reduced = ReducedText(1, spec["reduced"], False, loops.count)
    head += reduced.head()
    real, _, lowest = _words(spec)
    x, y = reduced.operand(0), reduced.operand(1)
    kept = not spec["log"] and dtype_of(spec["dtype"]).bits >= 32
    starts = ["p0 + j * s0", "p1 + j * s1"]
    row = [f"best = {lowest}", *reduced.loops(starts, [f"best = max(best, key_max(value(r, {x})))"])]
    row += ["top = from_key(best)", "total = float64(0)"]
    row += reduced.loops(starts, [f"total += gather(r, top, {x}{', ' + y if kept else ''})"])
    row.append(f"last = {real}({'logarithm(0, total)' if spec['log'] else 'float64(1) / total'})")
    row += reduced.loops(starts, [f"write(r, top, last, {y if kept else x}, {y})"])
    row = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in row)]
    return function_text(_imports(spec, spec["reduced"]), head + loops.rows(row))


def _columns(spec: Spec) -> str:
    loops = NestText(spec["rank"], spec["kept"])
    head = loops.head()
    reduced = ReducedText(1, spec["reduced"], True, loops.count)
    head += [*reduced.head(), "keys, tops, totals, lasts = key_block(), real_block(), sum_block(), real_block2()"]
    real, key, lowest = _words(spec)
    x, y = (f"a{i}, s{i}" if spec["kept"][i] == "s" else f"a{i}" for i in range(2))
    kept = not spec["log"] and dtype_of(spec["dtype"]).bits >= 32
    each, starts, at = "for j in range(first, after):", ["p0", "p1"], "j - first"
    body = [f"after = min(stop, first + {BLOCK})", "for k in range(after - first):"]
    body += [f"    keys[k] = {lowest}", "    totals[k] = float64(0)"]
    body += reduced.loops(starts, [each, f"    keys[{at}] = max(keys[{at}], key_max(value(j, {x})))"])
    body += ["for k in range(after - first):", "    tops[k] = from_key(keys[k])"]
    gathered = f"gather(j, tops[{at}], {x}{', ' + y if kept else ''})"
    body += reduced.loops(starts, [each, f"    totals[{at}] = totals[{at}] + {gathered}"])
    last = "logarithm(0, totals[k])" if spec["log"] else "float64(1) / totals[k]"
    body += ["for k in range(after - first):", f"    lasts[k] = {real}({last})"]
    body += reduced.loops(starts, [each, f"    write(j, tops[{at}], lasts[{at}], {y if kept else x}, {y})"])
    row = [f"for first in range(c{loops.last}, stop, {BLOCK}):", *(f"    {line}" for line in body)]
    imports = _imports(spec, spec["kept"])
    imports += [f"key_block = stack(types.{key}, {BLOCK})", f"sum_block = stack(types.float64, {BLOCK})"]
    imports += [f"{name} = stack(types.{real}, {BLOCK})" for name in ("real_block", "real_block2")]
    return function_text(imports, head + loops.rows(row))
