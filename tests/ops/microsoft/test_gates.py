"""Gates, norms over groups and biases by position, against onnxruntime, or by definition where it has no CPU kernel."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.ops.microsoft.nodes import RECENT, check

RNG = np.random.default_rng(41)


def randn(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x.astype(np.float64)))


def erf(x: Any) -> Any:
    return np.vectorize(math.erf)(x)


def test_biases() -> None:
    """BiasAdd and BiasSplitGelu."""
    x, bias, skip = randn(2, 5, 8), randn(8), randn(2, 5, 8)
    check("BiasAdd", [x, bias, skip], expected=[x + bias + skip])
    left, right = np.split((x + bias).astype(np.float64), 2, axis=-1)
    wanted = left * 0.5 * right * (1 + erf(right / np.sqrt(2)))
    check("BiasSplitGelu", [x, bias], expected=[wanted.astype(np.float32)], tolerance=1e-4)


@pytest.mark.parametrize("limit", [0.0, 0.5])
@pytest.mark.parametrize("apart", [False, True])
def test_swiglu(limit: float, apart: bool) -> None:
    """The gate and the linear half, clipped or not."""
    g, up = randn(3, 6), randn(3, 6)
    a, b = (np.minimum(g, limit), np.clip(up, -limit, limit)) if limit else (g, up)
    wanted = a * sigmoid(1.5 * a) * (b + 0.25)
    operands = [g, up] if apart else [np.concatenate([g, up], -1)]
    given = {"limit": limit, "activation_alpha": 1.5, "activation_beta": 0.25}
    check("SwiGLU", operands, expected=[wanted.astype(np.float32)], tolerance=1e-4, **given)


@RECENT
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_gates(dtype: Any) -> None:
    """ScaledSiLU, GatedAdd, GatedRMSNorm, BranchwiseRMSNorm."""
    x = randn(2, 3, 12, dtype=dtype)
    close = 1e-4 if dtype is np.float32 else 5e-3
    check("ScaledSiLU", [x], alpha=0.7, tolerance=close)
    check("ScaledSiLU", [x, np.float32(1.3)], tolerance=close)
    check("GatedAdd", [x, randn(2, 3, 12, dtype=dtype), randn(2, 3, 1, dtype=dtype)], tolerance=close)
    for kind in ("silu", "sigmoid"):
        operands = [x, randn(4, dtype=dtype), randn(2, 3, 12, dtype=dtype)]
        check("GatedRMSNorm", operands, activation=kind, tolerance=close)
    for scale in ([], [randn(12, dtype=dtype)], [randn(3, 4, dtype=dtype)], [randn(4, dtype=dtype)]):
        check("BranchwiseRMSNorm", [x, *scale], num_branches=3, tolerance=close)
    check("BranchwiseRMSNorm", [x, randn(3, 12, dtype=dtype)], tolerance=close)


def group_norm(x: Any, scale: Any, shift: Any, groups: int, active: int) -> Any:
    """By definition, channels last."""
    n, h, w, c = x.shape
    apart = x.astype(np.float64).reshape(n, h, w, groups, c // groups)
    mean, variance = apart.mean((1, 2, 4), keepdims=True), apart.var((1, 2, 4), keepdims=True)
    y = ((apart - mean) / np.sqrt(variance + 1e-5)).reshape(x.shape) * scale + shift
    return (y * sigmoid(y) if active else y).astype(np.float32)


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("active", [0, 1])
def test_group_norm(last: int, active: int) -> None:
    """With a skip and a bias, and without."""
    x, scale, shift, bias = randn(2, 3, 4, 6), randn(6), randn(6), randn(6)
    given = {"groups": 3, "activation": active, "channels_last": last}

    def turned(y: Any) -> Any:
        return y if last or y.ndim < 4 else np.ascontiguousarray(np.moveaxis(y, -1, 1))

    wanted = turned(group_norm(x, scale, shift, 3, active))
    check("GroupNorm", [turned(x), scale, shift], expected=[wanted], tolerance=1e-4, **given)
    for skip in (randn(2, 3, 4, 6), randn(2, 6), randn(2, 1, 1, 6)):
        total = x + (skip[:, None, None] if skip.ndim == 2 else skip) + bias
        both = [turned(group_norm(total, scale, shift, 3, active)), turned(total)]
        operands = [turned(x), scale, shift, turned(skip), bias]
        check("SkipGroupNorm", operands, outputs=2, expected=both, tolerance=1e-4, **given)


def buckets(queries: int, keys: int, count: int, most: int, both: bool) -> Any:
    """T5's bucket of each distance, as Hugging Face's transformers counts them."""
    apart = np.arange(keys)[None] - np.arange(queries)[:, None]
    base = np.zeros_like(apart)
    if both:
        count //= 2
        base, apart = (apart > 0) * count, np.abs(apart)
    else:
        apart = -np.minimum(apart, 0)
    exact = count // 2
    far = np.log(np.maximum(apart, 1) / exact) / np.log(most / exact) * (count - exact)
    return base + np.where(apart < exact, apart, np.minimum(exact + np.floor(far).astype(int), count - 1))


@pytest.mark.parametrize("both", [0, 1])
def test_relative_position_bias(both: int) -> None:
    """Distances up to and beyond the most."""
    table = randn(16, 3)
    wanted = table[buckets(21, 21, 16, 19, bool(both))].transpose(2, 0, 1)[None]
    operands = [table, np.array([21]), np.array([21])]
    given = {"max_distance": 19, "is_bidirectional": both}
    check("RelativePositionBias", operands, expected=[wanted], constants=[1, 2], **given)


def test_gated_relative_position_bias() -> None:
    """By the definition in the schema."""
    n, s, h, d = 3, 5, 4, 8
    query, bias, positions = randn(2, s, n * h), randn(n * h), randn(1, n, s, s)
    weight, shift, eco = randn(h, d), randn(d), randn(1, n, 1, 1)
    heads = (query + bias).reshape(2, s, n, h).transpose(0, 2, 1, 3)
    gates = sigmoid((heads @ weight + shift).reshape(2, n, s, 2, d // 2).sum(-1))
    wanted = (gates[..., :1] * (gates[..., 1:] * eco - 1) + 2) * positions
    operands = [query, bias, positions, weight, shift, eco]
    check("GatedRelativePositionBias", operands, expected=[wanted.astype(np.float32)], num_heads=n, tolerance=1e-4)
