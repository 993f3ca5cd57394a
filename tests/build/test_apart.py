"""Where results lie: in a concatenation that is not their only reader, and apart from where the caller wants them."""

from __future__ import annotations

import numpy as np
import pytest

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.targets import target_of
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.activation import Relu
from minirt.ops.convolution import Conv
from minirt.ops.movement import Concat, Reshape, Transpose
from minirt.plan.plan import KernelStep, Plan
from minirt.types.dtype import f16
from minirt.types.tensor import Tensor


@pytest.fixture(autouse=True)
def _nothing_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "0")


def conv(x: Value, channels: int, taps: int = 3) -> Value:
    inputs = x.shape[1]
    assert isinstance(inputs, int)
    weights = np.random.default_rng(channels).normal(size=(channels, inputs, taps, taps)) / inputs
    return apply(Conv((1, 1), (taps // 2,) * 4, (1, 1)), x, constant(weights, f16))


def planned(result: Value, x: Value, name: str = "cuda:sm_90a") -> Plan:
    target = target_of(name)
    return lower(optimize(Graph("net", [x], [result], ["y"])), target, Options((target,))).run()


def kernels(plan: Plan) -> list[str]:
    return [s.choices[0].kernel for s in plan.steps if isinstance(s, KernelStep)]


def skipping(channels: int) -> tuple[Value, Value]:
    """A result that a convolution reads, and later a concatenation."""
    x = apply(Input("x", Tensor(f16, (2, 64, 16, 16))))
    skip = apply(Relu(), conv(x, channels))
    deep = conv(apply(Relu(), conv(skip, 64)), 64)
    return conv(apply(Concat(1), deep, skip), 64), x


def test_what_is_read_twice_is_made_inside_the_concatenation() -> None:
    plan = planned(*skipping(64))
    assert [k for k in kernels(plan) if k.startswith("Conv")] == ["ConvWgmma"] * 4
    assert len(plan.steps) == 6, "the input and the output are brought into order, nothing else is copied"
    first, second, third, last = [s for s in plan.steps if s.choices[0].kernel == "ConvWgmma"]  # type: ignore[union-attr]
    assert isinstance(first, KernelStep) and isinstance(last, KernelStep)
    whole = last.reads[0]
    assert whole.type.shape == (2, 128, 16, 16)  # type: ignore[union-attr]
    for step, at in ((first, 128), (third, 0)):
        assert isinstance(step, KernelStep)
        assert (step.writes[0].buffer, step.writes[0].offset) == (whole.buffer, at)
    assert isinstance(second, KernelStep)
    assert second.reads[0] == first.writes[0]


def test_a_part_that_begins_on_no_16_bytes_stays_apart() -> None:
    plan = planned(*skipping(60))
    (last,) = [s for s in plan.steps if isinstance(s, KernelStep) and s.reads[0].type.shape[1:2] == (124,)]  # type: ignore[union-attr]
    first = plan.steps[1]
    assert isinstance(first, KernelStep)
    assert first.writes[0].type.shape[1] == 60  # type: ignore[union-attr]
    assert first.writes[0].buffer != last.reads[0].buffer


@pytest.mark.parametrize(("channels", "made"), [(128, ["ConvWgmma", "MapVector"]), (16, ["ConvMmaPlanar"])])
def test_a_deep_result_that_is_wanted_by_channels_is_made_channels_last(channels: int, made: list[str]) -> None:
    x = apply(Input("x", Tensor(f16, (4, 64, 64, 64))))
    plan = planned(conv(apply(Relu(), conv(x, channels)), 4), x)
    assert kernels(plan)[2:] == made


@pytest.mark.parametrize("length", [1023, 63])
def test_a_long_input_is_copied_on_its_own_to_where_a_token_is_appended(length: int) -> None:
    """The copy reads the graph's input alone, so that it may run before the token is there, which is made in place."""
    past, new = (apply(Input(n, Tensor(f16, shape))) for n, shape in (("past", (1, 8, length, 64)), ("new", (8, 64))))
    whole = apply(Concat(2), past, apply(Reshape((1, 8, 1, 64)), apply(Relu(), new)))
    target = target_of("cuda:sm_90a")
    graph = optimize(Graph("append", [past, new], [whole], ["y"]))
    plan = lower(graph, target, Options((target,))).run()
    assert len(plan.steps) == 2
    if length == 1023:
        result = plan.outputs[0].view.buffer
        copies = [s for s in plan.steps if isinstance(s, KernelStep) and s.writes[0].buffer == result]
        assert [s.writes[0].offset for s in copies] == [0, 2 * 64 * length]
        assert [len(s.reads) for s in copies] == [1, 1] and copies[0].reads[0] == plan.inputs[0].view
    assert len(lower(graph, target, Options((target,), streams=0)).run().steps) == 2, "one stream: one launch for both"


@pytest.mark.parametrize("moved", [False, True])
def test_what_is_appended_as_a_reshape_is_made_in_its_place(moved: bool) -> None:
    """A turned token lies in the cache at once; the copy of the cache comes before, so that it waits for nothing."""
    past, new = apply(Input("past", Tensor(f16, (1, 8, 1023, 64)))), apply(Input("new", Tensor(f16, (1, 8, 2, 32))))
    token = apply(Reshape((1, 1, 8, 64) if moved else (1, 8, 1, 64)), apply(Relu(), new))
    token = apply(Transpose((0, 2, 1, 3)), token) if moved else token
    whole = apply(Concat(2), past, token)
    target = target_of("cuda:sm_90a")
    graph = optimize(Graph("append", [past, new], [whole, apply(Relu(), whole)], ["y", "z"]))
    copy, turn, _ = lower(graph, target, Options((target,))).run().steps
    assert isinstance(copy, KernelStep) and isinstance(turn, KernelStep)
    assert copy.writes[0].buffer == turn.writes[0].buffer and turn.writes[0].offset == 2 * 64 * 1023
    at = turn.writes[0]
    assert [s for s, d in zip(at.strides, at.type.shape, strict=True) if d != 1] == [1024 * 64, 32, 1]  # type: ignore[union-attr]
