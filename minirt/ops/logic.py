"""Comparisons, logic on bools, and selection."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ir.vocabulary import isinf, isnan, isneginf, isposinf
from minirt.ops.arithmetic import aligned
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import EVERY
from minirt.ops.pointwise import Elementwise, Pointwise
from minirt.types.dtype import DTYPES, NUMBERS, DType, bool_

_FLOATS = tuple(d for d in DTYPES.values() if d.is_float)


class _Compare(Pointwise):
    """Base of ops from two operands of one type to bool."""

    dtypes = NUMBERS
    result = bool_

    @classmethod
    def from_onnx(cls, node: OnnxNode) -> Result:
        """Both operands."""
        return apply(cls(), *aligned(node))


class Equal(_Compare, onnx="Equal"):
    """a = b."""

    dtypes = EVERY

    @staticmethod
    def scalar(a: float, b: float) -> bool:
        """One element."""
        return a == b


class Less(_Compare, onnx="Less"):
    """a < b."""

    @staticmethod
    def scalar(a: float, b: float) -> bool:
        """One element."""
        return a < b


class LessOrEqual(_Compare, onnx="LessOrEqual"):
    """a <= b."""

    @staticmethod
    def scalar(a: float, b: float) -> bool:
        """One element."""
        return a <= b


class Greater(_Compare, onnx="Greater"):
    """a > b."""

    @staticmethod
    def scalar(a: float, b: float) -> bool:
        """One element."""
        return a > b


class GreaterOrEqual(_Compare, onnx="GreaterOrEqual"):
    """a >= b."""

    @staticmethod
    def scalar(a: float, b: float) -> bool:
        """One element."""
        return a >= b


class And(_Compare, onnx="And"):
    """Both."""

    dtypes = (bool_,)

    @staticmethod
    def scalar(a: bool, b: bool) -> bool:
        """One element."""
        return a and b


class Or(_Compare, onnx="Or"):
    """Either."""

    dtypes = (bool_,)

    @staticmethod
    def scalar(a: bool, b: bool) -> bool:
        """One element."""
        return a or b


class Xor(_Compare, onnx="Xor"):
    """One, not both."""

    dtypes = (bool_,)

    @staticmethod
    def scalar(a: bool, b: bool) -> bool:
        """One element."""
        return a != b


class Not(Pointwise, onnx="Not"):
    """The opposite."""

    dtypes = (bool_,)
    result = bool_

    @staticmethod
    def scalar(x: bool) -> bool:
        """One element."""
        return not x


class IsNaN(Pointwise, onnx="IsNaN"):
    """True for NaN."""

    dtypes = _FLOATS
    result = bool_

    @staticmethod
    def scalar(x: float) -> bool:
        """One element."""
        return isnan(x)


class IsInf(Pointwise):
    """True for both infinities."""

    dtypes = _FLOATS
    result = bool_

    @staticmethod
    def scalar(x: float) -> bool:
        """One element."""
        return isinf(x)


class IsPosInf(Pointwise):
    """True for positive infinity."""

    dtypes = _FLOATS
    result = bool_

    @staticmethod
    def scalar(x: float) -> bool:
        """One element."""
        return isposinf(x)


class IsNegInf(Pointwise):
    """True for negative infinity."""

    dtypes = _FLOATS
    result = bool_

    @staticmethod
    def scalar(x: float) -> bool:
        """One element."""
        return isneginf(x)


class Where(Elementwise):
    """Operand 1 where operand 0 (bool) is true, operand 2 elsewhere."""

    dtypes = (bool_,)

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """The selection."""
        if len(dtypes) != 3 or dtypes[1] is not dtypes[2]:
            raise MinirtError(f"Where takes a bool and two operands of one type, not {', '.join(map(str, dtypes))}")
        condition, a, b = (arg(i, d) for i, d in enumerate(dtypes))
        return Body(dtypes, (cast(call("select", condition, a, b), dtypes[1]),))


def where(condition: Value, a: Value, b: Value) -> Value:
    """a where the condition is true, b elsewhere."""
    return apply(Where(), condition, a, b)


@importer("Where")
def _where(node: OnnxNode) -> Result:
    return where(node.input(0), node.input(1), node.input(2))


@importer("IsInf")
def _is_inf(node: OnnxNode) -> Result:
    x = node.input(0)
    positive, negative = (bool(node.attributes.get(f"detect_{s}", 1)) for s in ("positive", "negative"))
    if not positive and not negative:
        return apply(And(), apply(IsInf(), x), number(False, bool_))
    return apply(IsInf() if positive and negative else IsPosInf() if positive else IsNegInf(), x)
