"""Arithmetic on LLVM values with Python's operators: one element, or a vector of them.

Floating-point operations may be contracted into fused multiply-adds, and nothing else: no flag that would lose a NaN,
an infinity or the order of a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llvmlite import ir

F16, F32, F64 = ir.HalfType(), ir.FloatType(), ir.DoubleType()
I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
_FLAGS = ("contract",)
_SUFFIX = {"half": "f16", "float": "f32", "double": "f64"}


def widened(kind: Any, lanes: int) -> Any:
    """The LLVM type of ``lanes`` elements of a scalar type; the scalar type itself for 0."""
    return ir.VectorType(kind, lanes) if lanes else kind


class Num:
    """A value and the builder that makes more of them; numbers met by an operator become constants of its type."""

    __slots__ = ("builder", "signed", "value")

    def __init__(self, builder: Any, value: Any, signed: bool = True) -> None:
        self.builder, self.value, self.signed = builder, value, signed

    @property
    def lanes(self) -> int:
        """Elements of a vector; 0 for a scalar."""
        return self.value.type.count if isinstance(self.value.type, ir.VectorType) else 0

    @property
    def kind(self) -> Any:
        """The LLVM type of one element."""
        return self.value.type.element if self.lanes else self.value.type

    @property
    def is_float(self) -> bool:
        """True for half, float and double."""
        return not isinstance(self.kind, ir.IntType)

    def like(self, value: Any, kind: Any = None) -> Num:
        """A constant of this value's width, or of another element type."""
        kind = kind or self.kind
        number: Any = float(value) if not isinstance(kind, ir.IntType) else int(value)
        one = ir.Constant(kind, number)
        return self.of(ir.Constant(widened(kind, self.lanes), [one] * self.lanes) if self.lanes else one)

    def of(self, value: Any) -> Num:
        """Another LLVM value under the same builder and signedness."""
        return Num(self.builder, value, self.signed)

    def to(self, kind: Any) -> Any:
        """This width of another element type."""
        return widened(kind, self.lanes)

    def _pair(self, other: Any) -> tuple[Any, Any]:
        return self.value, (other if isinstance(other, Num) else self.like(other)).value

    def _op(self, other: Any, floating: str, integer: str) -> Num:
        a, b = self._pair(other)
        if self.is_float:
            return self.of(getattr(self.builder, floating)(a, b, flags=_FLAGS))
        return self.of(getattr(self.builder, integer)(a, b))

    def __add__(self, other: Any) -> Num:
        return self._op(other, "fadd", "add")

    def __sub__(self, other: Any) -> Num:
        return self._op(other, "fsub", "sub")

    def __mul__(self, other: Any) -> Num:
        return self._op(other, "fmul", "mul")

    def __truediv__(self, other: Any) -> Num:
        return self._op(other, "fdiv", "sdiv" if self.signed else "udiv")

    def __radd__(self, other: float) -> Num:
        return self + other

    def __rmul__(self, other: float) -> Num:
        return self * other

    def __rsub__(self, other: float) -> Num:
        return self.like(other) - self

    def __rtruediv__(self, other: float) -> Num:
        return self.like(other) / self

    def __neg__(self) -> Num:
        if self.is_float:
            return self.of(self.builder.fneg(self.value, flags=_FLAGS))
        return self.like(0) - self

    def __and__(self, other: Any) -> Num:
        return self.of(self.builder.and_(*self._pair(other)))

    def __or__(self, other: Any) -> Num:
        return self.of(self.builder.or_(*self._pair(other)))

    def __xor__(self, other: Any) -> Num:
        return self.of(self.builder.xor(*self._pair(other)))

    def __lshift__(self, other: Any) -> Num:
        return self.of(self.builder.shl(*self._pair(other)))

    def __rshift__(self, other: Any) -> Num:
        return self.of((self.builder.ashr if self.signed else self.builder.lshr)(*self._pair(other)))

    def is_(self, relation: str, other: Any) -> Num:
        """A comparison (``<``, ``<=``, ``>``, ``>=``, ``==``, ``!=``) as bits; false with NaN, but ``!=`` true."""
        a, b = self._pair(other)
        if self.is_float:
            compare = self.builder.fcmp_unordered if relation == "!=" else self.builder.fcmp_ordered
        else:
            compare = self.builder.icmp_signed if self.signed else self.builder.icmp_unsigned
        return self.of(compare(relation, a, b))

    def is_nan(self) -> Num:
        """True where a float is not a number."""
        return self.of(self.builder.fcmp_unordered("uno", self.value, self.value))

    def select(self, yes: Num, no: Any) -> Num:
        """``yes`` where this bit is set, else ``no``."""
        return yes.of(self.builder.select(self.value, yes.value, (no if isinstance(no, Num) else yes.like(no)).value))

    def at_least(self, low: float) -> Num:
        """max with a number; NaN stays NaN."""
        return self.is_("<", low).select(self.like(low), self)

    def at_most(self, high: float) -> Num:
        """min with a number; NaN stays NaN."""
        return self.is_(">", high).select(self.like(high), self)

    def bits(self, kind: Any) -> Num:
        """The same bits as another type of the same width."""
        return self.of(self.builder.bitcast(self.value, self.to(kind)))

    def extend(self, kind: Any) -> Num:
        """Zero-extended to a wider integer type."""
        return self.of(self.builder.zext(self.value, self.to(kind)))

    def narrow(self, kind: Any) -> Num:
        """The low bits as a narrower integer type."""
        return self.of(self.builder.trunc(self.value, self.to(kind)))

    def as_float(self, kind: Any) -> Num:
        """A float, or an integer of this signedness, as float type ``kind``."""
        target = self.to(kind)
        if not self.is_float:
            return self.of((self.builder.sitofp if self.signed else self.builder.uitofp)(self.value, target))
        if self.kind == kind:
            return self
        order = [F16, F32, F64]
        wider = order.index(kind) > order.index(self.kind)
        return self.of((self.builder.fpext if wider else self.builder.fptrunc)(self.value, target))

    def as_integer(self, kind: Any, signed: bool = True) -> Num:
        """A float as an integer, toward zero, saturating; NaN is 0.

        By bounds and a plain conversion: LLVM takes vectors apart for its saturating ones.
        """
        low, high = (-(2 ** (kind.width - 1)), 2 ** (kind.width - 1) - 1) if signed else (0, 2**kind.width - 1)
        digits = 24 if self.kind == F32 else 53
        most = high if high < 1 << digits else high + 1 - (1 << (high.bit_length() - digits))  # the last float below
        inside = self.is_nan().select(self.like(0.0), self).at_least(low).at_most(most)
        wide = kind if kind.width > 16 else I32
        convert = self.builder.fptosi if signed or kind.width <= 16 else self.builder.fptoui
        out = Num(self.builder, convert(inside.value, self.to(wide)), signed)
        if kind.width <= 16:
            return Num(self.builder, out.narrow(kind).value, signed)
        return out if most == high else self.is_(">", most).select(out.like(high if signed else -1), out)

    def call(self, name: str, *others: Num) -> Num:
        """An LLVM intrinsic of floats of one type: ``sqrt``, ``fabs``, ``floor``, ``copysign``, ..."""
        full = f"llvm.{name}.{self._suffix()}"
        return self.of(self._intrinsic(full, self.value.type, [self.value, *(o.value for o in others)]))

    def libm(self, name: str, *others: Num) -> Num:
        """A function of the C library, element by element."""
        full = name + ("f" if self.kind == F32 else "")
        operands = [self.value, *(o.value for o in others)]
        if not self.lanes:
            return self.of(self._intrinsic(full, self.kind, operands))
        out = ir.Constant(self.value.type, ir.Undefined)
        for lane in range(self.lanes):
            place = ir.Constant(I32, lane)
            parts = [self.builder.extract_element(v, place) for v in operands]
            out = self.builder.insert_element(out, self._intrinsic(full, self.kind, parts), place)
        return self.of(out)

    def _suffix(self, kind: Any = None) -> str:
        kind = kind or self.kind
        name = f"i{kind.width}" if isinstance(kind, ir.IntType) else _SUFFIX[str(kind)]
        return f"v{self.lanes}{name}" if self.lanes else name

    def _intrinsic(self, name: str, result: Any, operands: Sequence[Any]) -> Any:
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            function = ir.Function(module, ir.FunctionType(result, [v.type for v in operands]), name)
            function.attributes.add("nounwind")
            if not name.startswith("llvm."):
                function.attributes.add("readnone")
        return self.builder.call(function, operands)


def polynomial(x: Num, coefficients: Sequence[float]) -> Num:
    """Horner's scheme, highest power first."""
    total = x.like(coefficients[0])
    for c in coefficients[1:]:
        total = total * x + c
    return total
