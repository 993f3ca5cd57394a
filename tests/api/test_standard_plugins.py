"""TensorRT's standard plugins: suppression against NumPy written from their documentation; how scripts find them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

import minirt as trt
import minirt.v7
import minirt.v8
import minirt.v11
from tests.api.nets import Keeper

F32, I32 = np.float32, np.int32


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def overlap(a: Any, b: Any, wider: float = 0.0) -> float:
    """Intersection over union of two boxes x1 y1 x2 y2, in float64."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    sides = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]) + wider, 0)
    areas = [np.prod(v[2:] - v[:2] + wider) for v in (a, b)]
    shared = np.prod(sides)
    return float(shared / (sum(areas) - shared)) if shared > 0 else 0.0


def suppressed(
    boxes: Any, scores: Any, most: int, bound: float, agnostic: bool = False, wider: float = 0.0
) -> list[tuple[float, Any, int]]:
    """(score, box, class) of an image's kept boxes [N, 1 or C, 4], best first; scores of -inf are out."""
    order = [divmod(int(i), scores.shape[1]) for i in np.argsort(-scores.reshape(-1), kind="stable")]
    kept: list[tuple[float, Any, int]] = []
    for n, c in order:
        box = boxes[n, c if boxes.shape[1] > 1 else 0]
        if scores[n, c] == -np.inf or len(kept) == most:
            break
        if all(overlap(box, other, wider) <= bound for _, other, k in kept if agnostic or k == c):
            kept.append((float(scores[n, c]), box, c))
    return kept


def padded(images: list[list[tuple[float, Any, int]]], most: int, fill: int = 0) -> list[Any]:
    """Counts, boxes, scores and classes, as the plugins give them."""
    counts = np.array([[len(kept)] for kept in images], I32)
    boxes, scores = np.zeros((len(images), most, 4), F32), np.zeros((len(images), most), F32)
    classes = np.full((len(images), most), fill, I32)
    for b, kept in enumerate(images):
        for i, (score, box, of) in enumerate(kept):
            boxes[b, i], scores[b, i], classes[b, i] = box, score, of
    return [counts, boxes, scores, classes]


