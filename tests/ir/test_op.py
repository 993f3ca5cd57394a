"""Nodes: typed at birth, interned, with facts, contents and names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError, TypeInferenceError
from minirt.ir.graph import Input, constant
from minirt.ir.op import OPS, Fact, Value, apply, apply_all, broadcast, op_of, origin, same_dim
from minirt.ops.activation import LeakyRelu, Relu
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.families import __name__ as families
from minirt.ops.generate_random import Random
from minirt.ops.indexing import NonZero
from minirt.ops.movement import Reshape, Transpose, dims_value
from minirt.ops.ordering import TopK
from minirt.types import dim
from minirt.types.dim import symbol
from minirt.types.dtype import DType, f32, i64
from minirt.types.tensor import Tensor

N, S = symbol("N"), symbol("S")


def value(*shape: Any, name: str = "x", dtype: DType = f32) -> Value:
    """A graph input."""
    return apply(Input(name, Tensor(dtype, shape)))


def test_equal_nodes_are_one() -> None:
    """Same op, fields and operands."""
    x = value(N, 3)
    assert apply(LeakyRelu(0.1), x) is apply(LeakyRelu(0.1), x)
    assert apply(LeakyRelu(0.1), x) is not apply(LeakyRelu(0.2), x)
    drawn = Random("uniform", (3,), f32)
    assert apply(drawn) is not apply(drawn)


def test_ill_typed_nodes_do_not_exist() -> None:
    """The error names the node, the op and the operands."""
    with pytest.raises(TypeInferenceError, match=r"Add 'stage1.add': .*3 and 4 do not broadcast.*f32\[3\], f32\[4\]"):
        with origin(("stage1.add",)):
            apply(Add(), value(3), value(4))
    with pytest.raises(TypeInferenceError, match="element type i64 is not one of"):
        apply(LeakyRelu(), value(3, dtype=i64))
    with pytest.raises(TypeInferenceError, match="one element type"):
        apply(Add(), value(3), value(3, dtype=i64))


def test_facts_are_what_binding_checks() -> None:
    """Equal dims, and dims assumed equal by broadcasting."""
    summed = apply(Add(), value(N, 4), value(S, 4))
    (fact,) = summed.node.facts
    assert fact == Fact(N, S, assumed=True) and summed.shape == (N, 4)
    shaped = apply(Reshape((6, 2)), value(N, S))
    assert [(f.a, f.b) for f in shaped.node.facts] == [(12, N * S)]
    assert apply(Relu(), value(N)).node.facts == ()
    assert broadcast((N, 1), (3,), ()) == (N, 3)
    with pytest.raises(MinirtError, match="3 and 4 differ"):
        same_dim(3, 4, "rows")


def test_contents_follow_shape_arithmetic() -> None:
    """Dims through arithmetic, reshapes and transposes."""
    dims = dims_value([N, 4, S])
    doubled = apply(Mul(), dims, constant(np.array([2, 1, 3])))
    assert doubled.ints == (2 * N, 4, 3 * S)
    turned = apply(Transpose((1, 0)), apply(Reshape((3, 1)), doubled))
    assert turned.contents is not None and turned.contents.shape == (1, 3)
    assert apply(Relu(), value(3)).contents is None
    assert dims_value([2, 3]).op.name == "Constant"


def test_contents_of_a_long_chain() -> None:
    """Depth does not matter."""
    total = dims_value([N])
    one = constant(np.array([1]))
    for _ in range(3000):
        total = apply(Add(), total, one)
    assert total.ints == (N + 3000,)


def test_data_dependent_dims_are_named_once() -> None:
    """The op keeps its names when it is rebuilt."""
    found = apply(NonZero(), value(N, 3))
    names = op_of(found, NonZero).dims
    assert found.shape == (2, symbol(names[0]))
    assert apply(found.op, value(N, 3, name="y")).shape == found.shape
    assert apply(NonZero(), value(N, 3, name="z")).shape != found.shape


def test_several_results() -> None:
    """Values know their place."""
    values, places = apply_all(TopK(1, 2), value(N, 5))
    assert (values.dtype, places.dtype, places.index) == (f32, i64, 1) and values.node is places.node


@pytest.mark.parametrize("name", sorted(OPS))
def test_every_op_is_documented(name: str) -> None:
    """Docstring, infer, and a reference or a decomposition."""
    assert families
    kind = OPS[name]
    assert kind.__doc__ and kind.__doc__.split("\n")[0].endswith((".", ":"))
    own = {m for c in kind.__mro__[:-2] for m in vars(c) if c.__module__ != "minirt.ir.op"}
    assert "infer" in own
    assert own & {"reference", "run", "decompose"} or name == "Input"


@pytest.mark.parametrize(
    ("shape", "why"),
    [((2, -1), "a dim below 0"), ((4, dim.divide(3, 2)), "not whole"), ((1 << 40, 0, 1 << 40), "more elements"),
     ((1,) * 65, "65 axes")],
)  # fmt: skip
def test_tensors_that_cannot_be(shape: Any, why: str) -> None:
    """A model's numbers may ask for them; no memory is, and no time."""
    with pytest.raises(TypeInferenceError, match=why):
        value(*shape)
    assert value(0, 1 << 40).shape == (0, 1 << 40)
