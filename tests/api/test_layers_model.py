"""What layers of language models mean, against NumPy."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import minirt as trt
from minirt import v11
from tests.api.nets import compute, inputs, network, outputs, same

pytestmark = pytest.mark.usefixtures("each_target")
RNG = np.random.default_rng(6)
Q = RNG.normal(size=(2, 4, 3, 8)).astype(np.float32)
K = RNG.normal(size=(2, 2, 5, 8)).astype(np.float32)
V = RNG.normal(size=(2, 2, 5, 8)).astype(np.float32)


def _attention(mask: Any) -> Any:
    k, v = K.repeat(2, 1), V.repeat(2, 1)
    s = np.where(mask, Q @ k.transpose(0, 1, 3, 2), -1e30)
    e = np.exp(s - s.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True) @ v


@pytest.mark.parametrize("causal", [False, True])
def test_attention_with_grouped_heads(causal: bool) -> None:
    def add(net: Any, q: Any, k: Any, v: Any) -> Any:
        layer = net.add_attention(q, k, v, trt.AttentionNormalizationOp.SOFTMAX, causal)
        assert (layer.causal, layer.num_inputs, layer.mask) == (causal, 3, None)
        assert layer.get_input(1) is k
        assert layer.get_output(0).shape == (2, 4, 3, 8)
        net.mark_output(layer.get_output(0))
        return layer

    seen = np.tril(np.ones((3, 5), bool)) if causal else np.ones((3, 5), bool)
    net = network()
    add(net, *inputs(net, Q, K, V))
    same(outputs(net, net[1], Q, K, V)[0], _attention(seen), 1e-4)
    assert [layer.type for layer in net] == [trt.LayerType.ATTENTION_INPUT, trt.LayerType.ATTENTION_OUTPUT]


def test_attention_with_a_mask_and_the_lower_right_corner() -> None:
    mask = RNG.random((2, 1, 3, 5)) < 0.7
    mask[..., 0] = True
    net = network()
    q, k, v, m = inputs(net, Q, K, V, mask)
    layer = net.add_attention(q, k, v, trt.AttentionNormalizationOp.SOFTMAX, False)
    layer.mask = m
    assert layer.mask is m
    same(outputs(net, net[1], Q, K, V, mask)[0], _attention(mask), 1e-4)
    net11 = v11.Builder(v11.Logger()).create_network()
    made = inputs(net11, Q, K, V)
    kind = v11.CausalMaskKind.LOWER_RIGHT
    assert net11.add_attention_v2(*made, v11.AttentionNormalizationOp.SOFTMAX, kind).causal_kind == kind  # type: ignore[call-arg]
    same(outputs(net11, net11[1], Q, K, V)[0], _attention(np.tril(np.ones((3, 5), bool), 2)), 1e-4)


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize("size", [0, 4])
def test_rotary_embedding(interleaved: bool, size: int) -> None:
    half = (size or 8) // 2
    angles = RNG.normal(size=(10, half)).astype(np.float32)
    places = np.array([[0, 3, 2], [5, 6, 9]], np.int32)

    def add(net: Any, x: Any, c: Any, s: Any, p: Any) -> Any:
        layer = net.add_rotary_embedding(x, c, s, interleaved, size)
        layer.set_input(3, p)
        return layer

    z = Q[..., : 2 * half]
    pairs = z[..., ::2] + 1j * z[..., 1::2] if interleaved else z[..., :half] + 1j * z[..., half:]
    turned = pairs * np.exp(1j * angles[places])[:, None]
    parts = (turned.real, turned.imag)
    made = np.stack(parts, -1).reshape(z.shape) if interleaved else np.concatenate(parts, -1)
    wanted = np.concatenate([made, Q[..., 2 * half :]], -1)
    same(compute(add, Q, np.cos(angles), np.sin(angles), places), wanted, 1e-4)


def test_a_collective_of_one_rank() -> None:
    def add(net: Any, x: Any) -> Any:
        op = trt.CollectiveOperation.ALL_REDUCE
        return net.add_dist_collective(x, op, trt.ReduceOperation.SUM, -1, None)

    same(compute(add, Q), Q)


def test_dynamic_quantize_by_blocks() -> None:
    x = RNG.normal(size=(3, 32)).astype(np.float32)
    net = network()
    layer = net.add_dynamic_quantize(inputs(net, x)[0], 1, 16, trt.fp8, trt.float32)
    data, scales = outputs(net, layer, x)
    wanted = abs(x).reshape(3, 2, 16).max(2) / 448
    same(scales, wanted)
    assert data.dtype == ml_dtypes.float8_e4m3fn
    same(data.astype(np.float32) * scales.repeat(16, 1), x, 0.1)
