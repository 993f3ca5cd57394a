"""Activations and other unary pointwise ops."""

from __future__ import annotations

from minirt.ir.vocabulary import exp
from minirt.ops.pointwise import Pointwise
from minirt.types.dtype import FLOATS


class Relu(Pointwise, onnx="Relu"):
    """max(x, 0)."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return max(x, 0)


class LeakyRelu(Pointwise, onnx="LeakyRelu"):
    """x where positive, alpha * x elsewhere."""

    alpha: float = 0.01

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x if x > 0.0 else alpha * x


class Sigmoid(Pointwise, onnx="Sigmoid"):
    """1 / (1 + exp(-x))."""

    dtypes = FLOATS

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return 1.0 / (1.0 + exp(-x))
