"""The public names of each dialect's module, put together from the declarations."""

from __future__ import annotations

import functools
import types
from typing import Any

from minirt.api import (
    builder,
    calibration,
    callbacks,
    config,
    context,
    control,
    dims,
    engine,
    enums,
    functions,
    host_memory,
    inspector,
    layer,
    layer_enums,
    layers_math,
    layers_model,
    layers_move,
    layers_recurrent,
    layers_window,
    logger,
    network,
    node_lists,
    parser,
    plugin,
    plugin_data,
    plugin_registry,
    profile,
    refitter,
    retired,
    runtime,
    tensor,
    timing_cache,
    weights,
)
from minirt.api.dialect import VERSIONS, ApiType, Span, class_span, in_dialect
from minirt.api.enum import EnumType, enum_span, member

_MODULES = (
    *(enums, layer_enums, dims, weights, logger, callbacks, calibration, plugin, plugin_data, plugin_registry),
    *(tensor, layer, layers_math, layers_move, layers_window, layers_model, layers_recurrent, control, network, parser),
    *(builder, config, profile, timing_cache, runtime, engine, context, inspector, refitter, node_lists, retired),
)
_BASES = frozenset(
    "Adding Api BindingContext BindingEngine ControlAdding Enum Interface Managed MathAdding ModelAdding MoveAdding "
    "PluginAdding RecurrentAdding RetiredAdding WindowAdding".split()
)
_ALIASES = {
    "float32": ("FLOAT", Span()),
    "float16": ("HALF", Span()),
    "int8": ("INT8", Span()),
    "int32": ("INT32", Span()),
    "bool": ("BOOL", Span()),
    "uint8": ("UINT8", Span(since=8)),
    "fp8": ("FP8", Span(since=8)),
    "bfloat16": ("BF16", Span(since=10)),
    "int64": ("INT64", Span(since=10)),
    "int4": ("INT4", Span(since=10)),
    "fp4": ("FP4", Span(since=10)),
    "e8m0": ("E8M0", Span(since=10)),
}
_SAME_ENUM = {"ResizeMode": ("InterpolationMode", Span(8, 8)), "SliceMode": ("SampleMode", Span(8, 8))}
_FUNCTIONS: dict[str, tuple[Any, Span]] = {
    "volume": (functions.volume, Span()),
    "nptype": (functions.nptype, Span()),
    "get_nv_onnx_parser_version": (functions.get_nv_onnx_parser_version, Span()),
    "init_libnvinfer_plugins": (plugin_registry.init_libnvinfer_plugins, Span()),
    "shutdown_protobuf_library": (functions.shutdown_protobuf_library, Span(until=8)),
}


def _declared(module: types.ModuleType) -> dict[str, tuple[Any, Span]]:
    """Return the classes and enums that a module declares, each with the dialects that have it."""
    found: dict[str, tuple[Any, Span]] = {}
    for name, value in vars(module).items():
        if name[0] == "_" or name in _BASES:
            continue
        if isinstance(value, EnumType):
            found[name] = value, enum_span(value)
        elif isinstance(value, ApiType):
            found[name] = value, class_span(value)
    return found


@functools.cache
def declarations() -> dict[str, tuple[Any, Span]]:
    """Return every class and enum of every dialect with the dialects that have it."""
    found: dict[str, tuple[Any, Span]] = {"IHostMemory": (host_memory.IHostMemory, Span())}
    for module in _MODULES:
        found |= _declared(module)
    return found


@functools.cache
def namespace(dialect: int) -> dict[str, Any]:
    """Return the public names of a dialect's module."""
    names: dict[str, Any] = {"__version__": VERSIONS[dialect]}
    for name, (value, span) in declarations().items():
        if dialect in span:
            names[name] = in_dialect(value, dialect)
    for name, (source, span) in _SAME_ENUM.items():
        if dialect in span:
            names[name] = names[source]
    for name, (function, span) in _FUNCTIONS.items():
        if dialect in span:
            names[name] = function
    names |= plugin_registry.registry_functions(dialect)
    for name, (dtype, span) in _ALIASES.items():
        if dialect in span:
            names[name] = member(enums.DataType, dtype, dialect)
    return names


def absent(name: str, dialect: int) -> AttributeError:
    """Return the error of a name that a dialect's module lacks: it says which dialect has the name."""
    known: dict[str, Span] = {n: span for n, (_, span) in declarations().items()}
    known |= {n: span for table in (_ALIASES, _SAME_ENUM, _FUNCTIONS) for n, (_, span) in table.items()}
    hint = known[name].hint() if name in known else ""
    return AttributeError(f"TensorRT {VERSIONS[dialect]}, as minirt speaks it, has no '{name}'{hint}")


def public_names(dialect: int) -> list[str]:
    """Return the names that `from ... import *` takes."""
    return sorted(name for name in namespace(dialect) if name[0] != "_")
