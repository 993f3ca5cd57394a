"""Ops about order and runs along one axis, on the CPU: arg reductions, top-k, cumulative sums and products.

Floats are compared as integers of the same order, NaN greatest (least in a least-of), as NumPy has it.
"""

from __future__ import annotations

from dataclasses import replace

from minirt.ir.scalar import Body, arg, call, cast, const, encode, wide
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.movement import HOLDER
from minirt.kernels.cpu.nest import NestText, function_text, nest_args, same
from minirt.kernels.cpu.pointwise import MOST_LOOPS, region_line, unsupported
from minirt.kernels.cpu.reduce import ReducedText, Split, reduced_args, source_args, split
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.ordering import ArgReduce, Cumulative, TopK
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, mul, product
from minirt.types.dtype import DType, dtype_of, f64, i64

BLOCK = 256


def _too_deep(loops: Split, dtype: DType) -> str:
    rank = loops.kept.rank
    return unsupported((dtype,)) or (f"{rank} loops are more than {MOST_LOOPS}" if rank > MOST_LOOPS else "")


def _key_lines(dtype: DType, place: str) -> list[str]:
    """Lines of kernel text that make ``value(j, ...)``: floats widened, integers as i64 of the same order."""
    x = arg(0, dtype)
    if dtype.is_float:
        result = wide(x)
    else:
        top = const(1 << 63, dtype) if dtype.name == "u64" else None
        result = cast(call("bitxor", x, top) if top is not None else x, i64)
    body = encode(Body((dtype,), (result,)))
    return [
        "from numba import types, float32, float64, int32, int64",
        "from minirt.kernels.cpu.ordered import key_max, key_min, stack",
        region_line("value", {"body": body, "args": [place], "outs": ["value"], "coords": []}),
    ]


def _keyed(dtype: DType, kind: str, call_text: str) -> str:
    return f"int64(key_{kind}({call_text}))" if dtype.is_float else call_text


class ArgStrided(Kernel):
    """The place of the greatest or least element along an axis."""

    ops = (ArgReduce,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        return _too_deep(self._split(problem), problem.inputs[0].type.dtype)

    def _split(self, problem: Problem) -> Split:
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        assert isinstance(op, ArgReduce)
        rank, axis = x.type.rank, op.axis
        out = [*y.strides[:axis], 0, *y.strides[axis + (1 if op.keepdims else 0) :]]
        kept = [a for a in range(rank) if a != axis]
        back = {a if op.keepdims else i: a for i, a in enumerate(kept)} if not op.keepdims else {a: a for a in kept}
        order = [back[a] for a in y.type.order if a in back]
        return split(x.shape, (axis,), order, [x.strides], [tuple(out)])

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the results."""
        op, loops = problem.op, self._split(problem)
        assert isinstance(op, ArgReduce)
        x, y = problem.inputs[0], problem.outputs[0]
        spec: Spec = {
            "dtype": x.type.dtype.name, "kind": op.kind, "last": op.last, "columns": loops.columns,
            "rank": loops.kept.rank, "kept": [loops.kept.place(0), loops.kept.place(1)],
            "reduced": [loops.reduced.place(0)],
        }  # fmt: skip
        args = [*nest_args(loops.kept), *source_args(loops, 0, x, Address("in", 0))]
        args += source_args(replace(loops, columns=True), 1, y, Address("out", 0))
        args += [*nest_args(loops.reduced), *reduced_args(loops, 0, x), Integer(loops.count)]
        piece = max(1, 32_768 // max(1, problem.likely(loops.count)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows one by one, or blocks of columns together."""
        dtype = dtype_of(spec["dtype"])
        columns, kind = spec["columns"], spec["kind"]
        loops = NestText(spec["rank"], spec["kept"] if columns else ["s", spec["kept"][1]])
        head = loops.head()
        reduced = ReducedText(1, spec["reduced"], columns, loops.count)
        head += reduced.head()
        sign = {"max": ">", "min": "<"}[kind] + ("=" if spec["last"] else "")
        start = f"int64({-(1 << 63) if kind == 'max' else (1 << 63) - 1})"
        if columns:
            head += ["bests, places = block(), block()"]
            x = f"a0, {loops.address(0).split(', ')[1]}" if loops.places[0] == "s" else "a0"
            inner = ["for j in range(first, after):", f"    v = {_keyed(dtype, kind, f'value(j, {x})')}"]
            inner += ["    k = j - first", f"    better = v {sign} bests[k]"]
            inner += ["    bests[k] = v if better else bests[k]", "    places[k] = r0 if better else places[k]"]
            body = [f"after = min(stop, first + {BLOCK})", "for k in range(after - first):"]
            body += [f"    bests[k] = {start}", "    places[k] = 0", *reduced.loops(["p0"], inner)]
            body += ["for j in range(first, after):", f"    put(j, places[j - first], {loops.address(1)})"]
            row = [f"for first in range(c{loops.last}, stop, {BLOCK}):", *(f"    {line}" for line in body)]
        else:
            inner = [f"v = {_keyed(dtype, kind, f'value(r, {reduced.operand(0)})')}"]
            inner += [f"better = v {sign} best", "best = v if better else best", "place = r if better else place"]
            body = [f"best = {start}", "place = int64(0)", *reduced.loops(["p0 + j * s0"], inner)]
            body.append(f"put(j, place, {loops.address(1)})")
            row = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in body)]
        imports = _key_lines(dtype, loops.places[0] if columns else spec["reduced"][0])
        same_body = encode(Body((i64,), (arg(0, i64),)))
        put = {"body": same_body, "args": ["value"], "outs": [spec["kept"][1]], "coords": []}
        imports += [region_line("put", put), f"block = stack(types.int64, {BLOCK})"]
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


