"""Polygraphy's commands, as they are in its wheel: on small exports here, on trained models in the models tier."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import onnx
import pytest

from tests.clients.programs import Said, need, run
from tests.exports.zoo import export_path
from tests.models.inputs import Feeds
from tests.models.zoo import DYNAMIC_INT8, MODELS, fetch

pytestmark = need("polygraphy", "onnx_graphsurgeon", "onnxruntime")

BERT, VIT, UNET = (export_path(f"{name}-tiny") for name in ("bert", "vit", "unet"))
IDS, MASK = "input_ids", "attention_mask"


def polygraphy(folder: Path, *words: object) -> Said:
    """Run one of Polygraphy's commands."""
    return run(folder, "-m", "polygraphy", *words)


def save_feeds(path: Path, feeds: Feeds) -> list[str]:
    """Write inputs as Polygraphy reads them; returns the options that give them and their shapes."""
    json = pytest.importorskip("polygraphy.json")
    json.save_json([feeds], str(path))
    shapes = [f"{name}:[{','.join(map(str, value.shape))}]" for name, value in feeds.items()]
    return ["--load-inputs", str(path), "--input-shapes", *shapes]


@pytest.mark.parametrize("model", [BERT, VIT, UNET], ids=["bert", "vit", "unet"])
def test_run_agrees_with_onnxruntime(tmp_path: Path, model: Path) -> None:
    shapes = ["--input-shapes", "image:[1,3,64,64]"] if model == UNET else []
    polygraphy(tmp_path, "run", model, "--trt", "--onnxrt", "--atol", "1e-3", *shapes).right("PASSED", "Pass Rate: 100")


def test_every_tensor_agrees(tmp_path: Path) -> None:
    marked = ["--trt-outputs", "mark", "all", "--onnx-outputs", "mark", "all"]
    said = polygraphy(tmp_path, "run", VIT, "--trt", "--onnxrt", "--atol", "1e-3", *marked)
    assert said.right("PASSED").count("Comparing Output") > 50


def test_comparisons(tmp_path: Path) -> None:
    both = ["run", VIT, "--trt", "--onnxrt"]
    polygraphy(tmp_path, *both, "--compare-func", "indices", "--postprocess", "top-5,axis=-1").right("PASSED")
    polygraphy(tmp_path, *both, "--compare-func", "distance_metrics").right("PASSED")
    wrong = polygraphy(tmp_path, *both, "--atol", "1e-30", "--rtol", "0")
    assert wrong.status == 1 and "FAILED" in wrong.text


def test_saved_inputs_outputs_and_engines(tmp_path: Path) -> None:
    saved = ["--save-inputs", "in.json", "--save-outputs", "out.json"]
    polygraphy(tmp_path, "run", VIT, "--onnxrt", *saved).right("PASSED")
    loaded = ["--load-inputs", "in.json", "--load-outputs", "out.json", "--validate"]
    keep = ["--save-engine", "vit.engine", "--save-timing-cache", "times", "--save-results", "results.json"]
    polygraphy(tmp_path, "run", VIT, "--trt", *loaded, *keep, "--atol", "1e-3").right("PASSED")
    polygraphy(tmp_path, "run", "vit.engine", "--trt", *loaded, "--atol", "1e-3").right("PASSED", "Pass Rate: 100")
    polygraphy(tmp_path, "run", VIT, "--trt", "--load-timing-cache", "times").right("PASSED")
    polygraphy(tmp_path, "inspect", "data", "results.json").right("logits", "trt-runner")
    polygraphy(tmp_path, "data", "concat", "in.json", "in.json", "-o", "twice.json")


@pytest.mark.parametrize("base", ["IInt8EntropyCalibrator2", "IInt8MinMaxCalibrator"])
def test_calibration_to_int8(tmp_path: Path, base: str) -> None:
    words = ["--int8", "--calibration-base-class", base, "--calibration-cache", "int8.cache"]
    compared = ["--compare", "cosine_similarity", "--cosine-similarity-threshold", "0.998"]
    polygraphy(tmp_path, "run", BERT, "--trt", "--onnxrt", *words, *compared).right("PASSED", "Pass Rate: 100")
    title, *rows = (tmp_path / "int8.cache").read_text().splitlines()
    assert title == "TRT-101601-" + base.removeprefix("IInt8").replace("or", "ion")
    assert len(rows) >= 8 and all(len(row.rpartition(": ")[2]) == 8 for row in rows)
    polygraphy(tmp_path, "convert", BERT, *words, "-o", "int8.engine").right()
    assert (tmp_path / "int8.cache").read_text().splitlines() == [title, *rows]
    saved, loaded = ([f"--{verb}-inputs", "in.json", f"--{verb}-outputs", "out.json"] for verb in ("save", "load"))
    polygraphy(tmp_path, "run", BERT, "--onnxrt", *saved).right("PASSED")
    polygraphy(tmp_path, "run", "int8.engine", "--trt", *loaded, *compared).right("PASSED")


