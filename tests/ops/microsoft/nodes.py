"""One node of com.microsoft at a time."""

from __future__ import annotations

from typing import Any

from onnx import ModelProto

from tests.ops import harness

DOMAIN = "com.microsoft"


def node_of(op: str, operands: Any, **given: Any) -> ModelProto:
    """A model of one node."""
    return harness.one_node(op, operands, domain=DOMAIN, **given)


def check(op: str, operands: Any, **given: Any) -> list[Any]:
    """The harness's ``check`` of a node of the domain."""
    return harness.check(op, operands, domain=DOMAIN, **given)
