"""Matrix products and convolutions brought to one form: sizes and strides by the names of the kernels' arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minirt.ir.scalar import Body, encode
from minirt.ir.scalar_cuda import index_axes, prints
from minirt.kernels.cuda.nest import broadcast_strides, is_one, same
from minirt.kernels.kernel import Operand, Problem
from minirt.ops.epilogue import Accumulates
from minirt.ops.gemm import Gemm
from minirt.ops.row_gemm import RowGemm
from minirt.plan.launch import Address
from minirt.types.dim import Dim, Expr, mul, product

MATRIX_DTYPES = ("f16", "bf16", "f32")


@dataclass(frozen=True)
class Place:
    """Strides in elements of the result or of an extra operand, by the kernel's coordinates."""

    b0: Dim
    b1: Dim
    m: tuple[Dim, Dim, Dim]
    n: Dim
    bits: int
    aligned: bool

    @property
    def rows(self) -> tuple[Dim, ...]:
        """All strides but the one along n."""
        return (self.b0, self.b1, *self.m)

    def mode(self, problem: Problem, n: Dim) -> int:
        """How it runs along n: 0 one value, 1 vectors of 16 bytes, 2 one by one, 3 as 1 but the same in every row."""
        if same(self.n, 0):
            return 0
        each = max(1, 128 // self.bits)
        whole = self.aligned and same(self.n, 1) and problem.divisible(n, 8)
        if not whole or not all(problem.divisible(s, each) for s in self.rows):
            return 2
        return 3 if all(same(s, 0) for s in self.rows) else 1


@dataclass(frozen=True)
class Form:
    """One problem: ``sizes`` and strides of a and b by argument name, places of the result and the extra operands."""

    sizes: Mapping[str, Dim]
    a: Mapping[str, Dim]
    b: Mapping[str, Dim]
    c: Place
    extras: tuple[Place, ...]
    rows: tuple[Dim, Dim, Dim]
    index: tuple[str, ...]
    body: Body
    image: Mapping[str, Dim] = field(default_factory=dict)
    first: int = 2
    """Which operand is the first of ``extras``."""

    @property
    def split_m(self) -> bool:
        """True where rows stand for several axes whose strides do not join."""
        return not (same(self.rows[0], 1) and same(self.rows[1], 1))

    def fields(self, problem: Problem) -> dict[str, Any]:
        """The spec's fields that describe types and epilogue."""
        n = self.sizes["n"]
        return {
            "dtype": problem.inputs[0].type.dtype.name, "body": encode(self.body),
            "modes": [e.mode(problem, n) for e in self.extras], "out": 1 if self.c.mode(problem, n) in (1, 3) else 2,
            "batched": not (is_one(self.sizes["nb0"]) and is_one(self.sizes["nb1"])),
            "split_m": self.split_m, "index": list(self.index),
        }  # fmt: skip

    def values(self) -> dict[str, Dim | Address]:
        """Arguments by name, but for the addresses of a and b."""
        found: dict[str, Dim | Address] = {**self.sizes, **self.image, "m1": self.rows[1], "m2": self.rows[2]}
        found |= {f"a_{key}": value for key, value in self.a.items()}
        found |= {f"b_{key}": value for key, value in self.b.items()}
        places = {"c": (Address("out", 0), self.c)}
        places |= {f"e{i}": (Address("in", self.first + i), place) for i, place in enumerate(self.extras)}
        for name, (address, place) in places.items():
            found |= {name: address, f"{name}_b0": place.b0, f"{name}_b1": place.b1, f"{name}_n": place.n}
            found |= {f"{name}_m{i}": stride for i, stride in enumerate(place.m)}
        return found


def body_of(problem: Problem) -> Body:
    """The epilogue, written out."""
    op = problem.op
    assert isinstance(op, Accumulates)
    return op.body(problem.inputs[0].type.dtype)


def extras_of(problem: Problem) -> Sequence[Operand]:
    """The operands that a product's epilogue reads."""
    op = problem.op
    return op.parts(problem.inputs)[1] if isinstance(op, RowGemm) else problem.inputs[2:]


def _first(problem: Problem) -> int:
    return 1 + problem.op.sums if isinstance(problem.op, RowGemm) else 2


def epilogue_refusal(problem: Problem) -> str:
    """Why the epilogue cannot be part of a matrix kernel; "" where it can."""
    body = body_of(problem)
    if len(body.results) != 1:
        return f"its epilogue has {len(body.results)} results"
    return prints(body)


@dataclass
class _Axis:
    """An axis of the result while axes are joined: size, strides of every operand, its place counted from the end."""

    size: Dim
    strides: list[Dim]
    axis: int
    sealed: bool


def _join(axes: Sequence[_Axis]) -> list[_Axis]:
    """Neighbouring axes joined where every operand's strides allow."""
    out: list[_Axis] = []
    for axis in axes:
        last = out[-1] if out else None
        if last and not last.sealed and not axis.sealed and all(
            same(outer, mul(inner, axis.size)) for outer, inner in zip(last.strides, axis.strides, strict=True)
        ):  # fmt: skip
            out[-1] = _Axis(mul(last.size, axis.size), axis.strides, axis.axis, False)
        else:
            out.append(axis)
    return out


def _matrix_strides(operand: Operand, batch: Sequence[Dim], transposed: bool) -> tuple[list[Dim], Dim, Dim]:
    """Strides along the batch axes, rows and columns; an axis of size 1 has stride 0, which no kernel multiplies by."""
    strides = broadcast_strides(operand, (*batch, *operand.shape[-2:]))
    row, column = (0 if is_one(d) else s for d, s in zip(operand.shape[-2:], strides[-2:], strict=True))
    return list(strides[:-2]), *((column, row) if transposed else (row, column))


def gemm_form(problem: Problem) -> Form | str:
    """The form of a product, or why it has none.

    Batch axes that b does not have become rows where a's rows go on evenly, so that one large product remains.
    """
    op = problem.op
    assert isinstance(op, Gemm | RowGemm)
    out, a, b = problem.outputs[0], *problem.inputs[:2]
    shape, extras, body = out.shape, extras_of(problem), body_of(problem)
    a_batch, a_m, a_k = _matrix_strides(a, shape[:-2], op.trans_a)
    b_batch, b_k, b_n = _matrix_strides(b, shape[:-2], op.trans_b)
    lengths = (a.shape[-2] if op.trans_a else a.shape[-1], b.shape[-1] if op.trans_b else b.shape[-2])
    k = next((n for n in lengths if not isinstance(n, Expr)), lengths[0])  # one may be known by the other alone
    places = [out.strides, *(broadcast_strides(e, shape) for e in extras)]
    read = {axis + len(shape) for axis in index_axes(body)}
    axes = [
        _Axis(shape[i], [a_batch[i], b_batch[i], *(p[i] for p in places)], i, i in read)
        for i in range(len(shape) - 2)
        if not is_one(shape[i])
    ]
    rows = [_Axis(shape[-2], [a_m, 0, *(p[-2] for p in places)], len(shape) - 2, len(shape) - 2 in read)]
    if is_one(shape[-2]):
        rows = []
    while axes and same(axes[-1].strides[1], 0):
        even = not rows or same(axes[-1].strides[0], mul(rows[0].strides[0], rows[0].size))
        joined = _join([axes[-1], *rows])
        if not even or len(joined) > 3:
            break
        rows, axes = joined, axes[:-1]
    batch = _join(axes)
    if len(batch) > 2:
        return f"{len(batch)} batch axes remain after joining"
    return _gemm_form(problem, batch, rows, {"m": a_m, "k": a_k}, {"n": b_n, "k": b_k}, places, body, k)


def _gemm_form(
    problem: Problem, batch: list[_Axis], rows: list[_Axis], a: dict[str, Dim], b: dict[str, Dim],
    places: Sequence[Sequence[Dim]], body: Body, k: Dim,
) -> Form:  # fmt: skip
    shape, operands = problem.outputs[0].shape, [problem.outputs[0], *extras_of(problem)]
    none = _Axis(1, [0] * (2 + len(places)), -1, False)
    b0, b1 = [none] * (2 - len(batch)) + batch
    q = [none] * (3 - len(rows)) + rows
    a = {"b0": b0.strides[0], "b1": b1.strides[0], "m": q[2].strides[0], "k": a["k"]}
    b = {"b0": b0.strides[1], "b1": b1.strides[1], **b}
    found = [
        Place(
            b0.strides[i],
            b1.strides[i],
            (q[0].strides[i], q[1].strides[i], q[2].strides[i]),
            p[-1],
            o.type.dtype.bits,
            o.aligned,
        )
        for i, (p, o) in enumerate(zip(places, operands, strict=True), 2)
    ]
    names = {"b0": b0, "b1": b1, "q0": q[0], "q1": q[1], "q2": q[2]}
    tokens = {axis.axis: name for name, axis in names.items()} | {len(shape) - 1: "n"}
    index = tuple(tokens.get(axis + len(shape), "0") for axis in index_axes(body))
    sizes = {
        "m": product([x.size for x in q]), "n": shape[-1], "k": k, "nb0": b0.size, "nb1": b1.size,
    }  # fmt: skip
    size = (q[0].size, q[1].size, q[2].size)
    return Form(sizes, a, b, found[0], tuple(found[1:]), size, index, body, {}, _first(problem))


def vector(problem: Problem, operand: Operand, strides: Sequence[Dim], packed: bool = False) -> int:
    """Elements that one copy of an operand may take: 16 bytes' worth where all strides allow, else fewer."""
    most = 128 // operand.type.dtype.bits
    if not (operand.aligned or packed):
        return 1
    wide = (v for v in (most, most // 2, most // 4) if v > 1 and all(problem.divisible(s, v) for s in strides))
    return next(wide, 1)
