"""IAlgorithmSelector: scripts of TensorRT 8 to 10 are asked which ways to run a layer may be taken."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.v8 as v8
from minirt.api.engine import ICudaEngine
from minirt.plan.plan import KernelStep
from tests.api.nets import Array, Keeper

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 6)).astype(np.float32)
W = RNG.standard_normal((6, 5)).astype(np.float32)
Choose = Callable[[Any, Sequence[Any]], Any]

pytestmark = pytest.mark.usefixtures("cpu")


def selector(module: Any, choose: Choose) -> Any:
    """Return a selector that chooses by a function, and keeps what it was offered and told."""

    class Chosen(module.IAlgorithmSelector):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IAlgorithmSelector.__init__(self)
            self.offered: dict[str, list[Any]] = {}
            self.told: list[dict[str, Any]] = []

        def select_algorithms(self, context: Any, choices: Sequence[Any]) -> Any:
            self.offered[context.name] = list(choices)
            self.context = context
            return choose(context, choices)

        def report_algorithms(self, contexts: Sequence[Any], choices: Sequence[Any]) -> None:
            self.told.append({c.name: a for c, a in zip(contexts, choices, strict=True)})

    return Chosen()


def only(place: int) -> Choose:
    """Return what takes one place, counted from the end where it is negative."""
    return lambda context, choices: [place % len(choices)]


def product(module: Any, logger: Any) -> tuple[Any, Any, Any]:
    """Return a builder, a network of one product of dynamic rows, and a config with a profile."""
    builder = module.Builder(logger)
    net = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    a = net.add_input("a", module.float32, (-1, 6))
    none = module.MatrixOperation.NONE
    layer = net.add_matrix_multiply(a, none, net.add_constant((6, 5), W).get_output(0), none)
    layer.name = "product"
    layer.get_output(0).name = "c"
    net.mark_output(layer.get_output(0))
    profile = builder.create_optimization_profile()
    profile.set_shape("a", (1, 6), (3, 6), (8, 6))
    config = builder.create_builder_config()
    config.add_optimization_profile(profile)
    return builder, net, config


def built(module: Any, chosen: Any) -> tuple[Any, Keeper]:
    """Return the engine's bytes, or None, and the logger."""
    logger = Keeper()
    builder, net, config = product(module, logger)
    config.algorithm_selector = chosen
    return builder.build_serialized_network(net, config), logger


def kernels(data: Any) -> list[str]:
    """Return the kernels of an engine's steps."""
    engine: ICudaEngine = trt.Runtime(Keeper()).deserialize_cuda_engine(data)
    return [s.choices[-1].kernel for s in engine._state.loaded.plans[0].steps if isinstance(s, KernelStep)]


def run(data: Any) -> Array:
    """Return the engine's product of X."""
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(data)
    return engine.create_execution_context().run({"a": X})["c"]


@pytest.mark.parametrize("module", [trt, v8], ids=["10", "8"])
def test_any_choice_can_be_taken_and_is_reported(module: Any) -> None:
    default, _ = built(module, None)
    every = selector(module, lambda context, choices: range(len(choices)))
    data, _ = built(module, every)
    assert bytes(data) == bytes(default)
    assert list(every.told[0]) == ["product"]
    count = len(every.offered["product"])
    assert count > 1
    plans = set()
    for place in range(count):
        one = selector(module, only(place))
        data, _ = built(module, one)
        (told,) = one.told
        assert told["product"] is one.offered["product"][place]
        np.testing.assert_allclose(run(data), X @ W, rtol=1e-5, atol=1e-5)
        plans.add(tuple(kernels(data)))
    assert len(plans) == count


def test_what_a_choice_tells() -> None:
    chosen = selector(v8, lambda context, choices: [0])
    built(v8, chosen)
    context, (first, second, *_) = chosen.context, chosen.offered["product"]
    assert (context.name, context.num_inputs, context.num_outputs) == ("product", 2, 1)
    assert [tuple(s) for s in context.get_shape(0)] == [(1, 6), (3, 6), (8, 6)]
    assert [tuple(s) for s in context.get_shape(2)] == [(1, 5), (3, 5), (8, 5)]
    assert first.algorithm_variant.implementation != second.algorithm_variant.implementation
    assert first.algorithm_variant.tactic != second.algorithm_variant.tactic
    info = first.get_algorithm_io_info(0)
    assert info.dtype == v8.float32 and tuple(info.strides) == (6, 1) and info.components_per_element == 1
    assert first.get_algorithm_io_info(3) is None
    assert first.workspace_size >= 0 and first.timing_msec == 0


