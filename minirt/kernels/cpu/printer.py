"""The CPU's printer of scalar expressions: a Body as LLVM IR, one element or a vector of them at a time.

Integers keep their width, and wrap.  min and max propagate NaN; integer division truncates toward zero and a divisor of
0 counts as 1; round goes half to even; floats become integers toward zero and saturate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minirt.errors import CompileError
from minirt.ir.scalar import COMPARE, LOGIC, Body, Scalar, postorder
from minirt.kernels.cpu.elementary import FUNCTIONS, power
from minirt.kernels.cpu.lanes import F32, F64, I1, I64, Num, widened
from minirt.kernels.cpu.storage import computed, from_f32, held, to_f32
from minirt.types.dtype import DType, f32

_RELATIONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def emit_body(builder: Any, body: Body, operands: Sequence[Any], coordinates: Mapping[int, Any]) -> list[Any]:
    """LLVM values of the results, for operands as ``load_value`` gives them (bool is one bit).

    Operands may be vectors of one width; constants follow.  ``coordinates`` maps output axes, counted from the end, to
    i64 values.  Raises CompileError for what the CPU has no code for.
    """
    lanes = next((v.type.count for v in operands if hasattr(v.type, "count")), 0)
    made: dict[Scalar, Num] = {}
    for node in postorder(body.results):
        made[node] = _node(builder, node, made, operands, coordinates, lanes)
    return [made[r].value for r in body.results]


def load_value(builder: Any, stored: Any, dtype: DType) -> Any:
    """An element as read from memory, as expressions take it: bool becomes one bit."""
    x = Num(builder, stored)
    return x.is_("!=", 0).value if dtype.is_bool else stored


def store_value(builder: Any, value: Any, dtype: DType) -> Any:
    """A result as it is written to memory."""
    return Num(builder, value).extend(held(dtype)).value if dtype.is_bool else value


def _node(
    builder: Any,
    node: Scalar,
    made: Mapping[Scalar, Num],
    operands: Sequence[Any],
    coordinates: Mapping[int, Any],
    lanes: int,
) -> Num:
    signed = node.dtype.kind != "u"
    if node.fn == "arg":
        assert isinstance(node.value, int)
        return Num(builder, operands[node.value], signed)
    if node.fn == "index":
        assert isinstance(node.value, int)
        return Num(builder, coordinates[node.value])
    if node.fn == "const":
        return _constant(builder, node, lanes)
    values = [made[a] for a in node.args]
    if node.fn == "cast":
        return _cast(values[0], node.args[0].dtype, node.dtype)
    if node.fn in COMPARE:
        return values[0].is_(_RELATIONS[node.fn], values[1])
    if node.fn in LOGIC:
        return _logic(node.fn, values)
    if node.fn == "select":
        return _bit(values[0]).select(values[1], values[2])
    if node.dtype.is_float:
        return _float(node, values)
    out = _boolean(node.fn, values) if node.dtype.is_bool else _integer(node.fn, values, node.dtype)
    return Num(builder, out.value, signed)


def _constant(builder: Any, node: Scalar, lanes: int) -> Num:
    value = node.value if node.value is not None else 0
    kind = computed(node.dtype)
    if node.dtype.is_float and node.dtype.bits < 32:
        narrow = node.dtype.numpy.type(value)
        if node.dtype.name != "f16":
            value = int.from_bytes(narrow.tobytes(), "little")
    like = Num(builder, widened(kind, lanes)(None), node.dtype.kind != "u")
    if node.dtype.is_integer and int(value) >= 1 << (node.dtype.bits - 1):
        value = int(value) - (1 << node.dtype.bits)
    return like.like(value)


def _bit(x: Num) -> Num:
    return x if x.kind == I1 else x.is_("!=", 0)


def _cast(x: Num, source: DType, target: DType) -> Num:
    """x of type ``source`` rounded to ``target``."""
    if source.is_float and source.bits < 32:
        x, source = to_f32(x, source), f32
    if target.is_bool:
        return _bit(x)
    if target.is_float:
        if source.is_bool:
            x = x.extend(I64)
        narrow = target.bits < 32
        x = x.as_float(F32 if narrow or target is f32 else F64)
        return from_f32(x, target) if narrow else x
    signed, kind = target.kind != "u", computed(target)
    if source.is_float:
        return x.as_integer(kind, signed)
    if source.bits > target.bits:
        return Num(x.builder, x.narrow(kind).value, signed)
    if source.bits == target.bits and not source.is_bool:
        return Num(x.builder, x.value, signed)
    wide = x.builder.sext(x.value, x.to(kind)) if source.kind == "i" else x.builder.zext(x.value, x.to(kind))
    return Num(x.builder, wide, signed)


def _logic(fn: str, values: list[Num]) -> Num:
    x = values[0]
    if fn in ("and", "or", "xor", "not"):
        a = _bit(x)
        if fn == "not":
            return a ^ 1
        b = _bit(values[1])
        return a & b if fn == "and" else a | b if fn == "or" else a ^ b
    if not x.is_float:
        return x.like(0, I1)
    if fn == "isnan":
        return x.is_nan()
    if fn == "isinf":
        return x.call("fabs").is_("==", math.inf)
    return x.is_("==", math.inf if fn == "isposinf" else -math.inf)


def _float(node: Scalar, values: list[Num]) -> Num:
    fn, x = node.fn, values[0]
    if fn == "neg":
        return -x
    if fn == "abs":
        return x.call("fabs")
    if fn in FUNCTIONS:
        return FUNCTIONS[fn](x)
    if fn == "sign":
        positive = x.is_(">", 0.0).select(x.like(1.0), x)
        return x.is_("<", 0.0).select(x.like(-1.0), positive)
    if len(values) < 2:
        raise CompileError(f"the CPU has no code for {fn} of {node.dtype}")
    y = values[1]
    if fn == "pow":
        return _power(x, y, node.args[1])
    if fn in ("min", "max"):
        return _extreme(fn, x, y, node.args)
    if fn in _ARITHMETIC:
        return _ARITHMETIC[fn](x, y)
    if fn == "atan2":
        return x.libm("atan2", y)
    if fn == "fmod":
        return x.libm("fmod", y)
    if fn == "mod":
        rest = x.libm("fmod", y)
        other = rest.is_("!=", 0.0) & (rest.is_("<", 0.0) ^ y.is_("<", 0.0))
        return other.select(rest + y, rest.is_("==", 0.0).select(rest.call("copysign", y), rest))
    raise CompileError(f"the CPU has no code for {fn} of {node.dtype}")


_ARITHMETIC: dict[str, Callable[[Num, Num], Num]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
}


def _extreme(fn: str, x: Num, y: Num, nodes: tuple[Scalar, ...]) -> Num:
    """min or max where NaN wins; a constant operand that is a number saves the test for NaN."""
    relation = "<" if fn == "min" else ">"
    for value, node, other in ((x, nodes[0], y), (y, nodes[1], x)):
        if node.fn == "const" and node.value == node.value:
            return value.is_(relation, other).select(value, other)
    return (x.is_(relation, y) | x.is_nan()).select(x, y)


def _power(x: Num, y: Num, exponent: Scalar) -> Num:
    known = exponent.value if exponent.fn == "const" else None
    if known == 2.0:
        return x * x
    if known == 3.0:
        return x * x * x
    if known == 1.0:
        return x
    if known == -1.0:
        return 1.0 / x
    return power(x, y)


def _boolean(fn: str, values: list[Num]) -> Num:
    """Arithmetic of bools, as NumPy has it: add and max are or, mul and min are and."""
    x, y = values[0], values[-1]
    if fn in ("add", "max", "bitor"):
        return x | y
    if fn in ("mul", "min", "bitand"):
        return x & y
    if fn in ("bitxor", "sub"):
        return x ^ y
    if fn == "bitnot":
        return x ^ 1
    if fn in ("abs", "floor", "ceil", "round", "trunc", "sign"):
        return x
    raise CompileError(f"the CPU has no code for {fn} of bool")


def _integer(fn: str, values: list[Num], dtype: DType) -> Num:
    x, y = values[0], values[-1]
    if fn in ("floor", "ceil", "round", "trunc"):
        return x
    if fn == "neg":
        return -x
    if fn == "abs":
        return x.is_("<", 0).select(-x, x) if x.signed else x
    if fn == "sign":
        return x.is_(">", 0).select(x.like(1), x.is_("<", 0).select(x.like(-1), 0))
    if fn == "bitnot":
        return x ^ -1
    if fn in ("div", "mod", "fmod"):
        return _divide(fn, x, y)
    if fn in ("shl", "shr"):
        unsigned = Num(y.builder, y.value, signed=False)
        inside = unsigned.is_("<", dtype.bits)
        by = inside.select(y, 0)
        return inside.select(x << by if fn == "shl" else x >> by, 0)
    if fn == "pow":
        return x.as_float(F64).libm("pow", y.as_float(F64)).as_integer(x.kind, x.signed)
    if fn not in _INTEGER:
        raise CompileError(f"the CPU has no code for {fn} of {dtype}")
    return _INTEGER[fn](x, y)


_INTEGER: dict[str, Callable[[Num, Num], Num]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "min": lambda x, y: x.is_("<", y).select(x, y),
    "max": lambda x, y: x.is_(">", y).select(x, y),
    "bitand": lambda x, y: x & y,
    "bitor": lambda x, y: x | y,
    "bitxor": lambda x, y: x ^ y,
}


def _divide(fn: str, x: Num, y: Num) -> Num:
    """Truncated quotient or remainder; the machine would trap on 0 and on the least number by -1."""
    zero = y.is_("==", 0)
    safe = zero.select(y.like(1), y)
    minus = None
    if x.signed:
        minus = y.is_("==", -1)
        safe = minus.select(y.like(1), safe)
    quotient = x / safe
    rest = x - quotient * safe
    if fn == "div":
        return quotient if minus is None else minus.select(-x, quotient)
    if fn == "mod" and x.signed:
        other = rest.is_("!=", 0) & (rest ^ y).is_("<", 0)
        return other.select(rest + y, rest)
    return rest
