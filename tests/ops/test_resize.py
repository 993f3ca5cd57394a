"""Resizing against onnxruntime."""

from typing import Any

import numpy as np
import onnx
import pytest

from minirt.ops.evaluate import evaluate
from tests.ops.harness import assert_close, check, check_symbolic, import_model, one_node, run_ort
from tests.ops.on_target import OnTarget
from tests.ops.plans import TARGETS, host_steps, plan_for

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5, 7)).astype(np.float32)
GRIDS: list[dict[int, Any]] = [
    {2: np.array([1, 1, 2, 2], np.float32)},
    {2: np.array([1, 1, 0.6, 1.5], np.float32)},
    {2: np.array([1, 1, 1.3, 0.4], np.float32)},
    {3: np.array([2, 3, 9, 4], np.int64)},
    {3: np.array([2, 3, 1, 14], np.int64)},
]


def given(grid: dict[int, Any], x: Any = X) -> list[Any]:
    arrays = [x, None, grid.get(2), grid.get(3)]
    return arrays if 3 in grid else arrays[:3]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(
    "coordinates", ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric"]
)
class TestGrids:
    @pytest.mark.parametrize("nearest", ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
    def test_nearest(self, grid: dict[int, Any], coordinates: str, nearest: str) -> None:
        arrays = given(grid)
        if coordinates == "half_pixel_symmetric" and nearest in ("floor", "ceil") and grid is GRIDS[1]:
            pytest.skip("places fall on whole numbers but for f32 rounding, which decides there")
        check(
            "Resize", arrays, constants=(2, 3)[: len(arrays) - 2], mode="nearest", nearest_mode=nearest,
            coordinate_transformation_mode=coordinates,
        )  # fmt: skip

    def test_linear(self, grid: dict[int, Any], coordinates: str) -> None:
        arrays = given(grid)
        check("Resize", arrays, constants=(2, 3)[: len(arrays) - 2], mode="linear",
              coordinate_transformation_mode=coordinates, tolerance=1e-4)  # fmt: skip

    @pytest.mark.parametrize("exclude", [0, 1])
    def test_cubic(self, grid: dict[int, Any], coordinates: str, exclude: int) -> None:
        arrays = given(grid)
        check("Resize", arrays, constants=(2, 3)[: len(arrays) - 2], mode="cubic", exclude_outside=exclude,
              coordinate_transformation_mode=coordinates, cubic_coeff_a=-0.5, tolerance=1e-4)  # fmt: skip


@pytest.mark.parametrize("mode", ["linear", "cubic"])
@pytest.mark.parametrize("grid", [g for g in GRIDS if 3 not in g or g[3][2] > 1])
def test_antialias(mode: str, grid: dict[int, Any]) -> None:
    arrays = given(grid)
    check("Resize", arrays, constants=(2, 3)[: len(arrays) - 2], mode=mode, antialias=1, tolerance=1e-4,
          exclude_outside=int(mode == "cubic"))  # fmt: skip


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_antialias_of_images_of_any_size(mode: str) -> None:
    """How many elements a filter holds follows from the sizes of a run; no target asks the host."""
    arrays = [np.zeros((1, 2, 3, 4), np.float32), None, None, np.array([1, 2, 6, 5])]
    model = one_node("Resize", arrays, constants=(3,), mode=mode, antialias=1)
    for axis, name in ((2, "high"), (3, "wide")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
    graph = import_model(model)
    for target in TARGETS:
        assert not host_steps(plan_for(graph, target))
    built = OnTarget(graph)
    for high, wide in ((23, 31), (4, 40), (6, 3)):
        feeds = {model.graph.input[0].name: RNG.standard_normal((1, 2, high, wide)).astype(np.float32)}
        (wanted,) = run_ort(model, feeds)
        for found in (built(feeds)[0], evaluate(graph, feeds)[0]):
            assert_close(found, wanted, 1e-4)


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_the_shorter_side_is_made_of_one_length(mode: str) -> None:
    """One scale for both axes, which is the ratio of neither's sizes where they are rounded."""
    steps: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Shape", ["x"], "shape", {"start": 2}), ("Cast", ["shape"], "sides", {"to": 1}),
        ("ReduceMin", ["sides"], "least", {"keepdims": 1}), ("Div", ["length", "least"], "scale", {}),
        ("Concat", ["ones", "scale", "scale"], "scales", {"axis": 0}),
        ("Resize", ["x", "", "scales"], "y", {"mode": mode, "coordinate_transformation_mode": "asymmetric"}),
    ]  # fmt: skip
    held = {"length": np.array([8], np.float32), "ones": np.ones(2, np.float32)}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(op, given, [made], **fields) for op, given, made, fields in steps], "side",
        [onnx.helper.make_tensor_value_info("x", 1, [1, 2, "high", "wide"])], [onnx.ValueInfoProto(name="y")],
        [onnx.numpy_helper.from_array(v, k) for k, v in held.items()],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    imported = import_model(model)
    for target in TARGETS:
        assert not host_steps(plan_for(imported, target))
    built = OnTarget(imported)
    for high, wide in ((16, 25), (9, 4)):
        feeds = {"x": RNG.standard_normal((1, 2, high, wide)).astype(np.float32)}
        (wanted,) = run_ort(model, feeds)
        for found in (built(feeds)[0], evaluate(imported, feeds)[0]):
            assert_close(found, wanted, 1e-4)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_crop(mode: str) -> None:
    roi = np.array([0, 0, 0.4, -0.2, 1, 1, 0.9, 1.2], np.float32)
    check("Resize", [X, roi, None, np.array([2, 3, 4, 6], np.int64)], constants=(1, 3), mode=mode,
          coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value=9.0, tolerance=1e-4)  # fmt: skip


@pytest.mark.parametrize("policy", ["not_larger", "not_smaller"])
def test_aspect(policy: str) -> None:
    check("Resize", [X, None, None, np.array([7, 8], np.int64)], constants=(3,), mode="linear", axes=[2, 3],
          keep_aspect_ratio_policy=policy, tolerance=1e-4)  # fmt: skip


def test_axes() -> None:
    check("Resize", [X, None, np.array([2, 3], np.float32)], constants=(2,), axes=[3, 2], mode="linear", tolerance=1e-4)


@pytest.mark.parametrize("scale", [0.7, 0.6, 1.2, 1.4, 2.8])
@pytest.mark.parametrize("nearest", ["round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric"])
def test_places_halfway_between_elements(coordinates: str, nearest: str, scale: float) -> None:
    arrays = given({2: np.array([1, 1, 1, scale], np.float32)}, RNG.standard_normal((1, 1, 3, 16)).astype(np.float32))
    check(
        "Resize", arrays, constants=(2,), mode="nearest", nearest_mode=nearest,
        coordinate_transformation_mode=coordinates,
    )  # fmt: skip


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample(mode: str) -> None:
    check("Upsample", [X, np.array([1, 1, 2, 3], np.float32)], constants=(1,), opset=9, mode=mode)
    check("Resize", [X, np.array([1, 1, 2, 3], np.float32)], constants=(1,), opset=10, mode=mode)


def test_symbolic_sizes() -> None:
    sizes = [{"N": 1, "H": 9, "W": 12}, {"N": 3, "H": 8, "W": 11}]
    for scale in (2.0, 0.5, 0.7, 1.3):
        scales = np.array([1, 1, scale, scale], np.float32)
        check_symbolic("Resize", [("N", 3, "H", "W"), None, scales], sizes, mode="linear", tolerance=1e-4)
    check_symbolic("Resize", [("N", 3, "H", "W"), None, None, np.array([12, 5], np.int64)], sizes, axes=[2, 3])
