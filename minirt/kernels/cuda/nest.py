"""Loop nests: the axes that a kernel walks over, merged as far as every operand's strides allow.

A kernel numbers the elements of its nest in order, and finds each operand's element from that number: ``coordinates``
prints the division into coordinates, ``offset`` the sum of coordinates times strides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minirt.kernels.kernel import Operand
from minirt.types.dim import Dim, Expr, mul, product

Bounds = Callable[[Dim], tuple[float, float]]
INT_LIMIT = 2**31 - 1


def same(a: Dim, b: Dim) -> bool:
    """True where the two are equal for every size, as far as can be told."""
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


def is_one(size: Dim) -> bool:
    """True for an axis that is known to have one element."""
    return not isinstance(size, Expr) and size == 1


@dataclass(frozen=True)
class Nest:
    """Axes from outermost to innermost: ``sizes[axis]``, ``strides[operand][axis]``, and which axes were merged."""

    sizes: tuple[Dim, ...]
    strides: tuple[tuple[Dim, ...], ...]
    axes: tuple[tuple[int, ...], ...]

    @property
    def rank(self) -> int:
        """Number of axes, at least 1."""
        return len(self.sizes)

    @property
    def total(self) -> Dim:
        """Number of elements."""
        return product(self.sizes)

    def flat(self, operand: int) -> bool:
        """True where the operand's elements lie gapless in the nest's order."""
        step: Dim = 1
        for size, stride in zip(reversed(self.sizes), reversed(self.strides[operand]), strict=True):
            if not same(stride, step):
                return False
            step = mul(step, size)
        return True

    def place(self, axis: int) -> int:
        """Which of the nest's axes holds the original axis alone; -1 where it was dropped (size 1)."""
        for place, axes in enumerate(self.axes):
            if axis in axes:
                assert axes == (axis,), "the axis was merged"
                return place
        return -1

    def wide(self, bounds: Bounds) -> bool:
        """True where some element's number or offset may need more than 32 bits."""
        if bounds(self.total)[1] > INT_LIMIT:
            return True
        return any(self._reach(strides, bounds) > INT_LIMIT for strides in self.strides)

    def _reach(self, strides: tuple[Dim, ...], bounds: Bounds) -> float:
        spans = (bounds(mul(size, stride)) for size, stride in zip(self.sizes, strides, strict=True))
        return sum(max(abs(low), abs(high)) for low, high in spans)


def nest(
    sizes: Sequence[Dim],
    strides: Sequence[Sequence[Dim]],
    order: Sequence[int] | None = None,
    sealed: Sequence[int] = (),
) -> Nest:
    """The nest over axes of these sizes: in ``order`` (outermost first), neighbours merged where every operand allows.

    An axis in ``sealed`` keeps its own coordinate. Axes of size 1 are dropped.
    """
    order = range(len(sizes)) if order is None else order
    merged: list[tuple[Dim, list[Dim], list[int]]] = []
    for axis in order:
        size, steps = sizes[axis], [s[axis] for s in strides]
        if is_one(size):
            continue
        joins = bool(merged) and axis not in sealed and not set(merged[-1][2]) & set(sealed)
        if joins and all(same(outer, mul(step, size)) for outer, step in zip(merged[-1][1], steps, strict=True)):
            merged[-1] = (mul(merged[-1][0], size), steps, [*merged[-1][2], axis])
        else:
            merged.append((size, steps, [axis]))
    if not merged:
        return Nest((1,), tuple((0,) for _ in strides), ((),))
    return Nest(
        tuple(size for size, _, _ in merged),
        tuple(tuple(steps[i] for _, steps, _ in merged) for i in range(len(strides))),
        tuple(tuple(axes) for _, _, axes in merged),
    )


def broadcast_strides(operand: Operand, shape: Sequence[Dim]) -> tuple[Dim, ...]:
    """The operand's strides along the axes of a shape that it broadcasts to (NumPy rules): 0 where it repeats."""
    lead = len(shape) - len(operand.shape)
    pairs = zip(operand.shape, operand.strides, shape[lead:], strict=True)
    repeated: tuple[Dim, ...] = (0,) * lead
    return repeated + tuple(0 if is_one(have) and not is_one(want) else stride for have, stride, want in pairs)


def coordinates(rank: int, number: str, names: str = "c", sizes: str = "n", declare: str = "const I ") -> str:
    """Statements that split the element's number into ``c0`` .. by the sizes ``n1`` .. (``n0`` is not needed)."""
    if rank == 1:
        return f"{declare}{names}0 = {number};\n"
    lines = [f"I q_{names} = {number};\n"]
    for axis in range(rank - 1, 0, -1):
        lines.append(f"{declare}{names}{axis} = q_{names} % {sizes}{axis}; q_{names} /= {sizes}{axis};\n")
    lines.append(f"{declare}{names}0 = q_{names};\n")
    return "".join(lines)


def offset(rank: int, operand: str, names: str = "c", axes: Sequence[int] | None = None) -> str:
    """The operand's offset: coordinates times its strides ``<operand>_0`` .."""
    terms = [f"{names}{axis} * {operand}_{axis}" for axis in (range(rank) if axes is None else axes)]
    return " + ".join(terms) or "0"
