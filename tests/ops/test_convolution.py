"""Convolutions against onnxruntime."""

from typing import Any

import numpy as np
import pytest

from minirt.errors import TypeInferenceError, UnsupportedNodeError
from minirt.ir.graph import constant
from minirt.ir.op import apply
from minirt.ops.convolution import Conv
from tests.ops.harness import check, check_symbolic

RNG = np.random.default_rng(0)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


CASES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9), (4, 3, 3), {}),
    ((2, 3, 9), (4, 3, 3), {"pads": [2, 1], "strides": [2], "dilations": [2]}),
    ((1, 4, 7, 8), (6, 4, 3, 2), {"pads": [1, 0, 2, 1], "strides": [2, 3]}),
    ((1, 4, 7, 8), (6, 2, 3, 3), {"group": 2, "dilations": [2, 1]}),
    ((1, 4, 7, 8), (8, 1, 3, 3), {"group": 4, "pads": [1, 1, 1, 1]}),
    ((1, 4, 7, 8), (4, 1, 3, 3), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((1, 4, 7, 8), (4, 4, 2, 2), {"auto_pad": "SAME_LOWER"}),
    ((1, 4, 7, 8), (4, 4, 2, 2), {"auto_pad": "VALID", "kernel_shape": [2, 2]}),
    ((1, 2, 5, 6, 7), (3, 2, 3, 2, 1), {"pads": [1, 0, 0, 1, 1, 0], "strides": [1, 2, 1]}),
    ((0, 3, 9), (4, 3, 3), {}),
]


@pytest.mark.parametrize(("x", "w", "attributes"), CASES)
@pytest.mark.parametrize("bias", [False, True])
def test_conv(x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any], bias: bool) -> None:
    arrays = [randn(*x), randn(*w)] + ([randn(w[0])] if bias else [])
    check("Conv", arrays, tolerance=1e-4, **attributes)


TRANSPOSED: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9), (3, 4, 3), {}),
    ((2, 3, 9), (3, 4, 3), {"pads": [2, 1], "strides": [2], "dilations": [2], "output_padding": [1]}),
    ((1, 4, 5, 6), (4, 3, 2, 2), {"strides": [2, 2]}),
    ((1, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "group": 2, "pads": [1, 1, 1, 1], "output_padding": [1, 0]}),
    ((1, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 3], "auto_pad": "SAME_UPPER"}),
    ((1, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 3], "auto_pad": "SAME_LOWER"}),
    ((1, 4, 5, 6), (4, 3, 3, 3), {"strides": [2, 2], "output_shape": [10, 12]}),
    ((1, 2, 3, 4, 5), (2, 3, 2, 3, 1), {"strides": [2, 1, 2]}),
    ((2, 3, 9), (3, 4, 8), {"pads": [2, 2], "strides": [4], "dilations": [2]}),
]


@pytest.mark.parametrize(("x", "w", "attributes"), TRANSPOSED)
@pytest.mark.parametrize("bias", [False, True])
def test_conv_transpose(x: tuple[int, ...], w: tuple[int, ...], attributes: dict[str, Any], bias: bool) -> None:
    channels = w[1] * attributes.get("group", 1)
    arrays = [randn(*x), randn(*w)] + ([randn(channels)] if bias else [])
    check("ConvTranspose", arrays, tolerance=1e-4, **attributes)


def test_symbolic_sizes() -> None:
    sizes = [{"N": 1, "H": 9, "W": 12}, {"N": 3, "H": 8, "W": 11}]
    for attributes in ({"strides": [2, 3]}, {"strides": [2, 2], "auto_pad": "SAME_UPPER"}, {"pads": [1, 1, 0, 2]}):
        check_symbolic("Conv", [("N", 3, "H", "W"), (4, 3, 3, 2), (4,)], sizes, tolerance=1e-4, **attributes)
        check_symbolic("ConvTranspose", [("N", 3, "H", "W"), (3, 4, 3, 4)], sizes, tolerance=1e-4, **attributes)


def test_misfits_are_refused() -> None:
    with pytest.raises(TypeInferenceError, match="channels"):
        apply(Conv((1,), (0, 0), (1,)), constant(randn(1, 3, 9)), constant(randn(4, 2, 3)))
    with pytest.raises(TypeInferenceError, match="larger than"):
        apply(Conv((1,), (0, 0), (1,)), constant(randn(1, 3, 2)), constant(randn(4, 3, 3)))
    with pytest.raises((TypeInferenceError, UnsupportedNodeError, Exception), match="spatial axes"):
        check("Conv", [randn(1, 3, 9), randn(4, 3, 3)], strides=[1, 1], expected=[])