class TopKHeap(Kernel):
    """The greatest or least elements along an axis, by a heap of k for each row."""

    ops = (TopK,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        return _too_deep(self._split(problem), problem.inputs[0].type.dtype)

    def _split(self, problem: Problem) -> Split:
        assert isinstance(problem.op, TopK)
        x, (values, places) = problem.inputs[0], problem.outputs
        axis = problem.op.axis
        order = [a for a in values.type.order if a != axis]
        found = split(x.shape, (axis,), order, [x.strides], [values.strides, places.strides])
        return replace(found, columns=False)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the rows."""
        op, loops = problem.op, self._split(problem)
        assert isinstance(op, TopK)
        x, (values, places) = problem.inputs[0], problem.outputs
        spec: Spec = {
            "dtype": x.type.dtype.name, "largest": op.largest, "rank": loops.kept.rank,
            "reduced": [loops.reduced.place(0)],
        }  # fmt: skip
        args: list[Arg] = nest_args(loops.kept)
        for i, (operand, address) in enumerate(
            [(x, Address("in", 0)), (values, Address("out", 0)), (places, Address("out", 1))]
        ):
            args += source_args(loops, i, operand, address)
        args += [*nest_args(loops.reduced), *reduced_args(loops, 0, x), Integer(loops.count), Integer(op.k)]
        size = x.type.dtype.bits // 8
        args += [Integer(mul(x.strides[op.axis], size)), Integer(mul(values.strides[op.axis], size))]
        args += [Integer(mul(places.strides[op.axis], 8)), Address("work", 0), Address("work", 1)]
        work = mul(mul(loops.kept.size, op.k), 8)
        piece = max(1, 8_192 // max(1, problem.likely(loops.count)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),), (work, work))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Fill the heap, then take the worst out again and again, writing from the end."""
        dtype = dtype_of(spec["dtype"])
        loops = NestText(spec["rank"], ["s", "s", "s"])
        head = loops.head()
        reduced = ReducedText(1, spec["reduced"], False, loops.count)
        head += reduced.head()
        names = ("best", "step", "value_step", "place_step", "keys", "marks")
        head += [f"{name} = args[{reduced.count + i}]" for i, name in enumerate(names)]
        key = _keyed(dtype, "max", f"value(r, {reduced.operand(0)})")
        inner = [f"key = {key}" if spec["largest"] else f"key = ~{key}", *_HEAP_PUSH]
        body = ["row = at + j - c" + str(loops.last), "hk = i64(keys + row * best * 8)"]
        body += ["hp = i64(marks + row * best * 8)", "count = int64(0)", *reduced.loops(["p0 + j * s0"], inner)]
        body += _HEAP_POP
        row = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in body)]
        holder = HOLDER[dtype.bits]
        move = {"body": encode(Body((holder,), (arg(0, holder),))), "args": ["0"], "outs": ["1"], "coords": []}
        mark = {"body": encode(Body((i64,), (arg(0, i64),))), "args": ["value"], "outs": ["1"], "coords": []}
        imports = [*_key_lines(dtype, spec["reduced"][0]), region_line("move", move), region_line("mark", mark)]
        imports.append("from minirt.kernels.cpu.pointers import i64")
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


_SINK = """
        while True:
            c = 2 * p + 1
            if c >= size:
                break
            if c + 1 < size and (hk[c + 1] < hk[c] or (hk[c + 1] == hk[c] and hp[c + 1] > hp[c])):
                c += 1
            if hk[c] > key or (hk[c] == key and hp[c] < place):
                break
            hk[p] = hk[c]
            hp[p] = hp[c]
            p = c
        hk[p] = key
        hp[p] = place
"""
_SINK_LINES = [line[8:] for line in _SINK.strip("\n").split("\n")]
_HEAP_PUSH = [
    "if count < best:",
    "    c = count",
    "    count += 1",
    "    while c > 0:",
    "        p = (c - 1) // 2",
    "        if hk[p] <= key:",  # the newcomer is worse at equal keys: its place is greater
    "            if hk[p] < key or hp[p] > r:",
    "                break",
    "        hk[c] = hk[p]",
    "        hp[c] = hp[p]",
    "        c = p",
    "    hk[c] = key",
    "    hp[c] = r",
    "elif best > 0 and key > hk[0]:",
    "    p = int64(0)",
    "    size = count",
    "    place = r",
    *(f"    {line}" for line in _SINK_LINES),
]
_HEAP_POP = [
    "while count > 0:",
    "    count -= 1",
    "    place = hp[0]",
    "    move(0, p0 + j * s0 + place * step, p1 + j * s1 + count * value_step)",
    "    mark(0, place, p2 + j * s2 + count * place_step)",
    "    key = hk[count]",
    "    place = hp[count]",
    "    size = count",
    "    p = int64(0)",
    *(f"    {line}" for line in _SINK_LINES),
]


