"""Trained models, filled light models and exported nets through the whole of minirt agree with onnxruntime.

Each is parsed, built, saved, loaded in a new process and run at each of its shapes; the bound is on
max |error| / max |reference|, output by output.
"""

from pathlib import Path

import onnx
import pytest

import minirt as trt
from tests.exports.zoo import EXPORTS, export_path
from tests.models import light, zoo
from tests.models.harness import ParseError, errors

TOLERANCE = 1e-4
HALF_TOLERANCE = 2e-2
TARGETS = [pytest.param("cpu"), pytest.param("", id="cuda", marks=pytest.mark.gpu)]


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run the test on the CPU target, and on the first device where there is one."""
    monkeypatch.setenv("MINIRT_TARGET", request.param)
    return str(request.param)


def _keys() -> list[object]:
    small = [pytest.mark.models, pytest.mark.small]
    return [pytest.param(key, marks=small if key in zoo.SMALL else pytest.mark.models) for key in zoo.MODELS]


def check(found: dict[str, float], tolerance: float, record: pytest.FixtureRequest) -> None:
    """Hold every error against the tolerance, and note the largest with the test's result."""
    record.node.user_properties.append(("error_of_scale", max(found.values())))
    wrong = {name: error for name, error in found.items() if not error <= tolerance}
    assert not wrong, f"above {tolerance}: {wrong}"


def exported(name: str) -> Path:
    """Return the path of an export, made now if torch is here and it was not made before."""
    path = export_path(name)
    if not path.exists():
        pytest.importorskip("torch", reason=f"torch is not installed, and {path} was not made with it before")
        pytest.importorskip("tests.exports.make").write(EXPORTS[name], path)
    return path


@pytest.mark.parametrize("key", _keys())
def test_trained_model(key: str, target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A trained model agrees with onnxruntime, or is refused with every unsupported node named."""
    model = zoo.MODELS[key]
    if target != "cpu" and not zoo.is_fetched(key):
        pytest.skip("not in the store of models; GPU machines are often offline: fetch or carry it there before")
    feeds = [model.feeds(variant) for variant in model.variants]
    try:
        found = errors(zoo.fetch(key), feeds, tmp_path, model.optimized_oracle)
    except ParseError as error:
        nodes = onnx.load(zoo.fetch(key)).graph.node
        refused = {(node.name, node.op_type) for node in nodes if node.op_type in model.unsupported}
        assert refused, f"a model that minirt supports was refused:\n{error}"
        assert {name for name, _ in refused} <= {name for name, _ in error.nodes}
        assert {op for _, op in error.nodes} <= set(model.unsupported)
    else:
        check(found, model.tolerance, request)


@pytest.mark.models
@pytest.mark.parametrize("name", light.LIGHT)
def test_light_model(name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A light model of the onnx package, filled with random weights, agrees with onnxruntime."""
    check(errors(light.light_path(name), [light.feeds(name)], tmp_path), TOLERANCE, request)


@pytest.mark.parametrize("name", [name for name in EXPORTS if name.endswith("-tiny")])
def test_tiny_export(name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A tiny net exported from PyTorch agrees with onnxruntime."""
    feeds = [EXPORTS[name].feeds(variant) for variant in EXPORTS[name].variants]
    check(errors(export_path(name), feeds, tmp_path), TOLERANCE, request)


@pytest.mark.models
@pytest.mark.parametrize("name", [name for name in EXPORTS if not name.endswith("-tiny")])
def test_export(name: str, target: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """A net exported from PyTorch agrees with onnxruntime; its tiny sister is tested everywhere."""
    path = exported(name)
    feeds = [EXPORTS[name].feeds(variant) for variant in EXPORTS[name].variants]
    check(errors(path, feeds, tmp_path), TOLERANCE, request)


@pytest.mark.gpu
@pytest.mark.models
@pytest.mark.parametrize("name", ["resnet50", "bert-full", "vit-full", "unet-full"])
def test_half_precision(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """With FP16 allowed, a device agrees with onnxruntime in fp32 to half precision."""
    if name in light.LIGHT:
        path, feeds = light.light_path(name), [light.feeds(name)]
    else:
        path = exported(name)
        feeds = [EXPORTS[name].feeds(variant) for variant in EXPORTS[name].variants]
    check(errors(path, feeds, tmp_path, flags=[trt.BuilderFlag.FP16]), HALF_TOLERANCE, request)
