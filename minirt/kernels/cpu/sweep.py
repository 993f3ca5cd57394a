# mypy: disable-error-code="no-untyped-call, assignment, misc"
"""A loop over the columns of one row, vectorised for certain: what a matrix kernel's epilogue runs in.

`column_sweep(function, operands, out, lanes)` is an intrinsic for kernel text:

    sweep(sums, first, columns, y, (operand, ...), image, group, m, c)

For j < columns it stores function(sums[first + j], e0[j], e1[j], ..., image, group, m, c + j) at y[j]; `function` is
a function of the text, `y` and the operands are addresses of the row's first element, storage types as in
`STORAGE`. An operand (type, False) is read at its address for every column. Numba leaves LLVM to guess, and LLVM
unrolls short loops instead of vectorising them; here the loop carries metadata with the vector width. y may be an
operand's own memory, or memory that no operand shares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import compiler
from numba.core.cpu_options import FastMathOptions
from numba.extending import intrinsic

_WORD, _INDEX = ir.IntType(64), ir.IntType(32)
_HALF = ir.HalfType()
STORAGE: dict[str, tuple[Any, Any]] = {
    "f32": (ir.FloatType(), types.float32), "f64": (ir.DoubleType(), types.float64),
    "f16": (ir.IntType(16), types.float32), "bf16": (ir.IntType(16), types.float32),
    "bool": (ir.IntType(8), types.boolean),
    "i8": (ir.IntType(8), types.int8), "u8": (ir.IntType(8), types.uint8),
    "i16": (ir.IntType(16), types.int16), "u16": (ir.IntType(16), types.uint16),
    "i32": (ir.IntType(32), types.int32), "u32": (ir.IntType(32), types.uint32),
    "i64": (ir.IntType(64), types.int64), "u64": (ir.IntType(64), types.uint64),
}  # fmt: skip
"""Of each storage type: LLVM's type in memory, and Numba's type in the function."""


class _Distinct(ir.values.MDValue):
    """A metadata node that is like no other; with `itself`, its first operand is itself, as a loop's name must be."""

    itself = False

    def descr(self, buf: list[str]) -> None:
        parts = [self.get_reference()] if self.itself else []
        parts += [_reference(op) for op in self.operands]
        buf.append(f"distinct !{{ {', '.join(parts)} }}\n")


def _reference(operand: Any) -> str:
    return str(operand.get_reference())


def _distinct(module: Any, operands: list[Any], itself: bool = False) -> Any:
    node = _Distinct(module, operands, name=str(len(module.metadata)))
    node.itself = itself
    return node


def _property(module: Any, name: str, value: Any) -> Any:
    return module.add_metadata([ir.MetaDataString(module, name), value])


def _mark_loop(module: Any, branch: Any, group: Any, lanes: int) -> None:
    """Say on a loop's back edge: vector width, no interleaving, no unrolling, no dependence between iterations."""
    flag, number = ir.IntType(1), ir.IntType(32)
    operands = [
        _property(module, "llvm.loop.vectorize.enable", flag(1)),
        _property(module, "llvm.loop.vectorize.width", number(lanes)),
        _property(module, "llvm.loop.interleave.count", number(1)),
        _property(module, "llvm.loop.unroll.count", number(1)),
        module.add_metadata([ir.MetaDataString(module, "llvm.loop.parallel_accesses"), group]),
    ]
    if lanes == 16:  # masked vectors are cheap there: no scalar remainder
        operands.append(_property(module, "llvm.loop.vectorize.predicate.enable", flag(1)))
    branch.set_metadata("llvm.loop", _distinct(module, operands, itself=True))


def _widen(builder: Any, dtype: str, bits: Any) -> Any:
    if dtype == "f16":
        return builder.fpext(builder.bitcast(bits, _HALF), ir.FloatType())
    if dtype == "bf16":
        word = ir.IntType(32)
        return builder.bitcast(builder.shl(builder.zext(bits, word), word(16)), ir.FloatType())
    return builder.icmp_unsigned("!=", bits, bits.type(0)) if dtype == "bool" else bits


