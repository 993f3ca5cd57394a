"""ONNX types as types of values; symbolic dims get names that are identifiers."""

from __future__ import annotations

import re

import onnx

from minirt.errors import MinirtError, ModelFormatError
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import from_onnx
from minirt.types.tensor import Optional, Sequence, Tensor, Type

_FRESH = re.compile(r"d\d+")


class DimNames:
    """Identifiers for the dim names of one model: equal names give equal dims, different names different dims."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def named(self, name: str) -> Dim:
        """The dim that the model calls ``name``."""
        if name not in self._given:
            base = re.sub(r"\W", "_", name, flags=re.ASCII)
            if not base.isidentifier() or _FRESH.fullmatch(base):
                base = f"dim_{base}"
            taken, found, count = set(self._given.values()), base, 2
            while found in taken:
                found, count = f"{base}_{count}", count + 1
            self._given[name] = found
        return symbol(self._given[name])


def _dim(proto: onnx.TensorShapeProto.Dimension, names: DimNames, owner: str, axis: int) -> Dim:
    if proto.HasField("dim_value") and proto.dim_value >= 0:
        return int(proto.dim_value)
    if proto.dim_param.strip("?*-_. 1"):
        return names.named(proto.dim_param)
    return names.named(f"{owner}_{axis}")


def read_type(proto: onnx.TypeProto, names: DimNames, owner: str) -> Type | None:
    """The type; None where the rank or the element type is not told.  Dims without a name are called <owner>_<axis>."""
    kind = proto.WhichOneof("value")
    if kind == "sequence_type":
        element = read_type(proto.sequence_type.elem_type, names, owner)
        return None if element is None else Sequence(element)
    if kind == "optional_type":
        element = read_type(proto.optional_type.elem_type, names, owner)
        return None if element is None else Optional(element)
    if kind is None:
        return None
    if kind != "tensor_type":
        raise ModelFormatError(f"values of {kind} are not supported", owner)
    tensor = proto.tensor_type
    if not tensor.elem_type or not tensor.HasField("shape"):
        return None
    try:
        dtype = from_onnx(tensor.elem_type)
    except MinirtError as error:
        raise ModelFormatError(error.what, owner) from error
    return Tensor(dtype, tuple(_dim(d, names, owner, i) for i, d in enumerate(tensor.shape.dim)))


def element_type(proto: onnx.TypeProto) -> int:
    """The element type's number; 0 where the type is not a tensor's or does not tell."""
    return int(proto.tensor_type.elem_type) if proto.WhichOneof("value") == "tensor_type" else 0


def holds_maps(proto: onnx.TypeProto) -> bool:
    """True for maps, and sequences of them."""
    kind = proto.WhichOneof("value")
    return kind == "map_type" or (kind == "sequence_type" and holds_maps(proto.sequence_type.elem_type))
