"""Loop nests over strided operands: axes merged as far as strides allow, and the text of the loops around a row.

All sizes and strides are run-time arguments; the text depends only on the number of loops and on how each operand moves
along the innermost one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.kernels.kernel import Operand
from minirt.plan.launch import Address, Arg, Integer
from minirt.types.dim import Dim, product

Strides = tuple[Dim, ...]


def same(a: Dim, b: Dim) -> bool:
    """True where two dims are equal for every size."""
    return a is b or a == b


def is_one(value: Dim) -> bool:
    """True for a dim that is 1 for every size."""
    return same(value, 1)


def spread(operand: Operand, shape: Sequence[Dim]) -> Strides:
    """Strides of an operand along the axes of the shape that it broadcasts to: 0 where it repeats."""
    missing = len(shape) - len(operand.shape)
    own = (
        0 if is_one(d) and not is_one(n) else s
        for d, n, s in zip(operand.shape, shape[missing:], operand.strides, strict=True)
    )
    return (0,) * missing + tuple(own)


@dataclass(frozen=True)
class Nest:
    """Loops from outermost to innermost: their extents and each operand's strides.

    ``axes`` are the logical axes that they run along; -1 for merged ones.
    """

    dims: tuple[Dim, ...]
    strides: tuple[Strides, ...]
    axes: tuple[int, ...]

    @property
    def rank(self) -> int:
        """Number of loops; at least 1."""
        return len(self.dims)

    @property
    def size(self) -> Dim:
        """Number of points."""
        return product(self.dims)

    def place(self, operand: int) -> str:
        """How an operand moves along the innermost loop: "1" contiguous, "0" not at all, "s" in strides."""
        step = self.strides[operand][-1]
        return "1" if is_one(step) else "0" if same(step, 0) else "s"


def collapse(
    shape: Sequence[Dim], order: Sequence[int], strides: Sequence[Strides], kept: frozenset[int] = frozenset()
) -> Nest:
    """The loops over ``shape`` with its axes nested in ``order``.

    Axes of size 1 are left out, and neighbours merged where every operand steps through both as through one; axes in
    ``kept`` are not merged.
    """
    dims: list[Dim] = []
    steps: list[list[Dim]] = [[] for _ in strides]
    axes: list[int] = []
    for axis in order:
        n = shape[axis]
        if is_one(n):
            continue
        here = [s[axis] for s in strides]
        whole = [s * n for s in here]
        merges = bool(dims) and not kept & {axis, axes[-1]}
        if merges and all(same(outer[-1], w) for outer, w in zip(steps, whole, strict=True)):
            dims[-1], axes[-1] = dims[-1] * n, -1
            for outer, inner in zip(steps, here, strict=True):
                outer[-1] = inner
            continue
        dims.append(n)
        axes.append(axis)
        for outer, inner in zip(steps, here, strict=True):
            outer.append(inner)
    if not dims:
        return Nest((1,), tuple((1,) for _ in strides), (-1,))
    return Nest(tuple(dims), tuple(tuple(s) for s in steps), tuple(axes))


def operand_args(nest: Nest, number: int, address: Address, itemsize: int) -> list[Arg]:
    """Arguments of one operand: address, strides in bytes of all loops but the innermost.

    Where the operand moves in strides along that one, its stride in elements follows.
    """
    *outer, inner = nest.strides[number]
    args: list[Arg] = [address, *(Integer(s * itemsize) for s in outer)]
    return [*args, Integer(inner)] if nest.place(number) == "s" else args


def nest_args(nest: Nest) -> list[Arg]:
    """The loops' extents, outermost first."""
    return [Integer(d) for d in nest.dims]


class NestText:
    """Lines of kernel text that walk the points [lo, hi) of a nest row by row.

    Inside a row, ``c{rank-1}`` up to ``stop`` are the innermost coordinates, ``c0`` and on the others, and ``p{i}`` is
    the address of operand i's row.
    """

    def __init__(self, rank: int, places: Sequence[str], first: int = 0) -> None:
        self.rank, self.places, self.first = rank, tuple(places), first
        self.last = rank - 1
        self.count = first + rank

    def head(self) -> list[str]:
        """Reads the arguments and goes to the point lo."""
        lines = [f"n{d} = args[{self.first + d}]" for d in range(self.rank)]
        for i, place in enumerate(self.places):
            lines.append(f"p{i} = args[{self.count}]")
            lines += [f"p{i}_{d} = args[{self.count + 1 + d}]" for d in range(self.last)]
            self.count += self.rank
            if place == "s":
                lines.append(f"s{i} = args[{self.count}]")
                self.count += 1
        lines.append("rest = lo")
        for d in range(self.last, 0, -1):
            lines += [f"c{d} = rest % n{d}", f"rest = rest // n{d}"]
        lines.append("c0 = rest")
        for i in range(len(self.places)):
            lines += [f"p{i} += c{d} * p{i}_{d}" for d in range(self.last)]
        return [*lines, "at = lo"]

    def rows(self, row: Sequence[str]) -> list[str]:
        """The loop over rows, with ``row`` inside it."""
        lines = ["while at < hi:", f"    stop = min(n{self.last}, c{self.last} + hi - at)"]
        lines += [f"    {line}" for line in row]
        lines += [f"    at += stop - c{self.last}", f"    c{self.last} = 0"]
        return [*lines, *self._advance()]

    def _advance(self) -> list[str]:
        lines, indent = [], "    "
        for d in range(self.last - 1, -1, -1):
            lines.append(f"{indent}c{d} += 1")
            lines += [f"{indent}p{i} += p{i}_{d}" for i in range(len(self.places))]
            if d:
                lines.append(f"{indent}if c{d} == n{d}:")
                indent += "    "
                lines.append(f"{indent}c{d} = 0")
                lines += [f"{indent}p{i} -= n{d} * p{i}_{d}" for i in range(len(self.places))]
        return lines

    def address(self, operand: int) -> str:
        """What a region's call takes for an operand: the row's address, and the stride where it has one."""
        return f"p{operand}, s{operand}" if self.places[operand] == "s" else f"p{operand}"


def function_text(imports: Sequence[str], lines: Sequence[str]) -> str:
    """A kernel's text from its import lines and its statements."""
    return "\n".join([*imports, "def kernel(lo, hi, args):", *(f"    {line}" for line in lines), ""])
