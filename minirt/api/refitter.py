"""Refitter and OnnxParserRefitter: other weights for an engine that is there."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minirt.api.boundary import Sink
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import Api, dialect_of, in_dialect, spanned, wrap
from minirt.api.engine import ICudaEngine
from minirt.api.engine_bindings import EngineState
from minirt.api.enum import member
from minirt.api.enums import TensorLocation, WeightsRole
from minirt.api.logger import IErrorRecorder, ILogger
from minirt.api.parser import ParserError, model_bytes
from minirt.api.runtime import logger_of
from minirt.api.weights import Weights, api_dtype, weights_of
from minirt.build.load import Loaded, Package
from minirt.build.onnx_cells import NodeError
from minirt.build.refit import Source
from minirt.build.targets import default_target
from minirt.errors import ApiError, MinirtError
from minirt.parsers.onnx.read import read_model
from minirt.runtime.device.device import Device
from minirt.runtime.device.memory import copy
from minirt.runtime.device.streams import synchronize
from minirt.types.dtype import Array


@dataclass
class _Refit:
    """What a refitter holds: the engine, what it can be built from, and numbers that were set."""

    engine: EngineState
    source: Source
    logger: ILogger
    sink: Sink
    pending: dict[str, Array] = field(default_factory=dict)
    max_threads: int = 1
    weights_validation: bool = True

    def checked(self, name: str, array: Array | None) -> Array:
        """Return numbers for named weights; raises ApiError where they do not fit."""
        if name not in self.source.weights:
            raise ApiError("there are no weights of this name that can be refitted", f"weights '{name}'")
        old = self.source.weights[name].data
        if array is None or array.size != old.array.size:
            count = 0 if array is None else array.size
            raise ApiError(f"{count} numbers replace {old.array.size}", f"weights '{name}'")
        if self.weights_validation and old.dtype.is_float and not np.isfinite(np.asarray(array, np.float64)).all():
            raise ApiError("numbers are not finite", f"weights '{name}'", "or clear weights_validation")
        return array


_QUANTIZE = "quantize and dequantize layers"


class Refitter(Api):
    """Replaces weights of an engine built with BuilderFlag.REFIT: all that were set at once, or none."""

    _state: _Refit
    logger = attr(lambda self: self._state.logger, doc="The logger.", since=8)
    max_threads = plain("max_threads", int, "How many threads a refit may use.", since=8)
    weights_validation = plain("weights_validation", bool, "Whether numbers must be finite.", since=10)
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )

    def __init__(self, engine: ICudaEngine, logger: ILogger) -> None:
        kept = logger_of(logger, "Refitter")
        if not isinstance(engine, ICudaEngine):
            raise TypeError(f"Refitter takes an ICudaEngine, not {engine!r}")
        sink = Sink(kept)
        try:
            source = Source(engine._state.data)
        except MinirtError as error:
            sink.error(error)
            raise TypeError("pybind11::init(): factory function returned nullptr") from error
        self._state = _Refit(engine._state, source, kept, sink)

    @spanned(until=8)
    def __enter__(self) -> Refitter:
        return self

    @spanned(until=8)
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        return None

    @method(fail=False)
    def set_weights(self, layer_name: str, role: WeightsRole, weights: Weights) -> bool:
        """Set the weights of a layer in a role."""
        name = self._state.source.named(layer_name, role.name)
        self._state.pending[name] = self._state.checked(name, weights._state.array)
        return True

    @method(since=8, fail=False)
    def set_named_weights(self, name: str, weights: Weights, location: TensorLocation | None = None) -> bool:
        """Set weights by name; their address is one of the device where `location` says so."""
        array = weights._state.array
        if location is not None and location.name == "DEVICE" and default_target().kind == "cuda" and array is not None:
            array = _from_device(array)
        self._state.pending[name] = self._state.checked(name, array)
        return True

    @method(since=10, fail=False)
    def unset_named_weights(self, weights_name: str) -> bool:
        """Forget weights that were set; False where they were not."""
        return self._state.pending.pop(weights_name, None) is not None

    @method(since=10)
    def get_named_weights(self, weights_name: str) -> Weights | None:
        """Return weights that were set, empty ones where they were not."""
        kept = self._state.source.weights[weights_name].data
        array = self._state.pending.get(weights_name)
        made = in_dialect(Weights, dialect_of(self))
        if array is None:
            return made(api_dtype(kept.dtype, self))
        found = weights_of(array, kept.dtype, self)
        return found if isinstance(found, Weights) else made(found)

    @method(since=10)
    def get_weights_prototype(self, weights_name: str) -> Weights:
        """Return the type and size of weights, without numbers."""
        kept = self._state.source.weights[weights_name].data
        made = in_dialect(Weights, dialect_of(self))
        return made(api_dtype(kept.dtype, self), 0, int(kept.array.size))

    @method(since=10)
    def get_weights_location(self, weights_name: str) -> TensorLocation:
        """Return where weights that were set lie."""
        return member(TensorLocation, "HOST", dialect_of(self))  # type: ignore[no-any-return]

    @method()
    def get_all(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of all weights."""
        found = list(self._state.source.weights.values())
        return [p.layer for p in found], [member(WeightsRole, p.role, dialect_of(self)) for p in found]

    @method()
    def get_missing(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of weights that must be set too: none, the others keep their numbers."""
        return [], []

    @method(since=8)
    def get_all_weights(self) -> list[str]:
        """Return the names of all weights."""
        return list(self._state.source.weights)

    @method(since=8)
    def get_missing_weights(self) -> list[str]:
        """Return the names of weights that must be set too: none, the others keep their numbers."""
        return []

    @method(fail=False)
    def refit_cuda_engine(self) -> bool:
        """Build the engine again with the weights that were set; False, and nothing changed, where that fails."""
        state = self._state
        target = default_target()
        data = state.source.rebuilt(state.pending, target)
        state.engine.replace(data, Loaded(Package(data), target))
        state.source = Source(data)
        state.pending.clear()
        return True

    @method(since=10, fail=False)
    def refit_cuda_engine_async(self, stream_handle: Any) -> bool:
        """Build the engine again with the weights that were set; it is done on return."""
        return bool(Refitter.refit_cuda_engine(self))

    @method(until=10, fail=False, instead=_QUANTIZE)
    def set_dynamic_range(self, tensor_name: str, range: list[float]) -> bool:
        """Refuse: int8 scales are weights of quantize layers."""
        raise ApiError("it has no dynamic range", f"tensor '{tensor_name}'", "refit the scales of its quantize layer")

    @method(until=10, instead=_QUANTIZE)
    def get_dynamic_range(self, tensor_name: str) -> tuple[float, float]:
        """Return no range: int8 scales are weights of quantize layers."""
        return (0.0, 0.0)

    @method(until=10, instead=_QUANTIZE)
    def get_tensors_with_dynamic_range(self) -> list[str]:
        """Return no tensors: int8 scales are weights of quantize layers."""
        return []

    @method(since=11)
    def release_refit_resources(self) -> bool:
        """Forget weights that were set."""
        self._state.pending.clear()
        return True


def _from_device(array: Array) -> Array:
    """Return a host copy of weights whose address is one of the device."""
    made = np.empty_like(array)
    copy(Device(0), int(made.ctypes.data), int(array.ctypes.data), made.nbytes, 0)
    synchronize(0)
    return made


@dataclass
class _OnnxRefit:
    """What a refitter from ONNX holds."""

    refitter: Refitter
    sink: Sink
    errors: list[NodeError] = field(default_factory=list)
    loaded: tuple[bytes, str | None] | None = None
    initializers: dict[str, bytes] = field(default_factory=dict)


class OnnxParserRefitter(Api, since=10):
    """Sets the weights of an engine from a model whose initializers have the same names."""

    _state: _OnnxRefit
    num_errors = attr(lambda self: len(self._state.errors), doc="How many errors the last refit found.")

    def __init__(self, refitter: Refitter, logger: ILogger) -> None:
        if not isinstance(refitter, Refitter):
            raise TypeError(f"OnnxParserRefitter takes a Refitter, not {refitter!r}")
        self._state = _OnnxRefit(refitter, Sink(logger_of(logger, "OnnxParserRefitter")))

    def _set(self, source: bytes | Path, folder: Path | None) -> bool:
        state, refit = self._state, self._state.refitter._state
        state.errors.clear()
        try:
            constants = read_model(source, folder).graph.constants
            found = {n: refit.checked(n, d.array) for n, d in constants.items() if n in refit.source.weights}
            for name, raw in state.initializers.items():
                if name in refit.source.weights:
                    dtype = refit.source.weights[name].data.dtype
                    found[name] = refit.checked(name, np.frombuffer(raw, dtype.numpy))
        except MinirtError as error:
            state.errors.append(NodeError(error))
            state.sink.error(error)
            return False
        refit.pending |= found
        return True

    def refit_from_bytes(self, model: Any, path: str | None = None) -> bool:
        """Set the weights from a model's bytes. False on errors."""
        return self._set(model_bytes(model), Path(path).parent if path else None)

    @method(fail=False)
    def refit_from_file(self, model: str) -> bool:
        """Set the weights from a model's file. False on errors."""
        return self._set(Path(model), None)

    @method(fail=False)
    def load_model_proto(self, model: Any, path: str | None = None) -> bool:
        """Keep a model for refit_model_proto."""
        self._state.loaded = (model_bytes(model), path)
        return True

    @method(fail=False)
    def load_initializer(self, name: str, data: int, size: int) -> bool:
        """Keep the numbers of an initializer, at a host address, in place of the model's."""
        self._state.initializers[name] = ctypes.string_at(data, size)
        return True

    @method(fail=False)
    def refit_model_proto(self) -> bool:
        """Set the weights from the model that load_model_proto kept. False on errors."""
        if self._state.loaded is None:
            raise ApiError("no model was loaded", fix="call load_model_proto first")
        data, path = self._state.loaded
        return self._set(data, Path(path).parent if path else None)

    @method()
    def get_error(self, index: int) -> ParserError | None:
        """Return an error of the last refit, None where there is none."""
        errors = self._state.errors
        return wrap(ParserError, errors[index], dialect_of(self)) if 0 <= index < len(errors) else None

    def clear_errors(self) -> None:
        """Forget the errors."""
        self._state.errors.clear()
