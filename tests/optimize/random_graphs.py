"""Random typed graphs, from a list of numbers that hypothesis draws: every op takes whatever fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.activation import LeakyRelu, Relu, Sigmoid
from minirt.ops.arithmetic import Add, Div, Max, Mul, Neg, Sub
from minirt.ops.arithmetic_functions import Erf, Exp, Tanh
from minirt.ops.cast import Cast
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Expand, Iota, Reshape, Slice, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import Array, f32
from minirt.types.tensor import Tensor

SHAPES: tuple[tuple[Dim, ...], ...] = ((symbol("N"), 6, 5, 5), (symbol("N"), 6), (6,), (1, 6, 1, 1))
SIZES = {"N": 3}


class Maker:
    """Grows a graph: ``draw(n)`` gives a number below n."""

    def __init__(self, draw: Callable[[int], int]) -> None:
        self.draw = draw
        self.rng = np.random.default_rng(draw(1 << 16))
        self.inputs = [apply(Input(f"x{i}", Tensor(f32, s))) for i, s in enumerate(SHAPES[:2])]
        self.values: list[Value] = list(self.inputs)

    def pick(self, fits: Callable[[Value], bool] = lambda v: True) -> Value | None:
        """One of the values made so far that fits; later ones more often."""
        found = [v for v in self.values if fits(v)]
        if not found:
            return None
        return found[max(self.draw(len(found)), self.draw(len(found)))]

    def numbers(self, *shape: int) -> Value:
        """A constant of few bits, so that folding two into one is exact in float32."""
        return constant(self.rng.integers(-40, 41, size=shape) / 32 + 1 / 64, f32)

    def step(self) -> None:
        """Add one op."""
        steps = (
            self.unary,
            self.binary,
            self.constant_operand,
            self.move,
            self.reduce,
            self.product,
            self.convolve,
            self.rows,
            self.siblings,
        )
        made = steps[self.draw(len(steps))]()
        if made is not None:
            self.values.append(made)

    def unary(self) -> Value | None:
        x = self.pick()
        ops = (Relu(), Sigmoid(), Tanh(), Erf(), Neg(), LeakyRelu(0.3), Cast(f32))
        return None if x is None else apply(ops[self.draw(len(ops))], x)

    def binary(self) -> Value | None:
        x = self.pick()
        y = self.pick(lambda v: x is not None and v.shape == x.shape)
        ops = (Add(), Mul(), Sub(), Max())
        return None if x is None or y is None else apply(ops[self.draw(len(ops))], x, y)

    def constant_operand(self) -> Value | None:
        x = self.pick(lambda v: v.rank >= 1)
        if x is None:
            return None
        last = x.shape[-1]
        y = self.numbers() if self.draw(2) or not isinstance(last, int) else self.numbers(last)
        ops = (Add(), Mul(), Sub())
        return apply(ops[self.draw(3)], *((x, y) if self.draw(2) else (y, x)))

    def move(self) -> Value | None:
        x = self.pick(lambda v: v.rank >= 2)
        if x is None:
            return None
        kind = self.draw(5)
        if kind == 0:
            return apply(Transpose(tuple(reversed(range(x.rank)))), x)
        if kind == 1:
            return apply(Reshape((x.tensor.size,)), x)
        if kind == 2:
            return apply(Concat(x.rank - 1), x, x) if isinstance(x.shape[-1], int) and x.shape[-1] < 20 else None
        if kind == 3 and isinstance(x.shape[-1], int) and x.shape[-1] > 2:
            sizes = (*x.shape[:-1], x.shape[-1] - 2)
            return apply(Slice((0,) * (x.rank - 1) + (1,), sizes, (1,) * x.rank), x)
        return apply(Add(), x, apply(Expand(x.shape), self.numbers(1)))

    def reduce(self) -> Value | None:
        x = self.pick(lambda v: v.rank >= 2)
        kinds = ("sum", "mean", "max")
        return None if x is None else apply(Reduce(kinds[self.draw(3)], (x.rank - 1,), True), x)

    def product(self) -> Value | None:
        x = self.pick(lambda v: v.rank == 2 and isinstance(v.shape[1], int))
        if x is None or not isinstance(x.shape[1], int):
            return None
        made = apply(Gemm(), x, self.numbers(x.shape[1], 6))
        return apply(Add(), made, self.numbers(6)) if self.draw(2) else made

    def siblings(self) -> Value | None:
        """Two products of one operand, joined in one of the ways that attention has."""
        x = self.pick(lambda v: v.rank >= 2 and isinstance(v.shape[-1], int))
        if x is None or not isinstance(x.shape[-1], int):
            return None
        a, b = (apply(Gemm(), x, self.numbers(x.shape[-1], 6)) for _ in range(2))
        if self.draw(2):
            a, b = (apply(Add(), v, self.numbers(6)) for v in (a, b))
        self.values.append(a)
        return apply(Mul(), a, b) if self.draw(2) else b

    def convolve(self) -> Value | None:
        x = self.pick(lambda v: v.rank == 4 and isinstance(v.shape[1], int) and v.shape[2] == 5 and v.shape[3] == 5)
        if x is None or not isinstance(x.shape[1], int):
            return None
        made = apply(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, self.numbers(6, x.shape[1], 3, 3))
        return apply(Mul(), made, self.numbers(6, 1, 1)) if self.draw(2) else made

    def rows(self) -> Value | None:
        x = self.pick(lambda v: v.rank >= 2 and isinstance(v.shape[-1], int) and v.shape[-1] > 1)
        if x is None:
            return None
        kind, axis = self.draw(4), x.rank - 1
        if kind == 0:
            return apply(Softmax(axis, False), x)
        if kind == 1:
            return apply(Normalization((axis,), "layer", 1e-3), x)
        if kind == 2:  # softmax written out
            e = apply(Exp(), apply(Sub(), x, apply(Reduce("max", (axis,), True), x)))
            return apply(Div(), e, apply(Reduce("sum", (axis,), True), e))
        return apply(Add(), x, apply(Cast(f32), apply(Iota((x.shape[-1],), 0, f32))))


def random_graph(draw: Callable[[int], int]) -> Graph:
    """A graph of a few to some thirty ops with one to three outputs."""
    maker = Maker(draw)
    for _ in range(4 + draw(28)):
        maker.step()
    made = maker.values[len(maker.inputs) :] or [apply(Relu(), maker.inputs[0])]
    outputs = list(dict.fromkeys([made[-1], *(made[draw(len(made))] for _ in range(draw(3)))]))
    return Graph("random", maker.inputs, outputs, [f"y{i}" for i in range(len(outputs))])


def random_feeds(graph: Graph, seed: int) -> dict[str, Array]:
    """Inputs of the graph at SIZES."""
    rng = np.random.default_rng(seed)
    shapes = [tuple(d if isinstance(d, int) else SIZES[str(d)] for d in v.shape) for v in graph.inputs]
    return {n: rng.normal(size=s) for n, s in zip(graph.input_names, shapes, strict=True)}
