"""What a matrix kernel does with its sums before it stores them, as text for the kernel's source.

An epilogue is a scalar expression over `acc` (the sum: float32, or int32) and `e0`, `e1`, ... (an element of each extra
operand), in the Python that Numba compiles. Numbers in it must be typed (``float32(0.5)``), or Numba computes in
float64. The coordinates of the element are `image`, `group`, `m` (row, or output pixel) and `c` (column, or channel,
of the group).

An operand is an address and strides in elements for image, group and row; along columns it is contiguous (`column`)
or constant. Bias is Operand() with row stride 0, a residual is Operand() with the output's strides, a scale per row
is Operand(column=False).
"""

from __future__ import annotations

from dataclasses import dataclass

from minirt.errors import CompileError

_LOADS = frozenset("f32 f64 f16 bf16 bool i8 u8 i16 u16 i32 u32 i64 u64".split())
_FLOATS = frozenset({"f32", "f16", "bf16"})
_STORES = {
    "f32": _FLOATS | frozenset({"i8", "u8"}),
    "i32": _FLOATS | frozenset("i8 u8 i16 u16 i32 u32".split()),
}
IMPORTS = (
    "import math\n"
    "from numba import float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64\n"
    "from numba import boolean, njit\n"
    "from minirt.kernels.cpu.pointers import f32\n"
    "from minirt.kernels.cpu.sweep import column_sweep\n"
)
"""What the text of an expression may use; the scalar printer's own imports come on top."""


@dataclass(frozen=True)
class Operand:
    """An extra operand of an epilogue: its storage type, and whether it varies along columns."""

    dtype: str = "f32"
    column: bool = True


@dataclass(frozen=True)
class Epilogue:
    """The last step of a matrix kernel; by default the sum itself.

    `lines` are statements run for each element before `result`, an expression of float32, or of an integer `out`;
    `imports` is text put at the head of the source; `out` is the output's storage type, `sums` what is summed in: f32
    or i32.
    """

    operands: tuple[Operand, ...] = ()
    result: str = "acc"
    lines: tuple[str, ...] = ()
    imports: str = ""
    out: str = "f32"
    sums: str = "f32"

    def __post_init__(self) -> None:
        wrong = sorted({o.dtype for o in self.operands} - _LOADS | {self.out} - _STORES[self.sums])
        if wrong:
            raise CompileError(f"no epilogue loads or stores {', '.join(wrong)}", "CPU matrix kernel")


def finish_text(epilogue: Epilogue, fastmath: tuple[str, ...], lanes: int) -> str:
    """Definitions for the head of a source: `finish`, the scalar function, and `sweep`, its loop over a row."""
    names = ", ".join(["acc", *(f"e{k}" for k in range(len(epilogue.operands))), "image", "group", "m", "c"])
    lines = "".join(f"    {line}\n" for line in (*epilogue.lines, f"return {epilogue.result}"))
    operands = tuple((o.dtype, o.column) for o in epilogue.operands)
    return (
        f"{epilogue.imports}\ndef finish({names}):\n{lines}"
        f"sweep = column_sweep(finish, {operands!r}, {epilogue.out!r}, {lanes}, {fastmath!r}, {epilogue.sums!r})\n"
    )


def start_text(epilogue: Epilogue, first: int, indent: int) -> str:
    """Statements that find where the image's and group's part of the output and of each operand starts."""
    lines = []
    for k, operand in enumerate((Operand(epilogue.out), *epilogue.operands)):
        at, size = first + 4 * k, _SIZES[operand.dtype]
        lines.append(f"base{k} = args[{at}] + {size} * (image * args[{at + 1}] + group * args[{at + 2}])")
        lines.append(f"step{k} = {size} * args[{at + 3}]")
    return "".join(" " * indent + line + "\n" for line in lines)


def store_text(epilogue: Epilogue, width: int, indent: int) -> str:
    """Statements that finish and store the `count` rows of `tile`, after those of `start_text`.

    They use the names tile, count, m0, c0 (the tile's first row and column), columns (its valid columns), image, group.
    """
    lines = []
    for k, operand in enumerate((Operand(epilogue.out), *epilogue.operands)):
        lines.append(f"place{k} = base{k} + m0 * step{k}" + f" + {_SIZES[operand.dtype]} * c0" * operand.column)
    sources = "".join(f"place{k + 1}, " for k in range(len(epilogue.operands))) or "int64(0),"
    lines += ["for t in range(count):"]
    lines += [f"    sweep(tile, t * {width}, columns, place0, ({sources}), image, group, m0 + t, c0)"]
    lines += [f"    place{k} += step{k}" for k in range(len(epilogue.operands) + 1)]
    return "".join(" " * indent + line + "\n" for line in lines)


_SIZES = {
    "f32": 4, "f64": 8, "f16": 2, "bf16": 2, "bool": 1, "i8": 1, "u8": 1, "i16": 2, "u16": 2, "i32": 4, "u32": 4,
    "i64": 8, "u64": 8,
}  # fmt: skip
