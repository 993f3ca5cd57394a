"""Reductions over any axes, with a pointwise prologue and epilogue; long ones are split over blocks in fixed order."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from minirt.ir.scalar import Body, arg, decode, encode
from minirt.ir.scalar_cuda import cuda_function, index_axes, prints, register_type
from minirt.kernels.cuda.compile import CudaSource
from minirt.kernels.cuda.generate import Generated, Param, Value, kernel_text, storage
from minirt.kernels.cuda.map import Piece
from minirt.kernels.cuda.nest import broadcast_strides
from minirt.kernels.cuda.rows import (
    Rows,
    combine_text,
    coordinate,
    full_shape,
    load_text,
    loop_text,
    rows,
    rows_params,
    rows_per_block,
    rows_values,
    setup_text,
    which,
)
from minirt.kernels.kernel import Problem
from minirt.ops.reduce import Reduce
from minirt.plan.launch import Address, Launch, Launches, Spec
from minirt.types.dim import Dim, ceil, divide, mul, product
from minirt.types.dtype import DType, bool_, dtype_of, i64

_SPLIT_FROM = 2048  # elements of a row below which one block reads it all
_COMBINE = {"sum": "a + b", "mean": "a + b", "prod": "a * b", "max": "greatest(a, b)", "min": "least(a, b)"}


@dataclass(frozen=True)
class Terms:
    """The parts of a reduction: bodies, the accumulator, and every operand over the full shape."""

    source: Body
    finish: Body
    total: DType
    shape: tuple[Dim, ...]
    order: tuple[int, ...]
    sources: tuple[Piece, ...]
    extras: tuple[Piece, ...]
    result: Piece


def _terms(problem: Problem) -> Terms:
    op = problem.op
    assert isinstance(op, Reduce)
    count, dtypes = op.sources(), tuple(o.type.dtype for o in problem.inputs)
    source = op.prologue or Body(dtypes[:1], (arg(0, dtypes[0]),))
    shape = full_shape(problem.inputs[:count])
    main = next((o for o in problem.inputs[:count] if len(o.shape) == len(shape)), problem.inputs[0])
    order = main.type.order if len(main.shape) == len(shape) else tuple(range(len(shape)))
    total = i64 if op.kind == "mean" and source.dtypes[0].is_integer else op.reduced(dtypes)
    result = problem.outputs[0]
    sources = tuple(
        Piece(Address("in", i), o.type.dtype, broadcast_strides(o, shape), o.aligned)
        for i, o in enumerate(problem.inputs[:count])
    )
    extras = tuple(
        Piece(Address("in", i), o.type.dtype, _spread(broadcast_strides(o, result.shape), op, len(shape)), o.aligned)
        for i, o in enumerate(problem.inputs[count:], count)
    )
    out = Piece(Address("out", 0), result.type.dtype, _spread(result.strides, op, len(shape)), result.aligned)
    return Terms(source, op.finish(dtypes), total, shape, order, sources, extras, out)


def _spread(strides: tuple[Dim, ...], op: Reduce, rank: int) -> tuple[Dim, ...]:
    """Strides along the result's axes as strides along the operands': 0 along the reduced ones."""
    kept = iter(s for i, s in enumerate(strides) if not op.keepdims or i not in op.axes)
    return tuple(0 if axis in op.axes else next(kept) for axis in range(rank))


class ReduceRows(Generated):
    """A group or column of threads for each result; partial results and a second launch where rows are few and long."""

    ops = (Reduce,)
    files: ClassVar[tuple[str, ...]] = ("groups.cuh",)

    def rejects(self, problem: Problem) -> str:
        """Types without a register form, or several results."""
        op = problem.op
        assert isinstance(op, Reduce)
        if len(problem.outputs) > 1:
            return "several results are not written"
        dtypes = tuple(o.type.dtype for o in problem.inputs)
        bodies = [b for b in (op.prologue, op.finish(dtypes)) if b is not None]
        return next((reason for b in bodies if (reason := prints(b))), "")

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch, or two with the partial results between them."""
        op, terms = problem.op, _terms(problem)
        assert isinstance(op, Reduce)
        pieces = [*terms.sources, terms.result, *terms.extras]
        read = [axis + len(terms.shape) for axis in index_axes(terms.source)]
        named = _finish_axes(op, terms)
        sealed = [*read, *(axis for axis in named if axis >= 0)]
        made = rows(problem, terms.shape, op.axes, pieces, terms.order, sealed=sealed, how=self.sharing(problem, terms))
        spec: Spec = {**made.spec, "kind": op.kind, "source": encode(terms.source), "total": terms.total.name}
        spec["finish_at"] = _numbered(named, len(read))
        parts = self.parts(problem, made)
        if parts == 1:
            return Launches((self._stage(made, {**spec, "finish": encode(terms.finish)}, terms, made.reduced.total),))
        chunk = mul(ceil(divide(made.reduced.total, parts * 8)), 8)
        first = self._partial(made, {**spec, "finish": None}, terms, parts, chunk)
        kept = [axis for axis in terms.order if axis not in op.axes]
        sizes = [terms.shape[axis] for axis in kept]
        dense = [product(sizes[i + 1 :]) for i in range(len(sizes))]
        partial = Piece(Address("work", 0), terms.total, (product(sizes), *dense))
        others = [
            Piece(p.at, p.dtype, (0, *(p.strides[a] for a in kept)), p.aligned) for p in (terms.result, *terms.extras)
        ]
        joined = Body((terms.total,), (arg(0, terms.total),))
        inner = [kept.index(axis) + 1 for axis in named if axis >= 0]
        again = rows(problem, (parts, *sizes), (0,), [partial, *others], range(len(sizes) + 1), sealed=inner)
        spec = {**again.spec, "kind": op.kind, "source": encode(joined), "total": terms.total.name}
        spec["finish_at"] = _numbered(named, 0)
        left = Terms(joined, terms.finish, terms.total, (), (), (partial,), tuple(others[1:]), others[0])
        second = self._stage(again, {**spec, "finish": encode(terms.finish)}, left, made.reduced.total)
        return Launches((first, second), (mul(made.kept.total, parts * terms.total.bits // 8),))

    def sharing(self, problem: Problem, terms: Terms) -> Spec | None:
        """Who shares what, as ``rows`` takes it; None for its guess."""
        return None

    def block(self, spec: Spec) -> tuple[int, int, int]:
        """Threads of a block."""
        return (spec["threads"], 1, 1)

    def parts(self, problem: Problem, made: Rows) -> int:
        """How many blocks share each row's elements."""
        return _parts(problem, made)

    def _stage(self, made: Rows, spec: Spec, terms: Terms, count: Dim) -> Launch:
        values = {**rows_values(made, _names(spec)), **_pieces(terms), "count": count}
        return self.launched(spec, values, made.grid, self.block(spec))

    def _partial(self, made: Rows, spec: Spec, terms: Terms, parts: int, chunk: Dim) -> Launch:
        values = {**rows_values(made, _names(spec)), **_pieces(terms), "count": 0, "chunk": chunk}
        values["y"] = Address("work", 0)
        return self.launched(spec, values, (made.grid[0], parts, 1))

    def params(self, spec: Spec) -> list[Param]:
        """Addresses, how many elements a mean divides by, the part that a block takes, and the rows' geometry."""
        source = decode(spec["source"])
        out = [Param("ptr", f"x{i}", f"const {storage(d)}") for i, d in enumerate(source.args)]
        total = dtype_of(spec["total"])
        finish = decode(spec["finish"]) if spec["finish"] else Body((total,), (arg(0, total),))
        out += [Param("ptr", f"e{i}", f"const {storage(d)}") for i, d in enumerate(finish.args[1:])]
        out += [Param("ptr", "y", storage(finish.results[0].dtype)), Param("I", "count")]
        out += [] if spec["finish"] else [Param("I", "chunk")]
        return out + rows_params(spec, _names(spec))

    def text(self, spec: Spec) -> CudaSource:
        """Accumulate, combine, finish."""
        source, total = decode(spec["source"]), dtype_of(spec["total"])
        head = cuda_function(source, "prologue")
        if spec["finish"]:
            head += cuda_function(decode(spec["finish"]), "epilogue")
        kind = register_type(total)
        head += combiner(kind, _COMBINE[spec["kind"]])
        body = setup_text(spec, _names(spec)) + self.sums(spec, source, total)
        body += _finish(spec, total) if spec["finish"] else _STORE_PART
        threads = prod(self.block(spec))
        return kernel_text("reduce_rows", self.params(spec), body, threads, spec["wide"], head, self.files)

    def sums(self, spec: Spec, source: Body, total: DType) -> str:
        """Statements that leave ``total``, W numbers, with every thread of a row."""
        kind = register_type(total)
        text = f"{kind} total[W];\nfor (int w = 0; w < W; w++) total[w] = ({kind}){identity(spec['kind'], total)};\n"
        loads, value = value_text(spec, source)
        add = f"total[{which(spec)}] = Combine()(total[{which(spec)}], ({kind}){value});"
        loads += f"#pragma unroll\nfor (int j = 0; j < {spec['vector']}; j++) {add}\n"
        span = () if spec["finish"] else ("begin", "end")
        text += "" if spec["finish"] else _PART
        return text + loop_text(spec, loads, *span) + combine_text(spec, "total", "Combine()")


_PART = "const I begin = (I)blockIdx.y * chunk, end = begin + chunk < length ? begin + chunk : length;\n"
_STORE_PART = "if (ok && part == 0) for (int w = 0; w < W; w++) y[(I)blockIdx.y * rows + row + w] = total[w];\n"


def value_text(spec: Spec, source: Body) -> tuple[str, str]:
    """Loads of the vector at (row, r) of each operand, and the expression of what its element j adds."""
    loads = "".join(
        f"{register_type(d)} v{i}[{spec['vector']}];\n{load_text(spec, spec['modes'][i], f'x{i}', f'v{i}')}"
        for i, d in enumerate(source.args)
    )
    args = [f"v{i}[j]" for i in range(len(source.args))]
    args += [coordinate(spec, number) for number in range(len(index_axes(source)))]
    return loads, f"prologue({', '.join(args)})"


def _finish_axes(op: Reduce, terms: Terms) -> list[int]:
    """The operands' axes whose coordinates the epilogue reads; -1 for a reduced one, where it is 0."""
    outs = [axis for axis in range(len(terms.shape)) if op.keepdims or axis not in op.axes]
    read = [outs[axis + len(outs)] for axis in index_axes(terms.finish)]
    return [-1 if axis in op.axes else axis for axis in read]


def _numbered(named: list[int], first: int) -> list[int]:
    """Where the rows' coordinates hold each axis; -1 for none."""
    places = iter(range(first, first + len(named)))
    return [next(places) if axis >= 0 else -1 for axis in named]


def _parts(problem: Problem, made: Rows) -> int:
    """How many blocks share each row's elements."""
    length = problem.likely(made.reduced.total)
    blocks = -(-problem.likely(made.kept.total) // rows_per_block(made.spec))
    wanted = 2 * problem.target.multiprocessors
    if length < _SPLIT_FROM or blocks >= wanted // 2:
        return 1
    return max(1, min(wanted // max(blocks, 1), length // (_SPLIT_FROM // 2), 256))


def _names(spec: Spec) -> list[str]:
    source = decode(spec["source"])
    extras = len(decode(spec["finish"]).args) - 1 if spec["finish"] else len(spec["modes"]) - len(source.args) - 1
    return [f"x{i}" for i in range(len(source.args))] + ["y"] + [f"e{i}" for i in range(extras)]


def _pieces(terms: Terms) -> dict[str, Value]:
    values: dict[str, Value] = {f"x{i}": p.at for i, p in enumerate(terms.sources)}
    values |= {f"e{i}": p.at for i, p in enumerate(terms.extras)}
    return values | {"y": terms.result.at}


def identity(kind: str, total: DType) -> str:
    """What leaves every number as it is under the reduction."""
    if kind in ("sum", "mean", "prod"):
        return "1" if kind == "prod" else "0"
    low = kind == "max"
    if total is bool_:
        return "false" if low else "true"
    if total.is_float:
        bits = "0xfff0000000000000ll" if low else "0x7ff0000000000000ll"
        return (
            f"__longlong_as_double((i64){bits})"
            if total.bits == 64
            else f"{'-' if low else ''}__uint_as_float(0x7f800000u)"
        )
    if total.kind == "u":
        return "0" if low else f"(u64)0x{2**total.bits - 1:x}ull"
    least = f"(i64)0x{(1 << 64) - (1 << (total.bits - 1)):x}ull"
    return least if low else f"(i64)0x{2 ** (total.bits - 1) - 1:x}ull"


def _finish(spec: Spec, total: DType) -> str:
    finish = decode(spec["finish"])
    last = spec["kept"] - 1
    kind = register_type(finish.args[0])
    mean = "" if spec["kind"] != "mean" else f" / ({'i64' if not total.is_float else kind})count"
    args = [f"({kind})(total[w]{mean})"]
    args += [f"widen(e{i}[b_e{i} + w * e{i}_{last}])" for i in range(len(finish.args) - 1)]
    args += [coordinate(spec, number, "w") if number >= 0 else "(i64)0" for number in spec["finish_at"]]
    put = f"y[b_y + w * y_{last}] = Narrow<{storage(finish.results[0].dtype)}>::of(epilogue({', '.join(args)}));"
    return f"if (ok && part == 0) {{\n#pragma unroll\nfor (int w = 0; w < W; w++) {put}\n}}\n"


def combiner(kind: str, expression: str) -> str:
    """The text of ``Combine``, which gives the expression of a and b."""
    return f"struct Combine {{ DEV {kind} operator()({kind} a, {kind} b) const {{ return {expression}; }} }};\n"
