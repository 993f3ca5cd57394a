"""The registration of importers of the domain com.microsoft, and what they share with the default domain."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from minirt.ir.op import Value
from minirt.ops.importer import IMPORTERS, OnnxNode, Result, importer
from minirt.ops.movement import transposed

DOMAIN = "com.microsoft"
_OPSET = 23

microsoft = partial(importer, domain=DOMAIN)
"""Registers the function for these op types of the domain."""


def standard(node: OnnxNode, op_type: str, *inputs: Value | None, opset: int = _OPSET, **attributes: Any) -> Result:
    """What the default domain's op of this name gives for the inputs, by the node's attributes and these."""
    named = {**node.attributes, **attributes}
    return IMPORTERS["", op_type](
        replace(node, op_type=op_type, domain="", opset=opset, inputs=inputs, attributes=named)
    )


def single(result: Result) -> Value:
    """The first result."""
    return result if isinstance(result, Value) else result[0]


def channels_first(x: Value) -> Value:
    """[N, spatial..., C] as [N, C, spatial...]."""
    return transposed(x, (0, x.rank - 1, *range(1, x.rank - 1)))


def channels_last(x: Value) -> Value:
    """[N, C, spatial...] as [N, spatial..., C]."""
    return transposed(x, (0, *range(2, x.rank), 1))
