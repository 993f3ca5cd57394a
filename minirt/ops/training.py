"""Importers of ONNX's training ops: one step of an optimiser, tensor by tensor (ai.onnx.preview.training)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Div, Mul, Pow, Sub
from minirt.ops.arithmetic_functions import Sqrt
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.logic import Greater, where
from minirt.types.dtype import f64

_DOMAIN = "ai.onnx.preview.training"


def _times(x: Value, factor: float) -> Value:
    return apply(Mul(), x, number(factor, x.dtype))


def _attribute(node: OnnxNode, name: str, otherwise: float) -> float:
    return float(node.attributes.get(name, otherwise))


def _step(node: OnnxNode, groups: int, update: Callable[..., Sequence[Value]]) -> Result:
    """The update of each tensor of the first group with its fellows of the others; results are grouped alike."""
    count, rest = divmod(len(node.inputs) - 2, groups)
    if rest:
        raise MinirtError(f"{len(node.inputs) - 2} tensors are not {groups} for each one that is optimised")
    made = [update(*(node.input(2 + group * count + i) for group in range(groups))) for i in range(count)]
    return [one[place] for place in range(groups - 1) for one in made]


def _regular(node: OnnxNode, x: Value, gradient: Value) -> Value:
    return apply(Add(), _times(x, _attribute(node, "norm_coefficient", 0)), gradient)


@importer("Adagrad", domain=_DOMAIN)
def _adagrad(node: OnnxNode) -> Result:
    """X - r g / (sqrt(H + g²) + epsilon), where r = R / (1 + T decay)."""
    rate, turn = node.input(0), node.input(1)
    decay = apply(Add(), _times(casted(turn, f64), _attribute(node, "decay_factor", 0)), number(1, f64))

    def update(x: Value, gradient: Value, squares: Value) -> Sequence[Value]:
        scaled = casted(apply(Div(), casted(rate, f64), decay), x.dtype)
        g = _regular(node, x, gradient)
        fresh = apply(Add(), squares, apply(Mul(), g, g))
        below = apply(Add(), apply(Sqrt(), fresh), number(_attribute(node, "epsilon", 1e-6), x.dtype))
        return apply(Sub(), x, apply(Div(), apply(Mul(), scaled, g), below)), fresh

    return _step(node, 3, update)


@importer("Adam", domain=_DOMAIN)
def _adam(node: OnnxNode) -> Result:
    """Running means of gradients and of their squares; their bias is taken out from the second turn on."""
    alpha, beta = _attribute(node, "alpha", 0.9), _attribute(node, "beta", 0.999)
    rate, turn = casted(node.input(0), f64), casted(node.input(1), f64)
    one = number(1, f64)
    above, below = (apply(Sub(), one, apply(Pow(), number(base, f64), turn)) for base in (beta, alpha))
    started = apply(Greater(), turn, number(0, f64))
    unbiased = apply(Div(), apply(Mul(), rate, apply(Sqrt(), above)), where(started, below, one))
    scaled = where(started, unbiased, rate)

    def update(x: Value, gradient: Value, mean: Value, squares: Value) -> Sequence[Value]:
        g = _regular(node, x, gradient)
        mean = apply(Add(), _times(mean, alpha), _times(g, 1 - alpha))
        squares = apply(Add(), _times(squares, beta), _times(apply(Mul(), g, g), 1 - beta))
        under = apply(Add(), apply(Sqrt(), squares), number(_attribute(node, "epsilon", 1e-6), x.dtype))
        fresh = apply(Sub(), x, apply(Div(), apply(Mul(), casted(scaled, x.dtype), mean), under))
        return _times(fresh, 1 - _attribute(node, "norm_coefficient_post", 0)), mean, squares

    return _step(node, 4, update)


@importer("Momentum", domain=_DOMAIN)
def _momentum(node: OnnxNode) -> Result:
    """X - R v, where v = alpha v + beta g (beta is 1 in turn 0); Nesterov's: X - R (g + alpha v)."""
    rate, alpha = node.input(0), _attribute(node, "alpha", 0)
    first = apply(Greater(), casted(node.input(1), f64), number(0, f64))
    beta = where(first, number(_attribute(node, "beta", 0), f64), number(1, f64))

    def update(x: Value, gradient: Value, velocity: Value) -> Sequence[Value]:
        g = _regular(node, x, gradient)
        velocity = apply(Add(), _times(velocity, alpha), apply(Mul(), casted(beta, x.dtype), g))
        nesterov = node.attributes.get("mode", "standard") == "nesterov"
        way = apply(Add(), g, _times(velocity, alpha)) if nesterov else velocity
        return apply(Sub(), x, apply(Mul(), casted(rate, x.dtype), way)), velocity

    return _step(node, 3, update)
