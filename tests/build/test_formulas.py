"""Plans of refittable networks, and the numbers of their weights, are those of the same networks with constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build.build import lower, optimize
from minirt.build.formulas import Evaluation, filled, joined, name_of, read_formulas, results_in
from minirt.build.freeze import freeze
from minirt.build.options import Options, Profile
from minirt.build.parameters import Parameters, frozen
from minirt.build.targets import target_of
from minirt.errors import EngineFormatError
from minirt.ir.graph import Graph, constant
from minirt.ir.op import apply
from minirt.ir.text import parse_graph, print_graph
from minirt.ir.weights import Weights, is_fixed, parameter, parameters_of
from minirt.ops.arithmetic import Add, Mul
from minirt.optimize.fold import computed
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.api.weighted import MODELS, SHAPES


@pytest.mark.parametrize("permitted", [(), ("f16",), ("bf16",)], ids=["f32", "f16", "bf16"])
@pytest.mark.parametrize("target", ["cpu", "cuda:sm_90"])
@pytest.mark.parametrize("name", MODELS)
def test_a_refittable_network_has_the_plan_and_weights_of_another(
    name: str, target: str, permitted: tuple[str, ...]
) -> None:
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network: Any = builder.create_network()
    assert trt.OnnxParser(network, trt.Logger()).parse(MODELS[name](0))
    cells, parameters = network._state, Parameters()
    shape = SHAPES[name]
    options = Options((target_of(target),), (Profile({"x": (shape, shape, shape)}),), permitted)
    plain = lower(optimize(freeze(cells)), options.targets[0], options)
    other = lower(optimize(frozen(cells, parameters)), options.targets[0], options)
    one, two = plain.run(), other.run()
    assert [len(w.spec) for w in one.weights] == [len(w.spec) for w in two.weights]
    assert [s.label.count("+") for s in one.steps] == [s.label.count("+") for s in two.steps] or name == "rooted"
    assert len(one.steps) == len(two.steps)
    numbers = {n: data.array for n, (_, data) in parameters.found.items()}
    found = Evaluation(other.formulas)(list(other.formulas), numbers)
    for a, b in zip(one.weights, two.weights, strict=True):
        assert a.pack == b.pack
        want = plain.blobs[a.blob].array
        got = found[b.blob] if b.blob in found else other.blobs[b.blob].array
        assert want.dtype == got.dtype
        np.testing.assert_allclose(
            got.astype(np.float64), want.astype(np.float64), rtol=1e-6 if want.dtype.itemsize > 2 else 1e-2
        )


def test_operations_on_weights_are_weights_and_on_constants_constants() -> None:
    w, c = parameter("w", Tensor(f32, (2, 3))), constant(np.ones(3, np.float32))
    (product,) = computed(Mul(), w, c)
    assert isinstance(product.op, Weights)
    assert computed(Mul(), w, c)[0] is product
    assert is_fixed(product)
    assert not product.contents
    (number,) = computed(Add(), c, c)
    assert not isinstance(number.op, Weights)
    assert parameters_of([product.op.result]) == {"w": Tensor(f32, (2, 3))}


def test_formulas_and_graphs_with_weights_are_text() -> None:
    w = parameter("w", Tensor(f32, (3,)))
    (twice,) = computed(Add(), w, w)
    graph = Graph("g", (), (apply(Mul(), twice, w),), ("y",))
    again = parse_graph(print_graph(graph), {})
    assert print_graph(again) == print_graph(graph)
    assert len(results_in(again)) == 2
    assert isinstance(twice.op, Weights)
    name = name_of(twice.op)
    formulas = read_formulas(print_graph(joined({name: twice.op.result})), {})
    got = Evaluation(formulas)([name], {"w": np.arange(3, dtype=np.float32)})
    assert got[name].tolist() == [0, 2, 4]
    with pytest.raises(EngineFormatError):
        read_formulas("graph weights", {})
    known = filled(graph, lambda name, type: np.arange(3, dtype=np.float32))
    assert not results_in(known)