def data(batch: int, count: int, classes: int, shared: bool = True, seed: int = 0) -> tuple[Any, Any]:
    """Boxes as corners [B, N, 1 or C, 4], and scores [B, N, C]."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.7, (batch, count, 1 if shared else classes, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.05, 0.3, low.shape)], 3).astype(F32)
    return boxes, rng.permutation(batch * count * classes).reshape(batch, count, classes).astype(F32) / 1e4


def parsed(op: str, inputs: dict[str, Any], domain: str = "TRT", dynamic: bool = False, **attributes: Any) -> list[Any]:
    """What a model of one such node gives for the inputs."""
    named = [f"y{i}" for i in range(4)]
    node = helper.make_node(op, list(inputs), named, domain=domain, plugin_version="1", **attributes)
    kind = onnx.TensorProto.FLOAT
    dims = {n: ["batch", *x.shape[1:]] if dynamic else x.shape for n, x in inputs.items()}
    ins = [helper.make_tensor_value_info(n, kind, d) for n, d in dims.items()]
    outs = [helper.make_tensor_value_info(n, kind, None) for n in named]
    model = helper.make_model(helper.make_graph([node], "g", ins, outs), opset_imports=[helper.make_opsetid("", 13)])
    logger = Keeper()
    builder = trt.Builder(logger)
    network, config = builder.create_network(), builder.create_builder_config()
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(model.SerializeToString()), parser.get_error(0).desc()
    if dynamic:
        profile = builder.create_optimization_profile()
        for n, x in inputs.items():
            profile.set_shape(n, (1, *x.shape[1:]), x.shape, (4, *x.shape[1:]))
        config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(plan).create_execution_context()
    found = context.run(inputs)
    return [found[n] for n in named]


def check(got: list[Any], want: list[Any]) -> None:
    """Counts and classes are equal, boxes and scores to the last bits."""
    for g, w in zip(got, want, strict=True):
        assert g.shape == w.shape
        np.testing.assert_allclose(g, w, rtol=1e-6, atol=1e-7)
    assert got[0].dtype == I32


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("agnostic", [0, 1])
@pytest.mark.parametrize("most", [7, 300])
def test_efficient_nms_keeps_the_best_of_what_overlaps(shared: bool, agnostic: int, most: int) -> None:
    boxes, scores = data(2, 40, 3, shared)
    floor = F32(0.004)
    given = {"boxes": boxes[:, :, 0] if shared else boxes, "scores": scores}
    got = parsed(
        "EfficientNMS_TRT", given, dynamic=True, score_threshold=float(floor), iou_threshold=0.4,
        max_output_boxes=most, background_class=-1, class_agnostic=agnostic, box_coding=0, score_activation=0,
    )  # fmt: skip
    live = np.where(scores >= floor, scores, -np.inf)
    check(got, padded([suppressed(b, s, most, 0.4, bool(agnostic)) for b, s in zip(boxes, live, strict=True)], most))
    assert got[3].dtype == I32


@pytest.mark.parametrize("domain", ["", "TRT", "somebody.else"])
def test_centres_sigmoids_and_a_background(domain: str) -> None:
    boxes, scores = data(1, 30, 4)
    logits = ((scores - scores.mean()) * 1e3).astype(F32)
    size = boxes[..., 2:] - boxes[..., :2]
    centres = np.concatenate([boxes[..., :2] + size / 2, size], 3)[:, :, 0]
    got = parsed(
        "EfficientNMS_TRT", {"boxes": centres, "scores": logits}, domain, score_threshold=0.3, iou_threshold=0.5,
        max_output_boxes=70, background_class=1, box_coding=1, score_activation=1,
    )  # fmt: skip
    chance = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(F32)
    live = np.where((chance >= 0.3) & (np.arange(4) != 1), chance, -np.inf)
    want = padded([suppressed(boxes[0], live[0], 70, 0.5)], 70)
    assert 0 < want[0][0, 0] < 70
    check(got, want)


@pytest.mark.parametrize("coding", [0, 1])
def test_anchors_decode_boxes(coding: int) -> None:
    boxes, scores = data(2, 25, 2, seed=3)
    anchors, _ = data(1, 25, 1, seed=4)
    raw, base = (boxes[:, :, 0] - 0.4) * 0.3, anchors[:, :, 0]
    got = parsed(
        "EfficientNMS_TRT", {"boxes": raw, "scores": scores, "anchors": base}, score_threshold=0.0, iou_threshold=0.3,
        max_output_boxes=12, box_coding=coding,
    )  # fmt: skip
    if coding:
        middle, size = raw[..., :2] * base[..., 2:] + base[..., :2], base[..., 2:] * np.exp(raw[..., 2:])
        plain = np.concatenate([middle - size / 2, middle + size / 2], 2)
    else:
        plain = raw + base
    want = [suppressed(b[:, None], s, 12, 0.3) for b, s in zip(plain, scores, strict=True)]
    check(got, padded(want, 12))


@pytest.mark.parametrize("unit", [1, 0])
def test_batched_nms_takes_the_foremost_of_each_class(unit: int) -> None:
    boxes, scores = data(2, 40, 3, shared=False, seed=7)
    boxes = (boxes * F32(1.2) if unit else boxes * 50).astype(F32)
    got = parsed(
        "BatchedNMSDynamic_TRT", {"boxes": boxes, "scores": scores}, "", shareLocation=0, backgroundLabelId=0,
        numClasses=3, topK=9, keepTopK=30, scoreThreshold=0.001, iouThreshold=0.35, isNormalized=unit,
    )  # fmt: skip
    live = np.where((scores >= F32(0.001)) & (np.arange(3) != 0), scores, -np.inf)
    cut = np.sort(live, axis=1)[:, -9][:, None]
    live = np.where(live >= cut, live, -np.inf)
    kept = [suppressed(b, s, 30, 0.35, wider=1.0 - unit) for b, s in zip(boxes, live, strict=True)]
    want = padded(kept, 30, fill=-1)
    want[1] = want[1].clip(0, 1) if unit else want[1]
    check(got, [*want[:3], want[3].astype(F32)])


def fields(module: Any, **given: Any) -> Any:
    """A collection of fields, as scripts make them."""
    kinds = {I32: module.PluginFieldType.INT32, F32: module.PluginFieldType.FLOAT32}
    return module.PluginFieldCollection(
        [module.PluginField(n, np.array([v], dtype=t), kinds[t]) for n, (v, t) in given.items()]
    )


@pytest.mark.parametrize("module", [minirt.v7, minirt.v8, trt, minirt.v11], ids=["7", "8", "10", "11"])
def test_a_script_finds_the_creator_and_adds_the_plugin(module: Any) -> None:
    boxes, scores = data(1, 20, 2)
    logger = module.Logger()
    assert module.init_libnvinfer_plugins(logger, "")
    registry = module.get_plugin_registry()
    find = getattr(registry, "get_plugin_creator", None) or registry.get_creator
    creator = find("EfficientNMS_TRT", "1", "")
    assert (creator.name, creator.plugin_version, creator.plugin_namespace) == ("EfficientNMS_TRT", "1", "")
    assert "iou_threshold" in [f.name for f in creator.field_names]
    made = creator.create_plugin(
        "nms", fields(module, iou_threshold=(0.4, F32), score_threshold=(0.001, F32), max_output_boxes=(8, I32))
    )
    assert (made.plugin_type, made.plugin_version, made.num_outputs) == ("EfficientNMS_TRT", "1", 4)
    builder = module.Builder(logger)
    flags = getattr(module.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    network = builder.create_network(0 if flags is None else 1 << int(flags))
    ins = [network.add_input(n, module.float32, x.shape) for n, x in (("b", boxes[:, :, 0]), ("s", scores))]
    for copy in (made, creator.deserialize_plugin("nms", made.serialize()).clone()):
        layer = network.add_plugin_v2(ins, copy)
        assert [tuple(layer.get_output(i).shape) for i in range(4)] == [(1, 1), (1, 8, 4), (1, 8), (1, 8)]
    for i in range(4):
        layer.get_output(i).name = f"y{i}"
        network.mark_output(layer.get_output(i))
    config = builder.create_builder_config()
    if hasattr(builder, "build_serialized_network"):
        plan = builder.build_serialized_network(network, config)
    else:
        plan = builder.build_engine(network, config).serialize()
    with trt.Runtime(trt.Logger()) as runtime:
        got = runtime.deserialize_cuda_engine(plan).create_execution_context().run({"b": boxes[:, :, 0], "s": scores})
    live = np.where(scores >= F32(0.001), scores, -np.inf)
    check([got[f"y{i}"] for i in range(4)], padded([suppressed(boxes[0], live[0], 8, 0.4)], 8))


def one_input(name: str, x: Any, **given: Any) -> Any:
    """What a plugin of one input gives."""
    logger = Keeper()
    builder = trt.Builder(logger)
    network = builder.create_network()
    creator = trt.get_plugin_registry().get_plugin_creator(name, "1", "")
    made = creator.create_plugin("p", fields(trt, **given))
    layer = network.add_plugin_v2([network.add_input("x", trt.float32, x.shape)], made)
    layer.get_output(0).name = "y"
    network.mark_output(layer.get_output(0))
    plan = builder.build_serialized_network(network, builder.create_builder_config())
    return trt.Runtime(logger).deserialize_cuda_engine(plan).create_execution_context().run({"x": x})["y"]


def test_small_plugins() -> None:
    x = np.random.default_rng(5).normal(size=(2, 3, 4, 5)).astype(F32)
    np.testing.assert_array_equal(one_input("LReLU_TRT", x, negSlope=(0.25, F32)), np.where(x > 0, x, x * F32(0.25)))
    np.testing.assert_array_equal(
        one_input("Clip_TRT", x, clipMin=(-0.5, F32), clipMax=(0.75, F32)), x.clip(F32(-0.5), F32(0.75))
    )
    np.testing.assert_array_equal(
        one_input("ResizeNearest_TRT", x, scale=(2.0, F32)), x.repeat(2, axis=2).repeat(2, axis=3)
    )


def test_gelu_of_the_bert_samples() -> None:
    rng = np.random.default_rng(6)
    x, bias = rng.normal(size=(2, 3, 8)).astype(F32), rng.normal(size=8).astype(F32)

    def expected(v: Any) -> Any:
        v = np.asarray(v, np.float64)
        return 0.5 * v * (1 + np.tanh(0.797884560802865 * v + 0.035677408136300125 * v**3))

    plain = one_input("CustomGeluPluginDynamic", x, type_id=(0, I32))
    np.testing.assert_allclose(plain, expected(x), rtol=1e-5, atol=1e-6)
    biased = one_input("CustomGeluPluginDynamic", x, type_id=(0, I32), bias=(bias, F32))
    np.testing.assert_allclose(biased, expected(x.astype(np.float64) + bias), rtol=1e-5, atol=1e-6)


def test_what_does_not_fit_is_an_error_of_the_parser() -> None:
    with pytest.raises(AssertionError, match="boxes"):
        parsed("EfficientNMS_TRT", {"boxes": np.zeros((1, 5, 4), F32), "scores": np.zeros((1, 6, 2), F32)})
