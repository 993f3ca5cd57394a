"""Nodes that onnxruntime's optimizer writes, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.ops import harness
from tests.ops.harness import check_model
from tests.ops.microsoft.nodes import check, node_of
from tests.ops.strategies import array


@pytest.mark.parametrize("op", ["Gelu", "FastGelu", "QuickGelu"])
def test_activations(op: str) -> None:
    """Without a bias."""
    check(op, [array((2, 3, 8))], tolerance=1e-4)


@pytest.mark.parametrize("op", ["BiasGelu", "FastGelu"])
def test_biased_activations(op: str) -> None:
    """The bias is added first."""
    check(op, [array((2, 3, 8)), array((8,), seed=1)], tolerance=1e-4)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("shift", [False, True])
def test_skip_layer_normalization(bias: bool, shift: bool) -> None:
    """With a residual."""
    x = [array((2, 3, 8), seed=i) for i in range(2)]
    vectors = [array((8,), seed=i) for i in range(3)]
    operands = [*x, vectors[0], vectors[1] if shift else None, *([vectors[2]] if bias else [])]
    check("SkipLayerNormalization", operands, tolerance=1e-4)


def test_skip_simplified_layer_normalization() -> None:
    """Mean square, not variance."""
    operands = [array((2, 3, 8)), array((2, 3, 8), seed=1), array((8,), seed=2)]
    check("SkipSimplifiedLayerNormalization", operands, tolerance=1e-4)


def test_simplified_layer_normalization() -> None:
    """In the default domain."""
    x, scale = array((2, 3, 8)), array((8,), seed=2)
    wanted = x / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + 1e-5) * scale
    harness.check("SimplifiedLayerNormalization", [x, scale], opset=17, expected=[wanted])


@pytest.mark.parametrize("segments", [False, True])
@pytest.mark.parametrize("mask", [False, True])
def test_embed_layer_normalization(segments: bool, mask: bool) -> None:
    """Two or three tables."""
    ids, kinds = np.array([[1, 2, 4]], np.int32), np.array([[0, 1, 1]], np.int32)
    tables = [array((5, 8), seed=1), array((6, 8), seed=2), array((2, 8), seed=3) if segments else None]
    vectors = [array((8,), seed=4), array((8,), seed=5)]
    operands = [ids, kinds if segments else None, *tables, *vectors]
    operands += [np.array([[1, 1, 0]], np.int32)] if mask else []
    check("EmbedLayerNormalization", operands, outputs=2, tolerance=1e-4)


@pytest.mark.parametrize("op", ["SkipLayerNormalization", "SkipSimplifiedLayerNormalization"])
def test_the_sum_is_a_result(op: str) -> None:
    """The fourth one; the skip may be broadcast."""
    vectors = [array((8,), seed=i) for i in range(3)]
    operands = [array((2, 3, 8)), array((2, 3, 8), seed=1), *(vectors if op[4] == "L" else vectors[1:])]
    model = node_of(op, operands, outputs=4)
    for name in ("y1", "y2"):
        model.graph.node[0].output[int(name[1])] = ""
    del model.graph.output[1:3]
    check_model(model, {f"x{i}": x for i, x in enumerate(operands)}, 1e-4)
    if op == "SkipLayerNormalization":
        check(op, [operands[0], array((3, 8), seed=4), *vectors], tolerance=1e-4)


@pytest.mark.parametrize("segments", [False, True])
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_quantized_embed_layer_normalization(segments: bool, mask: bool, kind: type) -> None:
    """Tables of 8 bits."""
    rng, ids = np.random.default_rng(3), np.array([[1, 2, 4]], np.int32)
    tables: list[Any] = [rng.integers(0, 100, s).astype(kind) for s in ((5, 8), (6, 8), (2, 8), (8,), (8,))]
    scales = [np.float32(x) for x in rng.uniform(0.01, 0.1, 5)]
    zeros = [kind(x) for x in rng.integers(0, 50, 5)]
    rows: list[Any] = [tables[0], tables[1], tables[2] if segments else None, *tables[3:]]
    operands: list[Any] = [ids, np.array([[0, 1, 1]], np.int32) if segments else None, *rows]
    operands.append(np.array([[1, 1, 0]], np.int32) if mask else None)
    for numbers in (scales, zeros):
        operands += [*numbers[:2], numbers[2] if segments else None, *numbers[3:]]
    check("QEmbedLayerNormalization", operands, outputs=2, tolerance=1e-4)
