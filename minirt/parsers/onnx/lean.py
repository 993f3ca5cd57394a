"""A model's bytes without its large weights: those stay where they lie, so that nothing copies gigabytes.

Protobuf would copy them twice: out of the file's bytes, and again whenever they are asked for. So the file is walked as
the wire format has it (https://protobuf.dev/programming-guides/encoding), and large ``raw_data`` become external data
whose location is the model itself.
"""

from __future__ import annotations

import onnx

MODEL = "\0"
"""The location of external data that lie in the model's own bytes."""
LEAST = 1 << 14
"""Bytes of raw data that are worth it."""
_RAW, _EXTERNAL, _LOCATION = 9, 13, 14  # fields of a tensor, see onnx.proto
_HOLDERS = {"model": {7: "graph"}, "graph": {1: "node", 5: "tensor"}, "node": {5: "attribute"},
            "attribute": {5: "tensor", 6: "graph"}}  # fmt: skip
"""Messages that hold tensors somewhere, and in which fields."""
_FEW = 64
"""Fields of a tensor or an attribute; more of them are numbers one by one."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types

Field = tuple[int, int, int, int]  # its number (below 0 if it has no length); where it, its contents, the next start


class _Foreign(Exception):
    """Bytes that are not as expected; who reads them in full says what is wrong."""


def lean(data: memoryview, least: int = LEAST) -> bytes | memoryview:
    """The model with large weights left out, or the data themselves where there are none, or they are no model."""
    try:
        found = _message("model", data, 0, len(data), least)
    except (_Foreign, RecursionError):
        return data
    return data if found is None else found


def _message(kind: str, data: memoryview, start: int, end: int, least: int) -> bytes | None:
    """A message without what is large in it; None where nothing is."""
    if end - start < least:
        return None
    fields = _fields(data, start, end, _FEW if kind in ("tensor", "attribute") else end)
    if kind == "tensor":
        return _tensor(data, start, end, fields, least)
    parts: list[bytes | memoryview] = []
    kept, holds = start, _HOLDERS[kind]
    for number, at, contents, after in fields:
        made = _message(holds[number], data, contents, after, least) if number in holds else None
        if made is not None:
            parts += [data[kept:at], _varint(number << 3 | _BYTES), _varint(len(made)), made]
            kept = after
    return b"".join((*parts, data[kept:end])) if parts else None


def _tensor(data: memoryview, start: int, end: int, fields: list[Field], least: int) -> bytes | None:
    """A tensor whose raw data became external."""
    raws = [f for f in fields if f[0] == _RAW]
    if len(raws) != 1 or any(abs(f[0]) in (_EXTERNAL, _LOCATION) for f in fields) or raws[0][3] - raws[0][2] < least:
        return None
    _, at, offset, after = raws[0]
    place = {"location": MODEL, "offset": str(offset), "length": str(after - offset)}
    entries = [onnx.StringStringEntryProto(key=k, value=v) for k, v in place.items()]
    mark = onnx.TensorProto(data_location=onnx.TensorProto.EXTERNAL, external_data=entries)
    return b"".join((data[start:at], data[after:end], mark.SerializeToString()))


def _fields(data: memoryview, start: int, end: int, most: int) -> list[Field]:
    """The fields of a message; none where there are more than ``most``."""
    found: list[Field] = []
    while start < end:
        if len(found) == most:
            return []
        tag, at = _read(data, start, end)
        kind, contents = tag & 7, at
        if kind == _VARINT:
            _, after = _read(data, at, end)
        elif kind == _BYTES:
            size, contents = _read(data, at, end)
            after = contents + size
        elif kind in (_FIXED64, _FIXED32):
            after = at + (8 if kind == _FIXED64 else 4)
        else:
            raise _Foreign
        if after > end:
            raise _Foreign
        found.append((tag >> 3 if kind == _BYTES else -(tag >> 3), start, contents, after))
        start = after
    return found


def _read(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """A varint, and where it ends."""
    value = shift = 0
    while at < end and shift < 64:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _Foreign


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
