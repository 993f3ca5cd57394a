"""Local response normalisation against onnxruntime."""

import numpy as np
import pytest

from tests.ops.harness import check, check_symbolic


@pytest.mark.parametrize("size", [1, 3, 5])
def test_lrn(size: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 7, 4, 5)).astype(np.float32)
    check("LRN", [x], size=size, alpha=0.5, beta=0.6, bias=2.0)
    check("LRN", [x], size=size)


def test_symbolic_sizes() -> None:
    check_symbolic("LRN", [("N", 6, "H", "W")], [{"N": 1, "H": 3, "W": 4}, {"N": 2, "H": 5, "W": 1}], size=3)
