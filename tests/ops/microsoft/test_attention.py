"""Attention as onnxruntime's optimizer fuses it, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from minirt.errors import MinirtError
from tests.ops.harness import check_model, import_model
from tests.ops.microsoft.nodes import RECENT, check, node_of

RNG = np.random.default_rng(21)
B, N, H = 2, 3, 4


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def masks(total: int, length: int) -> dict[str, Any]:
    """One of each kind; no query has all keys hidden."""
    raw = RNG.integers(0, 2, (B, length, total)).astype(np.int32)
    raw[..., 0] = 1
    return {
        "none": None,
        "keys": raw[:, 0],
        "scores": raw,
        "ends": np.array([total, total - 1], np.int32),
        "both ends": np.array([total, total - 1, 0, 1], np.int32),
    }


@pytest.mark.parametrize("kind", list(masks(4, 4)))
@pytest.mark.parametrize("causal", [0, 1])
def test_masks(kind: str, causal: int) -> None:
    """Each kind of mask, with a bias of the scores."""
    s = 5
    if kind == "both ends" and causal:
        pytest.skip("the first query would see no key")
    operands = [randn(B, s, 6), randn(6, 3 * N * H), randn(3 * N * H), masks(s, s)[kind], None, randn(1, N, s, s)]
    check("Attention", operands, num_heads=N, unidirectional=causal, tolerance=1e-4)


@pytest.mark.parametrize("causal", [0, 1])
def test_past(causal: int) -> None:
    """Keys and values follow those of the past."""
    s, p = 3, 4
    operands = [randn(B, s, 6), randn(6, 3 * N * H), randn(3 * N * H), masks(s + p, s)["keys"], randn(2, B, N, p, H)]
    check("Attention", operands, outputs=2, num_heads=N, unidirectional=causal, scale=0.3, tolerance=1e-4)


@RECENT
def test_values_of_another_size() -> None:
    """qkv_hidden_sizes; no bias."""
    operands = [randn(B, 4, 6), randn(6, 2 * N * H + N * 2)]
    check("Attention", operands, num_heads=N, qkv_hidden_sizes=[N * H, N * H, N * 2], tolerance=1e-4)
    with pytest.raises(MinirtError, match="do_rotary"):
        import_model(node_of("Attention", operands, num_heads=N, do_rotary=1))


@pytest.mark.parametrize("weights", [np.uint8, np.int8])
@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("past", [False, True])
def test_quantized(weights: Any, columns: bool, past: bool) -> None:
    """Input and weights are of 8 bits."""
    s, width = 4, 3 * N * H
    info = np.iinfo(weights)
    w = RNG.integers(info.min // 2, info.max // 2, (6, width)).astype(weights)
    scale = RNG.uniform(0.005, 0.02, (width,) if columns else ()).astype(np.float32)
    zero = np.zeros(width if columns else (), weights) + weights(3)
    x = RNG.integers(0, 256, (B, s, 6)).astype(np.uint8)
    operands = [x, w, randn(width), np.float32(0.02), scale, None, np.uint8(120), zero.astype(weights)]
    operands += [randn(2, B, N, 2, H)] if past else []
    check("QAttention", operands, outputs=1 + past, num_heads=N, unidirectional=int(past), tolerance=1e-4)


@pytest.mark.parametrize("kind", ["none", "keys", "scores", "ends"])
@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize("bias", [False, True])
def test_multi_head(kind: str, causal: int, bias: bool) -> None:
    """Self-attention with all of its results."""
    s = 4
    mask = masks(s, s)[kind]
    operands = [randn(B, s, N * H), randn(B, s, N * H), randn(B, s, N * 5)]
    operands += [randn(N * (2 * H + 5)) if bias else None, mask, randn(B, N, s, s)]
    check("MultiHeadAttention", operands, outputs=3, num_heads=N, unidirectional=causal, tolerance=1e-4)


@pytest.mark.parametrize("causal", [0, 1])
def test_multi_head_with_a_past(causal: int) -> None:
    """Keys and values follow those of the past."""
    s, p = 3, 4
    heads = [randn(B, s, N * H) for _ in range(3)]
    past = [randn(B, N, p, H) for _ in range(2)]
    operands = [*heads, randn(3 * N * H), None, randn(1, 1, s, s + p), *past]
    check("MultiHeadAttention", operands, outputs=3, num_heads=N, unidirectional=causal, scale=0.4, tolerance=1e-4)


@pytest.mark.parametrize("bias", [False, True])
def test_multi_head_across(bias: bool) -> None:
    """Keys of another sequence: as they are, or in heads."""
    keys = [randn(B, 5, N * H), randn(B, 5, N * H)]
    more = [randn(3 * N * H)] if bias else []
    check("MultiHeadAttention", [randn(B, 3, N * H), *keys, *more], num_heads=N, tolerance=1e-4)
    cached = [randn(B, N, 5, H), randn(B, N, 5, H)]
    check("MultiHeadAttention", [randn(B, 3, N * H), *cached, *more], num_heads=N, tolerance=1e-4)


def test_multi_head_packed() -> None:
    """Heads side by side give what they give apart; onnxruntime has no CPU kernel for them."""
    x = randn(B, 4, N, 3, H)
    apart = [np.ascontiguousarray(x[:, :, :, i]).reshape(B, 4, N * H) for i in range(3)]
    wanted = check("MultiHeadAttention", apart, num_heads=N, tolerance=1e-4)
    check("MultiHeadAttention", [x], expected=wanted, num_heads=N, tolerance=1e-4)
    pair = np.ascontiguousarray(x[:, :, :, 1:])
    check("MultiHeadAttention", [apart[0], pair], expected=wanted, num_heads=N, tolerance=1e-4)


@RECENT
def test_decoder_masked() -> None:
    """One query, across and after a past that leaves room for it."""
    heads = [randn(B, 1, N * H) for _ in range(3)]
    past = [randn(B, N, 8, H) for _ in range(2)]
    mask = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 1, 1]], np.int32)
    op, given = "DecoderMaskedMultiHeadAttention", {"num_heads": N, "tolerance": 1e-4}
    for length in (4, 0):
        held = mask[:, 4 - length :].copy()
        operands = [*heads, held, randn(1, 1, 1, length + 1), *past, np.array([length], np.int32)]
        check(op, operands, outputs=3, past_present_share_buffer=1, **given)
    check(op, [heads[0], *past], **given)


def test_scores_as_a_result() -> None:
    """The fourth result."""
    operands = [randn(B, 3, N * H) for _ in range(3)]
    operands += [None, masks(3, 3)["keys"], randn(B, N, 3, 3)]
    model = node_of("MultiHeadAttention", operands, outputs=4, num_heads=N, unidirectional=1)
    model.graph.output[3].type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    check_model(model, {f"x{i}": a for i, a in enumerate(operands) if a is not None}, 1e-4)


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("kind", ["flat", "heads", "part"])
def test_rotary(interleaved: int, first: bool, kind: str) -> None:
    """Positions one by one, or the first one's; a part of each head."""
    s, size = 5, 6
    given: dict[str, Any] = {"num_heads": N, "rotary_embedding_dim": 4} if kind == "part" else {}
    half = 2 if kind == "part" else size // 2
    x = randn(B, N, s, size) if kind == "heads" else randn(B, s, N * size)
    places = np.array([3]) if first else RNG.integers(0, 10, (B, s))
    check("RotaryEmbedding", [x, places, randn(10, half), randn(10, half)], interleaved=interleaved, **given)


@pytest.mark.parametrize("layout", [0, 1])
@pytest.mark.parametrize("interleaved", [0, 1])
def test_rotary_of_three_positions(layout: int, interleaved: int) -> None:
    """Sections side by side, or in turns."""
    s, size = 4, 12
    sections = [2, 2, 2] if layout else [3, 1, 2]
    places = RNG.integers(0, 9, (3, B, s))
    given = {"mrope_section": sections, "mrope_layout": layout, "interleaved": interleaved}
    check("MRotaryEmbedding", [randn(B, N, s, size), places, randn(9, 6), randn(9, 6)], **given)
