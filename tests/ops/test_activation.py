"""Unary pointwise ops."""

from __future__ import annotations

import numpy as np
import pytest

from tests.ops.harness import check, check_symbolic


@pytest.mark.parametrize("op", ["Relu", "LeakyRelu", "Sigmoid"])
def test_symbolic(op: str) -> None:
    """Shapes pass through."""
    check_symbolic(op, [("N", 3, "S")], [{"N": 1, "S": 4}, {"N": 2, "S": 1}])


def test_relu() -> None:
    """One example."""
    check("Relu", [np.array([-1.0, 0.0, 2.0, np.nan], np.float32)])
