"""Arithmetic on numbers: binary and variadic pointwise ops, and the elementary functions."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ir.vocabulary import fmod, pow, sign
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import reshaped
from minirt.ops.pointwise import Pointwise
from minirt.types.dim import Dim
from minirt.types.dtype import INTEGERS, NUMBERS


def aligned(node: OnnxNode) -> tuple[Value, Value]:
    """Both operands; before opset 7 the second one's axes start at the attribute ``axis``, with ``broadcast`` set."""
    a, b = node.input(0), node.input(1)
    if node.opset < 7 and node.attributes.get("broadcast") and "axis" in node.attributes:
        axis = int(node.attributes["axis"])
        tail = a.rank - (axis + a.rank if axis < 0 else axis) - b.rank
        shape: tuple[Dim, ...] = b.shape + (1,) * tail
        b = reshaped(b, shape)
    return a, b


class _Binary(Pointwise):
    """Base of binary ops on numbers."""

    dtypes = NUMBERS

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Result:
        """Both operands."""
        return apply(cls(), *aligned(node))


class Add(_Binary, onnx="Add"):
    """a + b."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return a + b


class Sub(_Binary, onnx="Sub"):
    """a - b."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return a - b


class Mul(_Binary, onnx="Mul"):
    """a * b."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return a * b


class Div(_Binary, onnx="Div"):
    """a / b; integers toward zero."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return a / b


class Pow(_Binary):
    """a to the power b."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return pow(a, b)


class Mod(_Binary):
    """a modulo b, with the sign of b."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return a % b


class Fmod(_Binary):
    """a modulo b, with the sign of a."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return fmod(a, b)


class Min(_Binary):
    """The lesser; NaN if either is."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return min(a, b)


class Max(_Binary):
    """The greater; NaN if either is."""

    @staticmethod
    def scalar(a: float, b: float) -> float:
        """One element."""
        return max(a, b)


class ShiftLeft(_Binary):
    """a shifted left by b bits; 0 for b < 0 and from the type's width on."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(a: int, b: int) -> int:
        """One element."""
        return a << b


class ShiftRight(_Binary):
    """a shifted right by b bits, keeping its sign; only the sign's bits for b < 0 and from the type's width on."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(a: int, b: int) -> float:
        """One element."""
        return a >> b if (1 << b) != 0 else min(sign(a), 0)


class BitwiseAnd(_Binary, onnx="BitwiseAnd"):
    """Bits set in both."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(a: int, b: int) -> int:
        """One element."""
        return a & b


class BitwiseOr(_Binary, onnx="BitwiseOr"):
    """Bits set in either."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(a: int, b: int) -> int:
        """One element."""
        return a | b


class BitwiseXor(_Binary, onnx="BitwiseXor"):
    """Bits set in one only."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(a: int, b: int) -> int:
        """One element."""
        return a ^ b


class BitwiseNot(Pointwise, onnx="BitwiseNot"):
    """All bits flipped."""

    dtypes = INTEGERS

    @staticmethod
    def scalar(x: int) -> int:
        """One element."""
        return ~x


class Neg(Pointwise, onnx="Neg"):
    """-x."""

    dtypes = NUMBERS

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return -x


class Abs(Pointwise, onnx="Abs"):
    """x without its sign."""

    dtypes = NUMBERS

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return abs(x)


class Sign(Pointwise, onnx="Sign"):
    """-1, 0 or 1."""

    dtypes = NUMBERS

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return sign(x)


@importer("Pow")
def _pow(node: OnnxNode) -> Result:
    """The result has the base's type; an integer base of a float exponent is computed as float."""
    base, exponent = aligned(node)
    if base.dtype.is_integer and exponent.dtype.is_float:
        return casted(apply(Pow(), casted(base, exponent.dtype), exponent), base.dtype)
    return apply(Pow(), base, casted(exponent, base.dtype))


@importer("Mod")
def _mod(node: OnnxNode) -> Result:
    kind = Fmod if node.attributes.get("fmod", 0) else Mod
    return apply(kind(), node.input(0), node.input(1))


@importer("BitShift")
def _bit_shift(node: OnnxNode) -> Result:
    kinds = {"LEFT": ShiftLeft, "RIGHT": ShiftRight}
    direction = node.attributes.get("direction")
    if direction not in kinds:
        raise MinirtError(f"direction {direction!r} is not LEFT or RIGHT")
    return apply(kinds[direction](), node.input(0), node.input(1))


def _variadic(kind: type[Pointwise]) -> Callable[[OnnxNode], Value]:
    def build(node: OnnxNode) -> Value:
        values = [node.input(i) for i in range(len(node.inputs))]
        return reduce(lambda a, b: apply(kind(), a, b), values)

    return build


for _name, _kind in {"Sum": Add, "Min": Min, "Max": Max}.items():
    importer(_name)(_variadic(_kind))


@importer("Mean")
def _mean(node: OnnxNode) -> Result:
    total = _variadic(Add)(node)
    return apply(Div(), total, number(len(node.inputs), total.dtype))


@importer("Clip")
def _clip(node: OnnxNode) -> Result:
    """Bounds are attributes before opset 11, then optional operands."""
    x = node.input(0)
    low, high = node.optional(1), node.optional(2)
    if node.opset < 11:
        low = number(node.attributes["min"], x.dtype) if "min" in node.attributes else None
        high = number(node.attributes["max"], x.dtype) if "max" in node.attributes else None
    if low is not None:
        x = apply(Max(), x, low)
    return x if high is None else apply(Min(), x, high)
