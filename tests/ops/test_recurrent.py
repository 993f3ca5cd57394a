"""Recurrent layers against onnxruntime."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minirt.kernels.kernel import Target
from tests.gpu.session import Session
from tests.ops import on_target
from tests.ops.harness import assert_close, check, check_symbolic, import_model, one_node, run_ort
from tests.ops.plans import TARGETS, host_steps, plan_for

RNG = np.random.default_rng(0)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
T, N, SIZE, H = 5, 3, 4, 6


def randn(*shape: int) -> Any:
    return (0.5 * RNG.standard_normal(shape)).astype(np.float32)


def operands(op: str, count: int, *given: str) -> list[Any]:
    g = GATES[op] * H
    have = {
        "bias": randn(count, 2 * g),
        "lengths": np.array([5, 2, 3], np.int32),
        "h": randn(count, N, H),
        "c": randn(count, N, H),
        "p": randn(count, 3 * H),
    }
    names = ["bias", "lengths", "h"] + (["c", "p"] if op == "LSTM" else [])
    rest = [have[n] if n in given else None for n in names]
    while rest and rest[-1] is None:
        rest.pop()
    return [randn(T, N, SIZE), randn(count, g, SIZE), randn(count, g, H), *rest]


@pytest.mark.parametrize("op", list(GATES))
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("given", [(), ("bias",), ("bias", "h", "c"), ("bias", "lengths"), ("lengths", "h", "c", "p")])
def test_directions_and_operands(op: str, direction: str, given: tuple[str, ...]) -> None:
    count = 2 if direction == "bidirectional" else 1
    arrays = operands(op, count, *given)
    outputs = 3 if op == "LSTM" else 2
    check(op, arrays, outputs, hidden_size=H, direction=direction, tolerance=1e-5)


@pytest.mark.parametrize("before", [0, 1])
def test_gru_resets_before_or_after(before: int) -> None:
    check("GRU", operands("GRU", 1, "bias", "h"), 2, hidden_size=H, linear_before_reset=before, tolerance=1e-5)


@pytest.mark.parametrize(
    ("names", "alpha", "beta"),
    [
        (["HardSigmoid", "Relu", "Softsign"], [], []),
        (["HardSigmoid", "LeakyRelu", "ScaledTanh"], [0.3, 0.2, 1.5], [0.4, 0.7]),
        (["Sigmoid", "Elu", "Softplus"], [1.3], []),
        (["Sigmoid", "ThresholdedRelu", "Affine"], [0.1, 0.8], [0.2]),
    ],
)
def test_activations(names: list[str], alpha: list[float], beta: list[float]) -> None:
    more: dict[str, Any] = {"activation_alpha": alpha} if alpha else {}
    more |= {"activation_beta": beta} if beta else {}
    check("LSTM", operands("LSTM", 1, "bias"), 3, hidden_size=H, activations=names, tolerance=1e-5, **more)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float16, 2**-9), (ml_dtypes.bfloat16, 2**-6)])
@pytest.mark.parametrize("op", list(GATES))
def test_narrow_types_have_kernels(op: str, dtype: Any, tolerance: float) -> None:
    """Products of the inputs are rounded, and so are results."""
    given = operands(op, 2, "bias", "lengths", "h", "c")
    arrays = [a.astype(dtype) if a is not None and a.dtype == np.float32 else a for a in given]
    outputs = 3 if op == "LSTM" else 2
    graph = import_model(one_node(op, arrays, outputs, hidden_size=H, direction="bidirectional"))
    assert [host_steps(plan_for(graph, target)) for target in TARGETS] == [[]] * len(TARGETS)
    wide = [a.astype(np.float32) if a is not None and a.dtype == dtype else a for a in arrays]
    feeds = {f"x{i}": a for i, a in enumerate(wide) if a is not None}
    wanted = run_ort(one_node(op, wide, outputs, hidden_size=H, direction="bidirectional"), feeds)
    got = Session(graph, Target("cpu")).run({f"x{i}": a for i, a in enumerate(arrays) if a is not None})
    for result, exact in zip(got, wanted, strict=True):
        assert result.dtype == dtype
        np.testing.assert_allclose(result.astype(np.float32), exact, atol=tolerance)


def test_clip_bounds_the_gates() -> None:
    for op in GATES:
        check(op, operands(op, 1, "bias"), 2, hidden_size=H, clip=0.3, tolerance=1e-5)


def test_input_forget() -> None:
    check("LSTM", operands("LSTM", 1, "bias"), 3, hidden_size=H, input_forget=1, tolerance=1e-5)


def test_symbolic_sizes() -> None:
    for op, g in GATES.items():
        shapes: list[Any] = [("T", "N", SIZE), (1, g * H, SIZE), (1, g * H, H), (1, 2 * g * H)]
        check_symbolic(op, shapes, [{"T": 4, "N": 1}, {"T": 2, "N": 3}], outputs=2, hidden_size=H)


@pytest.mark.parametrize("op", list(GATES))
@pytest.mark.parametrize("hidden", [1, 17, 40])
def test_recurrent_weights_that_are_computed(op: str, hidden: int) -> None:
    """The weights are inputs: a kernel takes them all the same, whatever part of a block is left over."""
    g = GATES[op] * hidden
    arrays = [randn(T, N, SIZE), randn(2, g, SIZE), randn(2, g, hidden), randn(2, 2 * g)]
    more: dict[str, Any] = {"linear_before_reset": 1} if op == "GRU" and hidden == 17 else {}
    model = one_node(op, arrays, 2, hidden_size=hidden, direction="bidirectional", **more)
    feeds = {f"x{i}": a for i, a in enumerate(arrays)}
    made = on_target.OnTarget(import_model(model))
    for found, wanted in zip(made(feeds), run_ort(model, feeds), strict=True):
        assert_close(found, wanted, 1e-4)
