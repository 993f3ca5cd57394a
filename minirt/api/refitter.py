"""Refitter and OnnxParserRefitter: other weights for an engine that is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from minirt.api.boundary import Sink
from minirt.api.declare import attr, checked, method, plain
from minirt.api.dialect import Api, dialect_of, in_dialect, spanned, wrap
from minirt.api.engine import ICudaEngine
from minirt.api.engine_bindings import EngineState
from minirt.api.enum import member
from minirt.api.enums import TensorLocation, WeightsRole
from minirt.api.logger import IErrorRecorder, ILogger
from minirt.api.parser import ParserError, hold_initializer, model_bytes
from minirt.api.runtime import logger_of, put_threads
from minirt.api.weights import Weights, api_dtype, weights_of
from minirt.build.onnx_cells import NodeError
from minirt.build.parameters import Row, Table
from minirt.errors import ApiError, MinirtError
from minirt.ir.graph import Data
from minirt.limits import limited
from minirt.parsers.onnx.read import read_model
from minirt.runtime.device.streams import stream_handle as handle_of
from minirt.types.dtype import Array


@dataclass
class _Refit:
    """What a refitter holds: the engine, where it reports, numbers that were set, and which came from the device."""

    engine: EngineState
    logger: ILogger
    sink: Sink
    pending: dict[str, Array] = field(default_factory=dict)
    from_device: set[str] = field(default_factory=set)
    max_threads: int = 1
    threads: int = 0
    weights_validation: bool = True

    @property
    def table(self) -> Table:
        """The engine's weights."""
        return self.engine.package.table

    def row(self, name: str) -> Row:
        """Return what is known of weights; raises ApiError for a name of none that can be refitted."""
        found = self.table.rows.get(name)
        if found is None or found.fixed:
            raise ApiError("there are no weights of this name that can be refitted", f"weights '{name}'")
        return found

    def checked(self, name: str, array: Array | None) -> Array:
        """Return numbers for named weights, in their shape and type; raises ApiError where they do not fit."""
        row = self.row(name)
        if array is None or array.size != row.size:
            raise ApiError(f"{0 if array is None else array.size} numbers replace {row.size}", f"weights '{name}'")
        if array.dtype != row.type.dtype.numpy:
            what = f"numbers of {array.dtype} replace {row.type.dtype}"
            raise ApiError(what, f"weights '{name}'", "give the type that get_weights_prototype tells")
        if self.weights_validation and row.type.dtype.is_float and not np.isfinite(np.asarray(array, np.float64)).all():
            raise ApiError("numbers are not finite", f"weights '{name}'", "or clear weights_validation")
        return array.reshape(row.shape)

    def missing(self) -> list[str]:
        """Return names of weights that have no numbers and that were not set."""
        return [n for n in self.engine.loaded.store.missing if n not in self.pending]


_QUANTIZE = "quantize and dequantize layers"