class CumulativeStrided(Kernel):
    """Running sums and products: floats in float64, integers wrapping."""

    ops = (Cumulative,)

    def rejects(self, problem: Problem) -> str:
        """Element types without CPU code, too many loops."""
        return _too_deep(self._split(problem), problem.inputs[0].type.dtype)

    def _split(self, problem: Problem) -> Split:
        assert isinstance(problem.op, Cumulative)
        (x,), (y,), axis = problem.inputs, problem.outputs, problem.op.axis
        order = [a for a in y.type.order if a != axis]
        return split(x.shape, (axis,), order, [x.strides, y.strides], [], 1)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the rows (or columns); in reverse, strides run backwards from the end."""
        op, loops = problem.op, self._split(problem)
        assert isinstance(op, Cumulative)
        operands = [(problem.inputs[0], "in"), (problem.outputs[0], "out")]
        n = problem.inputs[0].shape[op.axis]
        places = ["s" if op.reverse and not same(n, 1) else loops.reduced.place(i) for i in range(2)]
        spec: Spec = {
            "dtype": problem.inputs[0].type.dtype.name, "kind": op.kind, "exclusive": op.exclusive,
            "columns": loops.columns, "rank": loops.kept.rank, "kept": [loops.kept.place(i) for i in range(2)],
            "reduced": places,
        }  # fmt: skip
        args: list[Arg] = nest_args(loops.kept)
        for i, (operand, of) in enumerate(operands):
            last = mul(mul(n - 1, operand.strides[op.axis]), operand.type.dtype.bits // 8) if op.reverse else 0
            args += source_args(loops, i, operand, Address(of, 0, last))
        args += nest_args(loops.reduced)
        for i, (operand, _) in enumerate(operands):
            args += _along(loops, i, operand, -1 if op.reverse else 1, places[i])
        args.append(Integer(product((n,))))
        piece = max(1, 16_384 // max(1, problem.likely(n)))
        return Launches((Launch(Unit(self.name, spec), tuple(args), (loops.kept.size, piece, 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows one by one, or blocks of columns together."""
        dtype, columns = dtype_of(spec["dtype"]), spec["columns"]
        held = f64 if dtype.is_float else i64
        word = "float64" if dtype.is_float else "int64"
        loops = NestText(spec["rank"], spec["kept"] if columns else ["s", "s"])
        head = loops.head()
        reduced = ReducedText(1, spec["reduced"], columns, loops.count)
        head += reduced.head()
        sign, start = ("*", 1) if spec["kind"] == "prod" else ("+", 0)
        acc, at = ("acc[j - first]", "j") if columns else ("acc", "r")
        if columns:
            head.append("acc = block()")
            x, y = (f"a{i}, s{i}" if spec["kept"][i] == "s" else f"a{i}" for i in range(2))
        else:
            x, y = reduced.operand(0), reduced.operand(1)
        lines = [
            f"v = {acc} {sign} value({at}, {x})",
            f"put({at}, {acc if spec['exclusive'] else 'v'}, {y})",
            f"{acc} = v",
        ]
        if columns:
            body = [
                f"after = min(stop, first + {BLOCK})",
                "for k in range(after - first):",
                f"    acc[k] = {word}({start})",
            ]
            inner = ["for j in range(first, after):", *(f"    {line}" for line in lines)]
            body += reduced.loops(["p0", "p1"], inner)
            row = [f"for first in range(c{loops.last}, stop, {BLOCK}):", *(f"    {line}" for line in body)]
        else:
            body = [f"acc = {word}({start})", *reduced.loops(["p0 + j * s0", "p1 + j * s1"], lines)]
            row = [f"for j in range(c{loops.last}, stop):", *(f"    {line}" for line in body)]
        places = spec["kept"] if columns else spec["reduced"]
        value, put = Body((dtype,), (cast(wide(arg(0, dtype)), held),)), Body((held,), (cast(arg(0, held), dtype),))
        imports = ["from numba import types, float64, int64", "from minirt.kernels.cpu.ordered import stack"]
        imports += [
            region_line("value", {"body": encode(value), "args": places[:1], "outs": ["value"], "coords": []}),
            region_line("put", {"body": encode(put), "args": ["value"], "outs": places[1:], "coords": []}),
            f"block = stack(types.{word}, {BLOCK})",
        ]
        return CpuUnit(self.name, function_text(imports, head + loops.rows(row)))


def _along(loops: Split, number: int, operand: Operand, sign: int, place: str) -> list[Arg]:
    """An operand's stride along the one reduced loop, forwards or backwards."""
    step: Dim = mul(loops.reduced.strides[number][-1], sign)
    if loops.columns:
        return [Integer(mul(step, operand.type.dtype.bits // 8))]
    return [Integer(step)] if place == "s" else []
