"""ONNX ops that the standard defines by other ops, expanded through that definition."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import onnx
from onnx import defs

from minirt.parsers.onnx.model import ParsedNode
from minirt.parsers.onnx.read import Reader, Scope, normal_domain
from minirt.parsers.onnx.tensors import Tensors
from minirt.types.dim import Expr
from minirt.types.tensor import Optional, Tensor, Type
from minirt.types.tensor import Sequence as SequenceType


@lru_cache(maxsize=1024)
def _schema(op_type: str, domain: str, opset: int) -> Any:
    try:
        return defs.get_schema(op_type, max(opset, 1), domain)
    except defs.SchemaError:
        return None


def _version(schema: Any, opset: int) -> int | None:
    """The opset whose definition holds for a model of ``opset``; None where the standard has none."""
    versions = (
        schema.function_opset_versions if schema.has_function else schema.context_dependent_function_opset_versions
    )
    return max((v for v in versions if v <= opset), default=min(versions, default=None))


def has_expansion(node: ParsedNode) -> bool:
    """True where the standard defines the node's op by other ops."""
    schema = _schema(node.op_type, node.domain, node.opset)
    return schema is not None and _version(schema, node.opset) is not None


def _proto(type: Type | None) -> onnx.TypeProto:
    proto = onnx.TypeProto()
    if isinstance(type, Tensor):
        proto.tensor_type.elem_type = type.dtype.onnx
        proto.tensor_type.shape.SetInParent()
        for d in type.shape:
            dim = proto.tensor_type.shape.dim.add()
            if isinstance(d, int):
                dim.dim_value = d
            elif isinstance(d, Expr):
                dim.dim_param = d.text
    elif isinstance(type, SequenceType):
        proto.sequence_type.elem_type.CopyFrom(_proto(type.element))
    elif isinstance(type, Optional):
        proto.optional_type.elem_type.CopyFrom(_proto(type.element))
    return proto


def _function(schema: Any, node: ParsedNode, types: Sequence[Type | None]) -> onnx.FunctionProto | None:
    version = _version(schema, node.opset)
    if version is None:
        return None
    if schema.has_function:
        text = schema.get_function_with_opset_version(version)
    else:
        protos = [_proto(t).SerializeToString() for t in types]
        text = schema.get_context_dependent_function_with_opset_version(
            version, node.source.SerializeToString(), protos
        )
    if not text:
        return None
    return text if isinstance(text, onnx.FunctionProto) else onnx.FunctionProto.FromString(text)


def expansion(node: ParsedNode, types: Sequence[Type | None]) -> tuple[ParsedNode, ...] | None:
    """The nodes that the standard says the node stands for, in its own value names; None where it says nothing.

    ``types`` are those of the node's inputs; some definitions depend on them.
    """
    schema = _schema(node.op_type, node.domain, node.opset)
    function = None if schema is None else _function(schema, node, types)
    if schema is None or function is None:
        return None
    call = onnx.NodeProto(op_type=node.op_type, domain=node.domain, input=node.inputs, output=node.outputs)
    call.attribute.extend(node.source.attribute)
    named = {a.name for a in call.attribute}
    defaults = [a.default_value for a in schema.attributes.values() if a.default_value.name and a.name not in named]
    call.attribute.extend(onnx.AttributeProto.FromString(a.SerializeToString()) for a in defaults)
    reader = Reader(onnx.ModelProto(), Tensors(None))
    opsets = {normal_domain(o.domain): int(o.version) for o in function.opset_import}
    return tuple(reader.inline(function, call, node.name, Scope({node.domain: node.opset, **opsets})))
