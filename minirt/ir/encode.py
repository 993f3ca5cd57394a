"""Op fields as JSON and back: the closed set of kinds of values that a field may hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from minirt.errors import EngineFormatError, MinirtError
from minirt.ir.graph import Data, Graph
from minirt.ir.op import OPS, Op
from minirt.ir.scalar import Body, decode, encode
from minirt.types.dim import Expr
from minirt.types.dtype import DType, dtype_of
from minirt.types.evaluate import parse_dim
from minirt.types.tensor import Optional, Sequence, Tensor, Type

GraphWriter = Callable[[Graph], str]
GraphReader = Callable[[str], Graph]


def encode_type(type: object) -> object:
    """A value's type as JSON."""
    if isinstance(type, Tensor):
        return [type.dtype.name, [str(d) for d in type.shape], list(type.layout)]
    assert isinstance(type, Sequence | Optional)
    return ["sequence" if isinstance(type, Sequence) else "optional", encode_type(type.element)]


def decode_type(data: Any) -> Type:
    """The type that ``encode_type`` wrote."""
    if len(data) == 3:
        return Tensor(dtype_of(data[0]), tuple(parse_dim(d) for d in data[1]), tuple(int(a) for a in data[2]))
    inner = decode_type(data[1])
    kinds: dict[str, Type] = {"sequence": Sequence(inner), "optional": Optional(inner)}
    return kinds[data[0]]


def encode_field(value: object, graphs: GraphWriter) -> object:
    """One field's value as JSON; raises MinirtError for a kind that fields may not hold."""
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return {"float": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Expr | Fraction):
        return {"dim": str(value)}
    if isinstance(value, tuple):
        return [encode_field(v, graphs) for v in value]
    if isinstance(value, DType):
        return {"dtype": value.name}
    if isinstance(value, Body):
        return {"body": encode(value)}
    if isinstance(value, Data):
        return {"data": value.digest}
    if isinstance(value, Graph):
        return {"graph": graphs(value)}
    if isinstance(value, Tensor | Sequence | Optional):
        return {"type": encode_type(value)}
    raise MinirtError(f"a field may not hold {type(value).__name__}")


def decode_field(data: Any, graphs: GraphReader, blobs: Mapping[str, Data]) -> object:
    """The value that ``encode_field`` wrote."""
    if isinstance(data, list):
        return tuple(decode_field(v, graphs, blobs) for v in data)
    if not isinstance(data, dict):
        return data
    ((kind, inner),) = data.items()
    if kind == "dim":
        return parse_dim(inner)
    if kind == "dtype":
        return dtype_of(inner)
    if kind == "float":
        return float(inner)
    if kind == "body":
        return decode(inner)
    if kind == "data":
        return blobs[inner]
    if kind == "graph":
        return graphs(inner)
    if kind == "type":
        return decode_type(inner)
    raise EngineFormatError(f"field of unknown kind {kind!r}")


def encode_op(op: Op, graphs: GraphWriter) -> list[object]:
    """An op as JSON: name, schema version, fields that differ from their defaults."""
    changed = {}
    for f in dataclasses.fields(op):  # type: ignore[arg-type]
        value = getattr(op, f.name)
        if f.default is dataclasses.MISSING or value != f.default or type(value) is not type(f.default):
            changed[f.name] = encode_field(value, graphs)
    return [op.name, op.version, changed]


def decode_op(data: Any, graphs: GraphReader, blobs: Mapping[str, Data]) -> Op:
    """The op that ``encode_op`` wrote; raises EngineFormatError for an unknown op, field or version."""
    try:
        name, version, changed = data
        kind = OPS[name]
        if version > kind.version:
            raise EngineFormatError(f"op {name} has schema {version}, this minirt knows {kind.version}")
        fields = {k: decode_field(v, graphs, blobs) for k, v in changed.items()}
        return kind(**kind.upgrade(fields, version))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise EngineFormatError(f"not an op: {str(data)[:80]} ({error})") from error
