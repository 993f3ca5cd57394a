"""One node of com.microsoft at a time."""

from __future__ import annotations

from typing import Any

import onnxruntime
import pytest
from onnx import ModelProto

from tests.ops import harness

DOMAIN = "com.microsoft"
RECENT = pytest.mark.skipif(
    tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 32),
    reason="onnxruntime before 1.32 lacks this, crashes, or computes it otherwise",
)


def node_of(op: str, operands: Any, **given: Any) -> ModelProto:
    """A model of one node."""
    return harness.one_node(op, operands, domain=DOMAIN, **given)


def check(op: str, operands: Any, **given: Any) -> list[Any]:
    """The harness's ``check`` of a node of the domain."""
    return harness.check(op, operands, domain=DOMAIN, **given)
