"""Products and convolutions that onnxruntime's optimizer writes, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError
from tests.ops.harness import import_model
from tests.ops.microsoft.nodes import check, node_of

RNG = np.random.default_rng(11)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


ACTIVATIONS: list[tuple[str, list[float]]] = [
    ("Relu", []),
    ("Sigmoid", []),
    ("Tanh", []),
    ("LeakyRelu", [0.2]),
    ("Clip", [-0.5, 0.75]),
    ("HardSigmoid", [0.3, 0.4]),
]


@pytest.mark.parametrize(("activation", "numbers"), ACTIVATIONS)
def test_convolutions(activation: str, numbers: list[float]) -> None:
    """With a bias and a residual."""
    given: dict[str, Any] = {"activation": activation, "activation_params": numbers} if numbers else {}
    given = {"activation": activation, "pads": [1, 0, 1, 1], "strides": [1, 2], **given}
    x, w, b = randn(2, 4, 5, 6), randn(3, 4, 3, 3), randn(3)
    z = randn(2, 3, 5, 3)
    check("FusedConv", [x, w, b, z], tolerance=1e-4, **given)
    wanted = check("FusedConv", [x, w], tolerance=1e-4, **given)[0]
    turned = np.ascontiguousarray(np.moveaxis(x, 1, -1))
    check("NhwcFusedConv", [turned, w], expected=[np.moveaxis(wanted, 1, -1)], tolerance=1e-4, **given)


@pytest.mark.parametrize("activation", ["Relu", "LeakyRelu", "Elu", "HardSigmoid", "Softsign", "Tanh"])
@pytest.mark.parametrize("trans", [0, 1])
def test_gemm(activation: str, trans: int) -> None:
    """Activations with numbers of their own."""
    given = {"LeakyRelu": {"activation_alpha": 0.2}, "Elu": {"activation_alpha": 0.7}}.get(activation, {})
    if activation == "HardSigmoid":
        given = {"activation_alpha": 0.3, "activation_beta": 0.4}
    operands = [randn(4, 5), randn(*(6, 5) if trans else (5, 6)), randn(6)]
    check("FusedGemm", operands, activation=activation, alpha=0.5, beta=1.5, transB=trans, tolerance=1e-4, **given)


@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0), (1, 1)])
@pytest.mark.parametrize("batches", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("op", ["FusedMatMul", "TransposeMatMul"])
def test_matmul(op: str, trans: tuple[int, int], batches: tuple[int, int]) -> None:
    """Each operand may be transposed, and may have its batches after the first axis."""
    shapes = [(2, 3, *((5, 4) if trans[0] else (4, 5))), (2, 3, *((6, 5) if trans[1] else (5, 6)))]
    turned = [(s[2], *s[:2], s[3]) if turn else s for s, turn in zip(shapes, batches, strict=True)]
    given: dict[str, Any] = {"transA": trans[0], "transB": trans[1], "alpha": 0.25}
    if op == "FusedMatMul":
        given |= {"transBatchA": batches[0], "transBatchB": batches[1]}
        check(op, [randn(*s) for s in turned], tolerance=1e-4, **given)
    elif not any(batches):
        check(op, [randn(*s) for s in shapes], tolerance=1e-4, **given)


def test_products_without_a_kernel() -> None:
    """By their definitions."""
    a, b, c = randn(3, 4), randn(4, 5), randn(5)
    wanted = np.maximum(a @ b * 0.5, 0)
    check("FusedMatMulActivation", [a, b], expected=[wanted], tolerance=1e-4, alpha=0.5, activation="Relu")
    x = a @ b + c
    gelu = 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    check("GemmFastGelu", [a, b, c], expected=[gelu.astype(np.float32)], tolerance=1e-4)
    with pytest.raises(MinirtError, match="Fancy"):
        import_model(node_of("FusedMatMulActivation", [a, b], activation="Fancy"))


def test_transposed_convolution_with_pads_as_an_operand() -> None:
    """They are a constant."""
    operands = [randn(1, 2, 4, 5), randn(2, 3, 3, 3), np.array([1, 0, 1, 2]), randn(3)]
    check("ConvTransposeWithDynamicPads", operands, constants=[2], strides=[2, 1], tolerance=1e-4)
