"""Rows of a table that onnxruntime keeps in few bits, by block."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Div
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, number
from minirt.ops.indexing import Gather
from minirt.ops.logic import Less, where
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.microsoft.weights import unpacked
from minirt.ops.movement import dims_value, expanded, sliced
from minirt.ops.quantize import Dequantize
from minirt.types.dim import Dim
from minirt.types.dtype import i8, i64, u8


def _wide(x: Value) -> Value:
    """4-bit integers as those of a byte, which kernels take."""
    return casted(x, i8 if x.dtype.kind == "i" else u8) if x.dtype.is_integer and x.dtype.bits < 8 else x


def _block_of(places: Value, size: Dim, block: int) -> Value:
    """In which block the indices lie; negative ones count from the end."""
    wide = casted(places, i64)
    wrapped = where(apply(Less(), wide, number(0, i64)), apply(Add(), wide, dims_value([size], i64, ())), wide)
    return apply(Div(), wrapped, number(block, i64))


def _zero_points(node: OnnxNode, data: Value, scales: Value, bits: int) -> Value:
    """One for each scale: those given, perhaps packed, or the middle of the range of bytes, or 0."""
    given = node.optional(3)
    if given is None:
        middle = 2 ** (int(node.attributes.get("bits", 4)) - 1) if node.input(0).dtype is u8 else 0
        return expanded(number(middle, data.dtype), scales.shape)
    return _wide(given) if bits == 8 else sliced(unpacked(given, bits, u8), given.rank - 1, 0, scales.shape[-1])


@microsoft("GatherBlockQuantized")
def _gather(node: OnnxNode) -> Result:
    """Gathers codes, scales and zero points, then dequantizes what was gathered."""
    data, places, scales = _wide(node.input(0)), node.input(1), node.input(2)
    bits = int(node.attributes.get("bits", 4)) if node.input(0).dtype is u8 else 8
    at = axis_of(int(node.attributes.get("gather_axis", 0)), data.rank)
    quantized = axis_of(int(node.attributes.get("quantize_axis", 1)), data.rank)
    if bits < 8 and at == data.rank - 1:
        raise MinirtError("numbers packed along the gathered axis are not supported")
    block = int(node.attributes.get("block_size", 128))
    codes = apply(Gather(at), data, places)
    codes = unpacked(codes, bits, u8) if bits < 8 else codes
    zeros = _zero_points(node, data, scales, bits)
    if at == quantized:  # neighbours that were gathered have no block in common
        rows = _block_of(places, data.shape[at], block or 1) if block else apply(Gather(0), number([0], i64), places)
        axis, block = at, 1
    else:
        rows, axis = places, quantized if quantized < at else quantized + places.rank - 1
    spread = []
    for x in (scales, zeros):
        whole = expanded(x, [data.shape[i] if i == at and at != quantized else 1 for i in range(x.rank)])
        found = apply(Gather(at), whole, rows)
        spread.append(expanded(found, [1 if i == axis else d for i, d in enumerate(codes.shape)]))
    if not block:
        (size,) = codes.shape[axis : axis + 1]
        spread = [expanded(x, [size if i == axis else 1 for i in range(x.rank)]) for x in spread]
        block = 1
    return apply(Dequantize(axis, block, scales.dtype), codes, *spread)