class Refitter(Api):
    """Replaces weights of an engine built with BuilderFlag.REFIT: all that were set at once, or none."""

    _state: _Refit
    logger = attr(lambda self: self._state.logger, doc="The logger.", since=8)
    max_threads = attr(
        lambda self: self._state.max_threads,
        put_threads,
        int,
        "How many threads a refit may use; until it is set, as many as there are cores.",
        since=8,
    )
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
        if not engine.refittable:
            sink.error(ApiError("it is not refittable", f"engine '{engine.name}'", "build it with BuilderFlag.REFIT"))
            raise TypeError("pybind11::init(): factory function returned nullptr")
        self._state = _Refit(engine._state, kept, sink)

    @spanned(until=8)
    def __enter__(self) -> Refitter:
        return self

    @spanned(until=8)
    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        return None

    @method(fail=False)
    def set_weights(self, layer_name: str, role: WeightsRole, weights: Weights) -> bool:
        """Set the weights of a layer in a role."""
        name = self._state.table.named(layer_name, role.name)
        self._state.pending[name] = self._state.checked(name, weights._state.array)
        self._state.from_device.discard(name)
        return True

    @method(since=8, fail=False)
    def set_named_weights(self, name: str, weights: Weights, location: TensorLocation | None = None) -> bool:
        """Set weights by name; their address is one of the device where `location` says so."""
        state, array = self._state, weights._state.array
        on_device = location is not None and location.name == "DEVICE"
        if on_device and not state.engine.loaded.backend.host_memory and array is not None:
            state.row(name)
            array = _from_device(state.engine, array)
        state.pending[name] = state.checked(name, array)
        (state.from_device.add if on_device else state.from_device.discard)(name)
        return True

    @method(since=10, fail=False)
    def unset_named_weights(self, weights_name: str) -> bool:
        """Forget weights that were set; False where they were not."""
        return self._state.pending.pop(weights_name, None) is not None

    @method(since=10)
    def get_named_weights(self, weights_name: str) -> Weights | None:
        """Return weights that were set, empty ones where they were not."""
        dtype = self._state.row(weights_name).type.dtype
        array = self._state.pending.get(weights_name)
        made = in_dialect(Weights, dialect_of(self))
        if array is None:
            return made(api_dtype(dtype, self))
        found = weights_of(array, dtype, self)
        return found if isinstance(found, Weights) else made(found)

    @spanned(since=10)
    @checked
    def get_weights_prototype(self, weights_name: str) -> Weights:
        """Return the type and size of weights, without numbers; empty ones for names of none."""
        row = self._state.table.rows.get(weights_name)
        made = in_dialect(Weights, dialect_of(self))
        if row is None or row.fixed:
            return made()
        return made(api_dtype(row.type.dtype, self), 0, row.size)

    @method(since=10)
    def get_weights_location(self, weights_name: str) -> TensorLocation:
        """Return where weights that were set lie."""
        self._state.row(weights_name)
        place = "DEVICE" if weights_name in self._state.from_device else "HOST"
        return member(TensorLocation, place, dialect_of(self))  # type: ignore[no-any-return]

    @method()
    def get_all(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of all weights."""
        return self._roles(self._state.table.open)

    def _roles(self, names: list[str]) -> tuple[list[str], list[Any]]:
        rows = [self._state.table.rows[n] for n in names]
        return [r.layer for r in rows], [member(WeightsRole, r.role, dialect_of(self)) for r in rows]

    @method()
    def get_missing(self) -> tuple[list[str], list[WeightsRole]]:
        """Return the layers and roles of weights that must be set too: those of a stripped engine, others are kept."""
        return self._roles(self._state.missing())

    @method(since=8)
    def get_all_weights(self) -> list[str]:
        """Return the names of all weights."""
        return self._state.table.open

    @method(since=8)
    def get_missing_weights(self) -> list[str]:
        """Return the names of weights that must be set too: those of a stripped engine, others keep their numbers."""
        return self._state.missing()

    @method(fail=False)
    def refit_cuda_engine(self) -> bool:
        """Put the weights that were set in place, for contexts too; False, and nothing done, where some are missing."""
        self._state.engine.loaded.backend.finish()
        return self._refit(0)

    def _refit(self, stream: int) -> bool:
        state = self._state
        with limited(state.threads):
            state.engine.refit(state.pending, stream)
        state.pending = {}
        state.from_device.clear()
        return True

    @method(since=10, fail=False)
    def refit_cuda_engine_async(self, stream_handle: Any) -> bool:
        """Put the weights that were set in place after the work on a stream; it is done on return."""
        return self._refit(stream_handle if type(stream_handle) is int else handle_of(stream_handle))

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


def _from_device(engine: EngineState, array: Array) -> Array:
    """Return a host copy of weights whose address is one of the device."""
    raw = engine.loaded.backend.read(int(array.ctypes.data), array.nbytes, 0)
    return np.array(raw).view(array.dtype).reshape(array.shape)


def _check_fixed(table: Table, constants: Mapping[str, Data]) -> None:
    """Raise ApiError for a model that has other numbers where the engine was made with those that it had."""
    for name, data in constants.items():
        row = table.rows.get(name)
        if row is not None and row.fixed and row.digest != data.digest:
            fix = "build the engine from this model"
            raise ApiError("they shaped the engine, and differ in this model", f"weights '{name}'", fix)


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
            constants = read_model(source, folder, state.initializers).graph.all_constants
            found = {n: refit.checked(n, d.array) for n, d in constants.items() if n in refit.table.open}
            _check_fixed(refit.table, constants)
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
        """Keep the numbers of an initializer, at a host address, in place of the model's, which need not be there.

        False, with an error in the list, where the model that was loaded has no initializer of this name.
        """
        return hold_initializer(self._state, name, data, size)

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
