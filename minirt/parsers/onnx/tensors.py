"""Tensors of a model file as arrays: inline, or mapped from files beside the model."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import onnx
from onnx import numpy_helper

from minirt.errors import MinirtError, ModelFormatError
from minirt.ir.graph import Data
from minirt.limits import workers
from minirt.parsers.onnx.lean import MODEL
from minirt.types.dtype import Array, DType, from_onnx, string

_MANY = 1 << 26
"""Bytes of a model from which threads pay."""


class Tensors:
    """Reads tensors; ``folder`` holds the files of external data (None: the model came as bytes alone).

    ``model`` are the bytes of the model, for data that `lean` left there; ``given`` are those of initializers that
    replace the model's, by name.
    """

    def __init__(
        self, folder: Path | None, model: Array | None = None, given: Mapping[str, bytes] | None = None
    ) -> None:
        self.folder, self.model, self.given = folder, model, given or {}
        self._files: dict[Path, Array] = {}

    def data(self, proto: onnx.TensorProto, where: str) -> Data:
        """The tensor as constant data; raises ModelFormatError, naming ``where``, for anything not whole."""
        array, dtype = self.read(proto, where)
        return Data(array, dtype)

    def all(self, protos: Sequence[onnx.TensorProto]) -> list[Data]:
        """The initializers of a graph, each of which errors name; many bytes are copied by all cores."""
        if self.model is None or self.model.size < _MANY:
            return [self._initializer(proto) for proto in protos]
        with ThreadPoolExecutor(workers()) as pool:
            return list(pool.map(self._initializer, protos))

    def _initializer(self, proto: onnx.TensorProto) -> Data:
        if proto.name not in self.given:
            return self.data(proto, proto.name)
        dtype, raw = self.kind(proto, proto.name), np.frombuffer(self.given[proto.name], np.uint8)
        return Data(_shaped(raw, dtype, tuple(proto.dims), proto.name), dtype)

    def array(self, proto: onnx.TensorProto, where: str) -> Array:
        """The tensor's elements."""
        return self.read(proto, where)[0]

    def kind(self, proto: onnx.TensorProto, where: str) -> DType:
        """The tensor's element type."""
        try:
            return from_onnx(proto.data_type)
        except MinirtError as error:
            raise ModelFormatError(error.what, where) from error

    def read(self, proto: onnx.TensorProto, where: str) -> tuple[Array, DType]:
        """The tensor's elements and their type."""
        dtype = self.kind(proto, where)
        shape = tuple(int(n) for n in proto.dims)
        if any(n < 0 for n in shape):
            raise ModelFormatError(f"shape {shape} has a negative dim", where)
        if proto.data_location == onnx.TensorProto.EXTERNAL:
            return _shaped(self._external(proto, dtype, shape, where), dtype, shape, where), dtype
        if proto.HasField("raw_data"):
            raw = np.frombuffer(proto.raw_data, dtype=np.uint8)
            return _shaped(raw, dtype, shape, where), dtype
        try:
            array = numpy_helper.to_array(proto)
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ModelFormatError(f"its data do not fill shape {shape}: {error}", where) from error
        return (array.astype(object) if dtype is string else array), dtype

    def _external(self, proto: onnx.TensorProto, dtype: DType, shape: tuple[int, ...], where: str) -> Array:
        entries = {e.key: e.value for e in proto.external_data}
        try:
            offset, length = int(entries.get("offset", 0)), int(entries.get("length", _packed(dtype, math.prod(shape))))
        except ValueError as error:
            raise ModelFormatError(f"external data have a bad offset or length: {error}", where) from error
        location = entries.get("location", "")
        inside = location == MODEL and self.model is not None
        whole = self.model if inside else self._file(location, where)
        assert whole is not None
        if offset < 0 or length < 0 or offset + length > whole.size:
            have = f"file {entries.get('location')!r} has {whole.size} bytes"
            raise ModelFormatError(f"external data end at byte {offset + length}, {have}", where, "is the file whole?")
        found = whole[offset : offset + length]
        return found.copy() if inside else found  # there it may not be aligned, and the file may be written anew

    def _file(self, location: str, where: str) -> Array:
        if self.folder is None:
            fix = "give the parser the model's path"
            raise ModelFormatError(f"its data are in file {location!r}, but the model's folder is unknown", where, fix)
        plain = PurePosixPath(location.replace("\\", "/"))
        if not location or plain.is_absolute() or PureWindowsPath(location).drive or ".." in plain.parts:
            raise ModelFormatError(f"external data may not lie at {location!r}, outside the model's folder", where)
        path = (self.folder / plain).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            raise ModelFormatError(f"external data {location!r} lead outside the model's folder", where)
        if path.exists() and not path.is_file():  # a pipe would be waited for
            raise ModelFormatError(f"external data {location!r} are no file", where)
        if path not in self._files:
            try:
                self._files[path] = mapped(path)
            except OSError as error:
                raise ModelFormatError(f"external data file {location!r} cannot be read: {error}", where) from error
        return self._files[path]


def mapped(path: Path) -> Array:
    """The bytes of a file, in memory once they are looked at; raises OSError."""
    if path.stat().st_size == 0:  # a pipe, maybe
        return np.frombuffer(path.read_bytes(), np.uint8)
    return np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))


def _packed(dtype: DType, count: int) -> int:
    """Bytes of so many elements in a model: two 4-bit ones to a byte."""
    return (count * dtype.bits + 7) // 8


def _shaped(raw: Array, dtype: DType, shape: tuple[int, ...], where: str) -> Array:
    """Bytes as elements; 4-bit types are unpacked, low half first."""
    count = math.prod(shape)
    if dtype is string:
        raise ModelFormatError("strings cannot be raw data", where)
    if raw.size != _packed(dtype, count):
        raise ModelFormatError(f"{raw.size} bytes of data do not fill {dtype}{list(shape)}", where)
    if dtype.bits < 8:
        proto = onnx.TensorProto(data_type=dtype.onnx, dims=shape, raw_data=raw.tobytes())
        unpacked: Array = numpy_helper.to_array(proto)
        return unpacked
    array: Array = raw.view(dtype.numpy).reshape(shape)
    return array
