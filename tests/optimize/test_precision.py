"""Weights in narrower types."""

import numpy as np
import pytest

from minirt.ir.graph import Graph, Input, array_of, constant, is_constant
from minirt.ir.op import apply
from minirt.ops.arithmetic import Add
from minirt.optimize.precision import narrow
from minirt.types.dtype import DType, bf16, f16, f32
from minirt.types.tensor import Tensor

TOP = 65504.0


def held(numbers: list[float], dtype: DType) -> np.ndarray:
    """A constant operand of a graph whose values are held in a type."""
    x = apply(Input("x", Tensor(f32, (len(numbers),))))
    graph = narrow(Graph("net", (x,), (apply(Add(), x, constant(np.array(numbers, np.float32))),), ("y",)), dtype)
    (found,) = [array_of(n.outputs[0]) for n in graph.nodes if is_constant(n.outputs[0])]
    return found


@pytest.mark.parametrize("many", [1, 3, 8, 17, 100])
@pytest.mark.parametrize(
    ("number", "wanted"),
    [(65519.9, TOP), (65520.0, TOP), (-1e30, -TOP), (np.inf, np.inf), (-np.inf, -np.inf), (1e-9, 0.0), (0.25, 0.25)],
)
def test_finite_numbers_stay_finite_in_f16(number: float, wanted: float, many: int) -> None:
    for place in {0, many // 2, many - 1}:
        numbers = [1.5] * many
        numbers[place] = number
        found = held(numbers, f16)
        assert found.dtype == np.float16 and found[place] == wanted
        assert np.delete(found, place).tolist() == [1.5] * (many - 1)


def test_what_is_no_number_stays_so_beside_large_ones() -> None:
    found = held([np.nan, 1e6, np.inf, -2.0], f16)
    assert np.isnan(found[0]) and found[1:].tolist() == [TOP, np.inf, -2.0]


def test_bf16_has_the_range_of_float32() -> None:
    assert held([1e30, -3e38, 1.0], bf16).astype(np.float32) == pytest.approx([1e30, -3e38, 1.0], rel=2**-8)
