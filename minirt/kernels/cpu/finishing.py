"""Epilogues of ops as epilogues of matrix and window kernels: the body, and how its extra operands move."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minirt.ir.scalar import Body, Scalar, arg, cast, decode, encode, rebuild, uses_index
from minirt.kernels.cpu.constants import constants_launch, lift
from minirt.kernels.cpu.epilogue import Epilogue
from minirt.kernels.cpu.epilogue import Operand as Extra
from minirt.kernels.cpu.nest import Strides, same
from minirt.kernels.cpu.pointwise import region_line, unsupported
from minirt.plan.launch import Address, Arg, Integer, Launch, Spec
from minirt.types.dim import Dim
from minirt.types.dtype import DType, f32, i32

Moves = tuple[Strides, ...]
"""An extra operand's strides along (image, group, row, column)."""

_SMALL = ("f32", "f16", "bf16", "i8", "u8")
_STORED = {"f32": _SMALL, "i32": (*_SMALL, "i16", "u16", "i32", "u32")}


def unfinished(body: Body, sums: DType = f32) -> str:
    """Why a matrix kernel whose sums are float32 (or int32) cannot run this epilogue; "" where it can."""
    if len(body.results) != 1:
        return "an epilogue of several results is not taken"
    if body.args[0] is not sums:
        return f"sums of {body.args[0]} are not taken"
    if body.dtypes[0].name not in _STORED[sums.name]:
        return f"results of {body.dtypes[0]} are not stored"
    if uses_index(body.results):
        return "an epilogue that reads coordinates is not taken"
    return unsupported(body.args)


def unmoved(moves: Moves) -> str:
    """Why extra operands that move like this cannot be read; "" where they can."""
    wrong = [m for m in moves if not (same(m[3], 1) or same(m[3], 0))]
    return "an extra operand is neither contiguous nor constant along columns" if wrong else ""


@dataclass(frozen=True)
class Finish:
    """An epilogue as a kernel takes it: what its spec keeps, and the arguments of its operands."""

    spec: Spec
    args: tuple[Arg, ...]


def finish_with(body: Body, moves: Moves, first: int, steps: list[Launch], work: list[Dim]) -> Finish:
    """The epilogue over inputs from ``first`` on.

    Constants are operands too: a launch that writes them is added to ``steps``, and room for them to ``work``.
    """
    lifted, values = lift(body, (f32, i32))
    args: list[Arg] = []
    for i, move in enumerate(moves):
        args += moved_args(Address("in", first + i), move)
    if values:
        work.append(4 * len(values))
        place = Address("work", len(work) - 1)
        steps.append(constants_launch(values, place))
        for i in range(len(values)):
            args += moved_args(replace(place, offset=4 * i), (0, 0, 0))
    columns = [same(m[3], 1) for m in moves] + [False] * len(values)
    return Finish({"body": encode(lifted), "columns": columns}, tuple(args))


def epilogue_of(spec: Spec) -> Epilogue:
    """The kernel's epilogue; operands and result are widened and rounded by its loads and stores."""
    body = decode(spec["body"])
    wide = tuple(d.compute for d in body.args)

    def leaf(node: Scalar) -> Scalar:
        return arg(int(node.value or 0), wide[int(node.value or 0)]) if node.fn == "arg" else node

    def widened(root: Scalar) -> Scalar:
        (made,) = rebuild((root,), leaf)
        return made.args[0] if made.fn == "cast" and made.dtype.bits < 32 and made.args[0].dtype is f32 else made

    out, sums = body.dtypes[0], body.args[0].name
    result = cast(widened(body.results[0]), f32) if out.is_float else rebuild(body.results, leaf)[0]
    operands = tuple(Extra(d.name, column) for d, column in zip(body.args[1:], spec["columns"], strict=True))
    if result.fn == "arg" and result.value == 0 and not operands:
        return Epilogue(out=out.name, sums=sums)
    text = {"body": encode(Body(wide, (result,))), "args": ["value"] * len(wide), "outs": ["value"], "coords": []}
    call = ", ".join(["int64(0)", "acc", *(f"e{i}" for i in range(len(operands)))])
    return Epilogue(operands, f"body({call})", (), region_line("body", text) + "\n", out.name, sums)


def moved_args(address: Address, move: Strides) -> list[Arg]:
    """Address and strides for image, group and row."""
    return [address, *(Integer(s) for s in move[:3])]
