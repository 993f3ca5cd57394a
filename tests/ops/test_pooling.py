"""Pooling against onnxruntime."""

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import check, check_symbolic

RNG = np.random.default_rng(0)

CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9), {"kernel_shape": [3]}),
    ((2, 3, 9), {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 2], "strides": [2, 3], "pads": [1, 0, 2, 1]}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
    ((1, 2, 9, 10), {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
    ((1, 2, 9, 10), {"kernel_shape": [3, 3], "dilations": [2, 3]}),
    ((1, 1, 5, 6, 7), {"kernel_shape": [2, 3, 2], "strides": [2, 1, 2]}),
]


@pytest.mark.parametrize(("shape", "attributes"), CASES)
def test_max(shape: tuple[int, ...], attributes: dict[str, Any]) -> None:
    x = RNG.standard_normal(shape).astype(np.float32)
    check("MaxPool", [x], **attributes)
    check("MaxPool", [x], outputs=2, **attributes)
    check("MaxPool", [x], outputs=2, storage_order=1, **attributes)


@pytest.mark.parametrize("include", [0, 1])
@pytest.mark.parametrize(("shape", "attributes"), CASES)
def test_average(shape: tuple[int, ...], attributes: dict[str, Any], include: int) -> None:
    x = RNG.standard_normal(shape).astype(np.float32)
    check("AveragePool", [x], count_include_pad=include, **attributes)


@pytest.mark.parametrize(("shape", "attributes"), CASES)
@pytest.mark.parametrize("p", [1, 2, 3])
def test_norm(shape: tuple[int, ...], attributes: dict[str, Any], p: int) -> None:
    if "ceil_mode" not in attributes:
        check("LpPool", [RNG.standard_normal(shape).astype(np.float32)], p=p, **attributes)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_max_of_bytes(dtype: Any) -> None:
    x = RNG.integers(-128 if dtype == np.int8 else 0, 127, (1, 2, 7, 7)).astype(dtype)
    check("MaxPool", [x], kernel_shape=[3, 3], pads=[1, 1, 1, 1])


def test_symbolic_sizes() -> None:
    sizes = [{"N": 1, "H": 9, "W": 12}, {"N": 2, "H": 8, "W": 11}, {"N": 2, "H": 10, "W": 10}]
    for attributes in (
        {"strides": [2, 3]},
        {"strides": [2, 3], "ceil_mode": 1},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
    ):
        for op in ("MaxPool", "AveragePool"):
            check_symbolic(op, [("N", 3, "H", "W")], sizes, kernel_shape=[3, 2], **attributes)


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"])
def test_global(op: str) -> None:
    check(op, [RNG.standard_normal((2, 3, 5, 6)).astype(np.float32)], opset=17)
    check_symbolic(op, [("N", 3, "H", "W")], [{"N": 1, "H": 3, "W": 4}, {"N": 2, "H": 5, "W": 1}], opset=17)