def test_convert_and_inspect(tmp_path: Path) -> None:
    words = [f"{IDS}:[{{}}]", f"{MASK}:[{{}}]"]
    profile = [
        word
        for kind, shape in (("min", "1,4"), ("opt", "2,8"), ("max", "4,16"))
        for word in (f"--trt-{kind}-shapes", *(name.format(shape) for name in words))
    ]
    polygraphy(tmp_path, "convert", BERT, "-o", "bert.engine", *profile).right()
    said = polygraphy(tmp_path, "inspect", "model", "bert.engine", "--show", "layers", "attrs")
    said.right("TensorRT Engine", "min=(1, 4), opt=(2, 8), max=(4, 16)", "hidden", "Layer 0")
    shapes = ["--input-shapes", f"{IDS}:[3,9]", f"{MASK}:[3,9]"]
    polygraphy(tmp_path, "run", "bert.engine", "--trt", *shapes).right("PASSED")
    polygraphy(tmp_path, "convert", VIT, "-o", "vit.engine", "--fp16").right()
    polygraphy(tmp_path, "run", "vit.engine", "--model-type", "engine", "--trt", "--validate").right("PASSED")


def test_inspect_networks(tmp_path: Path) -> None:
    shown = ["--show", "layers", "attrs", "weights"]
    said = polygraphy(tmp_path, "inspect", "model", VIT, "--display-as", "trt", *shown)
    said.right("TensorRT Network", "LayerType.CONVOLUTION", "image [dtype=float32, shape=(-1, 3, 32, 32)]")
    said.right("kernel_size_nd = (8, 8)")
    polygraphy(tmp_path, "inspect", "capability", VIT).right("fully supported")


def test_surgeon(tmp_path: Path) -> None:
    polygraphy(tmp_path, "surgeon", "sanitize", BERT, "--fold-constants", "-o", "folded.onnx").right()
    polygraphy(tmp_path, "run", "folded.onnx", "--trt", "--onnxrt", "--atol", "1e-3").right("PASSED")
    polygraphy(tmp_path, "surgeon", "extract", VIT, "-o", "part.onnx", "--outputs", "conv2d:auto").right()
    polygraphy(tmp_path, "run", "part.onnx", "--trt", "--onnxrt", "--atol", "1e-3").right("PASSED", "conv2d")


def test_scripts_for_networks_and_configurations(tmp_path: Path) -> None:
    polygraphy(tmp_path, "template", "trt-network", VIT, "-o", "network.py").right()
    polygraphy(tmp_path, "run", "network.py", "--trt", "--model-type", "trt-network-script").right("PASSED")
    polygraphy(tmp_path, "template", "trt-config", "-o", "config.py", "--fp16").right()
    (tmp_path / "after.py").write_text("def postprocess(network):\n    print('layers:', network.num_layers)\n")
    scripts = ["--trt-config-script", "config.py", "--trt-network-postprocess-script", "after.py"]
    polygraphy(tmp_path, "run", VIT, "--trt", "--onnxrt", *scripts, "--atol", "1e-2").right("PASSED", "layers: ")
    polygraphy(tmp_path, "run", VIT, "--trt", "--onnxrt", "--gen-script", "whole.py").right()
    run(tmp_path, "whole.py").right("PASSED")


