"""GroupQueryAttention as GenAI's builder writes it, against onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from minirt.errors import MinirtError
from tests.ops.harness import assert_close, check_model, import_model, run_ort
from tests.ops.microsoft.nodes import node_of
from tests.ops.on_target import OnTarget

RNG = np.random.default_rng(31)
B, N, G, H = 2, 4, 2, 16
KV = G * H


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def operands(length: int, past: int, packed: bool = False, room: int = 0) -> list[Any]:
    """Queries of a prompt (no past), or of steps after a past; ``room`` is more of the past than counts."""
    total = past + length
    x = [randn(B, length, N * H + 2 * KV), None, None] if packed else [randn(B, length, w) for w in (N * H, KV, KV)]
    cache = [randn(B, G, past + room, H) for _ in range(2)] if past + room else [None, None]
    return [*x, *cache, np.full(B, total - 1, np.int32), np.asarray(total, np.int32)]


def check(given: list[Any], outputs: int = 3, free: bool = False, **attributes: Any) -> None:
    """Compares; the length is a constant, or, where ``free``, an operand."""
    arrays = list(given)
    while arrays[-1] is None:
        arrays.pop()
    constants = [] if free else [6]
    model = node_of("GroupQueryAttention", arrays, outputs=outputs, constants=constants, num_heads=N, **attributes)
    feeds = {f"x{i}": a for i, a in enumerate(arrays) if a is not None and i not in constants}
    check_model(model, feeds, 1e-4)


def more(given: list[Any], **named: Any) -> list[Any]:
    """With optional operands by name."""
    places = {"cos": 7, "sin": 8, "position_ids": 9, "attention_bias": 10, "head_sink": 11}
    out = [*given, *[None] * (12 - len(given))]
    for name, array in named.items():
        out[places[name]] = array
    return out


SHAPES = [(5, 0), (1, 4)]


@pytest.mark.parametrize(("length", "past"), SHAPES)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("interleaved", [0, 1])
def test_rotary(length: int, past: int, packed: bool, interleaved: int) -> None:
    """Prompts and steps."""
    tables = {"cos": randn(12, H // 2), "sin": randn(12, H // 2)}
    given = more(operands(length, past, packed), **tables)
    check(given, kv_num_heads=G, do_rotary=1, rotary_interleaved=interleaved)
    places = np.tile(np.arange(past, past + length), (B, 1))
    check(more(given[:9], position_ids=places), kv_num_heads=G, do_rotary=1, rotary_interleaved=interleaved)


@pytest.mark.parametrize(("length", "past"), SHAPES)
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"scale": 0.2},
        {"local_window_size": 3},
        {"softcap": 2.0},
        {"smooth_softmax": 1},
        {"local_window_size": 2, "softcap": 1.5, "smooth_softmax": 1},
    ],
)
def test_scores(length: int, past: int, attributes: dict[str, Any]) -> None:
    """Scale, window, soft cap, smooth softmax; with a bias."""
    given = operands(length, past)
    check(given, kv_num_heads=G, **attributes)
    check(more(given, attention_bias=randn(1, N, length, length + past)), kv_num_heads=G, **attributes)


def test_several_steps_after_a_past() -> None:
    """onnxruntime takes them for one sequence only."""
    given = [a[:1] if a is not None and a.ndim else a for a in operands(3, 4)]
    given = more(given, cos=randn(12, H // 2), sin=randn(12, H // 2))
    check(given, kv_num_heads=G, do_rotary=1)
    check(given, kv_num_heads=G, do_rotary=1, local_window_size=3)


@pytest.mark.parametrize(("length", "past"), SHAPES)
def test_sinks(length: int, past: int) -> None:
    """A score without a value, one a head."""
    check(more(operands(length, past), head_sink=randn(N)), kv_num_heads=G)


@pytest.mark.parametrize("kind", [1, 2])
def test_scores_as_a_result(kind: int) -> None:
    """The fourth result: scores, or weights, of what is seen."""
    given = operands(1, 4)
    check(given, outputs=4, kv_num_heads=G, qk_output=kind)


@pytest.mark.parametrize("lengths", [[6, 3], [2, 5]])
def test_sequences_of_unlike_lengths(lengths: list[int]) -> None:
    """One step for each; what of the cache does not count may be anything."""
    given = operands(1, 5)
    given[5] = np.array([n - 1 for n in lengths], np.int32)
    model = node_of("GroupQueryAttention", given, outputs=3, constants=[6], num_heads=N, kv_num_heads=G)
    feeds = {f"x{i}": a for i, a in enumerate(given) if i != 6}
    wanted = run_ort(model, feeds)
    found = OnTarget(import_model(model))(feeds)
    assert_close(found[0], wanted[0], 1e-4)
    for a, b in zip(found[1:], wanted[1:], strict=True):
        for i, n in enumerate(lengths):
            assert_close(a[i, :, :n], b[i, :, :n])


def test_a_cache_with_room() -> None:
    """Past and present of one length, which is more than what counts."""
    given = operands(1, 4, room=3)
    model = node_of("GroupQueryAttention", given, outputs=3, constants=[6], num_heads=N, kv_num_heads=G)
    feeds = {f"x{i}": a for i, a in enumerate(given) if i != 6}
    found, wanted = OnTarget(import_model(model))(feeds), run_ort(model, feeds)
    assert_close(found[0], wanted[0], 1e-4)
    for a, b in zip(found[1:], wanted[1:], strict=True):
        assert_close(a[:, :, :5], b[:, :, :5])


def test_lengths_that_are_dims() -> None:
    """The total comes from the shape of another input; the cache grows by the new steps."""
    given = operands(1, 4)
    shapes = [("B", "S", N * H), *[("B", "S", KV)] * 2, *[("B", G, "P", H)] * 2, ("B",)]
    inner = onnx.helper.make_node(
        "GroupQueryAttention",
        [f"x{i}" for i in range(6)] + ["t"],
        ["y0", "y1", "y2"],
        domain="com.microsoft",
        num_heads=N,
        kv_num_heads=G,
    )
    nodes = [
        onnx.helper.make_node("Shape", ["m"], ["s"], start=1, end=2),
        onnx.helper.make_node("Cast", ["s"], ["t"], to=onnx.TensorProto.INT32),
        inner,
    ]
    kinds = [onnx.TensorProto.FLOAT] * 5 + [onnx.TensorProto.INT32]
    infos = [
        onnx.helper.make_tensor_value_info(f"x{i}", k, s) for i, (k, s) in enumerate(zip(kinds, shapes, strict=True))
    ]
    infos.append(onnx.helper.make_tensor_value_info("m", onnx.TensorProto.INT64, ("B", "T")))
    free = [onnx.ValueInfoProto(name=f"y{i}") for i in range(3)]
    imports = [onnx.helper.make_opsetid("", 21), onnx.helper.make_opsetid("com.microsoft", 1)]
    graph = onnx.helper.make_graph(nodes, "g", infos, free)
    model = onnx.helper.make_model(graph, opset_imports=imports, ir_version=10)
    run = import_model(model)
    for length, past in ((1, 4), (1, 7)):
        given = operands(length, past)
        feeds = {f"x{i}": a for i, a in enumerate(given[:6])} | {"m": np.ones((B, length + past), np.int64)}
        for a, b in zip(OnTarget(run)(feeds), run_ort(model, feeds), strict=True):
            assert_close(a, b, 1e-4)


def test_a_length_that_is_an_operand() -> None:
    """The cache then grows by the new steps."""
    check(operands(1, 4), free=True, kv_num_heads=G)


def test_what_is_refused() -> None:
    """Caches of few bits, rings, and padded chunks."""
    given = operands(1, 4)
    for attributes in ({"k_quant_type": "PER_TENSOR"}, {"sliding_window_cache": 1}):
        with pytest.raises(MinirtError, match="not supported"):
            import_model(node_of("GroupQueryAttention", given, num_heads=N, kv_num_heads=G, **attributes))