def _narrow(builder: Any, dtype: str, value: Any) -> Any:
    if dtype == "f16":
        return builder.bitcast(builder.fptrunc(value, _HALF), ir.IntType(16))
    if dtype == "bf16":
        word = ir.IntType(32)
        bits = builder.bitcast(value, word)
        odd = builder.and_(builder.lshr(bits, word(16)), word(1))
        rounded = builder.add(bits, builder.add(odd, word(0x7FFF)))
        quiet = builder.or_(bits, word(0x400000))
        chosen = builder.select(builder.fcmp_unordered("uno", value, value), quiet, rounded)
        return builder.trunc(builder.lshr(chosen, word(16)), ir.IntType(16))
    return value


def column_sweep(
    function: Any, operands: tuple[tuple[str, bool], ...], out: str, lanes: int, fastmath: tuple[str, ...],
    summed: str = "f32",
) -> Any:  # fmt: skip
    """The intrinsic for a function of (sum, operands..., image, group, m, c) that gives what an element of y holds."""
    kinds = [STORAGE[dtype][1] for dtype, _ in operands]
    total = STORAGE[summed][1]
    call = STORAGE[out][1](total, *kinds, types.int64, types.int64, types.int64, types.int64)

    def _typing(
        context: Any, sums: Any, first: Any, columns: Any, y: Any, sources: Any, image: Any, group: Any, m: Any, c: Any
    ) -> Any:
        wide = types.int64
        signature = types.void(
            types.CPointer(total),
            wide,
            wide,
            wide,
            types.UniTuple(wide, max(len(operands), 1)),
            wide,
            wide,
            wide,
            wide,
        )

        def _generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            flags = compiler.Flags()
            flags.error_model, flags.fastmath = "numpy", FastMathOptions(set(fastmath))
            compiled = context.compile_subroutine(builder, function, call, flags=flags, caching=False)

            def _element(numbers: list[Any]) -> Any:
                return context.call_internal_no_propagate(builder, compiled.fndesc, call, numbers)[1]

            _sweep(builder, values, operands, out, lanes, _element)
            return context.get_dummy_value()

        return signature, _generate

    return intrinsic(_typing)


def _sweep(
    builder: Any, values: Any, operands: tuple[tuple[str, bool], ...], out: str, lanes: int,
    element: Callable[[list[Any]], Any],
) -> None:  # fmt: skip
    sums, first, columns, y, sources, *place = values
    module = builder.module
    sums = builder.gep(sums, [first])
    group = _distinct(module, [])

    def _load(pointer: Any, index: Any) -> Any:
        value = builder.load(builder.gep(pointer, [index]))
        value.set_metadata("llvm.access.group", group)
        return value

    pointers = [
        builder.inttoptr(builder.extract_value(sources, i), STORAGE[dtype][0].as_pointer())
        for i, (dtype, _) in enumerate(operands)
    ]
    target = builder.inttoptr(y, STORAGE[out][0].as_pointer())
    before, head, after = builder.block, builder.append_basic_block("sweep"), builder.append_basic_block("swept")
    end = builder.trunc(columns, _INDEX)  # a narrow counter makes a narrow mask
    builder.cbranch(builder.icmp_signed(">", end, _INDEX(0)), head, after)
    builder.position_at_end(head)
    counter = builder.phi(_INDEX)
    counter.add_incoming(_INDEX(0), before)
    j = builder.zext(counter, _WORD)
    numbers = [_load(sums, j)]
    for pointer, (dtype, column) in zip(pointers, operands, strict=True):
        numbers.append(_widen(builder, dtype, _load(pointer, j if column else _WORD(0))))
    image, outer, m, c = place
    result = element([*numbers, image, outer, m, builder.add(c, j)])
    store = builder.store(_narrow(builder, out, result), builder.gep(target, [j]))
    store.set_metadata("llvm.access.group", group)
    following = builder.add(counter, _INDEX(1), flags=["nuw", "nsw"])
    counter.add_incoming(following, builder.block)
    branch = builder.cbranch(builder.icmp_signed("<", following, end), head, after)
    _mark_loop(module, branch, group, lanes)
    builder.position_at_end(after)