def test_an_empty_list_is_the_default_unless_it_is_refused() -> None:
    default, _ = built(trt, None)
    data, _ = built(trt, selector(trt, lambda context, choices: []))
    assert bytes(data) == bytes(default)
    logger = Keeper()
    builder, net, config = product(trt, logger)
    config.algorithm_selector = selector(trt, lambda context, choices: [])
    config.set_flag(trt.BuilderFlag.REJECT_EMPTY_ALGORITHMS)
    assert builder.build_serialized_network(net, config) is None
    assert "took no choice" in logger.errors[-1] and "product" in logger.errors[-1]


@pytest.mark.parametrize(
    ("choose", "said"),
    [
        (lambda context, choices: [len(choices)], "choices were offered"),
        (lambda context, choices: [-1], "returned -1"),
        (lambda context, choices: ["0"], "return a list of ints"),
        (lambda context, choices: 0.5, "return a list of ints"),
        (lambda context, choices: 1 / 0, "failed"),
    ],
)
def test_what_is_no_choice_ends_the_build(choose: Choose, said: str, capfd: pytest.CaptureFixture[str]) -> None:
    data, logger = built(trt, selector(trt, choose))
    assert data is None
    assert said in logger.errors[-1] and "product" in logger.errors[-1]
    if said == "failed":
        assert "ZeroDivisionError" in capfd.readouterr().err
    assert built(trt, None)[0] is not None


def test_a_report_that_fails_ends_the_build() -> None:
    class Failing(trt.IAlgorithmSelector):  # type: ignore[misc]
        def select_algorithms(self, context: Any, choices: Sequence[Any]) -> list[int]:
            return []

        def report_algorithms(self, contexts: Sequence[Any], choices: Sequence[Any]) -> None:
            raise RuntimeError("not what was recorded")

    data, logger = built(trt, Failing())
    assert data is None and "report_algorithms" in logger.errors[-1]


def test_each_profile_is_asked_about_and_reported() -> None:
    builder, net, config = product(trt, Keeper())
    second = builder.create_optimization_profile()
    second.set_shape("a", (100, 6), (200, 6), (300, 6))
    config.add_optimization_profile(second)
    config.algorithm_selector = chosen = selector(trt, only(-1))
    assert builder.build_serialized_network(net, config) is not None
    assert len(chosen.told) == 2 and all("product" in told for told in chosen.told)
    assert [tuple(s) for s in chosen.context.get_shape(0)] == [(100, 6), (200, 6), (300, 6)]


def test_layers_that_are_laid_out_otherwise_are_right() -> None:
    """Choices of a convolution, a concatenation and copies, each the last one offered."""
    image = RNG.standard_normal((2, 3, 8, 9)).astype(np.float32)
    weights = RNG.standard_normal((4, 3, 3, 3)).astype(np.float32)
    results = []
    for last in (False, True):
        builder = trt.Builder(Keeper())
        net = builder.create_network()
        a = net.add_input("a", trt.float32, image.shape)
        conv = net.add_convolution_nd(a, 4, (3, 3), weights)
        pool = net.add_pooling_nd(conv.get_output(0), trt.PoolingType.MAX, (1, 1))
        relu = net.add_activation(conv.get_output(0), trt.ActivationType.SIGMOID)
        join = net.add_concatenation([pool.get_output(0), relu.get_output(0)])
        net.mark_output(join.get_output(0))
        config = builder.create_builder_config()
        chosen = selector(trt, only(-1 if last else 0))
        config.algorithm_selector = chosen
        data = builder.build_serialized_network(net, config)
        engine = trt.Runtime(Keeper()).deserialize_cuda_engine(data)
        results.append(next(iter(engine.create_execution_context().run({"a": image}).values())))
        assert len(chosen.offered) >= 3
    np.testing.assert_allclose(results[1], results[0], rtol=1e-4, atol=1e-4)
