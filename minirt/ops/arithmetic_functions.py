"""The elementary functions of one floating-point number."""

from __future__ import annotations

from minirt.ir.vocabulary import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    ceil,
    cos,
    cosh,
    erf,
    exp,
    floor,
    log,
    recip,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)
from minirt.ops.pointwise import Pointwise
from minirt.types.dtype import FLOATS


class _Function(Pointwise):
    """Base of functions of one floating-point number."""

    dtypes = FLOATS


class Floor(_Function, onnx="Floor"):
    """The greatest integer <= x."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return floor(x)


class Ceil(_Function, onnx="Ceil"):
    """The least integer >= x."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return ceil(x)


class Round(_Function, onnx="Round"):
    """The nearest integer, halves to even."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return round(x)


class Sqrt(_Function, onnx="Sqrt"):
    """The square root."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return sqrt(x)


class Reciprocal(_Function, onnx="Reciprocal"):
    """1 / x."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return recip(x)


class Exp(_Function, onnx="Exp"):
    """e to the power x."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return exp(x)


class Log(_Function, onnx="Log"):
    """The natural logarithm."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return log(x)


class Erf(_Function, onnx="Erf"):
    """The error function."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return erf(x)


class Sin(_Function, onnx="Sin"):
    """The sine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return sin(x)


class Cos(_Function, onnx="Cos"):
    """The cosine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return cos(x)


class Tan(_Function, onnx="Tan"):
    """The tangent."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return tan(x)


class Asin(_Function, onnx="Asin"):
    """The inverse sine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return asin(x)


class Acos(_Function, onnx="Acos"):
    """The inverse cosine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return acos(x)


class Atan(_Function, onnx="Atan"):
    """The inverse tangent."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return atan(x)


class Sinh(_Function, onnx="Sinh"):
    """The hyperbolic sine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return sinh(x)


class Cosh(_Function, onnx="Cosh"):
    """The hyperbolic cosine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return cosh(x)


class Tanh(_Function, onnx="Tanh"):
    """The hyperbolic tangent."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return tanh(x)


class Asinh(_Function, onnx="Asinh"):
    """The inverse hyperbolic sine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return asinh(x)


class Acosh(_Function, onnx="Acosh"):
    """The inverse hyperbolic cosine."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return acosh(x)


class Atanh(_Function, onnx="Atanh"):
    """The inverse hyperbolic tangent."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return atanh(x)
