"""Layers of language models, activations, recurrences and control flow of random sizes agree with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirt as trt
from minirt import v8
from tests.api.nets import compute, inputs, network, outputs
from tests.api.properties import FLOATS, TYPES, close, few, onnx
from tests.ops.strategies import array, broadcasting, shapes

pytestmark = [pytest.mark.usefixtures("every_target"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]
SUM = trt.ElementWiseOperation.SUM


def softmax(x: Any) -> Any:
    """Return the softmax along the last axis."""
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("masked", ["", "causal", "bool", "float"])
@few
@given(
    batch=st.integers(1, 2), heads=st.integers(1, 3), share=st.integers(1, 2), queries=st.integers(1, 9),
    keys=st.integers(1, 9), size=st.sampled_from([4, 8, 16]), dtype=FLOATS,
)  # fmt: skip
def test_attention(
    masked: str, batch: int, heads: int, share: int, queries: int, keys: int, size: int, dtype: Any
) -> None:
    q = array((batch, heads * share, queries, size), dtype, 0, -1, 1)
    k, v = (array((batch, heads, keys, size), dtype, i, -1, 1) for i in (1, 2))
    arrays = [q, k, v]
    scores = q.astype(np.float64) @ k.astype(np.float64).repeat(share, 1).swapaxes(-1, -2)
    if masked == "causal":
        scores = np.where(np.tril(np.ones((queries, keys), bool)), scores, -np.inf)
    elif masked == "bool":
        mask = array((batch, 1, queries, keys), np.bool_, 3)
        mask[..., 0] = True
        arrays.append(mask)
        scores = np.where(mask, scores, -np.inf)
    elif masked == "float":
        arrays.append(array((1, heads * share, queries, keys), dtype, 3))
        scores = scores + arrays[3].astype(np.float64)
    net = network()
    tensors = inputs(net, *arrays)
    layer = net.add_attention(*tensors[:3], trt.AttentionNormalizationOp.SOFTMAX, masked == "causal")
    if len(tensors) > 3:
        layer.mask = tensors[3]
    got = outputs(net, net[1], *arrays)[0]
    close(got, (softmax(scores) @ v.astype(np.float64).repeat(share, 1)).astype(dtype))


@few
@given(shape=shapes(1, 3), dtype=FLOATS, name=st.sampled_from(["RELU", "SIGMOID", "TANH", "LEAKY_RELU", "CLIP"]))
def test_activation(shape: tuple[int, ...], dtype: Any, name: str) -> None:
    x = array(shape, dtype)
    wide = x.astype(np.float64)

    def add(net: Any, v: Any) -> Any:
        layer = net.add_activation(v, getattr(trt.ActivationType, name))
        layer.alpha, layer.beta = 0.25, 0.5
        return layer

    wanted = {
        "RELU": np.maximum(wide, 0), "SIGMOID": 1 / (1 + np.exp(-wide)), "TANH": np.tanh(wide),
        "LEAKY_RELU": np.where(wide > 0, wide, 0.25 * wide), "CLIP": np.clip(wide, 0.25, 0.5),
    }  # fmt: skip
    close(compute(add, x), wanted[name].astype(dtype))


@few
@given(triple=broadcasting(3), dtype=TYPES)
def test_select(triple: list[tuple[int, ...]], dtype: Any) -> None:
    rank = max(map(len, triple))
    whole = [(1,) * (rank - len(s)) + s for s in triple]
    mask, a, b = array(whole[0], np.bool_), array(whole[1], dtype, 1), array(whole[2], dtype, 2)
    close(compute(lambda net, m, x, y: net.add_select(m, x, y), mask, a, b), np.where(mask, a, b))


@few
@given(heads=st.integers(1, 3), tokens=st.integers(1, 5), half=st.integers(1, 4), interleaved=st.booleans())
def test_rotary_embedding(heads: int, tokens: int, half: int, interleaved: bool) -> None:
    x, angles = array((2, heads, tokens, 2 * half)), array((9, half), seed=1)
    places = array((2, tokens), np.int32, 2, 0, 8)
    pairs = x[..., ::2] + 1j * x[..., 1::2] if interleaved else x[..., :half] + 1j * x[..., half:]
    turned = pairs * np.exp(1j * angles.astype(np.float64)[places])[:, None]
    parts = (turned.real, turned.imag)
    wanted = np.stack(parts, -1).reshape(x.shape) if interleaved else np.concatenate(parts, -1)

    def add(net: Any, v: Any, c: Any, s: Any, p: Any) -> Any:
        layer = net.add_rotary_embedding(v, c, s, interleaved, 0)
        layer.set_input(3, p)
        return layer

    close(compute(add, x, np.cos(angles), np.sin(angles), places), wanted.astype(np.float32))


@few
@given(heads=st.integers(1, 3), size=st.integers(1, 4), room=st.integers(3, 6), new=st.integers(1, 3), dtype=FLOATS)
def test_kv_cache_update(heads: int, size: int, room: int, new: int, dtype: Any) -> None:
    cache, fresh = array((2, heads, room, size), dtype), array((2, heads, new, size), dtype, 1)
    where = array((2,), np.int32, 2, 0, room - new)
    wanted = cache.copy()
    for i, start in enumerate(where):
        wanted[i, :, start : start + new] = fresh[i]
    mode = trt.KVCacheMode.LINEAR
    close(compute(lambda net, c, n, w: net.add_kv_cache_update(c, n, w, mode), cache, fresh, where), wanted)


@few
@given(tokens=st.integers(1, 4), experts=st.integers(2, 4), top=st.integers(1, 2), hidden=st.integers(1, 6))
def test_mixture_of_experts(tokens: int, experts: int, top: int, hidden: int) -> None:
    x, scores = array((1, tokens, 4)), array((1, tokens, top), seed=1, low=0, high=1)
    chosen = array((1, tokens, top), np.int32, 2, 0, experts - 1)
    gate, up = (array((experts, 4, hidden), seed=s, low=-1, high=1) for s in (3, 4))
    down = array((experts, hidden, 4), seed=5, low=-1, high=1)

    def add(net: Any, v: Any, c: Any, s: Any, g: Any, u: Any, d: Any) -> Any:
        layer = net.add_moe(v, c, s)
        layer.set_gated_weights(g, u, d, trt.MoEActType.SILU)
        return layer

    wanted = np.zeros(x.shape)
    for place in np.ndindex(1, tokens):
        for e, share in zip(chosen[place], scores[place], strict=True):
            g = x[place] @ gate[e]
            wanted[place] += share * ((g / (1 + np.exp(-g)) * (x[place] @ up[e])) @ down[e])
    close(compute(add, x, chosen, scores, gate, up, down), wanted.astype(np.float32))


@few
@given(rows=st.integers(1, 4), columns=st.integers(1, 6), data=st.data())
def test_ragged_softmax(rows: int, columns: int, data: st.DataObject) -> None:
    x = array((rows, columns))
    bounds = np.array([[data.draw(st.integers(1, columns))] for _ in range(rows)], np.int32)
    wanted = np.zeros_like(x)
    for row, n in zip(range(rows), bounds[:, 0], strict=True):
        wanted[row, :n] = softmax(x[row, :n].astype(np.float64))
    close(compute(lambda net, a, b: net.add_ragged_softmax(a, b), x, bounds), wanted)


@few
@given(shape=shapes(1, 3), start=st.integers(-3, 3), step=st.integers(-2, 2))
def test_fill_ramps(shape: tuple[int, ...], start: int, step: int) -> None:
    net = network()
    layer = net.add_fill((shape[0],), trt.FillOperation.LINSPACE)
    layer.alpha, layer.beta = float(start), float(step)
    close(outputs(net, layer)[0], (start + step * np.arange(shape[0])).astype(np.float32))


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RELU", "TANH"])
@few
@given(batch=st.integers(1, 2), steps=st.integers(1, 4), size=st.integers(1, 4), hidden=st.integers(1, 5))
def test_rnn_v2(kind: str, batch: int, steps: int, size: int, hidden: int) -> None:
    gates = {"LSTM": "INPUT OUTPUT FORGET CELL", "GRU": "UPDATE RESET HIDDEN"}.get(kind, "INPUT").split()
    x = array((batch, steps, size), seed=9)
    w = {g: array((hidden, size), seed=i, low=-1, high=1) for i, g in enumerate(gates)}
    r = {g: array((hidden, hidden), seed=i + 4, low=-1, high=1) for i, g in enumerate(gates)}
    b = {g: array((hidden,), seed=i + 8, low=-1, high=1) for i, g in enumerate(gates)}
    net = v8.Builder(v8.Logger(v8.Logger.ERROR)).create_network(1)
    layer = net.add_rnn_v2(net.add_input("a", v8.float32, x.shape), 1, hidden, steps, getattr(v8.RNNOperation, kind))
    for gate in gates:
        named = getattr(v8.RNNGateType, gate)
        layer.set_weights_for_gate(0, named, True, w[gate])
        layer.set_weights_for_gate(0, named, False, r[gate])
        layer.set_bias_for_gate(0, named, True, b[gate])
        layer.set_bias_for_gate(0, named, False, np.zeros(hidden, np.float32))
    stacked = [np.concatenate([m[g] for g in gates])[None] for m in (w, r)]
    bias = np.concatenate([*(b[g] for g in gates), np.zeros(len(gates) * hidden, np.float32)])[None]
    op = kind if kind in ("LSTM", "GRU") else "RNN"
    fields: dict[str, Any] = {"activations": [kind.capitalize()]} if op == "RNN" else {}
    if kind == "GRU":
        fields = {"linear_before_reset": 1}
    wanted = onnx(op, x.swapaxes(0, 1), *stacked, bias, hidden_size=hidden, **fields)
    close(outputs(net, layer, x)[0], wanted[:, 0].swapaxes(0, 1))


@few
@given(shape=shapes(2, 3), reverse=st.booleans(), data=st.data())
def test_a_loop_over_an_axis(shape: tuple[int, ...], reverse: bool, data: st.DataObject) -> None:
    axis = data.draw(st.integers(0, len(shape) - 1))
    x = array(shape)
    rest = tuple(d for i, d in enumerate(shape) if i != axis)
    net = network()
    (v,) = inputs(net, x)
    loop = net.add_loop()
    loop.add_trip_limit(net.add_constant((), np.array([shape[axis]], np.int32)).get_output(0), trt.TripLimit.COUNT)
    row = loop.add_iterator(v, axis, reverse).get_output(0)
    total = loop.add_recurrence(net.add_constant(rest, np.zeros(rest, np.float32)).get_output(0))
    after = net.add_elementwise(total.get_output(0), row, SUM).get_output(0)
    total.set_input(1, after)
    rows = loop.add_loop_output(after, trt.LoopOutput.CONCATENATE, 0)
    rows.set_input(1, net.add_constant((), np.array([shape[axis]], np.int32)).get_output(0))
    moved = np.moveaxis(x, axis, 0)
    close(outputs(net, rows, x)[0], np.cumsum(moved[::-1] if reverse else moved, 0, dtype=np.float32))


@few
@given(shape=shapes(1, 3), dtype=FLOATS, taken=st.booleans())
def test_a_conditional(shape: tuple[int, ...], dtype: Any, taken: bool) -> None:
    flag, x = np.array(taken), array(shape, dtype)
    net = network()
    f, v = inputs(net, flag, x)
    conditional = net.add_if_conditional()
    conditional.set_condition(f)
    inside = conditional.add_input(v).get_output(0)
    double = net.add_elementwise(inside, inside, SUM).get_output(0)
    negative = net.add_unary(inside, trt.UnaryOperation.NEG).get_output(0)
    close(outputs(net, conditional.add_output(double, negative), flag, x)[0], 2 * x if taken else -x)