@pytest.mark.parametrize("dialect", ["10", "8"])
def test_tactics_are_recorded_and_replayed(tmp_path: Path, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_DIALECT", dialect)
    kept = ["--save-engine", "a.engine", "--save-tactics", "tactics.json"]
    polygraphy(tmp_path, "run", VIT, "--trt", *kept).right("PASSED")
    polygraphy(tmp_path, "inspect", "tactics", "tactics.json").right("Layer:", "Algorithm:")
    again = ["--save-engine", "b.engine", "--load-tactics", "tactics.json"]
    said = polygraphy(tmp_path, "run", VIT, "--trt", "--onnxrt", "--atol", "1e-3", *again).right("PASSED")
    assert "not found in the tactic replay" not in said
    assert (tmp_path / "a.engine").read_bytes() == (tmp_path / "b.engine").read_bytes()
    shown = json.loads((tmp_path / "tactics.json").read_text())
    next(iter(shown["replay"].values()))["tactic"] = 1
    (tmp_path / "tactics.json").write_text(json.dumps(shown))
    refused = polygraphy(tmp_path, "run", VIT, "--trt", "--load-tactics", "tactics.json")
    assert refused.status != 0 and "select_algorithms of the algorithm selector failed" in refused.text


def test_options_of_a_build(tmp_path: Path) -> None:
    formats = ["--direct-io", "--tensor-formats", "image:[linear]", "--tensor-dtypes", "image:float32"]
    limits = ["--pool-limit", "workspace:1G", "--max-aux-streams", "2", "--engine-capability", "standard"]
    precisions = ["--fp16", "--precision-constraints", "obey", "--layer-precisions", "node_conv2d:float16"]
    watched = ["--profiling-verbosity", "detailed", "--builder-optimization-level", "3", "--refittable"]
    caches = ["--preview-features", "profile_sharing_0806", "--tactic-sources", "cublas", "--disable-compilation-cache"]
    polygraphy(tmp_path, "convert", VIT, "-o", "e.engine", *formats, *limits, *precisions, *watched, *caches).right()
    polygraphy(tmp_path, "convert", VIT, "-o", "e.engine", "--int8", "--calibration-cache", "ranges").right()
    polygraphy(tmp_path, "convert", VIT, "-o", "e.engine", "--strongly-typed", "--version-compatible").right()
    for strategy in ("profile", "runtime"):
        polygraphy(tmp_path, "run", "e.engine", "--trt", "--allocation-strategy", strategy).right("PASSED")


FEW_NODES = """<ir_version: 10, opset_import: ["": 20]>
few (float[4, 16] x) => (float[4, 16] y) {
  a = Relu (x)
  b = Softmax (a)
  c = Gelu (b)
  d = Tanh (c)
  e = Sigmoid (d)
  y = Exp (e)
}"""


def test_debug(tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"  # each node more is one more program that starts, builds and compares
    small.write_bytes(onnx.parser.parse_model(FEW_NODES).SerializeToString())
    check = ["--check", sys.executable, "-m", "minirt", "-m", "polygraphy", "run"]
    compared = ["polygraphy_debug.onnx", "--trt", "--onnxrt", "--rtol", "0", "--atol", "1e-12"]
    said = polygraphy(tmp_path, "debug", "reduce", small, "-o", "less.onnx", "--mode", "bisect", *check, *compared)
    said.right("Difference exceeds tolerance", "Minimum", "less.onnx")
    polygraphy(tmp_path, "inspect", "model", "less.onnx").right("ONNX Model")
    saved = ["--save-inputs", "in.json", "--save-outputs", "out.json"]
    polygraphy(tmp_path, "run", "less.onnx", "--onnxrt", *saved).right()
    engine = ["polygraphy_debug.engine", "--trt", "--load-inputs", "in.json", "--load-outputs", "out.json"]
    precision = ["debug", "precision", "less.onnx", "--mode", "bisect", "--fp16"]
    polygraphy(tmp_path, *precision, *check, *engine, "--atol", "1").right("PASSED")


def test_the_library(tmp_path: Path) -> None:
    run(tmp_path, Path(__file__).parent / "polygraphy_api.py", VIT).right("all of it is right")


def test_a_plugin_for_a_node(tmp_path: Path) -> None:
    run(tmp_path, Path(__file__).parent / "plugin_by_name.py").right("all of it is right")


@pytest.mark.parametrize("dialect", ["8", "11"])
def test_other_dialects(tmp_path: Path, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_DIALECT", dialect)
    shapes = ["--input-shapes", f"{IDS}:[2,7]", f"{MASK}:[2,7]"]
    kept = ["--save-engine", "bert.engine"]
    polygraphy(tmp_path, "run", BERT, "--trt", "--onnxrt", "--atol", "1e-3", *shapes, *kept).right("PASSED")
    polygraphy(tmp_path, "inspect", "model", "bert.engine", "--show", "layers").right("TensorRT Engine", "Layer 0")


@pytest.mark.models
@pytest.mark.parametrize("key", MODELS)
def test_trained_models(tmp_path: Path, key: str) -> None:
    model = MODELS[key]
    path = fetch(key)
    given = save_feeds(tmp_path / "in.json", model.feeds())
    alike = ["--compare", "cosine_similarity", "--cosine-similarity-threshold", "0.999"]
    bound = alike if model.unsupported == DYNAMIC_INT8 else ["--atol", "1e-3", "--rtol", "1e-4"]
    saved = ["--save-engine", "model.engine", "--save-outputs", "out.json"]
    polygraphy(tmp_path, "run", path, "--trt", "--onnxrt", *bound, *given, *saved).right("PASSED", "Pass Rate: 100")
    polygraphy(tmp_path, "inspect", "model", path, "--display-as", "trt", "--show", "layers").right("TensorRT Network")
    polygraphy(tmp_path, "inspect", "model", "model.engine", "--show", "layers").right("TensorRT Engine")
    loaded = ["--load-inputs", "in.json", "--load-outputs", "out.json", "--validate"]
    polygraphy(tmp_path, "run", "model.engine", "--trt", *loaded, *bound).right("PASSED", "Pass Rate: 100")
