"""Activations: pointwise ops of one operand (PRelu: two)."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.op import apply
from minirt.ir.vocabulary import erf, exp, expm1, log1p, tanh
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import reshaped
from minirt.ops.pointwise import Pointwise
from minirt.types.dtype import FLOATS, NUMBERS


class Relu(Pointwise, onnx="Relu"):
    """max(x, 0)."""

    dtypes = NUMBERS

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return max(x, 0)


class _Activation(Pointwise):
    """Base of activations of floats."""

    dtypes = FLOATS


class LeakyRelu(_Activation, onnx="LeakyRelu"):
    """x where positive, alpha * x elsewhere."""

    alpha: float = 0.01

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x if x > 0.0 else alpha * x


class Sigmoid(_Activation, onnx="Sigmoid"):
    """1 / (1 + exp(-x))."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return 1.0 / (1.0 + exp(-x))


class HardSigmoid(_Activation, onnx="HardSigmoid"):
    """alpha * x + beta, clipped to [0, 1]."""

    alpha: float = 0.2
    beta: float = 0.5

    @staticmethod
    def scalar(x: float, alpha: float, beta: float) -> float:
        """One element."""
        return max(0.0, min(1.0, alpha * x + beta))


class HardSwish(_Activation, onnx="HardSwish"):
    """x * (x / 6 + 1/2 clipped to [0, 1])."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return x * max(0.0, min(1.0, x * (1.0 / 6.0) + 0.5))


class Elu(_Activation, onnx="Elu"):
    """x where positive, alpha * (exp(x) - 1) elsewhere."""

    alpha: float = 1.0

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x if x > 0.0 else alpha * expm1(x)


class Celu(_Activation, onnx="Celu"):
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere."""

    alpha: float = 1.0

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x if x > 0.0 else alpha * expm1(x / alpha)


class Selu(_Activation, onnx="Selu"):
    """gamma times x where positive, gamma * alpha * (exp(x) - 1) elsewhere."""

    alpha: float = 1.67326319217681884765625
    gamma: float = 1.05070102214813232421875

    @staticmethod
    def scalar(x: float, alpha: float, gamma: float) -> float:
        """One element."""
        return gamma * (x if x > 0.0 else alpha * expm1(x))


class Softplus(_Activation, onnx="Softplus"):
    """log(1 + exp(x)), without overflow."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return max(x, 0.0) + log1p(exp(-abs(x)))


class Softsign(_Activation, onnx="Softsign"):
    """x / (1 + |x|)."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return x / (1.0 + abs(x))


class Mish(_Activation, onnx="Mish"):
    """x * tanh(softplus(x))."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return x * tanh(max(x, 0.0) + log1p(exp(-abs(x))))


class Swish(_Activation, onnx="Swish"):
    """x * sigmoid(alpha * x)."""

    alpha: float = 1.0

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x / (1.0 + exp(-(alpha * x)))


class GeluErf(_Activation):
    """x / 2 * (1 + erf(x / sqrt(2)))."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return 0.5 * x * (1.0 + erf(x * 0.7071067811865476))


class GeluTanh(_Activation):
    """The approximation of Gelu by tanh."""

    @staticmethod
    def scalar(x: float) -> float:
        """One element."""
        return 0.5 * x * (1.0 + tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))


class ThresholdedRelu(_Activation, onnx="ThresholdedRelu"):
    """x where above alpha, 0 elsewhere."""

    alpha: float = 1.0

    @staticmethod
    def scalar(x: float, alpha: float) -> float:
        """One element."""
        return x if x > alpha else 0.0


class Shrink(Pointwise, onnx="Shrink"):
    """x moved by bias toward 0 where outside [-lambd, lambd], 0 inside."""

    dtypes = NUMBERS
    lambd: float = 0.5
    bias: float = 0.0

    @staticmethod
    def scalar(x: float, lambd: float, bias: float) -> float:
        """One element."""
        return x + bias if x < -lambd else (x - bias if x > lambd else 0)


class PRelu(Pointwise):
    """x where not negative, slope * x elsewhere."""

    dtypes = NUMBERS

    @staticmethod
    def scalar(x: float, slope: float) -> float:
        """One element."""
        return slope * x if x < 0 else x


@importer("PRelu")
def _prelu(node: OnnxNode) -> Result:
    """Before opset 7 a slope of rank 1 is one number a channel."""
    x, slope = node.input(0), node.input(1)
    if node.opset < 7 and slope.rank == 1 and slope.shape[0] != 1 and x.rank > 2:
        slope = reshaped(slope, (*slope.shape, *(1 for _ in range(x.rank - 2))))
    return apply(PRelu(), x, slope)


@importer("Gelu")
def _gelu(node: OnnxNode) -> Result:
    kinds = {"none": GeluErf, "tanh": GeluTanh}
    approximate = node.attributes.get("approximate", "none")
    if approximate not in kinds:
        raise MinirtError(f"approximate {approximate!r} is not none or tanh")
    return apply(kinds[approximate](), node.input(0))
